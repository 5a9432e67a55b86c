"""Each benchmark runs on a small size and yields figures, which nobody compares, and the page has its rows."""

import math
import sys
from pathlib import Path

import growth
import measures
import nbformat
import pytest
import rows
import run
from nbformat.v4 import new_code_cell, new_notebook
from rows import Row

from mlops_lesson.stages import STAGES


def assert_told_on_the_page(name, figures):
    assert figures
    assert all(math.isfinite(row.value) and row.unit is not None for row in figures)
    assert rows.written(name) == [row.what for row in figures], f"measure it anew: make bench ONLY={name}"


@pytest.mark.parametrize("name", ["import", "size", "libraries"])
def test_a_benchmark_yields_the_rows_of_the_page(name):
    assert_told_on_the_page(name, run.BENCHMARKS[name](1))


def test_the_service_is_measured_against_the_bare_prediction():
    figures = measures.service(1, requests=8)
    assert_told_on_the_page("service", figures)
    assert {row.beside for row in figures if row.what.startswith("service, ")} == {
        f"bare prediction: {figure}" for figure in ("p50", "p99", "answers")
    }


def test_notebooks_are_run_one_by_one_and_two_at_a_time(tmp_path):
    for name in ("one", "two"):
        nbformat.write(new_notebook(cells=[new_code_cell("numbers = bytes(30_000_000)")]), tmp_path / f"{name}.ipynb")
    figures = {row.what: row for row in measures.notebooks(1, tmp_path)}
    assert figures["one: peak of the kernel"].value > 30
    assert figures["the whole course, two notebooks at a time"].ratio is not None


ONE_FILE_OF_TESTS = """
import subprocess, sys
options = sys.argv[1].removeprefix("PYTEST_OPTIONS=")
subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", options, "tests/test_tables.py"])
"""


def test_the_suite_is_timed_and_its_slowest_files_are_named():
    figures = measures.suite(1, (sys.executable, "-c", ONE_FILE_OF_TESTS))
    told = {row.what: row.value for row in figures}
    assert told["tests"] > 5
    assert told["failed"] == 0
    assert 0 < told["slow: tests.test_tables"] < told["make test"]
    assert told["of it on a processor"] > 0


@pytest.mark.parametrize("name", run.GROWTH)
def test_growth_is_measured_and_fitted(name):
    figures = run.GROWTH[name](1, (1, 2))
    for place in range(0, len(figures), 4):
        one, two, overall, last = figures[place : place + 4]
        assert overall.value == last.value == pytest.approx(math.log2(two.value / one.value))
    exponents = [row.what for row in figures if "exponent" in row.what]
    assert exponents == [what for what in rows.written(name) if "exponent" in what], f"measure it anew: {name}"


def test_the_page_has_a_row_for_every_explorer_and_notebook():
    told = {name: rows.written(name) for name in ("explorers", "notebooks")}
    for stage in STAGES:
        assert sum(what.startswith(f"{stage.number} {stage.name}, ") for what in told["explorers"]) == 3
        assert sum(what.startswith(f"{Path(stage.notebook).stem}: ") for what in told["notebooks"]) == 3
    assert rows.written("quiz") == [
        f"{name}: {kind}"
        for kind in ("cell start to interactive", "click to feedback")
        for name in ("jupyterquiz", "the course's quiz")
    ]


@pytest.mark.parametrize("power", [0, 1, 2])
def test_the_exponent_is_the_power_with_which_time_grows(power):
    assert growth.exponent((1, 10, 100), [3 * size**power for size in (1, 10, 100)]) == pytest.approx(power)


def test_a_table_replaces_its_own_part_of_the_page_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Before\n<!-- begin measured: a -->\nold\n<!-- end measured: a -->\n<!-- begin measured: b -->\n"
        "kept\n<!-- end measured: b -->\n"
    )
    rows.write("a", [Row("one", 1, "s"), Row("two", 3000, "s", 5, "one", 3000)], page)
    assert rows.written("a", page) == ["one", "two"]
    assert "| two | 3,000 s | median of 5 | one | 3,000 x |" in page.read_text()
    assert "kept" in page.read_text()
    assert "old" not in page.read_text()


def test_an_aim_is_met_or_missed_by_the_largest_figure(tmp_path):
    page = tmp_path / "page.md"
    parts = [
        f"<!-- begin measured: {name} -->\n<!-- end measured: {name} -->" for name in ("aims", "quiz", "notebooks")
    ]
    page.write_text("\n".join(parts))
    rows.write("quiz", [Row("the course's quiz: click to feedback", 99.8, "ms", 5)], page)
    rows.write("notebooks", [Row(f"{size}: peak of the kernel", size, "MB", 5) for size in (349, 200)], page)
    rows.write_aims(page)
    told = page.read_text()
    assert "| click to feedback in the quiz | 100 ms | 99.8 ms | yes |" in told
    assert "| memory of any kernel | 350 MB | 349 MB | yes |" in told
    assert "| checkout | 10 MB | not measured |  |" in told
    rows.write("notebooks", [Row(f"{size}: peak of the kernel", size, "MB", 5) for size in (349, 1351)], page)
    rows.write_aims(page)
    assert "| memory of any kernel | 350 MB | 1,351 MB | no |" in page.read_text()


def test_the_page_tells_its_own_aims():
    assert rows.aims() in rows.PAGE.read_text(encoding="utf-8")


def test_the_page_has_a_place_for_every_benchmark():
    for name in run.BENCHMARKS | run.SLOW | run.GROWTH:
        assert rows._part(name).search(rows.PAGE.read_text(encoding="utf-8")), name


def test_an_unknown_benchmark_is_refused_with_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        run.main(["--only", "imports"])
    assert "no benchmark 'imports': give some of import, " in capsys.readouterr().err


def test_a_benchmark_that_fails_leaves_the_others_and_the_page_alone(monkeypatch, capsys):
    before = rows.PAGE.read_bytes()
    monkeypatch.setattr(run, "BENCHMARKS", {"bad": lambda times: 1 / 0, "good": lambda times: [Row("it", 1, "s")]})
    assert run.main(["--times", "1"]) == 1
    told = capsys.readouterr()
    assert "bad: not measured. ZeroDivisionError" in told.err
    assert "| it | 1 s | once |" in told.out
    assert rows.PAGE.read_bytes() == before
