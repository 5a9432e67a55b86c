"""Open a SQLite file of the learner's, the one way in which the course saves records.

Several notebooks may write at once; a process that is killed leaves the last whole state; a full disk, a folder that
may not be written and a file system without locks are said in words; a damaged file is set aside, never overwritten.
"""

import contextlib
import errno
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from mlops_lesson.keep.files import CannotWriteError, said_if_unwritable, set_aside
from mlops_lesson.keep.paths import HOME_VARIABLE, make_private_file, make_private_folder

WAIT_SECONDS = 10.0


_said_to_have_no_locks: set[Path] = set()


@contextlib.contextmanager
def open_database(
    path: Path, schema: str, *, write: bool = True, say: Callable[[str], None] = print
) -> Iterator[sqlite3.Connection]:
    """Open a database for one transaction: saved as a whole at the end of the ``with`` block, or not at all.

    Parameters
    ----------
    path : pathlib.Path
        The SQLite file. To write, it is made if needed; to read, a missing one counts as empty.
    schema : str
        ``CREATE TABLE IF NOT EXISTS`` statements.
    write : bool, default True
        Whether the block writes: no other process writes until it ends.
    say : callable, default print
        Takes a sentence for the learner, if a damaged file was set aside or only one notebook at a time can write.

    Yields
    ------
    sqlite3.Connection
        Inside a transaction, so not to be committed.

    Raises
    ------
    CannotWriteError
        If the system refuses; the text names the file and says what to do next. The file is unchanged.
    """
    with _refusals_in_words(path):
        with said_if_unwritable(path):
            there = write or path.exists()
        with contextlib.closing(connect(path if there else None, schema, say=say)) as connection:
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            yield connection
            connection.execute("COMMIT")


def connect(path: Path | None, schema: str, *, say: Callable[[str], None] = print) -> sqlite3.Connection:
    """Open a database outside a transaction, for a process that writes often; `open_database` suits all others.

    Parameters
    ----------
    path : pathlib.Path or None
        The SQLite file; it is made if needed, for its owner only. None for a database in memory.
    schema : str
        ``CREATE TABLE IF NOT EXISTS`` statements.
    say : callable, default print
        Takes a sentence for the learner.

    Returns
    -------
    sqlite3.Connection
        In autocommit mode, for any thread.

    Raises
    ------
    sqlite3.Error, CannotWriteError
        If the system refuses.
    """
    if path is None:
        return _checked(":memory:", schema)
    path = path.resolve()
    with said_if_unwritable(path):
        make_private_folder(path.parent)
        make_private_file(path)
    address = str(path)
    if not has_locks(path.parent):
        address = f"{path.as_uri()}?nolock=1"
        if path.parent not in _said_to_have_no_locks:
            _said_to_have_no_locks.add(path.parent)
            say(f"{path.parent} is on a file system without locks: let only one notebook at a time write there.")
    try:
        return _checked(address, schema)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname.partition("_")[2].split("_")[0] not in ("NOTADB", "CORRUPT"):
            raise
    with said_if_unwritable(path):
        aside = set_aside(path)
        for ending in ("-journal", "-wal", "-shm"):
            # SQLite would apply what is left beside the damaged file to the new one.
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
        make_private_file(path)
    say(f"{path.name} was damaged. It is saved as {aside.name} beside a new, empty one; nothing in it was changed.")
    return _checked(address, schema)


def _checked(address: str, schema: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False, uri=address.startswith("file:")
    )
    try:
        connection.executescript(schema)
        if (found := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            damage = sqlite3.DatabaseError(found)
            damage.sqlite_errorname = "SQLITE_CORRUPT"
            raise damage
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _refusals_in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        kind = error.sqlite_errorname.split("_")[1]
        if kind == "BUSY":
            advice = "Another notebook is writing it: close that one"
        elif kind in ("FULL", "READONLY", "CANTOPEN", "IOERR", "PERM"):
            advice = f"Make room on the disk or allow writing there, or set {HOME_VARIABLE} to another folder"
        else:
            raise
        raise CannotWriteError(
            f"{path} cannot be used ({error}). What was there before is unchanged. {advice}, then run the cell again."
        ) from error


@cache
def has_locks(folder: Path) -> bool:
    """Try a lock as SQLite takes it, on a file of its own: closing the database's file would end SQLite's locks."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
    return True
