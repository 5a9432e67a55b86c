"""`make mutation`: which changes it tries with which tests, and that it tells a noticed change from one that is not."""

import json
import os
import shutil
import tomllib
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from textwrap import dedent

import mutation
import pytest
from mutation import ROOT, TESTS, by_reason, drawn, files_of_tests, table, tries, try_changes, unnoticed

FORKS = pytest.mark.skipif(os.name != "posix", reason="each change is tried in a fork")
SMALL = """
    def is_high(level):
        return level >= 10

    def doubled(level):
        return level * 2

    def last_below(level):
        tried = 0
        while tried + 1 < level:
            tried += 1
        return tried

    DOUBLED = doubled(4)
"""
TESTS_OF_SMALL = """
    import subprocess, sys
    from small import levels

    def test_a_high_level():
        assert levels.is_high(30)

    def test_what_was_computed_at_the_import():
        assert levels.DOUBLED == 8

    def test_the_last_below():
        assert levels.last_below(3) == 2

    def test_another_process():
        code = "from small import levels; print(levels.is_high(10))"
        assert "True" in subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
"""


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the tool takes for the course."""
    monkeypatch.setattr(mutation, "ROOT", tmp_path)
    monkeypatch.setattr(mutation, "MUTANTS", tmp_path / "mutants")
    monkeypatch.setattr(mutation, "RESULTS", tmp_path / "mutants" / "results.jsonl")
    monkeypatch.setattr(mutation, "PLAN", tmp_path / "mutants" / "plan.json")
    return tmp_path


def fill(course: Path, package: str, only: str, tests: str) -> None:
    """Complete a course of one package and one file of tests."""
    settings = f'source_paths = ["{package}"]\nonly_mutate = ["{only}"]\nalso_copy = ["tools"]\n'
    (course / "pyproject.toml").write_text(f'[tool.mutmut]\n{settings}\n[tool.pytest]\npythonpath = ["tests"]\n')
    (course / "tests").mkdir()
    (course / "tests" / "test_levels.py").write_text(dedent(tests))
    shutil.copytree(ROOT / "tools", course / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    mutation.make_changes()


@pytest.fixture
def small(course: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The changes of a package of three functions, with the hashes of their functions, by name."""
    (course / "small").mkdir()
    (course / "small" / "__init__.py").touch()
    (course / "small" / "levels.py").write_text(dedent(SMALL))
    monkeypatch.setattr(mutation, "PACKAGE", "small")
    monkeypatch.setattr(mutation, "TESTS", {"levels": ("levels",)})
    monkeypatch.setattr(mutation, "LIMITS", {**mutation.LIMITS, "seconds": 5, "times": 2})
    fill(course, "small", "small/levels.py", TESTS_OF_SMALL)
    return mutation.changes("levels")


