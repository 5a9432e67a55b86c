"""Training runs and model versions, kept in an MLflow store in the learner's own folder.

The store is one SQLite file, `registry.db`; the models lie beside it as skops files, which cannot run code when they
are read. Alias `champion` names the version that answers, `challenger` the one that wants to. Nothing is ever
overwritten: a version is added, an alias moves, and the last good state of the store is kept as a second file.
"""

import contextlib
import hashlib
import json
import logging
import math
import os
import platform
import sqlite3
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlops_lesson.keep.files import CannotWriteError, append_line, read_lines, set_aside, write_atomically
from mlops_lesson.keep.paths import home, make_private_file, make_private_folder
from mlops_lesson.training.network import TrainedModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_lesson.validation.gate import GateResult


MODEL_NAME = "parcel-chute"


CHAMPION, CHALLENGER = "champion", "challenger"


TRUSTED_TYPES = (
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
)


MLFLOW_SETTINGS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool"}


_EXPERIMENT = "training"


_EMPTY = Path(__file__).with_name("empty_registry.sql")


_SEAL = "-- SHA-256 of the lines above: "


_LOCK_SECONDS = 30


_CHAMPIONS_REMEMBERED = 50


_GATE_NUMBERS = ("accuracy", "low", "high", "threshold")


_OWN_TAGS = ("gate", "model_", "champions_before")


_LARGEST = 2**53 - 1


_LONGEST_TAG = 100_000


class RegistryError(RuntimeError):
    """The registry cannot do what was asked; the text says why and what to do next."""


class RegistryDamagedError(RegistryError):
    """The registry's file cannot be read as a registry."""


class UnknownVersionError(RegistryError):
    """There is no such version or alias."""


class GateError(RegistryError):
    """A version may not be promoted, because of its gate."""


@dataclass(frozen=True)
class Gate:
    """What the validation gate said of one version.

    Parameters
    ----------
    passed : bool
        Whether the version may be promoted.
    accuracy : float
        Accuracy on the test images, 0 to 1.
    low, high : float
        Ends of the accuracy's 95 % interval, 0 to 1.
    n : int
        Number of test images.
    threshold : float
        The accuracy that `low` has to reach.
    data_hash : str
        Hash of the test data.
    reasons : tuple of str
        Why the gate said no; empty if it passed.
    """

    passed: bool
    accuracy: float
    low: float
    high: float
    n: int
    threshold: float
    data_hash: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class RegisteredModel:
    """A model read from the registry.

    Parameters
    ----------
    version : int
        Its number, which grows by one with every registration.
    model : object
        The fitted scikit-learn model.
    gate : Gate or None
        What the gate said; None if it was not asked yet.
    data_hash : str
        Hash of the training data.
    tags : dict of str to str
        Everything else that was noted at registration.
    """

    version: int
    model: Any
    gate: Gate | None
    data_hash: str
    tags: dict[str, str]


def _need_text(**given: Any) -> None:
    """Refuse, before anything is written, what the store cannot keep as text."""
    for name, value in given.items():
        if not isinstance(value, str) or any("\ud800" <= sign <= "\udfff" for sign in value):
            raise RegistryError(
                f"{name} is {value!r}, but text was expected, a str of whole characters. Nothing was written: give "
                "text, then run the cell again."
            )


def _need_mapping(**given: Any) -> None:
    for name, value in given.items():
        if not isinstance(value, Mapping):
            raise RegistryError(
                f"{name} is {value!r}, but a dict was expected, names with their values. Nothing was written."
            )
        for key in value:
            _need_text(**{f"A name in {name}": key})


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and least <= value <= _LARGEST


