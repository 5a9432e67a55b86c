"""Where the disk is full or the folder read-only, the course says so, and goes on once there is room."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from unwritable_home import WRITES

REGISTRY = r"cannot be written .*MLOPS_LESSON_HOME|MLflow did not do this: .*make room"
SAID = {
    "an answer": r"kept in memory only, .*progress\.db cannot be .*MLOPS_LESSON_HOME",
    "an export": r"export/mlops_lesson_ada\S*\.json cannot be written .*Make room .*MLOPS_LESSON_HOME",
    "an artifact": r"clean_dataset\S*\.zip cannot be written .*Make room .*MLOPS_LESSON_HOME",
    "a first store": REGISTRY,
    "a new model": REGISTRY,
    "a promotion": REGISTRY,
    "a line of the journal": r"journal\.db cannot be written .*Make room .*MLOPS_LESSON_HOME",
    # The log never lets a request fail; the service counts what is missing in it.
    "a request": r"^not done$",
}
SERVICE = {"full": r"^done$", "read-only": r"service\.log cannot be written .*Make room .*MLOPS_LESSON_HOME"}


def in_own_mounts() -> list[str]:
    """Return the beginning of a command that may mount a file system which nobody else sees."""
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *as_root]


def skip_without_own_mounts(folder: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("a small file system of one's own needs Linux and the command unshare")
    trial = [*in_own_mounts(), "mount", "-t", "tmpfs", "tmpfs", str(folder)]
    refused = subprocess.run(trial, check=False, capture_output=True, text=True)
    if refused.returncode:
        pytest.skip(f"this machine allows no file system of one's own: {refused.stderr.strip()}")


def run_in_own_mounts(script: str, *arguments: str) -> str:
    command = [*in_own_mounts(), sys.executable, str(Path(__file__).with_name(script)), *arguments]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("unwritable")
    skip_without_own_mounts(folder)
    return json.loads(run_in_own_mounts("unwritable_home.py", str(folder)).splitlines()[-1])


@pytest.mark.parametrize("kind", ["full", "read-only"])
@pytest.mark.parametrize("what", WRITES)
def test_a_write_that_is_refused_is_told_changes_nothing_and_works_later(
    seen: dict[str, Any], kind: str, what: str
) -> None:
    wrote = seen[f"{kind}: {what}"]
    assert re.search(SAID.get(what, SERVICE[kind]), wrote["said"])
    assert wrote["said"].count("What was there before is unchanged") <= 1
    if what != "the service":
        assert (wrote["changed"], wrote["afterwards"]) == ([], "done")


@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_what_is_there_can_be_read_where_nothing_can_be_written(seen: dict[str, Any], kind: str) -> None:
    assert set(seen[kind].values()) == {"done"}


@pytest.mark.nightly
def test_a_notebook_in_a_home_where_nothing_can_be_written_says_so_and_goes_on(tmp_path: Path) -> None:
    skip_without_own_mounts(tmp_path)
    notebook = nbformat.reads(run_in_own_mounts("read_only_learner.py", str(tmp_path)), as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    outputs = [output for cell in cells for output in cell.outputs]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    # One cell keeps a dataset for the next notebook, and there is nowhere to keep it.
    (stopped,) = [output for output in outputs if output.output_type == "error"]
    assert stopped.ename == "CannotWriteError"
    assert re.search(r"raw_dataset\.zip cannot be written .*Make room .*MLOPS_LESSON_HOME", stopped.evalue)
