import math
import operator
import random
import re
import statistics
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlops_lesson.show.page import fold, script
from mlops_lesson.stages import STAGES
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.exercises.bank import EXERCISES
from mlops_lesson.teaching.exercises.check import (
    SOLUTIONS_FOLDER,
    Case,
    CheckResult,
    Help,
    Mistake,
    _likely_cause,
    check,
    exercise_ids,
    hint,
    own_or_model_answer,
    reference,
    solution,
    solution_source,
)

EACH = pytest.mark.parametrize("exercise", EXERCISES)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "home"))


def lost_by_inner_join(parcels, clicks):
    return list(set(parcels.merge(clicks, left_on="id", right_on="parcel_id")["id"]))


def lost_from_the_clicks(parcels, clicks):
    return sorted(set(clicks["parcel_id"]) - set(parcels["id"]))


def delay_of_every_click(parcels, clicks):
    both = clicks.merge(parcels, left_on="parcel_id", right_on="id")
    return ((both["clicked_at"] - both["seen_at"]) / pd.Timedelta(hours=1)).median()


def delay_as_a_mean(parcels, clicks):
    first = clicks.sort_values("clicked_at").drop_duplicates("parcel_id")
    both = first.merge(parcels, left_on="parcel_id", right_on="id")
    return ((both["clicked_at"] - both["seen_at"]) / pd.Timedelta(hours=1)).mean()


def version_in_dictionary_order(files):
    import hashlib

    return hashlib.sha256(repr(list(files.items())).encode()).hexdigest()


def version_of_contents(files):
    import hashlib

    return hashlib.sha256(b"".join(sorted(files.values()))).hexdigest()


def at_cutoff_goes_first(table, cutoff):
    later = table["seen_at"] > cutoff
    return table[~later], table[later]


def split_at_a_position(table, cutoff):
    place = (table["seen_at"] < cutoff).sum()
    return table.head(place), table.tail(len(table) - place)


def leaks_at_the_same_place(train, val):
    count = min(len(train), len(val))
    return int((train[:count] == val[:count]).all(axis=1).sum())


def leaks_as_pairs(train, val):
    return sum(np.array_equal(one, other) for one in train for other in val)


def baseline_that_peeks(y_train, y_val):
    return max(y_val.mean(), 1 - y_val.mean())


def baseline_on_training(y_train, y_val):
    return max(y_train.mean(), 1 - y_train.mean())


def place_of_the_lowest_loss(trace):
    losses = [loss for _, loss, _ in trace]
    return losses.index(min(losses))


def epoch_of_the_highest_accuracy(trace):
    return sorted(trace, key=lambda record: -record[2])[0][0]


def loss_without_the_sign(y, p):
    p = p.clip(1e-12, 1 - 1e-12)
    return np.where(y == 1, np.log(p), np.log(1 - p)).mean()


def loss_as_a_sum(y, p):
    p = p.clip(1e-12, 1 - 1e-12)
    return -np.where(y == 1, np.log(p), np.log(1 - p)).sum()


def confusion_turned_round(y_true, y_pred):
    return [[sum((y_pred == p) & (y_true == t)) for t in (0, 1)] for p in (0, 1)]


def confusion_in_shares(y_true, y_pred):
    from sklearn.metrics import confusion_matrix

    return confusion_matrix(y_true, y_pred, labels=[0, 1], normalize="all")


def slice_of_any_size(table, at_least):
    return table.groupby("camera_id").correct.mean().sort_values().index[0]


def slice_with_most_mistakes(table, at_least):
    return table[~table.correct].camera_id.value_counts().index[0]


def gate_without_interval(correct, total, gate):
    return correct >= gate * total


def gate_at_the_upper_end(correct, total, gate):
    z, share = 1.959964, correct / total
    middle, half = share + z**2 / (2 * total), z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return (middle + half) / (1 + z**2 / total) >= gate


def request_of_any_range(pixels):
    try:
        return np.shape(pixels) == (8, 8) and bool(np.isfinite(pixels).all()) and isinstance(pixels[0][0], (int, float))
    except (TypeError, ValueError):
        return False


def request_with_nan(pixels):
    try:
        values = [value for row in pixels for value in row]
        shape = len(pixels) == 8 and all(len(row) == 8 for row in pixels)
        return shape and not any(value < 0 or value > 16 for value in values)
    except TypeError:
        return False


def percentile_between(latencies, q):
    return np.quantile(latencies, q / 100)


