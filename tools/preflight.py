"""See whether a machine can hold the course: ``make preflight``, or ``python tools/preflight.py [--learners 30]``.

It needs nothing but Python 3.8 or newer and installs nothing. Every check is one line; a failure says what to do. The
exit status is 1 if something prevents the course, and 0 if not, also where something is only worth knowing.
"""

import argparse
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Callable, List, NamedTuple  # noqa: UP035 - runs on Python 3.8, to say that it is too old

from install import for_pip

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
GIB = 2**30
# The one place of what a class needs: `make classroom` judges by it, and docs/hub.md says it for thirty learners.
# A learner with JupyterLab and a notebook takes 0.25 GiB (measured there), and as much again with a second notebook
# and the service of notebook 5; the system and the hub take 1 GiB.
GIB_BESIDE, GIB_A_LEARNER = 1.0, 0.5
LEARNERS_A_CORE = 8
# A machine sold with 2 GB tells a little less.
SPARED = 0.9
# An environment takes 0.9 GB, and its making as much again for what is downloaded.
GIB_OF_DISK, GIB_OF_DISK_A_LEARNER = 2.0, 0.1
ENVIRONMENT = ROOT / ".venv"
# What learners will import, and that the package is this folder's and not that of another copy.
IMPORTS = "import sys, mlops_lesson, jupyterlab, mlflow, sklearn; from pathlib import Path; " + (
    "sys.exit(Path(mlops_lesson.__file__).resolve().parent.parent != Path(sys.argv[1]))"
)


class Finding(NamedTuple):
    """What a check found: ``"ok"``, ``"note"`` or ``"FAIL"``, what was seen, and what to do."""

    state: str
    seen: str
    advice: str = ""


