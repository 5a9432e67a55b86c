"""Exercises that check themselves: by what an answer does, never by how it is written.

`check` runs the learner's function on data of its own and tells one of four outcomes: not attempted, not yet, crashed,
right. It never raises, so Run All always reaches the end; `own_or_model_answer` gives the cells that follow something
to go on with. The exercises stand in `bank`, their solutions in `solutions/`.
"""

import contextlib
import copy
import dis
import importlib.util
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from mlops_lesson.keep.files import read_course_text, said_if_spoiled
from mlops_lesson.show.page import fold, inline, script
from mlops_lesson.stages import Stage, get_stage
from mlops_lesson.teaching import progress

SOLUTIONS_FOLDER = Path(__file__).resolve().parent / "solutions"


LONGEST_VALUE = 160


@dataclass(frozen=True)
class Case:
    """One set of arguments that an answer is tried on.

    Parameters
    ----------
    given : str
        The situation in words, to follow "With".
    arguments : tuple
        Arguments of the learner's function.
    """

    given: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Mistake:
    """A likely wrong way to do an exercise, recognised by its results.

    Parameters
    ----------
    cause : str
        What the learner probably did, and what to look at; full sentences.
    does : callable
        A function that makes this mistake.
    """

    cause: str
    does: Callable[..., Any]


@dataclass(frozen=True)
class Promise:
    """Something an open exercise's answer must keep, whatever values it returns.

    Parameters
    ----------
    says : str
        The promise in words, to follow "Expected:".
    broken : callable
        Takes the learner's function and returns what was seen when the promise is broken, or None.
    cause : str
        The likely cause when it is broken.
    """

    says: str
    broken: Callable[[Callable[..., Any]], str | None]
    cause: str


@dataclass(frozen=True)
class Exercise:
    """An exercise and the way it is checked.

    Parameters
    ----------
    id : str
        Stage and number, such as ``"1.1"``.
    title : str
        What it is about.
    minutes : int
        How long it takes.
    kind : {"fill in", "write", "open"}
        From a blank in given code to a task with many right answers.
    signature : str
        How the function is called, such as ``"find_lost(parcels, clicks)"``.
    returns : str
        What it returns, in words, to follow "should return".
    hints : tuple of str
        From the first nudge to nearly the answer.
    accepts : callable
        Tells whether a returned value is of a right type.
    cases : callable
        Makes the list of `Case`; called for every check, so that no answer can spoil the data.
    same : callable
        Tells whether a returned value equals the expected one.
    mistakes : tuple of Mistake
        Likely wrong ways, tried in this order.
    promises : tuple of Promise
        For open exercises.
    """

    id: str
    title: str
    minutes: int
    kind: str
    signature: str
    returns: str
    hints: tuple[str, ...]
    accepts: Callable[[Any], bool]
    cases: Callable[[], list[Case]] = list
    same: Callable[[Any, Any], bool] = lambda given, expected: bool(given == expected)
    mistakes: tuple[Mistake, ...] = ()
    promises: tuple[Promise, ...] = ()

    @property
    def stage(self) -> Stage:
        """The stage it belongs to."""
        return get_stage(int(self.id.split(".")[0]))

    @property
    def name(self) -> str:
        """Name of the function to write."""
        return self.signature.split("(")[0]


@dataclass(frozen=True, repr=False)
class CheckResult:
    """What a check found, ready to be displayed by Jupyter; made by `check`.

    Parameters
    ----------
    exercise : str
        Identifier.
    outcome : str
        One of `mlops_lesson.teaching.progress.OUTCOMES`.
    message : str
        One line for the learner.
    details : tuple of str
        What was seen, what was expected, the likely cause; each a line.
    hints : tuple of str
        The exercise's hints.
    solution : str
        The solution's source.
    """

    exercise: str
    outcome: str
    message: str
    details: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    solution: str = ""

    def __repr__(self) -> str:
        return "\n".join([f"Exercise {self.exercise}: {self.outcome}. {self.message}", *self.details])

    def _repr_html_(self) -> str:
        lines = "".join(f"<p>{inline(line)}</p>" for line in self.details)
        help_blocks = "".join(
            fold(f"Hint {place} of {len(self.hints)} for exercise {self.exercise}", f"<p>{inline(hint)}</p>")
            for place, hint in enumerate(self.hints, start=1)
        )
        if self.solution:
            help_blocks += fold(f"Solution of exercise {self.exercise}", _code(self.solution))
        return (
            f'<div class="mlops-lesson" data-mlops-exercise="{escape(self.exercise)}" data-outcome="{self.outcome}">'
            f'<div role="status"><p><strong>Exercise {escape(self.exercise)}: {self.outcome}.</strong> '
            f"{inline(self.message)}</p>{lines}</div>{help_blocks}{script()}</div>"
        )