def percentile_unsorted(latencies, q):
    return latencies[math.ceil(len(latencies) * q / 100) - 1]


def psi_of_counts(reference, current, bins):
    one, other = (np.clip(np.histogram(values, bins)[0], 0.0001, None) for values in (reference, current))
    return ((other - one) * np.log(other / one)).sum()


def psi_one_sided(reference, current, bins):
    one, other = (np.clip(np.histogram(v, bins)[0] / len(v), 0.0001, None) for v in (reference, current))
    return (other * np.log(other / one)).sum()


def alert_at_any_bad_week(accuracies, gate, patience):
    return any(accuracy < gate for accuracy in accuracies)


def alert_at_bad_weeks_anywhere(accuracies, gate, patience):
    return len([accuracy for accuracy in accuracies if accuracy < gate]) >= patience


def decide_by_being_ahead(challenger, champion):
    return "keep" if champion >= challenger else "promote"


def decide_by_any_difference(challenger, champion):
    from scipy.stats import binomtest

    total = challenger + champion
    return "promote" if total and binomtest(champion, total).pvalue < 0.05 else "keep"


WRONG_ANSWERS = [
    ("1.1", lost_by_inner_join, "inner join"),
    ("1.1", lost_from_the_clicks, "from the clicks to the parcels"),
    ("1.2", delay_of_every_click, "later clicks"),
    ("1.2", delay_as_a_mean, "the mean"),
    ("1.3", version_in_dictionary_order, "sorted(files)"),
    ("1.3", version_of_contents, "only the contents"),
    ("2.1", lambda image: not image.any(), "only black frames"),
    ("2.1", lambda image: image.min() == 0, "one dark pixel"),
    ("2.2", at_cutoff_goes_first, "with `<` it goes to the second"),
    ("2.2", split_at_a_position, "by position"),
    ("2.3", leaks_at_the_same_place, "same place"),
    ("2.3", leaks_as_pairs, "pairs are counted"),
    ("3.1", baseline_that_peeks, "peeked"),
    ("3.1", baseline_on_training, "accuracy on the training labels"),
    ("3.2", place_of_the_lowest_loss, "place in the list"),
    ("3.2", epoch_of_the_highest_accuracy, "highest accuracy"),
    ("3.3", loss_without_the_sign, "sign is missing"),
    ("3.3", loss_as_a_sum, "the sum"),
    ("4.1", confusion_turned_round, "exchanged"),
    ("4.1", confusion_in_shares, "shares"),
    ("4.2", slice_of_any_size, "too few parcels"),
    ("4.2", slice_with_most_mistakes, "most mistakes"),
    ("4.3", gate_without_interval, "as if the test were endless"),
    ("4.3", gate_at_the_upper_end, "upper end"),
    ("5.1", request_of_any_range, "range is not checked"),
    ("5.1", request_with_nan, "NaN slips through"),
    ("5.2", lambda parcel_id, share: random.random() < share, "random number"),  # noqa: S311
    ("5.2", lambda parcel_id, share: parcel_id % 100 < 100 * share, "used as it is"),
    ("5.3", percentile_between, "between two latencies"),
    ("5.3", percentile_unsorted, "not sorted"),
    ("6.1", psi_of_counts, "counts are compared"),
    ("6.1", psi_one_sided, "current share alone"),
    ("6.2", alert_at_any_bad_week, "any bad week"),
    ("6.2", alert_at_bad_weeks_anywhere, "wherever they stand"),
    ("6.3", decide_by_being_ahead, "happens by luck"),
    ("6.3", decide_by_any_difference, "any significant difference"),
]


def blank(*_arguments): ...


def blank_with_words(*_arguments):
    """Say what to do."""


def blank_with_a_name(*_arguments):
    result = ...
    return result


def blank_with_two_names(*_arguments):
    first, second = ..., ...
    return first, second


def crash(*_arguments):
    return [][3]


BLANKS = {
    "dots": ...,
    "None": None,
    "empty": blank,
    "docstring": blank_with_words,
    "a name for dots": blank_with_a_name,
    "two names for dots": blank_with_two_names,
}


@EACH
def test_the_solution_is_right(exercise):
    assert check(exercise, reference(exercise)).outcome == "right"


@EACH
@pytest.mark.parametrize("answer", BLANKS.values(), ids=BLANKS)
def test_a_blank_answer_is_calmly_not_attempted(exercise, answer):
    result = check(exercise, answer)
    assert result.outcome == "not attempted"
    assert EXERCISES[exercise].signature in result.message
    assert f"about {EXERCISES[exercise].minutes} minutes" in result.message


