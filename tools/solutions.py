"""Run the notebooks with all exercises solved, for instructors: ``python tools/solutions.py``, or ``make solutions``.

The solutions are the model answers in `mlops_lesson/teaching/exercises/stage_<n>.py`. What is written is never edited:
change those, and run again.
"""

import argparse
import ast
import re
import sys
import tempfile
from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from run_notebooks import NOTEBOOKS, execute, fresh_environment, normal_text

from mlops_lesson.keep.paths import COURSE_VARIABLE
from mlops_lesson.teaching.exercises.exercise import all_exercises

FOLDER = NOTEBOOKS.parent / "build" / "solutions"
CHECK = re.compile(r'^check\("(\d\.\d)", (\w+)\)$', re.MULTILINE)


def solve(notebook: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """Fill the solutions into a notebook's exercises.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        A notebook of the course; it is not changed.

    Returns
    -------
    notebook : nbformat.NotebookNode
        A copy in which each exercise's function is its model answer.
    exercises : list of str
        Which exercises it has, such as ``["1.1", "1.2", "1.3"]``.
    """
    notebook, solved = deepcopy(notebook), []
    for cell in notebook.cells:
        if cell.cell_type == "code" and (found := CHECK.search(cell.source)):
            exercise, name = found.groups()
            cell.source = _with_solution(cell.source, name, exercise)
            solved.append(exercise)
    return notebook, solved


def _with_solution(source: str, name: str, exercise: str) -> str:
    """Replace a function in a cell by its solution, with what the solution needs."""
    blank = next(node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == name)
    lines = source.splitlines()
    return "\n".join(
        [*lines[: blank.lineno - 1], *all_exercises()[exercise].solution.splitlines(), *lines[blank.end_lineno :]]
    )


def not_right(notebook: NotebookNode) -> list[str]:
    """Return the exercises of a notebook that was run whose check does not say that they are right."""
    wrong = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and (found := CHECK.search(cell.source)):
            said = "".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)
            if not said.startswith(f"Exercise {found[1]}: right"):
                wrong.append(f"{found[1]}: {said or 'nothing was said'}")
    return wrong


def main() -> int:
    """Write all notebooks, solved and run, into the folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="files; all of notebooks/ if none is named")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to; build/solutions if not named")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for path in arguments.notebooks or sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook, exercises = solve(nbformat.read(path, as_version=4))
        solved = arguments.folder / path.name
        nbformat.write(notebook, solved)
        with tempfile.TemporaryDirectory() as home:
            environment = fresh_environment(Path(home)) | {COURSE_VARIABLE: str(NOTEBOOKS.parent)}
            done = execute(solved, environment)
        solved.write_text(normal_text(done), encoding="utf-8", newline="\n")
        wrong = not_right(done)
        print(f"{path.name}: {len(exercises) - len(wrong)} of {len(exercises)} exercises right", *wrong, sep="\n  - ")
        failed += bool(wrong)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
