"""54 doors: each of the nine parts of each notebook runs alone, with nothing defined and nothing saved before.

The check lets the linter look for names that a part uses and does not define; at night each part is run.
"""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from run_notebooks import NOTEBOOKS, execute_cells, fresh_environment

from mlops_lesson.stages import STAGES


def doors() -> dict[str, NotebookNode]:
    """Return the parts of all notebooks that have code, each as a notebook of its own."""
    found: dict[str, NotebookNode] = {}
    for stage in STAGES:
        part = ""
        for cell in nbformat.read(NOTEBOOKS / stage.notebook, as_version=4).cells:
            if cell.cell_type == "markdown" and (heading := re.search(r"^## (\w+)", cell.source, re.MULTILINE)):
                part = f"{stage.number}-{heading[1]}"
            elif cell.cell_type == "code" and part:
                found.setdefault(part, new_notebook()).cells.append(new_code_cell(cell.source))
    return found


def undefined_names(parts: dict[str, NotebookNode], folder: Path) -> str:
    for name, part in parts.items():
        nbformat.write(part, folder / f"{name}.ipynb")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821", "--output-format=concise"]
    return subprocess.run([*command, str(folder)], capture_output=True, text=True).stdout


def test_a_part_defines_every_name_that_it_uses(tmp_path: Path) -> None:
    assert undefined_names(doors(), tmp_path) == "All checks passed!\n"


def test_a_part_that_needs_another_is_found_out(tmp_path: Path) -> None:
    part = new_notebook(cells=[new_code_cell("a = 1"), new_code_cell("%%capture\na + clean")])
    assert "1-Try.ipynb:cell 2:2:5: F821 Undefined name `clean`" in undefined_names({"1-Try": part}, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("part", doors().values(), ids=doors())
def test_a_part_runs_alone_in_a_fresh_kernel(part: NotebookNode, tmp_path: Path) -> None:
    try:
        execute_cells(part, NOTEBOOKS, fresh_environment(tmp_path), timeout=300)
    except CellExecutionError as error:
        pytest.fail(str(error))
