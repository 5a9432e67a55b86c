"""A gigabyte of memory, as little as Binder guarantees, is enough for the largest notebook."""

import subprocess
import sys

import pytest
from memory_limit import run_limited
from run_notebooks import NOTEBOOKS

TAKE_300_MEGABYTES = "print(len(b'x' * 300 * 2**20))"


@pytest.fixture(scope="module")
def limits() -> None:
    """Skip where no limit can be set."""
    try:
        status = run_limited([sys.executable, "-c", "pass"], 500)
    except OSError as error:
        pytest.skip(str(error))
    if status:
        pytest.skip(f"No memory limit can be set here: the trial ended with status {status}.")


@pytest.mark.usefixtures("limits")
def test_whoever_takes_more_memory_than_the_limit_is_ended() -> None:
    assert run_limited([sys.executable, "-c", TAKE_300_MEGABYTES], 400) == 0
    assert run_limited([sys.executable, "-c", TAKE_300_MEGABYTES], 200) != 0


@pytest.mark.usefixtures("limits")
def test_the_largest_notebook_runs_in_one_gigabyte() -> None:
    tool = NOTEBOOKS.parent / "tools" / "memory_limit.py"
    command = [sys.executable, str(tool), str(NOTEBOOKS / "05_deployment.ipynb")]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=1200)
    assert "every cell ran" in ran.stdout, ran.stdout + ran.stderr
