"""Exercises that check themselves: by what an answer does, never by how it is written.

`check` runs the learner's function on data of its own and reports one of four outcomes: not attempted, not yet,
crashed, right. It never raises, so Run All always reaches the end; `own_or_model_answer` gives the cells that follow
something to go on with.
"""

from collections.abc import Callable
from dataclasses import replace
from traceback import format_exception_only
from typing import Any

from mlops_lesson.teaching import progress
from mlops_lesson.teaching.exercises import causes
from mlops_lesson.teaching.exercises import trial as trials
from mlops_lesson.teaching.exercises.exercise import Exercise, comparable, exercise_ids, find_exercise
from mlops_lesson.teaching.exercises.result import CheckResult, show_prints, show_value
from mlops_lesson.teaching.exercises.trial import CrashError, Trial, quietly


def check(exercise: str, answer: Any) -> CheckResult:
    """Check an answer by running it on data of its own. Make it the last expression of a cell.

    Parameters
    ----------
    exercise : str
        Identifier such as ``"1.1"``.
    answer : callable
        The learner's function; ``...`` and an empty function mean that it was not attempted.

    Returns
    -------
    CheckResult
        The outcome, what was seen, what was expected and the likely cause; hints and the solution fold out. Never
        raises, whatever the answer does.
    """
    try:
        known = find_exercise(exercise)
    except ValueError as error:
        return CheckResult(str(exercise), "not attempted", str(error))
    found = _examine(known, answer)
    now = progress.keep_exercise(known.stage, known.id, found.outcome)
    right = {name for name, result in now.exercises.items() if result.outcome == "right"}
    if right.issuperset(exercise_ids(known.stage)):
        now = progress.keep_part(known.stage, "challenge")
    if now.notice and found.outcome != "not attempted":
        return replace(found, details=found.details | {"Mind": now.notice})
    return found


def own_or_model_answer(exercise: str, answer: Any) -> Callable[..., Any]:
    """Give the cells that follow a function that works: the learner's own if it is right, else the model answer.

    It prints one line that says which. Give the result another name than the learner's function has, so that the cells
    above can be run again.

    Parameters
    ----------
    exercise : str
        Identifier such as ``"1.1"``.
    answer : callable
        The learner's function.

    Returns
    -------
    callable
        A function that passes the check.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    known = find_exercise(exercise)
    outcome = _examine(known, answer).outcome
    if outcome == "right":
        print(f"Exercise {known.id}: going on with your own function.")
        return answer
    yours = "not written" if outcome == "not attempted" else "not right"
    print(f"Exercise {known.id}: going on with the model answer; yours is {yours} yet.")
    return known.model_answer


class _NotRightError(Exception):
    """Ends a check: outcome, message and details."""


def _examine(exercise: Exercise, answer: Any) -> CheckResult:
    trial = Trial(exercise, answer)
    outcome, message, details = "right", f"`{exercise.name}` does what it should, also on data it had not seen.", {}
    try:
        trial.run(lambda: _judge(trial))
    except TimeoutError:
        limit = f"a check lasts {trials.SECONDS} seconds at most"
        outcome, message = "crashed", f"`{exercise.name}` was stopped before it came to an end; {limit}."
        advice = "look for a loop that does not end, or for a slow step that is repeated often."
        details = {"Given": f"{trial.now}.", "Next": advice}
    except _NotRightError as found:
        outcome, message, details = found.args
    if printed := trial.prints.getvalue():
        details = details | {"Printed": show_prints(printed)}
    return CheckResult(exercise.id, outcome, message, details, exercise.words["hints"], exercise.solution)


def _judge(trial: Trial) -> None:
    """Try an answer in every case, and ask for every promise; what is not right is raised."""
    exercise, answer = trial.exercise, trial.answer
    if answer is None or answer is ...:
        raise _not_attempted(exercise)
    if str(getattr(answer, "__module__", "")).partition(".")[0] == "mlops_lesson":
        own = f"This is the course's own `{getattr(answer, '__name__', exercise.name)}`."
        message = f"{own} Run the cell in which you write `{exercise.signature}`, then the check."
        raise _NotRightError("not attempted", message, {})
    if not callable(answer):
        message = f"This should be the function `{exercise.signature}`, without calling it."
        cause = f'the call is inside the check. Write `check("{exercise.id}", {exercise.name})`.'
        raise _NotRightError("not yet", message, {"Seen": show_value("Seen", answer, kind=True), "Likely cause": cause})
    for case, arguments in exercise.cases.items():
        given, right = _values(trial, case, arguments)
        if comparable(given, right) != comparable(right, right):
            details = {"Seen": show_value("Seen", given), "Expected": show_value("Expected", right)}
            why = causes.of_a_difference(trial, right)
            raise _NotRightError("not yet", f"With {case}, the result differs.", details | why)
    if exercise.promises:
        _ask_promises(trial)


def _ask_promises(trial: Trial) -> None:
    """Ask what holds for any right answer; what is not kept is raised."""
    exercise, calls = trial.exercise, trial.exercise.everywhere

    def answer(*arguments: Any) -> Any:
        return _values(trial, "data of the check's own", arguments)[0]

    def changed(_answer: Callable[..., Any]) -> int:
        return sum(answer(*call) != there for call, there in zip(calls, trial.elsewhere(calls), strict=False))

    for name, is_broken in {**exercise.promises, "everywhere": changed}.items():
        if seen := is_broken(answer):
            words = exercise.words["promises"][name]
            details = {"Seen": words["seen"].format(seen), "Expected": words["says"], "Likely cause": words["cause"]}
            raise _NotRightError("not yet", "One promise is not kept.", details)


def _values(trial: Trial, case: str, arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return what the learner's function gives, of the right kind, and what is right."""
    exercise, trial.now = trial.exercise, case
    expected = {"Expected": exercise.returns}
    try:
        given = trial(*arguments)
    except CrashError as crash:
        error = crash.__cause__
        line = causes.line_of(error, trial.answer)
        stopped = f"`{exercise.name}` stopped with an error{f' in line {line} of the cell' if line else ''}."
        in_words = " ".join("".join(format_exception_only(error)).split())[:160]
        details = {"Seen": in_words, "Given": f"{case}."} | expected | causes.of_a_crash(trial, error)
        raise _NotRightError("crashed", stopped, details) from crash
    if given is ... or (given is None and causes.is_empty(trial.answer)):
        raise _not_attempted(exercise)
    returns = f"With {case}, `{exercise.name}` returns"
    if given is None:
        raise _NotRightError("not yet", f"{returns} nothing.", expected | causes.of_nothing(trial))
    right = exercise.model_answer(*arguments)
    if quietly(comparable, given, right) is None:
        details = {"Seen": show_value("Seen", given, kind=True)} | expected | causes.of_another_kind(given, right)
        raise _NotRightError("not yet", f"{returns} another kind of value.", details)
    return given, right


def _not_attempted(exercise: Exercise) -> _NotRightError:
    write = f"Complete `{exercise.signature}`: your own code takes the place of the three dots"
    minutes = f"about {exercise.words['minutes']} minutes"
    message = f"{write} ({minutes}); then run the cell again. The cells below run without it."
    return _NotRightError("not attempted", message, {})