def _is_share(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and 0 <= value <= 1


def registry_path() -> Path:
    """Return the registry's file, `registry.db` in the learner's folder; it may not exist yet."""
    return home() / "registry.db"


def _backup_path() -> Path:
    return home() / "registry.backup.db"


def _mlflow() -> Any:
    # MLflow reads these once, when it is imported: without the first it reports usage, without the second it
    # keeps the file open, and writes to a deleted registry would vanish.
    os.environ.update(MLFLOW_SETTINGS)
    import mlflow

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    # It would print pages of traceback for a damaged or locked file, which `_client` tells in two lines.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    return mlflow


def _connect(path: Path) -> Any:
    uri = f"sqlite:///{path.as_posix()}"
    return _mlflow().MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def _locked() -> Iterator[None]:
    """Let one process at a time change the registry; the lock ends with the process that holds it."""
    folder = home()
    try:
        lock_file = make_private_file(make_private_folder(folder) / "registry.lock")
        with closing(sqlite3.connect(lock_file, timeout=_LOCK_SECONDS, isolation_level=None)) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            yield
    except (sqlite3.Error, OSError) as error:
        raise RegistryError(
            f"The registry in {folder} cannot be changed now ({error}). Check that the folder may be written and the "
            "disk is not full; if another notebook is busy, wait for it, then run the cell again."
        ) from error


def _problem_of(path: Path) -> str | None:
    if path.stat().st_size == 0:
        return "it is empty"
    try:
        with closing(sqlite3.connect(path, timeout=_LOCK_SECONDS)) as database:
            if (said := database.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
                return said.splitlines()[0]
            database.execute("SELECT version_num FROM alembic_version").fetchone()
            database.execute("SELECT name FROM registered_models").fetchone()
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if "locked" in str(error):
            return None
        return str(error)
    return None


def _damaged_record() -> str | None:
    """Say what is wrong in a file that is a database, but whose records are no longer what was written."""
    try:
        _catalogue(locked=True)
    except RegistryDamagedError as error:
        return str(error)
    return None


def _empty_store(path: Path) -> Any:
    # MLflow makes its tables by sixty migrations, in seconds. They are kept as it left them; if the MLflow that is
    # installed wants other tables, or those kept are damaged, it makes its own.
    try:
        with closing(sqlite3.connect(path)) as database:
            database.executescript(_first_tables())
        return _connect(path)
    except Exception:
        path.unlink(missing_ok=True)
        return _connect(make_private_file(path))


def _sealed(sql: str) -> str:
    """Add the checksum by which damage to the kept tables is found."""
    return f"{sql}{_SEAL}{hashlib.sha256(sql.encode()).hexdigest()}\n"


def _first_tables() -> str:
    sql, *_ = (text := _EMPTY.read_text(encoding="utf-8")).rpartition(_SEAL)
    if text != _sealed(sql):
        raise ValueError(f"{_EMPTY.name} is damaged.")
    return sql


def _create_store(path: Path) -> None:
    # The lock is held, so whoever began a store and did not finish it was killed.
    for left in path.parent.glob("registry.new-*"):
        left.unlink()
    new = path.with_name(f"registry.new-{uuid.uuid4().hex}.db")
    try:
        client = _empty_store(make_private_file(new))
        client.create_registered_model(MODEL_NAME, description="Reads the route digit of a parcel, picks the chute.")
        client.create_experiment(_EXPERIMENT, artifact_location=(path.parent / "artifacts").as_uri())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


# What reading a record raises in which a bit was flipped, or which another program wrote.
_NO_RECORD = (KeyError, ValueError, TypeError, AttributeError, IndexError)


_RECOVER = (
    "Nothing was changed. Call mlops_lesson.deployment.registry.recover(): it keeps the damaged file under another "
    "name and brings back the last good copy."
)


_checked: dict[Path, tuple[int, ...]] = {}


def _ready_store(*, locked: bool = False) -> Path:
    path = registry_path()
    if not path.exists():
        with contextlib.nullcontext() if locked else _locked():
            if not path.exists():
                _create_store(path)
    facts = path.stat()
    signature = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
    if _checked.get(path) != signature:
        if problem := _problem_of(path):
            raise RegistryDamagedError(f"The registry file {path} is damaged: {problem.rstrip('.')}. {_RECOVER}")
        _checked[path] = signature
    return path


@contextmanager
def _said_if_damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except _NO_RECORD as error:
        raise RegistryDamagedError(
            f"The registry file {path} is damaged: a record cannot be read ({type(error).__name__}: {error}). "
            f"{_RECOVER}"
        ) from error


@contextmanager
def _client(*, locked: bool = False) -> Iterator[Any]:
    path = _ready_store(locked=locked)
    failure = _mlflow().MlflowException
    try:
        with _said_if_damaged(path):
            yield _connect(path)
    except failure as error:
        raise RegistryError(
            f"The registry {path} did not do this: {str(error).splitlines()[0]} Nothing was lost. If the disk is full, "
            "make room; if the text speaks of a schema, the file was written by another version of MLflow: run "
            "`make lab` to install the course's."
        ) from error


@contextmanager
def _changing_client() -> Iterator[Any]:
    with _locked(), _client(locked=True) as client:
        yield client
        # The change is made by now; a copy that cannot be written is tried again at the next one.
        with contextlib.suppress(sqlite3.Error, OSError):
            _back_up()


def _back_up() -> None:
    new = _backup_path().with_suffix(".new")
    with (
        closing(sqlite3.connect(registry_path())) as source,
        closing(sqlite3.connect(make_private_file(new))) as target,
    ):
        source.backup(target)
    new.replace(_backup_path())


def recover() -> str:
    """Bring the registry back after `RegistryDamagedError`: the damaged file is kept, the last good copy takes over.

    Returns
    -------
    str
        What was done, one or two sentences.

    Raises
    ------
    RegistryError
        If the registry is not damaged.
    """
    path, backup = registry_path(), _backup_path()
    with _locked():
        if path.exists() and not (_problem_of(path) or _damaged_record()):
            raise RegistryError(f"{path.name} is not damaged: there is nothing to recover.")
        kept = ""
        if path.exists():
            aside = set_aside(path)
            # SQLite would apply a journal left behind by a crash to the copy that takes the file's place.
            journal = path.with_name(f"{path.name}-journal")
            if journal.exists():
                journal.rename(aside.with_name(f"{aside.name}-journal"))
            kept = f"The damaged file was kept as {aside.name}. "
        if not backup.exists() or _problem_of(backup):
            _create_store(path)
            return f"{kept}There was no good copy: a new, empty registry begins. The model files are in artifacts/."
        new = path.with_name("registry.restored.db")
        make_private_file(new).write_bytes(backup.read_bytes())
        new.replace(path)
    count = len(versions())
    return f"{kept}The last good copy, with {count} version{'' if count == 1 else 's'}, is back."


def log_run(
    name: str,
    *,
    params: Mapping[str, Any],
    epochs: Any = None,
    metrics: Mapping[str, float] | None = None,
    seed: int,
    data_hash: str,
) -> str:
    """Keep the record of one training run: what went in, what came out, on which data, with which seed.

    Parameters
    ----------
    name : str
        What to call the run, such as ``"baseline"``; a run logged again under the same name becomes the latest.
    params : mapping of str to object
        The settings, such as ``{"learning_rate": 0.08}``.
    epochs : pandas.DataFrame or object with ``to_frame()``, optional
        One row an epoch; column `epoch` (int) and any number of numeric columns, such as `loss` and `accuracy`.
    metrics : mapping of str to float, optional
        Results that are not tied to an epoch.
    seed : int
        The seed of the random numbers.
    data_hash : str
        Hash of the data.

    Returns
    -------
    str
        The run's id, to pass to `register`.

    Raises
    ------
    RegistryError
        If `epochs` has no column `epoch`, something given cannot be kept, or the registry cannot be written.
    """
    _need_text(name=name, data_hash=data_hash)
    _need_mapping(params=params, metrics=metrics or {})
    texts = {key: str(value) for key, value in params.items()} | {"seed": str(seed)}
    _need_text(**{f"The setting {key!r}": text for key, text in texts.items()})
    frame = epochs.to_frame() if hasattr(epochs, "to_frame") else epochs
    if frame is not None and not isinstance(frame, pd.DataFrame):
        raise RegistryError(
            f"The epochs of run {name!r} are of type {type(frame).__name__}; a DataFrame or a trace is needed."
        )
    if frame is not None and "epoch" not in frame.columns:
        raise RegistryError(
            f"The epochs of run {name!r} have the columns {list(frame.columns)}; a column named 'epoch' is needed."
        )
    entities = _mlflow().entities
    now = int(time.time() * 1000)
    columns: list[str] = []
    try:
        records = [entities.Metric(key, float(value), now, 0) for key, value in (metrics or {}).items()]
        if frame is not None:
            numeric = frame.select_dtypes("number").columns
            columns = [column for column in numeric if column != "epoch"]
            steps = _steps(frame)
            for column in columns:
                _need_text(**{"The name of a column": column})
                values = frame[column].astype(float)
                points = zip(steps, values, strict=True)
                records += [entities.Metric(column, value, now, step) for step, value in points]
    except (TypeError, ValueError, OverflowError) as error:
        raise RegistryError(
            f"The numbers of run {name!r} cannot be kept ({error}). Nothing was written: give each metric as a float."
        ) from error
    measured = {*(metrics or {}), *columns}
    if taken := sorted({"run", "data_hash", "seed", "epochs"} & ({*params} | measured) or measured & {*params}):
        raise RegistryError(
            f"The name {taken[0]!r} stands for something else in the table of runs. Nothing was written: give this "
            "setting or metric another name."
        )
    tags = {"seed": seed, "data_hash": data_hash, "epochs": 0 if frame is None else len(frame)}
    tags["epoch_metrics"] = json.dumps(columns)
    with _changing_client() as client:
        experiment = client.get_experiment_by_name(_EXPERIMENT).experiment_id
        last = client.search_runs([experiment], max_results=1, order_by=["attributes.start_time DESC"])
        # The latest run is the one that began last, also after the clock was set back.
        begin = max([now, *(run.info.start_time + 1 for run in last)])
        run_id = client.create_run(experiment, start_time=begin, run_name=name).info.run_id
        client.log_batch(
            run_id,
            metrics=records,
            params=[entities.Param(key, str(value)) for key, value in params.items()],
            tags=[entities.RunTag(key, str(value)) for key, value in tags.items()],
        )
        client.set_terminated(run_id)
        return run_id


def _steps(frame: pd.DataFrame) -> list[int]:
    if not frame.columns.is_unique:
        raise ValueError("two columns have the same name")
    for value in frame["epoch"]:
        if not isinstance(value, Real) or value != value // 1 or not 0 <= value <= _LARGEST:
            raise ValueError(f"an epoch is {value!r}, not a whole number from 0")
    return [int(value) for value in frame["epoch"]]


def _as_value(text: str) -> Any:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def _finished_runs(name: str | None) -> list[Any]:
    with _client() as client:
        experiment = client.get_experiment_by_name(_EXPERIMENT)
        found, token = [], None
        while True:
            page = client.search_runs(
                [experiment.experiment_id],
                "attributes.status = 'FINISHED'",
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            found += [run for run in page if name is None or run.info.run_name == name]
            token = page.token
            if not token:
                return sorted(found, key=lambda run: run.info.run_name)


def runs(name: str | None = None, *, every: bool = False) -> pd.DataFrame:
    """Find the recorded training runs.

    Parameters
    ----------
    name : str, optional
        Only the runs of this name.
    every : bool
        All runs of a name, oldest first, instead of its latest.

    Returns
    -------
    pandas.DataFrame
        One row a run, by name: `run`, `data_hash`, `seed`, the settings by name, `epochs`, the last value of each
        metric by name. It holds no ids and no times, so that the same runs give the same table.
    """
    found = _finished_runs(name)
    if not every:
        found = list({run.info.run_name: run for run in found}.values())
    params = sorted({key for run in found for key in run.data.params})
    metrics = sorted({key for run in found for key in run.data.metrics})
    rows = [
        {
            "run": run.info.run_name,
            "data_hash": run.data.tags["data_hash"],
            "seed": _as_value(run.data.tags["seed"]),
            **{key: _as_value(run.data.params[key]) if key in run.data.params else pd.NA for key in params},
            "epochs": int(run.data.tags["epochs"]),
            **{key: run.data.metrics.get(key, math.nan) for key in metrics},
        }
        for run in found
    ]
    frame = pd.DataFrame(rows, columns=["run", "data_hash", "seed", *params, "epochs", *metrics])
    return frame.astype(frame[params].convert_dtypes().dtypes.to_dict())


def run_epochs(name: str) -> pd.DataFrame:
    """Read what the latest run of a name recorded epoch by epoch.

    Parameters
    ----------
    name : str
        The run's name.

    Returns
    -------
    pandas.DataFrame
        One row an epoch: `epoch` (int) and the metrics in the order of their names.

    Raises
    ------
    UnknownVersionError
        If no run of that name was recorded.
    """
    found = _finished_runs(name)
    if not found:
        known = ", ".join(repr(run) for run in runs()["run"]) or "none yet"
        raise UnknownVersionError(f"No run named {name!r} was recorded. Recorded runs: {known}.")
    run = found[-1]
    with _client() as client:
        series = {
            key: pd.Series({point.step: point.value for point in client.get_metric_history(run.info.run_id, key)})
            for key in sorted(json.loads(run.data.tags["epoch_metrics"]))
        }
    return pd.DataFrame(series, dtype=float).rename_axis("epoch").reset_index()


def register(model: Any, *, data_hash: str, run_id: str | None = None, tags: Mapping[str, Any] | None = None) -> int:
    """Add a fitted model to the registry as a new version, which nobody uses yet.

    Parameters
    ----------
    model : fitted scikit-learn classifier
        Takes X of shape (n, 64), grey levels 0 to 16; classes 0 (chute A) and 1 (chute B).
    data_hash : str
        Hash of the data it was trained on.
    run_id : str, optional
        The training run it comes from; see `log_run`.
    tags : mapping of str to object, optional
        Anything else worth noting; kept as text.

    Returns
    -------
    int
        The version's number.

    Raises
    ------
    RegistryError
        If the model is not fitted, holds types that are not on `TRUSTED_TYPES`, or cannot be written; or if a tag
        begins as those do that the registry writes itself.
    """
    _need_text(data_hash=data_hash, run_id="" if run_id is None else run_id)
    _need_mapping(tags=tags or {})
    notes = {key: str(value) for key, value in (tags or {}).items()}
    _need_text(**{f"The tag {key!r}": text for key, text in notes.items()})
    if own := [key for key in notes if key.startswith(_OWN_TAGS)]:
        raise RegistryError(
            f"The tag {own[0]!r} begins like one that the registry writes itself ({', '.join(_OWN_TAGS)}). Nothing "
            "was written: give it another name."
        )
    content = _packed(model)
    name = f"artifacts/models/{uuid.uuid4().hex}/model.skops"
    path = home() / name
    with _changing_client() as client:
        write_atomically(path, content)
        facts = {"data_hash": data_hash, "model_file": name, "model_sha256": hashlib.sha256(content).hexdigest()}
        created = client.create_model_version(
            MODEL_NAME, source=path.parent.as_uri(), run_id=run_id, tags=notes | facts
        )
        return int(created.version)


def _packed(model: Any) -> bytes:
    import skops.io
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(model)
    except (NotFittedError, TypeError) as error:
        raise RegistryError(
            f"A fitted scikit-learn model was expected, not {type(model).__name__}: {error} Train it, then register it."
        ) from error
    content = skops.io.dumps(model)
    unknown = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED_TYPES))
    if unknown:
        raise RegistryError(
            f"The model holds types that the registry does not trust: {', '.join(unknown)}. "
            "Build it from scikit-learn's own steps, without functions of your own."
        )
    return content


@dataclass(frozen=True)
class _Entry:
    """One version as the store has it."""

    version: int
    tags: dict[str, str]


@dataclass(frozen=True)
class _Catalogue:
    """All versions and aliases, as of one moment."""

    entries: dict[int, _Entry]
    aliases: dict[str, int]

    def find(self, version: int | str) -> _Entry:
        if not isinstance(version, Integral | str) or isinstance(version, bool):
            raise UnknownVersionError(
                f"{version!r} is no version: give its number as an int, or an alias such as {CHAMPION!r}. "
                "registry.versions() lists both."
            )
        number = self.aliases.get(version) if isinstance(version, str) else version
        if number in self.entries:
            return self.entries[number]
        if isinstance(version, str):
            raise UnknownVersionError(
                f"No version is {version!r} yet. Register a model, pass its gate, then promote it."
            )
        known = ", ".join(map(str, self.entries)) or "none yet"
        raise UnknownVersionError(f"There is no version {version!r} of {MODEL_NAME}. Registered versions: {known}.")


def _catalogue(*, locked: bool = False) -> _Catalogue:
    # Who only reads asks the file itself: a service need not load MLflow, which takes a second and 100 MB.
    path = _ready_store(locked=locked)
    try:
        with closing(sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)) as database:
            database.execute("BEGIN")
            numbers = database.execute(
                "SELECT version FROM model_versions WHERE name = ? AND current_stage <> 'Deleted_Internal' "
                "ORDER BY version",
                (MODEL_NAME,),
            )
            entries = {number: _Entry(number, {}) for (number,) in numbers}
            tags = "SELECT version, key, value FROM model_version_tags WHERE name = ? ORDER BY key"
            for number, key, value in database.execute(tags, (MODEL_NAME,)):
                if number in entries:
                    entries[number].tags[key] = value
            found = database.execute(
                "SELECT alias, version FROM registered_model_aliases WHERE name = ?", (MODEL_NAME,)
            )
            aliases = dict(found.fetchall())
        with _said_if_damaged(path):
            for entry in (*entries.values(), *(entries[number] for number in aliases.values())):
                _described(entry)
        return _Catalogue(entries, aliases)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise RegistryError(
            f"The registry {path} cannot be read now ({error}). Nothing was lost. If another notebook is busy, wait "
            "for it, then run the cell again; if the text speaks of a table or column, the file was written by another "
            "version of MLflow: run `make lab` to install the course's."
        ) from error


