"""The exercises of Monitoring & Maintenance."""

import math

import numpy as np

from mlops_lesson.teaching.exercises.exercise import Case, Exercise
from mlops_lesson.teaching.exercises.solutions.exercise_6_1 import psi
from mlops_lesson.teaching.exercises.solutions.exercise_6_2 import should_alert


def _samples() -> list[Case]:
    bins = np.array([0.0, 4.0, 8.0, 12.0, 16.0])
    reference = np.array([1.0, 2.0, 5.0, 6.0, 7.0, 9.0, 10.0, 13.0])
    return [
        Case("twice as many values in other bins", (reference, np.tile([2.0, 5.0, 9.0, 13.0], 4), bins)),
        Case("two equal samples", (reference, reference.copy(), bins)),
        Case("a bin that is empty in the current sample", (reference, np.array([1.0, 2.0, 5.0, 9.0]), bins)),
        Case("values above the last bin", (reference, np.array([2.0, 5.0, 9.0, 13.0, 17.0, 18.0, 19.0, 20.0]), bins)),
    ]


def _counts(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    return np.histogram(values, [-np.inf, *bins[1:-1], np.inf])[0]


def _index(expected: np.ndarray, seen: np.ndarray) -> float:
    expected, seen = np.maximum(expected, 0.0001), np.maximum(seen, 0.0001)
    return float(np.sum((seen - expected) * np.log(seen / expected)))


def _of_counts(reference: np.ndarray, current: np.ndarray, bins: np.ndarray) -> float:
    return _index(_counts(reference, bins), _counts(current, bins))


def _one_sided(reference: np.ndarray, current: np.ndarray, bins: np.ndarray) -> float:
    expected, seen = (np.maximum(_counts(values, bins) / len(values), 0.0001) for values in (reference, current))
    return float(np.sum(seen * np.log(seen / expected)))


def _closed_bins(reference: np.ndarray, current: np.ndarray, bins: np.ndarray) -> float:
    return _index(*(np.histogram(values, bins)[0] / len(values) for values in (reference, current)))


def _weeks() -> list[Case]:
    return [
        Case("0.97, 0.70, 0.96 and a patience of 1", ([0.97, 0.70, 0.96], 0.85, 1)),
        Case("0.97, 0.70, 0.68 and a patience of 2", ([0.97, 0.70, 0.68], 0.85, 2)),
        Case("0.70, 0.97, 0.68 and a patience of 2", ([0.70, 0.97, 0.68], 0.85, 2)),
        Case("0.97, 0.68, 0.96 and a patience of 2", ([0.97, 0.68, 0.96], 0.85, 2)),
        Case("0.97, 0.85, 0.85 at a gate of exactly 0.85 and a patience of 2", ([0.97, 0.85, 0.85], 0.85, 2)),
        Case("one week only, 0.60, and a patience of 2", ([0.60], 0.85, 2)),
    ]


def _comparisons() -> list[Case]:
    return [
        Case("30 parcels only the challenger gets right and 6 only the champion", (30, 6)),
        Case("7 against 3", (7, 3)),
        Case("6 against 30", (6, 30)),
        Case("no parcel on which they differ", (0, 0)),
        Case("6 against 0", (6, 0)),
        Case("5 against 0", (5, 0)),
    ]


def _verdict(challenger: int, champion: int, alternative: str = "two-sided") -> str:
    from scipy.stats import binomtest

    differing = challenger + champion
    found = differing > 0 and binomtest(challenger, differing, alternative=alternative).pvalue < 0.05
    return "promote" if found else "keep"


EXERCISES = (
    Exercise(
        "6.1",
        _samples,
        mistakes={
            "counts": _of_counts,
            "one_sided": _one_sided,
            "sign": lambda reference, current, bins: -psi(reference, current, bins),
            "closed_bins": _closed_bins,
        },
    ),
    Exercise(
        "6.2",
        _weeks,
        mistakes={
            "any_week": lambda accuracies, gate, patience: min(accuracies) < gate,
            "anywhere": lambda accuracies, gate, patience: sum(each < gate for each in accuracies) >= patience,
            "only_last": lambda accuracies, gate, patience: accuracies[-1] < gate,
            "at_the_gate": lambda accuracies, gate, patience: should_alert(
                accuracies, math.nextafter(gate, 1), patience
            ),
            "too_early": lambda accuracies, gate, patience: all(each < gate for each in accuracies[-patience:]),
        },
    ),
    Exercise(
        "6.3",
        _comparisons,
        mistakes={
            "ahead": lambda challenger, champion: "promote" if challenger > champion else "keep",
            "who_is_ahead": _verdict,
            "one_sided": lambda challenger, champion: _verdict(challenger, champion, "greater"),
        },
    ),
)
