"""`make damage`: what it damages, and that it tells a damage that is noticed from one that is not."""

import json
from pathlib import Path

import damage_notebooks
import nbformat
import pytest
from damage_notebooks import Results, first_failure, hunt, noticed_by, table
from damages import KINDS, ROOT, Damage, all_damages, text_of
from notebook_checks import Lesson, problems

IN_PROCESS = (
    "other minutes in prose",
    "a broken link inside the course",
    "a heading that links lead to renamed",
    "a removed alternative text",
    "a stripped execution count",
    "a silenced warning",
)
CHEAP = ("tests/test_figures.py",)


@pytest.fixture(scope="module")
def damages() -> list[Damage]:
    return all_damages()


def test_there_are_a_hundred_different_damages_of_many_kinds(damages: list[Damage]) -> None:
    assert len({damage.name for damage in damages}) == len(damages) >= 100
    assert {damage.kind for damage in damages} == set(KINDS)
    assert len(KINDS) >= 10


def test_every_damage_changes_the_files_it_names_and_names_tests_that_exist(damages: list[Damage]) -> None:
    for damage in damages:
        assert damage.files, damage.name
        assert all(text != text_of(file) for file, text in damage.files.items()), damage.name
        assert all((ROOT / test).exists() for tests in damage.tests for test in tests), damage.name


def complaints(damage: Damage) -> list[str]:
    ((file, text),) = damage.files.items()
    return problems(Lesson(ROOT / file, nbformat.reads(text, as_version=4)))


@pytest.mark.parametrize("kind", IN_PROCESS)
def test_the_checks_of_stored_notebooks_notice(damages: list[Damage], kind: str) -> None:
    of_notebooks = [damage for damage in damages if damage.kind == kind and "notebooks/" in next(iter(damage.files))]
    assert of_notebooks
    assert [damage.name for damage in of_notebooks if not complaints(damage)] == []


def spoiled(name: str, file: str, old: str, new: str) -> Damage:
    assert old in text_of(file)
    return Damage("a spoiled figure", name, {file: text_of(file).replace(old, new)}, (CHEAP,))


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    monkeypatch.setattr(damage_notebooks, "RESULTS", tmp_path / "damage.json")
    return Results.read()


@pytest.fixture
def small_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy only what the cheap test needs."""
    wanted = {"conftest.py", "pyproject.toml", "tests", "tools", "mlops_lesson", *CHEAP}
    usual = damage_notebooks.LEFT_OUT
    monkeypatch.setattr(
        damage_notebooks,
        "LEFT_OUT",
        lambda folder, names: {*usual(folder, names), *(set(names) - wanted if Path(folder) == ROOT else ())},
    )


def test_what_a_test_notices_and_what_none_notices_are_told_apart_and_kept(
    results: Results, small_copies: None
) -> None:
    figures = "mlops_lesson/show/figures.py"
    noticed = spoiled("no words", figures, 'alt="{escape(self.alt)}"', 'alt=""')
    missed = spoiled("another comment", figures, "so that everyone can read it", "so that anyone can read it")
    assert hunt([noticed, missed], results, processes=1) == ""
    assert results.noticed == {noticed.name: CHEAP[0], missed.name: ""}
    assert "| a spoiled figure | 2 | 1 | `tests/test_figures.py` (1) |" in table([noticed, missed], results.noticed)
    assert f"- not noticed: {missed.name}" in table([noticed, missed], results.noticed)
    again = Results.read()
    assert again.clean == list(CHEAP)
    assert again.noticed == {noticed.name: CHEAP[0]}


def test_results_of_another_version_of_the_course_count_for_nothing(results: Results) -> None:
    results.noticed["a damage"] = "tests/test_figures.py"
    results.write()
    assert Results.read().noticed
    damage_notebooks.RESULTS.write_text(json.dumps({"version": "older", "clean": [], "noticed": results.noticed}))
    assert Results.read().noticed == {}


def test_a_copy_is_repaired_after_the_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = "mlops_lesson/show/figures.py"
    (tmp_path / file).parent.mkdir()
    damage = spoiled("no words", file, 'alt="{escape(self.alt)}"', 'alt=""')
    seen = []
    monkeypatch.setattr(
        damage_notebooks, "first_failure", lambda course, tests: seen.append((course / file).read_text("utf-8")) or "x"
    )
    assert noticed_by(tmp_path, damage) == "x"
    assert seen == [damage.files[file]]
    assert (tmp_path / file).read_text("utf-8") == text_of(file)


def test_tests_that_cannot_be_run_are_no_proof(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="could not be run"):
        first_failure(tmp_path, ["tests/test_nothing.py"])
