"""What the service was asked and what it answered: one row per answer, in SQLite, for the monitors to read.

A row holds the image itself (64 numbers), so that input drift can be looked for without asking the cameras again.
"""

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from mlops_lesson.keep.database import connect, open_database
from mlops_lesson.keep.paths import home

ROWS_KEPT = 50_000
PIXEL_COLUMNS = [f"pixel_{number}" for number in range(64)]

# Not the first edition's table `requests`, which had other columns and may stand in the same file.
_SCHEMA = """CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, parcel_id TEXT, role TEXT NOT NULL,
    version INTEGER NOT NULL, score REAL NOT NULL, pixels BLOB NOT NULL)"""
_INSERT = "INSERT INTO answers (at, parcel_id, role, version, score, pixels) VALUES (?, ?, ?, ?, ?, ?)"


def _path() -> Path:
    return home() / "requests.db"


class RequestLog:
    """The service's end of the log: it writes, from any thread, and counts what it could not write."""

    def __init__(self) -> None:
        self.failures = 0
        self._lock = threading.Lock()

    def write(self, *, parcel_id: str | None, role: str, version: int, image: np.ndarray, score: float) -> None:
        """Log one answer; never raises."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        row = (at, parcel_id, role, version, score, np.asarray(image, dtype="<f4").tobytes())
        with self._lock:
            try:
                # Opened each time: a file that was deleted meanwhile is made anew, not written where nobody reads it.
                with closing(connect(_path())) as database:
                    # A machine that loses its power may lose the last rows; in return, no answer waits for the disk.
                    database.execute("PRAGMA synchronous = OFF")
                    database.execute(_SCHEMA)
                    newest = database.execute(_INSERT, row).lastrowid
                    database.execute("DELETE FROM answers WHERE id <= ?", (newest - ROWS_KEPT,))
            except (sqlite3.Error, OSError):
                self.failures += 1


def last_request() -> int:
    """Return the id of the newest row, 0 if there is none; pass it to `read_requests` as `after`."""
    with open_database(_path(), _SCHEMA, write=False) as database:
        return database.execute("SELECT coalesce(max(id), 0) FROM answers").fetchone()[0]


def read_requests(*, after: int = 0) -> pd.DataFrame:
    """Read what the service was asked and answered.

    Parameters
    ----------
    after : int
        Only rows newer than this id; see `last_request`.

    Returns
    -------
    pandas.DataFrame
        One row per answer, oldest first: `id`, `at` (UTC, as text), `parcel_id` (text or missing), `role`
        (``"champion"``, ``"canary"`` or ``"shadow"``), `version`, `score` (probability of chute B), and the image as
        `pixel_0` to `pixel_63`.
    """
    with open_database(_path(), _SCHEMA, write=False) as database:
        query = "SELECT * FROM answers WHERE id > ? ORDER BY id"
        frame = pd.read_sql_query(query, database, params=[after], dtype={"parcel_id": object, "score": float})
    pixels = np.frombuffer(b"".join(frame.pop("pixels")), dtype="<f4").reshape(-1, 64).astype(float)
    return frame.join(pd.DataFrame(pixels, columns=PIXEL_COLUMNS))
