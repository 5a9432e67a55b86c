"""Exercises: the model answer is right, a mistake is named, nothing that an answer does gets out of a check."""

import asyncio
import hashlib
import itertools
import re
import types

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient
from run_notebooks import NOTEBOOKS

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.exercises import trial
from mlops_lesson.teaching.exercises.check import check, own_or_model_answer
from mlops_lesson.teaching.exercises.exercise import all_exercises, exercise_ids

EXERCISES = all_exercises()
EACH = pytest.mark.parametrize("exercise", EXERCISES)


def solved(exercise):
    """Return the solution as a learner writes it."""
    names = {"__name__": "__main__"}
    exec(EXERCISES[exercise].solution, names)  # noqa: S102 - the course's own file
    return names[EXERCISES[exercise].name]


# What each exercise says


@EACH
def test_the_solution_is_right_and_the_course_s_own_function_is_not_taken_for_it(exercise):
    assert check(exercise, solved(exercise)).outcome == "right"
    own = check(exercise, EXERCISES[exercise].model_answer)
    assert own.outcome == "not attempted"
    assert f"the course's own `{EXERCISES[exercise].name}`" in own.message
    assert EXERCISES[exercise].model_answer.__doc__.startswith("Return ")


@EACH
def test_each_mistake_is_named_and_differs_from_every_other(exercise):
    known = EXERCISES[exercise]
    for name, does in known.mistakes.items():
        result = check(exercise, lambda *given, does=does: does(*given))
        assert (result.outcome, result.details["Likely cause"]) == ("not yet", known.words["mistakes"][name])
    assert [*known.mistakes] == [*known.words.get("mistakes", ())]
    assert [*known.promises, *["everywhere"][: len(known.everywhere)]] == [*known.words.get("promises", ())]


RIGHT_RESULTS = {
    "1.1": [[104, 105], [101, 102, 103, 104, 105], []],
    "1.2": [30, 102],
    "2.1": [False, True, True, False, False],
    "2.2": [([2, 5], [1, 3, 4]), ([], [1, 2, 3, 4, 5]), ([1, 2, 4, 5], [3])],
    "2.3": [0, 2, 2],
    "3.1": [1 / 4, 2 / 5],
    "3.2": [3, 11, 1],
    "3.3": [0.510826, 0.308780, 13.868191],
    "4.1": [[[2, 2], [0, 2]], [[0, 2], [0, 1]]],
    "4.2": [2, 1, 2],
    "4.3": [True, False, False, False, False],
    "5.1": [True, True, *[False] * 8],
    "5.3": [5, 30, 30, 4],
    "6.1": [0.137327, 0, 1.114613, 1.252659],
    "6.2": [False, True, False, False, False, False],
    "6.3": ["promote", "keep", "keep", "keep", "promote", "keep"],
}
"""What is right in each case, worked out by hand from its words."""


@EACH
def test_what_is_right_in_a_case_is_what_its_words_say(exercise):
    known = EXERCISES[exercise]
    for (case, arguments), right in zip(known.cases.items(), RIGHT_RESULTS.get(exercise, []), strict=True):
        given = known.model_answer(*arguments)
        if exercise == "2.2":
            given = tuple(sorted(part["id"]) for part in given)
        assert given == right if exercise in ("2.2", "6.3") else np.allclose(given, right, atol=1e-6), case


# Wrong answers written by somebody else


def lost_by_inner_join(parcels, clicks):
    return list(set(parcels.merge(clicks, left_on="id", right_on="parcel_id")["id"]))


def true_or_nothing(image):
    if image.min() == image.max():
        return True


def hash_of_text(parcel_id, share):
    return hash(str(parcel_id)) % 1000 < share * 1000


def sha(what):
    return hashlib.sha256(str(what).encode()).hexdigest()


def place(what):
    return int(sha(what)[:8], 16) / 2**32


def hash_in_a_name(files):
    import hashlib

    return hashlib.sha256(repr(sorted((name, hash(text)) for name, text in files.items())).encode()).hexdigest()


def dice_remembered(parcel_id, share, seen={}):  # noqa: B006
    return seen.setdefault(parcel_id, np.random.default_rng().random()) < share


hash_of_text.__module__ = hash_in_a_name.__module__ = dice_remembered.__module__ = "__main__"


def prints(image):
    print(image.min() == image.max())


def forgets(image):
    _ = image.min() == image.max()


def gives_nothing(image):
    return print(image.min() == image.max())