@dataclass(frozen=True, repr=False)
class Help:
    """A hint or a solution, ready to be displayed by Jupyter; made by `hint` and `solution`.

    Parameters
    ----------
    title : str
        What it is.
    text : str
        The words, or the code.
    is_code : bool
        Whether `text` is code.
    """

    title: str
    text: str
    is_code: bool = False

    def __repr__(self) -> str:
        return f"{self.title}\n{self.text}"

    def _repr_html_(self) -> str:
        body = _code(self.text) if self.is_code else f"<p>{inline(self.text)}</p>"
        return (
            f'<div class="mlops-lesson"><div role="status"><p><strong>{inline(self.title)}</strong></p>{body}</div>'
            f"{script()}</div>"
        )


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
    known = _find(exercise)
    if known is None:
        return CheckResult(str(exercise), "not attempted", _unknown(exercise))
    outcome, message, details = _examine(known, answer)
    now = progress.exercise(known.stage, known.id, outcome)
    if outcome == "right" and all(
        (result := now.exercise(name)) and result.outcome == "right" for name in exercise_ids(known.stage)
    ):
        now = progress.part(known.stage, "challenge")
    if now.notice and outcome != "not attempted":
        details = (*details, now.notice)
    return CheckResult(known.id, outcome, message, details, known.hints, solution_source(known.id))


def hint(exercise: str) -> Help:
    """Show the next hint of an exercise; after the last one, start over.

    Parameters
    ----------
    exercise : str
        Identifier such as ``"1.1"``.

    Returns
    -------
    Help
        One hint, from the first nudge to nearly the answer.
    """
    known = _find(exercise)
    if known is None:
        return Help("No hint.", _unknown(exercise))
    place = _hints_shown.get(known.id, 0) % len(known.hints)
    _hints_shown[known.id] = place + 1
    return Help(f"Hint {place + 1} of {len(known.hints)} for exercise {known.id}.", known.hints[place])


def solution(exercise: str) -> Help:
    """Show the solution of an exercise.

    Parameters
    ----------
    exercise : str
        Identifier such as ``"1.1"``.

    Returns
    -------
    Help
        The source of a function that passes the check.
    """
    known = _find(exercise)
    if known is None:
        return Help("No solution.", _unknown(exercise))
    return Help(f"Solution of exercise {known.id}.", solution_source(known.id), is_code=True)


def own_or_model_answer(exercise: str, answer: Any) -> Callable[..., Any]:
    """Give the cells that follow a function that works: the learner's own if it is right, else the model answer.

    It prints one line that says which.

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
    if known is None:
        raise ValueError(_unknown(exercise))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        right = _examine(known, answer)[0] == "right"
    if right:
        print(f"Going on with your own {known.name} of exercise {known.id}.")
        return answer
    print(f"Going on with the model answer for {known.name} of exercise {known.id}: yours is not right yet.")
    return reference(known.id)


def exercise_ids(stage: int | str | Stage) -> tuple[str, ...]:
    """Return the identifiers of a stage's exercises.

    Parameters
    ----------
    stage : int, str or Stage
        A stage by number, name or slug.

    Returns
    -------
    tuple of str
        Such as ``("1.1", "1.2", "1.3")``.

    Raises
    ------
    ValueError
        If there is no such stage.
    """
    number = get_stage(stage).number
    names = sorted(path.stem for path in SOLUTIONS_FOLDER.glob(f"exercise_{number}_*.py"))
    return tuple(f"{number}.{name.rsplit('_', 1)[1]}" for name in names)


def solution_source(exercise: str) -> str:
    """Return the source of an exercise's solution, as it stands in `solutions/`.

    Parameters
    ----------
    exercise : str
        Identifier such as ``"1.1"``.

    Returns
    -------
    str
        Python code.

    Raises
    ------
    ValueError
        If there is no such exercise.
    CourseFileError
        If the file with its solution is missing or spoiled.
    """
    if _find(exercise) is None:
        raise ValueError(_unknown(exercise))
    return read_course_text(_solution_file(exercise))


@cache
def reference(exercise: str) -> Callable[..., Any]:
    """Return the function of an exercise's solution.

    Parameters
    ----------
    exercise : str
        Identifier of a known exercise.

    Returns
    -------
    callable
        The function, loaded from its file.

    Raises
    ------
    CourseFileError
        If the file is missing or spoiled.
    """
    path = _solution_file(exercise)
    spec = importlib.util.spec_from_file_location(f"mlops_lesson_solution_{exercise.replace('.', '_')}", path)
    module = importlib.util.module_from_spec(spec)
    with said_if_spoiled(path):
        spec.loader.exec_module(module)
        return getattr(module, _find(exercise).name)


class _CrashError(Exception):
    """The learner's function raised."""

    def __init__(self, error: BaseException, case: str):
        super().__init__(str(error))
        self.error = error
        self.case = case
        self.blank = "ellipsis" in str(error).lower()


