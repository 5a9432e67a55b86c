import math
import random
import re
import statistics
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mlops_lesson import progress
from mlops_lesson.display import script
from mlops_lesson.exercise_bank import EXERCISES
from mlops_lesson.exercises import (
    SOLUTIONS_FOLDER,
    Help,
    answer_or_reference,
    check,
    exercise_ids,
    hint,
    reference,
    solution,
    solution_source,
)
from mlops_lesson.stages import STAGES

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
    assert answer_or_reference("2.1", own) is own
    assert capsys.readouterr().out == "Going on with your own is_blank of exercise 2.1.\n"


@pytest.mark.parametrize("answer", [..., 3, crash, lambda image: True], ids=["blank", "number", "crash", "wrong"])
def test_later_cells_go_on_with_a_labelled_reference_otherwise(answer, capsys):
    function = answer_or_reference("2.1", answer)
    assert function(np.zeros((8, 8))) is True
    assert capsys.readouterr().out == "Going on with the reference is_blank of exercise 2.1: yours is not right yet.\n"


def test_a_blank_check_shows_the_same_in_every_process():
    code = "from mlops_lesson.exercises import check; r = check('4.2', ...); print(r._repr_html_() + repr(r), end='')"
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
