"""Before a class: preflight names what is wrong with a machine, and what to do."""

import ast
import sys
import webbrowser
from pathlib import Path
from types import SimpleNamespace

import preflight
import pytest
from preflight import GIB


def raise_(error):
    def does(*_, **__):
        raise error

    return does


NO_BROWSER = {"get": raise_(webbrowser.Error()), "which": lambda _: None}
FAILURES = {
    "an old Python": (lambda: preflight.check_python(version=(3, 8, 10)), "3.8.10 is too old", "Install Python 3.11"),
    "no venv": (lambda: preflight.check_venv(find=lambda _: None), "missing: venv, ensurepip", "python3-venv"),
    "little memory": (lambda: preflight.check_memory(measure=lambda: GIB), "1.0 GB of memory", "larger machine"),
    "little memory for a class": (
        lambda: preflight.check_memory(30, measure=lambda: 4 * GIB),
        "8.5 GB needed",
        "fewer learners",
    ),
    "a full disk": (lambda: preflight.check_disk(usage=lambda _: SimpleNamespace(free=10)), "0.0 GB of disk", "Free"),
    "no port": (lambda: preflight.check_port(make=raise_(OSError("denied"))), "denied", "firewall"),
    "no browser": (lambda: preflight.check_browser(**NO_BROWSER), "no browser", "Firefox"),
    "a folder that is not there": (
        lambda: preflight.check_folder(folder=Path("no", "such", "folder")),
        "cannot be written",
        "Copy the course",
    ),
    "no packages": (
        lambda: preflight.check_packages(environment=Path("none"), run=lambda _: False),
        "cannot be fetched",
        "pip config set",
    ),
    "another folder's package": (
        lambda: preflight.check_packages(environment=Path(sys.prefix), run=lambda _: False),
        "cannot import the course",
        "make clean",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_named_with_what_to_do(failure):
    check, seen, advice = FAILURES[failure]
    found = check()
    assert found.state == "FAIL"
    assert seen in found.seen
    assert advice in found.advice


def test_a_failure_makes_the_exit_status_one_and_a_note_does_not(capsys):
    failed, note = preflight.check_python(version=(3, 10, 0)), preflight.check_processors(30, count=lambda: 2)
    assert preflight.report([failed, note]) == 1
    assert "1 of 2 checks failed" in capsys.readouterr().out
    assert (note.state, preflight.check_browser(20, **NO_BROWSER).state) == ("note", "note")
    assert preflight.report([note]) == 0


@pytest.mark.parametrize(
    ("closed", "mode"),
    [("/home/me", 0o700), ("/home/me/python/bin/python3", 0o750), ("/home/me/python/bin/python3", 0o711)],
)
def test_a_hub_needs_an_interpreter_and_a_course_that_every_account_can_use(closed, mode):
    def program():
        return Path("/home/me/python/bin/python3")

    assert preflight.check_accounts(30, program, lambda _: 0o755).state == "ok"
    found = preflight.check_accounts(30, program, lambda path: mode if path == Path(closed) else 0o755)
    assert found.state == "FAIL"
    assert str(Path(closed)) in found.seen
    assert "make hub PYTHON=/usr/bin/python3" in found.advice


def test_the_index_that_uv_uses_is_the_one_that_is_asked(monkeypatch):
    asked = []
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://mirror.example/simple")
    preflight.check_packages(environment=Path("none"), run=lambda command: asked.append(command) or True)
    assert asked[0][asked[0].index("--index-url") + 1] == "https://mirror.example/simple"


def test_this_environment_imports_the_course_of_this_folder():
    found = preflight.check_packages(environment=Path(sys.prefix))
    assert found.state == "ok", found


def test_the_script_needs_only_the_standard_library():
    tree = ast.parse(Path(preflight.__file__).read_text(encoding="utf-8"), feature_version=(3, 8))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)
