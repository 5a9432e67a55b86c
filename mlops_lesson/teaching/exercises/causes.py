"""Why an answer is not right yet: found by trying, and left out where nothing is sure."""

import builtins
import contextlib
import dis
import inspect
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from traceback import walk_tb
from typing import Any

import numpy as np

from mlops_lesson.teaching.exercises.exercise import comparable
from mlops_lesson.teaching.exercises.trial import CrashError, Trial, quietly

ERRORS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
NOTHING = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}


def of_a_difference(trial: Trial, right: Any) -> dict[str, str]:
    """Name the mistake that explains all that the answer gives."""
    results = list(_results(trial))

    def explains(mistake: Callable[..., Any]) -> bool:
        return all(comparable(given, right) == comparable(mistake(*case), right) for case, given in results)

    for name, mistake in trial.exercise.mistakes.items():
        if quietly(explains, mistake):
            return {"Likely cause": trial.exercise.words["mistakes"][name]}
    by_hand = "try the function by hand on a small example whose answer you know; the hints below go step by step."
    return {"Next": by_hand} | _hidden_names(trial.answer)


def _results(trial: Trial) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Try the answer in each case; those in which it crashes are left out."""
    for arguments in trial.exercise.cases.values():
        with contextlib.suppress(CrashError):
            yield arguments, trial(*arguments)


def of_nothing(trial: Trial) -> dict[str, str]:
    """Say why a function returns nothing."""
    if not re.search(r"\breturn\b", quietly(inspect.getsource, trial.answer, otherwise="return")):
        printed = "the result is printed; write `return` in place of `print`."
        return {"Likely cause": printed if trial.prints.getvalue() else "no line says `return`."}
    if any(given is not None for _, given in _results(trial)):
        return {"Likely cause": "one way through the function ends without a `return`."}
    return {"Next": "look at what stands behind `return`: methods that change a value in place give nothing back."}


def of_another_kind(given: Any, right: Any) -> dict[str, str]:
    """Say what is one step away from the right kind, or nothing."""
    kind = type(given).__name__
    if quietly(lambda: comparable(np.asarray(given).item(), right)) is not None:
        return {"Likely cause": f"the value still stands in a {kind}; take it out."}
    if isinstance(right, bool) and quietly(lambda: given in (0, 1, "True", "False")):
        return {"Likely cause": f"this is a {kind}; a comparison gives True or False."}
    return {}


def of_a_crash(trial: Trial, error: BaseException) -> dict[str, str]:
    """Say why a function stopped with an error."""
    names = inspect.signature(trial.exercise.model_answer).parameters
    if isinstance(error, TypeError) and quietly(lambda: inspect.signature(trial.answer).bind(*names)) is None:
        return {"Likely cause": f"the function takes other arguments than `{trial.exercise.signature}`."}
    for kind in type(error).__mro__:
        if kind.__name__ in ERRORS:
            return {"Likely cause": ERRORS[kind.__name__]}
    by_hand = "read the error's last words, then try the function by hand on a small example."
    return {"Next": by_hand} | _hidden_names(trial.answer)


def line_of(error: BaseException, answer: Any) -> int | None:
    """Return the line of the cell, the file that holds the function, in which its own code was last seen."""
    file = getattr(getattr(answer, "__code__", None), "co_filename", None)
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    return lines[-1] if lines else None


def is_empty(answer: Any) -> bool:
    """Tell whether a function has nothing but dots, `pass` or a docstring in it."""
    code = getattr(answer, "__code__", None)
    return code is not None and {step.opname for step in dis.get_instructions(code)} <= NOTHING


def _hidden_names(answer: Callable[..., Any]) -> dict[str, str]:
    """Tell which of Python's own names the function uses that an earlier cell gave to something else."""
    code, world = getattr(answer, "__code__", None), getattr(answer, "__globals__", {})
    names = sorted({*code.co_names} & world.keys() & vars(builtins).keys()) if code else []
    if not names:
        return {}
    named = " and ".join(f"`{name}`" for name in names)
    has = f"{named} {'has' if len(names) == 1 else 'have'} another meaning than Python's, given in an earlier cell."
    return {"Mind": f"{has} Write `del {', '.join(names)}`, or restart the kernel and run the cells again."}
