"""Quizzes and flashcards as they are stored: readable without a script, the same in every process."""

import re
import subprocess
import sys

import pytest
from sample_questions import ALL, JOINS, ORDER

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.questions import Flashcard, Option, Question
from mlops_lesson.teaching.quiz import Quiz, flashcards, quiz


def static(shown):
    return shown._repr_html_().split("<script>")[0]


def test_the_stored_output_is_the_same_in_every_process_and_needs_none_of_the_heavy_libraries():
    code = "import sys; from mlops_lesson.teaching.quiz import quiz, flashcards; import mlops_lesson.teaching.chooser\n"
    code += "print(*(show(n)._repr_html_() + repr(show(n)) for n in (1, 6) for show in (quiz, flashcards)), end='')\n"
    code += "print([n for n in ('sklearn', 'matplotlib', 'mlflow', 'pandas', 'ipywidgets') if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    shown = [show(number) for number in (1, 6) for show in (quiz, flashcards)]
    assert run.stdout == " ".join(each._repr_html_() + repr(each) for each in shown) + "[]\n"


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_a_quiz_is_found_by_name_and_its_static_part_needs_no_script_form_id_or_hidden_element(stage):
    assert quiz(stage.name) is quiz(stage.number)
    assert not re.search(r"<form|<style|<[^>]*\s(id=|hidden\b|on[a-z]+=|aria-|role=)", static(quiz(stage.slug)))


def test_the_static_part_holds_every_question_with_all_that_can_be_read_about_it():
    html = static(Quiz("own", "Own & <good>", (JOINS, ORDER), {JOINS.id: STAGES[0]}))
    assert html.startswith('<div class="mlops-lesson" lang="en" dir="ltr" data-mlops-quiz="own" data-learner="')
    order = " ".join(ORDER.right_choice())
    for words in (
        "Quiz: Own &amp; &lt;good&gt;.",
        "Question 1 of 2 (from stage 1, Data Collection):</strong> Which <code>join</code> keeps all?",
        "<strong>A.</strong> <span data-text>An inner join</span>",
        "Not right. Misconception: <em data-misconception>joins never lose rows</em>. <span data-reason>It drops "
        "<code>parcels</code>.</span>",
        "Right. <span data-reason>It keeps every parcel.</span>",
        "<span data-text>No &lt;join&gt;</span>",
        "Hint: <span data-hint>Look &lt;left&gt;</span>",
        "Question 2 of 2 (put in order):</strong> Which order?",
        "Place 2. <span data-reason>two has its place.</span>",
        f"{order}. <span data-when-wrong>One by one. A wrong order often comes from the belief that <em>any order will "
        "do</em>.",
    ):
        assert words in html


def test_an_output_says_whose_answers_belong_in_it_and_since_which_reset():
    progress.reset(1)
    progress.reset(1)
    number = progress.learner_number()
    assert f'data-learner="{number}" data-round="2"' in static(quiz(1))
    assert f'data-learner="{number}"' in static(flashcards(1))


def test_an_instructor_can_ask_own_questions_under_a_name_of_their_own_or_of_the_notebook(monkeypatch):
    assert quiz([JOINS, ALL], name="week-1").questions == (JOINS, ALL)
    assert quiz([JOINS]).name == "own questions"
    monkeypatch.setenv("JPY_SESSION_NAME", "/course/notebooks/week 2.ipynb")
    assert quiz([JOINS]).name == "own questions of week 2"


@pytest.mark.parametrize(
    ("questions", "name", "words"),
    [
        ([], None, "a list of at least one question"),
        ([{"id": "a"}], None, "make them with Question(...)"),
        ([JOINS, JOINS], None, "the id 'which-join' is used twice"),
        ([JOINS], "data_collection", "belongs to the course's own quiz"),
        (7, None, "1 'Data Collection'"),
    ],
)
def test_what_makes_no_quiz_is_told_in_words(questions, name, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        quiz(questions, name)


ORDERED = ORDER.right_choice()


@pytest.mark.parametrize(
    ("question", "choice", "fits", "right"),
    [
        (JOINS, ["B"], True, True),
        (JOINS, ["A"], True, False),
        (JOINS, [], False, False),
        (JOINS, ["D"], False, False),
        (ALL, ["C", "A"], True, True),
        (ALL, ["A"], True, False),
        (ALL, ["A", "C", "C"], False, False),
        (ORDER, ORDERED, True, True),
        (ORDER, ORDERED[::-1], True, False),
        (ORDER, ORDERED[:2], False, False),
    ],
)
def test_an_answer_fits_its_question_and_is_right_only_whole(question, choice, fits, right):
    assert (question.fits(choice), question.is_right(choice)) == (fits, right)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_an_ordering_is_never_shown_in_the_right_order(count):
    options = [Option(f"step {number}", "r") for number in range(count)]
    question = Question("o", "Order?", options, "put_in_order", misconception="m", reason="r")
    shown = tuple(option for _, option in question.shown())
    assert shown != question.options
    assert set(shown) == set(question.options)


def test_both_sides_of_every_card_are_readable_without_a_script():
    shown = flashcards([Flashcard("p99", "What is `p99`?", "a < b")], "A & B")
    html = static(shown)
    assert 'lang="en" dir="ltr" data-mlops-cards' in html
    assert "Flashcards: A &amp; B." in html
    assert "What is <code>p99</code>?</summary><p>a &lt; b</p></details>" in html
    assert repr(shown).splitlines() == ["Flashcards: A & B (1 cards)", "1. What is `p99`?", "   a < b"]