def changed_to(code: str, module: str = "small.levels") -> str:
    """Find the name of the change after which a line of code stands in a function of a module."""
    lines = (mutation.MUTANTS / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8").splitlines()
    place = next(number for number, line in enumerate(lines) if line.strip() == code)
    before = next(line for line in reversed(lines[:place]) if line.startswith("def "))
    return f"{module}.{before.removeprefix('def ').partition('(')[0]}"


@FORKS
def test_noticed_changes_are_told_from_those_that_no_test_notices(small: dict[str, str], course: Path) -> None:
    by = "tests/test_levels.py::test_"
    expected = {
        changed_to("return level > 10"): ("noticed", f"{by}another_process"),
        changed_to("return level * 3"): ("noticed", "in a new process"),
        changed_to("while tried - 1 < level:"): ("noticed", f"{by}the_last_below"),
        changed_to("tried -= 1"): ("timeout", ""),
        changed_to("tried = 1"): ("not noticed", ""),
        changed_to("tried += 2"): ("not noticed", ""),
    }
    assert set(expected) < set(small)
    assert try_changes("levels", {name: small[name] for name in expected})
    lines = [json.loads(line) for line in mutation.RESULTS.read_text(encoding="utf-8").splitlines()]
    assert {line["change"]: (line["result"], line["by"]) for line in lines} == expected
    found = tries("levels")
    assert {name: one.noticed for name, one in found.items()} == {
        name: by[0] != "not noticed" for name, by in expected.items()
    }
    assert f"| `levels` | {len(small)} | 6 | 4 | 67% | 4 |" in table(["levels"], len(small))
    assert set(unnoticed("levels", len(small))) == {name for name, by in expected.items() if by[0] == "not noticed"}


@FORKS
def test_where_the_tests_fail_without_a_change_nothing_is_counted(
    small: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with (mutation.MUTANTS / "tests" / "test_levels.py").open("a", encoding="utf-8") as tests:
        tests.write("\ndef test_that_fails():\n    assert levels.is_high(1)\n")
    assert not try_changes("levels", small)
    assert "levels could not be tried" in (told := capsys.readouterr().out)
    assert "without any change: tests/test_levels.py::test_that_fails" in told
    assert tries("levels") == {}


@FORKS
def test_a_test_that_fails_without_the_one_before_it_proves_nothing(
    small: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with (mutation.MUTANTS / "tests" / "test_levels.py").open("a", encoding="utf-8") as tests:
        tests.write("\nseen = []\n\ndef test_one():\n    seen.append(1)\n")
        tests.write("\ndef test_other():\n    assert seen or levels.last_below(2) > 1\n    levels.last_below(2)\n")
    name = changed_to("tried = 1")
    assert not try_changes("levels", {name: small[name]})
    assert "alone, without any change: tests/test_levels.py::test_other" in capsys.readouterr().out
    assert tries("levels") == {}


@FORKS
def test_a_change_of_the_service_reaches_the_service_that_a_test_starts(course: Path) -> None:
    shutil.copytree(ROOT / "mlops_lesson", course / "mlops_lesson", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests" / "depot_service.py", course)
    test = """
        from depot_service import fill_home
        from mlops_lesson.deployment import serving

        def test_the_service_answers(tmp_path, monkeypatch):
            monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
            fill_home(tmp_path)
            with serving.serve("champion") as server:
                assert server.health()
    """
    fill(course, "mlops_lesson", "mlops_lesson/deployment/service.py", test)
    shutil.copy(ROOT / "tests" / "depot_service.py", mutation.MUTANTS / "tests")
    breaks_all = changed_to("os.dup2(2, None)", "mlops_lesson.deployment.service")
    changes_nothing = "mlops_lesson.deployment.service.x_no_such_function__mutmut_1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutation, "TESTS", {"service": ("levels",)})
        assert try_changes("service", dict.fromkeys((breaks_all, changes_nothing), "hash"))
    lines = [json.loads(line) for line in mutation.RESULTS.read_text(encoding="utf-8").splitlines()]
    assert {line["change"]: line["result"] for line in lines} == {breaks_all: "noticed", changes_nothing: "not noticed"}


def test_every_module_has_its_tests_and_every_file_of_tests_exists() -> None:
    left_out = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]["do_not_mutate"]
    files = [file.relative_to(ROOT).as_posix() for file in ROOT.glob("mlops_lesson/**/*.py")]
    mutated = [file for file in files if not any(fnmatch(file, pattern) for pattern in left_out)]
    with_functions = [file for file in mutated if "def " in (ROOT / file).read_text(encoding="utf-8")]
    modules = [file.removeprefix("mlops_lesson/").removesuffix(".py").replace("/", ".") for file in with_functions]
    assert sorted(modules) == sorted(TESTS)
    assert left_out == ["mlops_lesson/deployment/pickle_demo.py", "mlops_lesson/teaching/exercises/solutions/*"]
    assert [file for module in TESTS for file in files_of_tests(module) if not (ROOT / file).is_file()] == []


def test_a_draw_stays_when_other_changes_come_or_go() -> None:
    names = [f"mlops_lesson.training.trace.x_function__mutmut_{number}" for number in range(50)]
    some = drawn(names, 12)
    assert len(set(some)) == 12
    assert drawn(reversed(names), 12) == some
    assert drawn(names, 20)[:12] == some
    assert drawn([name for name in names if name != some[0]], 11) == some[1:]
    assert drawn(names[:5], 12) == sorted(names[:5], key=drawn(names, 50).index)


def known(course: Path, module: str, hashes: dict[str, str], names: Iterable[str]) -> None:
    file = course / "mutants" / "mlops_lesson" / f"{module}.py.meta"
    file.parent.mkdir(parents=True, exist_ok=True)
    meta = {"exit_code_by_key": dict.fromkeys(names), "hash_by_function_name": hashes}
    file.write_text(json.dumps(meta), encoding="utf-8")


def told(course: Path, *results: tuple[str, str, str]) -> None:
    keys = ("change", "function", "result")
    lines = [json.dumps(dict(zip(keys, result, strict=True))) for result in results]
    (course / "mutants" / "results.jsonl").write_text("\n".join(lines), encoding="utf-8")


def test_the_score_is_that_of_the_first_try_and_the_last_one_is_told_beside_it(course: Path) -> None:
    names = [f"mlops_lesson.training.trace.x_one__mutmut_{number}" for number in range(1, 5)]
    known(course, "trace", {"x_one": "now"}, names)
    told(
        course,
        (names[0], "now", "noticed"),
        (names[1], "now", "not noticed"),
        (names[2], "now", "timeout"),
        (names[3], "before", "noticed"),
        (names[1], "now", "noticed"),
    )
    lines = table(["trace", "files"], 4).splitlines()
    assert lines[2:4] == ["| `trace` | 4 | 3 | 2 | 67% | 3 |", "| **together** | 4 | 3 | 2 | 67% | 3 |"]
    assert lines[-1] == "The 95 % interval of the score together is 20.8% to 93.9%."
    assert list(unnoticed("trace", 4)) == []


def test_only_changes_drawn_are_counted(course: Path) -> None:
    names = [f"mlops_lesson.training.trace.x_one__mutmut_{number}" for number in range(1, 9)]
    known(course, "trace", {"x_one": "now"}, names)
    told(course, *((name, "now", "not noticed") for name in names))
    assert "| `trace` | 8 | 3 | 0 | 0% | 0 |" in table(["trace"], 3)
    assert set(unnoticed("trace", 3)) == set(drawn(names, 3))


def test_changes_that_were_read_are_counted_by_their_reason_and_not_tried_again(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"mlops_lesson.training.trace.x_one__mutmut_{number}" for number in range(1, 6)]
    known(course, "trace", {"x_one": "now"}, names)
    told(course, *((name, "now", "not noticed") for name in names[:4]), (names[4], "now", "noticed"))
    monkeypatch.setattr(mutation, "REASONS", course / "unnoticed.toml")
    lists = '"the same" = ["trace.x_one__mutmut_1", "trace.x_one__mutmut_2", "trace.x_one__mutmut_5"]\n"drawing" = []\n'
    mutation.REASONS.write_text(lists, encoding="utf-8")
    assert by_reason(["trace"], 5).splitlines()[2:] == ["| the same | 2 |", "| not tried again yet, or no reason | 2 |"]
    tried: dict[str, str] = {}
    monkeypatch.setattr(mutation, "PAGE", course / "page.md")
    parts = ("mutation", "unnoticed changes")
    mutation.PAGE.write_text(
        "".join(f"<!-- begin generated: {part} --><!-- end generated: {part} -->" for part in parts)
    )
    monkeypatch.setattr(mutation, "make_changes", lambda: None)
    monkeypatch.setattr(mutation, "try_changes", lambda module, wanted: tried.update(wanted) or True)
    monkeypatch.setattr("sys.argv", ["mutation.py", "trace", "--again", "--sample", "5"])
    assert mutation.main() == 0
    assert tried == dict.fromkeys(names[2:4], "now")
    assert "| the same | 2 |" in mutation.PAGE.read_text(encoding="utf-8")


def test_every_change_with_a_reason_is_of_a_module_and_has_one_reason() -> None:
    names = [name for reason in tomllib.loads(mutation.REASONS.read_text(encoding="utf-8")).values() for name in reason]
    assert len(names) == len(set(names))
    assert {name.rpartition(".")[0] for name in names} <= set(TESTS)
