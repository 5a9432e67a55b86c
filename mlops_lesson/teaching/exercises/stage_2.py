"""The exercises of Data Preprocessing."""

import numpy as np
import pandas as pd

from mlops_lesson.teaching.exercises.exercise import Case, Exercise


def _frames() -> list[Case]:
    stroke, faint = np.zeros((8, 8)), np.zeros((8, 8))
    stroke[2:6, 3] = 16
    faint[4, 4] = 1
    return [
        Case("an image with a stroke on it", (stroke,)),
        Case("an image that is all 0", (np.zeros((8, 8)),)),
        Case("an image that is all 16", (np.full((8, 8), 16.0),)),
        Case("an image with one faint pixel", (faint,)),
        Case("a bright image without any 0", (stroke / 2 + 3,)),
    ]


def _tables_to_split() -> list[Case]:
    seen = pd.Series(pd.to_datetime(["2026-02-03", "2026-01-05", "2026-03-01", "2026-02-02", "2026-01-20"]))
    table = pd.DataFrame({"id": [1, 2, 3, 4, 5], "seen_at": seen})
    return [
        Case("five unsorted rows, of which row id 4 is seen at the very cutoff", (table, pd.Timestamp("2026-02-02"))),
        Case("a cutoff before all rows", (table, pd.Timestamp("2025-12-31"))),
        Case("a cutoff after all but one row", (table, pd.Timestamp("2026-02-20"))),
    ]


def _split_by_position(table: pd.DataFrame, cutoff: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    first = int((table["seen_at"] < cutoff).sum())
    return table.iloc[:first], table.iloc[first:]


def _leaks() -> list[Case]:
    images = np.random.RandomState(7).randint(0, 17, size=(12, 64)).astype(float)
    train = np.vstack([images[:6], images[:1], images[:1]])
    return [
        Case("nothing in common", (images[:6], images[6:])),
        Case(
            "two validation images that stand elsewhere in training, one of them three times",
            (train, np.vstack([images[6:9], images[:1], images[9:10], images[3:4]])),
        ),
        Case(
            "the same leaked image twice in validation", (images[:6], np.vstack([images[1:2], images[1:2], images[8:]]))
        ),
    ]


def _rows(images: np.ndarray) -> list[tuple[float, ...]]:
    return [tuple(image) for image in images]


EXERCISES = (
    Exercise(
        "2.1",
        _frames,
        mistakes={
            "only_black": lambda image: bool(image.sum() == 0),
            "any_dark": lambda image: bool((image == 0).any()),
            "too_dark": lambda image: bool(image.mean() < 1),
            "turned_round": lambda image: bool(image.min() != image.max()),
        },
    ),
    Exercise(
        "2.2",
        _tables_to_split,
        mistakes={
            "at_or_before": lambda table, cutoff: (table[table["seen_at"] <= cutoff], table[table["seen_at"] > cutoff]),
            "by_position": _split_by_position,
            "cutoff_lost": lambda table, cutoff: (table[table["seen_at"] < cutoff], table[table["seen_at"] > cutoff]),
            "exchanged": lambda table, cutoff: (table[table["seen_at"] >= cutoff], table[table["seen_at"] < cutoff]),
        },
    ),
    Exercise(
        "2.3",
        _leaks,
        mistakes={
            "same_place": lambda train, val: sum(a == b for a, b in zip(_rows(train), _rows(val), strict=False)),
            "pairs": lambda train, val: sum(a == b for a in _rows(train) for b in _rows(val)),
            "distinct": lambda train, val: len(set(_rows(train)) & set(_rows(val))),
            "any_pixel": lambda train, val: sum(image in train for image in val),
        },
    ),
)
