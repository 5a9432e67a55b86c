"""Open a SQLite file of the learner's, the one way in which the course saves records.

Several notebooks may write at once; a process that is killed leaves the last whole state; a full disk, a folder that
may not be written and a file system without locks are said in words; a damaged file is set aside, never overwritten.
"""

import contextlib
import errno
import sqlite3
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from mlops_lesson.keep.files import CannotWriteError, translate_write_errors
from mlops_lesson.keep.paths import make_private_file

WAIT_SECONDS = 10.0


@contextlib.contextmanager
def open_database(path: Path, schema: str, *, write: bool = True) -> Iterator[sqlite3.Connection]:
    """Open a database for one transaction: saved as a whole at the end of the ``with`` block, or not at all.

    Parameters
    ----------
    path : pathlib.Path
        The SQLite file. To write, it is made if needed; to read, a missing one counts as empty.
    schema : str
        ``CREATE TABLE IF NOT EXISTS`` statements.
    write : bool, default True
        Whether the block writes: no other process writes until it ends.

    Raises
    ------
    CannotWriteError
        If the system refuses; the file is unchanged.
    """
    try:
        with translate_write_errors(path):
            there = path.exists()
            if there and _is_damaged(path):
                print(_set_aside(path.resolve()))
                there = False
        opened = connect(path) if write or there else sqlite3.connect(":memory:", isolation_level=None)
        with contextlib.closing(opened) as connection:
            connection.executescript(schema)
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            yield connection
            connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname == "SQLITE_ERROR":
            raise
        if error.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise CannotWriteError(path, error, "Another notebook is writing it: close that one") from error
        raise CannotWriteError(path, error) from error


def connect(path: Path) -> sqlite3.Connection:
    """Open a database in autocommit mode; it is made if needed, for its owner alone."""
    with translate_write_errors(path):
        make_private_file(path)
    address = path.as_uri() + "?nolock=1" * (not has_locks(path.parent))
    return sqlite3.connect(address, timeout=WAIT_SECONDS, isolation_level=None, uri=True)


def _is_damaged(path: Path) -> bool:
    try:
        with contextlib.closing(connect(path)) as database:
            return database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",)
    except sqlite3.OperationalError:
        # Locked, or not readable now: a refusal, no damage.
        return False
    except sqlite3.DatabaseError:
        return True


def _set_aside(path: Path) -> str:
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    path.rename(aside)
    return f"{path.name} was damaged. It is saved as {aside.name}; nothing in it was changed."


@cache
def has_locks(folder: Path) -> bool:
    """Try a lock as SQLite takes it, on a file of its own: closing the database's file would end SQLite's locks."""
    try:
        import fcntl

        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError) as error:
        if getattr(error, "errno", None) in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            print(f"{folder} is on a file system without locks: let only one notebook at a time write there.")
            return False
    return True