@pytest.mark.parametrize(
    ("exercise", "answer", "cause"), WRONG_ANSWERS, ids=[f"{number} {cause}" for number, _, cause in WRONG_ANSWERS]
)
def test_a_wrong_answer_is_told_its_likely_cause(exercise, answer, cause):
    result = check(exercise, answer)
    assert result.outcome == "not yet"
    assert [line.split(":")[0] for line in result.details] == ["Seen", "Expected", "Likely cause"]
    assert cause in result.details[2]


@EACH
def test_two_wrong_answers_of_each_exercise_are_tested(exercise):
    assert len([number for number, _, _ in WRONG_ANSWERS if number == exercise]) == 2


@EACH
def test_every_known_mistake_gets_its_own_message(exercise):
    causes = [promise.cause for promise in EXERCISES[exercise].promises]
    for mistake in EXERCISES[exercise].mistakes:
        assert mistake.cause in repr(check(exercise, mistake.does))
        causes.append(mistake.cause)
    assert len(set(causes)) == len(causes) >= 2


@EACH
@pytest.mark.parametrize("answer", [42, "text", [1, 2]], ids=["number", "text", "list"])
def test_a_value_in_place_of_the_function_is_told_apart(exercise, answer):
    result = check(exercise, answer)
    assert result.outcome == "not yet"
    assert type(answer).__name__ in result.details[0]
    assert f'check("{exercise}", {EXERCISES[exercise].name})' in result.details[1]


@EACH
def test_a_result_of_another_kind_is_told_what_kind_is_expected(exercise):
    result = check(exercise, lambda *_arguments: object)
    assert result.outcome == "not yet"
    known = EXERCISES[exercise]
    assert result.message.startswith("With ")
    assert result.message.endswith(f", `{known.name}` returns another kind of value.")
    assert result.details == (
        "Seen: <class 'object'>, of type type.",
        f"Expected: {known.returns}.",
        "Likely cause: the value is one step away from the answer: take it out of its table or list, or return it "
        "instead of printing it.",
    )


@EACH
def test_a_crash_is_told_with_the_error_the_line_and_what_was_given(exercise):
    result = check(exercise, crash)
    assert result.outcome == "crashed"
    assert re.search(r"in line \d+ of the cell", result.message)
    assert result.details[0] == "Seen: IndexError: list index out of range"
    assert result.details[1].startswith("Given: ")


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (lambda parcels: parcels, "takes other arguments"),
        (lambda parcels, clicks: parcells, "misspelled, or its import"),  # noqa: F821
        (lambda parcels, clicks: parcels["ids"], "column or attribute"),
        (lambda parcels, clicks: 1 / 0, "divided by a count"),
        (lambda parcels, clicks: sys.exit(), "interrupted"),
    ],
    ids=["arguments", "name", "column", "zero", "exit"],
)
def test_a_crash_is_told_its_likely_cause(answer, cause):
    result = check("1.1", answer)
    assert result.outcome == "crashed"
    assert cause in result.details[-1]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (TypeError("f() takes 1 positional argument but 2 were given"), "the function takes other arguments than "
         "`is_blank(image)`."),
        (TypeError("of another kind"), "read the error's last words first; then try the function by hand on a small "
         "example."),
        (NameError("x"), "a name is misspelled, or its import stands in a cell that was not run."),
        (KeyError("x"), "a column or attribute is misspelled, or the value is of another type than you think."),
        (AttributeError("x"), "a column or attribute is misspelled, or the value is of another type than you think."),
        (KeyboardInterrupt(), "the check was interrupted: look for a loop that never ends."),
        (SystemExit(2), "the check was interrupted: look for a loop that never ends."),
        (ZeroDivisionError("x"), "something is divided by a count that can be zero."),
    ],
)  # fmt: skip
def test_a_crash_is_told_in_four_lines(error, cause):
    def fails(image):
        raise error

    result = check("2.1", fails)
    line = fails.__code__.co_firstlineno + 1
    words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    assert (result.outcome, result.message) == (
        "crashed",
        f"`is_blank` stopped with an error in line {line} of the cell.",
    )
    assert result.details == (
        f"Seen: {words}",
        "Given: an image with a stroke on it.",
        "Expected: True if all pixels have the same value, else False.",
        f"Likely cause: {cause}",
    )


