"""What a class hub is made of: how the course is delivered, and that its two configurations have the same settings."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import start_learner
import yaml
from class_settings import COURSE, SETTINGS
from jsonschema import Draft7Validator
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from mlops_lesson.teaching import progress

DEPLOY = COURSE / "deploy"
VALUES = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text(encoding="utf-8"))
CHART = yaml.safe_load((COURSE / "tests" / "chart_facts.yaml").read_text(encoding="utf-8"))

if sys.platform == "win32":
    pytest.skip("JupyterHub does not run on Windows", allow_module_level=True)


def notebook(*lines: str) -> str:
    return json.dumps({"cells": [{"source": line} for line in lines]}, indent=1)


class Repository:
    """An instructor's repository and one learner's copy of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "instructor"
        self.copy = folder / "home" / "course"
        self.folder.mkdir()
        self.copy.parent.mkdir()
        self.git("init", "--quiet", "--initial-branch=class")

    def git(self, *arguments: str) -> None:
        author = ("-c", "user.name=instructor", "-c", "user.email=instructor@localhost")
        subprocess.run(["git", *author, *arguments], cwd=self.folder, check=True)

    def commit(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / name.replace("_", ".")).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")

    def deliver(self) -> None:
        start_learner.deliver(self.folder.as_uri(), self.copy)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    made.commit(lesson_ipynb=notebook("one", "two", "three", "four"), readme_md="old\n")
    made.deliver()
    return made


def test_a_notebook_changed_on_both_sides_is_never_mixed(repository: Repository) -> None:
    theirs = notebook("one", "two", "three", "the learner's")
    (repository.copy / "lesson.ipynb").write_text(theirs)
    repository.commit(lesson_ipynb=notebook("corrected", "two", "three", "four"), readme_md="new\n")
    repository.deliver()
    assert (repository.copy / "lesson.ipynb").read_text() == theirs
    assert (repository.copy / "readme.md").read_text() == "new\n"


def test_a_learners_work_survives_one_update_after_another(repository: Repository) -> None:
    theirs = notebook("the learner's", "two")
    (repository.copy / "lesson.ipynb").write_text(theirs)
    for term in ("spring", "autumn"):
        repository.commit(lesson_ipynb=notebook(term), readme_md=term)
        repository.deliver()
    assert (repository.copy / "lesson.ipynb").read_text() == theirs
    assert (repository.copy / "readme.md").read_text() == "autumn"


def test_a_deleted_file_comes_back(repository: Repository) -> None:
    (repository.copy / "lesson.ipynb").unlink()
    repository.deliver()
    assert (repository.copy / "lesson.ipynb").read_text() == notebook("one", "two", "three", "four")


def start(repository: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Start a learner's server as far as its version, which is enough to see whether it would start."""
    own = {"COURSE_REPOSITORY": repository, "COURSE_FOLDER": "course", "HOME": str(home)}
    command = [sys.executable, DEPLOY / "jupyterhub" / "start_learner.py", "--version"]
    return subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True)


def test_a_server_starts_with_the_course_as_it_was_when_no_update_can_be_had(repository: Repository) -> None:
    done = start("file:///nowhere", repository.copy.parent)
    assert done.returncode == 0
    assert "The server starts with the course as it was." in done.stderr


def test_a_home_without_the_course_and_no_way_to_get_it_is_told(tmp_path: Path) -> None:
    done = start("file:///nowhere", tmp_path)
    assert done.returncode == 1
    assert "no copy of the course in this home yet" in done.stderr


@pytest.fixture(scope="module")
def real() -> Config:
    if sys.platform != "linux":
        pytest.skip("needs systemd's spawner")
    return PyFileConfigLoader("jupyterhub_config.py", str(DEPLOY / "jupyterhub")).load_config()


def test_the_hub_for_a_class_gives_each_server_to_systemd_with_the_limits_of_the_settings(real: Config) -> None:
    from systemdspawner import SystemdSpawner

    assert issubclass(real.JupyterHub.spawner_class, SystemdSpawner)
    assert real.Spawner.mem_limit == f"{SETTINGS['learner']['memory_limit_gb']}G"
    assert real.Spawner.cpu_limit == SETTINGS["learner"]["cpu_limit"]


def test_the_hub_for_a_class_lets_in_only_members_of_its_groups(real: Config) -> None:
    assert real.JupyterHub.authenticator_class == "pam"
    assert real.PAMAuthenticator.allowed_groups == {"mlops-learners", "mlops-instructors"}
    assert "allow_all" not in real.Authenticator


def test_the_hub_for_a_class_listens_on_the_loopback_address_only(real: Config) -> None:
    addresses = [real.JupyterHub.bind_url, real.ConfigurableHTTPProxy.api_url]
    assert [address.partition("://")[2].partition(":")[0] for address in addresses] == ["127.0.0.1"] * 2
    assert (real.JupyterHub.hub_ip, real.Spawner.ip) == ("127.0.0.1", "127.0.0.1")


