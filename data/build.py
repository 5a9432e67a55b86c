"""Write the depot's data: real handwritten digits inside a generated depot.

    python data/build.py [--into FOLDER]

The images are the 1,797 handwritten digits that scikit-learn ships. Everything around them (times, cameras, lux,
clicks, faults) is generated from one fixed seed: every run writes the same content. `data/README.md` is the data card.
"""

import argparse
import hashlib
import io
import json
import shutil
import sqlite3
import tempfile
import zipfile
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import uniform_filter
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

SEED = 7
HISTORY_START = datetime(2026, 1, 5)
HISTORY_WEEKS = 16
LIVE_WEEKS = 8
HISTORY_PARCELS = 1200
OPENING_HOUR, CLOSING_HOUR, DAYS_A_WEEK = 8, 18, 6
FIRST_PARCEL_ID = 100_001

# The first image of each of the source's 14 filled sheets: the digits 0 to 9 in one and the same order begin anew.
FIRST_OF_SHEET = (0, 130, 256, 386, 516, 646, 776, 906, 1029, 1157, 1287, 1415, 1545, 1667)
# 13 people filled them. Nobody says who filled two: 10 and 11, the most alike, count as one sender.
SENDER_OF_SHEET = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 11, 12, 13)

CAMERAS = {1: ("north dock", "2024-03-11"), 2: ("south dock", "2024-03-11"), 3: ("east belt", "2024-09-02")}
CAMERAS[4] = ("west belt", "2021-05-17")
CAMERA_SHARES = (0.30, 0.28, 0.26, 0.16)
SMEARED_CAMERA, SMEARED_SINCE_WEEK = 4, 12

DIM_WEEK, DIM_FACTOR = 3, 0.7
FIRST_BUMPED_WEEK = 5

DUPLICATED_SCANS = 24
LAMP_FAILURES = 8
SHUTTER_FAILURES = 3
LOST_IMAGES = 2
SHARE_MISTYPED = 0.05
SHARE_NEVER_CLICKED = 0.04
SHARE_LATE_CLICKS = 0.02
SHARE_DOUBLE_CLICKS = 0.03
SHARE_WRONG_CLICKS = 0.015
LOWER_CASE_CLICKS = 6
UNKNOWN_PARCEL_CLICKS = 3
MISSING_SENSOR_HOURS = 40

MANIFEST = "MANIFEST.sha256"
ZIP_TIME = (2026, 1, 1, 0, 0, 0)


def chutes(digits: np.ndarray) -> np.ndarray:
    """Return the chute of each route digit: 0 to 4 go to chute A, 5 to 9 to chute B."""
    return np.where(digits >= 5, "B", "A")


def senders(sources: np.ndarray) -> np.ndarray:
    """Return who wrote each image of the source, given by its number: 1 to 13, by the sheet it stands on."""
    return np.array(SENDER_OF_SHEET)[np.searchsorted(FIRST_OF_SHEET, sources, side="right") - 1]


def opening_times(rng: np.random.RandomState, first_week: datetime, weeks: int, parcels: int) -> list[datetime]:
    """Draw the times at which parcels pass a camera, in order, within the depot's opening hours."""
    seconds_a_day = (CLOSING_HOUR - OPENING_HOUR) * 3600
    days_open = weeks * DAYS_A_WEEK
    moments = np.sort(rng.choice(days_open * seconds_a_day, size=parcels, replace=False))
    times = []
    for moment in moments.tolist():
        day, second = divmod(moment, seconds_a_day)
        week, weekday = divmod(day, DAYS_A_WEEK)
        times.append(first_week + timedelta(weeks=week, days=weekday, hours=OPENING_HOUR, seconds=second))
    return times


def photograph(pixels: np.ndarray, camera_id: int, seen_at: datetime) -> np.ndarray:
    """Return what a camera records of a digit: a smeared lens spreads each pixel over its three by three neighbours."""
    smeared_since = HISTORY_START + timedelta(weeks=SMEARED_SINCE_WEEK - 1)
    smeared = camera_id == SMEARED_CAMERA and seen_at >= smeared_since
    return np.rint(uniform_filter(pixels, size=3)) if smeared else pixels


