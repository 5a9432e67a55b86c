"""The exercises of Deployment."""

import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mlops_lesson.teaching.exercises.exercise import Exercise


def is_valid_request(pixels: object) -> bool:
    """Return True for 8 lists of 8 finite numbers from 0 to 16, else False; never raise."""
    if not isinstance(pixels, list) or len(pixels) != 8:
        return False
    if not all(isinstance(row, list) and len(row) == 8 for row in pixels):
        return False
    values = [value for row in pixels for value in row]
    return all(type(value) in (int, float) and 0 <= value <= 16 for value in values)


def canary(parcel_id: int, share: float) -> bool:
    """Return True for about this share of all parcel ids, and always for the same ones."""
    digest = hashlib.sha256(str(parcel_id).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share


def percentile(latencies: list[float], q: float) -> float:
    """Return the smallest of the latencies that at least q percent of the requests do not exceed."""
    rank = math.ceil(q / 100 * len(latencies))
    return sorted(latencies)[max(rank, 1) - 1]


GOOD = [[float((row * column) % 17) for column in range(8)] for row in range(8)]
IDS, HUNDREDS = range(100_000, 101_000), range(100_000, 200_000, 100)
TEN = [5.0, 1.0, 9.0, 2.0, 30.0, 3.0, 4.0, 8.0, 7.0, 6.0]


def _with_pixel(value: Any) -> list[list[Any]]:
    return [[value, *GOOD[0][1:]], *GOOD[1:]]


def _accepts(pixels: Any, is_fine: Callable[[float], bool], by_count: bool = False) -> bool:
    if not isinstance(pixels, list) or not all(isinstance(row, list) for row in pixels):
        return False
    values = [value for row in pixels for value in row]
    shaped = len(values) == 64 if by_count else [len(row) for row in pixels] == [8] * 8
    return shaped and all(isinstance(value, (int, float)) and is_fine(value) for value in values)


def _taken(canary: Callable[..., bool], share: float, ids: range = IDS) -> set[int]:
    return {parcel_id for parcel_id in ids if canary(parcel_id, share)}


def _shares(canary: Callable[..., bool]) -> list[float]:
    return [len(_taken(canary, 0.1, ids)) / len(ids) for ids in (IDS, HUNDREDS)]


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
            "64 numbers in one row": ([[value for row in GOOD for value in row]],),
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
        promises={
            "changes": lambda canary: sorted(_taken(canary, 0.5) ^ _taken(canary, 0.5)),
            "is_turned_round": lambda canary: len(_taken(canary, 0.1)) > 830 and len(_taken(canary, 0.9)) < 170,
            "ignores_share": lambda canary: _taken(canary, 0.1) == _taken(canary, 0.9),
            "misses_share": lambda canary: not np.allclose(_shares(canary), 0.1, atol=0.06) and _shares(canary),
            "forgets": lambda canary: sorted(_taken(canary, 0.1) - _taken(canary, 0.5)),
        },
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
        },
    ),
}