def test_the_values_for_kubernetes_are_what_the_chart_allows() -> None:
    assert [error.message for error in Draft7Validator(CHART).iter_errors(VALUES)] == []


def test_both_hubs_have_the_same_settings() -> None:
    learner, idle, begin = SETTINGS["learner"], SETTINGS["idle"], SETTINGS["start"]
    one, home = VALUES["singleuser"], VALUES["singleuser"]["storage"]["homeMountPath"]
    assert one["memory"]["limit"] == f"{learner['memory_limit_gb']}G"
    assert one["cpu"]["limit"] == learner["cpu_limit"]
    assert one["defaultUrl"] == learner["first_page"]
    assert one["startTimeout"] == begin["seconds_at_most"]
    assert (VALUES["cull"]["timeout"], VALUES["cull"]["every"]) == (
        idle["stop_after_seconds"],
        idle["check_every_seconds"],
    )
    expected = {name: text.format(home=home) for name, text in learner["environment"].items()}
    expected["COURSE_FOLDER"] = learner["course_folder"]
    assert {**one["extraEnv"], "COURSE_REPOSITORY": ""} == {**expected, "COURSE_REPOSITORY": ""}


def test_both_hubs_deliver_the_course_in_the_same_way() -> None:
    assert VALUES["singleuser"]["cmd"][-1].endswith("/deploy/jupyterhub/start_learner.py")


def test_the_first_page_is_a_notebook_of_the_course() -> None:
    start_of_page = f"/lab/tree/{SETTINGS['learner']['course_folder']}/"
    assert SETTINGS["learner"]["first_page"].startswith(start_of_page)
    assert (COURSE / SETTINGS["learner"]["first_page"].removeprefix(start_of_page)).is_file()


def test_every_file_that_the_page_names_is_there() -> None:
    page = (COURSE / "docs" / "hub.md").read_text(encoding="utf-8")
    named = set(re.findall(r"deploy/[\w./-]*\w", page))
    assert named
    assert {name for name in named if not (COURSE / name).exists()} == set()


@pytest.fixture
def collected(tmp_path: Path) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Give the page's lines that collect exports, to run for the learners `ada` and `bob` of a machine made up here."""
    page = (COURSE / "docs" / "hub.md").read_text(encoding="utf-8")
    (lines,) = [block for block in re.findall(r"^```\n(.*?)^```", page, re.DOTALL | re.MULTILINE) if "runuser" in block]
    for told, here in {
        "/var/lib/mlops-exports": f"{tmp_path}/exports",
        "/var/lib/mlops-report": f"{tmp_path}/class_report",
        "/srv/mlops-course": str(COURSE),
        "/home/": f"{tmp_path}/",
        ".venv/bin/python": sys.executable,
        "timeout 60": "timeout 20",
    }.items():
        assert told in lines
        lines = lines.replace(told, here)
    commands = {"getent": "echo mlops-learners:x:1001:ada,bob", "runuser": 'shift 3; exec "$@"'}
    for name, does in commands.items():
        command = tmp_path / "bin" / name
        command.parent.mkdir(exist_ok=True)
        command.write_text(f"#!/bin/sh\n{does}\n")
        command.chmod(0o755)
    own = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    return lambda: subprocess.run(["sh", "-c", lines], env=own, capture_output=True, text=True)


def work_of(folder: Path, monkeypatch: pytest.MonkeyPatch, outcome: str) -> None:
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(folder / "my_work"))
    progress.keep_exercise(1, "1.1", outcome)


@pytest.mark.skipif(shutil.which("timeout") is None, reason="the page's lines are for Linux")
def test_each_learners_work_is_collected_under_the_name_of_the_account_whatever_lies_in_the_export_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collected: Callable[[], subprocess.CompletedProcess[str]]
) -> None:
    (tmp_path / "secret").write_text("of root's")
    work_of(tmp_path / "ada", monkeypatch, "right")
    work_of(tmp_path / "bob", monkeypatch, "crashed")
    progress.export("ada")
    (tmp_path / "bob" / "my_work" / "export" / "notes.json").symlink_to(tmp_path / "secret")
    for _week in (1, 2):
        done = collected()
        assert done.returncode == 0, done.stderr
        assert "Learners counted: 2. Files left out: 0." in done.stdout
    files = {path.name: json.loads(path.read_text()) for path in (tmp_path / "exports").iterdir()}
    found = {
        name: (export["learner"]["name"], export["progress"]["exercises"]["1.1"]["outcome"])
        for name, export in files.items()
    }
    assert found == {"ada.json": ("ada", "right"), "bob.json": ("bob", "crashed")}
