"""The exercises of Deployment."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from mlops_lesson.teaching.exercises.exercise import Case, Exercise, Tried


def _requests() -> list[Case]:
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


def _has_shape(pixels: Any) -> bool:
    return isinstance(pixels, list) and len(pixels) == 8 and all(isinstance(r, list) and len(r) == 8 for r in pixels)


def _are_numbers(pixels: list[list[Any]]) -> bool:
    return all(isinstance(value, (int, float)) for row in pixels for value in row)


def _valid_at_any_range(pixels: Any) -> bool:
    return _has_shape(pixels) and _are_numbers(pixels) and all(math.isfinite(v) for row in pixels for v in row)


def _valid_with_nan(pixels: Any) -> bool:
    outside = _has_shape(pixels) and _are_numbers(pixels) and any(v < 0 or v > 16 for row in pixels for v in row)
    return _has_shape(pixels) and _are_numbers(pixels) and not outside


def _valid_by_count(pixels: Any) -> bool:
    if not isinstance(pixels, list) or not all(isinstance(row, list) for row in pixels) or not _are_numbers(pixels):
        return False
    values = [value for row in pixels for value in row]
    return len(values) == 64 and all(0 <= value <= 16 for value in values)


def _taken(canary: Tried, share: float, ids: Iterable[int] = range(100_000, 100_500)) -> list[bool]:
    return [bool(canary(parcel_id, share)) for parcel_id in ids]


def _changes(canary: Tried) -> str | None:
    for parcel_id in range(100_000, 100_100):
        if len({bool(canary(parcel_id, 0.5)) for _ in range(4)}) > 1:
            return f"parcel {parcel_id} was sent to both models"
    return None


def _is_turned_round(canary: Tried) -> str | None:
    small, large = np.mean(_taken(canary, 0.1)), np.mean(_taken(canary, 0.9))
    if abs(small - 0.9) < 0.07 and abs(large - 0.1) < 0.07:
        return f"{small:.0%} went to the new model where 10% were asked for, {large:.0%} where 90% were"
    return None


def _ignores_share(canary: Tried) -> str | None:
    small, large = _taken(canary, 0.1), _taken(canary, 0.9)
    return f"{np.mean(small):.0%} go to the new model at 10 % and at 90 % alike" if small == large else None


def _misses_share(canary: Tried) -> str | None:
    for name, ids in (
        ("1,000 ids in a row", range(100_000, 101_000)),
        ("ids that end in 00", range(100_000, 200_000, 100)),
    ):
        for share in (0.1, 0.5):
            seen = np.mean(_taken(canary, share, ids))
            if abs(seen - share) > 0.06:
                return f"of {name}, {seen:.0%} went to the new model; {share:.0%} were asked for"
    return None


def _forgets(canary: Tried) -> str | None:
    for parcel_id in range(100_000, 100_400):
        if canary(parcel_id, 0.1) and not canary(parcel_id, 0.5):
            return f"parcel {parcel_id} was in the 10 % but is not in the 50 %"
    return None


def _differs_elsewhere(canary: Tried) -> str | None:
    # Ids that were not asked for yet: an answer may remember what it gave.
    ids = range(300_000, 300_200)
    there = canary.elsewhere(*((parcel_id, 0.5) for parcel_id in ids))
    changed = 0 if there is None else sum(bool(a) != b for a, b in zip(there, _taken(canary, 0.5, ids), strict=True))
    return f"a second Python sent {changed} of {len(ids)} parcels to the other model" if changed else None


def _latencies() -> list[Case]:
    ten = [5.0, 1.0, 9.0, 2.0, 30.0, 3.0, 4.0, 8.0, 7.0, 6.0]
    return [
        Case("ten unsorted latencies and q = 50", (ten, 50)),
        Case("ten unsorted latencies and q = 99", (ten, 99)),
        Case("ten unsorted latencies and q = 100", (ten, 100)),
        Case("one latency and q = 95", ([4.0], 95)),
    ]


EXERCISES = (
    Exercise(
        "5.1",
        _requests,
        mistakes={"any_range": _valid_at_any_range, "nan": _valid_with_nan, "only_count": _valid_by_count},
    ),
    Exercise(
        "5.2",
        promises={
            "same_each_time": _changes,
            "right_way_round": _is_turned_round,
            "grows": _ignores_share,
            "share": _misses_share,
            "stays": _forgets,
            "everywhere": _differs_elsewhere,
        },
    ),
    Exercise(
        "5.3",
        _latencies,
        mistakes={
            "between": lambda latencies, q: float(np.percentile(latencies, q)),
            "unsorted": lambda latencies, q: latencies[math.ceil(q / 100 * len(latencies)) - 1],
            "one_too_far": lambda latencies, q: sorted(latencies)[
                min(int(q / 100 * len(latencies)), len(latencies) - 1)
            ],
            "mean": lambda latencies, q: float(np.mean(latencies)),
        },
    ),
)
