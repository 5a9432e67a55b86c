"""The model registry: MLflow's, with the one rule that a version answers only if it has passed its gate.

Each model is a numbered version of `parcel-chute` in the learner's MLflow store (`keep.store`), saved as a skops file,
which cannot run code when it is read. The gate's verdict is one tag of the version; the alias `champion` names the
version that answers, `challenger` the one that wants to. Any MLflow client reads all of it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlops_lesson.keep import journal
from mlops_lesson.keep.database import open_database
from mlops_lesson.keep.store import MODEL_NAME, RegistryError, open_store, repair_store, store_path
from mlops_lesson.training.network import TrainedModel
from mlops_lesson.validation.gate import GateResult

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
REPLACED = "replaced"
"""The tag of a version that names the champion it took over from: the way back."""
TRUSTED_TYPES = [
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
]
"""What a model file may hold beyond scikit-learn's own steps, NumPy and plain values."""

# MLflow blanks a version that is deleted, and leaves its row.
_FIND = """SELECT version, storage_location, key, value
    FROM model_versions LEFT JOIN model_version_tags USING (name, version)
    WHERE name = ? AND current_stage <> 'Deleted_Internal' AND version = coalesce(
        (SELECT version FROM registered_model_aliases AS a WHERE a.name = model_versions.name AND alias = ?), ?)"""


class UnknownVersionError(RegistryError):
    """There is no such version or alias."""


class GateError(RegistryError):
    """A version may not be promoted, because of its gate."""


@dataclass(frozen=True)
class RegisteredModel:
    """A version read from the registry: the fitted model, the gate's verdict if there is one, and its other tags."""

    version: int
    model: Any
    gate: GateResult | None
    tags: dict[str, str]
    file_hash: str

    @property
    def passed(self) -> bool:
        """Whether it may answer: its gate was asked, and passed."""
        return self.gate is not None and self.gate.passed


@contextmanager
def _client() -> Iterator["MlflowClient"]:
    """Give MLflow's client for the learner's store; what it cannot do is said in words."""
    import mlflow

    mlflow.set_tracking_uri(open_store())
    try:
        yield mlflow.MlflowClient()
    except (mlflow.MlflowException, OSError) as error:
        raise RegistryError(
            f"MLflow did not do this: {str(error).splitlines()[0]} What was there before is unchanged. If the disk is "
            "full, make room, then run the cell again."
        ) from error


def register(model: Any, *, data_hash: str, tags: Mapping[str, object] | None = None) -> int:
    """Add a fitted model to the registry as a new version, which nobody uses yet, and return its number.

    Parameters
    ----------
    model : fitted scikit-learn classifier
        Takes X of shape (n, 64), grey levels 0 to 16; classes 0 (chute A) and 1 (chute B).
    data_hash : str
        Hash of the data it was trained on.
    tags : mapping of str to object, optional
        Anything else worth noting; saved as text.

    Raises
    ------
    RegistryError
        If the model holds types that are not on `TRUSTED_TYPES`, or the store cannot be written.
    """
    import mlflow

    with _client():
        mlflow.set_experiment(MODEL_NAME)
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
    record = {"verdict": asdict(verdict), "model_sha256": load(version).file_hash}
    with _client() as client:
        client.set_model_version_tag(MODEL_NAME, str(version), "gate", json.dumps(record))


def load(version: int | str) -> RegisteredModel:
    """Read a version from the registry, by its number or an alias such as ``"champion"``.

    Without MLflow: with it, a service would take 80 MB and three seconds more.

    Raises
    ------
    RegistryError
        If there is no such version, its file is missing or holds what is not trusted, or the gate judged another file.
    """
    import skops.io

    rows = []
    if repair_store():
        with open_database(store_path(), "", write=False) as store:
            rows = store.execute(_FIND, (MODEL_NAME, version, version)).fetchall()
    if not rows:
        raise UnknownVersionError(f"No version is {version!r} yet. Register a model, pass its gate, then promote it.")
    number, location = rows[0][:2]
    tags = {key: value for *_, key, value in rows if key}
    judged = json.loads(tags.pop("gate", "{}"))
    file = Path(url2pathname(urlsplit(location).path)) / "model.skops"
    try:
        content = file.read_bytes()
        file_hash = hashlib.sha256(content).hexdigest()
        if judged and judged["model_sha256"] != file_hash:
            raise ValueError("it was changed after the gate had judged it")
        model = skops.io.loads(content, trusted=TRUSTED_TYPES)
    except Exception as error:
        raise RegistryError(
            f"The model file {file} is not used, and nothing in it was run: {error}. Register the model again, or "
            "choose another version."
        ) from error
    verdict = GateResult(**judged["verdict"]) if judged else None
    return RegisteredModel(number, model, verdict, tags, file_hash)


def promote(version: int, *, reason: str = "") -> None:
    """Let a version answer: move the alias `champion` to it, if its gate was passed and its file can be loaded.

    Raises
    ------
    GateError
        If the version has no passed gate; the text says why.
    """
    _require_passed(version, reason)
    with _client() as client:
        aliases = client.get_registered_model(MODEL_NAME).aliases
        replaced = aliases.get(CHAMPION)
        if replaced == version:
            return
        if replaced:
            client.set_model_version_tag(MODEL_NAME, str(version), REPLACED, str(replaced))
        client.set_registered_model_alias(MODEL_NAME, CHAMPION, str(version))
        if aliases.get(CHALLENGER) == version:
            client.delete_registered_model_alias(MODEL_NAME, CHALLENGER)
    journal.write("registry", "promoted", reason, version=version, replaced=replaced)


def _require_passed(version: int, reason: str) -> None:
    model = load(version)
    if not model.passed:
        why = "; ".join(model.gate.failures) if model.gate else "it has no verdict yet; see record_gate"
        journal.write("registry", "refused", reason or why, version=version)
        raise GateError(f"Version {version} has not passed its gate: {why}. Only a version that has passed may answer.")


def nominate(version: int, *, reason: str = "") -> None:
    """Make a version the challenger; it needs no gate, because in the shadow it answers nobody."""
    with _client() as client:
        client.set_registered_model_alias(MODEL_NAME, CHALLENGER, str(version))
    journal.write("registry", "nominated", reason, version=version)


def rollback(*, reason: str = "") -> int:
    """Go back to the version that the champion has replaced, and return its number."""
    with _client() as client:
        champion = client.get_model_version_by_alias(MODEL_NAME, CHAMPION)
    if REPLACED not in champion.tags:
        raise RegistryError(
            f"Version {champion.version} has replaced none, so there is no way back. Promote another that passed."
        )
    version = int(champion.tags[REPLACED])
    _require_passed(version, reason)
    with _client() as client:
        client.set_registered_model_alias(MODEL_NAME, CHAMPION, str(version))
    journal.write("registry", "rolled back", reason, version=version, replaced=int(champion.version))
    return version


def deploy(trained: TrainedModel, verdict: GateResult, *, reason: str = "") -> RegisteredModel:
    """Stage 5: register a model with its verdict, and let it answer if the gate was passed.

    Raises
    ------
    GateError
        If the gate was not passed. The model stays registered, with its refusal; the champion stays champion.
    """
    version = register(trained.model, data_hash=trained.data_hash, tags=asdict(trained.settings))
    record_gate(version, verdict)
    promote(version, reason=reason)
    return load(version)
