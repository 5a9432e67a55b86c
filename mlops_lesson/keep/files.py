"""Write files so that they are whole, and say clearly when one cannot be written."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops_lesson.keep.paths import HOME_VARIABLE, make_private_folder


class CannotWriteError(OSError):
    """A file cannot be written; the text names it and says what to do next."""


@contextmanager
def said_if_unwritable(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write a file in the ``with`` block into a `CannotWriteError`."""
    try:
        yield
    except CannotWriteError:
        raise
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
