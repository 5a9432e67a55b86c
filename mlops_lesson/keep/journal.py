"""The journal: what was promoted, rolled back or decided about a model, when, by whom and why."""

import sqlite3
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pandas as pd

from mlops_lesson.keep.database import open_database
from mlops_lesson.keep.paths import home

_SCHEMA = """CREATE TABLE IF NOT EXISTS journal (
    at TEXT NOT NULL, run TEXT NOT NULL, week INTEGER, who TEXT NOT NULL, what TEXT NOT NULL, why TEXT NOT NULL,
    version INTEGER, replaced INTEGER)"""


def open_journal(*, write: bool = True) -> AbstractContextManager[sqlite3.Connection]:
    """Open the journal's file; while a process has it open to write, the others wait."""
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
) -> None:
    """Add one line; it is on the disk when this returns.

    Parameters
    ----------
    who, what, why : str
        Who did it, what was done, and the reason.
    run, week : str and int, optional
        Name of the run of the loop that did it, and the week of the live parcels.
    version, replaced : int, optional
        The model's version that it is about, and the one that it replaced.
    """
    line = (datetime.now(UTC).isoformat(timespec="milliseconds"), run, week, who, what, why, version, replaced)
    with open_journal() as database:
        database.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?)", line)


def read(run: str | None = None) -> pd.DataFrame:
    """Read the journal, or the lines of one run, oldest first.

    Returns
    -------
    pandas.DataFrame
        Columns `at`, `run`, `week`, `who`, `what`, `why`, `version`, `replaced`.
    """
    with open_journal(write=False) as database:
        lines = pd.read_sql_query(
            "SELECT * FROM journal WHERE run = coalesce(?, run) ORDER BY rowid", database, params=[run]
        )
    return lines.astype({"week": "Int64", "version": "Int64", "replaced": "Int64"})
