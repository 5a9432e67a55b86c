"""Read what the depot recorded: a database, camera images, sensor readings and staff clicks.

Reading never executes what it reads: SQLite is opened read-only, images are decoded by Pillow, and the rest is text.
All readers raise FileNotFoundError if their file is missing, and ValueError if it is not what it should be. An archive
of images that is missing is no error: its parcels have no image.
"""

import hashlib
import io
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from mlops_lesson.keep.paths import data_dir

GREY_LEVELS = 16
IMAGE_SHAPE = (8, 8)
CHUTES = ("A", "B")
LIVE_WEEKS = 8

_LEFT_BEHIND = re.compile(r"Thumbs\.db|desktop\.ini|\..*")
_WAY_OUT = "Restore it with `git checkout data`, or build all data again with `python data/build.py`."


@contextmanager
def _read_as(path: Path, what: str) -> Iterator[None]:
    """Name the file and the way out if it is missing, or is not what it should be."""
    if not path.is_file():
        raise FileNotFoundError(f"The data file {path} is {'a folder' if path.is_dir() else 'missing'}. {_WAY_OUT}")
    try:
        yield
    except Exception as error:
        # The message of pandas repeats the whole query before the reason.
        reason = error.__cause__ if isinstance(error, pd.errors.DatabaseError) else error
        raise ValueError(f"{path} cannot be read as {what} ({reason}). {_WAY_OUT}") from error


def _whole_lines(path: Path) -> io.BytesIO:
    """Read a file of lines, every one of which is ended: the last line of a file that was cut is not."""
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        raise ValueError("its last line has no end: the file seems to be cut off there")
    return io.BytesIO(content)


def _with_times(table: pd.DataFrame, column: str) -> pd.DataFrame:
    # Explicitly, because the readers of pandas leave a time that they cannot read as text, without a word.
    return table.assign(**{column: pd.to_datetime(table[column], format="ISO8601")})


def read_parcels() -> pd.DataFrame:
    """Read the parcels and the place of their camera from the SQLite database.

    Returns
    -------
    pandas.DataFrame
        One row per scan, by id: `id` (int), `camera_id` (int, 1 to 4), `place` (str), `seen_at` (datetime, local time),
        `keyed_digit` (int, 0 to 9, typed by hand) and `sender` (int, 1 to 13, whose handwriting it is).
    """
    path = data_dir() / "raw" / "depot.db"
    query = """SELECT parcels.id, camera_id, place, seen_at, keyed_digit, sender
               FROM parcels JOIN cameras ON cameras.id = camera_id ORDER BY parcels.id"""
    with _read_as(path, "the depot's database"), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return _with_times(pd.read_sql_query(query, db), "seen_at")


def read_image(content: bytes, name: str = "This image") -> np.ndarray:
    """Decode one camera image.

    Parameters
    ----------
    content : bytes
        A PNG file. A grey picture that some program saved with a palette or in colour is turned back into grey.
    name : str
        What it is called if it is refused.

    Returns
    -------
    numpy.ndarray
        Grey levels, float; 0 to 16 and of shape (8, 8) in a healthy image.

    Raises
    ------
    ValueError
        If the bytes are not an image, or one of other numbers than 8-bit grey levels.
    """
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            grey, colours = picture.convert("L"), picture.convert("RGBA")
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{name} of {len(content)} bytes is not a PNG image: {error}") from error
    if picture.mode not in ("L", "LA", "P", "RGB", "RGBA") or colours != grey.convert("RGBA"):
        raise ValueError(f"{name}, of mode {picture.mode}, holds other numbers than 8-bit grey levels.")
    return np.asarray(grey, dtype=float)


def _read_zipped_images(path: Path, prefix: str = "") -> dict[int, np.ndarray]:
    with _read_as(path, "an archive of PNG images"), zipfile.ZipFile(path) as archive:
        found = (re.fullmatch(rf"{prefix}(\d+)\.png", name) for name in archive.namelist())
        return {int(each[1]): read_image(archive.read(each[0]), each[0]) for each in found if each}


def camera_archives() -> dict[int, Path]:
    """Find the archive of each camera; another file beside them, such as a copy `camera_1 (1).zip`, is none."""
    return {int(path.stem[-1]): path for path in sorted((data_dir() / "raw" / "images").glob("camera_[1-9].zip"))}


def read_images() -> dict[int, np.ndarray]:
    """Read all camera images of the history, and return them by parcel id; see `read_image`."""
    archives = camera_archives().values()
    return {number: image for path in archives for number, image in _read_zipped_images(path).items()}


