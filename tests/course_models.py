"""The course's cleaned data and trained models, made once for all tests of a process."""

from dataclasses import replace
from functools import cache

from mlops_lesson import pipeline
from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.training.network import TrainedModel, TrainingSettings


@cache
def clean() -> CleanDataset:
    return pipeline.preprocess(pipeline.collect())


@cache
def trained(epochs: int) -> TrainedModel:
    return pipeline.train(clean(), replace(TrainingSettings(), epochs=epochs))
