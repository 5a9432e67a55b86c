"""The exercises of Model Training."""

import math
from typing import Any

import numpy as np

from mlops_lesson.teaching.exercises.exercise import Case, Exercise


def _labels() -> list[Case]:
    return [
        Case("training mostly 0, validation mostly 1", (np.array([0, 0, 0, 1, 0]), np.array([1, 1, 0, 1]))),
        Case("training mostly 1", (np.array([1, 1, 0, 1, 1, 1, 0]), np.array([1, 0, 0, 0, 1]))),
    ]


def _share(y: np.ndarray, label: Any) -> float:
    return float(np.mean(y == label))


def _majority(y: np.ndarray) -> int:
    return int(np.bincount(y).argmax())


def _traces() -> list[Case]:
    return [
        Case(
            "a loss that falls and then rises", ([(1, 0.66, 0.61), (2, 0.41, 0.83), (3, 0.37, 0.79), (4, 0.52, 0.82)],)
        ),
        Case("records that start at epoch 10", ([(10, 0.30, 0.85), (11, 0.28, 0.84), (12, 0.33, 0.90)],)),
        Case("a single epoch", ([(1, 0.65, 0.60)],)),
    ]


def _probabilities() -> list[Case]:
    return [
        Case("four probabilities", (np.array([1, 0, 1, 0]), np.array([0.9, 0.2, 0.6, 0.7]))),
        Case("only class 1", (np.array([1, 1, 1]), np.array([0.5, 0.8, 0.99]))),
        Case("a probability of exactly 0 for a true 1", (np.array([1, 0]), np.array([0.0, 0.1]))),
    ]


def _losses(y: np.ndarray, p: np.ndarray, least: float = 1e-12) -> np.ndarray:
    p = np.clip(p, least, 1 - least)
    with np.errstate(divide="ignore", invalid="ignore"):
        return -(y * np.log(p) + (1 - y) * np.log(1 - p))


EXERCISES = (
    Exercise(
        "3.1",
        _labels,
        mistakes={
            "peeked": lambda y_train, y_val: _share(y_val, _majority(y_val)),
            "on_training": lambda y_train, y_val: _share(y_train, _majority(y_train)),
            "always_1": lambda y_train, y_val: _share(y_val, 1),
        },
    ),
    Exercise(
        "3.2",
        _traces,
        mistakes={
            "place": lambda trace: min(range(len(trace)), key=lambda place: trace[place][1]),
            "highest_accuracy": lambda trace: max(trace, key=lambda record: record[2])[0],
            "last": lambda trace: trace[-1][0],
            "loss": lambda trace: min(record[1] for record in trace),
        },
    ),
    Exercise(
        "3.3",
        _probabilities,
        mistakes={
            "sign": lambda y, p: -_losses(y, p).mean(),
            "sum": lambda y, p: _losses(y, p).sum(),
            "only_class_1": lambda y, p: (y * _losses(y, p)).mean(),
            "base_2": lambda y, p: _losses(y, p).mean() / math.log(2),
            "not_clipped": lambda y, p: _losses(y, p, 0).mean(),
        },
    ),
)
