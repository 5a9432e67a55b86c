import re
import subprocess
import sys

import pytest

from mlops_lesson.quiz import Option, Question, quiz
from mlops_lesson.stages import STAGES

RIGHT = Option("A left join", "It keeps every parcel.", right=True)
WRONG = Option("An inner join", "It drops parcels.", misconception="joins never lose rows")
OTHER = Option("No join", "Then there is nothing to compare.", misconception="one table is enough")


def single(**changes):
    given = {"id": "which-join", "text": "Which join keeps all?", "options": [WRONG, RIGHT, OTHER]}
    return Question(**(given | changes))


def steps(*texts):
    return [Option(text, f"{text} has its place.") for text in texts]


@pytest.mark.parametrize("name", [6, "Monitoring & Maintenance", "monitoring_and_maintenance"])
def test_a_quiz_is_found_by_number_name_and_slug(name):
    assert quiz(name).title == "Monitoring & Maintenance"


def test_an_unknown_stage_is_answered_with_the_six_there_are():
    with pytest.raises(ValueError, match="1 'Data Collection'"):
        quiz(7)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_the_stored_output_is_the_same_in_every_process(stage):
    code = f"from mlops_lesson.quiz import quiz; q = quiz({stage.number}); print(q._repr_html_() + repr(q), end='')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == quiz(stage)._repr_html_() + repr(quiz(stage))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_the_static_part_needs_no_script_form_id_or_hidden_element(stage):
    static = quiz(stage)._repr_html_().split("<script>")[0]
    assert not re.search(r"<form|<style|<[^>]*\s(id=|hidden\b|on[a-z]+=|aria-|role=)", static)


def test_the_static_part_shows_every_option_with_its_reason():
    made = quiz([single()])
    static = made._repr_html_().split("<script>")[0]
    for option in (RIGHT, WRONG, OTHER):
        assert option.text in static
        assert option.reason in static
    assert "joins never lose rows" in static


def test_the_plain_text_twin_asks_and_answers():
    assert repr(quiz([single()])).splitlines() == [
        "Quiz: own-questions (1 question)",
        "",
        "1. Which join keeps all?",
        "   A. An inner join",
        "   B. A left join",
        "   C. No join",
        "",
        "Answers: 1 B",
    ]


def test_markup_in_a_question_is_shown_and_not_obeyed():
    html = quiz([single(text="Is `a < b` <script>alert(1)</script>?")])._repr_html_().split("<script>\n")[0]
    assert "<code>a &lt; b</code> &lt;script&gt;" in html


def test_an_instructor_can_ask_own_questions_under_an_own_name():
    made = quiz([single(), single(id="again")], name="week-1")
    assert made.name == "week-1"
    assert [item.question.id for item in made.items] == ["which-join", "again"]


def test_an_own_quiz_cannot_take_the_name_of_the_course():
    with pytest.raises(ValueError, match="belongs to the course"):
        quiz([single()], name="data_collection")


def test_an_own_quiz_needs_questions():
    with pytest.raises(ValueError, match="at least one Question"):
        quiz([])


def test_an_own_quiz_refuses_what_is_no_question():
    with pytest.raises(ValueError, match="not dict"):
        quiz([{"id": "a"}])


def test_an_own_quiz_refuses_two_questions_of_the_same_id():
    with pytest.raises(ValueError, match="'which-join', field 'id'"):
        quiz([single(), single()])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": "Which Join"}, "id"),
        ({"text": " "}, "text"),
        ({"kind": "essay"}, "kind"),
        ({"hint": ""}, "hint"),
        ({"options": [RIGHT]}, "options"),
        ({"options": [RIGHT, RIGHT]}, "options"),
        ({"options": [WRONG, OTHER]}, "options"),
        ({"options": [RIGHT, Option("Both", "Both do.", right=True), WRONG]}, "options"),
        ({"options": [WRONG, OTHER], "kind": "choose_all"}, "options"),
        ({"options": [RIGHT, Option("", "Why?", misconception="m")]}, "options[2].text"),
        ({"options": [RIGHT, Option("Another", "", misconception="m")]}, "options[2].reason"),
        ({"options": [RIGHT, Option("Another", "Why not.")]}, "options[2].misconception"),
        ({"options": [Option("A", "Yes.", right=True, misconception="m"), WRONG]}, "options[1].misconception"),
        ({"options": [Option("A", "Yes.", right="yes"), WRONG]}, "options[1].right"),
        ({"misconception": "for an ordering only"}, "misconception"),
        ({"reason": "for an ordering only"}, "reason"),
        ({"options": steps("one", "two"), "kind": "put_in_order", "reason": "r"}, "misconception"),
        ({"options": steps("one", "two"), "kind": "put_in_order", "misconception": "m"}, "reason"),
        ({"options": [RIGHT, WRONG], "kind": "put_in_order", "misconception": "m", "reason": "r"}, "options[1].right"),
    ],
)  # fmt: skip
def test_a_question_that_breaks_a_rule_names_the_question_and_the_field(changes, field):
    with pytest.raises(ValueError, match=re.escape(f"field '{field}'")) as raised:
        single(**changes)
    assert changes.get("id", "which-join") in str(raised.value)


def test_single_choice_takes_the_one_right_option_and_nothing_else():
    question = single()
    assert [question.is_right(choice) for choice in (["B"], ["A"], ["A", "B"], [])] == [True, False, False, False]


def test_choose_all_takes_all_right_options_in_any_order():
    question = single(
        kind="choose_all", options=[RIGHT, WRONG, Option("Count before and after", "It shows.", right=True)]
    )
    assert [question.is_right(choice) for choice in (["C", "A"], ["A"], ["A", "B", "C"], ["A", "C", "C"])] == [
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize("count", range(2, 11))
def test_an_ordering_is_never_shown_in_the_right_order(count):
    options = steps(*[f"step {number}" for number in range(count)])
    question = single(kind="put_in_order", options=options, misconception="any order will do", reason="One by one.")
    shown = tuple(option for _, option in question.shown())
    assert shown != question.options
    assert set(shown) == set(question.options)


def test_an_ordering_is_right_in_its_order_only():
    question = single(
        kind="put_in_order",
        options=steps("one", "two", "three"),
        misconception="any order will do",
        reason="One by one.",
    )
    letters = {option.text: letter for letter, option in question.shown()}
    assert question.is_right([letters["one"], letters["two"], letters["three"]])
    assert not question.is_right([letters["two"], letters["one"], letters["three"]])
    assert not question.is_right([letters["one"], letters["two"]])


def test_loading_a_quiz_needs_none_of_the_heavy_libraries():
    code = (
        "import sys; from mlops_lesson.quiz import quiz, flashcards; quiz(1); flashcards(6); "
        "import mlops_lesson.progress, mlops_lesson.chooser; "
        "print([n for n in ('sklearn', 'matplotlib', 'mlflow', 'pandas', 'numpy', 'ipywidgets') if n in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
