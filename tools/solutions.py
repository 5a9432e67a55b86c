"""Run the notebooks with all exercises solved, for instructors: ``python tools/solutions.py``, or ``make solutions``.

The solutions are the model answers in `mlops_lesson/teaching/exercises/stage_<n>.py`. What is written is never edited:
change those, and run again.
"""

import ast
import re
import tempfile
from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from run_notebooks import NOTEBOOKS, execute, fresh_environment, normal_text

from mlops_lesson.keep.paths import COURSE_VARIABLE
from mlops_lesson.teaching.exercises.exercise import find_exercise

FOLDER = NOTEBOOKS.parent / "build" / "solutions"
CHECK = re.compile(r'^check\("(\d\.\d)", (\w+)\)$', re.MULTILINE)


def solve(notebook: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """Return a copy of a notebook in which each exercise's function is its model answer, and which exercises it has."""
    notebook, solved = deepcopy(notebook), []
    for cell in notebook.cells:
        if cell.cell_type == "code" and (found := CHECK.search(cell.source)):
            exercise, name = found.groups()
            cell.source = _with_solution(cell.source, name, find_exercise(exercise).solution)
            solved.append(exercise)
    return notebook, solved


def _with_solution(source: str, name: str, solution: str) -> str:
    """Replace a function in a cell by its solution, with what the solution needs."""
    blank = next(node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == name)
    lines = source.splitlines()
    return "\n".join([*lines[: blank.lineno - 1], *solution.splitlines(), *lines[blank.end_lineno :]])


def run_solved(path: Path, folder: Path) -> list[str]:
    """Write a notebook, solved and run, into a folder, and return which exercises it has."""
    notebook, exercises = solve(nbformat.read(path, as_version=4))
    solved = folder / path.name
    nbformat.write(notebook, solved)
    with tempfile.TemporaryDirectory() as home:
        done = execute(solved, fresh_environment(Path(home)) | {COURSE_VARIABLE: str(NOTEBOOKS.parent)})
    solved.write_text(normal_text(done), encoding="utf-8", newline="\n")
    return exercises


def main() -> None:
    """Write all notebooks, solved and run, into build/solutions."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        print(f"{path.name}: {len(run_solved(path, FOLDER))} exercises solved", flush=True)


if __name__ == "__main__":
    main()
