"""Hand results from one notebook to the next.

A stage saves what it made in a file of its kind; what that held before stays beside it. The next stage asks for its
input with one call and gets the learner's own, or, where there is none, the course's own, which the finished pipeline
computes on the spot.
"""

import copy
import hashlib
import io
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import CleanDataset, RawDataset, collect
from mlops_lesson.keep.files import write_atomically
from mlops_lesson.keep.paths import home
from mlops_lesson.preprocessing.cleaning import preprocess
from mlops_lesson.training.network import TrainedModel, TrainingSettings, train
from mlops_lesson.training.trace import Epoch, TrainingTrace
from mlops_lesson.validation.gate import GateResult, ValidatedModel, validate

KINDS = {
    "raw dataset": RawDataset,
    "clean dataset": CleanDataset,
    "trained model": TrainedModel,
    "validated model": ValidatedModel,
}
FOLDER = "artifacts_by_stage"
DATE_COLUMNS = ("seen_at", "first_clicked_at")


def _pack(artifact: Any) -> bytes:
    """Write a model as a skops file, and a dataset as a NumPy archive, in which a table is its CSV text."""
    if isinstance(artifact, TrainedModel | ValidatedModel):
        import skops.io

        return skops.io.dumps(artifact)
    values = {field.name: getattr(artifact, field.name) for field in fields(artifact)}
    images = {str(parcel): image for parcel, image in values.pop("images", {}).items()}
    for name, value in values.items():
        if isinstance(value, pd.DataFrame):
            values[name] = value.to_csv(index=False, lineterminator="\n")
    packed = io.BytesIO()
    np.savez_compressed(packed, **values, **images)
    return packed.getvalue()


def _unpack(kind: type, content: bytes) -> Any:
    if kind in (TrainedModel, ValidatedModel):
        import skops.io

        from mlops_lesson.deployment.registry import TRUSTED_TYPES

        own = (TrainedModel, TrainingTrace, Epoch, TrainingSettings, ValidatedModel, GateResult)
        trusted = [*TRUSTED_TYPES, *(f"{each.__module__}.{each.__qualname__}" for each in own)]
        return skops.io.loads(content, trusted=trusted)
    with np.load(io.BytesIO(content)) as archive:
        values: dict[str, Any] = dict(archive)
    if kind is RawDataset:
        values["images"] = {int(name): values.pop(name) for name in list(values) if name.isdigit()}
    for name in {"table", "lineage", "report"} & values.keys():
        table = pd.read_csv(io.StringIO(str(values[name])))
        values[name] = table.astype({each: "datetime64[us]" for each in DATE_COLUMNS if each in table})
    return kind(**values)


def _trained_of(model: TrainedModel | ValidatedModel) -> TrainedModel:
    return model.trained if isinstance(model, ValidatedModel) else model


def _describe(artifact: Any) -> str:
    if isinstance(artifact, RawDataset | CleanDataset):
        return f"data hash {artifact.data_hash[:12]}"
    # Not the model's own hash: its last digits depend on the processor, so it would differ between machines.
    trained = _trained_of(artifact)
    return f"{trained.settings.epochs} epochs on data {trained.data_hash[:12]}"


@cache
def _courses_own_model(_data_hash: str) -> TrainedModel:
    """Train on the clean dataset with this hash, once: a notebook asks in each of its parts, and this takes longest."""
    return train(load("clean dataset", quiet=True))


def _make(name: str) -> Any:
    if name == "raw dataset":
        return collect()
    if name == "clean dataset":
        return preprocess(collect())
    clean = load("clean dataset", quiet=True)
    trained = copy.deepcopy(_courses_own_model(clean.data_hash))
    return trained if name == "trained model" else ValidatedModel(trained, validate(trained, clean))


def _file(name: str) -> Path:
    return home() / FOLDER / f"{name.replace(' ', '_')}.zip"


def save(artifact: RawDataset | CleanDataset | TrainedModel | ValidatedModel) -> str:
    """Save a stage's result for the next stage, and return a sentence that says so.

    What was saved before is kept under a name that holds its hash.

    Raises
    ------
    TypeError
        If it is something else.
    CannotWriteError
        If the disk is full or the folder may not be written; what was saved before is unchanged.
    """
    name = {kind: name for name, kind in KINDS.items()}.get(type(artifact))
    if name is None:
        raise TypeError(f"A stage hands on a {', a '.join(KINDS)}; got {type(artifact).__name__}.")
    file = _file(name)
    if file.exists():
        before = file.read_bytes()
        digest = hashlib.sha256(before).hexdigest()[:16]
        write_atomically(file.with_stem(f"{file.stem}-{digest}"), before)
    write_atomically(file, _pack(artifact))
    return f"Saved: {name}, {_describe(artifact)}"


def _load_own(name: str) -> Any:
    file = _file(name)
    if not file.exists():
        return None
    try:
        return _unpack(KINDS[name], file.read_bytes())
    # A damaged file makes NumPy, skops and zipfile raise errors of many kinds.
    except Exception as error:
        raise ValueError(
            f"Your {name} in {file} cannot be read: {error}. Run the notebook that makes it once more, or delete that "
            "file to go on with the course's own."
        ) from error


def load(name: str, *, quiet: bool = False) -> Any:
    """Get the input of a stage: the learner's own, or the course's own.

    Parameters
    ----------
    name : {"raw dataset", "clean dataset", "trained model", "validated model"}
        What is needed.
    quiet : bool
        True to print nothing.

    Returns
    -------
    RawDataset, CleanDataset, TrainedModel or ValidatedModel
        What the learner has made, else what `mlops_lesson.pipeline` makes of the course's data. A printed line says
        which of the two it is. A model always fits the dataset of `load("clean dataset")`: one that learned from other
        data may have seen the test images, so the course's own stands in for it.

    Raises
    ------
    ValueError
        If there is no such artifact, or the learner's own is damaged.
    """
    if name not in KINDS:
        raise ValueError(f"There is no artifact {name!r}: give one of {', '.join(map(repr, KINDS))}.")
    artifact, source = _load_own(name), "your own"
    is_model = isinstance(artifact, TrainedModel | ValidatedModel)
    if is_model and _trained_of(artifact).data_hash != load("clean dataset", quiet=True).data_hash:
        if not quiet:
            print(f"Your own {name} learned from other data than you have now. Run its notebook again to use yours.")
        artifact = None
    if artifact is None:
        artifact, source = _make(name), "the course's own"
    if not quiet:
        print(f"Input: {source} {name}, {_describe(artifact)}")
    return artifact