class _OtherKindError(Exception):
    """The learner's function returned nothing, or another kind of value."""

    def __init__(self, problem: tuple[str, ...]):
        super().__init__(problem[0])
        self.problem = problem


_hints_shown: dict[str, int] = {}


def _find(exercise: str) -> Exercise | None:
    from mlops_lesson.teaching.exercises.bank import EXERCISES

    return EXERCISES.get(str(exercise))


def _unknown(exercise: Any) -> str:
    from mlops_lesson.teaching.exercises.bank import EXERCISES

    return f"There is no exercise {exercise!r}. There are: {', '.join(EXERCISES)}."


def _solution_file(exercise: str) -> Path:
    return SOLUTIONS_FOLDER / f"exercise_{exercise.replace('.', '_')}.py"


def _code(source: str) -> str:
    return f'<pre tabindex="0"><code>{escape(source)}</code></pre>'


def _examine(exercise: Exercise, answer: Any) -> tuple[str, str, tuple[str, ...]]:
    if answer is None or answer is ... or _is_empty_function(answer):
        return _not_attempted(exercise)
    if not callable(answer):
        return (
            "not yet",
            f"This should be the function `{exercise.signature}`, without calling it.",
            (
                f"Seen: {_short(answer)}, of type {type(answer).__name__}.",
                f'Likely cause: the call is inside the check. Write `check("{exercise.id}", {exercise.name})`.',
            ),
        )
    try:
        problem = next(_problems(exercise, answer), None)
    except _CrashError as crash:
        return _not_attempted(exercise) if crash.blank else _crashed(exercise, crash)
    if problem:
        return "not yet", problem[0], tuple(problem[1:])
    return "right", f"`{exercise.name}` does what it should, also on data it had not seen.", ()


def _not_attempted(exercise: Exercise) -> tuple[str, str, tuple[str, ...]]:
    return (
        "not attempted",
        f"Write `{exercise.signature}` in place of the three dots, about {exercise.minutes} minutes, and run the cell "
        "again. The notebook goes on either way.",
        (),
    )


def _crashed(exercise: Exercise, crash: _CrashError) -> tuple[str, str, tuple[str, ...]]:
    error = crash.error
    line = _line_in_answer(error)
    where = f" in line {line} of the cell" if line else ""
    words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return (
        "crashed",
        f"`{exercise.name}` stopped with an error{where}.",
        (
            f"Seen: {words[:LONGEST_VALUE]}",
            f"Given: {crash.case}.",
            f"Expected: {exercise.returns}.",
            f"Likely cause: {_cause_of(error, exercise)}",
        ),
    )


def _cause_of(error: BaseException, exercise: Exercise) -> str:
    if isinstance(error, TypeError) and "positional argument" in str(error):
        return f"the function takes other arguments than `{exercise.signature}`."
    if isinstance(error, NameError):
        return "a name is misspelled, or its import stands in a cell that was not run."
    if isinstance(error, (KeyError, AttributeError)):
        return "a column or attribute is misspelled, or the value is of another type than you think."
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return "the check was interrupted: look for a loop that never ends."
    if isinstance(error, ZeroDivisionError):
        return "something is divided by a count that can be zero."
    return "read the error's last words first; then try the function by hand on a small example."


