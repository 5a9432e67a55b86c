import re
import subprocess
import sys

import pytest

from mlops_lesson.show.page import fold, script
from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.quiz import (
    _HOW,
    LETTERS,
    Asked,
    Flashcard,
    Option,
    Question,
    Quiz,
    quiz,
    read_question_file,
)

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
    code = f"from mlops_lesson.teaching.quiz import quiz; q = quiz({stage.number}); "
    code += "print(q._repr_html_() + repr(q), end='')"
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


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": "Late"}, "'id': 'Late' is not small letters, digits and hyphens, such as 'late-labels'."),
        ({"id": "a--b"}, "'id': 'a--b' is not small letters, digits and hyphens, such as 'late-labels'."),
        ({"text": " "}, "'text': the question has no words."),
        ({"kind": "essay"}, "'kind': 'essay' is none of single, choose_all, put_in_order."),
        ({"hint": " "}, "'hint': it is empty; leave it out or give it words."),
        ({"options": [RIGHT]}, f"'options': 1 given, 2 to {len(LETTERS)} expected."),
        ({"options": [RIGHT, RIGHT]}, "'options': two options have the same text."),
        (
            {"options": [WRONG, OTHER]},
            "'options': 0 are marked right; a single-choice question has exactly one right option.",
        ),
        (
            {"options": [WRONG, OTHER], "kind": "choose_all"},
            "'options': none is marked right; mark at least one with right = true.",
        ),
        (
            {"misconception": "m"},
            "'misconception': an ordering names one for the whole question; other kinds name it in each option.",
        ),
        ({"options": [RIGHT, Option(" ", "r", misconception="m")]}, "'options[2].text': the option has no words."),
        (
            {"options": [RIGHT, Option("t", " ", misconception="m")]},
            "'options[2].reason': every option needs its own reason.",
        ),
        (
            {"options": [Option("A", "r", right=1), WRONG]},
            "'options[1].right': 1 given, true or false expected.",
        ),
        (
            {"options": [RIGHT, WRONG], "kind": "put_in_order", "misconception": "m"},
            "'options[1].right': in an ordering the place decides; leave right and misconception out.",
        ),
        (
            {"options": [RIGHT, Option("t", "r")]},
            "'options[2].misconception': an option that is not right names its misconception; a right one has none.",
        ),
    ],
)
def test_a_broken_rule_is_told_in_words(changes, problem):
    with pytest.raises(ValueError, match="question ") as raised:
        single(**changes)
    assert str(raised.value) == f"question {changes.get('id', 'which-join')!r}, field {problem}"


def ordering(*texts):
    return Question("in-order", "What comes `first`?", steps(*texts), "put_in_order", None, "m < n", "`n` is > m.")


def test_the_page_of_a_quiz_holds_every_question_with_all_that_can_be_read_about_it():
    again = Asked(single(hint="look <at> `it`"), STAGES[0])
    shown = Quiz("own", "Own & <good>", (again, Asked(ordering("one", "two"))))
    letters = {option.text: letter for letter, option in ordering("one", "two").shown()}

    def block(letter, option, verdict):
        return fold(
            f"<strong>{letter}.</strong> <span data-text>{option.text}</span>",
            f"<p>{verdict}<span data-reason>{option.reason}</span></p>",
            f'data-letter="{letter}" data-right="{str(option.right).lower()}"',
        )

    wrong = "Not right. Misconception: <em data-misconception>{}</em>. "
    first = (
        '<div data-mlops-question="which-join" data-kind="single" data-order=""><p data-ask><strong>Question 1 of 2 '
        f"(from stage 1, Data Collection){_HOW['single']}:</strong> Which join keeps all?</p>"
        + block("A", WRONG, wrong.format(WRONG.misconception))
        + block("B", RIGHT, "Right. ")
        + block("C", OTHER, wrong.format(OTHER.misconception))
        + "<p>Hint: <span data-hint>look &lt;at&gt; <code>it</code></span></p></div>"
    )
    order = [letters["one"], letters["two"]]
    second = (
        f'<div data-mlops-question="in-order" data-kind="put_in_order" data-order="{",".join(order)}"><p data-ask>'
        f"<strong>Question 2 of 2{_HOW['put_in_order']}:</strong> What comes <code>first</code>?</p>"
        + "".join(
            block(letter, option, f"Place {1 if option.text == 'one' else 2}. ")
            for letter, option in ordering("one", "two").shown()
        )
        + fold(
            "The right order",
            f"<p>{' '.join(order)}. <span data-when-wrong><code>n</code> is &gt; m. A wrong order often comes from the "
            "belief that <em>m &lt; n</em>.</span></p>",
        )
        + "</div>"
    )
    assert shown._repr_html_() == (
        '<div class="mlops-lesson" data-mlops-quiz="own"><p><strong>Quiz: Own &amp; &lt;good&gt;.</strong> '
        "<span data-intro>Choose an option in your mind, then open it to read why it is right or not.</span></p>"
        f"{first}{second}{script('quiz')}</div>"
    )


