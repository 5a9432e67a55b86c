"""The two commands, `make lab` and `make test`, played through with a stand-in for Python that notes its calls."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import install
import pytest

ROOT = Path(__file__).resolve().parent.parent
STAND_IN = """\
#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
case "$*" in
  "-m venv "*) mkdir -p "$3/bin"; : > "$3/pyvenv.cfg"; cp "$0" "$3/bin/python" ;;
  *"$FAILS"*) exit 1 ;;
esac
"""
NPM = '#!/bin/sh\nprintf "npm %s\\n" "$*" >> "$CALLS"\nmkdir -p .hub/node_modules/.bin\n'
BARE_MACHINE = ("bash", "dirname", "make", "sh", "mkdir", "cp", "touch", "rm", "env", "chmod")


class Course:
    """A copy of the course's set-up in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a course's # folder"
        self.python = folder / "python"
        self.calls = folder / "calls"
        for name in ("Makefile", ".ci/run"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            # Without the right to run it, as after a download as ZIP.
            (self.folder / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
        self.program(self.python, STAND_IN)
        self.program(folder / "programs" / "npm", NPM)
        self.path = f"{folder / 'programs'}{os.pathsep}{os.environ['PATH']}"

    def program(self, path: Path, text: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def run(self, *command: str, fails: str = "never", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy; afterwards `asked` tells what Python was asked to do meanwhile."""
        self.calls.write_text("", encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        environment = {**kept, "CALLS": str(self.calls), "FAILS": fails, "PATH": self.path, **environment}
        return subprocess.run(
            command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )

    def make(self, *arguments: str, fails: str = "never") -> subprocess.CompletedProcess[str]:
        return self.run("make", f"PYTHON={self.python}", *arguments, fails=fails)

    @property
    def asked(self) -> list[str]:
        return [call for call in self.calls.read_text(encoding="utf-8").splitlines() if call.strip() != "-c"]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path)


def test_make_lab_sets_up_once_and_opens_the_first_notebook_or_nothing_if_it_fails(course: Course) -> None:
    done = course.make("lab")
    assert (done.returncode, done.stderr) == (0, "")
    assert course.asked[1:-1] == ["-m venv .venv", "tools/install.py lab"]
    assert "--LabApp.default_url=/lab/tree/notebooks/01_data_collection.ipynb" in course.asked[-1]
    assert "--ServerApp.use_redirect_file=False" in course.asked[-1]
    course.make("lab")
    assert [call.split(" --")[0] for call in course.asked] == ["tools/install.py lab", "-m jupyterlab"]
    assert course.make("lab", fails="install.py").returncode != 0
    assert "install.py" in course.asked[-1]


def test_an_old_python_is_told_what_to_do(course: Course) -> None:
    refused = course.make("lab", fails="version_info")
    assert refused.returncode != 0
    assert "needs Python 3.11 or newer" in refused.stderr
    assert "make lab PYTHON=" in refused.stderr
    assert not (course.folder / ".venv").exists()


@pytest.mark.parametrize("left", ["nothing but its first file", "a link to a Python that is gone"])
def test_an_environment_that_does_not_work_is_noticed_and_the_way_out_named(course: Course, left: str) -> None:
    (course.folder / ".venv/bin").mkdir(parents=True)
    (course.folder / ".venv/pyvenv.cfg").write_text("")
    if left.startswith("a link"):
        (course.folder / ".venv/bin/python").symlink_to(course.folder / "gone")
    refused = course.make("lab")
    assert refused.returncode != 0
    assert "'make clean' removes it" in refused.stderr
    assert course.make("clean").returncode == 0
    assert course.make("lab").returncode == 0


def test_usual_settings_of_python_do_not_reach_what_make_runs(course: Course) -> None:
    course.program(course.python, STAND_IN.replace('"$*" >>', '"$PYTHONSAFEPATH$PYTHONOPTIMIZE" >>'))
    course.run("make", f"PYTHON={course.python}", "lab", PYTHONSAFEPATH="1", PYTHONOPTIMIZE="2")
    assert {*course.asked} == {""}


def test_make_test_runs_linter_formatter_and_tests_and_fails_when_they_fail(course: Course) -> None:
    assert course.make("test").returncode == 0
    checks = [call for call in course.asked if call.startswith(("-m ruff", "-m pytest"))]
    assert {"-m ruff check .", "-m ruff format --check ."} <= {*checks[:-1]}
    assert checks[-1].startswith("-m pytest ")
    assert course.make("test", fails="-m pytest").returncode != 0
    assert course.make("quick").returncode == 0
    files = [word for word in course.asked[-1].split() if word.startswith("tests/")]
    assert [file for file in files if not (ROOT / file).is_file()] == []


@pytest.fixture
def bare_path(course: Course) -> str:
    """A path with little more than make on it, and an `apt-get` that notes its calls."""
    tools = course.folder.parent / "bin"
    tools.mkdir()
    for name in BARE_MACHINE:
        (tools / name).symlink_to(shutil.which(name) or name)
    course.program(tools / "id", "#!/bin/sh\necho 0\n")
    course.program(tools / "apt-get", '#!/bin/sh\necho "apt-get $*" >> "$CALLS"\n')
    return str(tools)


def test_the_build_machine_gets_what_is_missing_and_lets_no_test_be_skipped(course: Course, bare_path: str) -> None:
    bare = {"PATH": bare_path, "PYTHON": str(course.python), "CHROMIUM": ""}
    assert course.run("bash", ".ci/run", **bare).returncode == 0
    assert course.asked[0].startswith("apt-get update")
    assert {"chromium", "git"} <= set(course.asked[1].split())
    assert course.asked[-1].startswith("-m pytest")
    assert course.asked[-1].endswith("--no-skips")
    assert course.run("bash", ".ci/run", "nightly", **bare).returncode == 0
    assert {"nodejs", "npm"} <= set(course.asked[1].split())
    assert "-m nightly" in course.asked[-1]
    assert course.run("bash", ".ci/run", fails="-m pytest", **bare).returncode != 0


def test_a_hub_can_be_read_by_every_account_whatever_the_umask(course: Course) -> None:
    command = f"umask 077; make 'PYTHON={course.python}' hub"
    assert course.run("bash", "-c", command).returncode == 0
    assert (course.folder / ".venv/bin/python").stat().st_mode & 0o777 == 0o755
    assert (course.folder / ".hub/node_modules").stat().st_mode & 0o777 == 0o755


def test_a_machine_without_npm_is_told_what_a_hub_needs(course: Course, bare_path: str) -> None:
    refused = course.run("make", f"PYTHON={course.python}", "classroom", PATH=bare_path)
    assert refused.returncode != 0
    assert "apt install nodejs npm" in refused.stderr


class Installs:
    """The environment of a course, and what is asked of pip and uv."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.calls: list[tuple[list[str], dict[str, str]]] = []
        self.place: Path | None = None
        self.config = ""
        self.fails = "never"
        for name in ("pyproject.toml", "requirements.lock", "tools/jupyterlab_settings.json"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        self.patch = monkeypatch
        self.is_in(folder)
        monkeypatch.setattr(install.subprocess, "run", self.note)
        monkeypatch.setattr(sys, "argv", ["install.py", "lab"])

    def is_in(self, folder: Path) -> None:
        for name, value in {
            "ROOT": folder,
            "LOCK": folder / "requirements.lock",
            "SETTINGS": folder / "tools/jupyterlab_settings.json",
            "ENVIRONMENT": folder / ".venv",
        }.items():
            self.patch.setattr(install, name, value)

    def note(
        self, command: list[str], env: dict[str, str] | None = None, cwd: Path | None = None, **_: object
    ) -> SimpleNamespace:
        self.calls.append((command, env or {}))
        self.place = cwd or self.place
        if self.fails in command:
            raise subprocess.CalledProcessError(1, command)
        return SimpleNamespace(returncode=0, stdout=self.config)

    def run(self) -> int:
        self.calls.clear()
        return install.main()

    def call(self, *words: str) -> tuple[list[str], dict[str, str]]:
        (found,) = [call for call in self.calls if call[0][2 : 2 + len(words)] == [*words]]
        return found


@pytest.fixture
def installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installs:
    return Installs(tmp_path / "course", monkeypatch)


def test_the_set_up_says_its_size_installs_locked_versions_and_is_done_once(
    installs: Installs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert installs.run() == 0
    assert "MB" in capsys.readouterr().out
    for words in (("pip", "install"), ("uv", "pip", "install")):
        command, _ = installs.call(*words)
        assert command[command.index("--constraint") + 1].endswith("requirements.lock")
    settings = installs.folder / ".venv/share/jupyter/lab/settings/overrides.json"
    assert '"fetchNews": "false"' in settings.read_text(encoding="utf-8")
    assert installs.run() == 0
    assert installs.calls == []


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_change_of_versions_installs_anew(installs: Installs, changed: str) -> None:
    installs.run()
    with (installs.folder / changed).open("a") as file:
        file.write("\n")
    installs.run()
    assert "--reinstall" not in installs.call("uv", "pip", "install")[0]


def test_an_interrupted_install_is_named_and_taken_up_again(
    installs: Installs, capsys: pytest.CaptureFixture[str]
) -> None:
    installs.fails = "uv"
    assert installs.run() == 1
    assert "make preflight" in capsys.readouterr().out
    installs.fails = "never"
    assert installs.run() == 0
    assert installs.call("uv", "pip", "install")


def test_a_folder_that_was_moved_or_copied_is_set_up_anew(installs: Installs) -> None:
    installs.run()
    shutil.copytree(installs.folder, installs.folder.parent / "copy")
    installs.is_in(installs.folder.parent / "copy")
    installs.run()
    command, _ = installs.call("uv", "pip", "install")
    assert "--reinstall" in command
    assert (command[-1], installs.place) == (".[lab]", installs.folder.parent / "copy")
    assert installs.call("venv")
    installs.run()
    assert installs.calls == []


def test_uv_is_told_what_pip_is_told() -> None:
    """A variable overrules a file, and several values in a file stand on a line each, as pip lists them."""
    config = ":env:.index-url='https://mirror'\nglobal.index-url='https://overruled'\nglobal.cert='/etc/ca.crt'\n"
    config += "global.extra-index-url='\\nfile:///one\\nfile:///other'\nglobal.find-links='/wheels /more'\n"
    config += "install.trusted-host='mirror'\ninstall.user='true'\ndownload.index-url='https://other'\n"
    given = install.surroundings({"PIP_TARGET": "/x", "UV_CONSTRAINT": "/x", "PIP_CACHE_DIR": "/c"}, config)
    assert given == install.OVERRULED | {
        "PIP_CACHE_DIR": "/c",
        "UV_DEFAULT_INDEX": "https://mirror",
        "UV_INDEX": "file:///one file:///other",
        # pip takes the best of what all its indexes have.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_INSECURE_HOST": "mirror",
        "SSL_CERT_FILE": "/etc/ca.crt",
    }
    assert install.surroundings({}, "") == install.OVERRULED
    assert install.surroundings({"UV_DEFAULT_INDEX": "https://uvs"}, config)["UV_DEFAULT_INDEX"] == "https://uvs"


def test_settings_that_stop_an_install_are_left_out_of_it(installs: Installs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("UV_REQUIRE_HASHES", "1")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    installs.config = "global.no-index='true'\nglobal.index-url='https://mirror'\n"
    installs.run()
    _, of_pip = installs.call("pip", "install")
    command, of_uv = installs.call("uv", "pip", "install")
    for given in (of_pip, of_uv):
        assert (given["PIP_USER"], given["UV_REQUIRE_HASHES"], "PYTHONSAFEPATH" in given) == ("0", "0", False)
    assert "ALL_PROXY" not in of_pip
    assert "ALL_PROXY" in of_uv
    assert (of_uv["UV_DEFAULT_INDEX"], "--no-index" in command) == ("https://mirror", True)


def test_where_nothing_may_be_skipped_a_test_that_a_worker_skips_is_a_failure(tmp_path: Path) -> None:
    shutil.copy(ROOT / "conftest.py", tmp_path)
    text = "import pytest\n\ndef test_it():\n    assert 1 + 1 == 2\n\ndef test_other():\n    pytest.skip()\n"
    (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-rs", "--no-skips", "-p", "xdist", "-n", "1"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, "SKIPPED" in done.stdout) == (1, True), done.stdout


def test_a_newer_edition_can_be_taken_after_notebooks_were_run(tmp_path: Path) -> None:
    """The page's line keeps both sides."""
    page = (ROOT / "docs" / "anywhere.md").read_text("utf-8")
    (line,) = [line for line in page.splitlines() if line.endswith("git pull")]

    def git(folder: Path, *words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True)

    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    (theirs / "notebooks").mkdir(parents=True)
    (theirs / "notebooks/01.ipynb").write_text("first edition")
    (theirs / ".gitignore").write_text("my_work/\n")
    git(theirs, "init", "-q")
    git(theirs, "add", "-A")
    git(theirs, "commit", "-qm", "one")
    git(tmp_path, "clone", "-q", str(theirs), "ours")
    (ours / "notebooks/01.ipynb").write_text("my answers")
    (theirs / "notebooks/01.ipynb").write_text("second edition")
    git(theirs, "commit", "-qam", "two")
    subprocess.run(["sh", "-ec", line], cwd=ours, check=True)
    assert (ours / "notebooks/01.ipynb").read_text() == "second edition"
    assert (ours / "my_work/my_notebooks/01.ipynb").read_text() == "my answers"
