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
        id="2.1",
        title="Recognise a blank frame",
        minutes=3,
        hints=(
            "A blank frame need not be black: a shutter can also get stuck in front of a bright lamp.",
            "If all values are equal, what do you know about the smallest and the largest?",
            "Compare `image.min()` with `image.max()`.",
        ),
        cases=_frames,
        mistakes={
            "only black frames are found; a frame that is all 16 shows nothing either.": (
                lambda image: bool(image.sum() == 0)
            ),
            "one dark pixel is enough here; every normal image has some. Ask about all pixels.": (
                lambda image: bool((image == 0).any())
            ),
            "faint images fall below this brightness and would be thrown away; ask whether the pixels differ.": (
                lambda image: bool(image.mean() < 1)
            ),
            "this is True for the images that do show something; turn it round.": (
                lambda image: bool(image.min() != image.max())
            ),
        },
    ),
    Exercise(
        id="2.2",
        title="Split by time",
        minutes=4,
        hints=(
            "The column `seen_at` can be compared with a time: the result is one truth value per row.",
            "Choose the rows with `table[mask]` and the others with `table[~mask]`: no row is lost, none stands twice.",
            'The mask is `table["seen_at"] < cutoff`; return both tables, the earlier one first.',
        ),
        cases=_tables_to_split,
        mistakes={
            "the row seen at the very cutoff stands in the first part; with `<` it goes to the second.": (
                lambda table, cutoff: (table[table["seen_at"] <= cutoff], table[table["seen_at"] > cutoff])
            ),
            "rows are taken by position, but the table is not sorted by time; compare `seen_at` with the cutoff.": (
                _split_by_position
            ),
            "the row seen at the very cutoff is in neither part; `~mask` gives all the others.": (
                lambda table, cutoff: (table[table["seen_at"] < cutoff], table[table["seen_at"] > cutoff])
            ),
            "the two parts are in the wrong order: the earlier one comes first.": (
                lambda table, cutoff: (table[table["seen_at"] >= cutoff], table[table["seen_at"] < cutoff])
            ),
        },
    ),
    Exercise(
        id="2.3",
        title="Find the leaks",
        minutes=6,
        hints=(
            "Two images are equal if all their pixels are: turn each image into something that a set can hold.",
            "`image.tobytes()` or `tuple(image)` can stand in a set; looking up in a set is fast.",
            "Put the training images into a set, then count the validation images that are in it.",
        ),
        cases=_leaks,
        mistakes={
            "only images at the same place are compared; a leak can stand anywhere in the training images.": (
                lambda train, val: sum(a == b for a, b in zip(_rows(train), _rows(val), strict=False))
            ),
            "pairs are counted, so an image that stands twice in training counts twice; count validation images.": (
                lambda train, val: sum(a == b for a in _rows(train) for b in _rows(val))
            ),
            "different images are counted, so one that leaks twice into validation counts once; count both.": (
                lambda train, val: len(set(_rows(train)) & set(_rows(val)))
            ),
            "`in` asks an array whether a single pixel is equal; make a set of whole images and look there.": (
                lambda train, val: sum(image in train for image in val)
            ),
        },
    ),
)