def test_a_long_error_and_a_long_value_are_cut():
    def fails(image):
        raise ValueError("x" * 500)

    assert len(check("2.1", fails).details[0]) == len("Seen: ") + 160
    assert check("2.1", lambda image: "y" * 500).details[0] == f"Seen: '{'y' * 158}…, of type str."
    assert check("2.1", lambda image: "y" * 158).details[0] == f"Seen: '{'y' * 158}', of type str."


def test_a_value_that_cannot_be_shown_is_named_by_its_kind():
    class Shy:
        def __repr__(self):
            raise ValueError

    assert check("2.1", lambda image: Shy()).details[0] == "Seen: a Shy that cannot be shown, of type Shy."


def test_a_right_a_blank_and_an_early_called_answer_are_told_what_they_are():
    right = check("2.1", reference("2.1"))
    assert (right.message, right.details) == (
        "`is_blank` does what it should, also on data it had not seen.", ())  # fmt: skip
    assert check("2.1", ...).message == (
        "Write `is_blank(image)` in place of the three dots, about 3 minutes, and run the cell again. The notebook "
        "goes on either way."
    )
    called = check("2.1", True)
    assert called.message == "This should be the function `is_blank(image)`, without calling it."
    assert called.details == (
        "Seen: True, of type bool.",
        'Likely cause: the call is inside the check. Write `check("2.1", is_blank)`.',
    )
    assert check("9.9", ...).message == f"There is no exercise '9.9'. There are: {', '.join(EXERCISES)}."


def test_a_result_that_differs_is_told_with_both_values():
    result = check("2.1", lambda image: False)
    assert result.message == "With an image that is all 0, the result differs."
    assert result.details == (
        "Seen: False",
        "Expected: True",
        "Likely cause: try the function by hand on a small example whose answer you know; the hints below go step by "
        "step.",
    )


def test_a_check_is_shown_as_its_lines_then_hints_then_the_solution():
    result = CheckResult("1.1", "not yet", "It `differs`.", ("Seen: <1>",), ("first", "`second`"), "a < b\n")
    assert repr(result) == "Exercise 1.1: not yet. It `differs`.\nSeen: <1>"
    assert result._repr_html_() == (
        '<div class="mlops-lesson" data-mlops-exercise="1.1" data-outcome="not yet"><div role="status"><p>'
        "<strong>Exercise 1.1: not yet.</strong> It <code>differs</code>.</p><p>Seen: &lt;1&gt;</p></div>"
        + fold("Hint 1 of 2 for exercise 1.1", "<p>first</p>")
        + fold("Hint 2 of 2 for exercise 1.1", "<p><code>second</code></p>")
        + fold("Solution of exercise 1.1", '<pre tabindex="0"><code>a &lt; b\n</code></pre>')
        + f"{script()}</div>"
    )


def test_dots_left_in_a_formula_count_as_not_attempted():
    assert check("3.3", lambda y, p: np.mean(... * np.log(p))).outcome == "not attempted"


def test_a_forgotten_return_is_named():
    def forgets(parcels, clicks):
        parcels.merge(clicks, left_on="id", right_on="parcel_id")

    result = check("1.1", forgets)
    assert result.outcome == "not yet"
    assert "`return`" in result.details[-1]


def test_an_unknown_exercise_is_answered_with_those_there_are():
    assert "1.1, 1.2, 1.3" in check("9.9", ...).message
    assert "1.1, 1.2, 1.3" in hint("9.9").text
    assert "1.1, 1.2, 1.3" in solution("9.9").text


def test_an_answer_that_spoils_its_arguments_spoils_nothing_else():
    def spoils(parcels, clicks):
        lost = parcels.loc[~parcels["id"].isin(clicks["parcel_id"]), "id"].tolist()
        parcels["id"] = 0
        clicks["parcel_id"] = 0
        return lost

    assert check("1.1", spoils).outcome == "right"


def test_a_memorised_answer_is_not_right():
    assert check("1.1", lambda parcels, clicks: [104, 105]).outcome == "not yet"


@pytest.mark.parametrize("kind", [set, tuple, np.array, pd.Series], ids=["set", "tuple", "array", "series"])
def test_ids_are_right_in_any_collection(kind):
    assert check("1.1", lambda parcels, clicks: kind(reference("1.1")(parcels, clicks))).outcome == "right"


def test_numpy_truth_values_are_truth_values():
    assert check("2.1", lambda image: np.bool_(image.min() == image.max())).outcome == "right"