@pytest.mark.parametrize(
    ("exercise", "answer", "cause"),
    [
        ("1.1", lost_by_inner_join, "inner join"),
        ("1.3", lambda files: sha(sorted(files.items()))[:40], "use `.hexdigest()`"),
        ("1.3", lambda files: sha(files), "go through `sorted(files)`"),
        ("1.3", lambda files: sha(sorted(files)), "the whole content of every file has to"),
        ("1.3", lambda files: sha(sorted(files.values())), "the names have to"),
        ("1.3", lambda files: sha(b"".join(name.encode() + files[name] for name in sorted(files))), "without a border"),
        ("1.3", hash_in_a_name, "one start of Python to the next"),
        ("2.1", true_or_nothing, "one way through the function ends without a `return`"),
        ("2.1", prints, "`return` in place of `print`"),
        ("2.1", forgets, "no line says `return`"),
        ("2.1", gives_nothing, "behind `return`"),
        ("2.1", lambda image: np.array([image.min() == image.max()]), "still stands in a ndarray"),
        ("2.1", lambda image: int(image.min() == image.max()), "a comparison gives True or False"),
        ("2.3", lambda train, val: len([image for image in val if image in train]), "a single pixel"),
        ("3.1", lambda y_train, y_val: max(y_val.mean(), 1 - y_val.mean()), "peeked"),
        ("4.1", lambda y, p: pd.crosstab(p, y).reindex([0, 1], fill_value=0), "exchanged"),
        ("5.2", lambda parcel_id, share: np.random.default_rng().random() < share, "drawn at each call"),
        ("5.2", lambda parcel_id, share: place(parcel_id) > share, "turned round"),
        ("5.2", lambda parcel_id, share: place(parcel_id) < 0.3, "the share is not used"),
        ("5.2", lambda parcel_id, share: place((parcel_id, share)) < share, "the share goes into the hash"),
        ("5.2", lambda parcel_id, share: hash(parcel_id) % 100 < 100 * share, "`hash()` of a whole number"),
        ("5.2", hash_of_text, "one start of Python to the next"),
        ("5.2", dice_remembered, "one start of Python to the next"),
        ("5.3", lambda latencies, q: np.quantile(latencies, q / 100), "between two latencies"),
        ("1.1", lambda parcels, clicks: [104, 105], "Next: try the function by hand"),
        ("6.2", lambda weeks, gate, patience: any(each < gate for each in weeks[-patience:]), "Next: try the function"),
    ],
)
def test_a_mistake_is_recognised_however_it_is_written_and_no_cause_is_better_than_a_wrong_one(exercise, answer, cause):
    result = check(exercise, answer)
    assert result.outcome == "not yet"
    assert cause in repr(result)


# The four outcomes, and what is shown


def blank(*_arguments): ...


@EACH
def test_what_is_blank_called_or_of_another_kind_is_told_apart(exercise):
    known = EXERCISES[exercise]
    for answer in (..., None, blank, lambda *_: ...):
        result = check(exercise, answer)
        assert result.outcome == "not attempted"
        assert result.message.startswith(f"Complete `{known.signature}`: your own code")
    called = check(exercise, 42)
    assert (called.outcome, called.details["Seen"].text) == ("not yet", "Seen: 42, of type int")
    assert f'check("{exercise}", {known.name})' in called.details["Likely cause"]
    other = check(exercise, lambda *_: object)
    assert other.message.endswith(f", `{known.name}` returns another kind of value.")
    assert (len(other.details), other.details["Expected"]) == (2, known.returns)


def helper(one):
    return one.min()


@pytest.mark.parametrize(
    ("answer", "label", "words"),
    [
        (lambda parcels: parcels, "Likely cause", "takes other arguments than `find_lost(parcels, clicks)`"),
        (lambda parcels, clicks: helper(parcels, clicks), "Next", "last words"),
        (lambda parcels, clicks: map(lambda one, other: one, [1, 2]), "Next", "last words"),
        (lambda parcels, clicks: parcells, "Likely cause", "a name is misspelled"),  # noqa: F821
        (lambda parcels, clicks: 1 / 0, "Likely cause", "divided by a count"),
        (lambda parcels, clicks: exit(), "Likely cause", "ends the program"),
        (lambda parcels, clicks: (_ for _ in ()).throw(asyncio.CancelledError()), "Seen", "CancelledError"),
        (lambda parcels, clicks: input("which?"), "Seen", "a check has no keyboard"),
    ],
)
def test_a_crash_is_told_with_what_is_sure(answer, label, words):
    result = check("1.1", answer)
    assert result.outcome == "crashed"
    assert words in result.details[label]
    assert result.details["Given"] == "five parcels, of which 104 and 105 have no click."


def test_the_line_of_a_crash_is_one_of_the_cell_or_is_not_told():
    def fails(image):
        return image[9, 9]

    assert f"in line {fails.__code__.co_firstlineno + 1} of the cell" in check("2.1", fails).message
    assert check("5.3", np.linalg.inv).message == "`percentile` stopped with an error."


def test_values_are_shown_like_the_learner_would_write_them():
    assert "Seen: [40.0]" in repr(check("1.2", lambda parcels, clicks: [np.float64(40)]))
    assert len(repr(check("2.1", lambda image: "y" * 500))) < 500
    split = check("2.2", lambda table, cutoff: (table.iloc[:2], table.iloc[2:]))
    assert re.search(r"\nSeen, part 1\nid +seen_at\n *1 2026-02-03 00:00 *\n *2 2026-01-05 00:00", repr(split))
    assert split._repr_html_().count("<table>") == 4
    assert check("4.1", lambda y, p: np.ones((2, 2)))._repr_html_().count("<table>") == 2


