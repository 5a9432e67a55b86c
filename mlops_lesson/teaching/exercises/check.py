"""Exercises that check themselves: by what an answer does, never by how it is written.

`check` runs the learner's function on data of its own and tells one of four outcomes: not attempted, not yet, crashed,
right. It never raises, so Run All always reaches the end; `own_or_model_answer` gives the cells that follow something
to go on with.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.exercises import causes
from mlops_lesson.teaching.exercises import trial as trials
from mlops_lesson.teaching.exercises.exercise import Exercise, exercise_ids, exercises_of, of_the_same_kind, same
from mlops_lesson.teaching.exercises.result import CheckResult, Detail, of_prints, of_value
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
        known = _find(exercise)
    except ValueError as error:
        return CheckResult(str(exercise), "not attempted", str(error))
    found = _examine(known, answer)
    now = progress.keep_exercise(known.stage, known.id, found.outcome)
    right = {name for name, result in now.exercises.items() if result.outcome == "right"}
    if right.issuperset(exercise_ids(known.stage)):
        now = progress.keep_part(known.stage, "challenge")
    mind = [Detail("Mind", now.notice)] if now.notice and found.outcome != "not attempted" else []
    return replace(found, details=(*found.details, *mind))


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
    known = _find(exercise)
    if _examine(known, answer).outcome == "right":
        print(f"Going on with your own {known.name} of exercise {known.id}.")
        return answer
    print(f"Going on with the model answer for {known.name} of exercise {known.id}: yours is not right yet.")
    return known.model_answer


def _find(exercise: str) -> Exercise:
    stages = {name: stage for stage in STAGES for name in exercise_ids(stage)}
    if str(exercise) not in stages:
        raise ValueError(f"There is no exercise {exercise!r}. There are: {', '.join(stages)}.")
    return exercises_of(stages[str(exercise)])[str(exercise)]


class _NotRightError(Exception):
    """Ends a check: outcome, message and details."""


def _not_attempted(exercise: Exercise) -> _NotRightError:
    write = f"Write `{exercise.signature}` in place of the three dots, about {exercise.minutes} minutes,"
    message = f"{write} and run the cell again. Left blank, it stops nothing below."
    return _NotRightError("not attempted", message)


def _examine(exercise: Exercise, answer: Any) -> CheckResult:
    trial = Trial(exercise, answer)
    outcome, message, details = "right", f"`{exercise.name}` does what it should, also on data it had not seen.", []
    try:
        trial.run(lambda: _judge(exercise, trial))
    except TimeoutError:
        outcome = "crashed"
        message = (
            f"`{exercise.name}` was stopped before it came to an end; a check lasts {trials.SECONDS} seconds at most."
        )
        advice = "look for a loop that does not end, or for a slow step that is repeated often."
        details = [Detail("Given", f"{trial.now}."), Detail("Next", advice)]
    except CrashError as crash:
        outcome, message = "not yet", f"This is no function that can be looked at; `{exercise.signature}` is expected."
        details = [Detail("Seen", causes.in_words(crash.error))]
        if isinstance(crash.error, _NotRightError):
            outcome, message, *details = crash.error.args
    if trial.prints.text:
        details += [of_prints(trial.prints.text, trial.prints.lines)]
    return CheckResult(exercise.id, outcome, message, tuple(details), exercise.words["hints"], exercise.solution)


def _judge(exercise: Exercise, trial: Trial) -> None:
    """Try an answer in every case, and ask for every promise; what is not right is raised."""
    answer = trial.answer
    if answer is None or answer is ... or causes.is_empty(answer):
        raise _not_attempted(exercise)
    if str(getattr(answer, "__module__", "")).partition(".")[0] == "mlops_lesson":
        own = f"This is the course's own `{getattr(answer, '__name__', exercise.name)}`."
        message = f"{own} Run the cell in which you write `{exercise.signature}`, then the check."
        raise _NotRightError("not attempted", message)
    if not callable(answer):
        message = f"This should be the function `{exercise.signature}`, without calling it."
        cause = f'the call is inside the check. Write `check("{exercise.id}", {exercise.name})`.'
        raise _NotRightError("not yet", message, of_value("Seen", answer, kind=True), Detail("Likely cause", cause))
    for case, arguments in exercise.cases.items():
        given, right = _values(exercise, trial, case, arguments)
        if not quietly(same, given, right):
            details = of_value("Seen", given), of_value("Expected", right), causes.of_a_difference(trial, given, right)
            raise _NotRightError("not yet", f"With {case}, the result differs.", *details)

    _ask_promises(exercise, trial)


def _ask_promises(exercise: Exercise, trial: Trial) -> None:
    def answer(*arguments: Any) -> Any:
        return _values(exercise, trial, "data of the check's own", arguments)[0]

    def everywhere(_answer: Callable[..., Any]) -> Iterator[str]:
        if calls := exercise.everywhere:
            changed = sum(answer(*call) != there for call, there in zip(calls, trial.elsewhere(*calls), strict=False))
            if changed:
                yield exercise.words["promises"]["everywhere"]["seen"].format(changed=changed, tried=len(calls))

    for broken in (*exercise.promises, everywhere):
        for seen in broken(answer):
            words = exercise.words["promises"][broken.__name__.removeprefix("_")]
            expected, cause = Detail("Expected", words["says"]), Detail("Likely cause", words["cause"])
            raise _NotRightError("not yet", "One promise is not kept.", Detail("Seen", seen), expected, cause)


def _values(exercise: Exercise, trial: Trial, case: str, arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return what the learner's function gives, and what is right."""
    trial.now, trial.arguments = case, arguments
    try:
        given = trial(*arguments)
    except CrashError as crash:
        if causes.is_blank(crash.error, trial.answer):
            raise _not_attempted(exercise) from crash
        line = causes.line_of(crash.error, trial.answer)
        stopped = f"`{exercise.name}` stopped with an error{f' in line {line} of the cell' if line else ''}."
        raise _NotRightError("crashed", stopped, *causes.of_a_crash(trial, crash.error)) from crash
    if given is ... or (isinstance(given, tuple) and any(value is ... for value in given)):
        raise _not_attempted(exercise)
    returns, expected = f"With {case}, `{exercise.name}` returns", Detail("Expected", exercise.returns)
    if given is None:
        raise _NotRightError("not yet", f"{returns} nothing.", expected, causes.of_nothing(trial))
    right = exercise.model_answer(*copy.deepcopy(arguments))
    if not quietly(of_the_same_kind, given, right):
        details = of_value("Seen", given, kind=True), expected, *causes.of_another_kind(given, right)
        raise _NotRightError("not yet", f"{returns} another kind of value.", *details)
    return given, right