def test_the_plain_text_of_a_quiz_ends_with_its_answers():
    shown = Quiz("own", "Own", (Asked(single(), STAGES[1]), Asked(ordering("one", "two"))))
    assert repr(shown).splitlines() == [
        "Quiz: Own (2 questions)",
        "",
        f"1. (from stage 2, Data Preprocessing) Which join keeps all?{_HOW['single']}",
        f"   A. {WRONG.text}",
        f"   B. {RIGHT.text}",
        f"   C. {OTHER.text}",
        "",
        f"2. What comes `first`?{_HOW['put_in_order']}",
        *(f"   {letter}. {option.text}" for letter, option in ordering("one", "two").shown()),
        "",
        f"Answers: 1 B; 2 {', '.join(ordering('one', 'two').right_choice())}",
    ]
    assert repr(Quiz("own", "Own", (Asked(single()),))).startswith("Quiz: Own (1 question)\n")


def test_more_options_than_letters_are_counted_and_not_paired():
    many = [RIGHT, *(Option(f"option {n}", "r", misconception="m") for n in range(len(LETTERS)))]
    with pytest.raises(ValueError, match=f"{len(many)} given, 2 to {len(LETTERS)} expected"):
        single(options=many)


GOOD_FILE = """
stage = "data_collection"
[[questions]]
id = "which-join"
text = "Which join?"
hint = "the left"
options = [
  {text = "left", reason = "r", right = true},
  {text = "inner", reason = "r", misconception = "m"},
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
    (tmp_path / "questions.toml").write_text(text, encoding="utf-8")
    return read_question_file(tmp_path / "questions.toml")


def test_a_file_of_questions_holds_what_is_written_in_it(tmp_path):
    made = read(tmp_path, 'ask_again = ["early"]\n' + GOOD_FILE)
    assert made.stage is STAGES[0]
    assert made.ask_again == ("early",)
    assert made.flashcards == (Flashcard("card", "f", "b"),)
    options = [Option("left", "r", True), Option("inner", "r", misconception="m")]
    places = [Option("one", "r"), Option("two", "r")]
    assert made.questions == (
        Question("which-join", "Which join?", options, hint="the left"),
        Question("order", "Order?", places, "put_in_order", misconception="w", reason="y"),
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('hint = "the left"', 'clue = "c"', "question 'which-join', field 'clue': unknown; known are hint, id, kind, "
         "misconception, options, reason, text."),
        ('id = "which-join"\n', 'clue = "c"\n', "question 'number 1', field 'clue': unknown; known are hint, id, kind, "
         "misconception, options, reason, text."),
        ('id = "which-join"\n', "", "question 'number 1', field 'id': it is missing."),
        ('text = "Order?"\n', "", "question 'order', field 'text': it is missing."),
        ('{text = "two", reason', '{clue = "two", reason', "question 'order', options[2], field 'clue': unknown; known "
         "are misconception, reason, right, text."),
        ('text = "two", ', "", "question 'order', field 'options[2].text': the option has no words."),
        ('front = "f"', "", "flashcard 'card', field 'front': it has no words."),
        ('back = "b"', "", "flashcard 'card', field 'back': it has no words."),
        ('id = "card"\n', "", "flashcard '', field 'id': it has no words."),
        ('id = "card"\n', 'clue = "c"\n', "flashcard 1, field 'clue': unknown; known are back, front, id."),
        ('id = "order"', 'id = "which-join"', "question 'which-join', field 'id': used twice among the questions."),
        ("[[flashcards]]", '[[flashcards]]\nid = "card"\nfront = "g"\nback = "b"\n[[flashcards]]', "flashcard 'card', "
         "field 'id': used twice among the flashcards."),
        ('stage = "data_collection"', "colour = 1", "the file, field 'colour': unknown; known are ask_again, "
         "flashcards, questions, stage."),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_told_with_its_place(tmp_path, old, new, problem):
    with pytest.raises(ValueError, match="questions") as raised:
        read(tmp_path, GOOD_FILE.replace(old, new))
    assert str(raised.value) == f"questions.toml: {problem}"


def test_a_file_without_a_stage_is_refused_with_the_stages_there_are(tmp_path):
    with pytest.raises(ValueError, match=r"^questions\.toml: No stage '\(none\)'\. Give a number or a name: 1 'Data"):
        read(tmp_path, GOOD_FILE.replace('stage = "data_collection"', ""))


@pytest.mark.parametrize(
    ("questions", "words"),
    [
        ([], "No questions given: pass a list with at least one Question."),
        ([single(), "text"], "A quiz takes Question objects, not str: make them with Question(...)."),
        ([single(), single()], "question 'which-join', field 'id': used twice among the questions."),
    ],
)
def test_what_makes_no_quiz_is_told_in_words(questions, words):
    with pytest.raises(ValueError, match=re.escape(words[:20])) as raised:
        quiz(questions)
    assert str(raised.value) == words


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
        "import sys; from mlops_lesson.teaching.quiz import quiz, flashcards; quiz(1); flashcards(6); "
        "import mlops_lesson.teaching.progress, mlops_lesson.teaching.chooser; "
        "print([n for n in ('sklearn', 'matplotlib', 'mlflow', 'pandas', 'numpy', 'ipywidgets') if n in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
