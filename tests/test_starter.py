"""The project that a learner takes home runs at once, and with data that are not the depot's."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from sklearn.datasets import load_wine

from mlops_lesson.__main__ import main
from mlops_lesson.starter.start import PROJECT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    assert main(["start", str(tmp_path / "mine")]) == 0
    return tmp_path / "mine"


def run(project: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], cwd=project, capture_output=True, text=True, input=text)


def use_wine(project: Path) -> None:
    """Put another table into the project, as its README says: other columns, whole numbers to predict, groups."""
    table = load_wine(as_frame=True).frame.rename(columns=lambda name: name.replace("/", "_per_"))
    inputs = [name for name in table if name != "target"]
    table.assign(cellar=table.index // 4).to_csv(project / "data" / "wine.csv", index=False)
    settings = (project / "settings.toml").read_text(encoding="utf-8").partition("[columns]")[0]
    for name, value in {"name": "wine", "table": "data/wine.csv", "target": "target", "group": "cellar"}.items():
        settings = re.sub(f'^{name} = ".*"$', f'{name} = "{value}"', settings, flags=re.MULTILINE)
    columns = "".join(f"{name} = [0, 10000]\n" for name in inputs)
    (project / "settings.toml").write_text(f"{settings}[columns]\n{columns}", encoding="utf-8")


@pytest.mark.nightly
@pytest.mark.parametrize("data", ["its own table", "another table"])
def test_the_whole_way_from_the_table_to_the_monitor_passes(project: Path, data: str) -> None:
    if data == "another table":
        use_wine(project)
    tested = run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert "5 passed" in tested.stdout, tested.stdout + tested.stderr
    watched = run(project, "monitor.py")
    assert watched.stderr.startswith("0 requests so far: too few to compare")


@pytest.mark.nightly
def test_a_model_below_the_gate_stops_the_build(project: Path) -> None:
    settings = project / "settings.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("gate = 0.75", "gate = 0.99"), encoding="utf-8")
    tested = run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "gate")
    assert tested.returncode == 1
    assert "the gate is 0.99" in tested.stdout


TRY_EACH = """
import json, sys
from collect import TABLE, collect
from preprocess import preprocess
for content in json.load(sys.stdin):
    TABLE.unlink(missing_ok=True)
    if content is not None:
        TABLE.write_text(content, encoding="utf-8")
    try:
        preprocess(collect())
    except ValueError as error:
        print(" ".join(str(error).split()))
"""
HEAD = "sepal_length,sepal_width,petal_length,petal_width,species\n"
WRONG_TABLES = {
    None: "is not there: put your table there, or name it in settings.toml",
    "": "is empty: expected a line of column names",
    "petal_length,species\n1,a\n": "has no column sepal_length, sepal_width, petal_width; it has petal_length",
    HEAD: "has column names and no row",
    f"{HEAD}1,2,,999,\n": "3 values break the contract: index column check failure_case 0 petal_length not_null",
}


def test_what_is_wrong_with_a_table_is_said(project: Path) -> None:
    said = run(project, "-c", TRY_EACH, text=json.dumps(list(WRONG_TABLES))).stdout.splitlines()
    assert len(said) == len(WRONG_TABLES)
    for words, line in zip(WRONG_TABLES.values(), said, strict=True):
        assert words in line


def test_what_is_there_already_stays_as_it_is(project: Path, capsys: pytest.CaptureFixture) -> None:
    (project / "train.py").write_text("mine", encoding="utf-8")
    assert main(["start", str(project)]) == 2
    assert "is there already and stays as it is" in capsys.readouterr().err
    assert (project / "train.py").read_text(encoding="utf-8") == "mine"


def test_the_project_is_short_and_needs_the_course_no_more(project: Path) -> None:
    texts = [
        path.read_text(encoding="utf-8") for path in project.rglob("*") if path.suffix != ".csv" and path.is_file()
    ]
    assert sum(len(text.splitlines()) for text in texts) < 350
    assert not any("mlops_lesson" in text for text in texts)
    assert len(pd.read_csv(PROJECT / "data" / "flowers.csv")) == 150
