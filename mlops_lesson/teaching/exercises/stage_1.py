"""The exercises of Data Collection."""

import pandas as pd

from mlops_lesson.teaching.exercises.exercise import Case, Exercise, Tried


def _moments(*texts: str) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts)))


def _depot() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make five parcels and the clicks for three of them, one clicked twice, one click for an unknown parcel."""
    seen = _moments("2026-01-05 08:00", "2026-01-05 09:00", "2026-01-06 08:00", "2026-01-06 09:00", "2026-01-07 10:00")
    parcels = pd.DataFrame({"id": [101, 102, 103, 104, 105], "camera_id": [1, 2, 1, 3, 4], "seen_at": seen})
    clicked = _moments(
        "2026-01-05 20:00", "2026-01-09 08:00", "2026-01-06 15:00", "2026-01-08 10:00", "2026-01-09 11:00"
    )
    clicks = pd.DataFrame(
        {"parcel_id": [101, 101, 102, 103, 900101], "clicked_at": clicked, "chute": ["A", "A", "B", "B", "A"]}
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
    if len(value) == 64 and set(value) <= set("0123456789abcdef"):
        return None
    return f"{value[:60]!r}, {len(value)} characters"


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
        id="1.1",
        title="Find the lost parcels",
        minutes=4,
        hints=(
            "Which table must stay whole: the one of parcels, or the one of clicks?",
            '`parcels["id"].isin(...)` says for each parcel whether its id stands among other ids.',
            "Turn the result of `isin` round with `~`, use it to choose rows of `parcels`, and return their `id`.",
        ),
        cases=_lost_parcels,
        mistakes={
            "these parcels do have a click, as an inner join keeps them; the lost ones are the others.": (
                lambda parcels, clicks: parcels.loc[parcels["id"].isin(clicks["parcel_id"]), "id"]
            ),
            "this looks from the clicks to the parcels and finds clicks of unknown parcels; look from the parcels.": (
                lambda parcels, clicks: clicks.loc[~clicks["parcel_id"].isin(parcels["id"]), "parcel_id"]
            ),
            "`in` looks at the index of a column, not at its values; use `.isin(...)`, or look in a `set` of them.": (
                lambda parcels, clicks: [parcel for parcel in parcels["id"] if parcel not in clicks["parcel_id"]]
            ),
        },
    ),
    Exercise(
        id="1.2",
        title="Measure the label delay",
        minutes=5,
        hints=(
            "A parcel can be clicked more than once: find its first click before you compare times.",
            '`clicks.groupby("parcel_id")["clicked_at"].min()` has one row for each clicked parcel.',
            "A time difference has `.dt.total_seconds()`; 3600 seconds are an hour. Take the median last.",
        ),
        cases=_delayed_labels,
        mistakes={
            "later clicks of the same parcel are counted too; use only each parcel's first.": (
                lambda parcels, clicks: _delays(parcels, clicks).dt.total_seconds().median() / 3600
            ),
            "this is the mean, which a few very late labels pull up; the median is asked for.": (
                lambda parcels, clicks: _first_delays(parcels, clicks).dt.total_seconds().mean() / 3600
            ),
            "`.dt.seconds` leaves whole days out; `.dt.total_seconds()` counts them.": (
                lambda parcels, clicks: _first_delays(parcels, clicks).dt.seconds.median() / 3600
            ),
            "these are seconds; divide by 3600 for hours.": (
                lambda parcels, clicks: _first_delays(parcels, clicks).dt.total_seconds().median()
            ),
        },
    ),
    Exercise(
        id="1.3",
        title="Name the data by their content",
        minutes=6,
        hints=(
            "`hashlib.sha256()` makes a digest that you feed with `.update(...)` and read with `.hexdigest()`.",
            "Go through the files in an order that does not depend on the dictionary: `sorted(files)`.",
            "Feed the digest with the hash of each name and of each content, so that it is clear where one ends.",
        ),
        promises={
            "64 hexadecimal digits, as text.": (_is_no_hash, "use `.hexdigest()`, and return it."),
            "the same files in another order have the same hash.": (
                _depends_on_order,
                "the loop goes through the dictionary as it is; go through `sorted(files)`.",
            ),
            "a changed byte changes the hash, in whichever file it is.": (
                _misses_a_byte,
                "only names, sizes or one of the files go into the hash; every content has to.",
            ),
            "a renamed file changes the hash.": (
                _misses_a_name,
                "only the contents go into the hash; the names have to, each beside its content.",
            ),
            "what belongs to the name and what to the content matters.": (
                _blurs_borders,
                "name and content are joined without a border; hash each of them first, or put its length before it.",
            ),
            "the same files have the same hash on every machine.": (
                _differs_elsewhere,
                "Python's own `hash()` and the order of a `set` differ from one start of Python to the next.",
            ),
        },
    ),
)
