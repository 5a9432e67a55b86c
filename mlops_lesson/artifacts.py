"""Hand results from one notebook to the next.

A stage saves what it made under a name that contains the hash of its content, so that nothing is ever overwritten; a
small file names the newest. The next stage asks for its input with one call and gets the learner's own, or, where there
is none, a reference that the finished pipeline computes on the spot.
"""

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.datasets import CleanDataset, RawDataset
from mlops_lesson.paths import home

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


FORMATS: dict[str, tuple[type, Callable[[Any], dict[str, bytes]], Callable[[dict[str, bytes]], Any]]] = {
    "raw dataset": (RawDataset, _pack_raw, _unpack_raw),
    "clean dataset": (CleanDataset, _pack_clean, _unpack_clean),
}


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, even if the process dies on the way.

    Parameters
    ----------
    path : pathlib.Path
        Where; its folder is made if needed.
    content : bytes
        What.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _folder() -> Path:
    return home() / FOLDER


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def save(artifact: "RawDataset | CleanDataset") -> str:
    """Keep a stage's result for the next stage.

    Parameters
    ----------
    artifact : RawDataset or CleanDataset
        The result.

    Returns
    -------
    str
        A sentence that says what was kept, with the first 12 digits of its version.

    Raises
    ------
    TypeError
        If it is something else.
    """
    for name, (kind, pack, _) in FORMATS.items():
        if isinstance(artifact, kind):
            version = artifact.version
            file_name = f"{name.replace(' ', '_')}-{version[:12]}.zip"
            content = _zip(pack(artifact))
            if not (_folder() / file_name).exists():
                write_atomically(_folder() / file_name, content)
            pointer = {"file": file_name, "sha256": hashlib.sha256((_folder() / file_name).read_bytes()).hexdigest()}
            write_atomically(_folder() / f"{name.replace(' ', '_')}.json", json.dumps(pointer).encode())
            return f"Kept: {name}, version {version[:12]}"
    raise TypeError(f"A stage hands on a RawDataset or a CleanDataset; got {type(artifact).__name__}.")


def _load_own(name: str) -> Any:
    pointer_path = _folder() / f"{name.replace(' ', '_')}.json"
    if not pointer_path.exists():
        return None
    try:
        pointer = json.loads(pointer_path.read_bytes())
        path = _folder() / Path(pointer["file"]).name
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != pointer["sha256"]:
            raise ValueError("its checksum has changed")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return FORMATS[name][2]({member: archive.read(member) for member in archive.namelist()})
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"Your {name} in {pointer_path.parent} cannot be read: {error}. Run the notebook that makes it once more, "
            f"or delete {pointer_path.name} to go on with the reference."
        ) from error


def load(name: str, *, quiet: bool = False) -> "RawDataset | CleanDataset":
    """Get the input of a stage: the learner's own, or a reference.

    Parameters
    ----------
    name : {"raw dataset", "clean dataset"}
        What is needed.
    quiet : bool
        True to print nothing.

    Returns
    -------
    RawDataset or CleanDataset
        The newest that the learner has made, else what `mlops_lesson.pipeline` makes of the course's data. A printed
        line says which of the two it is.

    Raises
    ------
    ValueError
        If there is no such artifact, or the learner's own is damaged.
    """
    if name not in FORMATS:
        raise ValueError(f"There is no artifact {name!r}: give one of {', '.join(map(repr, FORMATS))}.")
    artifact, source = _load_own(name), "your own"
    if artifact is None:
        from mlops_lesson import pipeline

        source = "the reference"
        artifact = pipeline.collect() if name == "raw dataset" else pipeline.preprocess(pipeline.collect())
    if not quiet:
        print(f"Input: {source} {name}, version {artifact.version[:12]}")
    return artifact
