"""Write files so that they are whole, and say clearly when one cannot be written, or read.

Used for everything the course keeps: artifacts, progress, exports and the logs of promotions and decisions; and for the
files that the package itself consists of.
"""

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlops_lesson.keep.paths import HOME_VARIABLE, make_private_file, make_private_folder

UNFINISHED = ".mlops_lesson-"


UNFINISHED_ENDING = ".part"


SECONDS_TO_FINISH = 3600


class CannotWriteError(OSError):
    """A file cannot be written; the text names it and says what to do next."""


class CourseFileError(ValueError):
    """A file of the course itself is missing or spoiled; the text names it and says what to do next."""


@contextmanager
def said_if_spoiled(path: Path) -> Iterator[None]:
    """Turn whatever comes of a missing or spoiled file of the course itself into a `CourseFileError`.

    Parameters
    ----------
    path : pathlib.Path
        A file of the package that is used in the ``with`` block.
    """
    try:
        yield
    except CourseFileError:
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CourseFileError(
            f"{path}, a file of the course itself, cannot be used ({reason.rstrip('.')}). Restore it with "
            "`git checkout mlops_lesson` in the course folder, or install the course again; then restart the kernel."
        ) from error


def read_course_text(path: Path) -> str:
    """Read a text file of the course itself.

    Parameters
    ----------
    path : pathlib.Path
        A file of the package.

    Returns
    -------
    str
        Its content, which is not empty.

    Raises
    ------
    CourseFileError
        If it is missing, empty or not text.
    """
    with said_if_spoiled(path):
        text = path.read_text(encoding="utf-8")
        if not text.strip():
            raise ValueError("it is empty")
        return text


@contextmanager
def said_if_unwritable(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write a file into a `CannotWriteError`.

    Parameters
    ----------
    path : pathlib.Path
        What is written in the ``with`` block.
    """
    try:
        yield
    except OSError as error:
        raise CannotWriteError(
            f"{path} cannot be written ({error.strerror or error}). What was there before is unchanged. Make room on "
            f"the disk or allow writing there, or set {HOME_VARIABLE} to another folder, then run the cell again."
        ) from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, even if the process dies on the way.

    Parameters
    ----------
    path : pathlib.Path
        Where; its folder is made if needed.
    content : bytes
        What.

    Raises
    ------
    CannotWriteError
        If the system refuses; what was there before is unchanged.
    """
    with said_if_unwritable(path):
        make_private_folder(path.parent)
        with written_beside(path, content) as temporary:
            temporary.replace(path)


@contextmanager
def written_beside(path: Path, content: bytes) -> Iterator[Path]:
    """Write a file beside another one, all of it on the disk; it is gone afterwards unless it was given a name.

    What writers that were killed have left in the folder is removed once it is an hour older than the new file, unless
    it is locked: somebody is still writing it then, and the clock was set forward.

    Parameters
    ----------
    path : pathlib.Path
        The file that is to be replaced or made; its folder exists.
    content : bytes
        What to write.

    Yields
    ------
    pathlib.Path
        The new file, which only its owner can read.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{UNFINISHED}{path.stem}-", suffix=UNFINISHED_ENDING)
    temporary = Path(name)
    try:
        with contextlib.ExitStack() as until_named:
            file = until_named.enter_context(os.fdopen(handle, "wb"))
            _is_nobodys(handle)
            _remove_left_behind(path.parent, temporary.stat().st_mtime - SECONDS_TO_FINISH)
            file.write(content)
            file.flush()
            os.fsync(handle)
            if os.name == "nt":
                # Windows gives no other name to a file that is open.
                until_named.close()
            yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _remove_left_behind(folder: Path, before: float) -> None:
    for left in folder.glob(f"{UNFINISHED}*{UNFINISHED_ENDING}"):
        with contextlib.suppress(OSError):
            if left.stat().st_mtime < before:
                with left.open("rb") as file:
                    alone = _is_nobodys(file.fileno())
                if alone:
                    left.unlink()


if os.name == "nt":

    def _is_nobodys(_descriptor: int) -> bool:
        # Windows removes no file that another program is writing.
        return True

else:
    import fcntl

    def _is_nobodys(descriptor: int) -> bool:
        """Lock a file that is being written until it is closed; False if somebody else has locked it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            # A file system without locks: only the time tells.
            return True
        return True


def set_aside(path: Path) -> Path:
    """Rename a damaged file, so that a good one can take its place and nothing is lost.

    Parameters
    ----------
    path : pathlib.Path
        The damaged file.

    Returns
    -------
    pathlib.Path
        Where it is now: ``name.damaged-1.ending`` beside it, or the next free number.
    """
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    return path.rename(aside)


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Add a record to a file of JSON lines; it is on the disk when this returns.

    Parameters
    ----------
    path : pathlib.Path
        The file; it is made if needed.
    record : mapping
        What goes on the line.

    Raises
    ------
    CannotWriteError
        If the system refuses; the earlier lines are unchanged.
    """
    line = json.dumps(record).encode() + b"\n"
    with said_if_unwritable(path):
        make_private_file(make_private_folder(path.parent) / path.name)
        with path.open("a+b", buffering=0) as file:
            # A crash may have cut the last line short: what comes now begins a line of its own.
            before = file.seek(0, os.SEEK_END)
            file.seek(max(before - 1, 0))
            cut = file.read() not in (b"", b"\n")
            _write_whole(file, b"\n" * cut + line, before)


def _write_whole(file: io.FileIO, content: bytes, before: int) -> None:
    written = 0
    try:
        while written < len(content):
            written += file.write(content[written:])
        os.fsync(file.fileno())
    except OSError:
        # Where the disk became full within the line, its beginning is taken back.
        if file.seek(0, os.SEEK_END) == before + written:
            file.truncate(before)
        raise


def read_lines(path: Path, whole_numbers: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Read a file of JSON lines that `append_line` wrote.

    Parameters
    ----------
    path : pathlib.Path
        The file, which may not exist yet.
    whole_numbers : sequence of str
        Fields that hold a whole number, or nothing, in every record.

    Returns
    -------
    list of dict
        The records. A line that was cut short by a crash, or damaged, is left out: the others still count.
    """
    records = []
    for line in path.read_bytes().splitlines() if path.exists() else ():
        # RecursionError: brackets within brackets, a thousand deep.
        with contextlib.suppress(ValueError, RecursionError):
            record = json.loads(line)
            if isinstance(record, dict) and all(isinstance(record.get(name), int | None) for name in whole_numbers):
                records.append(record)
    return records
