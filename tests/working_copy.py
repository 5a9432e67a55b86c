"""A working copy of the course as a learner has it, in which notebooks are run one after another, offline."""

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from notebook_checks import Lesson, no_output_is_an_error_or_a_warning
from run_notebooks import execute_cells, failed_cell

OFFLINE = Path(__file__).resolve().parent / "offline"
LEARNERS_OWN = ("my_work", ".ipynb_checkpoints", "__pycache__")
SECONDS_TO_END = 20
SECONDS_A_CELL = 600
EXTRA = "extra-run"
SERVICE_LOG = "service.log"
WITHOUT_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def offline_environment(log: Path) -> dict[str, str]:
    """Make the environment of a Python without settings of the course that logs its attempts to leave the machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_LESSON_")}
    path = os.pathsep.join([str(OFFLINE), *filter(None, [kept.get("PYTHONPATH")])])
    return {**kept, "PYTHONPATH": path, "OFFLINE_LOG": str(log)}


def as_it_is(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Run All."""
    return cells


def backwards_first(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Run every cell before those it needs, from the last to the first; then Run All in the same kernel."""
    return [*(_extra(cell) for cell in reversed(cells) if cell.cell_type == "code"), *cells]


def each_twice(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Run every cell a second time right after the first."""
    twice = []
    for cell in cells:
        twice.append(cell)
        if cell.cell_type == "code":
            again = deepcopy(cell)
            again.id = f"{cell.id}-again"
            twice.append(again)
    return twice


def _extra(cell: NotebookNode) -> NotebookNode:
    extra = deepcopy(cell)
    extra.id = f"{cell.id}-extra"
    extra.metadata.tags = [*extra.metadata.get("tags", []), EXTRA, "raises-exception"]
    return extra


def take_out_helpful_errors(cells: list[NotebookNode]) -> None:
    """Take out the errors of extra runs that say what to do: a name of an earlier cell, or the course's own advice."""
    for cell in (cell for cell in cells if EXTRA in cell.metadata.get("tags", [])):
        cell.outputs = [output for output in cell.outputs if not _helps(output, cell.id.removesuffix("-extra"), cells)]


def _helps(output: NotebookNode, name: str, cells: list[NotebookNode]) -> bool:
    if output.output_type != "error":
        return False
    if output.ename == "NameError":
        missing = re.match(r"name '(\w+)' is not defined", output.evalue)
        ids = [cell.id for cell in cells]
        earlier = [cell.source for cell in cells[: ids.index(name)] if EXTRA not in cell.metadata.get("tags", [])]
        return bool(missing) and any(re.search(rf"\b{missing[1]}\b", source) for source in earlier)
    return output.ename == "ServingError" and bool(re.search(r"Start it again with|then promote it", output.evalue))


@dataclass
class WorkingCopy:
    """A course folder and what was seen while notebooks ran in it.

    Parameters
    ----------
    folder : pathlib.Path
        Holds `notebooks/` and `data/`; the learner's own work comes beside them, as without any setting.
    """

    folder: Path
    ran: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mark = secrets.token_hex(8)
        self.log = self.folder.parent / f"{self.folder.name}_left_this_machine"
        self.files_before = self._files()

    def run(
        self,
        names: Iterable[str],
        arranged: Callable[[list[NotebookNode]], list[NotebookNode]] = as_it_is,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Run notebooks in the order given, each in its own kernel; note errors and warnings and go on."""
        for name in names:
            path = self.folder / "notebooks" / name
            notebook = nbformat.read(path, as_version=4)
            notebook.cells = arranged(notebook.cells)
            try:
                surroundings = self._environment() | (environment or {})
                execute_cells(notebook, path.parent, surroundings, SECONDS_A_CELL, **self._hooks(name))
                take_out_helpful_errors(notebook.cells)
                done = Lesson(path, notebook)
                self.complaints += [f"{name}: {text}" for text in no_output_is_an_error_or_a_warning(done)]
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                self.complaints.append(f"{name}: {failed_cell(error)}")
            self.ran.append(name)

    def stop_in_the_middle(self, name: str, after: str) -> None:
        """End the kernel of a notebook, with no chance to tidy up, when the cell with this id has run."""
        path = self.folder / "notebooks" / name
        notebook = nbformat.read(path, as_version=4)
        place = 1 + [cell.id for cell in notebook.cells].index(after)
        notebook.cells.insert(place, new_code_cell("import os; os._exit(9)"))
        try:
            execute_cells(notebook, path.parent, self._environment(), SECONDS_A_CELL)
            self.complaints.append(f"{name}: was not killed")
        except DeadKernelError:
            pass
        except CellExecutionError as error:
            self.complaints.append(f"{name}: {failed_cell(error)}")

    @property
    def attempts_to_leave(self) -> list[str]:
        """Attempts to reach another machine."""
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []

    @property
    def changed_files(self) -> list[str]:
        """Files of the course that were changed, made or removed outside the learner's own folder."""
        return sorted({name for name, _ in self.files_before.items() ^ self._files().items()})

    def processes_left(self, seconds: float = SECONDS_TO_END) -> list[psutil.Process]:
        """Processes started by the notebooks that have not ended within some seconds."""
        started = [process for process in psutil.process_iter() if self._is_ours(process)]
        return psutil.wait_procs(started, timeout=seconds)[1]

    def _hooks(self, name: str) -> dict[str, Callable[..., None]]:
        """Let a cell that is run too early, and stops, be held to have written nothing."""
        before: dict[Path, str] = {}

        def remember(cell: NotebookNode, **_: object) -> None:
            if EXTRA in cell.metadata.get("tags", []):
                before.clear()
                before.update(self._work())

        def compare(cell: NotebookNode, execute_reply: Mapping, **_: object) -> None:
            if EXTRA in cell.metadata.get("tags", []) and execute_reply["content"]["status"] == "error":
                changed = sorted({file.name for file, _ in before.items() ^ self._work().items()})
                self.complaints += [f"{name}: {cell.id} stopped, but changed {file}" for file in changed]

        return {"on_cell_execute": remember, "on_cell_executed": compare}

    def _work(self) -> dict[Path, str]:
        files = (path for path in (self.folder / "my_work").rglob("*") if path.is_file())
        return _checksums(path for path in files if path.name != SERVICE_LOG and path.suffix != ".lock")

    def _environment(self) -> dict[str, str]:
        return {**offline_environment(self.log), "WORKING_COPY": self.mark}

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("WORKING_COPY") == self.mark
        except psutil.Error:
            return False

    def _files(self) -> dict[str, str]:
        files = (path for path in self.folder.rglob("*") if path.is_file() and not {*path.parts} & {*LEARNERS_OWN})
        return {str(path.relative_to(self.folder)): checksum for path, checksum in _checksums(files).items()}


def _checksums(files: Iterable[Path]) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
