"""The model registry: MLflow's, with the one rule that a version answers only if it has passed its gate.

Each model is a numbered version of `parcel-chute` in the learner's MLflow store (`keep.store`), saved as a skops file,
which cannot run code when it is read. The gate's verdict is one tag of the version; the alias `champion` names the
version that answers, `challenger` the one that wants to. Any MLflow client reads all of it.
"""

import hashlib
import json
import math
import sqlite3
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pandas as pd

from mlops_lesson.keep import journal
from mlops_lesson.keep.database import open_database
from mlops_lesson.keep.files import CannotWriteError
from mlops_lesson.keep.store import MODEL_NAME, RegistryError, mend_store, open_store, store_path
from mlops_lesson.training.network import TrainedModel
from mlops_lesson.validation.gate import GateResult

CHAMPION, CHALLENGER = "champion", "challenger"
TRUSTED_TYPES = [
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
]
"""What a model file may hold beyond scikit-learn's own steps, NumPy and plain values."""


class UnknownVersionError(RegistryError):
    """There is no such version or alias."""


class GateError(RegistryError):
    """A version may not be promoted, because of its gate."""


@dataclass(frozen=True)
class RegisteredModel:
    """A version read from the registry.

    Parameters
    ----------
    version : int
        Its number, which grows by one with every registration.
    model : object
        The fitted scikit-learn model.
    gate : GateResult or None
        The gate's verdict; None if the gate was not asked yet.
    data_hash : str
        Hash of the training data.
    tags : dict of str to str
        The version's other tags.
    """

    version: int
    model: Any
    gate: GateResult | None
    data_hash: str
    tags: dict[str, str]


@dataclass(frozen=True)
class _Entry:
    """One version as the store has it."""

    version: int
    file: Path
    tags: dict[str, str]

    @property
    def gate(self) -> GateResult | None:
        return GateResult(**json.loads(self.tags["gate"])["verdict"]) if "gate" in self.tags else None

    def content(self) -> bytes:
        """Read the model's file, if it is still the one that the gate has judged."""
        advice = "Register the model again, or choose another version."
        try:
            content = self.file.read_bytes()
        except OSError as error:
            raise RegistryError(f"The model file {self.file} cannot be read ({error.strerror}). {advice}") from error
        if "gate" in self.tags and json.loads(self.tags["gate"])["model_sha256"] != hashlib.sha256(content).hexdigest():
            raise RegistryError(
                f"The model file {self.file} was changed after the gate had judged it, so it is not loaded. {advice}"
            )
        return content

    def refusal(self) -> str:
        """Say why it may not be promoted; empty if it may."""
        gate = self.gate
        if gate is None:
            return (
                "This version has no gate result, so nobody knows whether it is good enough. Validate it on the test "
                "images and call record_gate, then promote it."
            )
        if not gate.passed:
            return (
                f"This version did not pass its gate ({gate.required:.2f} on {gate.n} images): "
                f"{'; '.join(gate.failures)}. Improve the model and register it as a new version."
            )
        return ""


@contextmanager
def _changing() -> Iterator[tuple[Any, sqlite3.Connection]]:
    """Let this process alone change the registry; gives MLflow's client and the journal to write in."""
    import mlflow

    mlflow.set_tracking_uri(open_store())
    mlflow.set_experiment(MODEL_NAME)
    try:
        with journal.alone() as lines:
            yield mlflow.MlflowClient(), lines
    except CannotWriteError:
        raise
    except (mlflow.MlflowException, OSError) as error:
        raise RegistryError(
            f"MLflow did not do this: {str(error).splitlines()[0]} What was there before is unchanged. If the disk is "
            "full, make room, then run the cell again."
        ) from error


def _read(query: str, *values: object) -> list[tuple[Any, ...]]:
    # Who only reads asks the store's file itself: with MLflow in it, a service would take 100 MB and a second more.
    mend_store()
    if not store_path().exists():
        return []
    try:
        with open_database(store_path(), "", write=False) as store:
            return store.execute(query, (MODEL_NAME, *values)).fetchall()
    except (CannotWriteError, sqlite3.Error) as error:
        raise RegistryError(
            f"The registry cannot be read now: {error} If it speaks of a table or column, another version of MLflow "
            "wrote the file: run `make lab` to install the course's."
        ) from error


