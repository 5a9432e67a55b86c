"""The exercises of Deployment."""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from mlops_lesson.teaching.exercises.exercise import Exercise


def is_valid_request(pixels: object) -> bool:
    """Return True for a list of 8 lists of 8 finite numbers from 0 to 16, False for anything else; never raise."""
    if not isinstance(pixels, list) or len(pixels) != 8:
        return False
    if not all(isinstance(row, list) and len(row) == 8 for row in pixels):
        return False
    values = [value for row in pixels for value in row]
    return all(type(value) in (int, float) and math.isfinite(value) and 0 <= value <= 16 for value in values)


def canary(parcel_id: int, share: float) -> bool:
    """Return True for about this share of all parcel ids, and always for the same ones."""
    digest = hashlib.sha256(str(parcel_id).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share


def percentile(latencies: list[float], q: float) -> float:
    """Return the smallest of the latencies that at least q percent of the requests do not exceed."""
    rank = math.ceil(q / 100 * len(latencies))
    return sorted(latencies)[max(rank, 1) - 1]


GOOD = [[float((row * column) % 17) for column in range(8)] for row in range(8)]
IDS = range(100_000, 100_500)
TEN = [5.0, 1.0, 9.0, 2.0, 30.0, 3.0, 4.0, 8.0, 7.0, 6.0]


def _with_pixel(value: Any) -> list[list[Any]]:
    return [[value, *GOOD[0][1:]], *GOOD[1:]]


def _accepts(pixels: Any, is_fine: Callable[[float], bool], by_count: bool = False) -> bool:
    if not isinstance(pixels, list) or not all(isinstance(row, list) for row in pixels):
        return False
    values = [value for row in pixels for value in row]
    shaped = len(values) == 64 if by_count else [len(row) for row in pixels] == [8] * 8
    return shaped and all(isinstance(value, (int, float)) and is_fine(value) for value in values)


def _taken(canary: Callable[..., bool], share: float, ids: Iterable[int] = IDS) -> list[bool]:
    return [bool(canary(parcel_id, share)) for parcel_id in ids]


def _changes(canary: Callable[..., bool]) -> Iterator[str]:
    for parcel_id in IDS[:100]:
        if len(set(_taken(canary, 0.5, [parcel_id] * 4))) > 1:
            yield f"parcel {parcel_id} was sent to both models"


def _is_turned_round(canary: Callable[..., bool]) -> Iterator[str]:
    small, large = np.mean(_taken(canary, 0.1)), np.mean(_taken(canary, 0.9))
    if abs(small - 0.9) < 0.07 and abs(large - 0.1) < 0.07:
        yield f"{small:.0%} went to the new model where 10% were asked for, {large:.0%} where 90% were"


def _ignores_share(canary: Callable[..., bool]) -> Iterator[str]:
    small = _taken(canary, 0.1)
    if small == _taken(canary, 0.9):
        yield f"{np.mean(small):.0%} go to the new model at 10 % and at 90 % alike"


def _misses_share(canary: Callable[..., bool]) -> Iterator[str]:
    in_a_row, hundreds = range(100_000, 101_000), range(100_000, 200_000, 100)
    for name, ids in (("1,000 ids in a row", in_a_row), ("ids that end in 00", hundreds)):
        for share in (0.1, 0.5):
            if abs((seen := np.mean(_taken(canary, share, ids))) - share) > 0.06:
                yield f"of {name}, {seen:.0%} went to the new model; {share:.0%} were asked for"


def _forgets(canary: Callable[..., bool]) -> Iterator[str]:
    for parcel_id, early, later in zip(IDS, _taken(canary, 0.1), _taken(canary, 0.5), strict=True):
        if early and not later:
            yield f"parcel {parcel_id} was in the 10 % but is not in the 50 %"


EXERCISES = {
    "5.1": Exercise(
        is_valid_request,
        cases={
            "a good image": (GOOD,),
            "whole numbers from 0 to 16": ([[int(value) for value in row] for row in GOOD],),
            "a pixel of 255": (_with_pixel(255),),
            "a pixel of -1": (_with_pixel(-1),),
            "a pixel that is not a number (NaN)": (_with_pixel(math.nan),),
            "an infinite pixel": (_with_pixel(math.inf),),
            "64 numbers in one row": ([[*chain(*GOOD)]],),
            "one row with 9 pixels and one with 7": ([[*GOOD[0], 0.0], GOOD[1][:-1], *GOOD[2:]],),
            "a pixel that is text": (_with_pixel("16"),),
            "None in place of the image": (None,),
        },
        mistakes={
            "any_range": lambda pixels: _accepts(pixels, math.isfinite),
            "nan": lambda pixels: _accepts(pixels, lambda value: not (value < 0 or value > 16)),
            "only_count": lambda pixels: _accepts(pixels, lambda value: 0 <= value <= 16, by_count=True),
        },
    ),
    "5.2": Exercise(
        canary,
        promises=[_changes, _is_turned_round, _ignores_share, _misses_share, _forgets],
        # Ids that were not asked for yet: an answer may remember what it gave.
        everywhere=[(parcel_id, 0.5) for parcel_id in range(300_000, 300_200)],
    ),
    "5.3": Exercise(
        percentile,
        cases={
            "ten unsorted latencies and q = 50": (TEN, 50),
            "ten unsorted latencies and q = 99": (TEN, 99),
            "ten unsorted latencies and q = 100": (TEN, 100),
            "one latency and q = 95": ([4.0], 95),
        },
        mistakes={
            "between": lambda latencies, q: float(np.percentile(latencies, q)),
            "unsorted": lambda latencies, q: latencies[math.ceil(q / 100 * len(latencies)) - 1],
            "one_too_far": lambda latencies, q: sorted([*latencies, math.inf])[int(q / 100 * len(latencies))],
            "mean": lambda latencies, q: float(np.mean(latencies)),
        },
    ),
}
