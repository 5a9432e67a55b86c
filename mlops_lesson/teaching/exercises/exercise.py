"""What an exercise is made of, and when two values count as the same.

A stage's exercises stand in `stage_1` to `stage_6`, their solutions in `solutions/`; `check` runs them.
"""

import inspect
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from mlops_lesson.stages import Stage, get_stage

SOLUTIONS_FOLDER = Path(__file__).resolve().parent / "solutions"


@dataclass(frozen=True)
class Case:
    """Arguments that an answer is tried on, and the situation in words that follow "With"."""

    given: str
    arguments: tuple[Any, ...]


class Tried(Protocol):
    """A learner's function as a promise sees it."""

    def __call__(self, *arguments: Any) -> Any:
        """Run it here."""

    def elsewhere(self, *calls: tuple[Any, ...]) -> list[Any] | None:
        """Run it in a second process with other hashes; None if it cannot be taken there."""


@dataclass(frozen=True)
class Exercise:
    """An exercise and how an answer is tried; its words stand in the stage's TOML file, under the same names.

    Parameters
    ----------
    id : str
        Stage and number, such as ``"1.1"``.
    cases : callable
        Makes the list of `Case`; called for every check, so that no answer can spoil the data.
    mistakes : dict of str to callable
        A function for each likely wrong way; each differs from all others in some case.
    promises : dict of str to callable
        What an open exercise's answer must keep: functions that take the learner's and return what was seen where the
        promise is broken, or None.
    """

    id: str
    cases: Callable[[], list[Case]] = list
    mistakes: dict[str, Callable[..., Any]] = field(default_factory=dict)
    promises: dict[str, Callable[[Tried], str | None]] = field(default_factory=dict)

    @property
    def words(self) -> dict[str, Any]:
        """Its title, minutes and hints, the cause of each mistake, and what each promise says and breaks by."""
        return words_of(self.stage.number)[self.id]

    @property
    def title(self) -> str:
        """What it is about."""
        return self.words["title"]

    @property
    def minutes(self) -> int:
        """How long it takes."""
        return self.words["minutes"]

    @property
    def stage(self) -> Stage:
        """The stage it belongs to."""
        return get_stage(int(self.id[0]))

    @cached_property
    def solution(self) -> str:
        """The source of its solution."""
        return (SOLUTIONS_FOLDER / f"exercise_{self.id.replace('.', '_')}.py").read_text(encoding="utf-8")

    @cached_property
    def model_answer(self) -> Callable[..., Any]:
        """The function of its solution."""
        module = import_module(f"{__package__}.solutions.exercise_{self.id.replace('.', '_')}")
        return next(value for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__)

    @property
    def name(self) -> str:
        """Name of the function to write."""
        return self.model_answer.__name__

    @property
    def signature(self) -> str:
        """How the function is called, such as ``"find_lost(parcels, clicks)"``."""
        return f"{self.name}({', '.join(inspect.signature(self.model_answer).parameters)})"

    @property
    def returns(self) -> str:
        """What the function returns, in words that follow "Expected:"."""
        return self.model_answer.__doc__.removeprefix("Return ")


@cache
def words_of(stage: int) -> dict[str, dict[str, Any]]:
    """Read the words of a stage's exercises, by their identifiers in order."""
    return tomllib.loads(SOLUTIONS_FOLDER.with_name(f"stage_{stage}.toml").read_text(encoding="utf-8"))


def of_the_same_kind(given: Any, right: Any) -> bool:
    """Tell whether a value could be an answer where `right` is the right one."""
    match right:
        case bool() | np.bool_():
            return isinstance(given, (bool, np.bool_))
        case str():
            return isinstance(given, str)
        case int() | float() | np.number():
            return isinstance(given, (int, float, np.number)) and not isinstance(given, bool)
        case pd.DataFrame():
            return isinstance(given, pd.DataFrame) and bool(_shared(given, right))
        case tuple():
            parts = isinstance(given, (tuple, list)) and len(given) == len(right)
            return parts and all(of_the_same_kind(*each) for each in zip(given, right, strict=True))
        case list():
            flat = isinstance(given, Iterable) and not isinstance(given, (str, dict, pd.DataFrame))
            return flat and getattr(given, "ndim", 1) == 1 and all(of_the_same_kind(each, 0) for each in given)
    return np.asarray(given, dtype=float).shape == right.shape


def same(given: Any, right: Any) -> bool:
    """Tell whether a value of the right kind is the right one, up to rounding.

    A list is a collection in any order, and so are the rows of a table; a tuple and an array have places.
    """
    match right:
        case str():
            return bool(given == right)
        case pd.DataFrame():
            columns = _shared(given, right)
            return len(given) == len(right) and _rows(given[columns]) == _rows(right[columns])
        case tuple():
            return all(same(*each) for each in zip(given, right, strict=True))
        case list():
            return sorted(given) == sorted(right)
    return bool(np.allclose(np.asarray(given, dtype=float), np.asarray(right, dtype=float), rtol=1e-6, atol=1e-9))


def _shared(given: pd.DataFrame, right: pd.DataFrame) -> list[str]:
    return [column for column in right.columns if column in given.columns]


def _rows(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return sorted(table.itertuples(index=False, name=None))