def read_sensors() -> pd.DataFrame:
    """Read the hourly readings: `camera_id`, `hour` (datetime), and `lux` and `temperature` with their units."""
    path = data_dir() / "raw" / "sensors.jsonl"
    columns = ["camera_id", "hour", "lux", "lux_unit", "temperature", "temperature_unit"]
    with _read_as(path, "sensor readings"):
        table = _with_times(pd.read_json(_whole_lines(path), lines=True)[columns], "hour")
        return table.astype({"camera_id": int, "lux": float, "temperature": float})


def read_clicks(path: Path | None = None) -> pd.DataFrame:
    """Read the staff's clicks, those of the history if no other file is given.

    Returns
    -------
    pandas.DataFrame
        In the order of the clicks: `parcel_id` (int), `clicked_at` (datetime), `chute` (str, as written).
    """
    path = path or data_dir() / "raw" / "clicks.csv"
    with _read_as(path, "staff clicks"):
        clicks = pd.read_csv(_whole_lines(path), dtype={"parcel_id": int, "clicked_at": str, "chute": str})
        if clicks["clicked_at"].isna().any():
            raise ValueError("a click has no time")
        return _with_times(clicks, "clicked_at")[["parcel_id", "clicked_at", "chute"]]


@dataclass(frozen=True)
class LiveWeek:
    """What arrives from the depot after one week with the model.

    Parameters
    ----------
    week : int
        1 to 8.
    parcels : pandas.DataFrame
        `id`, `camera_id`, `seen_at`, `sender`, by time.
    images : numpy.ndarray of shape (n_parcels, 8, 8)
        Grey levels 0 to 16, in the order of `parcels`.
    """

    week: int
    parcels: pd.DataFrame
    images: np.ndarray

    @property
    def X(self) -> np.ndarray:
        """The images as rows of 64 grey levels, shape (n_parcels, 64)."""
        return self.images.reshape(len(self.images), -1)

    @property
    def end(self) -> pd.Timestamp:
        """Monday midnight after the week."""
        return self.parcels["seen_at"].max().to_period("W").end_time.ceil("D")


def read_live_week(week: int, *, control: bool = False) -> LiveWeek:
    """Read one week after deployment; its labels come later, as clicks.

    Parameters
    ----------
    week : int
        1 to 8.
    control : bool
        True for the control stream: the same parcels seen by cameras to which nothing happened.
    """
    if week not in range(1, LIVE_WEEKS + 1):
        raise ValueError(f"There is no live week {week!r}: give a whole number from 1 to {LIVE_WEEKS}.")
    path = data_dir() / "live" / ("control" if control else "") / f"week_{week:02d}.zip"
    images = _read_zipped_images(path, "images/")
    with _read_as(path, "a live week"), zipfile.ZipFile(path) as archive:
        parcels = _with_times(pd.read_csv(io.BytesIO(archive.read("parcels.csv"))), "seen_at")
        return LiveWeek(week, parcels, np.stack([images[i] for i in parcels["id"]]))


def read_live_clicks(until: pd.Timestamp | None = None) -> pd.DataFrame:
    """Read the clicks for live parcels, as `read_clicks` does; only those before a time, if it is given."""
    clicks = read_clicks(data_dir() / "live" / "clicks.csv")
    return clicks if until is None else clicks[clicks["clicked_at"] < until]


def verify_data() -> pd.DataFrame:
    """Compare every data file with the checksum written when it was made.

    Returns
    -------
    pandas.DataFrame
        `file`, `sha256` (the expected checksum) and `state`: "unchanged", "changed", "missing", or "not listed" for a
        file that the list does not know.
    """
    folder = data_dir()
    manifest = folder / "MANIFEST.sha256"
    with _read_as(manifest, "a list of checksums"):
        lines = (line.split("  ") for line in manifest.read_text(encoding="utf-8").splitlines())
        expected = {name: digest for digest, name in lines}
    # What an operating system or a notebook leaves in a folder that was looked into is no data.
    paths = [path for part in ("raw", "live") for path in (folder / part).rglob("*") if path.is_file()]
    ours = [path for path in paths if not _LEFT_BEHIND.fullmatch(path.name)]
    found = {path.relative_to(folder).as_posix(): checksum(path) for path in ours}
    table = pd.DataFrame({"sha256": pd.Series(expected, dtype=str), "found": pd.Series(found, dtype=str)}).fillna("")
    conditions = [table["sha256"] == table["found"], table["found"] == "", table["sha256"] == ""]
    table["state"] = np.select(conditions, ["unchanged", "missing", "not listed"], "changed")
    return table.drop(columns="found").rename_axis("file").reset_index()


def checksum(path: Path) -> str:
    """Return the SHA-256 checksum of a file, 64 hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
