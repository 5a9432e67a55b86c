"""Before a class: preflight names what is wrong with a machine, and what to do."""

import ast
import socket
import subprocess
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


FAILURES = {
    "an old Python": (lambda: preflight.check_python(version=(3, 8, 10)), "3.8.10 is too old", "Install Python 3.11"),
    "no ensurepip": (
        lambda: preflight.check_venv(find=lambda name: None if name == "ensurepip" else name),
        "missing: ensurepip",
        "python3-venv",
    ),
    "little memory": (lambda: preflight.check_memory(measure=lambda: GIB), "1.0 GB of memory", "larger machine"),
    "little memory for a class": (
        lambda: preflight.check_memory(30, measure=lambda: 4 * GIB),
        "8.5 GB needed",
        "fewer learners",
    ),
    "a full disk": (lambda: preflight.check_disk(usage=lambda _: SimpleNamespace(free=10)), "0.0 GB of disk", "Free"),
    "no port": (lambda: preflight.check_port(make=raise_(OSError("denied"))), "denied", "firewall"),
    "no browser": (
        lambda: preflight.check_browser(get=raise_(webbrowser.Error()), which=lambda _: None),
        "no browser",
        "Firefox",
    ),
    "a folder that is not there": (
        lambda: preflight.check_folder(folder=Path("no", "such", "folder")),
        "cannot be written",
        "Copy the course",
    ),
    "no packages": (lambda: preflight.check_packages(ready=False, ask=lambda: False), "cannot fetch", "make lab"),
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
    assert note.state == "note"
    assert preflight.report([note]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_hub_needs_no_browser_of_its_own():
    found = preflight.check_browser(20, get=raise_(webbrowser.Error()), which=lambda _: None)
    assert found.state == "note"


@pytest.mark.parametrize(
    ("closed", "mode"),
    [("/home/me", 0o700), ("/home/me/python/bin/python3", 0o750), ("/home/me/python/bin/python3", 0o711)],
)
def test_a_hub_needs_an_interpreter_that_every_account_can_run(closed, mode):
    def program():
        return Path("/home/me/python/bin/python3")

    assert preflight.check_accounts(30, program, lambda _: 0o755).state == "ok"
    found = preflight.check_accounts(30, program, lambda path: mode if path == Path(closed) else 0o755)
    assert found.state == "FAIL"
    assert f"{Path(closed)} is closed" in found.seen
    assert "make hub PYTHON=/usr/bin/python3" in found.advice


def test_the_interpreter_is_looked_at_where_it_really_lies():
    found = preflight.interpreter()
    assert found.is_file()
    assert not found.is_symlink()


def test_only_a_hubs_machine_is_asked_for_other_accounts(monkeypatch, capsys):
    monkeypatch.setattr(preflight, "CHECKS", ())
    monkeypatch.setattr(preflight, "HUB_CHECKS", (preflight.check_python,))
    for options, lines in (([], 1), (["--learners", "30"], 2)):
        monkeypatch.setattr(sys, "argv", ["preflight.py", *options])
        assert preflight.main() == 0
        assert len(capsys.readouterr().out.splitlines()) == lines


def test_a_system_that_hides_its_memory_is_no_failure():
    assert preflight.check_memory(measure=lambda: None).state == "note"


def test_an_environment_that_is_there_needs_no_network():
    assert preflight.check_packages(ready=True, ask=raise_(AssertionError("asked"))).state == "ok"
    assert preflight.check_packages(ready=False, ask=lambda: True).state == "ok"


def test_a_port_that_can_be_used_is_found():
    assert preflight.check_port(make=socket.socket).state == "ok"


def test_this_machine_passes_and_the_script_needs_only_the_standard_library():
    script = Path(preflight.__file__)
    names = {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"), feature_version=(3, 8)))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in (node.names if isinstance(node, ast.Import) else [ast.alias(node.module)])
    }
    assert names <= set(sys.stdlib_module_names)
    tried = [check() for check in preflight.CHECKS if check not in (preflight.check_browser, preflight.check_packages)]
    assert [found for found in tried if found.state == "FAIL"] == []


def test_a_negative_class_is_refused():
    done = subprocess.run(
        [sys.executable, preflight.__file__, "--learners", "-3"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "--learners is -3" in done.stderr