def _gate_of(tags: Mapping[str, str]) -> Gate | None:
    if tags.get("gate") not in ("passed", "failed"):
        return None
    if not _is_whole(int(tags["gate_n"]), 1):
        # It was written when any number was taken. No such test can have been, so it says nothing of the model.
        return None
    return Gate(
        passed=tags["gate"] == "passed",
        **{key: float(tags[f"gate_{key}"]) for key in _GATE_NUMBERS},
        n=int(tags["gate_n"]),
        data_hash=tags["gate_data_hash"],
        reasons=tuple(json.loads(tags["gate_reasons"])),
    )


def record_gate(
    version: int,
    *,
    passed: bool,
    accuracy: float,
    low: float,
    high: float,
    n: int,
    threshold: float,
    data_hash: str,
    reasons: tuple[str, ...] | list[str] = (),
) -> Gate:
    """Note what the validation gate said of a version, as tags of that version.

    Parameters
    ----------
    version : int
        The version's number.
    passed : bool
        Whether it may be promoted.
    accuracy, low, high : float
        Accuracy on the test images and the ends of its 95 % interval, 0 to 1.
    n : int
        Number of test images, a whole number from 1 to 2**53 - 1.
    threshold : float
        The accuracy that `low` has to reach, 0 to 1.
    data_hash : str
        Hash of the test data.
    reasons : sequence of str
        Why the gate said no.

    Returns
    -------
    Gate
        The record.

    Raises
    ------
    UnknownVersionError
        If there is no such version.
    GateError
        If the numbers are none, or contradict each other, for instance a pass whose `low` is below the threshold.
    RegistryError
        If `data_hash` or a reason is not text, or the registry cannot be written.
    """
    shares = (low, accuracy, high, threshold)
    if not all(map(_is_share, shares)) or not low <= accuracy <= high or not _is_whole(n, 1):
        raise GateError(
            f"These cannot be a gate's numbers: accuracy {accuracy}, interval {low} to {high}, threshold {threshold}, "
            f"{n} images. Expected 0 <= low <= accuracy <= high <= 1, a threshold from 0 to 1, and a whole number of "
            "images from 1 to 2**53 - 1. Nothing was written: measure them again, for instance with check_gate."
        )
    if type(passed).__name__ not in ("bool", "bool_"):
        raise GateError(f"passed is {passed!r}, but True or False was expected. Nothing was written.")
    if isinstance(reasons, str) or not isinstance(reasons, Sequence):
        raise GateError(f"reasons is {reasons!r}, but a list of text was expected. Nothing was written.")
    _need_text(data_hash=data_hash, **{f"Reason {place}": why for place, why in enumerate(reasons, start=1)})
    if passed and low < threshold:
        raise GateError(
            f"A pass was claimed, but the interval's lower end {low:.3f} is below the gate {threshold:.3f}. "
            "Record it with passed=False, or test on more images."
        )
    told = tuple(reasons)
    if not passed and not told:
        told = (f"the interval's lower end {low:.3f} is below the gate {threshold:.3f}",) if low < threshold else ()
    record = Gate(bool(passed), float(accuracy), float(low), float(high), int(n), float(threshold), data_hash, told)
    values = {key: repr(getattr(record, key)) for key in (*_GATE_NUMBERS, "n")}
    values |= {"data_hash": data_hash, "reasons": json.dumps(told)}
    if max(map(len, values.values())) > _LONGEST_TAG:
        raise GateError(f"The reasons or the data's hash have more than {_LONGEST_TAG:,} characters: shorten them.")
    with _changing_client() as client:
        number = str(_catalogue(locked=True).find(version).version)
        # The verdict is written last, so that a crash in between leaves a version without a gate, never a false pass.
        client.set_model_version_tag(MODEL_NAME, number, "gate", "pending")
        for key, value in values.items():
            client.set_model_version_tag(MODEL_NAME, number, f"gate_{key}", value)
        client.set_model_version_tag(MODEL_NAME, number, "gate", "passed" if passed else "failed")
    return record


