"""The chooser: nine ways through six notebooks, with the minutes that the notebooks state."""

import json
import re

import pytest

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.chooser import WAYS, chooser, read_minutes


@pytest.fixture(autouse=True)
def course(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "MANIFEST.sha256").write_text("")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(tmp_path))
    return tmp_path


def test_each_of_the_nine_ways_leads_through_the_six_stages_in_order():
    html = chooser().html.split("<script>")[0]
    assert html.startswith('<div class="mlops-lesson" lang="en" dir="ltr" data-mlops-chooser>')
    for part, promise in WAYS.items():
        notebooks = re.findall(rf'href="(\w+\.ipynb)#{part.capitalize()}"', html)
        assert notebooks == [stage.notebook for stage in STAGES]
        assert f"<strong>{part.capitalize()}</strong>: {promise}</summary>" in html
    names = re.findall(r"<a [^>]*>([^<]*)</a>", html)
    assert len(names) == len(set(names)) == 54


def test_minutes_come_from_the_notebooks(course):
    for stage in STAGES:
        minutes = {"why": stage.number, "lunch": 7} | ({"learn": 9} if stage.number > 1 else {})
        notebook = {"metadata": {"mlops_lesson": {"minutes": minutes}}}
        (course / "notebooks" / stage.notebook).write_text(json.dumps(notebook))
    shown = chooser()
    assert "<strong>Why</strong>, 21 minutes: " in shown.html
    assert "Why in 1 Data Collection</a>, 1 minute</li>" in shown.html
    assert "Why in 3 Model Training</a>, 3 minutes</li>" in shown.html
    # A sum of which a part is not known is none.
    assert repr(shown).splitlines()[:3] == [
        "Choose your way through the six stages:",
        f"Why, 21 minutes: {WAYS['why']}",
        f"Learn: {WAYS['learn']}",
    ]


def test_without_stated_minutes_or_a_course_folder_the_chooser_works_without_minutes(course, monkeypatch):
    for stage, content in zip(STAGES, ("{}", '{"metadata": {}}', "{cut"), strict=False):
        (course / "notebooks" / stage.notebook).write_text(content)
    assert read_minutes() == {}
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(course / "nowhere"))
    assert len(repr(chooser()).splitlines()) == 1 + len(WAYS)