def _line_in_answer(error: BaseException) -> int | None:
    """Return the line where the learner's own code was last seen, which is the second frame: the first is ours."""
    trace = error.__traceback__.tb_next if error.__traceback__ else None
    return trace.tb_lineno if trace else None


def _problems(exercise: Exercise, answer: Callable[..., Any]) -> Iterator[tuple[str, ...]]:
    for case in exercise.cases():
        given = _run(answer, case)
        if problem := _other_kind(exercise, case, given):
            yield problem
            continue
        with said_if_spoiled(_solution_file(exercise.id)):
            expected = reference(exercise.id)(*copy.deepcopy(case.arguments))
        if not _quietly(exercise.same, given, expected):
            yield (
                f"With {case.given}, the result differs.",
                f"Seen: {_short(given)}",
                f"Expected: {_short(expected)}",
                f"Likely cause: {_likely_cause(exercise, answer, case, given)}",
            )
    for promise in exercise.promises:
        try:
            seen = promise.broken(lambda *arguments: _run_on_other_data(exercise, answer, arguments))
        except _OtherKindError as error:
            yield error.problem
        else:
            if seen:
                yield (
                    "One promise is not kept.",
                    f"Seen: {seen}",
                    f"Expected: {promise.says}",
                    f"Likely cause: {promise.cause}",
                )


def _other_kind(exercise: Exercise, case: Case, given: Any) -> tuple[str, ...] | None:
    if given is None:
        return (
            f"With {case.given}, `{exercise.name}` returns nothing.",
            f"Expected: {exercise.returns}.",
            "Likely cause: the last line does not say `return`.",
        )
    if not _quietly(exercise.accepts, given):
        return (
            f"With {case.given}, `{exercise.name}` returns another kind of value.",
            f"Seen: {_short(given)}, of type {type(given).__name__}.",
            f"Expected: {exercise.returns}.",
            "Likely cause: the value is one step away from the answer: take it out of its table or list, or return it "
            "instead of printing it.",
        )
    return None


def _run_on_other_data(exercise: Exercise, answer: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    case = Case("data of the check's own", arguments)
    given = _run(answer, case)
    if problem := _other_kind(exercise, case, given):
        raise _OtherKindError(problem)
    return given


def _likely_cause(exercise: Exercise, answer: Callable[..., Any], failed: Case, given: Any) -> str:
    """Name the mistake that explains every result, or else the one that explains the result that failed."""

    def explains(mistake: Mistake, case: Case, result: Any) -> bool:
        wrong = _attempt(mistake.does, case)
        return wrong is not None and _quietly(exercise.same, result, wrong)

    possible = [mistake for mistake in exercise.mistakes if explains(mistake, failed, given)]
    results = [(case, _attempt(answer, case)) for case in exercise.cases()] if len(possible) > 1 else []
    sure = [mistake for mistake in possible if all(explains(mistake, *each) for each in results)]
    for mistake in (*sure, *possible):
        return mistake.cause
    return "try the function by hand on a small example whose answer you know; the hints below go step by step."


def _attempt(function: Callable[..., Any], case: Case) -> Any:
    try:
        return function(*copy.deepcopy(case.arguments))
    except Exception:
        return None


def _quietly(test: Callable[..., bool], *values: Any) -> bool:
    try:
        return bool(test(*values))
    except Exception:
        return False


def _run(answer: Callable[..., Any], case: Case) -> Any:
    try:
        given = answer(*copy.deepcopy(case.arguments))
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        raise _CrashError(error, case.given) from error
    if given is ... or (isinstance(given, tuple) and any(value is ... for value in given)):
        raise _CrashError(TypeError("the answer is still an Ellipsis"), case.given)
    return given


def _is_empty_function(answer: Any) -> bool:
    """Tell whether a function has nothing but dots, `pass` or a docstring in it: its byte code returns None at once."""
    code = getattr(answer, "__code__", None)
    if code is None:
        return False
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("RESUME", "NOP", "RETURN_VALUE")]
    return all(step.opname in ("LOAD_CONST", "RETURN_CONST") and step.argval is None for step in steps)


def _short(value: Any) -> str:
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