def bump(pixels: np.ndarray) -> np.ndarray:
    """Return the picture of a camera bumped by one pixel column: all moves right, the last column falls off."""
    return np.pad(pixels[:, :-1], ((0, 0), (1, 0)))


def dim(pixels: np.ndarray) -> np.ndarray:
    """Return the picture under dimmed lamps, rounded to the camera's 17 grey levels."""
    return np.rint(pixels * DIM_FACTOR)


def png(pixels: np.ndarray) -> bytes:
    """Encode grey levels as an 8-bit PNG, not compressed so that the bytes do not depend on a compressor's version."""
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def zip_bytes(members: dict[str, bytes]) -> bytes:
    """Pack files into a zip archive with fixed times and order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def json_lines(records: list[dict]) -> bytes:
    """Encode records as JSON lines."""
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def csv(table: pd.DataFrame) -> bytes:
    """Encode a table as CSV."""
    return table.to_csv(index=False, lineterminator="\n").encode()


def as_text(moment: datetime) -> str:
    """Write a time as the depot's systems do, local time without zone."""
    return moment.isoformat(timespec="seconds")


def draw_parcels(rng: np.random.RandomState, first_id: int, times: list[datetime], sources: np.ndarray) -> pd.DataFrame:
    """Make one row per parcel: id, camera, time, and the number of its image in the source."""
    return pd.DataFrame(
        {
            "id": first_id + np.arange(len(times)),
            "camera_id": rng.choice(list(CAMERAS), size=len(times), p=CAMERA_SHARES),
            "seen_at": times,
            "source": sources,
        }
    )


def add_duplicated_scans(rng: np.random.RandomState, parcels: pd.DataFrame) -> pd.DataFrame:
    """Scan some parcels a second time a few seconds later, under a new id, and number all scans by time."""
    chosen = parcels.iloc[np.sort(rng.choice(len(parcels), DUPLICATED_SCANS, replace=False))].copy()
    chosen["seen_at"] = [
        seen + timedelta(seconds=int(delay))
        for seen, delay in zip(chosen["seen_at"], rng.randint(2, 15, DUPLICATED_SCANS), strict=True)
    ]
    both = pd.concat([parcels, chosen]).sort_values("seen_at", kind="stable", ignore_index=True)
    both["id"] = FIRST_PARCEL_ID + np.arange(len(both))
    return both