def test_a_check_says_its_outcome_by_sign_colour_and_word_and_folds_its_help():
    for answer, sign, outcome in ((solved("2.1"), "✓", "right"), (lambda image: False, "✗", "not yet")):
        html = check("2.1", answer)._repr_html_()
        assert re.search(
            rf"border-left:4px solid (#\w+);.*background:\1.*>{sign}</span> <strong>Exercise 2.1: {outcome}", html
        )
        assert html.count("<details>") == 4
        assert 'role="status"' in html
    assert "1.1, 1.2, 1.3" in repr(check("9.9", ...))


# What an answer may do


def test_values_that_come_one_at_a_time_are_taken_once_and_spoiled_arguments_spoil_nothing_else():
    def one_by_one(parcels, clicks):
        yield from solved("1.1")(parcels, clicks)
        parcels["id"] = clicks["parcel_id"] = 0

    assert check("1.1", one_by_one).outcome == "right"
    assert "Seen: [0, 1, 2," in repr(check("1.1", lambda parcels, clicks: itertools.count()))
    for kind in (set, tuple, np.array, pd.Series):
        assert check("1.1", lambda *given, kind=kind: kind(solved("1.1")(*given))).outcome == "right"


@pytest.mark.parametrize("swallows", [False, True])
def test_a_loop_without_an_end_is_stopped(monkeypatch, swallows):
    monkeypatch.setattr(trial, "SECONDS", 0.2)
    ended = []

    def endless(image):
        while not ended:
            try:
                sum(range(100))
            except BaseException:
                if not swallows:
                    raise

    result = check("2.1", endless)
    ended.append(True)
    assert (result.outcome, result.details["Given"]) == ("crashed", "an image with a stroke on it.")
    assert "was stopped" in result.message


def test_a_name_that_hides_pythons_own_is_told():
    for name, other, exercise in (("sum", 3, "2.3"), ("all", lambda values: values is not None, "6.2")):
        answer = solved(exercise)
        hidden = types.FunctionType(answer.__code__, {**answer.__globals__, name: other}, answer.__name__)
        assert f"`{name}` has another meaning than Python's" in check(exercise, hidden).details["Mind"]


def test_in_a_kernel_nothing_ends_it_floods_it_or_stops_run_all(tmp_path):
    cells = [
        "from mlops_lesson.teaching.exercises import trial\n"
        "from mlops_lesson.teaching.exercises.check import check, own_or_model_answer",
        "check('2.1', lambda image: exit())",
        "def canary(parcel_id, share):\n    print(parcel_id)\n    return hash(str(parcel_id)) % 100 < 100 * share\n\n"
        "check('5.2', canary)",
        "trial.SECONDS = 1\ncheck('2.1', lambda image: display(image) or [None for _ in iter(int, 1)])",
        "print(own_or_model_answer('2.1', lambda image: quit()).__name__)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    said = ["".join(o.get("text", "") or o["data"]["text/plain"] for o in cell.outputs) for cell in notebook.cells]
    assert "ends the program" in said[1]
    assert "a second Python sent" in said[2]
    assert said[2].endswith("Printed, first lines: 100000")
    assert [len(cell.outputs) for cell in notebook.cells] == [0, 1, 1, 1, 1]
    assert "was stopped" in said[3]
    assert said[4].endswith("is_blank\n")


# Going on


def test_the_outcome_is_saved_and_a_finished_challenge_is_marked():
    for exercise in exercise_ids(1):
        check(exercise, solved(exercise))
    now = progress.read()
    assert now.exercises["1.1"].outcome == "right"
    assert now.parts_of(1) == ("challenge",)


def test_a_check_tells_when_progress_cannot_be_saved(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "file"))
    assert "memory only" in check("1.1", lambda parcels, clicks: 1 / 0).details["Mind"]


def test_later_cells_go_on_with_the_learners_own_answer_or_the_model_answer(capsys):
    own = solved("2.1")
    assert own_or_model_answer("2.1", own) is own
    assert capsys.readouterr().out == "Exercise 2.1: going on with your own function.\n"
    answers = [(..., "written"), (3, "right"), (lambda image: 1 / 0, "right"), (lambda image: True, "right")]
    for answer, is_not in answers:
        assert own_or_model_answer("2.1", answer) is EXERCISES["2.1"].model_answer
        told = f"Exercise 2.1: going on with the model answer; yours is not {is_not} yet.\n"
        assert capsys.readouterr().out == told
    with pytest.raises(ValueError, match="There is no exercise"):
        own_or_model_answer("9.9", own)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_every_notebook_shows_its_exercises_with_their_minutes(stage):
    known = [number for number in EXERCISES if number.startswith(f"{stage.number}.")]
    assert tuple(known) == exercise_ids(stage)
    notebook = "\n".join(cell.source for cell in nbformat.read(NOTEBOOKS / stage.notebook, 4).cells)
    for number in known:
        exercise = EXERCISES[number]
        assert f'check("{number}", {exercise.name})' in notebook
        assert re.search(
            rf"{number}.{{1,3}}{exercise.words['title']}\W+{exercise.words['minutes']} minutes", notebook, re.IGNORECASE
        )
