"""The course's cleaned data and trained models, made once for all tests of a process."""

from dataclasses import replace
from functools import cache

from mlops_lesson import pipeline
from mlops_lesson.datasets import CleanDataset


@cache
def clean() -> CleanDataset:
    return pipeline.preprocess(pipeline.collect())


@cache
def trained(epochs: int) -> pipeline.TrainedModel:
    return pipeline.train(clean(), replace(pipeline.TrainingSettings(), epochs=epochs))
