"""Hand results from one notebook to the next.

A stage saves what it made under a name that holds the hash of the file, so that nothing is overwritten and a changed
file is noticed; a small file names the newest. The next stage asks for its input with one call and gets the learner's
own, or, where there is none, the course's own, which the finished pipeline computes on the spot.
"""

import copy
import hashlib
import io
import zipfile
from dataclasses import fields
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
_TRAINED: dict[str, TrainedModel] = {}
"""The course's own models by data hash: a notebook asks for them in each of its parts, and training takes longest."""


def _pack(artifact: Any) -> bytes:
    """Write a model as a skops file, and a dataset as a zip file of a CSV or NumPy file per table or array."""
    if isinstance(artifact, TrainedModel | ValidatedModel):
        import skops.io

        return skops.io.dumps(artifact)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in [field.name for field in fields(artifact)]:
            value, buffer = getattr(artifact, name), io.BytesIO()
            if isinstance(value, pd.DataFrame):
                value.to_csv(buffer, index=False, lineterminator="\n")
                ending = ".csv"
            elif isinstance(value, np.ndarray):
                np.save(buffer, value, allow_pickle=False)
                ending = ".npy"
            else:
                np.savez(buffer, **{str(parcel): image for parcel, image in value.items()})
                ending = ".npz"
            archive.writestr(zipfile.ZipInfo(name + ending), buffer.getvalue())
    return packed.getvalue()


def _unpack(kind: type, content: bytes) -> Any:
    if kind in (TrainedModel, ValidatedModel):
        import skops.io

        from mlops_lesson.deployment.registry import TRUSTED_TYPES

        own = (TrainedModel, TrainingTrace, Epoch, TrainingSettings, ValidatedModel, GateResult)
        trusted = [*TRUSTED_TYPES, *(f"{each.__module__}.{each.__qualname__}" for each in own)]
        return skops.io.loads(content, trusted=trusted)
    values: dict[str, Any] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            stem, ending, buffer = Path(name).stem, Path(name).suffix, io.BytesIO(archive.read(name))
            if ending == ".csv":
                table = pd.read_csv(buffer)
                values[stem] = table.astype({each: "datetime64[us]" for each in DATE_COLUMNS if each in table})
            else:
                loaded = np.load(buffer, allow_pickle=False)
                values[stem] = loaded if ending == ".npy" else {int(parcel): loaded[parcel] for parcel in loaded}
    return kind(**values)


def _describe(artifact: Any) -> str:
    if isinstance(artifact, RawDataset | CleanDataset):
        return f"data hash {artifact.data_hash[:12]}"
    # Not the model's own hash: its last digits depend on the processor, so it would differ between machines.
    trained = _trained_of(artifact)
    return f"{trained.settings.epochs} epochs on data {trained.data_hash[:12]}"


def _trained_of(model: TrainedModel | ValidatedModel) -> TrainedModel:
    return model.trained if isinstance(model, ValidatedModel) else model


def _make(name: str) -> Any:
    if name == "raw dataset":
        return collect()
    if name == "clean dataset":
        return preprocess(collect())
    clean = load("clean dataset", quiet=True)
    if clean.data_hash not in _TRAINED:
        _TRAINED[clean.data_hash] = train(clean)
    trained = copy.deepcopy(_TRAINED[clean.data_hash])
    return trained if name == "trained model" else ValidatedModel(trained, validate(trained, clean))


def save(artifact: RawDataset | CleanDataset | TrainedModel | ValidatedModel) -> str:
    """Save a stage's result for the next stage.

    Parameters
    ----------
    artifact : RawDataset, CleanDataset, TrainedModel or ValidatedModel
        The result.

    Returns
    -------
    str
        A sentence that says what was saved.

    Raises
    ------
    TypeError
        If it is something else.
    CannotWriteError
        If the disk is full or the folder may not be written; what was saved before is unchanged.
    """
    name = next((name for name, kind in KINDS.items() if isinstance(artifact, kind)), None)
    if name is None:
        kinds = ", ".join(kind.__name__ for kind in KINDS.values())
        raise TypeError(f"A stage hands on one of {kinds}; got {type(artifact).__name__}.")
    content, newest = _pack(artifact), _newest(name)
    path = newest.with_name(f"{newest.stem}-{_hash(content)}.zip")
    write_atomically(path, content)
    write_atomically(newest, path.name.encode())
    return f"Saved: {name}, {_describe(artifact)}"


def _newest(name: str) -> Path:
    """Return the small file that names the newest artifact of a kind."""
    return home() / FOLDER / f"{name.replace(' ', '_')}.txt"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _load_own(name: str) -> Any:
    newest = _newest(name)
    if not newest.exists():
        return None
    try:
        path = newest.with_name(newest.read_text(encoding="utf-8"))
        content = path.read_bytes()
        if _hash(content) != path.stem.rpartition("-")[2]:
            raise ValueError("it was changed after it had been saved")
        return _unpack(KINDS[name], content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"Your {name} in {newest.parent} cannot be read: {error}. Run the notebook that makes it once more, "
            f"or delete {newest.name} to go on with the course's own."
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
        The newest that the learner has made, else what `mlops_lesson.pipeline` makes of the course's data. A printed
        line says which of the two it is. A model always fits the dataset of `load("clean dataset")`: one that learned
        from other data may have seen the test images, so the course's own stands in for it.

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
