"""Run notebooks where memory is as short as on Binder: ``python tools/memory_limit.py [--megabytes 1024] [NOTEBOOK]``.

Linux only, as root or with systemd. Each notebook is run in a control group of its own, with its kernel and the
servers it starts; whoever takes more than the limit is ended by the system. This program is in the group too, in place
of a Jupyter server, which is about as large.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nbclient.exceptions import CellExecutionError, DeadKernelError
from run_notebooks import NOTEBOOKS, execute, fresh_environment

GROUPS = Path("/sys/fs/cgroup/memory")


def own_group() -> Path | None:
    """Return the memory group of this process under version 1 of control groups, or None if there is none."""
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(",") and os.access(GROUPS / path.lstrip("/"), os.W_OK):
            return GROUPS / path.lstrip("/")
    return None


def run_limited(command: Sequence[str], megabytes: int) -> int:
    """Run a command that cannot take more memory than given, children included.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    megabytes : int
        The limit, in units of 1024 x 1024 bytes.

    Returns
    -------
    int
        The command's exit status; -9 if the system ended it for want of memory.

    Raises
    ------
    OSError
        If this machine lets us set no limit.
    """
    parent = own_group()
    if parent is None:
        if shutil.which("systemd-run") is None:
            raise OSError("No memory limit can be set here: run as root on Linux, or where systemd-run works.")
        scope = ["systemd-run", "--quiet", "--scope", *([] if os.geteuid() == 0 else ["--user"])]
        limits = [f"--property=MemoryMax={megabytes}M", "--property=MemorySwapMax=0"]
        return subprocess.run([*scope, *limits, *command], check=False).returncode
    group = Path(tempfile.mkdtemp(prefix="mlops_lesson_", dir=parent))
    try:
        (group / "memory.limit_in_bytes").write_text(f"{megabytes}M")
        enter = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs")]
        status = subprocess.run([*enter, *command], check=False).returncode
        peak = int((group / "memory.max_usage_in_bytes").read_text()) / 2**20
        print(f"  at most {peak:.0f} of {megabytes} MB in use", flush=True)
        return status
    finally:
        group.rmdir()


def run_here(path: Path) -> int:
    """Run a notebook in this process and its children; return 0 if every cell ran."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            execute(path, fresh_environment(Path(folder)))
        except (CellExecutionError, DeadKernelError) as error:
            print(str(error).strip().splitlines()[-1])
            return 1
    return 0


def main() -> int:
    """Run the notebooks named, or all of them, each within the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="files; all of notebooks/ if none is named")
    parser.add_argument("--megabytes", type=int, default=1024, help="the limit (default: 1024, what Binder guarantees)")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        return run_here(arguments.notebooks[0])
    failed = 0
    for path in arguments.notebooks or sorted(NOTEBOOKS.glob("*.ipynb")):
        print(path.name, flush=True)
        status = run_limited([sys.executable, __file__, "--here", str(path.resolve())], arguments.megabytes)
        print("  every cell ran" if status == 0 else f"  stopped, exit status {status}", flush=True)
        failed += status != 0
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
