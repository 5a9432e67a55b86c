"""The exercises of Data Collection."""

import re

import pandas as pd

from mlops_lesson.teaching.exercises.exercise import Case, Exercise, Tried


def _depot() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make five parcels and the clicks for three of them, one clicked twice, one click for an unknown parcel."""
    parcels = pd.DataFrame({"id": [101, 102, 103, 104, 105], "camera_id": [1, 2, 1, 3, 4]})
    parcels["seen_at"] = pd.to_datetime(
        ["2026-01-05 08:00", "2026-01-05 09:00", "2026-01-06 08:00", "2026-01-06 09:00", "2026-01-07 10:00"]
    )
    clicks = pd.DataFrame({"parcel_id": [101, 101, 102, 103, 900101], "chute": ["A", "A", "B", "B", "A"]})
    clicks["clicked_at"] = pd.to_datetime(
        ["2026-01-05 20:00", "2026-01-09 08:00", "2026-01-06 15:00", "2026-01-08 10:00", "2026-01-09 11:00"]
    )
    return parcels, clicks


def _lost_parcels() -> list[Case]:
    parcels, clicks = _depot()
    return [
        Case("five parcels, of which 104 and 105 have no click", (parcels, clicks)),
        Case("no click at all", (parcels, clicks.iloc[:0])),
        Case("a click for every parcel", (parcels.iloc[:3], clicks)),
    ]


def _delayed_labels() -> list[Case]:
    parcels, clicks = _depot()
    late = clicks.assign(clicked_at=clicks["clicked_at"] + pd.Timedelta(days=3))
    return [
        Case("first clicks after 12, 30 and 50 hours", (parcels, clicks)),
        Case("the same clicks, three days later and in another order", (parcels, late.iloc[::-1])),
    ]


def _delays(parcels: pd.DataFrame, clicks: pd.DataFrame) -> pd.Series:
    joined = parcels.merge(clicks, left_on="id", right_on="parcel_id")
    return joined["clicked_at"] - joined["seen_at"]


def _first_delays(parcels: pd.DataFrame, clicks: pd.DataFrame) -> pd.Series:
    return _delays(parcels, clicks.groupby("parcel_id", as_index=False)["clicked_at"].min())


def _two_files() -> dict[str, bytes]:
    return {"clicks.csv": b"parcel_id,chute\n101,A\n", "sensors.jsonl": b'{"lux": 310}\n'}


def _is_no_hash(data_hash: Tried) -> str | None:
    value = data_hash(_two_files())
    is_hash = re.fullmatch("[0-9a-f]{64}", value)
    return None if is_hash else f"{value[:60]!r}, {len(value)} characters"


def _depends_on_order(data_hash: Tried) -> str | None:
    files = _two_files()
    turned = dict(reversed(files.items()))
    return None if data_hash(files) == data_hash(turned) else "the same two files in another order got another hash"


def _misses_a_byte(data_hash: Tried) -> str | None:
    files = _two_files()
    for name in files:
        if data_hash(files) == data_hash(files | {name: files[name].replace(b"1", b"2")}):
            return f"one byte of {name} changed, the hash did not"
    return None


def _misses_a_name(data_hash: Tried) -> str | None:
    files = _two_files()
    renamed = {f"old_{name}": content for name, content in files.items()}
    swapped = dict(zip(files, reversed(files.values()), strict=True))
    if data_hash(files) == data_hash(renamed):
        return "the files were renamed, the hash did not change"
    same = data_hash(files) == data_hash(swapped)
    return "the contents of the two files were swapped, the hash did not change" if same else None


def _blurs_borders(data_hash: Tried) -> str | None:
    one, other = {"a": b"bc", "d": b"e"}, {"ab": b"c", "d": b"e"}
    return "{'a': b'bc'} and {'ab': b'c'} got the same hash" if data_hash(one) == data_hash(other) else None


def _differs_elsewhere(data_hash: Tried) -> str | None:
    there = data_hash.elsewhere((_two_files(),))
    same = there is None or there == [data_hash(_two_files())]
    return None if same else "a second Python gave the same files another hash"


EXERCISES = (
    Exercise(
        "1.1",
        _lost_parcels,
        mistakes={
            "clicked": lambda parcels, clicks: parcels.loc[parcels["id"].isin(clicks["parcel_id"]), "id"],
            "unknown_parcels": lambda parcels, clicks: list({*clicks["parcel_id"]} - {*parcels["id"]}),
            "index_of_a_column": lambda parcels, clicks: [
                one for one in parcels["id"] if one not in clicks["parcel_id"]
            ],
        },
    ),
    Exercise(
        "1.2",
        _delayed_labels,
        mistakes={
            "every_click": lambda parcels, clicks: _delays(parcels, clicks).dt.total_seconds().median() / 3600,
            "mean": lambda parcels, clicks: _first_delays(parcels, clicks).dt.total_seconds().mean() / 3600,
            "without_days": lambda parcels, clicks: _first_delays(parcels, clicks).dt.seconds.median() / 3600,
            "seconds": lambda parcels, clicks: _first_delays(parcels, clicks).dt.total_seconds().median(),
        },
    ),
    Exercise(
        "1.3",
        promises={
            "digits": _is_no_hash,
            "order": _depends_on_order,
            "bytes": _misses_a_byte,
            "names": _misses_a_name,
            "borders": _blurs_borders,
            "everywhere": _differs_elsewhere,
        },
    ),
)
