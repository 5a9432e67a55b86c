"""The two commands, `make lab` and `make test`, played through with a stand-in for Python that notes its calls."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

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
NPM = """\
#!/bin/sh
printf 'npm %s\\n' "$*" >> "$CALLS"
mkdir -p .hub/node_modules/.bin && : > .hub/node_modules/.bin/configurable-http-proxy
"""
OPENED = "-m jupyterlab --ServerApp.root_dir=. notebooks/01_data_collection.ipynb"
BARE_MACHINE = ("bash", "dirname", "make", "sh", "mkdir", "cp", "touch", "rm", "env")
FRESHLY_READ = ("Makefile", "pyproject.toml", "requirements.lock", "tools/jupyterlab_settings.json", ".ci/run")


class Course:
    """A copy of the course's set-up in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a course"
        self.python = folder / "python"
        self.calls = folder / "calls"
        for name in FRESHLY_READ:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.folder / name)
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
        return self.calls.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path)


def installs(asked: list[str]) -> list[str]:
    return [call for call in asked if "pip install" in call]


def test_make_lab_sets_up_and_opens_the_first_notebook(course: Course) -> None:
    assert course.make("lab").returncode == 0
    assert "-m venv .venv" in course.asked
    assert course.asked[-1] == OPENED


def test_make_has_nothing_to_complain_about(course: Course) -> None:
    assert course.make("lab").stderr == ""


def test_a_second_make_lab_only_opens_the_notebook(course: Course) -> None:
    course.make("lab")
    course.make("lab")
    assert course.asked == [OPENED]


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_change_of_versions_installs_anew(course: Course, changed: str) -> None:
    course.make("lab")
    later = (course.folder / ".venv/.lab-ready").stat().st_mtime + 5
    os.utime(course.folder / changed, (later, later))
    course.make("lab")
    assert len(installs(course.asked)) == 2


def test_everything_is_installed_at_the_locked_versions(course: Course) -> None:
    course.make("test")
    assert installs(course.asked)
    assert [call for call in installs(course.asked) if "--constraint requirements.lock" not in call] == []


def test_an_interrupted_install_is_taken_up_again(course: Course) -> None:
    assert course.make("lab", fails="uv pip install").returncode != 0
    course.make("lab")
    assert any(".[lab]" in call for call in installs(course.asked))


def test_make_lab_answers_jupyterlabs_question_about_news(course: Course) -> None:
    course.make("lab")
    settings = course.folder / ".venv/share/jupyter/lab/settings/overrides.json"
    assert '"fetchNews": "false"' in settings.read_text(encoding="utf-8")


def test_make_site_gets_its_own_packages_and_takes_no_warning(course: Course) -> None:
    assert course.make("site").returncode == 0
    assert any(".[site]" in call for call in installs(course.asked))
    assert course.asked[-1].startswith("-m sphinx -q -W ")
    assert course.asked[-1].endswith(" -b html . build/site")


def test_make_links_tries_the_links_of_the_pages_of_the_site(course: Course) -> None:
    course.make("site")
    site = course.asked[-1]
    course.make("links")
    assert course.asked[-1] == site.replace("html", "linkcheck").replace("build/site", "build/links")


def test_an_old_python_is_told_what_to_do(course: Course) -> None:
    refused = course.make("lab", fails="version_info")
    assert refused.returncode != 0
    assert "needs Python 3.11 or newer" in refused.stderr
    assert "make lab PYTHON=" in refused.stderr
    assert not (course.folder / ".venv").exists()


def test_make_test_runs_linter_formatter_and_tests(course: Course) -> None:
    assert course.make("test").returncode == 0
    checks = [call for call in course.asked if call.startswith(("-m ruff", "-m pytest"))]
    assert checks[0] == "-m ruff check ."
    assert checks[1] == "-m ruff format --check ."
    assert checks[2].startswith("-m pytest ")


def test_make_test_fails_when_the_tests_fail(course: Course) -> None:
    assert course.make("test", fails="-m pytest").returncode != 0


def test_the_build_machine_runs_make_test_and_lets_no_test_be_skipped(course: Course) -> None:
    done = course.run(".ci/run", PYTHON=str(course.python), CHROMIUM="/bin/true")
    assert done.returncode == 0
    assert course.asked[-1].endswith("--no-skips")


def test_the_build_machine_reports_a_failure(course: Course) -> None:
    assert course.run(".ci/run", PYTHON=str(course.python), CHROMIUM="/bin/true", fails="-m pytest").returncode != 0


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


def test_the_build_machine_gets_the_programs_that_are_missing(course: Course, bare_path: str) -> None:
    kept = {"PATH": bare_path, "PYTHON": str(course.python), "CHROMIUM": ""}
    assert course.run(str(course.folder / ".ci/run"), **kept).returncode == 0
    assert course.asked[0].startswith("apt-get update")
    assert course.asked[1].startswith("apt-get install")
    assert {"chromium", "nodejs", "npm", "git"} <= set(course.asked[1].split())


def test_the_build_machine_leaves_an_npm_that_is_there_alone(course: Course, bare_path: str) -> None:
    course.program(Path(bare_path) / "npm", NPM)
    kept = {"PATH": bare_path, "PYTHON": str(course.python), "CHROMIUM": ""}
    assert course.run(str(course.folder / ".ci/run"), **kept).returncode == 0
    assert not {"nodejs", "npm"} & set(course.asked[1].split())


def test_make_classroom_installs_what_it_needs_and_rehearses(course: Course) -> None:
    assert course.make("classroom", "LEARNERS=3").returncode == 0
    assert any(".[hub,lab]" in call for call in installs(course.asked))
    assert any(call.startswith("npm install") for call in course.asked)
    assert course.asked[-1] == "tools/classroom.py --learners 3"


def test_a_machine_without_npm_is_told_what_a_hub_needs(course: Course, bare_path: str) -> None:
    refused = course.run("make", f"PYTHON={course.python}", "classroom", PATH=bare_path)
    assert refused.returncode != 0
    assert "apt install nodejs npm" in refused.stderr


@pytest.mark.parametrize("options", [(), ("-p", "xdist", "-n", "1")], ids=["alone", "by a worker"])
@pytest.mark.parametrize("place", ["in a test", "of a file"])
def test_where_nothing_may_be_skipped_a_skipped_test_is_a_failure(tmp_path: Path, options: tuple, place: str) -> None:
    shutil.copy(ROOT / "conftest.py", tmp_path)
    skip = "    pytest.skip()" if place == "in a test" else "    pass\n\npytest.skip(allow_module_level=True)"
    (tmp_path / "test_it.py").write_text(f"import pytest\n\ndef test_click():\n{skip}\n", encoding="utf-8")
    (tmp_path / "test_other.py").write_text("def test_other():\n    assert 1 + 1 == 2\n", encoding="utf-8")
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for no_skips, status in (("--no-skips", 1), ("-q", 0)):
        command = [sys.executable, "-m", "pytest", "-rs", no_skips, *options]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == status, done.stdout
        assert "SKIPPED" in done.stdout
