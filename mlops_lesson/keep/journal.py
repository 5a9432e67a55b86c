"""The journal: what was promoted, rolled back or decided about a model, when, by whom and why."""

import sqlite3
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

import pandas as pd

from mlops_lesson.keep.database import open_database
from mlops_lesson.keep.paths import home

_SCHEMA = """CREATE TABLE IF NOT EXISTS journal (
    at TEXT NOT NULL, run TEXT NOT NULL, week INTEGER, who TEXT NOT NULL, what TEXT NOT NULL, why TEXT NOT NULL,
    version INTEGER, replaced INTEGER)"""


def alone(*, write: bool = True) -> AbstractContextManager[sqlite3.Connection]:
    """Let no other process write until the block ends; its connection goes to `write` as `within`.

    If the block ends with an error, nothing in it was written.
    """
    return open_database(home() / "journal.db", _SCHEMA, write=write)


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
    run, week : str and int, optional
        Name of the run of the loop that did it, and the week of the live parcels.
    version, replaced : int, optional
        The model's version that it is about, and the one that it replaced.
    within : sqlite3.Connection, optional
        What `alone` gave.
    """
    line = (datetime.now(UTC).isoformat(timespec="milliseconds"), run, week, who, what, why, version, replaced)
    with alone() if within is None else nullcontext(within) as database:
        database.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?)", line)


def read(run: str | None = None) -> pd.DataFrame:
    """Read the journal, or the lines of one run, oldest first.

    Returns
    -------
    pandas.DataFrame
        Columns `at`, `run`, `week`, `who`, `what`, `why`, `version`, `replaced`.
    """
    with alone(write=False) as database:
        lines = pd.read_sql_query(
            "SELECT * FROM journal WHERE run = coalesce(?, run) ORDER BY rowid", database, params=[run]
        )
    return lines.astype({"week": "Int64", "version": "Int64", "replaced": "Int64"})
