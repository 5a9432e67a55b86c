"""The course's exercises: what each is tried on, and the wrong ways it recognises.

Each wrong way is a function that makes the mistake, so that a learner's result can be matched with its likely cause.
The right ways stand in `solutions/`.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from mlops_lesson.teaching.exercises.check import Case, Exercise, Mistake, Promise

TOLERANCE = 1e-9


def is_number(value: Any) -> bool:
    """Tell whether a value is one number, Python's or numpy's, and not a truth value."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Tell whether a value is one whole number."""
    return is_number(value) and (isinstance(value, int) or float(value).is_integer())


def is_truth(value: Any) -> bool:
    """Tell whether a value is True or False, Python's or numpy's."""
    return isinstance(value, (bool, np.bool_))


def close(given: float, expected: float) -> bool:
    """Tell whether two numbers are equal up to rounding."""
    return math.isclose(given, expected, rel_tol=1e-6, abs_tol=TOLERANCE)


def id_list(value: Any) -> list[int]:
    """Return ids, given in any kind of one-dimensional collection, as a sorted list."""
    return sorted(int(each) for each in value)


def is_ids(value: Any) -> bool:
    """Tell whether a value is a one-dimensional collection of whole numbers."""
    flat = not isinstance(value, (pd.DataFrame, str, dict)) and isinstance(value, Iterable)
    flat = flat and getattr(value, "ndim", 1) == 1
    return flat and all(is_whole(each) for each in value)


def moments(*texts: str) -> pd.Series:
    """Return a column of times."""
    return pd.Series(pd.to_datetime(list(texts)))


