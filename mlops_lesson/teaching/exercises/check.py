"""Exercises that check themselves: by what an answer does, never by how it is written.

`check` runs the learner's function on data of its own and tells one of four outcomes: not attempted, not yet, crashed,
right. It never raises, so Run All always reaches the end; `own_or_model_answer` gives the cells that follow something
to go on with.
"""

import copy
import importlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import chain
from typing import Any

from mlops_lesson.stages import Stage, get_stage
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.exercises import causes
from mlops_lesson.teaching.exercises import trial as trials
from mlops_lesson.teaching.exercises.exercise import Case, Exercise, of_the_same_kind, same, words_of
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
    known = all_exercises().get(str(exercise))
    if known is None:
        return CheckResult(str(exercise), "not attempted", _unknown(exercise))
    found = _examine(known, answer)
    now = progress.keep_exercise(known.stage, known.id, found.outcome)
    results = [now.exercise(name) for name in exercise_ids(known.stage)]
    if all(result and result.outcome == "right" for result in results):
        now = progress.keep_part(known.stage, "challenge")
    if now.notice and found.outcome != "not attempted":
        found = replace(found, details=(*found.details, Detail("Mind", now.notice)))
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
    known = all_exercises().get(str(exercise))
    if known is None:
        raise ValueError(_unknown(exercise))
    if _examine(known, answer).outcome == "right":
        print(f"Going on with your own {known.name} of exercise {known.id}.")
        return answer
    print(f"Going on with the model answer for {known.name} of exercise {known.id}: yours is not right yet.")
    return known.model_answer


@cache
def all_exercises() -> dict[str, Exercise]:
    """Return every exercise of the course by its identifier, in order."""
    stages = [importlib.import_module(f"{__package__}.stage_{number}").EXERCISES for number in range(1, 7)]
    return {exercise.id: exercise for exercise in chain(*stages)}


def exercise_ids(stage: int | str | Stage) -> tuple[str, ...]:
    """Return the identifiers of a stage's exercises, without loading them."""
    return tuple(words_of(get_stage(stage).number))


def _unknown(exercise: Any) -> str:
    return f"There is no exercise {exercise!r}. There are: {', '.join(all_exercises())}."


class _ProblemError(Exception):
    """A value that is no answer at all."""

    def __init__(self, found: CheckResult):
        super().__init__(found.message)
        self.found = found


def _result(exercise: Exercise, outcome: str, message: str, *details: Detail) -> CheckResult:
    return CheckResult(exercise.id, outcome, message, details, exercise.words["hints"], exercise.solution)


def _examine(exercise: Exercise, answer: Any) -> CheckResult:
    trial = Trial(answer)
    try:
        found = trial.run(lambda: _judge(exercise, trial))
    except TimeoutError:
        found = _result(
            exercise,
            "crashed",
            f"`{exercise.name}` was stopped before it came to an end; a check lasts {trials.SECONDS} seconds at most.",
            Detail("Given", f"{trial.now}."),
            Detail("Next", "look for a loop that does not end, or for a slow step that is repeated often."),
        )
    except CrashError as crash:
        message = f"This is no function that can be looked at; `{exercise.signature}` is expected."
        found = _result(exercise, "not yet", message, Detail("Seen", causes.in_words(crash.error)))
    if trial.prints.text:
        found = replace(found, details=(*found.details, of_prints(trial.prints.text, trial.prints.lines)))
    return found


def _judge(exercise: Exercise, trial: Trial) -> CheckResult:
    answer = trial.answer
    if answer is None or answer is ... or causes.is_empty(answer):
        return _not_attempted(exercise)
    if str(getattr(answer, "__module__", "")).partition(".")[0] == "mlops_lesson":
        own = f"This is the course's own `{getattr(answer, '__name__', exercise.name)}`."
        message = f"{own} Run the cell in which you write `{exercise.signature}`, then the check."
        return _result(exercise, "not attempted", message)
    if not callable(answer):
        cause = f'the call is inside the check. Write `check("{exercise.id}", {exercise.name})`.'
        message = f"This should be the function `{exercise.signature}`, without calling it."
        seen = of_value("Seen", answer, kind=True)
        return _result(exercise, "not yet", message, seen, Detail("Likely cause", cause))
    try:
        for case in exercise.cases():
            given, right = _value(exercise, trial, case)
            if not quietly(same, given, right):
                cause = causes.of_a_difference(exercise, trial, case, given, right)
                details = of_value("Seen", given), of_value("Expected", right), cause
                return _result(exercise, "not yet", f"With {case.given}, the result differs.", *details)
        for name, broken in exercise.promises.items():
            if seen := broken(_Watched(exercise, trial)):
                words = exercise.words["promises"][name]
                details = (
                    Detail("Seen", seen),
                    Detail("Expected", words["says"]),
                    Detail("Likely cause", words["cause"]),
                )
                return _result(exercise, "not yet", "One promise is not kept.", *details)
    except _ProblemError as problem:
        return problem.found
    return _result(exercise, "right", f"`{exercise.name}` does what it should, also on data it had not seen.")


class _Watched:
    """The learner's function as a promise sees it: a value that is no answer at all ends the look at the promise."""

    def __init__(self, exercise: Exercise, trial: Trial):
        self.exercise, self.trial = exercise, trial
        self.elsewhere = trial.elsewhere

    def __call__(self, *arguments: Any) -> Any:
        return _value(self.exercise, self.trial, Case("data of the check's own", arguments))[0]


def _value(exercise: Exercise, trial: Trial, case: Case) -> tuple[Any, Any]:
    """Return what the learner's function gives, and what is right."""
    trial.now = case.given
    try:
        given = trial(*case.arguments)
    except CrashError as crash:
        raise _ProblemError(_crashed(exercise, trial, crash.error, case)) from crash
    if given is ... or (isinstance(given, tuple) and any(value is ... for value in given)):
        raise _ProblemError(_not_attempted(exercise))
    returns = f"With {case.given}, `{exercise.name}` returns"
    expected = Detail("Expected", exercise.returns)
    if given is None:
        cause = causes.of_nothing(exercise, trial)
        raise _ProblemError(_result(exercise, "not yet", f"{returns} nothing.", expected, cause))
    right = exercise.model_answer(*copy.deepcopy(case.arguments))
    if not quietly(of_the_same_kind, given, right):
        details = of_value("Seen", given, kind=True), expected, *causes.of_another_kind(given, right)
        raise _ProblemError(_result(exercise, "not yet", f"{returns} another kind of value.", *details))
    return given, right


def _not_attempted(exercise: Exercise) -> CheckResult:
    write = f"Write `{exercise.signature}` in place of the three dots, about {exercise.minutes} minutes,"
    return _result(exercise, "not attempted", f"{write} and run the cell again. Left blank, it stops nothing below.")


def _crashed(exercise: Exercise, trial: Trial, error: BaseException, case: Case) -> CheckResult:
    if causes.is_blank(error, trial.answer):
        return _not_attempted(exercise)
    line = causes.line_of(error, trial.answer)
    return _result(
        exercise,
        "crashed",
        f"`{exercise.name}` stopped with an error{f' in line {line} of the cell' if line else ''}.",
        Detail("Seen", causes.in_words(error)),
        Detail("Given", f"{case.given}."),
        Detail("Expected", exercise.returns),
        causes.of_a_crash(exercise, trial, error, case),
    )
