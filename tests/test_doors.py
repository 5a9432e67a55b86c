"""54 doors: each of the nine parts of each notebook runs alone, with nothing defined and nothing saved before."""

import sys
from pathlib import Path

import pytest
from doors import parts_of, what_stops
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook
from run_notebooks import NOTEBOOKS, execute_cells, fresh_environment

from mlops_lesson.stages import STAGES

DOORS = [
    pytest.param(stage.notebook, cells, id=f"{stage.number}-{part}")
    for stage in STAGES
    for part, cells in parts_of(NOTEBOOKS / stage.notebook)
]


# Dask's workers import the main module of the process that starts them, which a kernel has and a fork has not.
NEEDS_A_KERNEL = "from distributed import"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork; the nightly run opens the doors there")
@pytest.mark.parametrize(("notebook", "cells"), DOORS)
def test_a_part_runs_alone(notebook: str, cells: list[str], tmp_path: Path) -> None:
    if NEEDS_A_KERNEL in "".join(cells):
        return in_a_kernel(notebook, cells, tmp_path)
    environment = {"MLOPS_LESSON_HOME": str(tmp_path / "my_work"), "IPYTHONDIR": str(tmp_path / "ipython")}
    assert what_stops(cells, NOTEBOOKS, environment) == ""


def test_a_part_that_needs_another_is_found_out(tmp_path: Path) -> None:
    assert "NameError: name 'clean' is not defined" in what_stops(["a = 1", "a + clean"], tmp_path, {})


@pytest.mark.nightly
@pytest.mark.parametrize(("notebook", "cells"), DOORS)
def test_a_part_runs_alone_in_a_fresh_kernel(notebook: str, cells: list[str], tmp_path: Path) -> None:
    in_a_kernel(notebook, cells, tmp_path)


def in_a_kernel(notebook: str, cells: list[str], folder: Path) -> None:
    part = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    try:
        execute_cells(part, NOTEBOOKS, fresh_environment(folder), timeout=300)
    except CellExecutionError as error:
        pytest.fail(f"{notebook}: {error}")
