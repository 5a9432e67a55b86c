"""Run All reaches the end whatever was done before: in any order, cells twice or too early, after a lost kernel."""

import random
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from guarded import Guarded
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from notebook_checks import Lesson, no_output_is_an_error_or_a_warning
from run_notebooks import execute_cells

from mlops_lesson.stages import STAGES

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).resolve().parent.parent
NAMES = [stage.notebook for stage in STAGES]
# Another order each day.
SEED = datetime.now(UTC).toordinal()
WITHOUT_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
TOO_EARLY = "-too-early"


class WorkingCopy(Guarded):
    """The course in a folder with an odd name, where notebooks are run one after another."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.course = folder / "Mein Kurs, été"
        for name in ("notebooks", "data"):
            shutil.copytree(ROOT / name, self.course / name)
        shutil.copy(ROOT / "requirements.lock", self.course)

    def run(self, name: str, arranged: Callable[[list[NotebookNode]], list[NotebookNode]], **environment: str) -> None:
        """Run a notebook with its cells arranged in another way; whatever stops it is an error of the test."""
        path = self.course / "notebooks" / name
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = arranged(notebook.cells)
        try:
            execute_cells(notebook, path.parent, self.environment | environment, timeout=600)
        except CellExecutionError as error:
            pytest.fail(f"{name} with {SEED=}: {error}")
        early = [cell for cell in notebook.cells if cell.id.endswith(TOO_EARLY)]
        errors = [output for cell in early for output in cell.outputs if output.output_type == "error"]
        assert [error.evalue for error in errors if not says_what_to_do(error)] == [], f"{name} with {SEED=}"
        notebook.cells = [cell for cell in notebook.cells if cell not in early]
        assert list(no_output_is_an_error_or_a_warning(Lesson(path, notebook))) == [], f"{name} with {SEED=}"


def says_what_to_do(error: NotebookNode) -> bool:
    """Tell whether an error names what an earlier cell would have made, or the course's own way out."""
    named = error.ename in ("NameError", "KeyError")
    return named or bool(re.search(r"[Ss]tart it|[Pp]romote|first|cell above", error.evalue))


def backwards_first(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Run every cell before those it needs, from the last to the first; then Run All in the same kernel."""
    early = [deepcopy(cell) for cell in reversed(cells) if cell.cell_type == "code"]
    for cell in early:
        cell.id += TOO_EARLY
        cell.metadata.tags = [*cell.metadata.get("tags", []), "raises-exception"]
    return [*early, *cells]


def each_twice(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Run every cell a second time right after the first."""
    twice = []
    for cell in cells:
        again = deepcopy(cell)
        again.id += "-again"
        twice += [cell, again]
    return twice


def ends_in_the_middle(cells: list[NotebookNode]) -> list[NotebookNode]:
    """End the kernel, with no chance to tidy up, half way through."""
    half = len(cells) // 2
    return [*cells[:half], new_code_cell("import os; os._exit(9)", id="killed"), *cells[half:]]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkingCopy]:
    working_copy = WorkingCopy(tmp_path_factory.mktemp("run"))
    with pytest.MonkeyPatch.context() as patch:
        # A kernel removes the file that says how to connect to it, which we make.
        patch.setattr(tempfile, "tempdir", working_copy.environment["TMPDIR"])
        yield working_copy


@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_lost_in_the_middle_leaves_nothing_that_stops_run_all(copy: WorkingCopy, name: str) -> None:
    with pytest.raises(DeadKernelError):
        copy.run(name, ends_in_the_middle)
    copy.run(name, list)


@pytest.mark.parametrize("name", random.Random(SEED).sample(NAMES, 6))  # noqa: S311
def test_cells_run_too_early_say_what_they_need_and_run_all_reaches_the_end(copy: WorkingCopy, name: str) -> None:
    copy.run(name, backwards_first)


@pytest.mark.parametrize("name", random.Random(SEED + 1).sample(NAMES, 6))  # noqa: S311
def test_every_cell_runs_twice_in_a_row_in_a_locale_without_utf8(copy: WorkingCopy, name: str) -> None:
    copy.run(name, each_twice, **WITHOUT_UTF8)


def test_nothing_was_written_elsewhere_and_no_process_is_left(copy: WorkingCopy) -> None:
    assert copy.complaints == []
    assert copy.processes_left() == []
