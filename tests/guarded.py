"""Run a program as a learner's machine would that has no network, and see what it writes and leaves behind."""

import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import psutil

OFFLINE = Path(__file__).resolve().parent / "offline"
JUPYTER = ("CONFIG", "DATA", "RUNTIME")


def offline_environment(log: Path) -> dict[str, str]:
    """Make the environment of a Python without settings of the course that logs its attempts to leave the machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_LESSON_")}
    path = os.pathsep.join([str(OFFLINE), *filter(None, [kept.get("PYTHONPATH")])])
    return {**kept, "PYTHONPATH": path, "OFFLINE_LOG": str(log)}


class Guarded:
    """A learner who starts now, in an empty folder; whatever is run in `environment` is watched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "guard.log"
        self.mark = secrets.token_hex(8)
        (folder / "tmp").mkdir()
        may_write = (str(folder), matplotlib.get_cachedir(), matplotlib.get_configdir(), os.devnull)
        self.environment = {
            **offline_environment(self.log),
            **{f"JUPYTER_{kind}_DIR": str(folder / "jupyter" / kind.lower()) for kind in JUPYTER},
            "IPYTHONDIR": str(folder / "ipython"),
            "MAY_WRITE": os.pathsep.join(may_write),
            # A name as on a real machine.
            "MLOPS_LESSON_HOME": str(folder / "my work #1, 100%"),
            "TMPDIR": str(folder / "tmp"),
            # joblib would put its shared arrays into the memory that all programs share.
            "JOBLIB_TEMP_FOLDER": str(folder / "tmp"),
            "GUARDED_RUN": self.mark,
            # A learner has none of the plugins that our tests need, and notebook 4 starts pytest.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }

    def python(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run this Python with some arguments."""
        return subprocess.run(
            [sys.executable, *arguments], env=self.environment, capture_output=True, text=True, timeout=timeout
        )

    @property
    def complaints(self) -> list[str]:
        """Attempts to reach another machine, and files written outside the learner's folder."""
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []

    def processes_left(self, seconds: float = 20) -> Sequence[psutil.Process]:
        """Return processes of the run that have not ended within some seconds."""
        return psutil.wait_procs([each for each in psutil.process_iter() if self._is_ours(each)], timeout=seconds)[1]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("GUARDED_RUN") == self.mark
        except psutil.Error:
            return False
