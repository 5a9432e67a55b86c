"""What a class hub is made of: how the course is delivered, and that its two configurations have the same settings."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import classroom
import httpx
import preflight
import pytest
import start_learner
import yaml
from class_settings import COURSE, SETTINGS
from jsonschema import Draft7Validator
from traitlets.config.loader import PyFileConfigLoader

from mlops_lesson.teaching import progress

DEPLOY = COURSE / "deploy"
VALUES = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text(encoding="utf-8"))
PAGE = (COURSE / "docs" / "hub.md").read_text(encoding="utf-8")
CHART = yaml.safe_load((COURSE / "tests" / "chart_facts.yaml").read_text(encoding="utf-8"))

if sys.platform == "win32":
    pytest.skip("JupyterHub does not run on Windows", allow_module_level=True)


def notebook(*lines: str) -> str:
    return json.dumps({"cells": [{"source": line} for line in lines]}, indent=1)


def test_who_installs_the_hub_gets_jupyterlab_with_it() -> None:
    extras = tomllib.loads((COURSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert "mlops-lesson[lab]" in extras["hub"]


class Repository:
    """An instructor's repository and one learner's copy of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.copy = folder / "instructor", folder / "home" / "course"
        self.copy.parent.mkdir()
        subprocess.run(["git", "init", "--quiet", "--initial-branch=class", self.folder], check=True)

    def publish(self, **files: str) -> None:
        """Commit files, and deliver them."""
        for name, text in files.items():
            (self.folder / name.replace("_", ".")).write_text(text)
        git = ["git", "-c", "user.name=instructor", "-c", "user.email=instructor@localhost"]
        for command in (["add", "--all"], ["commit", "--quiet", "--message", "change"]):
            subprocess.run([*git, *command], cwd=self.folder, check=True)
        self.deliver()

    def deliver(self) -> None:
        start_learner.deliver(self.folder.as_uri(), self.copy)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    made.publish(lesson_ipynb=notebook("one", "two", "three", "four"), readme_md="old\n")
    return made


def test_a_learners_work_survives_one_update_after_another_and_is_never_mixed(repository: Repository) -> None:
    theirs = notebook("one", "two", "three", "the learner's")
    (repository.copy / "lesson.ipynb").write_text(theirs)
    for term in ("spring", "autumn"):
        repository.publish(lesson_ipynb=notebook(term, "two", "three", "four"), readme_md=term)
        assert (repository.copy / "lesson.ipynb").read_text() == theirs
        assert (repository.copy / "readme.md").read_text() == term


def test_a_deleted_file_comes_back(repository: Repository) -> None:
    (repository.copy / "lesson.ipynb").unlink()
    repository.deliver()
    assert (repository.copy / "lesson.ipynb").read_text() == notebook("one", "two", "three", "four")


