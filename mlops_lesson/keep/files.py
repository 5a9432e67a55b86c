"""Write files so that they are whole, and say clearly when one cannot be written."""

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


class CannotWriteError(OSError):
    """A file cannot be written; the text names it and says what to do next."""


@contextmanager
def said_if_unwritable(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write a file in the ``with`` block into a `CannotWriteError`."""
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
        Where; its folder is made if needed. A link leads to the file that is replaced, which keeps its permissions.
    content : bytes
        What.

    Raises
    ------
    CannotWriteError
        If the system refuses; what was there before is unchanged.
    """
    with said_if_unwritable(path):
        target = path.resolve()
        make_private_folder(target.parent)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".mlops_lesson-", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(handle)
            if target.exists():
                Path(name).chmod(target.stat().st_mode)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def set_aside(path: Path) -> Path:
    """Rename a damaged file to ``name.damaged-1.ending`` beside it, or the next free number, and return that path."""
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
