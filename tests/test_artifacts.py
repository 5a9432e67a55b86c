"""What a stage makes is handed to the next one whole, never overwritten, and never taken damaged."""

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlops_lesson import artifacts
from mlops_lesson.artifacts import load, save, write_atomically
from mlops_lesson.collection.dataset import CleanDataset, RawDataset, collect
from mlops_lesson.preprocessing.cleaning import preprocess
from mlops_lesson.training.network import train
from mlops_lesson.validation.gate import ValidatedModel, validate


@pytest.fixture(scope="module")
def raw() -> RawDataset:
    return collect()


@pytest.fixture(scope="module")
def clean(raw: RawDataset) -> CleanDataset:
    return preprocess(raw)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "my_work"))
    return tmp_path / "my_work" / artifacts.FOLDER


def smaller(clean: CleanDataset) -> CleanDataset:
    return replace(clean, table=clean.table.iloc[1:].reset_index(drop=True), X=clean.X[1:])


@pytest.mark.parametrize("name", ["raw dataset", "clean dataset"])
def test_what_was_kept_comes_back_the_same(name: str, raw: RawDataset, clean: CleanDataset) -> None:
    made = raw if name == "raw dataset" else clean
    save(made)
    back = load(name)
    assert back.data_hash == made.data_hash
    assert back.table.equals(made.table)


def test_the_raw_dataset_keeps_its_lineage(raw: RawDataset) -> None:
    save(raw)
    assert load("raw dataset").lineage.equals(raw.lineage)


def test_the_clean_dataset_keeps_its_report(clean: CleanDataset) -> None:
    save(clean)
    assert load("clean dataset").report.equals(clean.report)


def test_a_learner_who_made_nothing_gets_the_reference(clean: CleanDataset, capsys: pytest.CaptureFixture) -> None:
    assert load("clean dataset").data_hash == clean.data_hash
    assert capsys.readouterr().out == f"Input: the reference clean dataset, version {clean.data_hash[:12]}\n"


def test_a_learner_who_made_one_gets_it_and_is_told_so(clean: CleanDataset, capsys: pytest.CaptureFixture) -> None:
    save(smaller(clean))
    own = load("clean dataset")
    assert len(own.table) == len(clean.table) - 1
    assert capsys.readouterr().out == f"Input: your own clean dataset, version {own.data_hash[:12]}\n"


def test_quiet_says_nothing(capsys: pytest.CaptureFixture) -> None:
    load("raw dataset", quiet=True)
    assert capsys.readouterr().out == ""


def test_saving_says_what_was_kept(clean: CleanDataset) -> None:
    assert save(clean) == f"Kept: clean dataset, version {clean.data_hash[:12]}"


def test_the_newest_one_is_loaded_and_the_older_one_stays(clean: CleanDataset, own_folder: Path) -> None:
    save(clean)
    save(smaller(clean))
    assert load("clean dataset", quiet=True).data_hash == smaller(clean).data_hash
    save(clean)
    assert load("clean dataset", quiet=True).data_hash == clean.data_hash
    versions = (clean.data_hash, smaller(clean).data_hash)
    assert {path.name for path in own_folder.glob("*.zip")} == {f"clean_dataset-{full[:12]}.zip" for full in versions}


def test_a_damaged_file_is_refused_with_advice(raw: RawDataset, own_folder: Path) -> None:
    save(raw)
    (path,) = own_folder.glob("raw_dataset-*.zip")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"its checksum has changed.*Run the notebook that makes it once more"):
        load("raw dataset")


@pytest.mark.parametrize("pointer", ["", "[]", '{"file": "gone.zip", "sha256": "0"}', '{"sha256": "0"}'])
def test_a_damaged_pointer_is_refused_with_advice(pointer: str, own_folder: Path) -> None:
    write_atomically(own_folder / "raw_dataset.json", pointer.encode())
    with pytest.raises(ValueError, match=r"raw dataset in .* cannot be read.*delete raw_dataset\.json"):
        load("raw dataset")


def test_a_pointer_cannot_lead_out_of_the_folder(raw: RawDataset, own_folder: Path) -> None:
    save(raw)
    (path,) = own_folder.glob("raw_dataset-*.zip")
    outside = own_folder.parent / path.name
    path.rename(outside)
    pointer = json.loads((own_folder / "raw_dataset.json").read_bytes())
    write_atomically(own_folder / "raw_dataset.json", json.dumps(pointer | {"file": f"../{path.name}"}).encode())
    with pytest.raises(ValueError, match="cannot be read"):
        load("raw dataset")


def test_an_archive_without_its_parts_is_refused(own_folder: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("notes.txt", "nothing else")
    pointer = {"file": "raw_dataset-0.zip", "sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}
    write_atomically(own_folder / pointer["file"], buffer.getvalue())
    write_atomically(own_folder / "raw_dataset.json", json.dumps(pointer).encode())
    with pytest.raises(ValueError, match=r"cannot be read: .*table\.csv"):
        load("raw dataset")


def test_nothing_in_a_kept_file_needs_code_to_be_read(clean: CleanDataset, own_folder: Path) -> None:
    save(clean)
    (path,) = own_folder.glob("clean_dataset-*.zip")
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        assert {Path(name).suffix for name in archive.namelist()} == {".csv", ".npy"}


def test_what_is_no_number_is_not_kept_as_code() -> None:
    with pytest.raises(ValueError, match="bject arrays"):
        artifacts._npy(np.array([None], dtype=object))


def test_the_recipe_and_the_verdict_can_be_read_line_by_line(clean: CleanDataset) -> None:
    trained = train(clean)
    kept = artifacts._pack_validated(ValidatedModel(trained, validate(trained, clean)))
    for name in ("recipe.json", "gate.json"):
        assert kept[name].startswith(b'{\n "'), name


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept.json"
    write_atomically(path, b"old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["kept.json"]


def test_an_artifact_that_no_stage_makes_is_refused() -> None:
    with pytest.raises(ValueError, match="'raw dataset', 'clean dataset'"):
        load("model")
    with pytest.raises(TypeError, match="got dict"):
        save({"rows": 3})