def small_depot() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make five parcels and the clicks for three of them, one clicked twice, one click for an unknown parcel."""
    seen = moments("2026-01-05 08:00", "2026-01-05 09:00", "2026-01-06 08:00", "2026-01-06 09:00", "2026-01-07 10:00")
    parcels = pd.DataFrame({"id": [101, 102, 103, 104, 105], "camera_id": [1, 2, 1, 3, 4], "seen_at": seen})
    clicked = moments(
        "2026-01-05 20:00", "2026-01-09 08:00", "2026-01-06 15:00", "2026-01-08 10:00", "2026-01-09 11:00"
    )
    clicks = pd.DataFrame(
        {"parcel_id": [101, 101, 102, 103, 900101], "clicked_at": clicked, "chute": ["A", "A", "B", "B", "A"]}
    )
    return parcels, clicks


def lost_parcel_cases() -> list[Case]:
    """Make the cases of exercise 1.1."""
    parcels, clicks = small_depot()
    return [
        Case("five parcels, of which 104 and 105 have no click", (parcels, clicks)),
        Case("no click at all", (parcels, clicks.iloc[:0])),
        Case("a click for every parcel", (parcels.iloc[:3], clicks)),
    ]


def delay_cases() -> list[Case]:
    """Make the cases of exercise 1.2."""
    parcels, clicks = small_depot()
    late = clicks.assign(clicked_at=clicks["clicked_at"] + pd.Timedelta(days=3))
    return [
        Case("first clicks after 12, 30 and 50 hours", (parcels, clicks)),
        Case("the same clicks, three days later and in another order", (parcels, late.iloc[::-1])),
    ]


def _delays(parcels: pd.DataFrame, clicks: pd.DataFrame) -> pd.Series:
    joined = parcels.merge(clicks, left_on="id", right_on="parcel_id")
    return joined["clicked_at"] - joined["seen_at"]


def _first_delays(parcels: pd.DataFrame, clicks: pd.DataFrame) -> pd.Series:
    first = clicks.groupby("parcel_id", as_index=False)["clicked_at"].min()
    return _delays(parcels, first)


def _two_files() -> dict[str, bytes]:
    return {"clicks.csv": b"parcel_id,chute\n101,A\n", "sensors.jsonl": b'{"lux": 310}\n'}


def _version_is_a_hash(version: Callable[..., Any]) -> str | None:
    value = version(_two_files())
    if isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef"):
        return None
    return f"{str(value)[:60]!r} ({type(value).__name__})"


def _version_depends_on_order(version: Callable[..., Any]) -> str | None:
    files = _two_files()
    turned = dict(reversed(files.items()))
    return None if version(files) == version(turned) else "the same two files in another order got another version"


def _version_misses_a_byte(version: Callable[..., Any]) -> str | None:
    files = _two_files()
    for name in files:
        changed = files | {name: files[name].replace(b"1", b"2")}
        if version(files) == version(changed):
            return f"one byte of {name} changed, the version did not"
    return None


def _version_misses_a_name(version: Callable[..., Any]) -> str | None:
    files = _two_files()
    renamed = {f"old_{name}": content for name, content in files.items()}
    swapped = dict(zip(files, reversed(files.values()), strict=True))
    if version(files) == version(renamed):
        return "the files were renamed, the version did not change"
    return (
        "the contents of the two files were swapped, the version did not change"
        if version(files) == version(swapped)
        else None
    )


def _version_blurs_borders(version: Callable[..., Any]) -> str | None:
    one, other = {"a": b"bc", "d": b"e"}, {"ab": b"c", "d": b"e"}
    return "{'a': b'bc'} and {'ab': b'c'} got the same version" if version(one) == version(other) else None


def blank_cases() -> list[Case]:
    """Make the cases of exercise 2.1."""
    stroke = np.zeros((8, 8))
    stroke[2:6, 3] = 16
    faint = np.zeros((8, 8))
    faint[4, 4] = 1
    return [
        Case("an image with a stroke on it", (stroke,)),
        Case("an image that is all 0", (np.zeros((8, 8)),)),
        Case("an image that is all 16", (np.full((8, 8), 16.0),)),
        Case("an image with one faint pixel", (faint,)),
        Case("a bright image without any 0", (stroke / 2 + 3,)),
    ]


def time_split_cases() -> list[Case]:
    """Make the cases of exercise 2.2."""
    seen = moments("2026-02-03", "2026-01-05", "2026-03-01", "2026-02-02", "2026-01-20")
    table = pd.DataFrame({"id": [1, 2, 3, 4, 5], "seen_at": seen})
    return [
        Case("five unsorted rows, of which row id 4 is seen at the very cutoff", (table, pd.Timestamp("2026-02-02"))),
        Case("a cutoff before all rows", (table, pd.Timestamp("2025-12-31"))),
        Case("a cutoff after all but one row", (table, pd.Timestamp("2026-02-20"))),
    ]


def is_two_tables(value: Any) -> bool:
    """Tell whether a value is a pair of data frames that have an id."""
    pair = isinstance(value, (tuple, list)) and len(value) == 2
    return pair and all(isinstance(part, pd.DataFrame) and "id" in part.columns for part in value)


def same_split(given: Any, expected: Any) -> bool:
    """Tell whether two pairs of tables hold the same rows."""
    return all(id_list(one["id"]) == id_list(other["id"]) for one, other in zip(given, expected, strict=True))


def _split_by_position(table: pd.DataFrame, cutoff: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    first = int((table["seen_at"] < cutoff).sum())
    return table.iloc[:first], table.iloc[first:]


def leak_cases() -> list[Case]:
    """Make the cases of exercise 2.3."""
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


def baseline_cases() -> list[Case]:
    """Make the cases of exercise 3.1."""
    return [
        Case("training mostly 0, validation mostly 1", (np.array([0, 0, 0, 1, 0]), np.array([1, 1, 0, 1]))),
        Case("training mostly 1", (np.array([1, 1, 0, 1, 1, 1, 0]), np.array([1, 0, 0, 0, 1]))),
    ]


def _share(y: np.ndarray, label: Any) -> float:
    return float(np.mean(y == label))


def _majority(y: np.ndarray) -> int:
    return int(np.bincount(y).argmax())


def trace_cases() -> list[Case]:
    """Make the cases of exercise 3.2."""
    return [
        Case(
            "a loss that falls and then rises", ([(1, 0.66, 0.61), (2, 0.41, 0.83), (3, 0.37, 0.79), (4, 0.52, 0.82)],)
        ),
        Case("records that start at epoch 10", ([(10, 0.30, 0.85), (11, 0.28, 0.84), (12, 0.33, 0.90)],)),
        Case("a single epoch", ([(1, 0.65, 0.60)],)),
    ]


def loss_cases() -> list[Case]:
    """Make the cases of exercise 3.3."""
    return [
        Case("four probabilities", (np.array([1, 0, 1, 0]), np.array([0.9, 0.2, 0.6, 0.7]))),
        Case("only class 1", (np.array([1, 1, 1]), np.array([0.5, 0.8, 0.99]))),
        Case("a probability of exactly 0 for a true 1", (np.array([1, 0]), np.array([0.0, 0.1]))),
    ]


def _loss(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def confusion_cases() -> list[Case]:
    """Make the cases of exercise 4.1."""
    return [
        Case(
            "six images, two of them mistaken for chute B", (np.array([0, 0, 0, 1, 1, 0]), np.array([0, 1, 1, 1, 1, 0]))
        ),
        Case("a model that always says chute B", (np.array([0, 1, 0]), np.array([1, 1, 1]))),
    ]


def is_two_by_two(value: Any) -> bool:
    """Tell whether a value is a 2 x 2 table of numbers."""
    try:
        return np.asarray(value, dtype=float).shape == (2, 2)
    except (TypeError, ValueError, OverflowError):
        return False


def same_table(given: Any, expected: Any) -> bool:
    """Tell whether two tables of numbers are equal up to rounding."""
    return bool(np.allclose(np.asarray(given, dtype=float), np.asarray(expected, dtype=float)))


def _confusion(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    return np.array([[np.sum((y_true == row) & (y_pred == column)) for column in (0, 1)] for row in (0, 1)])


def slice_cases() -> list[Case]:
    """Make the cases of exercise 4.2."""

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


def _accuracy_by_camera(table: pd.DataFrame) -> pd.Series:
    return table.groupby("camera_id")["correct"].mean()


def gate_cases() -> list[Case]:
    """Make the cases of exercise 4.3."""
    return [
        Case("330 of 360 right and a gate of 0.85", (330, 360, 0.85)),
        Case("310 of 360 right and a gate of 0.85", (310, 360, 0.85)),
        Case("300 of 360 right and a gate of 0.85", (300, 360, 0.85)),
        Case("280 of 360 right and a gate of 0.85", (280, 360, 0.85)),
        Case("20 of 20 right and a gate of 0.85", (20, 20, 0.85)),
    ]


def _wald_low(correct: int, total: int) -> float:
    share = correct / total
    return share - 1.96 * math.sqrt(share * (1 - share) / total)


def _wilson_high(correct: int, total: int) -> float:
    return binomtest(correct, total).proportion_ci(method="wilson").high


def request_cases() -> list[Case]:
    """Make the cases of exercise 5.1."""
    good = [[float((row * column) % 17) for column in range(8)] for row in range(8)]

    def with_pixel(value: Any) -> list[list[Any]]:
        return [[value, *good[0][1:]], *good[1:]]

    return [
        Case("a good image", (good,)),
        Case("whole numbers from 0 to 16", ([[int(value) for value in row] for row in good],)),
        Case("a pixel of 255", (with_pixel(255),)),
        Case("a pixel of -1", (with_pixel(-1),)),
        Case("a pixel that is not a number (NaN)", (with_pixel(math.nan),)),
        Case("an infinite pixel", (with_pixel(math.inf),)),
        Case("64 numbers in one row", ([[value for row in good for value in row]],)),
        Case("one row with 9 pixels and one with 7", ([[*good[0], 0.0], good[1][:-1], *good[2:]],)),
        Case("a pixel that is text", (with_pixel("16"),)),
        Case("None in place of the image", (None,)),
    ]


def _rows_of_eight(pixels: Any) -> bool:
    return isinstance(pixels, list) and len(pixels) == 8 and all(isinstance(r, list) and len(r) == 8 for r in pixels)


def _values(pixels: list[list[Any]]) -> list[Any]:
    return [value for row in pixels for value in row]


def _is_valid_without_range(pixels: Any) -> bool:
    return _rows_of_eight(pixels) and all(is_number(value) and math.isfinite(value) for value in _values(pixels))


def _is_valid_with_nan(pixels: Any) -> bool:
    return _rows_of_eight(pixels) and not any(
        not is_number(value) or value < 0 or value > 16 for value in _values(pixels)
    )


def _is_valid_by_count(pixels: Any) -> bool:
    if not isinstance(pixels, list) or not all(isinstance(row, list) for row in pixels):
        return False
    values = _values(pixels)
    return len(values) == 64 and all(is_number(v) and math.isfinite(v) and 0 <= v <= 16 for v in values)


def _canary_changes(canary: Callable[..., Any]) -> str | None:
    for parcel_id in range(100_000, 100_200):
        if len({bool(canary(parcel_id, 0.5)) for _ in range(4)}) > 1:
            return f"parcel {parcel_id} was sent to both models"
    return None


def _canary_misses_share(canary: Callable[..., Any]) -> str | None:
    for name, ids in (
        ("2,000 ids in a row", range(100_000, 102_000)),
        ("ids that end in 00", range(100_000, 300_000, 100)),
    ):
        for share in (0.1, 0.5):
            seen = np.mean([bool(canary(parcel_id, share)) for parcel_id in ids])
            if abs(seen - share) > 0.05:
                return f"of {name}, {seen:.0%} went to the new model; {share:.0%} were asked for"
    return None


def _canary_forgets(canary: Callable[..., Any]) -> str | None:
    for parcel_id in range(100_000, 100_400):
        if canary(parcel_id, 0.1) and not canary(parcel_id, 0.5):
            return f"parcel {parcel_id} was in the 10 % but is not in the 50 %"
    return None


def latency_cases() -> list[Case]:
    """Make the cases of exercise 5.3."""
    ten = [5.0, 1.0, 9.0, 2.0, 30.0, 3.0, 4.0, 8.0, 7.0, 6.0]
    return [
        Case("ten unsorted latencies and q = 50", (ten, 50)),
        Case("ten unsorted latencies and q = 99", (ten, 99)),
        Case("ten unsorted latencies and q = 100", (ten, 100)),
        Case("one latency and q = 95", ([4.0], 95)),
    ]


def psi_cases() -> list[Case]:
    """Make the cases of exercise 6.1."""
    bins = np.array([0.0, 4.0, 8.0, 12.0, 16.0])
    reference = np.array([1.0, 2.0, 5.0, 6.0, 7.0, 9.0, 10.0, 13.0])
    return [
        Case("twice as many values in other bins", (reference, np.tile([2.0, 5.0, 9.0, 13.0], 4), bins)),
        Case("two equal samples", (reference, reference.copy(), bins)),
        Case("a bin that is empty in the current sample", (reference, np.array([1.0, 2.0, 5.0, 9.0]), bins)),
    ]


def _shares(values: np.ndarray, bins: np.ndarray, least: float = 0.0001) -> np.ndarray:
    return np.maximum(np.histogram(values, bins)[0] / len(values), least)


def _psi_of_counts(reference: np.ndarray, current: np.ndarray, bins: np.ndarray) -> float:
    expected, seen = (np.maximum(np.histogram(v, bins)[0], 0.0001) for v in (reference, current))
    return float(np.sum((seen - expected) * np.log(seen / expected)))


def _one_sided(reference: np.ndarray, current: np.ndarray, bins: np.ndarray) -> float:
    expected, seen = _shares(reference, bins), _shares(current, bins)
    return float(np.sum(seen * np.log(seen / expected)))


def alert_cases() -> list[Case]:
    """Make the cases of exercise 6.2."""
    return [
        Case("0.97, 0.70, 0.96 and a patience of 1", ([0.97, 0.70, 0.96], 0.85, 1)),
        Case("0.97, 0.70, 0.68 and a patience of 2", ([0.97, 0.70, 0.68], 0.85, 2)),
        Case("0.70, 0.97, 0.68 and a patience of 2", ([0.70, 0.97, 0.68], 0.85, 2)),
        Case("0.97, 0.85, 0.85 at a gate of exactly 0.85 and a patience of 2", ([0.97, 0.85, 0.85], 0.85, 2)),
        Case("one week only, 0.60, and a patience of 2", ([0.60], 0.85, 2)),
    ]


def decision_cases() -> list[Case]:
    """Make the cases of exercise 6.3."""
    return [
        Case("30 parcels only the challenger gets right and 6 only the champion", (30, 6)),
        Case("7 against 3", (7, 3)),
        Case("6 against 30", (6, 30)),
        Case("no parcel on which they differ", (0, 0)),
        Case("6 against 0", (6, 0)),
        Case("5 against 0", (5, 0)),
    ]


def _decide_without_direction(challenger_only_right: int, champion_only_right: int) -> str:
    differing = challenger_only_right + champion_only_right
    significant = differing > 0 and binomtest(challenger_only_right, differing).pvalue < 0.05
    return "promote" if significant else "keep"


def _decide_one_sided(challenger_only_right: int, champion_only_right: int) -> str:
    differing = challenger_only_right + champion_only_right
    significant = differing > 0 and binomtest(challenger_only_right, differing, alternative="greater").pvalue < 0.05
    return "promote" if significant else "keep"


_ALL: tuple[Exercise, ...] = (
    Exercise(
        "1.1",
        "Find the lost parcels",
        4,
        "fill in",
        "find_lost(parcels, clicks)",
        "the ids of the parcels without any click",
        (
            "Which table must stay whole: the one of parcels, or the one of clicks?",
            '`parcels["id"].isin(...)` tells for each parcel whether its id stands among other ids.',
            "Turn the result of `isin` round with `~`, use it to choose rows of `parcels`, and return their `id`.",
        ),
        is_ids,
        lost_parcel_cases,
        lambda given, expected: id_list(given) == id_list(expected),
        (
            Mistake(
                "these parcels do have a click, as an inner join keeps them; the lost ones are the others.",
                lambda parcels, clicks: parcels.loc[parcels["id"].isin(clicks["parcel_id"]), "id"],
            ),
            Mistake(
                "this looks from the clicks to the parcels and finds clicks of unknown parcels; look from the parcels.",
                lambda parcels, clicks: clicks.loc[~clicks["parcel_id"].isin(parcels["id"]), "parcel_id"],
            ),
        ),
    ),
    Exercise(
        "1.2",
        "Measure the label delay",
        5,
        "write",
        "label_delay_hours(parcels, clicks)",
        "the median number of hours from `seen_at` to the first click, over the parcels that have one",
        (
            "A parcel can be clicked more than once: find its first click before you compare times.",
            '`clicks.groupby("parcel_id")["clicked_at"].min()` has one row for each clicked parcel.',
            "A time difference has `.dt.total_seconds()`; 3600 seconds are an hour. Take the median last.",
        ),
        is_number,
        delay_cases,
        close,
        (
            Mistake(
                "later clicks of the same parcel are counted too; keep only each parcel's first.",
                lambda parcels, clicks: _delays(parcels, clicks).dt.total_seconds().median() / 3600,
            ),
            Mistake(
                "this is the mean, which a few very late labels pull up; the median is asked for.",
                lambda parcels, clicks: _first_delays(parcels, clicks).dt.total_seconds().mean() / 3600,
            ),
            Mistake(
                "`.dt.seconds` leaves whole days out; `.dt.total_seconds()` counts them.",
                lambda parcels, clicks: _first_delays(parcels, clicks).dt.seconds.median() / 3600,
            ),
            Mistake(
                "these are seconds; divide by 3600 for hours.",
                lambda parcels, clicks: _first_delays(parcels, clicks).dt.total_seconds().median(),
            ),
        ),
    ),
    Exercise(
        "1.3",
        "Name a version of the data",
        6,
        "open",
        "data_hash(files)",
        "a SHA-256 as 64 hexadecimal digits",
        (
            "`hashlib.sha256()` makes a digest that you feed with `.update(...)` and read with `.hexdigest()`.",
            "Go through the files in an order that does not depend on the dictionary: `sorted(files)`.",
            "Feed the digest with the hash of each name and of each content, so that it is clear where one ends.",
        ),
        lambda value: isinstance(value, str),
        promises=(
            Promise("64 hexadecimal digits, as text.", _version_is_a_hash, "use `.hexdigest()`, and return it."),
            Promise(
                "the same files in another order have the same version.",
                _version_depends_on_order,
                "the loop goes through the dictionary as it is; go through `sorted(files)`.",
            ),
            Promise(
                "any changed byte changes the version.",
                _version_misses_a_byte,
                "only names, sizes or one of the files go into the hash; every content has to.",
            ),
            Promise(
                "a renamed file changes the version.",
                _version_misses_a_name,
                "only the contents go into the hash; the names have to, each beside its content.",
            ),
            Promise(
                "what belongs to the name and what to the content matters.",
                _version_blurs_borders,
                "name and content are joined without a border; hash each of them first, or put its length before it.",
            ),
        ),
    ),
    Exercise(
        "2.1",
        "Recognise a blank frame",
        3,
        "fill in",
        "is_blank(image)",
        "True if all pixels have the same value, else False",
        (
            "A blank frame need not be black: a shutter can also get stuck in front of a bright lamp.",
            "If all values are equal, what do you know about the smallest and the largest?",
            "Compare `image.min()` with `image.max()`.",
        ),
        is_truth,
        blank_cases,
        mistakes=(
            Mistake(
                "only black frames are found; a frame that is all 16 shows nothing either.",
                lambda image: bool(image.sum() == 0),
            ),
            Mistake(
                "one dark pixel is enough here; every normal image has some. Ask about all pixels.",
                lambda image: bool((image == 0).any()),
            ),
            Mistake(
                "faint images fall below this brightness and would be thrown away; ask whether the pixels differ.",
                lambda image: bool(image.mean() < 1),
            ),
        ),
    ),
    Exercise(
        "2.2",
        "Split by time",
        4,
        "write",
        "split_by_time(table, cutoff)",
        "two tables: rows seen before the cutoff, and rows seen at the cutoff or later",
        (
            "The column `seen_at` can be compared with a time: the result is one truth value a row.",
            "Choose the rows with `table[mask]` and the others with `table[~mask]`: no row is lost, none stands twice.",
            'The mask is `table["seen_at"] < cutoff`; return both tables, the earlier one first.',
        ),
        is_two_tables,
        time_split_cases,
        same_split,
        (
            Mistake(
                "the row seen at the very cutoff stands in the first part; with `<` it goes to the second.",
                lambda table, cutoff: (table[table["seen_at"] <= cutoff], table[table["seen_at"] > cutoff]),
            ),
            Mistake(
                "rows are taken by position, but the table is not sorted by time; compare `seen_at` with the cutoff.",
                _split_by_position,
            ),
            Mistake(
                "the row seen at the very cutoff is in neither part; `~mask` gives all the others.",
                lambda table, cutoff: (table[table["seen_at"] < cutoff], table[table["seen_at"] > cutoff]),
            ),
            Mistake(
                "the two parts are in the wrong order: the earlier one comes first.",
                lambda table, cutoff: (table[table["seen_at"] >= cutoff], table[table["seen_at"] < cutoff]),
            ),
        ),
    ),
    Exercise(
        "2.3",
        "Find the leaks",
        6,
        "write",
        "find_leaks(images_train, images_val)",
        "the number of validation images that also stand in training",
        (
            "Two images are equal if all their pixels are: turn each image into something that a set can hold.",
            "`image.tobytes()` or `tuple(image)` can stand in a set; looking up in a set is fast.",
            "Put the training images into a set, then count the validation images that are in it.",
        ),
        is_whole,
        leak_cases,
        mistakes=(
            Mistake(
                "only images at the same place are compared; a leak can stand anywhere in the training images.",
                lambda train, val: sum(a == b for a, b in zip(_rows(train), _rows(val), strict=False)),
            ),
            Mistake(
                "pairs are counted, so an image that stands twice in training counts twice; count validation images.",
                lambda train, val: sum(a == b for a in _rows(train) for b in _rows(val)),
            ),
            Mistake(
                "different images are counted, so one that leaks twice into validation counts once; count both.",
                lambda train, val: len(set(_rows(train)) & set(_rows(val))),
            ),
        ),
    ),
    Exercise(
        "3.1",
        "Beat this first",
        4,
        "fill in",
        "baseline_accuracy(y_train, y_val)",
        "the validation accuracy of always giving the most frequent training label",
        (
            "The baseline learns one thing from the training labels: which of them is most frequent.",
            "`np.bincount(y_train).argmax()` is the most frequent label.",
            "The accuracy is the share of `y_val` that equals this label: a mean of truth values.",
        ),
        is_number,
        baseline_cases,
        close,
        (
            Mistake(
                "the label is taken from the validation labels: the baseline has peeked at the answers.",
                lambda y_train, y_val: _share(y_val, _majority(y_val)),
            ),
            Mistake(
                "this is the accuracy on the training labels; measure on `y_val`.",
                lambda y_train, y_val: _share(y_train, _majority(y_train)),
            ),
            Mistake(
                "this always says 1; which label is most frequent has to come from `y_train`.",
                lambda y_train, y_val: _share(y_val, 1),
            ),
        ),
    ),
    Exercise(
        "3.2",
        "Choose the epoch to keep",
        4,
        "write",
        "best_epoch(trace)",
        "the number of the epoch with the lowest validation loss",
        (
            "Each record is `(epoch, loss, accuracy)`: the loss stands at index 1.",
            "`min(trace, key=...)` finds the record for which the key is smallest.",
            "Return the record's epoch, not its place in the list and not its loss.",
        ),
        is_number,
        trace_cases,
        close,
        (
            Mistake(
                "this is the place in the list, counted from 0; return the epoch that stands in the record.",
                lambda trace: min(range(len(trace)), key=lambda place: trace[place][1]),
            ),
            Mistake(
                "this is the epoch with the highest accuracy; the loss is asked for, and the two disagree.",
                lambda trace: max(trace, key=lambda record: record[2])[0],
            ),
            Mistake(
                "this is the last epoch; training longer does not always help, so look for the lowest loss.",
                lambda trace: trace[-1][0],
            ),
            Mistake(
                "this is the loss itself; return the epoch it belongs to.",
                lambda trace: min(record[1] for record in trace),
            ),
        ),
    ),
    Exercise(
        "3.3",
        "Write the loss yourself",
        7,
        "write",
        "log_loss_of(y, p)",
        "the mean log loss, with p kept between 1e-12 and 1 - 1e-12",
        (
            "For a true 1 the loss is `-log(p)`, for a true 0 it is `-log(1 - p)`.",
            "Both in one line: `-(y * np.log(p) + (1 - y) * np.log(1 - p))`.",
            "`np.log(0)` is minus infinity: clip p with `np.clip(p, 1e-12, 1 - 1e-12)` first, take the mean last.",
        ),
        is_number,
        loss_cases,
        close,
        (
            Mistake(
                "the sign is missing: logarithms of probabilities are negative, a loss is not.",
                lambda y, p: float(-_loss(y, p).mean()),
            ),
            Mistake("this is the sum; take the mean over the images.", lambda y, p: float(_loss(y, p).sum())),
            Mistake(
                "only the images of class 1 add to the loss; those of class 0 add `-log(1 - p)`.",
                lambda y, p: float(-np.mean(y * np.log(np.clip(p, 1e-12, 1 - 1e-12)))),
            ),
            Mistake(
                "this is the logarithm to base 2; use the natural one, `np.log`.",
                lambda y, p: float(_loss(y, p).mean() / math.log(2)),
            ),
        ),
    ),
    Exercise(
        "4.1",
        "Count the mistakes by kind",
        5,
        "write",
        "confusion(y_true, y_pred)",
        "a 2 x 2 table of counts: a row for each true class, a column for each predicted class",
        (
            "Start from `np.zeros((2, 2), dtype=int)` and go through both arrays together with `zip`.",
            "For each image add 1 in the row of its true class and the column of its predicted class.",
            "`counts[true, predicted] += 1`: the first index is the row.",
        ),
        is_two_by_two,
        confusion_cases,
        same_table,
        (
            Mistake(
                "rows and columns are exchanged: the row is the true class, the column the predicted one.",
                lambda y_true, y_pred: _confusion(y_true, y_pred).T,
            ),
            Mistake(
                "these are shares; counts are asked for, so that everyone can see how few images they rest on.",
                lambda y_true, y_pred: _confusion(y_true, y_pred) / len(y_true),
            ),
        ),
    ),
    Exercise(
        "4.2",
        "Find the worst camera",
        5,
        "write",
        "worst_slice(table, at_least)",
        "the camera_id with the lowest accuracy among cameras with at least `at_least` parcels",
        (
            'Group by camera: `table.groupby("camera_id")["correct"]`.',
            "The mean of truth values is the accuracy, the size is the number of parcels: `.agg(['mean', 'size'])`.",
            "Keep the rows whose size is large enough, then `.idxmin()` of the mean is the camera.",
        ),
        is_whole,
        slice_cases,
        mistakes=(
            Mistake(
                "a camera with too few parcels was chosen; leave those out first.",
                lambda table, at_least: int(_accuracy_by_camera(table).idxmin()),
            ),
            Mistake(
                "this camera has the most mistakes because it has the most parcels; compare shares, not counts.",
                lambda table, at_least: int((~table["correct"]).groupby(table["camera_id"]).sum().idxmax()),
            ),
            Mistake(
                "this is the best camera; look for the lowest accuracy.",
                lambda table, at_least: int(_accuracy_by_camera(table).idxmax()),
            ),
        ),
    ),
    Exercise(
        "4.3",
        "Write the gate",
        6,
        "write",
        "passes_gate(correct, total, gate)",
        "True if the lower end of the 95 % Wilson interval reaches the gate, else False",
        (
            "A small test proves little: the question is what the true accuracy may be at worst.",
            '`scipy.stats.binomtest(correct, total).proportion_ci(method="wilson")` is the 95 % interval.',
            "Its lower end is `.low`; compare it with the gate by `>=`.",
        ),
        is_truth,
        gate_cases,
        mistakes=(
            Mistake(
                "the measured accuracy is compared, as if the test were endless; use the interval's lower end.",
                lambda correct, total, gate: correct / total >= gate,
            ),
            Mistake(
                "the upper end of the interval is compared: that asks whether the model could be good enough.",
                lambda correct, total, gate: bool(_wilson_high(correct, total) >= gate),
            ),
            Mistake(
                "the plain normal interval has no width when everything is right; Wilson's stays honest.",
                lambda correct, total, gate: _wald_low(correct, total) >= gate,
            ),
        ),
    ),
    Exercise(
        "5.1",
        "Guard the door",
        7,
        "write",
        "is_valid_request(pixels)",
        "True for a list of 8 lists of 8 finite numbers from 0 to 16, False for anything else, without ever raising",
        (
            "Check the shape first: is it a list of 8, is every row a list of 8? Return False at the first no.",
            "Then every value: is it an `int` or a `float`, and does it lie between 0 and 16?",
            "NaN is neither below 0 nor above 16: ask `0 <= value <= 16`, or `math.isfinite(value)`.",
        ),
        is_truth,
        request_cases,
        mistakes=(
            Mistake(
                "the range is not checked: a client that sends 0 to 255 gets confident nonsense back.",
                _is_valid_without_range,
            ),
            Mistake(
                "NaN slips through: it is neither below 0 nor above 16. Ask whether the value is inside, not outside.",
                _is_valid_with_nan,
            ),
            Mistake(
                "64 values are not enough: they have to stand in 8 rows of 8.",
                _is_valid_by_count,
            ),
        ),
    ),
    Exercise(
        "5.2",
        "Send a canary ahead",
        6,
        "open",
        "canary(parcel_id, share)",
        "True for about this share of all parcel ids, and always for the same ones",
        (
            "Chance is not steady: asked twice, the same parcel must get the same answer, on every machine.",
            "A hash is steady and looks like chance: `hashlib.sha256(str(parcel_id).encode())`.",
            "Turn the digest into a number between 0 and 1 and compare it with the share.",
        ),
        is_truth,
        promises=(
            Promise(
                "the same parcel always goes to the same model.",
                _canary_changes,
                "a random number is drawn at each call; compute one from the id.",
            ),
            Promise(
                "about the share that was asked for, whichever ids arrive.",
                _canary_misses_share,
                "the id is used as it is (its last digits, or a comparison); hash it first, and use the share.",
            ),
            Promise(
                "who is in a small share stays in when the share grows.",
                _canary_forgets,
                "the share goes into the hash; hash the id alone and compare with the share.",
            ),
        ),
    ),
    Exercise(
        "5.3",
        "Read the slow end",
        5,
        "write",
        "percentile(latencies, q)",
        "the smallest of the latencies that at least q percent of the requests do not exceed",
        (
            "Sort the latencies: the answer is one of them.",
            "At least q percent of n requests are `math.ceil(q / 100 * n)` requests.",
            "The latency with this rank stands at index rank - 1 of the sorted list.",
        ),
        is_number,
        latency_cases,
        close,
        (
            Mistake(
                "this value lies between two latencies; nobody waited that long. Return one that was measured.",
                lambda latencies, q: float(np.percentile(latencies, q)),
            ),
            Mistake(
                "the latencies are not sorted before one is picked.",
                lambda latencies, q: latencies[math.ceil(q / 100 * len(latencies)) - 1],
            ),
            Mistake(
                "the index is one too far: ranks start at 1, indexes at 0.",
                lambda latencies, q: sorted(latencies)[min(int(q / 100 * len(latencies)), len(latencies) - 1)],
            ),
            Mistake(
                "this is the mean, which hides the slow requests; pick by rank.",
                lambda latencies, q: float(np.mean(latencies)),
            ),
        ),
    ),
    Exercise(
        "6.1",
        "Measure a drift",
        7,
        "write",
        "psi(reference, current, bins)",
        "the population stability index, where an empty bin counts as a share of 0.0001",
        (
            "`np.histogram(values, bins)[0]` counts the values in each bin; divide by their number for shares.",
            "`np.maximum(shares, 0.0001)` keeps empty bins out of the logarithm.",
            "Sum over the bins: `(seen - expected) * np.log(seen / expected)`.",
        ),
        is_number,
        psi_cases,
        close,
        (
            Mistake(
                "counts are compared, so a larger sample looks like a drift; divide each by its number of values.",
                _psi_of_counts,
            ),
            Mistake(
                "this multiplies by the current share alone; the index multiplies by the difference of the shares.",
                _one_sided,
            ),
            Mistake(
                "the sign is turned round: the index is 0 for equal samples and positive otherwise.",
                lambda reference, current, bins: (
                    -float(
                        np.sum(
                            (_shares(current, bins) - _shares(reference, bins))
                            * np.log(_shares(current, bins) / _shares(reference, bins))
                        )
                    )
                ),
            ),
        ),
    ),
    Exercise(
        "6.2",
        "Alert, but not at every bad week",
        5,
        "write",
        "should_alert(accuracies, gate, patience)",
        "True if each of the last `patience` accuracies is below the gate, else False",
        (
            "Only the latest weeks count: `accuracies[-patience:]`.",
            "All of them have to be below the gate: `all(...)`.",
            "With fewer weeks than the patience there is nothing to alert about yet.",
        ),
        is_truth,
        alert_cases,
        mistakes=(
            Mistake(
                "any bad week of the whole past sets this off; look at the last ones only.",
                lambda accuracies, gate, patience: min(accuracies) < gate,
            ),
            Mistake(
                "bad weeks are counted wherever they stand; they have to be the last ones, without a good one between.",
                lambda accuracies, gate, patience: sum(a < gate for a in accuracies) >= patience,
            ),
            Mistake(
                "only the last week is looked at; with a patience of 2 one bad week is not enough.",
                lambda accuracies, gate, patience: accuracies[-1] < gate,
            ),
            Mistake(
                "an accuracy that just reaches the gate sets this off; below means `<`.",
                lambda accuracies, gate, patience: (
                    len(accuracies) >= patience and all(a <= gate for a in accuracies[-patience:])
                ),
            ),
            Mistake(
                "there are fewer weeks than the patience asks for; wait for enough of them.",
                lambda accuracies, gate, patience: all(a < gate for a in accuracies[-patience:]),
            ),
        ),
    ),
    Exercise(
        "6.3",
        "Champion or challenger",
        6,
        "write",
        "decide(challenger_only_right, champion_only_right)",
        'the text "promote" or "keep"',
        (
            "Parcels that both get right, or both wrong, say nothing: only the differing ones count.",
            "If both were equally good, each differing parcel would be a coin toss: `scipy.stats.binomtest(k, n)`.",
            "Promote if the challenger is ahead and the p-value is below 0.05; mind the case without any difference.",
        ),
        lambda value: isinstance(value, str),
        decision_cases,
        mistakes=(
            Mistake(
                "being ahead by a few parcels is enough here; that happens by luck. Ask for a p-value below 0.05.",
                lambda challenger, champion: "promote" if challenger > champion else "keep",
            ),
            Mistake(
                "any significant difference is enough here, even when the challenger is worse; check who is ahead.",
                _decide_without_direction,
            ),
            Mistake(
                "the test is one-sided, which halves the p-value; McNemar's test asks about a difference either way.",
                _decide_one_sided,
            ),
        ),
    ),
)


EXERCISES: dict[str, Exercise] = {exercise.id: exercise for exercise in _ALL}
