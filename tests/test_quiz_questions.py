import re
from collections import Counter

import pytest
from answer_key import RIGHT

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.quiz import QUESTIONS_FOLDER, load_questions, quiz, read_question_file

GOOD_FILE = """
stage = "deployment"
[[questions]]
id = "alias"
text = "What does a rollback move?"
[[questions.options]]
text = "The alias"
right = true
reason = "It points to a version."
[[questions.options]]
text = "The file"
misconception = "versions are files to overwrite"
reason = "Versions never change."
[[flashcards]]
id = "alias"
front = "What is an alias?"
back = "A name for a version."
"""
ALL = [(stage, question) for stage in STAGES for question in load_questions(stage).questions]
EACH_STAGE = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)


def test_there_is_one_file_of_questions_for_each_notebook():
    assert sorted(path.stem for path in QUESTIONS_FOLDER.glob("*.toml")) == [
        stage.notebook.removesuffix(".ipynb") for stage in STAGES
    ]


@EACH_STAGE
def test_every_stage_asks_at_least_five_questions_of_its_own(stage):
    assert len(load_questions(stage).questions) >= 5


@EACH_STAGE
def test_every_stage_but_the_first_asks_one_question_of_an_earlier_stage_again(stage):
    again = [item for item in quiz(stage).items if item.origin]
    assert len(again) == (0 if stage.number == 1 else 1)
    assert all(item.origin.number < stage.number for item in again)


@EACH_STAGE
def test_every_stage_has_its_flashcards(stage):
    assert len(load_questions(stage).flashcards) >= (9 if stage.number == 6 else 5)


def test_question_identifiers_are_different_throughout_the_course():
    assert max(Counter(question.id for _, question in ALL).values()) == 1


@pytest.mark.parametrize("question", [q for _, q in ALL], ids=lambda question: question.id)
def test_every_question_gives_a_hint_and_no_two_options_the_same_reason(question):
    assert question.hint
    assert len({option.reason for option in question.options}) == len(question.options)


@pytest.mark.parametrize("question", [q for _, q in ALL if q.kind != "put_in_order"], ids=lambda question: question.id)
def test_every_question_offers_three_or_four_options(question):
    assert 3 <= len(question.options) <= 4


def test_the_right_option_stands_in_every_place_about_as_often():
    places = Counter(question.right_choice() for _, question in ALL if question.kind == "single")
    assert len(places) == 4
    assert max(places.values()) <= 2 * min(places.values())


def test_the_right_option_is_not_given_away_by_being_the_longest():
    singles = [question for _, question in ALL if question.kind == "single"]
    longest = [max(question.options, key=lambda option: len(option.text)).right for question in singles]
    assert sum(longest) <= 0.6 * len(longest)


def test_every_question_of_the_course_has_its_answer_in_the_key():
    assert set(RIGHT) == {question.id for _, question in ALL}


@pytest.mark.parametrize("question", [q for _, q in ALL], ids=lambda question: question.id)
def test_the_answers_taken_as_right_are_those_of_the_key(question):
    ordered = question.kind == "put_in_order"
    assert [option.text for option in question.options if ordered or option.right] == RIGHT[question.id]


@pytest.mark.parametrize("question", [q for _, q in ALL], ids=lambda question: question.id)
def test_the_answer_of_the_key_is_judged_right_and_every_other_choice_wrong(question):
    letters = {option.text: letter for letter, option in question.shown()}
    right = [letters[text] for text in RIGHT[question.id]]
    assert question.is_right(right)
    assert not any(question.is_right([letter]) for letter in letters.values() if [letter] != right)


def test_all_three_kinds_of_question_are_asked():
    assert {question.kind for _, question in ALL} == {"single", "choose_all", "put_in_order"}


def test_the_six_stages_are_put_in_order():
    orders = [[option.text for option in question.options] for _, question in ALL if question.kind == "put_in_order"]
    assert [stage.name for stage in STAGES] in orders


def test_the_question_of_the_lesson_stands_in_the_last_quiz_word_for_word():
    question = next(q for q in load_questions(6).questions if q.text.startswith("Why is monitoring"))
    assert question.text == "Why is monitoring important after deploying a model?"
    assert [(letter, option.text, option.right) for letter, option in question.shown()] == [
        ("A", "To detect if model performance drops over time", True),
        ("B", "To increase the size of the training dataset", False),
        ("C", "To reduce the number of model parameters", False),
        ("D", "To speed up the training process", False),
    ]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('stage = "deployment"', 'stage = "release"', ["release"]),
        ('stage = "deployment"', 'stage = "deployment', ["line 2"]),
        ('text = "What does a rollback move?"', "", ["alias", "text"]),
        ('id = "alias"\ntext', "text", ["number 1", "id"]),
        ("misconception =", "misconcept =", ["alias", "options[2]", "misconcept"]),
        (
            'misconception = "versions are files to overwrite"',
            "right = true",
            ["alias", "options", "2 are marked right"],
        ),
        ("right = true", 'misconception = "m"', ["alias", "options", "0 are marked right"]),
        ('reason = "Versions never change."', "", ["alias", "options[2].reason"]),
        ('back = "A name for a version."', "", ["alias", "back"]),
        ('front = "What is an alias?"', 'face = "What is an alias?"', ["alias", "face"]),
    ],
)
def test_a_broken_file_is_refused_with_file_question_and_field(tmp_path, old, new, named):
    assert old in GOOD_FILE
    path = tmp_path / "05_deployment.toml"
    path.write_text(GOOD_FILE.replace(old, new))
    with pytest.raises(ValueError, match=re.escape("05_deployment.toml")) as raised:
        read_question_file(path)
    assert all(word in str(raised.value) for word in named), str(raised.value)


def test_a_good_file_is_read_whole(tmp_path):
    path = tmp_path / "05_deployment.toml"
    path.write_text(GOOD_FILE)
    loaded = read_question_file(path)
    assert loaded.stage.number == 5
    assert [question.id for question in loaded.questions] == ["alias"]
    assert [card.front for card in loaded.flashcards] == ["What is an alias?"]
