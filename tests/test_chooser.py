"""The chooser: nine ways through six notebooks, with the minutes that the notebooks state."""

import json
import re

import pytest

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.chooser import WAYS, chooser, grid_markdown, read_minutes
from mlops_lesson.teaching.progress import PARTS


@pytest.fixture(autouse=True)
def course(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "MANIFEST.sha256").write_text("")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(tmp_path))
    return tmp_path


def write_minutes(course, stage, minutes):
    notebook = {"cells": [], "metadata": {"mlops_lesson": {"minutes": minutes}}, "nbformat": 4, "nbformat_minor": 5}
    (course / "notebooks" / stage.notebook).write_text(json.dumps(notebook))


def test_each_of_the_nine_ways_leads_through_the_six_stages_in_order():
    html = chooser()._repr_html_().split("<script>")[0]
    assert html.startswith('<div class="mlops-lesson" lang="en" dir="ltr" data-mlops-chooser>')
    assert html.count("<details>") == len(WAYS) == len(PARTS)
    for way in WAYS:
        assert re.findall(rf'href="(\w+\.ipynb)#{way.name}"', html) == [stage.notebook for stage in STAGES]
        assert f"<strong>{way.name}</strong>: {way.promise}</summary>" in html
    names = re.findall(r"<a [^>]*>([^<]*)</a>", html)
    assert len(names) == len(set(names)) == 54


def test_minutes_come_from_the_notebooks(course):
    for stage in STAGES:
        write_minutes(course, stage, {"why": stage.number, "lunch": 7} | ({"learn": 9} if stage.number > 1 else {}))
    html = chooser()._repr_html_()
    assert "<strong>Why</strong>, 21 minutes: " in html
    assert "Why in 1 Data Collection</a>, 1 minute</li>" in html
    assert "Why in 3 Model Training</a>, 3 minutes</li>" in html
    # A sum of which a part is not known is none.
    assert "<strong>Learn</strong>: " in html
    assert repr(chooser()).splitlines()[:3] == [
        "Choose your way through the six stages:",
        f"Why, 21 minutes: {WAYS[0].promise}",
        f"Learn: {WAYS[1].promise}",
    ]


def test_without_stated_minutes_or_a_course_folder_the_chooser_works_without_minutes(course, monkeypatch):
    for stage, content in zip(STAGES, ("{}", '{"metadata": {}}', "{cut"), strict=False):
        (course / "notebooks" / stage.notebook).write_text(content)
    assert read_minutes() == {}
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(course / "nowhere"))
    assert len(repr(chooser()).splitlines()) == 1 + len(WAYS)


def test_the_grid_for_the_front_page_has_nine_rows_of_six_links(course):
    write_minutes(course, STAGES[1], {"why": 5})
    head, rule, *rows = grid_markdown().splitlines()
    assert head == f"| Way to learn | {' | '.join(f'{stage.number} {stage.name}' for stage in STAGES)} |"
    assert rule == "| --- | --- | --- | --- | --- | --- | --- |"
    cells = [f"[Why {stage.number}](notebooks/{stage.notebook}#Why)" for stage in STAGES]
    cells[1] += " 5 min"
    assert rows[0] == f"| **Why** | {' | '.join(cells)} |"
    assert [len(re.findall(r"\]\(notebooks/\d\d_\w+\.ipynb#\w+\)", row)) for row in rows] == [6] * 9
