"""What a stage makes is handed to the next one whole, and never taken damaged."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from course_models import clean, raw

from mlops_lesson import artifacts
from mlops_lesson.artifacts import load, save
from mlops_lesson.collection.dataset import CleanDataset


def smaller() -> CleanDataset:
    return replace(clean(), table=clean().table.iloc[1:].reset_index(drop=True), X=clean().X[1:])


@pytest.mark.parametrize(
    ("name", "make", "tables"),
    [("raw dataset", raw, ("table", "lineage")), ("clean dataset", clean, ("table", "report"))],
)
def test_what_was_saved_comes_back_the_same(name: str, make: Callable, tables: tuple[str, ...]) -> None:
    made = make()
    assert save(made) == f"Saved: {name}, data hash {made.data_hash[:12]}"
    back = load(name, quiet=True)
    assert back.data_hash == made.data_hash
    assert all(getattr(back, table).equals(getattr(made, table)) for table in tables)


def test_a_learner_gets_the_newest_own_one_or_else_the_courses_and_is_told_so(
    home: Path, capsys: pytest.CaptureFixture
) -> None:
    said = "Input: {} clean dataset, data hash {:.12}\n"
    assert load("clean dataset").data_hash == clean().data_hash
    assert capsys.readouterr().out == said.format("the course's own", clean().data_hash)
    for made in (clean(), smaller()):
        save(made)
        assert load("clean dataset").data_hash == made.data_hash
        assert load("clean dataset", quiet=True).data_hash == made.data_hash
        assert capsys.readouterr().out == said.format("your own", made.data_hash)


def test_what_was_saved_before_stays_beside_what_is_saved_now(home: Path) -> None:
    save(clean())
    first = (home / artifacts.FOLDER / "clean_dataset.zip").read_bytes()
    save(smaller())
    (older,) = (home / artifacts.FOLDER).glob("clean_dataset-*.zip")
    assert older.read_bytes() == first


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:-100], lambda content: content[100:]])
def test_a_damaged_file_is_refused_with_advice(home: Path, damage: Callable[[bytes], bytes]) -> None:
    save(raw())
    path = home / artifacts.FOLDER / "raw_dataset.zip"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"raw_dataset\.zip cannot be read.*Run the notebook that makes it"):
        load("raw dataset")


def test_an_artifact_that_no_stage_makes_is_refused() -> None:
    with pytest.raises(ValueError, match="'raw dataset', 'clean dataset'"):
        load("model")
    with pytest.raises(TypeError, match="got dict"):
        save({"rows": 3})
