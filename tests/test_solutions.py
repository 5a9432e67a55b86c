"""The instructor's notebooks are the learner's with every exercise solved."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import solutions
from run_notebooks import NOTEBOOKS

from mlops_lesson.teaching.exercises.check import check

NAMES = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS / name, as_version=4)


@pytest.mark.parametrize("name", NAMES)
def test_every_exercise_of_a_notebook_comes_out_right(name: str) -> None:
    solved, exercises = solutions.solve(read(name))
    stage = int(name[:2])
    assert exercises == [f"{stage}.{number}" for number in (1, 2, 3)]
    for cell in solved.cells:
        if cell.cell_type == "code" and (found := solutions.CHECK.search(cell.source)):
            names = {"check": check}
            exec(cell.source, names)  # noqa: S102 - a cell of the course, as an instructor runs it
            assert check(found[1], names[found[2]]).outcome == "right"


def test_nothing_but_the_exercises_is_changed() -> None:
    before = read(NAMES[0])
    after, _ = solutions.solve(before)
    changed = [old.id for old, new in zip(before.cells, after.cells, strict=True) if old.source != new.source]
    assert changed == ["exercise-1", "exercise-2", "exercise-3"]


def test_an_exercise_that_is_not_right_is_named() -> None:
    assert [line.split(":")[0] for line in solutions.not_right(read(NAMES[0]))] == ["1.1", "1.2", "1.3"]


def test_a_solved_notebook_is_run_and_says_that_it_is_right(tmp_path: Path) -> None:
    before = (NOTEBOOKS / NAMES[0]).read_bytes()
    command = [sys.executable, solutions.__file__, str(NOTEBOOKS / NAMES[0]), "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 exercises right" in done.stdout
    assert solutions.not_right(nbformat.read(tmp_path / NAMES[0], as_version=4)) == []
    assert (NOTEBOOKS / NAMES[0]).read_bytes() == before