def gate(version: int | str) -> Gate | None:
    """Read what the gate said of a version.

    Parameters
    ----------
    version : int or str
        A number, or an alias such as ``"champion"``.

    Returns
    -------
    Gate or None
        Its record; None if the gate was not asked yet.

    Raises
    ------
    UnknownVersionError
        If there is no such version or alias.
    RegistryError
        If the registry cannot be read.
    """
    return _gate_of(_catalogue().find(version).tags)


def _refusal(record: Gate | None) -> str | None:
    if record is None:
        return (
            "This version has no gate result, so nobody knows whether it is good enough. "
            "Validate it on the test images and call record_gate, then promote it."
        )
    if not record.passed:
        why = "; ".join(record.reasons) or "no reason was recorded"
        return (
            f"This version did not pass its gate ({record.threshold:.2f} on {record.n} test images): {why}. "
            "Improve the model and register it as a new version."
        )
    return None


def _described(entry: _Entry) -> RegisteredModel:
    """Read a version's record, all but its model."""
    tags = entry.tags
    _ = tags["model_file"], tags["model_sha256"], _champions_before(entry)
    known = {key: tags[key] for key in tags if not key.startswith(("gate", "model_", "champions_before"))}
    return RegisteredModel(entry.version, None, _gate_of(tags), tags["data_hash"], known)