def test_without_an_update_a_server_starts_with_the_course_as_it_was_and_not_without_any(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started = []
    monkeypatch.setattr(os, "execv", lambda program, _arguments: started.append(Path(program).name))
    monkeypatch.setenv("HOME", str(repository.copy.parent))
    monkeypatch.setenv("COURSE_REPOSITORY", "file:///nowhere")
    monkeypatch.setenv("COURSE_FOLDER", "course")
    start_learner.main()
    assert started == ["jupyterhub-singleuser"]
    assert "The server starts with the course as it was." in capsys.readouterr().err
    monkeypatch.setenv("COURSE_FOLDER", "gone")
    with pytest.raises(SystemExit, match="no copy of the course in this home yet"):
        start_learner.main()


@pytest.mark.skipif(sys.platform != "linux", reason="needs systemd's spawner")
def test_the_hub_for_a_class_has_the_limits_of_the_settings_and_lets_only_its_groups_in_by_the_loopback_address() -> (
    None
):
    from systemdspawner import SystemdSpawner

    real = PyFileConfigLoader("jupyterhub_config.py", str(DEPLOY / "jupyterhub")).load_config()
    assert issubclass(real.JupyterHub.spawner_class, SystemdSpawner)
    learner = SETTINGS["learner"]
    assert (real.Spawner.mem_limit, real.Spawner.cpu_limit) == (f"{learner['memory_limit_gb']}G", learner["cpu_limit"])
    assert real.JupyterHub.authenticator_class == "pam"
    assert real.PAMAuthenticator.allowed_groups == {"mlops-learners", "mlops-instructors"}
    assert "allow_all" not in real.Authenticator
    addresses = [real.JupyterHub.bind_url, real.ConfigurableHTTPProxy.api_url]
    assert [httpx.URL(address).host for address in addresses] == ["127.0.0.1"] * 2
    assert (real.JupyterHub.hub_ip, real.Spawner.ip) == ("127.0.0.1", "127.0.0.1")


def test_the_values_for_kubernetes_are_what_the_chart_allows() -> None:
    assert [error.message for error in Draft7Validator(CHART).iter_errors(VALUES)] == []


def test_both_hubs_have_the_same_settings() -> None:
    learner, idle, begin = SETTINGS["learner"], SETTINGS["idle"], SETTINGS["start"]
    one, cull, home = VALUES["singleuser"], VALUES["cull"], VALUES["singleuser"]["storage"]["homeMountPath"]
    assert (one["memory"]["limit"], one["cpu"]["limit"]) == (f"{learner['memory_limit_gb']}G", learner["cpu_limit"])
    assert (one["defaultUrl"], one["startTimeout"]) == (learner["first_page"], begin["seconds_at_most"])
    assert (cull["timeout"], cull["every"]) == (idle["stop_after_seconds"], idle["check_every_seconds"])
    expected = {name: text.format(home=home) for name, text in learner["environment"].items()}
    expected |= {"COURSE_FOLDER": learner["course_folder"], "COURSE_REPOSITORY": ""}
    assert one["extraEnv"] | {"COURSE_REPOSITORY": ""} == expected
    assert one["cmd"][-1].endswith("/deploy/jupyterhub/start_learner.py")
    start_of_page = f"/lab/tree/{learner['course_folder']}/"
    assert learner["first_page"].startswith(start_of_page)
    assert (COURSE / learner["first_page"].removeprefix(start_of_page)).is_file()


def test_the_page_names_files_that_are_there_and_what_preflight_and_a_rehearsal_say() -> None:
    named = set(re.findall(r"deploy/[\w./-]*\w", PAGE))
    assert {name for name in named if not (COURSE / name).exists()} == set()
    gib, cores = preflight.needs(30)
    assert f"A machine for thirty needs {gib:.0f}\n  GiB: {preflight.GIB_BESIDE:.0f} for the system" in PAGE
    assert f"For thirty, {cores} processors are comfortable." in PAGE
    assert classroom.verdict(classroom.Class(30, [], 76, 7.9, {}), 24, 2) in PAGE
    assert f"Thirty learners need 30 x {preflight.GIB_A_LEARNER * 1024:.0f} MB" in PAGE


@pytest.mark.parametrize(
    ("failures", "wait", "used", "gib", "said"),
    [
        ([], 48, 5.3, 24, "Fit for 20 learners: nobody failed, the last server was ready after 48 s, and of 24 GiB of "
         "memory 11 are needed."),
        ([], 150, 5.3, 24, "Fit for 20 learners, slowly: the last server was ready after 150 s; starting them before "
         "class would help, or 3 processors in place of 2."),
        ([], 48, 5.3, 8, "Not fit for 20 learners: 11 GiB of memory would help, where 8 are, or fewer learners."),
        ([], 48, 9.0, 12, "Not fit for 20 learners: 18 GiB of memory would help, where 12 are, or fewer learners."),
        (["ada"], 48, 5.3, 24, "Not fit for 20 learners: 1 failed, as said above; fewer may do."),
    ],
)  # fmt: skip
def test_a_rehearsal_ends_with_a_sentence_on_what_the_machine_is_fit_for(failures, wait, used, gib, said) -> None:
    assert classroom.verdict(classroom.Class(20, failures, wait, used, {}), gib, 2) == said


@pytest.mark.skipif(shutil.which("timeout") is None, reason="the page's lines are for Linux")
def test_the_pages_lines_collect_the_work_of_each_account_whatever_lies_in_its_export_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lines,) = [block for block in re.findall(r"^```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE) if "runuser" in block]
    for told, here in {
        "/var/lib/mlops-exports": f"{tmp_path}/exports",
        "/var/lib/mlops-report": f"{tmp_path}/class_report",
        "/srv/mlops-course": str(COURSE),
        "/home/": f"{tmp_path}/",
        ".venv/bin/python": sys.executable,
    }.items():
        assert told in lines
        lines = lines.replace(told, here)
    (tmp_path / "bin").mkdir()
    for name, does in {"getent": "echo mlops-learners:x:1001:ada,bob,cem", "runuser": 'shift 3; exec "$@"'}.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "secret").write_text("of root's")
    for name, outcome in (("ada", "right"), ("bob", "crashed")):
        monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / name / "my_work"))
        progress.keep_exercise(1, "1.1", outcome)
        progress.export(name)
    (tmp_path / "bob" / "my_work" / "export" / "notes.json").symlink_to(tmp_path / "secret")
    (tmp_path / "cem" / "my_work").mkdir(parents=True)
    (tmp_path / "cem" / "my_work" / "progress.json").write_text("{cut")
    own = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", lines], env=own, capture_output=True, text=True)
    assert (done.returncode, "Learners counted: 3." in done.stdout) == (0, True), done.stderr
    files = {path.name: json.loads(path.read_text()) for path in (tmp_path / "exports").iterdir()}
    assert "cannot be taken over" in done.stderr
    assert files.pop("cem.json")["progress"]["exercises"] == {}
    found = {
        name: (export["learner"]["name"], export["progress"]["exercises"]["1.1"]["outcome"])
        for name, export in files.items()
    }
    assert found == {"ada.json": ("ada", "right"), "bob.json": ("bob", "crashed")}
