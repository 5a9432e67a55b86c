"""Two notebooks that are open at once share one folder, and neither loses what the other keeps."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from run_notebooks import NOTEBOOKS, execute_cells, fresh_environment
from solutions import not_right, solve

from mlops_lesson import artifacts
from mlops_lesson.stages import STAGES
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.exercises.exercise import exercise_ids
from mlops_lesson.teaching.questions import load_questions

SECONDS = 600
ANSWER_ALL = """
import time
from mlops_lesson.teaching import progress
from mlops_lesson.keep.paths import home
from mlops_lesson.teaching.questions import load_questions

(home() / "ready-{number}").touch()
deadline = time.monotonic() + {seconds}
while len(list(home().glob("ready-*"))) < 2 and time.monotonic() < deadline:
    time.sleep(0.01)
for question in load_questions({number}).questions:
    progress.keep_answer({number}, question.id, question.right_choice(), right=True)
for part in progress.PARTS:
    progress.keep_part({number}, part)
"""


def solved(number: int) -> NotebookNode:
    """A notebook of the course in which a learner solves every exercise and answers every question."""
    notebook, _ = solve(nbformat.read(NOTEBOOKS / STAGES[number - 1].notebook, as_version=4))
    notebook.cells.append(new_code_cell(ANSWER_ALL.format(number=number, seconds=SECONDS)))
    return notebook


def test_two_notebooks_run_at_once_lose_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = fresh_environment(tmp_path)
    monkeypatch.setenv("MLOPS_LESSON_HOME", environment["MLOPS_LESSON_HOME"])
    with ThreadPoolExecutor(2) as both:
        running = [both.submit(execute_cells, solved(n), NOTEBOOKS, environment, SECONDS) for n in (1, 2)]
        done = [each.result() for each in running]
    assert [not_right(notebook) for notebook in done] == [[], []]
    now = progress.read()
    assert now.notice == ""
    for number in (1, 2):
        assert len(now.answers_of(number)) == len(load_questions(number).questions)
        assert now.parts_of(number) == progress.PARTS
        assert {now.exercises[name].outcome for name in exercise_ids(number)} == {"right"}
    assert len(artifacts.load("clean dataset", quiet=True).X) > 500
