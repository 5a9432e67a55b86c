"""What a stage makes is handed to the next one whole, and never taken damaged."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_lesson import artifacts
from mlops_lesson.artifacts import load, save
from mlops_lesson.collection.dataset import CleanDataset, RawDataset, collect
from mlops_lesson.preprocessing.cleaning import preprocess


@pytest.fixture(scope="module")
def raw() -> RawDataset:
    return collect()


@pytest.fixture(scope="module")
def clean(raw: RawDataset) -> CleanDataset:
    return preprocess(raw)


@pytest.fixture
def own_folder(home: Path) -> Path:
    return home / artifacts.FOLDER


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


def test_the_newest_one_takes_the_place_of_the_one_before(clean: CleanDataset, own_folder: Path) -> None:
    for made in (clean, smaller(clean)):
        save(made)
        assert load("clean dataset", quiet=True).data_hash == made.data_hash
    assert [path.name for path in own_folder.iterdir()] == ["clean_dataset.zip"]


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:-100], lambda content: content[100:]])
def test_a_damaged_file_is_refused_with_advice(raw: RawDataset, own_folder: Path, damage: Callable) -> None:
    save(raw)
    path = own_folder / "raw_dataset.zip"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"raw_dataset\.zip cannot be read.*Run the notebook that makes it"):
        load("raw dataset")


def test_an_artifact_that_no_stage_makes_is_refused() -> None:
    with pytest.raises(ValueError, match="'raw dataset', 'clean dataset'"):
        load("model")
    with pytest.raises(TypeError, match="got dict"):
        save({"rows": 3})