def _aliases() -> dict[str, int]:
    return dict(_read("SELECT alias, version FROM registered_model_aliases WHERE name = ?"))


def _locations() -> dict[int, str]:
    # MLflow blanks a version that is deleted, and leaves its row.
    alive = "SELECT version, storage_location FROM model_versions WHERE name = ? AND current_stage <> ?"
    return dict(_read(f"{alive} ORDER BY version", "Deleted_Internal"))


def _find(version: int | str) -> _Entry:
    number = _aliases().get(version) if isinstance(version, str) else version
    locations = _locations()
    if number not in locations:
        if isinstance(version, str):
            advice = "Register a model, pass its gate, then promote it."
            raise UnknownVersionError(f"No version is {version!r} yet. {advice}")
        known = ", ".join(map(str, locations)) or "none yet"
        raise UnknownVersionError(f"There is no version {version} of {MODEL_NAME}. Registered: {known}.")
    folder = Path(url2pathname(urlsplit(locations[number]).path))
    tags = dict(_read("SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?", number))
    return _Entry(number, folder / "model.skops", tags)


def register(model: Any, *, data_hash: str, tags: Mapping[str, object] | None = None) -> int:
    """Add a fitted model to the registry as a new version, which nobody uses yet.

    Parameters
    ----------
    model : fitted scikit-learn classifier
        Takes X of shape (n, 64), grey levels 0 to 16; classes 0 (chute A) and 1 (chute B).
    data_hash : str
        Hash of the data it was trained on.
    tags : mapping of str to object, optional
        Anything else worth noting; saved as text.

    Returns
    -------
    int
        The version's number.

    Raises
    ------
    RegistryError
        If the model holds types that are not on `TRUSTED_TYPES`, or the store cannot be written.
    """
    with _changing():
        import mlflow

        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            serialization_format="skops",
            skops_trusted_types=TRUSTED_TYPES,
            # Without this list MLflow would start a process to find out, which takes seconds.
            pip_requirements=[f"{name}=={installed(name)}" for name in ("scikit-learn", "skops")],
        )
        notes = {key: str(value) for key, value in (tags or {}).items()} | {"data_hash": data_hash}
        return int(mlflow.register_model(logged.model_uri, MODEL_NAME, tags=notes).version)


def record_gate(version: int, verdict: GateResult) -> None:
    """Save the gate's verdict, also a refusal, as a tag of the version, with the hash of the file that it is about."""
    content = _find(version).content()
    record = {"verdict": asdict(verdict), "model_sha256": hashlib.sha256(content).hexdigest()}
    with _changing() as (client, _):
        client.set_model_version_tag(MODEL_NAME, str(version), "gate", json.dumps(record))


