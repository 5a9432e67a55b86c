import json
import re
from html import escape

import pytest

from mlops_lesson.show.page import fold, script
from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.chooser import WAYS, chooser, grid_markdown, read_minutes
from mlops_lesson.teaching.progress import PARTS


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


def test_each_way_is_named_promised_and_linked_in_the_words_of_the_course(course):
    for stage in STAGES:
        write_minutes(course, stage, {"learn": 10 * stage.number, "why": 5, "other": 7} if stage.number > 1 else {})
    html = chooser()._repr_html_()
    assert html.startswith(
        '<div class="mlops-lesson" data-mlops-chooser><p><strong>Choose your way through the six stages.</strong> Open '
        "one way and follow its links; every notebook has the same nine parts.</p><details>"
    )
    assert html.endswith(f"</ol></details>{script('chooser')}</div>")
    learn = WAYS[1]
    links = "".join(
        f'<li><a href="{stage.notebook}#Learn">Learn in {stage.number} {escape(stage.name)}</a>'
        f"{f', {10 * stage.number} minutes' if stage.number > 1 else ''}</li>"
        for stage in STAGES
    )
    assert fold(f"<strong>Learn</strong>: {learn.promise}", f"<ol>{links}</ol>") in html
    assert html.count("<details>") == 9
    assert re.sub(r"<details>.*?</details>", "", html.split("<script>")[0]).endswith("the same nine parts.</p>")


def test_in_plain_text_every_way_has_a_line(course):
    for stage in STAGES:
        write_minutes(course, stage, {"learn": 10 * stage.number})
    assert repr(chooser()).splitlines() == [
        "Choose your way through the six stages:",
        *(f"{way.name}{', 210 minutes' if way.part == 'learn' else ''}: {way.promise}" for way in WAYS),
    ]


def test_the_promise_of_each_way_is_a_sentence():
    assert [way.part for way in WAYS] == list(PARTS)
    for way in WAYS:
        assert re.fullmatch(r"[A-Z][a-z]+ [a-z].*\.", way.promise)


def test_a_notebook_without_stated_minutes_has_none(course):
    for stage, notebook in zip(STAGES, ({}, {"metadata": {}}, {"metadata": {"mlops_lesson": {}}}), strict=False):
        (course / "notebooks" / stage.notebook).write_text(json.dumps(notebook))
    (course / "notebooks" / STAGES[3].notebook).write_text("{cut")
    assert read_minutes() == {}


def test_the_chooser_works_without_the_course_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(tmp_path / "nowhere"))
    assert len(repr(chooser()).splitlines()) == 1 + len(WAYS)


def test_the_grid_for_the_front_page_has_nine_rows_of_six_links(course):
    head, rule, *rows = grid_markdown().splitlines()
    assert head.count("|") == rule.count("|") == 8
    assert len(rows) == 9
    assert all(len(re.findall(r"\]\(notebooks/\d\d_\w+\.ipynb#\w+\)", row)) == 6 for row in rows)
    write_minutes(course, STAGES[1], {"why": 5})
    lines = grid_markdown().splitlines()
    assert lines[0] == f"| Way to learn | {' | '.join(f'{stage.number} {stage.name}' for stage in STAGES)} |"
    assert lines[1] == "| --- | --- | --- | --- | --- | --- | --- |"
    cells = [f"[Why {stage.number}](notebooks/{stage.notebook}#Why)" for stage in STAGES]
    cells[1] += " 5 min"
    assert lines[2] == f"| **Why** | {' | '.join(cells)} |"
