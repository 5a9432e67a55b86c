"""What an instructor is told is computed from the course, or stands in a notebook's stored outputs."""

import re
from pathlib import Path

import pytest
import teaching
from nbformat.v4 import new_markdown_cell
from notebook_checks import Lesson, numbers_in_prose_come_from_somewhere
from readme import ROOT, with_parts

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.questions import load_questions

GENERATED = re.compile(r"<!-- begin generated: .*?<!-- end generated: [\w-]+ -->", re.DOTALL)
PAGES = sorted((ROOT / "docs" / "teaching").glob("*.md"))


def invented_numbers(stage, text):
    lesson = Lesson.read(ROOT / "notebooks" / stage.notebook)
    lesson.notebook.cells = [*(cell for _, cell in lesson.code_cells), new_markdown_cell(text, id="page")]
    lesson.notebook.metadata.mlops_lesson.pop("given_facts", None)
    return list(numbers_in_prose_come_from_somewhere(lesson))


@pytest.mark.parametrize("page", teaching.pages(), ids=lambda page: page.name)
def test_the_generated_parts_are_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert with_parts(text, teaching.pages()[page], page.name) == text, "run `make readme`"


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_every_expected_number_stands_in_an_output_of_the_notebook(stage) -> None:
    prose = GENERATED.sub("", teaching.page_of(stage).read_text(encoding="utf-8"))
    assert invented_numbers(stage, prose) == []
    assert invented_numbers(stage, prose + "\nThe accuracy is 0.1234.") != []


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_the_misconception_behind_every_wrong_option_is_told(stage) -> None:
    page = teaching.page_of(stage).read_text(encoding="utf-8")
    wrong = [
        option.misconception
        for question in load_questions(stage).questions
        if question.kind != "put_in_order"
        for option in question.options
        if not option.right
    ]
    assert len(wrong) > 10
    assert [each for each in wrong if each.replace("|", "\\|") not in page] == []


@pytest.mark.parametrize(("name", "minutes"), [("plan-12", 12), ("plan-50", 50), ("plan-90", 90)])
def test_a_plan_fits_into_its_minutes(name: str, minutes: int) -> None:
    plan = teaching.pages()[teaching.FOLDER / "README.md"][name]
    ends = [int(end) for end in re.findall(r"^\| \d+-(\d+) \|", plan, re.MULTILINE)]
    assert ends == sorted(ends)
    assert minutes - 10 <= ends[-1] <= minutes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_make_targets_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert [target for target in targets if not (page.parent / target).exists()] == []
    known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", text)) <= known
