import json
import re

import pytest

from mlops_lesson.chooser import WAYS, chooser, grid_markdown
from mlops_lesson.stages import STAGES


@pytest.fixture
def course(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "MANIFEST.sha256").write_text("")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(tmp_path))
    return tmp_path


def write_minutes(course, stage, minutes):
    notebook = {"cells": [], "metadata": {"mlops_lesson": {"minutes": minutes}}, "nbformat": 4, "nbformat_minor": 5}
    (course / "notebooks" / stage.notebook).write_text(json.dumps(notebook))


def test_each_of_the_nine_ways_leads_through_the_six_stages_in_order(course):
    html = chooser()._repr_html_().split("<script>")[0]
    for way in WAYS:
        assert re.findall(rf'href="(\w+\.ipynb)#{way.name}"', html) == [stage.notebook for stage in STAGES]


def test_every_link_has_a_name_of_its_own(course):
    names = re.findall(r"<a [^>]*>([^<]*)</a>", chooser()._repr_html_())
    assert len(names) == len(set(names)) == 54


def test_minutes_come_from_the_notebooks(course):
    for stage in STAGES:
        write_minutes(course, stage, {"why": stage.number})
    html = chooser()._repr_html_()
    assert "<strong>Why</strong>, 21 minutes" in html
    assert "Why in 3 Model Training</a>, 3 minutes" in html


def test_minutes_that_no_notebook_states_are_left_out(course):
    write_minutes(course, STAGES[0], {"why": 2})
    shown = repr(chooser())
    assert "minutes" not in shown


def test_the_chooser_works_without_the_course_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(tmp_path / "nowhere"))
    assert len(repr(chooser()).splitlines()) == 1 + len(WAYS)


def test_the_grid_for_the_front_page_has_nine_rows_of_six_links(course):
    head, rule, *rows = grid_markdown().splitlines()
    assert head.count("|") == rule.count("|") == 8
    assert len(rows) == 9
    assert all(len(re.findall(r"\]\(notebooks/\d\d_\w+\.ipynb#\w+\)", row)) == 6 for row in rows)