def draw_clicks(rng: np.random.RandomState, parcels: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    """Make the staff's clicks: late, missing, double and a few wrong ones.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of chance.
    parcels : pandas.DataFrame
        Columns `id` and `seen_at`.
    labels : numpy.ndarray
        The right chute of each parcel, "A" or "B".

    Returns
    -------
    pandas.DataFrame
        Columns `parcel_id`, `clicked_at`, `chute`, in the order of the clicks.
    """
    other = {"A": "B", "B": "A"}
    rows = []
    for parcel_id, seen_at, right in zip(parcels["id"], parcels["seen_at"], labels, strict=True):
        never, late, double, wrong = rng.random_sample(4)
        usual_hours = 20.0 * 2.0 ** rng.normal(0.0, 1.0)
        hours = rng.uniform(8 * 24, 20 * 24) if late < SHARE_LATE_CLICKS else min(max(usual_hours, 1.0), 7 * 24)
        second_hours = hours + rng.uniform(0.01, 2.0)
        if never < SHARE_NEVER_CLICKED:
            continue
        final = other[right] if wrong < SHARE_WRONG_CLICKS else right
        clicked = [(hours, final)]
        if double < SHARE_DOUBLE_CLICKS:
            first = other[final] if double < SHARE_DOUBLE_CLICKS / 3 else final
            clicked = [(hours, first), (second_hours, final)]
        rows += [(parcel_id, seen_at + timedelta(seconds=round(h * 3600)), chute) for h, chute in clicked]
    clicks = pd.DataFrame(rows, columns=["parcel_id", "clicked_at", "chute"])
    return clicks.sort_values(["clicked_at", "parcel_id"], kind="stable", ignore_index=True)


def hours_open(first_week: datetime, weeks: int) -> list[datetime]:
    """List the hours at which the sensors report."""
    return [
        first_week + timedelta(weeks=week, days=day, hours=hour)
        for week in range(weeks)
        for day in range(DAYS_A_WEEK)
        for hour in range(OPENING_HOUR, CLOSING_HOUR)
    ]


def draw_sensors(rng: np.random.RandomState, first_week: datetime, weeks: int) -> list[dict]:
    """Make the hourly readings of light and temperature beside each camera."""
    records = []
    for hour in hours_open(first_week, weeks):
        for camera_id in CAMERAS:
            lux = 390.0 + 6.0 * camera_id + 8.0 * rng.normal()
            temperature = 17.0 + 0.35 * (hour.hour - OPENING_HOUR) + 0.6 * rng.normal()
            records.append(
                {
                    "camera_id": camera_id,
                    "hour": hour.isoformat(timespec="minutes"),
                    "lux": round(lux, 1),
                    "lux_unit": "lx",
                    "temperature": round(temperature, 1),
                    "temperature_unit": "C",
                }
            )
    return records


def spoil_sensors(
    rng: np.random.RandomState, records: list[dict], dark: set[tuple[int, str]], busy: set[tuple[int, str]]
) -> list[dict]:
    """Plant the sensors' faults: lamps off, a stuck sensor, another unit, a unit left out, missing hours."""
    stuck_days = {(HISTORY_START + timedelta(weeks=6, days=day)).date().isoformat() for day in range(3)}
    for record in records:
        if (record["camera_id"], record["hour"]) in dark:
            record["lux"] = round(record["lux"] / 150, 1)
        if record["camera_id"] == 2 and record["hour"][:10] in stuck_days:
            record["lux"] = 397.0
    # The readings in a wrong unit stand beside parcels, so that the learner meets them.
    met = [i for i, record in enumerate(records) if (record["camera_id"], record["hour"]) in busy - dark]
    chosen = rng.choice(met, MISSING_SENSOR_HOURS + 2, replace=False).tolist()
    other_unit, no_unit, missing = records[chosen[0]], records[chosen[1]], set(chosen[2:])
    other_unit.update(lux=round(other_unit["lux"] / 1000, 4), lux_unit="klx")
    no_unit.update(temperature=round(no_unit["temperature"] * 9 / 5 + 32, 1), temperature_unit=None)
    return [record for i, record in enumerate(records) if i not in missing]


def hour_of(moment: datetime) -> str:
    """Return the hour a moment lies in, as the sensors write it."""
    return moment.replace(minute=0, second=0).isoformat(timespec="minutes")


def history_images(
    rng: np.random.RandomState, parcels: pd.DataFrame, digits: np.ndarray
) -> tuple[dict[int, np.ndarray], set[tuple[int, str]]]:
    """Photograph the history with its faults: blank frames, lost images, one of the wrong size.

    Returns
    -------
    dict of int to numpy.ndarray
        Grey levels 0 to 16 by parcel id.
    set of tuple
        The (camera id, hour) at which lamps were off.
    """
    chosen = rng.choice(len(parcels), LAMP_FAILURES + SHUTTER_FAILURES + LOST_IMAGES + 1, replace=False)
    lamps, rest = chosen[:LAMP_FAILURES], chosen[LAMP_FAILURES:]
    shutter, lost, wrong_size = rest[:SHUTTER_FAILURES], rest[SHUTTER_FAILURES:-1], rest[-1]
    hours = [hour_of(seen) for seen in parcels["seen_at"]]
    dark = {(int(parcels["camera_id"].iloc[i]), hours[i]) for i in lamps}
    images = {}
    columns = ["id", "camera_id", "seen_at", "source"]
    for i, (parcel_id, camera_id, seen_at, source) in enumerate(parcels[columns].itertuples(index=False)):
        picture = photograph(digits[source], camera_id, seen_at)
        if (camera_id, hours[i]) in dark or i in shutter:
            picture = np.zeros_like(picture)
        if i == wrong_size:
            picture = np.kron(picture, np.ones((2, 2)))
        if i not in lost:
            images[parcel_id] = picture
    return images, dark


def write_database(path: Path, parcels: pd.DataFrame, keyed: np.ndarray) -> None:
    """Write the SQLite database with the tables `cameras` and `parcels`."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE cameras (id INTEGER PRIMARY KEY, place TEXT NOT NULL, installed TEXT NOT NULL)")
        database.execute(
            "CREATE TABLE parcels (id INTEGER PRIMARY KEY, camera_id INTEGER NOT NULL REFERENCES cameras (id), "
            "seen_at TEXT NOT NULL, keyed_digit INTEGER NOT NULL CHECK (keyed_digit BETWEEN 0 AND 9), "
            "sender INTEGER NOT NULL CHECK (sender BETWEEN 1 AND 13))"
        )
        database.executemany("INSERT INTO cameras VALUES (?, ?, ?)", [(i, *facts) for i, facts in CAMERAS.items()])
        columns = parcels["id"], parcels["camera_id"], parcels["seen_at"], keyed, senders(parcels["source"])
        database.executemany(
            "INSERT INTO parcels VALUES (?, ?, ?, ?, ?)",
            [
                (int(i), int(camera), as_text(seen), int(digit), int(sender))
                for i, camera, seen, digit, sender in zip(*columns, strict=True)
            ],
        )


def clicks_as_text(clicks: pd.DataFrame) -> pd.DataFrame:
    """Write the clicks' times as text."""
    return clicks.assign(clicked_at=[as_text(moment) for moment in clicks["clicked_at"]])


def spoil_clicks(rng: np.random.RandomState, clicks: pd.DataFrame) -> pd.DataFrame:
    """Plant clicks in lower case and clicks for parcels that do not exist."""
    spoiled = clicks.copy()
    lower = rng.choice(len(spoiled), LOWER_CASE_CLICKS, replace=False)
    spoiled.loc[lower, "chute"] = spoiled.loc[lower, "chute"].str.lower()
    unknown = rng.choice(len(spoiled), UNKNOWN_PARCEL_CLICKS, replace=False)
    extra = spoiled.iloc[np.sort(unknown)].copy()
    extra["parcel_id"] += 800_000
    return pd.concat([spoiled, extra]).sort_values(["clicked_at", "parcel_id"], kind="stable", ignore_index=True)


def live_week(parcels: pd.DataFrame, digits: np.ndarray, records: list[dict], week: int, *, faults: bool) -> bytes:
    """Pack one week after deployment, with its faults or, for the control stream, without."""
    images = {}
    for parcel_id, camera_id, seen_at, source in parcels[["id", "camera_id", "seen_at", "source"]].itertuples(
        index=False
    ):
        picture = photograph(digits[source], camera_id, seen_at)
        if faults and week == DIM_WEEK:
            picture = dim(picture)
        if faults and week >= FIRST_BUMPED_WEEK:
            picture = bump(picture)
        images[f"images/{parcel_id}.png"] = png(picture)
    if faults and week == DIM_WEEK:
        records = [{**record, "lux": round(record["lux"] * DIM_FACTOR, 1)} for record in records]
    times = [as_text(seen) for seen in parcels["seen_at"]]
    table = parcels[["id", "camera_id"]].assign(seen_at=times, sender=senders(parcels["source"]))
    return zip_bytes({"parcels.csv": csv(table), "sensors.jsonl": json_lines(records), **images})


def write_history(folder: Path, rng: np.random.RandomState, source: Bunch, chosen: np.ndarray) -> int:
    """Write `raw/`, the sixteen weeks before the model; return the first parcel id that is still free."""
    times = opening_times(rng, HISTORY_START, HISTORY_WEEKS, len(chosen))
    parcels = add_duplicated_scans(rng, draw_parcels(rng, FIRST_PARCEL_ID, times, chosen))
    true_digits = source.target[parcels["source"]]
    mistyped = rng.random_sample(len(parcels)) < SHARE_MISTYPED
    keyed = np.where(mistyped, (true_digits + rng.randint(1, 10, len(parcels))) % 10, true_digits)
    images, dark = history_images(rng, parcels, source.images)
    clicks = spoil_clicks(rng, draw_clicks(rng, parcels, chutes(true_digits)))
    busy = {
        (camera_id, hour_of(seen_at))
        for camera_id, seen_at in zip(parcels["camera_id"], parcels["seen_at"], strict=True)
    }
    sensors = spoil_sensors(rng, draw_sensors(rng, HISTORY_START, HISTORY_WEEKS), dark, busy)

    (folder / "raw" / "images").mkdir(parents=True)
    write_database(folder / "raw" / "depot.db", parcels, keyed)
    camera_of = dict(zip(parcels["id"], parcels["camera_id"], strict=True))
    for camera_id in CAMERAS:
        members = {f"{i}.png": png(picture) for i, picture in images.items() if camera_of[i] == camera_id}
        (folder / "raw" / "images" / f"camera_{camera_id}.zip").write_bytes(zip_bytes(members))
    (folder / "raw" / "sensors.jsonl").write_bytes(json_lines(sensors))
    (folder / "raw" / "clicks.csv").write_bytes(csv(clicks_as_text(clicks)))
    return int(parcels["id"].iloc[-1]) + 1


def write_live(folder: Path, rng: np.random.RandomState, source: Bunch, chosen: np.ndarray, first_id: int) -> None:
    """Write `live/`, the eight weeks after deployment, beside a control stream in which nothing happens."""
    start = HISTORY_START + timedelta(weeks=HISTORY_WEEKS)
    parcels = draw_parcels(rng, first_id, opening_times(rng, start, LIVE_WEEKS, len(chosen)), chosen)
    clicks = draw_clicks(rng, parcels, chutes(source.target[parcels["source"]]))
    sensors = draw_sensors(rng, start, LIVE_WEEKS)
    (folder / "live" / "control").mkdir(parents=True)
    (folder / "live" / "clicks.csv").write_bytes(csv(clicks_as_text(clicks)))
    for week in range(1, LIVE_WEEKS + 1):
        begin, end = start + timedelta(weeks=week - 1), start + timedelta(weeks=week)
        table = parcels[(parcels["seen_at"] >= begin) & (parcels["seen_at"] < end)]
        records = [record for record in sensors if as_text(begin) <= record["hour"] < as_text(end)]
        for name, faults in ((f"week_{week:02d}.zip", True), (f"control/week_{week:02d}.zip", False)):
            (folder / "live" / name).write_bytes(live_week(table, source.images, records, week, faults=faults))


def write_manifest(folder: Path) -> None:
    """Write the checksum of every data file, in the format of `sha256sum`."""
    files = sorted(path for part in ("raw", "live") for path in (folder / part).rglob("*") if path.is_file())
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    lines = [f"{digest}  {path.relative_to(folder).as_posix()}" for digest, path in zip(digests, files, strict=True)]
    (folder / MANIFEST).write_bytes(("\n".join(lines) + "\n").encode())


def write_all(folder: Path) -> None:
    """Write all data into an empty folder: `raw/`, `live/` and `MANIFEST.sha256`."""
    source = load_digits()
    rng = np.random.RandomState(SEED)
    order = rng.permutation(len(source.images))
    history, live = order[:HISTORY_PARCELS], order[HISTORY_PARCELS:]
    free_id = write_history(folder, rng, source, history)
    write_live(folder, np.random.RandomState(SEED + 1), source, live, free_id)
    write_manifest(folder)


def build(folder: Path) -> None:
    """Write all data below `folder`, once they are complete."""
    with tempfile.TemporaryDirectory() as new:
        write_all(Path(new))
        shutil.copytree(new, folder, dirs_exist_ok=True)


def main() -> None:
    """Build the data from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--into", type=Path, default=Path(__file__).parent, help="folder to write to")
    build(parser.parse_args().into)


if __name__ == "__main__":
    main()
