"""The exercises of Model Validation."""

import math

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from mlops_lesson.teaching.exercises.exercise import Exercise


def confusion(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Return a 2 x 2 table of counts: a row for each true class, a column for each predicted class."""
    counts = np.zeros((2, 2), dtype=int)
    np.add.at(counts, (y_true, y_pred), 1)
    return counts


def worst_slice(table: pd.DataFrame, at_least: int) -> int:
    """Return the camera_id with the lowest accuracy among cameras with at least `at_least` parcels."""
    cameras = table.groupby("camera_id")["correct"].agg(["mean", "size"])
    return int(cameras.loc[cameras["size"] >= at_least, "mean"].idxmin())


def passes_gate(correct: int, total: int, gate: float) -> bool:
    """Return True if the lower end of the 95 % Wilson interval reaches the gate, else False."""
    interval = binomtest(correct, total).proportion_ci(confidence_level=0.95, method="wilson")
    return bool(interval.low >= gate)


def _parcels(*cameras: tuple[int, int, int]) -> pd.DataFrame:
    """Make a table of cameras, each with how many of how many parcels are right."""
    rows = [(camera, number < right) for camera, right, total in cameras for number in range(total)]
    return pd.DataFrame(rows, columns=["camera_id", "correct"])


TRUE, PREDICTED = np.array([0, 0, 0, 1, 1, 0]), np.array([0, 1, 1, 1, 1, 0])
SMALL, HALF = _parcels((1, 16, 20), (2, 7, 10), (3, 1, 2)), _parcels((4, 3, 6), (1, 9, 30))
BIG = _parcels((1, 180, 200), (2, 15, 20), (3, 19, 20))


EXERCISES = {
    "4.1": Exercise(
        confusion,
        cases={
            "six images, two of them mistaken for chute B": (TRUE, PREDICTED),
            "a model that always says chute B": (np.array([0, 1, 0]), np.array([1, 1, 1])),
        },
        mistakes={"exchanged": lambda y_true, y_pred: confusion(y_pred, y_true)},
    ),
    "4.2": Exercise(
        worst_slice,
        cases={
            "camera 3 at 1 of 2, camera 2 at 7 of 10, camera 1 at 16 of 20, at least 5 parcels asked for": (SMALL, 5),
            "camera 4 at 3 of 6 and camera 1 at 9 of 30, at least 1 parcel asked for": (HALF, 1),
            "a big camera with many mistakes but a good share, at least 20 parcels asked for": (BIG, 20),
        },
        mistakes={
            "too_few": lambda table, at_least: worst_slice(table, 1),
            "more_than": lambda table, at_least: worst_slice(table, at_least + 1),
            "counts": lambda table, at_least: (~table["correct"]).groupby(table["camera_id"]).sum().idxmax(),
        },
    ),
    "4.3": Exercise(
        passes_gate,
        cases={
            f"{correct} of {total} right and a gate of 0.85": (correct, total, 0.85)
            for correct, total in ((330, 360), (310, 360), (300, 360), (280, 360), (20, 20))
        },
        mistakes={
            "measured": lambda correct, total, gate: correct / total >= gate,
            "normal": lambda correct, total, gate: (
                correct / total - 1.96 * math.sqrt(correct * (total - correct) / total**3) >= gate
            ),
        },
    ),
}
