"""The learner's MLflow store: training runs and registered models in one SQLite file, the models' files beside it.

Plain MLflow reads and writes it. What is done here is what MLflow leaves to its user: make the store where the
learner's work lies, keep a copy of its last good state, restore it from there, and follow a folder that was moved.
"""

import io
import logging
import sqlite3
import sys
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from mlops_lesson.keep.database import connect, has_locks, open_database
from mlops_lesson.keep.files import CannotWriteError, translate_write_errors
from mlops_lesson.keep.journal import open_journal
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

    A missing store is made, with its experiment `parcel-chute`; a damaged one is replaced by the last good copy; a
    store that was moved with its folder gets its new paths. A printed line says which of the last two was done.

    Returns
    -------
    str
        The address for `mlflow.set_tracking_uri`.

    Raises
    ------
    RegistryError
        If another version of MLflow wrote the store.
    """
    mlflow, path = _mlflow(), store_path()
    # One process at a time, so that there is one store.
    with open_journal(), translate_write_errors(path):
        first, aside = path.with_name("registry.db"), path.with_name("registry.first-edition.db")
        if first.exists() and not aside.exists():
            first.rename(aside)
            print(f"The first edition's registry was set aside as {aside.name}: this edition begins a new one.")
        if not repair_store():
            _make_store(path)
    address = _address(path)
    try:
        mlflow.MlflowClient(tracking_uri=address).get_experiment_by_name(MODEL_NAME)
    except mlflow.MlflowException as error:
        raise RegistryError(
            f"MLflow {mlflow.__version__} cannot use the store {path}: {str(error).splitlines()[0]} If another version "
            f"wrote it, run `make lab` to install the course's, or `{Path(sys.executable).name} -m mlflow db upgrade "
            f'"{address}"` to bring it up to date.'
        ) from error
    with open_database(path, "", write=False) as store, closing(connect(_copy_of(path))) as copy:
        store.backup(copy)
    return address


def repair_store() -> bool:
    """Restore a damaged store from its copy, give a moved one its new paths, and return whether there is a store."""
    path = store_path()
    here, before = path.with_suffix("").as_uri(), _location_of_files(path)
    if before is None and (before := _location_of_files(_copy_of(path))) is not None:
        with open_database(_copy_of(path), "", write=False) as copy, closing(connect(path)) as store:
            copy.backup(store)
        print(
            "The MLflow store was missing or damaged: its last good copy took its place. To begin anew, remove "
            f"{path.name} and {_copy_of(path).name}."
        )
    if not before or before == here:
        return before is not None
    with open_database(path, "") as store:
        for table, column in _PATHS.items():
            change = f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"  # noqa: S608
            store.execute(change, (here, len(before) + 1, len(before), before))
    print(f"The folder with your work was moved: the MLflow store looks for its models in {path.parent} now.")
    return True


def _location_of_files(path: Path) -> str | None:
    try:
        with open_database(path, "", write=False) as store:
            query = "SELECT coalesce(max(artifact_location), '') FROM experiments WHERE name = ?"
            return store.execute(query, (MODEL_NAME,)).fetchone()[0]
    except sqlite3.OperationalError:
        # There is no such table: the file is empty, or is not there.
        return None


def _copy_of(path: Path) -> Path:
    return path.with_name("mlflow.copy.db")


def _address(path: Path) -> str:
    # SQLite's own form of address can hold a question mark, at which the plain form would end the path.
    return f"sqlite+pysqlite:///{path.as_uri()}?uri=true{'' if has_locks(path.parent) else '&nolock=1'}"


@cache
def _mlflow() -> Any:
    import mlflow
    from mlflow.store.db import utils
    from mlflow.utils import logging_utils

    # Set here, because a cell may import MLflow before this package.
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    # MLflow tells Alembic the folder that it is installed in; a single % there would begin a variable's name.
    folder = utils._get_package_dir().replace("%", "%%")
    utils._get_package_dir = lambda: folder
    # What `registered_model_name` prints on the error stream holds the version's number, which every run changes.
    logging_utils.MLFLOW_LOGGING_STREAM = io.StringIO()
    return mlflow


def _make_store(path: Path) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    mlflow = _mlflow()
    # MLflow asks nobody who may read its files: the folder around them is the learner's alone.
    folder = make_private_folder(path.with_suffix(""))
    # Made elsewhere, so that a process that is killed leaves no half store; in a new place each time, because MLflow
    # makes the tables of an address once in a process.
    with tempfile.TemporaryDirectory(prefix=".mlflow-", dir=path.parent) as place:
        new = make_private_file(Path(place, path.name))
        try:
            client = mlflow.MlflowClient(tracking_uri=_address(new))
            client.create_experiment(MODEL_NAME, artifact_location=folder.as_uri())
        except (mlflow.MlflowException, SQLAlchemyError) as error:
            raise CannotWriteError(path, str(error).splitlines()[0]) from error
        new.replace(path)
