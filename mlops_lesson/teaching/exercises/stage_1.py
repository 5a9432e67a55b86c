"""The exercises of Data Collection."""

import hashlib
import re

import pandas as pd

from mlops_lesson.teaching.exercises.exercise import Exercise


def find_lost(parcels: pd.DataFrame, clicks: pd.DataFrame) -> list[int]:
    """Return the ids of the parcels without any click."""
    clicked = parcels["id"].isin(clicks["parcel_id"])
    return parcels.loc[~clicked, "id"].tolist()


def label_delay_hours(parcels: pd.DataFrame, clicks: pd.DataFrame) -> float:
    """Return the median hours from a photograph to the first click, where there is one."""
    first_click = clicks.groupby("parcel_id")["clicked_at"].min()
    seen_at = parcels.set_index("id")["seen_at"]
    delay = (first_click - seen_at).dropna()
    return delay.dt.total_seconds().median() / 3600


def data_hash(files: dict[str, bytes]) -> str:
    """Return a SHA-256 as 64 hexadecimal digits, equal for equal names and bytes in any order."""
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
FILES = {"clicks.csv": b"parcel_id,chute\n501,A\n", "sensors.jsonl": b'{"lux": 310}\n'}
RENAMED = {f"old_{name}": content for name, content in FILES.items()}
SWAPPED = dict(zip(FILES, reversed(FILES.values()), strict=True))


def _hours(parcels: pd.DataFrame, clicks: pd.DataFrame) -> pd.Series:
    joined = parcels.merge(clicks, left_on="id", right_on="parcel_id").set_index("id")
    return (joined["clicked_at"] - joined["seen_at"]).dt.total_seconds() / 3600


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
            "index_of_a_column": lambda parcels, clicks: [i for i in parcels["id"] if i not in clicks["parcel_id"]],
        },
    ),
    "1.2": Exercise(
        label_delay_hours,
        cases={
            "first clicks after 12, 30 and 50 hours": (PARCELS, CLICKS),
            "the same clicks, three days later and in another order": (PARCELS, LATE_CLICKS.iloc[::-1]),
        },
        mistakes={
            "every_click": lambda parcels, clicks: _hours(parcels, clicks).median(),
            "mean": lambda parcels, clicks: _hours(parcels, clicks).groupby("id").min().mean(),
            "without_days": lambda parcels, clicks: (_hours(parcels, clicks).groupby("id").min() % 24).median(),
            "seconds": lambda parcels, clicks: label_delay_hours(parcels, clicks) * 3600,
        },
    ),
    "1.3": Exercise(
        data_hash,
        promises={
            "is_no_hash": lambda data_hash: not re.fullmatch("[0-9a-f]{64}", data_hash(FILES)) and [data_hash(FILES)],
            "depends_on_order": lambda data_hash: data_hash(FILES) != data_hash(dict(reversed(FILES.items()))),
            "misses_a_byte": lambda data_hash: [
                name for name in FILES if data_hash(FILES) == data_hash(FILES | {name: FILES[name].replace(b"1", b"2")})
            ],
            "misses_a_name": lambda data_hash: data_hash(FILES) in (data_hash(RENAMED), data_hash(SWAPPED)),
            "blurs_borders": lambda data_hash: data_hash({"a": b"bc", "d": b"e"}) == data_hash({"ab": b"c", "d": b"e"}),
        },
        everywhere=[(FILES,)],
    ),
}
