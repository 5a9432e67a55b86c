"""What the learner builds in notebooks 1 and 2, cell by cell, is what the package ships."""

import runpy
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mlops_lesson.collection.dataset import collect
from mlops_lesson.keep.paths import course_root
from mlops_lesson.preprocessing.cleaning import preprocess
from mlops_lesson.stages import get_stage


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "my_work"))


def run_until(stage: int, last: str, folder: Path) -> dict[str, Any]:
    """Run the code cells of a notebook up to the one named, and return what they defined."""
    cells = nbformat.read(course_root() / "notebooks" / get_stage(stage).notebook, as_version=4).cells
    place = next(place for place, cell in enumerate(cells) if cell.id == last)
    script = folder / "cells.py"
    script.write_text("\n".join(cell.source for cell in cells[: place + 1] if cell.cell_type == "code"), "utf-8")
    return runpy.run_path(str(script))


def test_the_cells_of_notebook_1_collect_what_the_pipeline_collects(tmp_path: Path) -> None:
    mine, finished = run_until(1, "hash", tmp_path)["mine"], collect()
    assert mine.table.equals(finished.table)
    assert mine.data_hash == finished.data_hash


def test_the_cells_of_notebook_2_clean_as_the_pipeline_does(tmp_path: Path) -> None:
    mine, finished = run_until(2, "finish", tmp_path)["mine"], preprocess(collect())
    assert mine.table.equals(finished.table)
    assert mine.data_hash == finished.data_hash
    removed, mine_removed = (each[each["action"] == "removed"] for each in (finished.report, mine.report))
    assert mine_removed.values.tolist() == removed[removed["rows"] > 0].values.tolist()
    assert set(mine.report["rule"]) - set(mine_removed["rule"]) == {"chute in lower case"}
