"""What the service was asked and what it answered: one row a request, in SQLite, for the monitors to read.

A row holds the image itself (64 numbers), so that input drift can be looked for without asking the cameras again.
"""

import hashlib
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.keep.paths import home, make_private_file, make_private_folder

ROWS_KEPT = 50_000


PIXEL_COLUMNS = [f"pixel_{number}" for number in range(64)]


_COLUMNS = ["id", "at", "parcel_id", "role", "version", "digest", "score", "brightness"]


_WAIT_SECONDS = 2.0


_SCHEMA = """
    CREATE TABLE IF NOT EXISTS requests (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        parcel_id TEXT,
        role TEXT NOT NULL,
        version INTEGER NOT NULL,
        digest TEXT NOT NULL,
        score REAL NOT NULL,
        brightness REAL NOT NULL,
        pixels BLOB NOT NULL
    )
"""


class RequestLogError(RuntimeError):
    """The request log cannot be read; the text says why and what to do next."""


def log_path() -> Path:
    """Return the log's file, `requests.db` in the learner's folder; it may not exist yet."""
    return home() / "requests.db"


def input_digest(image: Any) -> str:
    """Return a short fingerprint of an image: equal images have equal digests.

    Parameters
    ----------
    image : array-like of 64 numbers
        Grey levels, 0 to 16; shape (8, 8) or (64,).

    Returns
    -------
    str
        The first 16 hexadecimal digits of the SHA-256 of its 64 numbers.
    """
    numbers = np.ascontiguousarray(image, dtype="<f8").reshape(64)
    # Adding zero turns -0.0 into 0.0: they are the same grey.
    return hashlib.sha256((numbers + 0.0).tobytes()).hexdigest()[:16]


class RequestLog:
    """The service's end of the log: it writes, from any thread, and never lets a failed write fail a request.

    Parameters
    ----------
    path : pathlib.Path
        The SQLite file; made if it does not exist.

    Attributes
    ----------
    failures : int
        Rows that could not be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failures = 0
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None

    def _open(self) -> sqlite3.Connection:
        make_private_folder(self.path.parent)
        # The journals that SQLite puts beside a file get the file's permissions.
        make_private_file(self.path)
        database = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, check_same_thread=False, isolation_level=None)
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and "requests" not in tables:
            database.close()
            raise sqlite3.DatabaseError("another program's database")
        # Readers and the writer do not wait for each other, and a write does not wait for the disk.
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(_SCHEMA)
        database.execute("DELETE FROM requests WHERE id <= (SELECT max(id) FROM requests) - ?", (ROWS_KEPT,))
        return database

    def write(self, *, parcel_id: str | None, role: str, version: int, image: np.ndarray, score: float) -> bool:
        """Note one answer.

        Parameters
        ----------
        parcel_id : str or None
            The parcel, if the client named it.
        role : str
            ``"champion"``, ``"canary"`` or ``"shadow"``.
        version : int
            The version that answered.
        image : numpy.ndarray, shape (8, 8)
            Grey levels, 0 to 16.
        score : float
            Probability of chute B.

        Returns
        -------
        bool
            Whether the row was written.
        """
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        pixels = np.asarray(image, dtype="<f4").tobytes()
        row = (at, parcel_id, role, version, input_digest(image), score, float(np.mean(image)), pixels)
        with self._lock:
            try:
                if self._database is None:
                    self._database = self._open()
                self._database.execute(
                    "INSERT INTO requests (at, parcel_id, role, version, digest, score, brightness, pixels) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
            except (sqlite3.Error, OSError, ValueError, OverflowError):
                self.failures += 1
                self._close()
                return False
        return True

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def close(self) -> None:
        """Close the file; a later write opens it again."""
        with self._lock:
            self._close()


def _query(statement: str, values: list[Any]) -> list[tuple[Any, ...]]:
    path = log_path()
    if not path.exists():
        return []
    try:
        try:
            return _ask(path.as_uri(), statement, values)
        except sqlite3.OperationalError:
            # SQLite wants to make a journal even to read, which a full disk or a read-only folder does not allow.
            journal = path.with_name(f"{path.name}-wal")
            if journal.exists() and journal.stat().st_size:
                raise
            return _ask(f"{path.as_uri()}?immutable=1", statement, values)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _unreadable(error) from error


def _ask(address: str, statement: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(address, timeout=_WAIT_SECONDS, uri=True)) as database:
        return database.execute(statement, values).fetchall()


def _unreadable(error: Exception) -> RequestLogError:
    return RequestLogError(
        f"The request log {log_path()} cannot be read ({error}). Stop the service, rename the file to keep it, and "
        "send the requests again: the service begins a new one."
    )


def last_request() -> int:
    """Return the id of the newest row, 0 if there is none; pass it to `read_requests` as `after`."""
    found = _query("SELECT max(id) FROM requests", [])
    return int(found[0][0] or 0) if found else 0


def read_requests(
    *, parcel_ids: Iterable[object] | None = None, after: int = 0, role: str | None = None, pixels: bool = False
) -> pd.DataFrame:
    """Read what the service was asked and answered.

    Parameters
    ----------
    parcel_ids : iterable, optional
        Only these parcels.
    after : int
        Only rows newer than this id; see `last_request`.
    role : str, optional
        Only ``"champion"``, ``"canary"`` or ``"shadow"`` rows.
    pixels : bool
        Add the image, as columns `pixel_0` to `pixel_63`.

    Returns
    -------
    pandas.DataFrame
        One row an answer, oldest first: `id`, `at` (UTC), `parcel_id` (text or missing), `role`, `version`, `digest`,
        `score` (probability of chute B) and `brightness` (mean grey, 0 to 16).

    Raises
    ------
    RequestLogError
        If the file is damaged.
    """
    statement = f"SELECT {', '.join(_COLUMNS)}, pixels FROM requests WHERE id > ?"  # noqa: S608 - own column names
    values: list[Any] = [after]
    if role is not None:
        statement += " AND role = ?"
        values.append(role)
    rows = _query(statement + " ORDER BY id", values)
    frame = pd.DataFrame(rows, columns=[*_COLUMNS, "pixels"])
    images = frame.pop("pixels")
    try:
        if pixels:
            stacked = np.frombuffer(b"".join(images), dtype="<f4").reshape(-1, 64).astype(float)
            frame = pd.concat([frame, pd.DataFrame(stacked, columns=PIXEL_COLUMNS, index=frame.index)], axis=1)
        frame["at"] = pd.to_datetime(frame["at"], utc=True, format="ISO8601")
        frame = frame.astype({"score": float, "brightness": float})
    except (ValueError, TypeError) as error:
        raise _unreadable(error) from error
    if parcel_ids is not None:
        wanted = {str(parcel) for parcel in parcel_ids}
        frame = frame[frame["parcel_id"].isin(wanted)].reset_index(drop=True)
    return frame
