"""The exercises of Model Validation."""

import math

import numpy as np
import pandas as pd

from mlops_lesson.teaching.exercises.exercise import Case, Exercise
from mlops_lesson.teaching.exercises.solutions.exercise_4_1 import confusion
from mlops_lesson.teaching.exercises.solutions.exercise_4_2 import worst_slice


def _predictions() -> list[Case]:
    return [
        Case(
            "six images, two of them mistaken for chute B", (np.array([0, 0, 0, 1, 1, 0]), np.array([0, 1, 1, 1, 1, 0]))
        ),
        Case("a model that always says chute B", (np.array([0, 1, 0]), np.array([1, 1, 1]))),
    ]


def _cameras() -> list[Case]:
    def table(**counts: tuple[int, int]) -> pd.DataFrame:
        rows = [
            (int(camera[1:]), number < right) for camera, (right, total) in counts.items() for number in range(total)
        ]
        return pd.DataFrame(rows, columns=["camera_id", "correct"])

    return [
        Case("camera 3 at 1 of 2, camera 2 at 7 of 10, camera 1 at 16 of 20, and at least 5 parcels asked for",
             (table(c1=(16, 20), c2=(7, 10), c3=(1, 2)), 5)),
        Case("camera 4 at 3 of 6 and camera 1 at 9 of 30, and at least 1 parcel asked for",
             (table(c4=(3, 6), c1=(9, 30)), 1)),
        Case("a big camera with many mistakes but a good share, and at least 20 parcels asked for",
             (table(c1=(180, 200), c2=(15, 20), c3=(19, 20)), 20)),
    ]  # fmt: skip


def _tests() -> list[Case]:
    return [
        Case("330 of 360 right and a gate of 0.85", (330, 360, 0.85)),
        Case("310 of 360 right and a gate of 0.85", (310, 360, 0.85)),
        Case("300 of 360 right and a gate of 0.85", (300, 360, 0.85)),
        Case("280 of 360 right and a gate of 0.85", (280, 360, 0.85)),
        Case("20 of 20 right and a gate of 0.85", (20, 20, 0.85)),
    ]


def _normal_low(correct: int, total: int) -> float:
    share = correct / total
    return share - 1.96 * math.sqrt(share * (1 - share) / total)


def _wilson_high(correct: int, total: int) -> float:
    from scipy.stats import binomtest

    return binomtest(correct, total).proportion_ci(method="wilson").high


EXERCISES = (
    Exercise(
        "4.1",
        _predictions,
        mistakes={
            "exchanged": lambda y_true, y_pred: confusion(y_pred, y_true),
            "shares": lambda y_true, y_pred: confusion(y_true, y_pred) / len(y_true),
        },
    ),
    Exercise(
        "4.2",
        _cameras,
        mistakes={
            "too_few": lambda table, at_least: worst_slice(table, 1),
            "more_than": lambda table, at_least: worst_slice(table, at_least + 1),
            "counts": lambda table, at_least: int((~table["correct"]).groupby(table["camera_id"]).sum().idxmax()),
            "best": lambda table, at_least: int(table.groupby("camera_id")["correct"].mean().idxmax()),
        },
    ),
    Exercise(
        "4.3",
        _tests,
        mistakes={
            "measured": lambda correct, total, gate: correct / total >= gate,
            "upper_end": lambda correct, total, gate: bool(_wilson_high(correct, total) >= gate),
            "normal": lambda correct, total, gate: _normal_low(correct, total) >= gate,
        },
    ),
)
