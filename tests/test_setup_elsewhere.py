"""Workflows and the development container: as far as they can be checked without the services that run them."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import lock
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
CONTAINER = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))


def jobs() -> dict[str, dict]:
    return {name: job for path in WORKFLOWS for name, job in yaml.safe_load(path.read_text())["jobs"].items()}


def commands(job: dict) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.parametrize(
    "linter",
    ["check-jsonschema --builtin-schema vendor.github-workflows", "zizmor --offline --no-progress --persona=pedantic"],
)
def test_the_workflows_are_understood_and_may_do_no_more_than_they_must(linter: str) -> None:
    program, *options = linter.split()
    command = [Path(sys.executable).with_name(program), *options, *WORKFLOWS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_allowed_versions_are_tried_on_three_systems_and_every_week() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/nightly.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["allowed"]["strategy"]["matrix"]
    assert {system.partition("-")[0] for system in matrix["system"]} == {"ubuntu", "macos", "windows"}
    assert matrix["resolution"] == ["lowest-direct", "highest"]
    # YAML takes the key "on" for the truth value.
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", workflow[True]["schedule"][0]["cron"])


def test_what_runs_on_windows_needs_neither_make_nor_a_shell() -> None:
    assert all(command.startswith("python -m ") for command in commands(jobs()["allowed"]))


def test_the_workflows_run_commands_and_files_that_exist() -> None:
    words = [word for job in jobs().values() for command in commands(job) for word in shlex.split(command)]
    files = [word.partition("=")[2] or word for word in words if re.search(r"(^|=)(tests|\.ci)/|^tools/", word)]
    assert {"tests/browser", ".ci/run"} <= {*files}
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_the_workflows_take_the_locked_uv() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    named = [
        word for job in jobs().values() for text in commands(job) for word in text.split() if word.startswith("uv==")
    ]
    assert named
    assert {*named} <= {*lock}


def test_the_container_sets_up_what_make_lab_opens_on_the_python_of_binder() -> None:
    target = CONTAINER["postCreateCommand"].removeprefix("make ")
    plan = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    interpreter = CONTAINER["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert f"{interpreter.removeprefix('${containerWorkspaceFolder}/')} tools/install.py lab" in plan
    opened = CONTAINER["customizations"]["codespaces"]["openFiles"]
    assert [file for file in opened if not (ROOT / file).is_file()] == []
    assert CONTAINER["image"].rpartition(":")[2] == lock.CONDA_PYTHON
