"""The journal: what was promoted, rolled back or decided about a model, when, by whom and why."""

import sqlite3
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from mlops_lesson.keep.database import open_database
from mlops_lesson.keep.paths import home

_COLUMNS = "at, run, week, who, what, why, version, replaced"
_SCHEMA = """CREATE TABLE IF NOT EXISTS journal (
    at TEXT NOT NULL, run TEXT NOT NULL, week INTEGER, who TEXT NOT NULL, what TEXT NOT NULL, why TEXT NOT NULL,
    version INTEGER, replaced INTEGER)"""


def journal_path() -> Path:
    """Return the journal's file, which may not exist yet."""
    return home() / "journal.db"


def alone() -> AbstractContextManager[sqlite3.Connection]:
    """Let no other process write until the block ends; if it ends with an error, nothing in it was written.

    Returns
    -------
    context manager
        Its connection goes to `write` as `within`.
    """
    return open_database(journal_path(), _SCHEMA)


def write(
    who: str,
    what: str,
    why: str,
    *,
    run: str = "",
    week: int | None = None,
    version: int | None = None,
    replaced: int | None = None,
    within: sqlite3.Connection | None = None,
) -> None:
    """Add one line; it is on the disk when this returns, or when the block of `alone` ends.

    Parameters
    ----------
    who, what, why : str
        Who did it, what was done, and the reason.
    run : str, optional
        Name of the run of the loop that did it.
    week : int, optional
        Week of the live parcels.
    version, replaced : int, optional
        The model's version that it is about, and the one that it replaced.
    within : sqlite3.Connection, optional
        What `alone` gave.

    Raises
    ------
    CannotWriteError
        If the system refuses; the earlier lines are unchanged.
    """
    line = (datetime.now(UTC).isoformat(timespec="milliseconds"), run, week, who, what, why, version, replaced)
    with alone() if within is None else nullcontext(within) as database:
        database.execute(f"INSERT INTO journal ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", line)  # noqa: S608


def read(run: str | None = None) -> pd.DataFrame:
    """Read the journal, oldest line first.

    Parameters
    ----------
    run : str, optional
        Only the lines of this run.

    Returns
    -------
    pandas.DataFrame
        Columns `at`, `run`, `week`, `who`, `what`, `why`, `version`, `replaced`.
    """
    where = "" if run is None else "WHERE run = ?"
    with open_database(journal_path(), _SCHEMA, write=False) as database:
        lines = pd.read_sql_query(
            f"SELECT {_COLUMNS} FROM journal {where} ORDER BY rowid",  # noqa: S608
            database,
            params=[run] * (run is not None),
        )
    return lines.astype({"week": "Int64", "version": "Int64", "replaced": "Int64"})
