"""The learner's MLflow store: training runs and registered models in one SQLite file, the models' files beside it.

Plain MLflow reads and writes it. What is done here is what MLflow leaves to its user: make the store where the
learner's work lies, keep a copy of its last good state, mend it from there, and follow a folder that was moved.
"""

import io
import sqlite3
import sys
import uuid
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from mlops_lesson.keep.database import connect, has_locks, open_database
from mlops_lesson.keep.files import said_if_unwritable, set_aside
from mlops_lesson.keep.journal import alone
from mlops_lesson.keep.paths import home, make_private_file, make_private_folder

MODEL_NAME = "parcel-chute"
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
    address = _checked_address(path)
    with open_database(path, "", write=False) as store, closing(connect(_copy_of(path), "")) as copy:
        store.backup(copy)
    return address


def mend_store() -> None:
    """Bring back a damaged store from its copy, and follow one that was moved, with a printed sentence each."""
    path = store_path()
    if path.exists() and _is_damaged(path):
        _bring_back(path, _copy_of(path))
    if path.exists():
        _follow_moved_folder(path)


def _bring_back(path: Path, copy: Path) -> None:
    aside = set_aside(path)
    # What a crash left of an unfinished write belongs to the damaged file.
    path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
    if copy.exists() and not _is_damaged(copy):
        make_private_file(path).write_bytes(copy.read_bytes())
        print(f"The MLflow store was damaged: its last good copy took its place, the damaged file is {aside.name}.")
    else:
        print(f"The MLflow store was damaged and there was no good copy: a new one begins, the old is {aside.name}.")


def _copy_of(path: Path) -> Path:
    return path.with_name("mlflow.copy.db")


def _is_damaged(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path.as_uri() + "?nolock=1" * (not has_locks(path.parent)), uri=True)) as store:
            tables = store.execute("SELECT count(*) FROM sqlite_master WHERE name = 'experiments'").fetchone()
            return tables == (0,) or store.execute("PRAGMA quick_check").fetchone() != ("ok",)
    except sqlite3.OperationalError:
        # Locked, or not readable now: a refusal, no damage.
        return False
    except sqlite3.DatabaseError:
        return True


@cache
def _mlflow() -> Any:
    import mlflow
    from mlflow.store.db import utils
    from mlflow.utils import logging_utils

    # MLflow tells Alembic the folder that it is installed in; a single % there would begin a variable's name.
    folder = utils._get_package_dir().replace("%", "%%")
    utils._get_package_dir = lambda: folder
    # What `registered_model_name` prints on the error stream holds the version's number, which every run changes.
    logging_utils.MLFLOW_LOGGING_STREAM = io.StringIO()
    return mlflow


def _address(path: Path) -> str:
    # A question mark would end the path in the plain form; SQLite's own form of address can hold it, and more.
    if not has_locks(path.parent):
        return f"sqlite+pysqlite:///{path.as_uri()}?uri=true&nolock=1"
    return f"sqlite+pysqlite:///{path.as_uri()}?uri=true" if "?" in str(path) else f"sqlite:///{path.as_posix()}"


def _make_store(path: Path) -> None:
    # Under another name, so that a process that is killed leaves no half store; alone, so that there is one store.
    with alone():
        for left in path.parent.glob("mlflow.new-*"):
            left.unlink()
        # MLflow asks nobody who may read its files: the folder around them is the learner's alone.
        make_private_folder(path.with_suffix(""))
        new = make_private_file(path.with_name(f"mlflow.new-{uuid.uuid4().hex}.db"))
        try:
            client = _mlflow().MlflowClient(tracking_uri=_address(new))
            client.create_experiment(MODEL_NAME, artifact_location=path.with_suffix("").as_uri())
            if not path.exists():
                new.replace(path)
        finally:
            new.unlink(missing_ok=True)


def _follow_moved_folder(path: Path) -> None:
    here = path.with_suffix("").as_uri()
    with open_database(path, "", write=False) as store:
        (before,) = store.execute("SELECT artifact_location FROM experiments WHERE name = ?", (MODEL_NAME,)).fetchone()
    if before == here:
        return
    with open_database(path, "") as store:
        for table, column in _PATHS.items():
            change = f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"  # noqa: S608
            store.execute(change, (here, len(before) + 1, len(before), before))
    print(f"The folder with your work was moved: the MLflow store looks for its models in {path.parent} now.")


def _checked_address(path: Path) -> str:
    mlflow = _mlflow()
    address = _address(path)
    try:
        mlflow.MlflowClient(tracking_uri=address).get_experiment_by_name(MODEL_NAME)
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
