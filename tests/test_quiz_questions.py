"""The course's own questions, and how a file of questions is read."""

from collections import Counter

import pytest
from answer_key import RIGHT

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.questions import (
    QUESTIONS_FOLDER,
    Flashcard,
    Option,
    Question,
    load_questions,
    read_question_file,
)
from mlops_lesson.teaching.quiz import quiz

ALL = [(stage, question) for stage in STAGES for question in load_questions(stage).questions]
EVERY = [question for _, question in ALL] + [item.question for item in quiz("final").items]


def test_there_is_one_file_of_questions_for_each_notebook_and_one_across_them():
    expected = [*(stage.notebook.removesuffix(".ipynb") for stage in STAGES), "final"]
    assert sorted(path.stem for path in QUESTIONS_FOLDER.glob("*.toml")) == expected


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_every_stage_has_its_questions_and_cards_and_asks_one_of_an_earlier_stage_again(stage):
    own, again = load_questions(stage), [item.origin.number for item in quiz(stage).items if item.origin]
    assert len(own.questions) >= 5
    assert len(own.flashcards) >= (9 if stage.number == 6 else 5)
    assert len(again) == (0 if stage.number == 1 else 1)
    assert all(number < stage.number for number in again)


def test_question_identifiers_are_different_throughout_the_course():
    assert max(Counter(question.id for question in EVERY).values()) == 1


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


def test_every_question_of_the_course_has_its_answer_in_the_key():
    assert set(RIGHT) == {question.id for question in EVERY}


@pytest.mark.parametrize("question", EVERY, ids=lambda question: question.id)
def test_the_answer_of_the_key_is_judged_right_and_every_other_letter_wrong(question):
    ordered = question.kind == "put_in_order"
    assert [option.text for option in question.options if ordered or option.right] == RIGHT[question.id]
    letters = {option.text: letter for letter, option in question.shown()}
    right = [letters[text] for text in RIGHT[question.id]]
    assert question.is_right(right)
    assert not any(question.is_right([letter]) for letter in letters.values() if [letter] != right)


def test_all_three_kinds_of_question_are_asked_and_the_six_stages_are_put_in_order():
    assert {question.kind for _, question in ALL} == {"single", "choose_all", "put_in_order"}
    assert [stage.name for stage in STAGES] in [[option.text for option in q.options] for _, q in ALL]


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
QUESTION = "field 'questions[1] (which-join)"


def read(tmp_path, text):
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    return read_question_file(tmp_path / "own.toml")


def test_a_file_of_questions_holds_what_is_written_in_it(tmp_path):
    made = read(tmp_path, GOOD_FILE)
    assert (made.stage, made.ask_again) == ("data_collection", ("early",))
    assert made.flashcards == (Flashcard("card", "f", "b"),)
    options = [Option("left", "r", True), Option("inner", "s", misconception="m")]
    places = [Option("one", "r"), Option("two", "r")]
    assert made.questions == (
        Question("which-join", "Which join?", options, hint="the left"),
        Question("order", "Order?", places, "put_in_order", misconception="w", reason="y"),
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('stage = "data_collection"', 'stage = "release"', "No stage 'release'"),
        ('stage = "data_collection"', 'stage = "data', "line 2"),
        ('stage = "data_collection"\n', "", "field 'stage': it is missing"),
        ('ask_again = ["early"]', "colour = 1", "field 'colour': no such field is known"),
        ('id = "which-join"', 'id = "Which join"', "questions[1] (Which join).id': it has no words, or"),
        ('text = "Which join?"', 'text = " "', f"{QUESTION}.text': it has no words"),
        ('hint = "the left"', 'clue = "c"', f"{QUESTION}.clue': no such field is known"),
        ('hint = "the left"', 'kind = "essay"', f"{QUESTION}.kind': Input should be 'single', 'choose_all'"),
        ('hint = "the left"', 'reason = "r"', "question 'which-join', field 'reason': an ordering names one"),
        ('"Which join?"', '"![join](join.png)"', f"{QUESTION}.text': a picture cannot be shown here"),
        ('{text = "left", reason = "r"', '{text = "left"', f"{QUESTION}.options[1].reason': it is missing"),
        ('right = true', 'right = "yes"', f"{QUESTION}.options[1].right': Input should be a valid boolean"),
        ('"inner"', '"left"', "question 'which-join', field 'options': two options have the same text"),
        (', misconception = "m"', "", "question 'which-join', field 'options[2].misconception': an option that is not"),
        ('misconception = "m"', "right = true", "field 'options': 2 are marked right"),
        ('  {text = "inner", reason = "s", misconception = "m"},\n', "", "field 'options': 1 given, 2 to 10 expected"),
        ('misconception = "w"\n', "", "question 'order', field 'misconception': an ordering names one"),
        ('{text = "one", reason = "r"}', '{text = "one", reason = "r", right = true}', "options[1].right': in an"),
        ('id = "order"', 'id = "which-join"', "question 'which-join', field 'id': used twice"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_told_with_file_question_and_field(tmp_path, old, new, problem):
    assert old in GOOD_FILE
    with pytest.raises(ValueError, match=r"^own\.toml: ") as raised:
        read(tmp_path, GOOD_FILE.replace(old, new))
    assert problem in str(raised.value)


def test_a_choice_of_several_needs_a_right_option_and_a_file_has_to_be_there(tmp_path):
    wrong = [Option(text, "r", misconception="m") for text in "ab"]
    with pytest.raises(ValueError, match="question 'q', field 'options': none is marked right"):
        Question("q", "t", wrong, "choose_all")
    with pytest.raises(ValueError, match=r"none\.toml: No such file"):
        read_question_file(tmp_path / "none.toml")