def gate(version: int | str) -> GateResult | None:
    """Read the gate's verdict on a version or alias; None if the gate was not asked yet."""
    return _find(version).gate


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
        If the model file is missing or is not the one that the gate has judged.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    entry = _find(version)
    content = entry.content()
    try:
        model = skops.io.loads(content, trusted=TRUSTED_TYPES)
    except (UntrustedTypesFoundException, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise RegistryError(
            f"The model file {entry.file} holds what the registry does not trust ({error}); nothing in it was run. "
            "Register the model again, or choose another version."
        ) from error
    tags = {key: value for key, value in entry.tags.items() if key not in ("gate", "data_hash")}
    return RegisteredModel(entry.version, model, entry.gate, entry.tags.get("data_hash", ""), tags)


def champion() -> RegisteredModel | None:
    """Read the version that answers in production; None if none was promoted yet."""
    return load(CHAMPION) if CHAMPION in _aliases() else None


def versions() -> pd.DataFrame:
    """List the registered versions.

    Returns
    -------
    pandas.DataFrame
        One row per version: `version`, `aliases`, `gate` ("passed", "failed" or "none"), `accuracy`, `low`, `high`, `n`
        (missing without a gate) and `data_hash`.
    """
    rows, aliases = [], _aliases()
    for number in _locations():
        entry = _find(number)
        verdict = entry.gate
        named = ", ".join(sorted(alias for alias, named in aliases.items() if named == number))
        said = "none" if verdict is None else "passed" if verdict.passed else "failed"
        numbers = [getattr(verdict, key, math.nan) for key in ("accuracy", "low", "high", "n")]
        rows.append((number, named, said, *numbers, entry.tags.get("data_hash", "")))
    columns = ["version", "aliases", "gate", "accuracy", "low", "high", "n", "data_hash"]
    return pd.DataFrame(rows, columns=columns).astype({"n": "Int64"})


def promote(version: int, *, reason: str = "") -> int | None:
    """Let a version answer: move the alias `champion` to it, if its gate was passed and its file can be loaded.

    Parameters
    ----------
    version : int
        The version's number.
    reason : str
        A few words for the journal.

    Returns
    -------
    int or None
        The champion before, None if there was none; to go back to it call `rollback`.

    Raises
    ------
    GateError
        If the version has no passed gate; the text says why.
    RegistryError
        If there is no such version, or its file is missing or was changed.
    """
    entry = _find(version)
    if refusal := entry.refusal():
        journal.write("registry", "refused", reason or refusal, version=version)
        raise GateError(refusal)
    entry.content()
    with _changing() as (client, lines):
        aliases = _aliases()
        replaced = aliases.get(CHAMPION)
        if replaced == version:
            return replaced
        # The memory is written first: until the alias moves, its last entry names a version that is not champion.
        stack = [*_champions_before(replaced), *([replaced] if replaced else []), version]
        client.set_registered_model_tag(MODEL_NAME, "champions", json.dumps(stack))
        client.set_registered_model_alias(MODEL_NAME, CHAMPION, str(version))
        if aliases.get(CHALLENGER) == version:
            client.delete_registered_model_alias(MODEL_NAME, CHALLENGER)
        journal.write("registry", "promoted", reason, version=version, replaced=replaced, within=lines)
    return replaced


def _champions_before(champion: int | None) -> list[int]:
    """Return the champions before this one, the latest last."""
    found = _read("SELECT value FROM registered_model_tags WHERE name = ? AND key = 'champions'")
    stack: list[int] = json.loads(found[0][0]) if found else []
    if champion in stack:
        while stack.pop() != champion:
            pass
    return stack


def nominate(version: int, *, reason: str = "") -> None:
    """Make a version the challenger; it needs no gate, because in the shadow it answers nobody."""
    _find(version).content()
    with _changing() as (client, lines):
        client.set_registered_model_alias(MODEL_NAME, CHALLENGER, str(version))
        journal.write("registry", "nominated", reason, version=version, within=lines)


def rollback(*, reason: str = "") -> int:
    """Go back to the latest champion before this one that still may answer, and return its number.

    Raises
    ------
    RegistryError
        If there is no earlier champion to go back to.
    """
    with _changing() as (client, lines):
        current = _find(CHAMPION).version
        for version in reversed(_champions_before(current)):
            entry = _find(version)
            if not entry.refusal():
                entry.content()
                client.set_registered_model_alias(MODEL_NAME, CHAMPION, str(version))
                journal.write("registry", "rolled back", reason, version=version, replaced=current, within=lines)
                return version
    raise RegistryError(
        "There is no earlier champion to go back to: this one was the first. Promote another version that passed."
    )


def history() -> pd.DataFrame:
    """Read who was promoted, refused, nominated and rolled back, oldest first.

    Returns
    -------
    pandas.DataFrame
        `at` (UTC), `what`, `version`, `replaced` (missing if none was) and `why`.
    """
    lines = journal.read()
    return lines.loc[lines["who"] == "registry", ["at", "what", "version", "replaced", "why"]].reset_index(drop=True)


def deploy(trained: TrainedModel, verdict: GateResult, *, reason: str = "") -> RegisteredModel:
    """Stage 5: register a model with its verdict, and let it answer if the gate was passed.

    A running service follows when it is told to (`mlops_lesson.deployment.serving.Server.reload`).

    Parameters
    ----------
    trained : TrainedModel
        What `train` returns.
    verdict : GateResult
        What `validate` returns for it.
    reason : str
        A few words for the journal.

    Returns
    -------
    RegisteredModel
        The new champion, as the service will read it.

    Raises
    ------
    GateError
        If the gate was not passed. The model stays registered, with its refusal; the champion stays champion.
    RegistryError
        If the model cannot be saved.
    """
    version = register(trained.model, data_hash=trained.data_hash, tags=asdict(trained.settings))
    record_gate(version, verdict)
    promote(version, reason=reason)
    return load(version)
