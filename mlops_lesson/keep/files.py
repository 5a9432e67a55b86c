"""Write files so that they are whole, and say clearly when one cannot be written."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops_lesson.keep.paths import HOME_VARIABLE, make_private_folder

_ADVICE = f"Make room on the disk or allow writing there, or set {HOME_VARIABLE} to another folder"


class CannotWriteError(OSError):
    """A file cannot be written; the text names it and says what to do next."""

    def __init__(self, path: Path, reason: object, advice: str = _ADVICE) -> None:
        super().__init__(
            f"{path} cannot be written ({reason}). What was there before is unchanged. {advice}, then run the cell "
            "again."
        )


@contextmanager
def translate_write_errors(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write a file in the ``with`` block into a `CannotWriteError`."""
    try:
        yield
    except CannotWriteError:
        raise
    except OSError as error:
        raise CannotWriteError(path, error.strerror or error) from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, even if the process dies on the way.

    Parameters
    ----------
    path : pathlib.Path
        Where; its folder is made if needed. A link leads to the file that is replaced, which keeps its permissions.
    content : bytes
        What.
    """
    with translate_write_errors(path):
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