def needs(learners: int) -> "tuple[float, int]":
    """Return the GiB of memory that a class needs, and the number of processors that is comfortable."""
    return max(2.0, GIB_BESIDE + GIB_A_LEARNER * learners), max(1, -(-learners // LEARNERS_A_CORE))


def check_python(version: tuple = tuple(sys.version_info[:3])) -> Finding:
    """Python is new enough."""
    seen = "Python " + ".".join(map(str, version))
    if version[:2] >= OLDEST:
        return Finding("ok", seen)
    return Finding(
        "FAIL", f"{seen} is too old", "Install Python 3.11 or newer, then: make preflight PYTHON=/path/to/it"
    )


def check_venv(find: Callable = importlib.util.find_spec) -> Finding:
    """An environment can be made."""
    missing = [name for name in ("venv", "ensurepip") if find(name) is None]
    if not missing:
        return Finding("ok", "venv and ensurepip are there")
    return Finding("FAIL", f"missing: {', '.join(missing)}", "On Debian or Ubuntu: apt install python3-venv")


def check_memory(learners: int) -> Finding:
    """There is memory enough."""
    needed, _ = needs(learners)
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return Finding("note", "the system does not tell its memory", f"See that it has {needed:.1f} GiB.")
    seen = f"{total / GIB:.1f} GiB of memory, {needed:.1f} GiB needed"
    if total >= SPARED * needed * GIB:
        return Finding("ok", seen)
    return Finding("FAIL", seen, "Take a larger machine, fewer learners on it, or Binder (docs/anywhere.md).")


def check_disk(learners: int) -> Finding:
    """There is disk enough."""
    needed = (0.2 if ENVIRONMENT.exists() else GIB_OF_DISK) + GIB_OF_DISK_A_LEARNER * learners
    free = shutil.disk_usage(ROOT).free
    seen = f"{free / GIB:.1f} GB of disk free, {needed:.1f} GB needed"
    return Finding("ok", seen) if free >= needed * GIB else Finding("FAIL", seen, "Free some, or move the course.")


def check_port() -> Finding:
    """A port of the loopback address can be listened on and reached."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
            server.bind(("127.0.0.1", 0))
            server.listen(1)
            with socket.create_connection(server.getsockname(), timeout=5):
                return Finding("ok", "a port of 127.0.0.1 can be listened on and reached")
    except OSError as error:
        return Finding("FAIL", f"127.0.0.1 cannot be used: {error}", "Let the firewall allow 127.0.0.1 to itself.")


def check_browser(learners: int) -> Finding:
    """There is a browser."""
    known = ("firefox", "google-chrome", "chromium", "chromium-browser", "microsoft-edge")
    found = [name for name in known if shutil.which(name)]
    try:
        if not found:
            webbrowser.get()
        return Finding("ok", f"browser: {(found or ['that of the system'])[0]}")
    except webbrowser.Error:
        advice = "A hub's machine needs none; a learner's needs a current Firefox, Chrome, Edge or Safari."
        return Finding("note" if learners else "FAIL", "no browser found", advice)


def check_folder(folder: Path = ROOT) -> Finding:
    """The course's folder can be written to."""
    try:
        with tempfile.TemporaryFile(dir=str(folder)):
            return Finding("ok", "the folder of the course can be written to")
    except OSError as error:
        advice = "Copy the course to a folder of your own, or give yourself the right to write."
        return Finding("FAIL", f"the folder of the course cannot be written to: {error.strerror}", advice)


def check_processors(learners: int) -> Finding:
    """There are processors enough."""
    cores, (_, needed) = os.cpu_count() or 1, needs(learners)
    seen = f"{cores} processors, {needed} advised"
    if cores >= needed:
        return Finding("ok", seen)
    return Finding("note", seen, "It works, and starts slowly: start the servers before class (docs/hub.md).")


def succeeds(command: List[str]) -> bool:  # noqa: UP006
    """Run a command, with the settings of the set-up, and tell whether it succeeded."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        return subprocess.run(command, env=for_pip(), timeout=90, **quiet).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def python_of(environment: Path) -> str:
    """Return the interpreter of an environment."""
    return str(next((path for path in environment.glob("*/python*") if path.stem == "python"), environment / "python"))


def check_packages(environment: Path = ENVIRONMENT, run: Callable = succeeds) -> Finding:
    """What learners import can be imported, or fetched where it will be fetched from."""
    if environment.exists():
        # From notebooks/ nobody sees the package that lies beside it, so it must not be found from here either.
        if run([python_of(environment), "-P", "-c", IMPORTS, str(ROOT)]):
            return Finding("ok", "the environment is there (.venv), and imports the course of this folder")
        return Finding("FAIL", "the environment in .venv cannot import the course", "make clean, then make lab")
    with tempfile.TemporaryDirectory() as folder:
        # As the set-up does, with the pip of a new environment: the system's Python may have none.
        run([sys.executable, "-m", "venv", folder])
        command = [
            python_of(Path(folder)),
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--disable-pip-version-check",
        ]
        index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL")
        command += ["--index-url", index] * bool(index)
        if run([*command, "--retries", "0", "--timeout", "10", "--dest", folder, "uv"]):
            return Finding("ok", "no environment yet; packages can be fetched")
    advice = "Run make lab where there is a network, or name the room's mirror: pip config set global.index-url"
    return Finding("FAIL", "no environment yet, and packages cannot be fetched", advice)


def check_accounts(program: Path, mode: Callable = lambda path: path.stat().st_mode) -> Finding:
    """The learners' accounts can run the interpreter and read the environment and the course's history."""
    read = [path for path in (ENVIRONMENT, ENVIRONMENT / "pyvenv.cfg", ROOT / ".git" / "HEAD") if path.exists()]
    folders = {folder for path in (program, *read) for folder in path.parents}
    closed = [folder for folder in sorted(folders) if not mode(folder) & 0o001]
    closed += [path for path in (program, *read) if not mode(path) & 0o004]
    closed += [] if mode(program) & 0o001 else [program]
    if not closed:
        return Finding("ok", f"every account can run {program} and read the course")
    advice = "Open it (chmod go+rX), or take the system's Python: make clean, then make hub PYTHON=/usr/bin/python3"
    return Finding("FAIL", f"learners' accounts cannot use {closed[0]}: it is closed to them", advice)


def findings(learners: int) -> List[Finding]:  # noqa: UP006
    """Make all checks."""
    found = [check_python(), check_venv(), check_memory(learners), check_disk(learners), check_port()]
    found += [check_browser(learners), check_folder(), check_processors(learners), check_packages()]
    if learners:
        # The interpreter of the environment, or where there is none yet, the one that would make it.
        own = ENVIRONMENT / "bin" / "python"
        found.append(check_accounts((own if own.exists() else Path(sys.executable)).resolve()))
    return found


def report(findings: List[Finding]) -> int:  # noqa: UP006
    """Print findings, one per line, and return the exit status."""
    for finding in findings:
        advice = f". {finding.advice}" if finding.advice else ""
        print(f"{finding.state:4}  {finding.seen}{advice}")
    failed = sum(finding.state == "FAIL" for finding in findings)
    print("This machine can hold the course." if not failed else f"{failed} of {len(findings)} checks failed.")
    return int(failed > 0)


def main() -> int:
    """Check this machine."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--learners", type=int, default=0, help="a hub's machine for so many learners")
    learners = parser.parse_args().learners
    if learners < 0:
        parser.error(f"--learners is {learners}: give the number of learners, 1 or more.")
    return report(findings(learners))


if __name__ == "__main__":
    sys.exit(main())
