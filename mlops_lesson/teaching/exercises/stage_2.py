"""The exercises of Data Preprocessing."""

import numpy as np
import pandas as pd

from mlops_lesson.teaching.exercises.exercise import Exercise


def is_blank(image: np.ndarray) -> bool:
    """Return True if all pixels have the same value, else False."""
    return bool(image.min() == image.max())


def split_by_time(table: pd.DataFrame, cutoff: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two tables: the rows seen before the cutoff, and the rows seen at the cutoff or later."""
    before = table["seen_at"] < cutoff
    return table[before], table[~before]


def find_leaks(images_train: np.ndarray, images_val: np.ndarray) -> int:
    """Return the number of validation images that are also in training, pixel for pixel."""
    known = {image.tobytes() for image in images_train}
    return sum(image.tobytes() in known for image in images_val)


STROKE = np.pad(np.full((4, 1), 16.0), [(2, 2), (3, 4)])
DAYS = pd.to_datetime(["2026-02-03", "2026-01-05", "2026-03-01", "2026-02-02", "2026-01-20"])
TABLE = pd.DataFrame({"id": [1, 2, 3, 4, 5], "seen_at": DAYS})
IMAGES = np.random.RandomState(7).randint(0, 17, size=(12, 64)).astype(float)
THRICE, TWO_KNOWN = IMAGES[[0, 1, 2, 3, 4, 5, 0, 0]], IMAGES[[6, 7, 8, 0, 9, 3]]


def _rows(images: np.ndarray) -> list[tuple[float, ...]]:
    return [tuple(image) for image in images]


EXERCISES = {
    "2.1": Exercise(
        is_blank,
        cases={
            "an image with a stroke on it": (STROKE,),
            "an image that is all 0": (np.zeros((8, 8)),),
            "an image that is all 16": (np.full((8, 8), 16.0),),
            "an image with one faint pixel": (np.pad([[1.0]], [(4, 3), (4, 3)]),),
            "a bright image without any 0": (STROKE / 2 + 3,),
        },
        mistakes={
            "only_black": lambda image: bool(image.sum() == 0),
            "too_dark": lambda image: bool(image.mean() < 1),
            "turned_round": lambda image: bool(image.min() != image.max()),
        },
    ),
    "2.2": Exercise(
        split_by_time,
        cases={
            "five unsorted rows, of which row id 4 is seen at the very cutoff": (TABLE, pd.Timestamp("2026-02-02")),
            "a cutoff before all rows": (TABLE, pd.Timestamp("2025-12-31")),
            "a cutoff after all but one row": (TABLE, pd.Timestamp("2026-02-20")),
        },
        mistakes={
            "at_or_before": lambda table, cutoff: (table[table["seen_at"] <= cutoff], table[table["seen_at"] > cutoff]),
            "cutoff_lost": lambda table, cutoff: (table[table["seen_at"] < cutoff], table[table["seen_at"] > cutoff]),
            "exchanged": lambda table, cutoff: split_by_time(table, cutoff)[::-1],
        },
    ),
    "2.3": Exercise(
        find_leaks,
        cases={
            "nothing in common": (IMAGES[:6], IMAGES[6:]),
            "two validation images that are elsewhere in training, one of them three times": (THRICE, TWO_KNOWN),
            "the same leaked image twice in validation": (IMAGES[:6], IMAGES[[1, 1, 8, 9, 10, 11]]),
        },
        mistakes={
            "same_place": lambda train, val: sum(a == b for a, b in zip(_rows(train), _rows(val), strict=False)),
            "pairs": lambda train, val: sum(a == b for a in _rows(train) for b in _rows(val)),
            "distinct": lambda train, val: len(set(_rows(train)) & set(_rows(val))),
            "any_pixel": lambda train, val: sum(image in train for image in val),
        },
    ),
}
