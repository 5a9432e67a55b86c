"""A working copy of the course as a learner has it, in which notebooks are run one after another, offline."""

import hashlib
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from notebook_checks import Lesson, no_output_is_an_error_or_a_warning
from run_notebooks import execute, failed_cell

OFFLINE = Path(__file__).resolve().parent / "offline"
LEARNERS_OWN = ("my_work", ".ipynb_checkpoints", "__pycache__")
SECONDS_TO_END = 20


def offline_environment(log: Path) -> dict[str, str]:
    """Make the environment of a Python without settings of the course that logs its attempts to leave the machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_LESSON_")}
    path = os.pathsep.join([str(OFFLINE), *filter(None, [kept.get("PYTHONPATH")])])
    return {**kept, "PYTHONPATH": path, "OFFLINE_LOG": str(log)}


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

    def run(self, names: Iterable[str]) -> None:
        """Run notebooks in the order given, each in its own kernel; note errors and warnings and go on."""
        for name in names:
            path = self.folder / "notebooks" / name
            try:
                done = Lesson(path, execute(path, self._environment()))
                self.complaints += [f"{name}: {text}" for text in no_output_is_an_error_or_a_warning(done)]
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                self.complaints.append(f"{name}: {failed_cell(error)}")
            self.ran.append(name)

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

    def _environment(self) -> dict[str, str]:
        return {**offline_environment(self.log), "WORKING_COPY": self.mark}

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("WORKING_COPY") == self.mark
        except psutil.Error:
            return False

    def _files(self) -> dict[str, str]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        named = {str(path.relative_to(self.folder)): path for path in files if not {*path.parts} & {*LEARNERS_OWN}}
        return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in named.items()}