def test_hints_come_in_steps_and_start_over():
    steps = [hint("2.2").text for _ in range(4)]
    assert len(set(steps[:3])) == 3
    assert steps[3] == steps[0]


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
    "6.1": [0.137327, 0, 1.114613],
    "6.2": [False, True, False, False, False],
    "6.3": ["promote", "keep", "keep", "keep", "promote", "keep"],
}
"""What is right in each case, worked out by hand from its words."""


@pytest.mark.parametrize("exercise", RIGHT_RESULTS)
def test_what_is_right_in_a_case_is_what_its_words_say(exercise):
    for case, right in zip(EXERCISES[exercise].cases(), RIGHT_RESULTS[exercise], strict=True):
        given = reference(exercise)(*case.arguments)
        if exercise == "2.2":
            given = tuple(sorted(part["id"]) for part in given)
        if exercise == "1.1":
            given = sorted(given)
        assert given == right if isinstance(right, (str, tuple)) else np.allclose(given, right, atol=1e-6), case.given


def test_every_exercise_but_the_open_ones_has_its_right_results():
    assert set(RIGHT_RESULTS) == {number for number, exercise in EXERCISES.items() if exercise.kind != "open"}


@EACH
def test_the_words_of_a_case_go_on_a_sentence(exercise):
    for case in EXERCISES[exercise].cases():
        words = case.given.replace("chute B", "").replace("(NaN)", "").replace("q =", "").removeprefix("None ")
        assert words == words.lower().strip(".") == words.lstrip(), case.given


@pytest.mark.parametrize("exercise", ["4.3", "5.3", "6.2", "6.3"])
def test_the_numbers_in_the_words_of_a_case_are_its_arguments(exercise):
    for case in EXERCISES[exercise].cases():
        arguments = [one for each in case.arguments for one in (each if isinstance(each, list) else [each])]
        named = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", case.given)]
        assert set(named) <= set(arguments), case.given
        assert named or "no parcel" in case.given


def test_the_shares_in_the_words_of_a_case_are_those_of_its_table():
    for case in EXERCISES["4.2"].cases():
        counts = case.arguments[0].groupby("camera_id")["correct"].agg(["sum", "size"])
        for camera, right, total in re.findall(r"camera (\d) at (\d+) of (\d+)", case.given):
            assert counts.loc[int(camera)].tolist() == [int(right), int(total)]
        for least in re.findall(r"at least (\d+) parcel", case.given):
            assert case.arguments[1] == int(least)


@pytest.mark.parametrize(
    ("exercise", "right", "wrong"),
    [
        ("2.2", " < cutoff", " <= cutoff"),
        ("4.2", " >= at_least", " > at_least"),
        ("5.1", "0 <= value", "0 < value"),
        ("5.1", "value <= 16", "value < 16"),
        ("6.2", "accuracy < gate", "accuracy <= gate"),
        ("6.2", "== patience", ">= 0"),
    ],
)
def test_a_comparison_that_is_wrong_at_its_border_is_not_right(exercise, right, wrong):
    source = solution_source(exercise)
    assert source.count(right) == 1
    names = {}
    exec(source.replace(right, wrong), names)  # noqa: S102 - the course's own file
    assert check(exercise, names[EXERCISES[exercise].name]).outcome == "not yet"


def test_the_words_about_parcels_and_delays_are_true():
    (parcels, clicks), (_, none), (three, _) = (case.arguments for case in EXERCISES["1.1"].cases())
    assert (len(parcels), len(none)) == (5, 0)
    assert set(three["id"]) <= set(clicks["parcel_id"])
    assert clicks["parcel_id"].value_counts().to_dict() == {101: 2, 102: 1, 103: 1, 900101: 1}
    early, late = (case.arguments for case in EXERCISES["1.2"].cases())
    for (parcels, clicks), hours in ((early, [12, 30, 50]), (late, [84, 102, 122])):
        both = clicks.merge(parcels, left_on="parcel_id", right_on="id")
        delays = (both["clicked_at"] - both["seen_at"]).dt.total_seconds() / 3600
        assert sorted(delays.groupby(both["id"]).min()) == hours
    assert late[1]["parcel_id"].tolist() == early[1]["parcel_id"].tolist()[::-1]


def test_the_images_of_the_cases_are_images():
    for exercise in ("2.1", "2.3"):
        for case in EXERCISES[exercise].cases():
            for images in case.arguments:
                assert np.min(images) >= 0, case.given
                assert np.max(images) <= 16, case.given
    bright = {case.given: case.arguments[0] for case in EXERCISES["2.1"].cases()}["a bright image without any 0"]
    assert np.min(bright) > 0


