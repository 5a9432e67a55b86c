"""Before a class: preflight names what is wrong with a machine, and what to do."""

import ast
import os
import shutil
import socket
import sys
import webbrowser
from pathlib import Path
from types import SimpleNamespace

import install
import preflight
import pytest


def raise_(error):
    def does(*_, **__):
        raise error

    return does


NOWHERE = Path("no", "such", "folder")


@pytest.mark.parametrize(
    ("check", "seen", "advice"),
    [
        (lambda: preflight.check_python((3, 8, 10)), "3.8.10 is too old", "Install Python 3.11"),
        (lambda: preflight.check_venv(lambda _: None), "missing: venv, ensurepip", "python3-venv"),
        (lambda: preflight.check_memory(0), "1.0 GiB of memory, 2.0 GiB needed", "larger machine"),
        (lambda: preflight.check_memory(30), "16.0 GiB needed", "fewer learners"),
        (lambda: preflight.check_disk(0), "0.0 GB of disk", "Free"),
        (preflight.check_port, "denied", "firewall"),
        (lambda: preflight.check_browser(0), "no browser", "Firefox"),
        (lambda: preflight.check_folder(NOWHERE), "cannot be written", "Copy the course"),
        (lambda: preflight.check_packages(NOWHERE, lambda _: False), "cannot be fetched", "pip config set"),
        (lambda: preflight.check_packages(Path(sys.prefix), lambda _: False), "cannot import the course", "make clean"),
    ],
)
def test_a_failure_is_named_with_what_to_do(monkeypatch, check, seen, advice):
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 1, "SC_PHYS_PAGES": preflight.GIB}.get, raising=False)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(webbrowser, "get", raise_(webbrowser.Error()))
    monkeypatch.setattr(socket, "socket", raise_(OSError("denied")))
    found = check()
    assert (found.state, seen in found.seen, advice in found.advice) == ("FAIL", True, True), found


def test_a_failure_makes_the_exit_status_one_and_a_note_does_not(monkeypatch, capsys):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    failed, note = preflight.check_python((3, 10, 0)), preflight.check_processors(30)
    assert (note.state, note.seen) == ("note", "2 processors, 4 advised")
    assert (preflight.report([failed, note]), preflight.report([note])) == (1, 0)
    assert "1 of 2 checks failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("closed", "mode"),
    [("/home/me", 0o700), ("/home/me/python/bin/python3", 0o750), ("/home/me/python/bin/python3", 0o711)],
)
def test_a_hub_needs_an_interpreter_and_a_course_that_every_account_can_use(closed, mode):
    program = Path("/home/me/python/bin/python3")
    assert preflight.check_accounts(program, lambda _: 0o755).state == "ok"
    found = preflight.check_accounts(program, lambda path: mode if path == Path(closed) else 0o755)
    assert (found.state, str(Path(closed)) in found.seen) == ("FAIL", True)
    assert "make hub PYTHON=/usr/bin/python3" in found.advice


def test_the_index_that_uv_uses_is_the_one_that_is_asked(monkeypatch):
    asked = []
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://mirror.example/simple")
    preflight.check_packages(NOWHERE, lambda command: asked.append(command) or True)
    assert asked[-1][asked[-1].index("--index-url") + 1] == "https://mirror.example/simple"


def test_this_environment_imports_the_course_of_this_folder():
    found = preflight.check_packages(Path(sys.prefix))
    assert found.state == "ok", found


def test_an_environment_that_stayed_behind_is_noticed_beside_the_package(tmp_path, monkeypatch):
    """A folder that was moved holds the package, and its environment imports that of the old place, or none."""
    (tmp_path / "mlops_lesson").mkdir()
    (tmp_path / "mlops_lesson/__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preflight, "ROOT", tmp_path)
    assert preflight.check_packages(environment=Path(sys.prefix)).state == "FAIL"


def test_packages_are_asked_for_with_the_settings_of_the_set_up(monkeypatch):
    monkeypatch.setenv("PIP_REQUIRE_HASHES", "1")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    code = "import os; assert os.environ['PIP_REQUIRE_HASHES'] == '0'; assert 'ALL_PROXY' not in os.environ"
    assert preflight.succeeds([sys.executable, "-c", code])


@pytest.mark.parametrize("module", [preflight, install])
def test_the_script_needs_only_the_standard_library_and_an_old_python(module):
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"), feature_version=(3, 8))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.split(".")[0] for name in names} <= {*sys.stdlib_module_names, "install"}
