"""Hand results from one notebook to the next.

A stage saves what it made under a name that holds the hash of the file, so that nothing is overwritten and a changed
file is noticed; a small file names the newest. The next stage asks for its input with one call and gets the learner's
own, or, where there is none, the course's own, which the finished pipeline computes on the spot.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import CleanDataset, RawDataset, collect
from mlops_lesson.keep.files import write_atomically
from mlops_lesson.keep.paths import home
from mlops_lesson.preprocessing.cleaning import preprocess
from mlops_lesson.training.network import TrainedModel, TrainingSettings, train
from mlops_lesson.training.trace import TrainingTrace
from mlops_lesson.validation.gate import ValidatedModel, validate

FOLDER = "artifacts_by_stage"
DATE_COLUMNS = ("seen_at", "first_clicked_at")


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _from_npy(content: bytes) -> np.ndarray:
    return np.load(io.BytesIO(content), allow_pickle=False)


def _from_csv(content: bytes) -> pd.DataFrame:
    table = pd.read_csv(io.BytesIO(content))
    dates = [column for column in DATE_COLUMNS if column in table.columns]
    return table.astype(dict.fromkeys(dates, "datetime64[us]"))


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()


def _pack_raw(raw: RawDataset) -> dict[str, bytes]:
    images = {f"images/{i}.npy": _npy(image) for i, image in raw.images.items()}
    return {"table.csv": _csv(raw.table), "lineage.csv": _csv(raw.lineage), **images}


def _unpack_raw(members: dict[str, bytes]) -> RawDataset:
    images = {int(Path(name).stem): _from_npy(content) for name, content in members.items() if name.endswith(".npy")}
    return RawDataset(_from_csv(members["table.csv"]), images, _from_csv(members["lineage.csv"]))


def _pack_clean(clean: CleanDataset) -> dict[str, bytes]:
    return {"table.csv": _csv(clean.table), "X.npy": _npy(clean.X), "report.csv": _csv(clean.report)}


def _unpack_clean(members: dict[str, bytes]) -> CleanDataset:
    return CleanDataset(_from_csv(members["table.csv"]), _from_npy(members["X.npy"]), _from_csv(members["report.csv"]))


def _pack_trained(trained: TrainedModel) -> dict[str, bytes]:
    import skops.io

    recipe = {"settings": asdict(trained.settings), "data_hash": trained.data_hash, "name": trained.trace.name}
    trace = trained.trace.to_frame()
    return {
        "model.skops": skops.io.dumps(trained.model),
        "trace.csv": _csv(trace),
        "recipe.json": json.dumps(recipe, indent=1).encode(),
    }


def _unpack_trained(members: dict[str, bytes]) -> TrainedModel:
    import skops.io

    from mlops_lesson.deployment.registry import TRUSTED_TYPES

    recipe = json.loads(members["recipe.json"])
    model = skops.io.loads(members["model.skops"], trusted=TRUSTED_TYPES)
    trace = TrainingTrace.from_frame(_from_csv(members["trace.csv"]), recipe["name"])
    return TrainedModel(model, trace, TrainingSettings(**recipe["settings"]), recipe["data_hash"])


def _pack_validated(validated: ValidatedModel) -> dict[str, bytes]:
    return {**_pack_trained(validated.trained), "gate.json": json.dumps(asdict(validated.gate), indent=1).encode()}


def _unpack_validated(members: dict[str, bytes]) -> ValidatedModel:
    from mlops_lesson.validation.gate import GateResult

    return ValidatedModel(_unpack_trained(members), GateResult(**json.loads(members["gate.json"])))


def _describe_dataset(dataset: RawDataset | CleanDataset) -> str:
    return f"data hash {dataset.data_hash[:12]}"


def _describe_model(model: TrainedModel | ValidatedModel) -> str:
    # Not the model's own hash: its last digits depend on the processor, so it would differ between machines.
    trained = _trained_of(model)
    return f"{trained.settings.epochs} epochs on data {trained.data_hash[:12]}"


def _trained_of(model: TrainedModel | ValidatedModel) -> TrainedModel:
    return model.trained if isinstance(model, ValidatedModel) else model


def _own_clean() -> CleanDataset:
    return preprocess(collect())


def _own_validated() -> ValidatedModel:
    clean = _data_of_models()
    trained = train(clean)
    return ValidatedModel(trained, validate(trained, clean))


def _data_of_models() -> CleanDataset:
    return load("clean dataset", quiet=True)


@dataclass(frozen=True)
class _Format:
    kind: type
    pack: Callable[[Any], dict[str, bytes]]
    unpack: Callable[[dict[str, bytes]], Any]
    describe: Callable[[Any], str]
    make: Callable[[], Any]


FORMATS = {
    "raw dataset": _Format(RawDataset, _pack_raw, _unpack_raw, _describe_dataset, collect),
    "clean dataset": _Format(CleanDataset, _pack_clean, _unpack_clean, _describe_dataset, _own_clean),
    "trained model": _Format(
        TrainedModel, _pack_trained, _unpack_trained, _describe_model, lambda: train(_data_of_models())
    ),
    "validated model": _Format(ValidatedModel, _pack_validated, _unpack_validated, _describe_model, _own_validated),
}


def _folder() -> Path:
    return home() / FOLDER


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


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
    for name, form in FORMATS.items():
        if isinstance(artifact, form.kind):
            stem, content = name.replace(" ", "_"), _zip(form.pack(artifact))
            path = _folder() / f"{stem}-{_hash(content)}.zip"
            write_atomically(path, content)
            write_atomically(_folder() / f"{stem}.txt", path.name.encode())
            return f"Saved: {name}, {form.describe(artifact)}"
    kinds = ", ".join(form.kind.__name__ for form in FORMATS.values())
    raise TypeError(f"A stage hands on one of {kinds}; got {type(artifact).__name__}.")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _load_own(name: str) -> Any:
    newest = _folder() / f"{name.replace(' ', '_')}.txt"
    if not newest.exists():
        return None
    try:
        path = _folder() / newest.read_text(encoding="utf-8")
        content = path.read_bytes()
        if _hash(content) != path.stem.rpartition("-")[2]:
            raise ValueError("it was changed after it had been saved")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return FORMATS[name].unpack({member: archive.read(member) for member in archive.namelist()})
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
    if name not in FORMATS:
        raise ValueError(f"There is no artifact {name!r}: give one of {', '.join(map(repr, FORMATS))}.")
    artifact, source = _load_own(name), "your own"
    is_model = isinstance(artifact, TrainedModel | ValidatedModel)
    if is_model and _trained_of(artifact).data_hash != _data_of_models().data_hash:
        if not quiet:
            print(f"Your own {name} learned from other data than you have now. Run its notebook again to use yours.")
        artifact = None
    if artifact is None:
        artifact, source = FORMATS[name].make(), "the course's own"
    if not quiet:
        print(f"Input: {source} {name}, {FORMATS[name].describe(artifact)}")
    return artifact
