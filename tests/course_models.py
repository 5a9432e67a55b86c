"""The course's data and trained models, made once for all tests of a process."""

from dataclasses import replace
from functools import cache

from mlops_lesson import pipeline
from mlops_lesson.collection.dataset import CleanDataset, RawDataset
from mlops_lesson.training.network import TrainedModel, TrainingSettings
from mlops_lesson.validation.gate import ValidatedModel


@cache
def raw() -> RawDataset:
    return pipeline.collect()


@cache
def clean() -> CleanDataset:
    return pipeline.preprocess(raw())


@cache
def trained(epochs: int) -> TrainedModel:
    return pipeline.train(clean(), replace(TrainingSettings(), epochs=epochs))


@cache
def validated() -> ValidatedModel:
    return ValidatedModel(trained(30), pipeline.validate(trained(30), clean()))
