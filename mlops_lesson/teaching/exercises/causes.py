"""Why an answer is not right yet: found by trying, and left out where nothing is sure."""

import builtins
import contextlib
import copy
import dis
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise, starmap
from pathlib import Path
from traceback import walk_tb
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from mlops_lesson.teaching.exercises.exercise import of_the_same_kind, same
from mlops_lesson.teaching.exercises.result import Detail
from mlops_lesson.teaching.exercises.trial import CrashError, Trial, quietly

LONGEST_ERROR = 160
NOTHING = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}
BY_HAND = Detail(
    "Next", "try the function by hand on a small example whose answer you know; the hints below go step by step."
)


def of_a_difference(trial: Trial, given: Any, right: Any) -> Detail:
    """Name the mistake that explains all that the answer gives."""
    results = [(trial.arguments, given), *_results(trial)]
    for name, mistake in trial.exercise.mistakes.items():
        if all(quietly(_explains, mistake, *result) for result in results):
            return _likely(trial.exercise.words["mistakes"][name])
    return _shadowed(trial, lambda value: same(value, right)) or BY_HAND


def _likely(cause: str) -> Detail:
    return Detail("Likely cause", cause)


def _results(trial: Trial) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Try the answer in each case; those in which it crashes are left out."""
    for arguments in trial.exercise.cases.values():
        with contextlib.suppress(CrashError):
            yield arguments, trial(*arguments)


def _explains(mistake: Callable[..., Any], arguments: tuple[Any, ...], result: Any) -> bool:
    wrong = mistake(*copy.deepcopy(arguments))
    return of_the_same_kind(result, wrong) and same(result, wrong)


def of_nothing(trial: Trial) -> Detail:
    """Say why a function returns nothing."""
    code = getattr(trial.answer, "__code__", None)
    if code is not None and all(value is None for value in _returned(code)):
        printed = "the result is printed; write `return` in place of `print`."
        return _likely(printed if trial.prints.text else "no line says `return`.")
    if any(value is not None for _, value in _results(trial)):
        return _likely("one way through the function ends without a `return`.")
    return Detail(
        "Next", "look at what stands behind `return`: methods that change a value in place give nothing back."
    )


def of_another_kind(given: Any, right: Any) -> tuple[Detail, ...]:
    """Say what is one step away from the right kind, or nothing."""
    kind = type(given).__name__
    if quietly(lambda: not np.isscalar(given) and of_the_same_kind(np.asarray(given).item(), right)):
        return (_likely(f"the value still stands in a {kind}; take it out."),)
    if isinstance(right, bool) and quietly(lambda: given in (0, 1, "True", "False")):
        return (_likely(f"this is a {kind}; a comparison gives True or False."),)
    return ()


def of_a_crash(trial: Trial, error: BaseException) -> tuple[Detail, ...]:
    """Say how a function stopped with an error, and why."""
    told = (("Seen", in_words(error)), ("Given", f"{trial.now}."), ("Expected", trial.exercise.returns))
    return (*starmap(Detail, told), _of_an_error(trial, error))


def _of_an_error(trial: Trial, error: BaseException) -> Detail:
    if not trial.takes_its_arguments():
        return _likely(f"the function takes other arguments than `{trial.exercise.signature}`.")
    if found := _shadowed(trial, lambda _value: True):
        return found
    for kind in type(error).__mro__:
        if kind.__name__ in _of_errors():
            return _likely(_of_errors()[kind.__name__])
    return Detail("Next", "read the error's last words, then try the function by hand on a small example.")


@cache
def _of_errors() -> dict[str, str]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def line_of(error: BaseException, answer: Any) -> int | None:
    """Return the line of the cell, the file that holds the function, in which its own code was last seen."""
    file = getattr(getattr(answer, "__code__", None), "co_filename", None)
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    return lines[-1] if lines else None


def in_words(error: BaseException) -> str:
    """Return an error's name and message, cut to a line."""
    words = quietly(lambda: " ".join(str(error).split()), otherwise="")
    return (f"{type(error).__name__}: {words}" if words else type(error).__name__)[:LONGEST_ERROR]


def is_empty(answer: Any) -> bool:
    """Tell whether a function has nothing but dots, `pass` or a docstring in it: its byte code returns None at once."""
    code = getattr(answer, "__code__", None)
    steps = {step.opname for step in dis.get_instructions(code)} if code else {""}
    return steps <= NOTHING and all(value is None for value in _returned(code))


def is_blank(error: BaseException, answer: Any) -> bool:
    """Tell whether an error comes of three dots that were left in the function."""
    left = any(value is ... for code in _codes(getattr(answer, "__code__", None)) for value in code.co_consts)
    return left and "ellipsis" in in_words(error).lower()


def _codes(code: CodeType | None) -> Iterator[CodeType]:
    """Return a function's code and that of the functions in it."""
    if code is not None:
        yield code
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                yield from _codes(inner)


def _returned(code: CodeType) -> Iterator[Any]:
    """Return the constants that a function returns, and dots for whatever it works out."""
    for before, step in pairwise(dis.get_instructions(code)):
        if step.opname == "RETURN_CONST":
            yield step.argval
        elif step.opname == "RETURN_VALUE":
            yield before.argval if before.opname == "LOAD_CONST" and not step.is_jump_target else ...


def _shadowed(trial: Trial, is_cured: Callable[[Any], bool]) -> Detail | None:
    """Try the function with Python's own names in the place of those that an earlier cell gave to something else."""
    answer = trial.answer
    if not isinstance(answer, FunctionType):
        return None
    used = {name for code in _codes(answer.__code__) for name in code.co_names} - {"exit", "quit"}
    names = sorted(used & answer.__globals__.keys() & vars(builtins).keys())
    world = {name: value for name, value in answer.__globals__.items() if name not in names}
    clean = FunctionType(answer.__code__, world, answer.__name__, answer.__defaults__, answer.__closure__)
    if not names or not quietly(lambda: is_cured(replace(trial, answer=clean)(*trial.arguments))):
        return None
    named = " and ".join(f"`{name}`" for name in names)
    return _likely(
        f"{named} {'has' if len(names) == 1 else 'have'} another meaning than Python's, given in an earlier cell. "
        f"Write `del {', '.join(names)}`, or restart the kernel and run the cells again."
    )
