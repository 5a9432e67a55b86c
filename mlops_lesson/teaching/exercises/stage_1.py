"""The exercises of Data Collection."""

import hashlib
import re
from collections.abc import Callable, Iterator

import pandas as pd

from mlops_lesson.teaching.exercises.exercise import Exercise


def find_lost(parcels: pd.DataFrame, clicks: pd.DataFrame) -> list[int]:
    """Return the ids of the parcels without any click."""
    clicked = parcels["id"].isin(clicks["parcel_id"])
    return parcels.loc[~clicked, "id"].tolist()


def label_delay_hours(parcels: pd.DataFrame, clicks: pd.DataFrame) -> float:
    """Return the median number of hours from `seen_at` to the first click, over the parcels that have one."""
    first_click = clicks.groupby("parcel_id")["clicked_at"].min()
    seen_at = parcels.set_index("id")["seen_at"]
    delay = (first_click - seen_at).dropna()
    return delay.dt.total_seconds().median() / 3600


def data_hash(files: dict[str, bytes]) -> str:
    """Return a SHA-256 as 64 hexadecimal digits, the same for the same names and bytes in any order."""
    digest = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


SEEN = ["2026-01-05 08:00", "2026-01-05 09:00", "2026-01-06 08:00", "2026-01-06 09:00", "2026-01-07 10:00"]
PARCELS = pd.DataFrame({"id": [101, 102, 103, 104, 105], "camera_id": [1, 2, 1, 3, 4], "seen_at": pd.to_datetime(SEEN)})
CLICKED = ["2026-01-05 20:00", "2026-01-09 08:00", "2026-01-06 15:00", "2026-01-08 10:00", "2026-01-09 11:00"]
CLICKS = pd.DataFrame(
    {"parcel_id": [101, 101, 102, 103, 900101], "chute": [*"AABBA"], "clicked_at": pd.to_datetime(CLICKED)}
)
LATE_CLICKS = CLICKS.assign(clicked_at=CLICKS["clicked_at"] + pd.Timedelta(days=3))
FILES = {"clicks.csv": b"parcel_id,chute\n101,A\n", "sensors.jsonl": b'{"lux": 310}\n'}


def _delays(parcels: pd.DataFrame, clicks: pd.DataFrame) -> pd.Series:
    joined = parcels.merge(clicks, left_on="id", right_on="parcel_id")
    return joined["clicked_at"] - joined["seen_at"]


def _first_delays(parcels: pd.DataFrame, clicks: pd.DataFrame) -> pd.Series:
    return _delays(parcels, clicks.groupby("parcel_id", as_index=False)["clicked_at"].min())


def _is_no_hash(data_hash: Callable[..., str]) -> Iterator[str]:
    value = data_hash(FILES)
    if not re.fullmatch("[0-9a-f]{64}", value):
        yield f"{value[:60]!r}, {len(value)} characters"


def _depends_on_order(data_hash: Callable[..., str]) -> Iterator[str]:
    if data_hash(FILES) != data_hash(dict(reversed(FILES.items()))):
        yield "the same two files in another order got another hash"


def _misses_a_byte(data_hash: Callable[..., str]) -> Iterator[str]:
    for name, content in FILES.items():
        if data_hash(FILES) == data_hash(FILES | {name: content.replace(b"1", b"2")}):
            yield f"one byte of {name} changed, the hash did not"


def _misses_a_name(data_hash: Callable[..., str]) -> Iterator[str]:
    if data_hash(FILES) == data_hash({f"old_{name}": content for name, content in FILES.items()}):
        yield "the files were renamed, the hash did not change"
    if data_hash(FILES) == data_hash(dict(zip(FILES, reversed(FILES.values()), strict=True))):
        yield "the contents of the two files were swapped, the hash did not change"


def _blurs_borders(data_hash: Callable[..., str]) -> Iterator[str]:
    if data_hash({"a": b"bc", "d": b"e"}) == data_hash({"ab": b"c", "d": b"e"}):
        yield "{'a': b'bc'} and {'ab': b'c'} got the same hash"


EXERCISES = {
    "1.1": Exercise(
        find_lost,
        cases={
            "five parcels, of which 104 and 105 have no click": (PARCELS, CLICKS),
            "no click at all": (PARCELS, CLICKS.iloc[:0]),
            "a click for every parcel": (PARCELS.iloc[:3], CLICKS),
        },
        mistakes={
            "clicked": lambda parcels, clicks: parcels.loc[parcels["id"].isin(clicks["parcel_id"]), "id"],
            "unknown_parcels": lambda parcels, clicks: list({*clicks["parcel_id"]} - {*parcels["id"]}),
            "index_of_a_column": lambda parcels, clicks: [
                one for one in parcels["id"] if one not in clicks["parcel_id"]
            ],
        },
    ),
    "1.2": Exercise(
        label_delay_hours,
        cases={
            "first clicks after 12, 30 and 50 hours": (PARCELS, CLICKS),
            "the same clicks, three days later and in another order": (PARCELS, LATE_CLICKS.iloc[::-1]),
        },
        mistakes={
            "every_click": lambda parcels, clicks: _delays(parcels, clicks).dt.total_seconds().median() / 3600,
            "mean": lambda parcels, clicks: _first_delays(parcels, clicks).dt.total_seconds().mean() / 3600,
            "without_days": lambda parcels, clicks: _first_delays(parcels, clicks).dt.seconds.median() / 3600,
            "seconds": lambda parcels, clicks: _first_delays(parcels, clicks).dt.total_seconds().median(),
        },
    ),
    "1.3": Exercise(
        data_hash,
        promises=[_is_no_hash, _depends_on_order, _misses_a_byte, _misses_a_name, _blurs_borders],
        everywhere=[(FILES,)],
    ),
}
