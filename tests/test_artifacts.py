"""What a stage makes is handed to the next one whole, never overwritten, and never taken damaged."""

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_lesson import artifacts
from mlops_lesson.artifacts import load, save, write_atomically
from mlops_lesson.collection.dataset import CleanDataset, RawDataset, collect
from mlops_lesson.preprocessing.cleaning import preprocess


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
def test_what_was_saved_comes_back_the_same(name: str, raw: RawDataset, clean: CleanDataset) -> None:
    made = raw if name == "raw dataset" else clean
    assert save(made) == f"Saved: {name}, data hash {made.data_hash[:12]}"
    back = load(name, quiet=True)
    assert back.data_hash == made.data_hash
    tables = ("table", "lineage") if name == "raw dataset" else ("table", "report")
    assert all(getattr(back, table).equals(getattr(made, table)) for table in tables)


def test_a_learner_who_made_nothing_gets_the_courses_own(clean: CleanDataset, capsys: pytest.CaptureFixture) -> None:
    assert load("clean dataset").data_hash == clean.data_hash
    assert capsys.readouterr().out == f"Input: the course's own clean dataset, data hash {clean.data_hash[:12]}\n"


def test_a_learner_who_made_one_gets_it_and_is_told_so(clean: CleanDataset, capsys: pytest.CaptureFixture) -> None:
    save(smaller(clean))
    own = load("clean dataset")
    load("clean dataset", quiet=True)
    assert len(own.table) == len(clean.table) - 1
    assert capsys.readouterr().out == f"Input: your own clean dataset, data hash {own.data_hash[:12]}\n"


def test_the_newest_one_is_loaded_and_the_older_one_stays(clean: CleanDataset, own_folder: Path) -> None:
    save(clean)
    save(smaller(clean))
    assert load("clean dataset", quiet=True).data_hash == smaller(clean).data_hash
    save(clean)
    assert load("clean dataset", quiet=True).data_hash == clean.data_hash
    saved = {path.stem.rpartition("-")[2]: path.read_bytes() for path in own_folder.glob("clean_dataset-*.zip")}
    assert [*saved] == [hashlib.sha256(content).hexdigest()[:16] for content in saved.values()]
    assert len(saved) == 2


def test_a_damaged_file_is_refused_with_advice(raw: RawDataset, own_folder: Path) -> None:
    save(raw)
    (path,) = own_folder.glob("raw_dataset-*.zip")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"was changed after it had been saved.*Run the notebook that makes it"):
        load("raw dataset")


@pytest.mark.parametrize("pointer", ["", "gone.zip", "../outside"])
def test_a_damaged_pointer_is_refused_with_advice(pointer: str, own_folder: Path) -> None:
    write_atomically(own_folder / "raw_dataset.txt", pointer.encode())
    with pytest.raises(ValueError, match=r"raw dataset in .* cannot be read.*delete raw_dataset\.txt"):
        load("raw dataset")


def test_nothing_in_a_kept_file_needs_code_to_be_read(clean: CleanDataset, own_folder: Path) -> None:
    save(clean)
    (path,) = own_folder.glob("clean_dataset-*.zip")
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        assert {Path(name).suffix for name in archive.namelist()} == {".csv", ".npy"}


def test_an_artifact_that_no_stage_makes_is_refused() -> None:
    with pytest.raises(ValueError, match="'raw dataset', 'clean dataset'"):
        load("model")
    with pytest.raises(TypeError, match="got dict"):
        save({"rows": 3})
