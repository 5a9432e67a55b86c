"""The learner's MLflow store: training runs and registered models in one SQLite file, the models' files beside it.

Plain MLflow reads and writes it. What is done here is what MLflow leaves to its user: make the store where the
learner's work lies, keep a copy of its last good state, mend it from there, and follow a folder that was moved.
"""

import sqlite3
import sys
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

from mlops_lesson.keep.files import said_if_unwritable, set_aside
from mlops_lesson.keep.paths import home, make_private_file, make_private_folder

NAME = "parcel-chute"
"""The experiment that the runs belong to, and the registered model."""

# Where MLflow notes the absolute path of its files, by table.
_PATHS = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
    "model_versions": "storage_location",
}


class RegistryError(RuntimeError):
    """The store cannot do what was asked; the text says why and what to do next."""


def store_path() -> Path:
    """Return the store's file in the learner's folder; it may not exist yet."""
    return home() / "mlflow.db"


def open_store() -> str:
    """Make the learner's MLflow store ready, and return its address.

    A missing store is made, with its experiment `parcel-chute`; a damaged one is replaced by the last good copy, and
    said so; a store that was moved with its folder gets its new paths.

    Returns
    -------
    str
        The address for `mlflow.set_tracking_uri`.

    Raises
    ------
    RegistryError
        If another version of MLflow wrote the store.
    mlops_lesson.keep.files.CannotWriteError
        If the learner's folder cannot be written.
    """
    path = store_path()
    with said_if_unwritable(path):
        make_private_folder(path.parent)
        _leave_first_edition(path.with_name("registry.db"))
        mend_store()
        if not path.exists():
            _make_store(path)
        _follow_moved_folder(path)
        with closing(sqlite3.connect(path)) as store, closing(sqlite3.connect(_copy_of(path, private=True))) as copy:
            store.backup(copy)
    return _checked_address(path)


def mend_store() -> None:
    """Put the last good copy in the place of a damaged store, with a printed sentence; needs no MLflow."""
    path, copy = store_path(), _copy_of(store_path())
    if not path.exists() or not _is_damaged(path):
        return
    aside = set_aside(path)
    # What a crash left of an unfinished write belongs to the damaged file.
    path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
    if copy.exists() and not _is_damaged(copy):
        make_private_file(path).write_bytes(copy.read_bytes())
        print(f"The MLflow store was damaged: its last good copy took its place, the damaged file is {aside.name}.")
    else:
        print(f"The MLflow store was damaged and there was no good copy: a new one begins, the old is {aside.name}.")


def _copy_of(path: Path, *, private: bool = False) -> Path:
    copy = path.with_name("mlflow.copy.db")
    return make_private_file(copy) if private else copy


def _is_damaged(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as store:
            tables = store.execute("SELECT count(*) FROM sqlite_master WHERE name = 'experiments'").fetchone()
            return tables == (0,) or store.execute("PRAGMA quick_check").fetchone() != ("ok",)
    except sqlite3.OperationalError:
        # Locked, or not readable now: a refusal, no damage.
        return False
    except sqlite3.DatabaseError:
        return True


def _mlflow() -> Any:
    import mlflow
    from mlflow.utils.logging_utils import disable_logging

    # MLflow reports each step on the error stream, with times and version numbers that change from run to run.
    disable_logging()
    return mlflow


def _address(path: Path) -> str:
    # A question mark would end the path in the plain form; in SQLite's own form of address it can be written.
    return f"sqlite+pysqlite:///{path.as_uri()}?uri=true" if "?" in str(path) else f"sqlite:///{path.as_posix()}"


def _make_store(path: Path) -> None:
    # Made under another name, so that a process that is killed leaves no half store.
    new = make_private_file(path.with_name(f"mlflow.new-{uuid.uuid4().hex}.db"))
    try:
        client = _mlflow().MlflowClient(tracking_uri=_address(new))
        client.create_experiment(NAME, artifact_location=path.with_suffix("").as_uri())
        if not path.exists():
            new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _follow_moved_folder(path: Path) -> None:
    here = path.with_suffix("").as_uri()
    with closing(sqlite3.connect(path)) as store, store:
        (before,) = store.execute("SELECT artifact_location FROM experiments WHERE name = ?", (NAME,)).fetchone()
        if before == here:
            return
        for table, column in _PATHS.items():
            change = f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"  # noqa: S608
            store.execute(change, (here, len(before) + 1, len(before), before))
    print(f"The folder with your work was moved: the MLflow store looks for its models in {path.parent} now.")


def _checked_address(path: Path) -> str:
    mlflow = _mlflow()
    address = _address(path)
    try:
        mlflow.MlflowClient(tracking_uri=address).get_experiment_by_name(NAME)
    except mlflow.MlflowException as error:
        raise RegistryError(
            f"MLflow {mlflow.__version__} cannot use the store {path}: {str(error).splitlines()[0]} If another version "
            f"wrote it, run `make lab` to install the course's, or `{Path(sys.executable).name} -m mlflow db upgrade "
            f'"{address}"` to bring it up to date.'
        ) from error
    return address


def _leave_first_edition(old: Path) -> None:
    aside = old.with_name("registry.first-edition.db")
    if old.exists() and not aside.exists():
        old.rename(aside)
        print(f"The first edition's registry was set aside as {aside.name}: this edition begins a new one.")
