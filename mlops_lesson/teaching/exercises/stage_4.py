"""The exercises of Model Validation."""

import math

import numpy as np
import pandas as pd

from mlops_lesson.teaching.exercises.exercise import Case, Exercise


def _predictions() -> list[Case]:
    return [
        Case(
            "six images, two of them mistaken for chute B", (np.array([0, 0, 0, 1, 1, 0]), np.array([0, 1, 1, 1, 1, 0]))
        ),
        Case("a model that always says chute B", (np.array([0, 1, 0]), np.array([1, 1, 1]))),
    ]


def _confusion(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    return np.array([[np.sum((y_true == row) & (y_pred == column)) for column in (0, 1)] for row in (0, 1)])


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


def _accuracies(table: pd.DataFrame) -> pd.Series:
    return table.groupby("camera_id")["correct"].mean()


def _worst_of_more_than(table: pd.DataFrame, count: int) -> int:
    sizes = table["camera_id"].value_counts()
    return int(_accuracies(table)[sizes.index[sizes > count]].idxmin())


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
        id="4.1",
        title="Count the mistakes by kind",
        minutes=5,
        hints=(
            "Start from `np.zeros((2, 2), dtype=int)` and go through both arrays together with `zip`.",
            "For each image add 1 in the row of its true class and the column of its predicted class.",
            "`counts[true, predicted] += 1`: the first index is the row.",
        ),
        cases=_predictions,
        mistakes={
            "rows and columns are exchanged: the row is the true class, the column the predicted one.": (
                lambda y_true, y_pred: _confusion(y_true, y_pred).T
            ),
            "these are shares; counts are asked for, so that everyone can see how few images they rest on.": (
                lambda y_true, y_pred: _confusion(y_true, y_pred) / len(y_true)
            ),
        },
    ),
    Exercise(
        id="4.2",
        title="Find the worst camera",
        minutes=5,
        hints=(
            'Group by camera: `table.groupby("camera_id")["correct"]`.',
            "The mean of truth values is the accuracy, the size is the number of parcels: `.agg(['mean', 'size'])`.",
            "Keep the rows whose size is large enough, then `.idxmin()` of the mean is the camera.",
        ),
        cases=_cameras,
        mistakes={
            "a camera with too few parcels was chosen; leave those out first.": (
                lambda table, at_least: int(_accuracies(table).idxmin())
            ),
            "a camera with exactly `at_least` parcels was left out; at least means `>=`.": (_worst_of_more_than),
            "this camera has the most mistakes because it has the most parcels; compare shares, not counts.": (
                lambda table, at_least: int((~table["correct"]).groupby(table["camera_id"]).sum().idxmax())
            ),
            "this is the best camera; look for the lowest accuracy.": (
                lambda table, at_least: int(_accuracies(table).idxmax())
            ),
        },
    ),
    Exercise(
        id="4.3",
        title="Write the gate",
        minutes=6,
        hints=(
            "A small test shows little: how low may the true accuracy be, as far as these counts can tell?",
            '`scipy.stats.binomtest(correct, total).proportion_ci(method="wilson")` is the 95 % interval.',
            "Its lower end is `.low`; compare it with the gate by `>=`.",
        ),
        cases=_tests,
        mistakes={
            "the measured accuracy is compared, as if the test were endless; use the interval's lower end.": (
                lambda correct, total, gate: correct / total >= gate
            ),
            "the upper end of the interval is compared: that asks whether the model could be good enough.": (
                lambda correct, total, gate: bool(_wilson_high(correct, total) >= gate)
            ),
            "the plain normal interval has no width when everything is right; Wilson's stays honest.": (
                lambda correct, total, gate: _normal_low(correct, total) >= gate
            ),
        },
    ),
)