def hours_of_a_day(parcels, clicks):
    first = clicks.sort_values("clicked_at").drop_duplicates("parcel_id")
    both = first.merge(parcels, left_on="parcel_id", right_on="id")
    return np.median([(at - seen).seconds / 3600 for at, seen in zip(both["clicked_at"], both["seen_at"], strict=True)])


def best_of_any_size(table, at_least):
    return table.groupby("camera_id").correct.mean().sort_values().index[-1]


def gate_by_the_normal_interval(correct, total, gate):
    share = correct / total
    return share - 1.96 * (share * (1 - share) / total) ** 0.5 >= gate


def request_of_64_values(pixels):
    if type(pixels) is not list or any(type(row) is not list for row in pixels):
        return False
    values = [value for row in pixels for value in row]
    return len(values) == 64 and all(type(value) in (int, float) and 0 <= value <= 16 for value in values)


def percentile_one_too_far(latencies, q):
    return sorted(latencies)[min(len(latencies) * q // 100, len(latencies) - 1)]


def alert_by_the_last_week(accuracies, gate, patience):
    return accuracies[-1] < gate


def alert_at_the_gate_too(accuracies, gate, patience):
    return len(accuracies) >= patience and max(accuracies[-patience:]) <= gate


def alert_after_too_few_weeks(accuracies, gate, patience):
    return max(accuracies[-patience:]) < gate


def decide_by_half_the_p_value(challenger, champion):
    from scipy.stats import binom

    total = challenger + champion
    return "promote" if total and binom.sf(challenger - 1, total, 0.5) < 0.05 else "keep"


def first_only(y, p):
    return -sum(np.log(max(one, 1e-12)) for label, one in zip(y, p, strict=True) if label == 1) / len(y)


@pytest.mark.parametrize(
    ("exercise", "answer", "cause"),
    [
        ("1.2", hours_of_a_day, "`.dt.seconds` leaves whole days out"),
        ("1.2", lambda *given: 3600 * reference("1.2")(*given), "these are seconds"),
        ("2.1", lambda image: image.sum() < 64, "faint images fall below"),
        ("2.2", lambda table, at: tuple(table[table["seen_at"].map(test)] for test in (at.__gt__, at.__lt__)),
         "is in neither part"),
        ("2.2", lambda *given: reference("2.2")(*given)[::-1], "the wrong order"),
        ("2.3", lambda train, val: len({i.tobytes() for i in train} & {i.tobytes() for i in val}), "different images"),
        ("3.1", lambda y_train, y_val: y_val.mean(), "this always says 1"),
        ("3.2", lambda trace: [epoch for epoch, _, _ in trace][-1], "this is the last epoch"),
        ("3.2", lambda trace: sorted(loss for _, loss, _ in trace)[0], "this is the loss itself"),
        ("3.3", first_only, "only the images of class 1"),
        ("3.3", lambda y, p: reference("3.3")(y, p) / 0.6931471805599453, "the logarithm to base 2"),
        ("4.2", best_of_any_size, "this is the best camera"),
        ("4.3", gate_by_the_normal_interval, "Wilson's stays honest"),
        ("5.1", request_of_64_values, "8 rows of 8"),
        ("5.2", lambda parcel_id, share: steady((parcel_id, share)) < share, "the share goes into the hash"),
        ("5.3", percentile_one_too_far, "the index is one too far"),
        ("5.3", lambda latencies, q: sum(latencies) / len(latencies), "this is the mean"),
        ("6.1", lambda *given: -reference("6.1")(*given), "the sign is turned round"),
        ("6.2", alert_by_the_last_week, "only the last week"),
        ("6.2", alert_at_the_gate_too, "below means `<`"),
        ("6.2", alert_after_too_few_weeks, "fewer weeks than the patience"),
        ("6.3", decide_by_half_the_p_value, "one-sided"),
    ],
)  # fmt: skip
def test_every_other_mistake_is_recognised_however_it_is_written(exercise, answer, cause):
    result = check(exercise, answer)
    assert result.outcome == "not yet"
    assert cause in result.details[-1]


def test_the_requests_of_the_cases_are_what_their_words_say():
    pixels = {case.given: case.arguments[0] for case in EXERCISES["5.1"].cases()}
    good = pixels.pop("a good image")
    assert np.shape(good) == (8, 8)
    assert np.min(good) == 0
    assert np.max(good) == 16
    assert {type(value) for row in good for value in row} == {float}
    whole = pixels.pop("whole numbers from 0 to 16")
    assert {type(value) for row in whole for value in row} == {int}
    assert whole == good
    assert pixels.pop("None in place of the image") is None
    assert pixels.pop("64 numbers in one row") == [[value for row in good for value in row]]
    uneven = pixels.pop("one row with 9 pixels and one with 7")
    assert [len(row) for row in uneven] == [9, 7, *[8] * 6]
    assert all(0 <= value <= 16 for row in uneven for value in row)
    changed = {words: [one for row, other in zip(image, good, strict=True) for one in row if one not in other]
               for words, image in pixels.items()}  # fmt: skip
    assert repr(changed) == repr(
        {
            "a pixel of 255": [255],
            "a pixel of -1": [-1],
            "a pixel that is not a number (NaN)": [math.nan],
            "an infinite pixel": [math.inf],
            "a pixel that is text": ["16"],
        }
    )


@pytest.mark.parametrize(
    ("exercise", "answer", "seen"),
    [
        ("1.3", lambda files: "abc", "'abc' (str)"),
        ("1.3", lambda files: "x" * 70, f"{'x' * 60!r} (str)"),
        ("1.3", lambda files: "A" * 64, f"{'A' * 60!r} (str)"),
        ("1.3", lambda files: "0" * 63, f"{'0' * 60!r} (str)"),
        ("1.3", lambda files: digest(*files), "the same two files in another order got another version"),
        ("1.3", lambda files: digest(*sorted(files)), "one byte of clicks.csv changed, the version did not"),
        ("1.3", lambda files: digest(files["clicks.csv"]), "one byte of sensors.jsonl changed, the version did not"),
        ("1.3", lambda files: digest(*sorted(files.values())), "the files were renamed, the version did not change"),
        (
            "1.3",
            lambda files: digest(*sorted(files), *sorted(files.values())),
            "the contents of the two files were swapped, the version did not change",
        ),
        (
            "1.3",
            lambda files: digest("".join(name + files[name].decode() for name in sorted(files))),
            "{'a': b'bc'} and {'ab': b'c'} got the same version",
        ),
        ("5.2", lambda parcel_id, share, calls=[]: bool(calls.append(1) or len(calls) % 2),
         "parcel 100000 was sent to both models"),
        ("5.2", lambda parcel_id, share: parcel_id >= 101_800, "of 2,000 ids in a row, 10% went to the new model; 50% "
         "were asked for"),
        ("5.2", lambda parcel_id, share: parcel_id % 100 < 100 * share, "of ids that end in 00, 100% went to the new "
         "model; 10% were asked for"),
        ("5.2", lambda parcel_id, share: steady(parcel_id) < share if share < 0.3 else steady(parcel_id) >= 0.5,
         None),
    ],
)  # fmt: skip
def test_a_promise_that_is_not_kept_is_told_by_what_was_seen(exercise, answer, seen):
    result = check(exercise, answer)
    assert (result.outcome, result.message) == ("not yet", "One promise is not kept.")
    if seen is None:
        assert re.fullmatch(r"Seen: parcel 1000\d\d was in the 10 % but is not in the 50 %", result.details[0])
    else:
        assert result.details[0] == f"Seen: {seen}"


def digest(*parts):
    import hashlib

    return hashlib.sha256(repr(parts).encode()).hexdigest()


def steady(parcel_id):
    return int(digest(parcel_id)[:8], 16) / 16**8


def test_an_answer_that_uses_the_id_in_a_steady_way_is_right():
    assert check("5.2", lambda parcel_id, share: steady(parcel_id) < share).outcome == "right"


@EACH
def test_words_for_the_learner_are_sentences(exercise):
    known = EXERCISES[exercise]
    assert re.fullmatch(r"[A-Z][a-z].*[a-z]", known.title)
    assert re.fullmatch(r"(True |the |a |two |.*[a-z]).*[^.]", known.returns)
    for words in known.hints:
        assert re.fullmatch(r"[A-Z`].*[.?]", words), words
    for words in (*(one.cause for one in (*known.mistakes, *known.promises)), *(one.says for one in known.promises)):
        assert re.fullmatch(r"[a-z`6N].*\.", words), words


@EACH
def test_the_solution_shown_is_the_file_that_is_tested(exercise):
    file = SOLUTIONS_FOLDER / f"exercise_{exercise.replace('.', '_')}.py"
    assert solution(exercise).text == file.read_text() == solution_source(exercise)


def test_a_hint_is_shown_as_words_and_a_solution_as_code():
    words, code = Help("Hint <1>", "use `a < b`"), Help("Solution", "a < b\n", is_code=True)
    start = '<div class="mlops-lesson"><div role="status"><p><strong>'
    assert words._repr_html_() == (
        f"{start}Hint &lt;1&gt;</strong></p><p>use <code>a &lt; b</code></p></div>{script()}</div>"
    )
    assert code._repr_html_() == (
        f'{start}Solution</strong></p><pre tabindex="0"><code>a &lt; b\n</code></pre></div>{script()}</div>'
    )
    assert repr(words) == "Hint <1>\nuse `a < b`"


def test_the_solution_and_the_hint_of_an_exercise_are_shown_under_their_names():
    assert solution("1.1") == Help("Solution of exercise 1.1.", solution_source("1.1"), is_code=True)
    assert hint("3.1") == Help(f"Hint 1 of {len(EXERCISES['3.1'].hints)} for exercise 3.1.", EXERCISES["3.1"].hints[0])
    assert hint("9.9").title == "No hint."
    assert solution("9.9").title == "No solution."


def test_a_check_folds_hints_and_solution_away_in_reach():
    html = check("1.1", ...)._repr_html_()
    assert html.count("<details>") == 4
    assert "Hint 1 of 3 for exercise 1.1" in html
    assert "def find_lost" in html
    assert 'role="status"' in html


def test_the_outcome_is_kept_and_a_finished_challenge_is_marked():
    for exercise in exercise_ids(1):
        check(exercise, reference(exercise))
    now = progress.read()
    assert now.exercise("1.1").outcome == "right"
    assert now.parts_of(1) == ("challenge",)


def test_a_check_tells_when_progress_cannot_be_kept(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(blocked))
    assert "kept in memory only" in repr(check("1.1", crash))


def test_later_cells_go_on_with_the_learners_own_answer_when_it_is_right(capsys):
    own = lambda image: image.min() == image.max()  # noqa: E731
    assert own_or_model_answer("2.1", own) is own
    assert capsys.readouterr().out == "Going on with your own is_blank of exercise 2.1.\n"


@pytest.mark.parametrize("answer", [..., 3, crash, lambda image: True], ids=["blank", "number", "crash", "wrong"])
def test_later_cells_go_on_with_the_model_answer_otherwise(answer, capsys):
    function = own_or_model_answer("2.1", answer)
    assert function(np.zeros((8, 8))) is True
    assert (
        capsys.readouterr().out
        == "Going on with the model answer for is_blank of exercise 2.1: yours is not right yet.\n"
    )


def test_a_blank_check_shows_the_same_in_every_process():
    code = "from mlops_lesson.teaching.exercises.check import check; r = check('4.2', ...); "
    code += "print(r._repr_html_() + repr(r), end='')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    result = check("4.2", ...)
    assert run.stdout == result._repr_html_() + repr(result)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_every_notebook_has_two_or_three_exercises_with_minutes_and_one_solution_each(stage):
    known = [number for number in EXERCISES if number.startswith(f"{stage.number}.")]
    assert 2 <= len(known) <= 3
    assert tuple(known) == exercise_ids(stage)
    assert all(2 <= EXERCISES[number].minutes <= 10 for number in known)


def test_the_exercises_go_from_fill_in_to_open():
    assert {exercise.kind for exercise in EXERCISES.values()} == {"fill in", "write", "open"}


def test_the_median_solution_is_short_enough_to_be_written_in_minutes():
    lines = [len(solution_source(number).split('"""')[-1].strip().splitlines()) for number in EXERCISES]
    assert statistics.median(lines) <= 10
    assert max(lines) <= 10


def test_an_answer_that_fails_on_data_of_the_check_alone_is_told_so():
    calls = []

    def answer(files):
        calls.append(files)
        return reference("1.3")(files) if len(calls) <= len(EXERCISES["1.3"].cases()) else None

    result = check("1.3", answer)
    assert result.message == f"With data of the check's own, `{EXERCISES['1.3'].name}` returns nothing."


def test_a_known_mistake_that_changes_its_input_hides_none_of_the_next():
    def emptied(numbers):
        numbers.clear()
        return 0

    mistakes = (Mistake("nothing is left.", emptied), Mistake("count the numbers, do not add them.", sum))
    exercise = replace(EXERCISES["1.1"], mistakes=mistakes, same=operator.eq)
    assert _likely_cause(exercise, sum, Case("two numbers", ([1, 3],)), 4) == "count the numbers, do not add them."