def _load_entry(entry: _Entry) -> RegisteredModel:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    described, tags = _described(entry), entry.tags
    path = home() / tags["model_file"]
    advice = "Register the model again, or choose another version."
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RegistryError(f"The model file {path} cannot be read ({error.strerror}). {advice}") from error
    if hashlib.sha256(content).hexdigest() != tags["model_sha256"]:
        raise RegistryError(f"The model file {path} was changed after it was registered, so it is not loaded. {advice}")
    try:
        model = skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    except (UntrustedTypesFoundException, zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        raise RegistryError(
            f"The model file {path} holds what the registry does not trust ({error}); nothing in it was run. {advice}"
        ) from error
    return replace(described, model=model)


def load(version: int | str) -> RegisteredModel:
    """Read a version from the registry.

    Parameters
    ----------
    version : int or str
        A number, or an alias such as ``"champion"``.

    Returns
    -------
    RegisteredModel
        The model and what is known of it.

    Raises
    ------
    UnknownVersionError
        If there is no such version or alias.
    RegistryError
        If the model file is missing or is not the one that was registered.
    """
    return _load_entry(_catalogue().find(version))


def champion() -> RegisteredModel | None:
    """Read the version that answers in production; None if none was promoted yet."""
    known = _catalogue()
    return _load_entry(known.find(CHAMPION)) if CHAMPION in known.aliases else None


def versions() -> pd.DataFrame:
    """List the registered versions.

    Returns
    -------
    pandas.DataFrame
        One row a version: `version`, `aliases`, `gate` ("passed", "failed" or "none"), `accuracy`, `low`, `high`,
        `n`, `threshold` (missing without a gate) and `data_hash`.
    """
    known = _catalogue()
    rows = []
    for entry in known.entries.values():
        record = _gate_of(entry.tags)
        named = sorted(alias for alias, number in known.aliases.items() if number == entry.version)
        numbers = {key: getattr(record, key, math.nan) for key in ("accuracy", "low", "high", "n", "threshold")}
        rows.append(
            {
                "version": entry.version,
                "aliases": ", ".join(named),
                "gate": "none" if record is None else "passed" if record.passed else "failed",
                **numbers,
                "data_hash": entry.tags["data_hash"],
            }
        )
    columns = ["version", "aliases", "gate", "accuracy", "low", "high", "n", "threshold", "data_hash"]
    return pd.DataFrame(rows, columns=columns).astype({"n": "Int64"})


def _champions_before(entry: _Entry) -> list[int]:
    return json.loads(entry.tags.get("champions_before", "[]"))


def _move_champion(client: Any, entry: _Entry, before: list[int]) -> None:
    # The memory is written first: until the alias moves, in one transaction, it belongs to a version nobody uses.
    remembered = json.dumps(before[-_CHAMPIONS_REMEMBERED:])
    client.set_model_version_tag(MODEL_NAME, str(entry.version), "champions_before", remembered)
    client.set_registered_model_alias(MODEL_NAME, CHAMPION, str(entry.version))


def promote(version: int, alias: str = CHAMPION, *, reason: str = "") -> int | None:
    """Let a version answer: move the alias to it, if its gate was passed and its file can be loaded.

    Parameters
    ----------
    version : int
        The version's number.
    alias : str
        Where to; ``"champion"`` is what the service answers with.
    reason : str
        A few words for the history.

    Returns
    -------
    int or None
        The version that had the alias before, None if none had; to go back to it call `rollback`.

    Raises
    ------
    GateError
        If the version has no passed gate; the text says why.
    RegistryError
        If there is no such version, or its file cannot be loaded.
    """
    _need_text(alias=alias, reason=reason)
    with _changing_client() as client:
        known = _catalogue(locked=True)
        entry, replaced = known.find(version), known.aliases.get(alias)
        if refusal := _refusal(_gate_of(entry.tags)):
            _write_history("refused", entry.version, None, reason or refusal)
            raise GateError(refusal)
        _load_entry(entry)
        if replaced == entry.version:
            return replaced
        if alias == CHAMPION:
            before = [] if replaced is None else [*_champions_before(known.find(replaced)), replaced]
            _move_champion(client, entry, before)
            if known.aliases.get(CHALLENGER) == entry.version:
                client.delete_registered_model_alias(MODEL_NAME, CHALLENGER)
        else:
            client.set_registered_model_alias(MODEL_NAME, alias, str(entry.version))
        _write_history("promoted" if alias == CHAMPION else alias, entry.version, replaced, reason)
        return replaced


def nominate(version: int, *, reason: str = "") -> None:
    """Make a version the challenger; it needs no gate, because in the shadow it answers nobody.

    Parameters
    ----------
    version : int
        The version's number.
    reason : str
        A few words for the history.

    Raises
    ------
    RegistryError
        If there is no such version, or its file cannot be loaded.
    """
    _need_text(reason=reason)
    with _changing_client() as client:
        entry = _catalogue(locked=True).find(version)
        _load_entry(entry)
        client.set_registered_model_alias(MODEL_NAME, CHALLENGER, str(entry.version))
        _write_history("nominated", entry.version, None, reason)


def rollback(*, reason: str = "") -> int:
    """Go back to the champion before this one, if it can still be loaded.

    Parameters
    ----------
    reason : str
        A few words for the history.

    Returns
    -------
    int
        The version that is champion now.

    Raises
    ------
    RegistryError
        If there is no earlier champion to go back to.
    """
    _need_text(reason=reason)
    with _changing_client() as client:
        known = _catalogue(locked=True)
        current = known.find(CHAMPION)
        before = _champions_before(current)
        while before:
            entry = known.entries.get(before.pop())
            if entry is None or _refusal(_gate_of(entry.tags)):
                continue
            _load_entry(entry)
            _move_champion(client, entry, before)
            _write_history("rolled back", entry.version, current.version, reason)
            return entry.version
    raise RegistryError(
        "There is no earlier champion to go back to: this one was the first. Promote another version that passed."
    )


def _history_path() -> Path:
    return home() / "promotions.jsonl"


def _write_history(action: str, version: int, replaced: int | None, reason: str) -> None:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = {"at": at, "action": action, "version": version, "replaced": replaced, "reason": reason}
    try:
        append_line(_history_path(), line)
    except CannotWriteError as error:
        raise RegistryError(f"Version {version} is {action}, but the history could not note it: {error}") from error


def history() -> pd.DataFrame:
    """Read who was promoted, refused, nominated and rolled back, oldest first.

    Returns
    -------
    pandas.DataFrame
        `at` (UTC), `action`, `version`, `replaced` (missing if none was) and `reason`.
    """
    numbers = ("version", "replaced")
    lines = read_lines(_history_path(), numbers)
    return pd.DataFrame(lines, columns=["at", "action", *numbers, "reason"]).astype(dict.fromkeys(numbers, "Int64"))


def record_run(trained: TrainedModel, name: str) -> str:
    """Keep the record of a training run, so that anybody can find it and repeat it.

    Parameters
    ----------
    trained : TrainedModel
        What `train` returned.
    name : str
        What to call the run.

    Returns
    -------
    str
        The run's id; `mlops_lesson.deployment.registry.runs` finds the run again by its name.
    """
    import sklearn

    from mlops_lesson.deployment import registry

    settings = trained.settings.to_dict()
    recipe = {key: value for key, value in settings.items() if key not in ("seed", "epochs")}
    made_with = {"python": platform.python_version(), "scikit_learn": sklearn.__version__}
    epochs = trained.trace.to_frame()
    return registry.log_run(
        name, params=recipe | made_with, epochs=epochs, seed=trained.settings.seed, data_hash=trained.data_hash
    )


def register_judged(trained: TrainedModel, verdict: "GateResult", *, run_id: str | None = None) -> int:
    """Enter a model into the registry together with what the gate said of it.

    Parameters
    ----------
    trained : TrainedModel
        What `train` returns.
    verdict : GateResult
        What `validate` returns for it; a refusal is recorded too.
    run_id : str, optional
        The training run, as `record_run` returns it.

    Returns
    -------
    int
        The new version's number.

    Raises
    ------
    mlops_lesson.deployment.registry.RegistryError
        If the model cannot be kept; the text says why.
    """
    from mlops_lesson.deployment import registry

    version = registry.register(
        trained.model, data_hash=trained.data_hash, run_id=run_id, tags=trained.settings.to_dict()
    )
    numbers = {key: getattr(verdict, key) for key in ("passed", "accuracy", "low", "high", "n", "threshold")}
    registry.record_gate(version, **numbers, data_hash=trained.data_hash, reasons=verdict.failures)
    return version


def deploy(
    trained: TrainedModel, verdict: "GateResult", *, run_id: str | None = None, reason: str = ""
) -> "RegisteredModel":
    """Stage 5: register a model with its verdict, and let it answer if the gate was passed.

    A running service follows when it is told to (`mlops_lesson.deployment.serving.Server.reload`).

    Parameters
    ----------
    trained : TrainedModel
        What `train` returns.
    verdict : GateResult
        What `validate` returns for it.
    run_id : str, optional
        The training run, as `record_run` returns it.
    reason : str
        A few words for the registry's history.

    Returns
    -------
    mlops_lesson.deployment.registry.RegisteredModel
        The new champion, as the service will read it.

    Raises
    ------
    mlops_lesson.deployment.registry.GateError
        If the gate was not passed. The model stays registered, with its refusal; the champion stays champion.
    mlops_lesson.deployment.registry.RegistryError
        If the model cannot be kept.
    """
    from mlops_lesson.deployment import registry

    version = register_judged(trained, verdict, run_id=run_id)
    registry.promote(version, reason=reason)
    return registry.load(version)
