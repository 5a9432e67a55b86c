"""The README and the pages of docs/ tell the truth: generated parts are current, numbers computed, links lead on."""

import re
from pathlib import Path

import pages
import pytest
from nbformat.v4 import new_markdown_cell
from notebook_checks import Lesson, numbers_in_prose_come_from_somewhere
from pages import PLANS, ROOT, Plan
from terms import about

from mlops_lesson.stages import STAGES, Stage
from mlops_lesson.teaching.progress import PARTS
from mlops_lesson.teaching.questions import load_questions

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
GENERATED = re.compile(r"<!-- begin generated: .*?<!-- end generated: [\w-]+ -->", re.DOTALL)
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_the_generated_parts_are_current() -> None:
    assert [page.name for page in pages.stale()] == [], "run `make docs`"


def test_a_lost_marker_is_named() -> None:
    with pytest.raises(ValueError, match="begin generated: grid"):
        pages.with_parts("<!-- begin generated: grid -->", {"grid": ""}, "README.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_make_targets_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"(?:\]\(|src=\")(?!https?:|mailto:)([^)#\"\s]+)", text)
    assert [target for target in targets if not (page.parent / target).exists()] == []
    assert set(re.findall(r"`make ([a-z]+)", text)) <= TARGETS


def test_the_folders_that_the_readme_names_are_there() -> None:
    folders = re.findall(r"^\| `([a-z_]+/)` \|", README, re.MULTILINE)
    assert len(folders) > 5
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_every_expected_number_and_hash_stands_in_an_output_of_the_notebook(stage: Stage) -> None:
    lesson = Lesson.read(ROOT / "notebooks" / stage.notebook)
    prose = GENERATED.sub("", pages.page_of(stage).read_text(encoding="utf-8"))
    shown = " ".join(text for _, text in lesson.output_texts)
    assert [found for found in re.findall(r"`([0-9a-f]{8,})`", prose) if found not in shown] == []
    lesson.notebook.cells = [*(cell for _, cell in lesson.code_cells), new_markdown_cell(prose, id="page")]
    lesson.notebook.metadata.mlops_lesson.pop("given_facts", None)
    assert list(numbers_in_prose_come_from_somewhere(lesson)) == []


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_the_misconception_behind_every_wrong_option_is_told(stage: Stage) -> None:
    page = pages.page_of(stage).read_text(encoding="utf-8")
    questions = [question for question in load_questions(stage).questions if question.kind != "put_in_order"]
    wrong = [option.misconception for question in questions for option in question.options if not option.right]
    assert len(wrong) > 10
    assert [each for each in wrong if each.replace("|", "\\|") not in page] == []


@pytest.mark.parametrize("minutes", PLANS)
def test_a_plan_fits_into_its_minutes_and_leaves_some(minutes: str) -> None:
    ends = [int(end) for end in re.findall(r"^\| \d+-(\d+) \|", PLANS[minutes].table(), re.MULTILINE)]
    assert ends == sorted(ends)
    assert int(minutes) - 6 <= ends[-1] <= int(minutes) * (0.95 if int(minutes) > 15 else 1)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_plan_asks_what_it_has_taught(plan: Plan) -> None:
    asked = [(stage, question) for stage in plan.taught() for question in plan.questions(stage)]
    assert [question.id for _, question in asked] == list(plan.asks)
    assert [question.id for stage, question in asked if question.needs not in plan.taught()[stage]] == []


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_every_question_says_which_part_it_needs(stage: Stage) -> None:
    assert {question.needs for question in load_questions(stage).questions} <= set(PARTS)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_the_notes_follow_the_headings_of_the_notebook(stage: Stage) -> None:
    headings = ["Opening", *(text for _, text in Lesson.read(ROOT / "notebooks" / stage.notebook).headings[1:])]
    notes = list(pages.notes_of(stage))
    assert notes == [heading for heading in headings if heading in notes]


def test_the_binder_badge_opens_the_first_notebook_once_there_is_an_address(monkeypatch) -> None:
    monkeypatch.setattr(pages, "repository", lambda: "")
    assert pages.binder() == ""
    monkeypatch.setattr(pages, "repository", lambda: "https://git.example/team/course")
    badge = "https://mybinder.org/v2/gh/team/course/HEAD?urlpath=lab%2Ftree%2Fnotebooks%2F01_data_collection.ipynb"
    assert pages.binder().startswith(f"[![Open in Binder](https://mybinder.org/badge_logo.svg)]({badge})")


def test_the_glossary_explains_a_term_by_its_first_bold_sentence() -> None:
    assert about("epoch", "Words. An **epoch** is one pass. It takes long.\nA **batch** is less.") == (
        "An epoch is one pass. It takes long."
    )
    assert about("drift", "The world changes. This is **drift**.") == "The world changes. This is drift."
