"""What the service was asked and what it answered: one row per answer, in SQLite, for the monitors to read.

A row holds the image itself (64 numbers), so that input drift can be looked for without asking the cameras again.
"""

import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from mlops_lesson.keep.database import connect, open_database
from mlops_lesson.keep.paths import home

ROWS_KEPT = 50_000
PIXEL_COLUMNS = [f"pixel_{number}" for number in range(64)]

_COLUMNS = "id, at, parcel_id, role, version, score"
# Not the first edition's table `requests`, which had other columns and may stand in the same file.
_SCHEMA = """CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, parcel_id TEXT, role TEXT NOT NULL,
    version INTEGER NOT NULL, score REAL NOT NULL, pixels BLOB NOT NULL)"""
_INSERT = "INSERT INTO answers (at, parcel_id, role, version, score, pixels) VALUES (?, ?, ?, ?, ?, ?)"


def log_path() -> Path:
    """Return the log's file in the learner's folder; it may not exist yet."""
    return home() / "requests.db"


class RequestLog:
    """The service's end of the log: it writes, from any thread, and counts what it could not write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failures = 0
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._file: int | None = None

    def write(self, *, parcel_id: str | None, role: str, version: int, image: np.ndarray, score: float) -> bool:
        """Log one answer, and say whether the row was written; never raises."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        row = (at, parcel_id, role, version, score, np.asarray(image, dtype="<f4").tobytes())
        with self._lock:
            try:
                self._open().execute(_INSERT, row)
            except (sqlite3.Error, OSError, ValueError):
                self.failures += 1
                self._close()
                return False
        return True

    def _open(self) -> sqlite3.Connection:
        if self._database is not None and (not self.path.exists() or self.path.stat().st_ino != self._file):
            # The file was deleted or replaced: what is written through the old connection, nobody would ever read.
            self._close()
        if self._database is None:
            self._database = connect(self.path, _SCHEMA)
            # A machine that loses its power may lose the last rows; in return, no answer waits for the disk.
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.execute("DELETE FROM answers WHERE id <= (SELECT max(id) FROM answers) - ?", (ROWS_KEPT,))
            self._file = self.path.stat().st_ino
        return self._database

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def close(self) -> None:
        """Close the file; a later write opens it again."""
        with self._lock:
            self._close()


def last_request() -> int:
    """Return the id of the newest row, 0 if there is none; pass it to `read_requests` as `after`."""
    with open_database(log_path(), _SCHEMA, write=False) as database:
        return database.execute("SELECT coalesce(max(id), 0) FROM answers").fetchone()[0]


def read_requests(*, after: int = 0, pixels: bool = False) -> pd.DataFrame:
    """Read what the service was asked and answered.

    Parameters
    ----------
    after : int
        Only rows newer than this id; see `last_request`.
    pixels : bool
        Add the image, as columns `pixel_0` to `pixel_63`.

    Returns
    -------
    pandas.DataFrame
        One row an answer, oldest first: `id`, `at` (UTC), `parcel_id` (text or missing), `role` (``"champion"``,
        ``"canary"`` or ``"shadow"``), `version` and `score` (probability of chute B).
    """
    with open_database(log_path(), _SCHEMA, write=False) as database:
        query = f"SELECT {_COLUMNS}, pixels FROM answers WHERE id > ? ORDER BY id"  # noqa: S608 - own column names
        frame = pd.read_sql_query(query, database, params=[after], dtype={"parcel_id": object, "score": float})
    frame["at"] = pd.to_datetime(frame["at"], utc=True, format="ISO8601")
    images = frame.pop("pixels")
    if pixels:
        stacked = np.frombuffer(b"".join(images), dtype="<f4").reshape(-1, 64).astype(float)
        frame = pd.concat([frame, pd.DataFrame(stacked, columns=PIXEL_COLUMNS, index=frame.index)], axis=1)
    return frame
