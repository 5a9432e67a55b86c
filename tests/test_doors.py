"""54 doors: each of the nine parts of each notebook runs alone, with nothing defined and nothing saved before."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import nbformat
import pytest
from doors import parts_of, what_stops
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook
from run_notebooks import NOTEBOOKS, execute_cells, fresh_environment

from mlops_lesson.stages import STAGES

DOORS = {f"{stage.number}-{part}": cells for stage in STAGES for part, cells in parts_of(NOTEBOOKS / stage.notebook)}
EACH = pytest.mark.parametrize("cells", DOORS.values(), ids=DOORS)


def part_alone(cells: Iterable[str]) -> nbformat.NotebookNode:
    return new_notebook(cells=[new_code_cell(cell) for cell in cells])


def undefined_names(parts: dict[str, list[str]], folder: Path) -> str:
    """Let the linter read each part as a notebook of its own, and return what it says of names."""
    for name, cells in parts.items():
        nbformat.write(part_alone(cells), folder / f"{name}.ipynb")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821", "--output-format=concise"]
    return subprocess.run([*command, str(folder)], capture_output=True, text=True).stdout


def test_a_part_defines_every_name_that_it_uses(tmp_path: Path) -> None:
    assert undefined_names(DOORS, tmp_path) == "All checks passed!\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork; the nightly run opens the doors there")
@EACH
def test_the_first_cell_of_a_part_finds_what_it_loads(cells: list[str], tmp_path: Path) -> None:
    environment = {"MLOPS_LESSON_HOME": str(tmp_path / "my_work"), "IPYTHONDIR": str(tmp_path / "ipython")}
    assert what_stops(cells[:1], NOTEBOOKS, environment) == ""


def test_a_part_that_needs_another_is_found_out(tmp_path: Path) -> None:
    assert "Undefined name `clean`" in undefined_names({"1-Try": ["a = 1", "a + clean"]}, tmp_path)
    assert "NameError: name 'clean' is not defined" in what_stops(["a = 1", "a + clean"], tmp_path, {})


@pytest.mark.nightly
@EACH
def test_a_part_runs_alone_in_a_fresh_kernel(cells: list[str], tmp_path: Path) -> None:
    try:
        execute_cells(part_alone(cells), NOTEBOOKS, fresh_environment(tmp_path), timeout=300)
    except CellExecutionError as error:
        pytest.fail(str(error))
