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
        id="3.1",
        title="Beat this first",
        minutes=4,
        hints=(
            "The baseline learns one thing from the training labels: which of them is most frequent.",
            "`np.bincount(y_train).argmax()` is the most frequent label.",
            "The accuracy is the share of `y_val` that equals this label: a mean of truth values.",
        ),
        cases=_labels,
        mistakes={
            "the label is taken from the validation labels: the baseline has peeked at the answers.": (
                lambda y_train, y_val: _share(y_val, _majority(y_val))
            ),
            "this is the accuracy on the training labels; measure on `y_val`.": (
                lambda y_train, y_val: _share(y_train, _majority(y_train))
            ),
            "this always says 1; which label is most frequent has to come from `y_train`.": (
                lambda y_train, y_val: _share(y_val, 1)
            ),
        },
    ),
    Exercise(
        id="3.2",
        title="Choose the epoch to keep",
        minutes=4,
        hints=(
            "Each record is `(epoch, loss, accuracy)`: the loss stands at index 1.",
            "`min(trace, key=...)` finds the record for which the key is smallest.",
            "Return the record's epoch, not its place in the list and not its loss.",
        ),
        cases=_traces,
        mistakes={
            "this is the place in the list, counted from 0; return the epoch that stands in the record.": (
                lambda trace: min(range(len(trace)), key=lambda place: trace[place][1])
            ),
            "this is the epoch with the highest accuracy; the loss is asked for, and the two disagree.": (
                lambda trace: max(trace, key=lambda record: record[2])[0]
            ),
            "this is the last epoch; training longer does not always help, so look for the lowest loss.": (
                lambda trace: trace[-1][0]
            ),
            "this is the loss itself; return the epoch it belongs to.": (
                lambda trace: min(record[1] for record in trace)
            ),
        },
    ),
    Exercise(
        id="3.3",
        title="Write the loss yourself",
        minutes=7,
        hints=(
            "For a true 1 the loss is `-log(p)`, for a true 0 it is `-log(1 - p)`.",
            "Both in one line: `-(y * np.log(p) + (1 - y) * np.log(1 - p))`.",
            "`np.log(0)` is minus infinity: clip p with `np.clip(p, 1e-12, 1 - 1e-12)` first, take the mean last.",
        ),
        cases=_probabilities,
        mistakes={
            "the sign is missing: logarithms of probabilities are negative, a loss is not.": (
                lambda y, p: float(-_losses(y, p).mean())
            ),
            "this is the sum; take the mean over the images.": lambda y, p: float(_losses(y, p).sum()),
            "only the images of class 1 add to the loss; those of class 0 add `-log(1 - p)`.": (
                lambda y, p: float(-np.mean(y * np.log(np.clip(p, 1e-12, 1 - 1e-12))))
            ),
            "this is the logarithm to base 2; use the natural one, `np.log`.": (
                lambda y, p: float(_losses(y, p).mean() / math.log(2))
            ),
            "a probability of exactly 0 makes the loss infinite; clip p to 1e-12 and 1 - 1e-12 first.": (
                lambda y, p: float(_losses(y, p, 0).mean())
            ),
        },
    ),
)
