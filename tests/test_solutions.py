"""The instructor's notebooks are the learner's with every exercise solved."""

from pathlib import Path

import nbformat
import pytest
import solutions
from run_notebooks import NOTEBOOKS

from mlops_lesson.teaching.exercises.exercise import exercise_ids, find_exercise

NAMES = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS / name, as_version=4)


@pytest.mark.parametrize("name", NAMES)
def test_every_exercise_of_a_notebook_and_nothing_else_is_solved(name: str) -> None:
    before = read(name)
    solved, exercises = solutions.solve(before)
    assert tuple(exercises) == exercise_ids(int(name[:2]))
    changed = [new for old, new in zip(before.cells, solved.cells, strict=True) if old.source != new.source]
    assert [solutions.CHECK.search(cell.source)[1] for cell in changed] == exercises
    for cell, exercise in zip(changed, exercises, strict=True):
        assert find_exercise(exercise).solution.rstrip() in cell.source
        compile(cell.source, exercise, "exec")


@pytest.mark.nightly
def test_a_solved_notebook_is_run_and_says_that_it_is_right(tmp_path: Path) -> None:
    before = (NOTEBOOKS / NAMES[0]).read_bytes()
    exercises = solutions.run_solved(NOTEBOOKS / NAMES[0], tmp_path)
    written = (tmp_path / NAMES[0]).read_text(encoding="utf-8")
    assert [exercise for exercise in exercises if f"Exercise {exercise}: right" not in written] == []
    assert (NOTEBOOKS / NAMES[0]).read_bytes() == before
