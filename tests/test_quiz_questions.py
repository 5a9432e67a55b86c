"""The course's own questions, and how a file of questions is read."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.questions import (
    Option,
    Question,
    load_questions,
    read_question_file,
)
from mlops_lesson.teaching.quiz import quiz

RIGHT = tomllib.loads(Path(__file__).with_name("answer_key.toml").read_text(encoding="utf-8"))
ALL = [(stage, question) for stage in STAGES for question in load_questions(stage).questions]
EVERY = [question for _, question in ALL] + [*quiz("final").questions]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_every_stage_has_its_questions_and_cards_and_asks_one_of_an_earlier_stage_again(stage):
    own, again = load_questions(stage), [origin.number for origin in quiz(stage).again.values()]
    assert len(own.questions) >= 5
    assert len(own.flashcards) >= (9 if stage.number == 6 else 5)
    assert len(again) == (0 if stage.number == 1 else 1)
    assert all(number < stage.number for number in again)


def test_every_question_of_the_course_has_an_identifier_of_its_own_and_its_answer_in_the_key():
    assert sorted(RIGHT) == sorted(question.id for question in EVERY)


@pytest.mark.parametrize("question", EVERY, ids=lambda question: question.id)
def test_every_question_gives_a_hint_and_three_or_four_options_with_reasons_of_their_own(question):
    assert question.hint
    assert len({option.reason for option in question.options}) == len(question.options)
    assert len(question.options) in (3, 4) or question.kind == "put_in_order"


def test_the_right_option_is_not_given_away_by_its_place_or_its_length():
    singles = [question for _, question in ALL if question.kind == "single"]
    places = Counter(question.right_choice() for question in singles)
    assert len(places) == 4
    assert max(places.values()) <= 2 * min(places.values())
    longest = [max(question.options, key=lambda option: len(option.text)).right for question in singles]
    assert sum(longest) <= 0.6 * len(longest)


@pytest.mark.parametrize("question", EVERY, ids=lambda question: question.id)
def test_the_answer_of_the_key_is_judged_right_and_every_other_letter_wrong(question):
    ordered = question.kind == "put_in_order"
    assert [option.text for option in question.options if ordered or option.right] == RIGHT[question.id]
    letters = {option.text: letter for letter, option in question.shown()}
    right = [letters[text] for text in RIGHT[question.id]]
    assert question.is_right(right)
    assert not any(question.is_right([letter]) for letter in letters.values() if [letter] != right)


def test_the_question_of_the_lesson_stands_in_the_last_quiz_word_for_word():
    question = next(q for q in load_questions(6).questions if q.text.startswith("Why is monitoring"))
    assert question.text == "Why is monitoring important after deploying a model?"
    assert [(letter, option.text, option.right) for letter, option in question.shown()] == [
        ("A", "To detect if model performance drops over time", True),
        ("B", "To increase the size of the training dataset", False),
        ("C", "To reduce the number of model parameters", False),
        ("D", "To speed up the training process", False),
    ]


GOOD_FILE = """
stage = "data_collection"
ask_again = ["early"]
[[questions]]
id = "which-join"
text = "Which join?"
hint = "the left"
options = [
  {text = "left", reason = "r", right = true},
  {text = "inner", reason = "s", misconception = "m"},
]
[[questions]]
id = "order"
text = "Order?"
kind = "put_in_order"
misconception = "w"
reason = "y"
options = [{text = "one", reason = "r"}, {text = "two", reason = "r"}]
[[flashcards]]
id = "card"
front = "f"
back = "b"
"""


def read(tmp_path, text):
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    return read_question_file(tmp_path / "own.toml")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('stage = "data_collection"', 'stage = "release"', "stage\n  Value error, No stage 'release'"),
        ('stage = "data_collection"', 'stage = "data', "line 2"),
        ('stage = "data_collection"\n', "", "stage\n  Field required"),
        ('id = "which-join"', 'id = "Which join"', "questions.0.id\n  String should match"),
        ('text = "Which join?"', 'text = " "', "questions.0.text\n  String should have at least 1"),
        ('hint = "the left"', 'clue = "c"', "questions.0.clue\n  Unexpected keyword"),
        ('hint = "the left"', 'kind = "essay"', "questions.0.kind\n  Input should be 'single', 'choose_all'"),
        ('hint = "the left"', 'reason = "r"', "question 'which-join': an ordering has one reason"),
        ('"Which join?"', '"![join](join.png)"', "questions.0.text\n  Value error, a picture cannot be shown"),
        ('right = true', 'right = "yes"', "questions.0.options.0.right\n  Input should be a valid boolean"),
        ('"inner"', '"left"', "question 'which-join': two options have the same text"),
        (', misconception = "m"', "", "question 'which-join': an option that is not right names its misconception"),
        ('misconception = "m"', "right = true", "question 'which-join': exactly one option is right"),
        ('misconception = "w"\n', "", "question 'order': an ordering has one misconception"),
        ('{text = "one", reason = "r"}', '{text = "one", reason = "r", right = true}', "in an ordering no option has"),
        ('id = "order"', 'id = "which-join"', "the id 'which-join' is used twice"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_told_with_its_place(tmp_path, old, new, problem):
    with pytest.raises(ValueError, match=r"^own\.toml: ") as raised:
        read(tmp_path, GOOD_FILE.replace(old, new))
    assert problem in str(raised.value)


def test_a_choice_of_several_needs_a_right_option_and_a_file_has_to_be_there(tmp_path):
    wrong = [Option(text, "r", misconception="m") for text in "ab"]
    with pytest.raises(ValueError, match="question 'q': none is marked right"):
        Question("q", "t", wrong, "choose_all")
    with pytest.raises(ValueError, match=r"none\.toml: .*No such file"):
        read_question_file(tmp_path / "none.toml")
