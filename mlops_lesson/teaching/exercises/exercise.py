"""What an exercise is made of, and when two values count as the same.

A stage's exercises stand in `stage_1` to `stage_6`, their solutions in `solutions/`; `check` runs them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from mlops_lesson.stages import Stage, get_stage


@dataclass(frozen=True)
class Case:
    """Arguments that an answer is tried on, and the situation in words that follow "With"."""

    given: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Mistake:
    """A likely wrong way: a function that makes the mistake, and its cause in full sentences."""

    cause: str
    does: Callable[..., Any]


class Tried(Protocol):
    """A learner's function as a promise sees it."""

    def __call__(self, *arguments: Any) -> Any:
        """Run it here."""

    def elsewhere(self, *calls: tuple[Any, ...]) -> list[Any] | None:
        """Run it in a second process with other hashes; None if it cannot be taken there."""


@dataclass(frozen=True)
class Promise:
    """What an open exercise's answer must keep, whatever values it returns.

    Parameters
    ----------
    says : str
        The promise in words, to follow "Expected:".
    broken : callable
        Takes the learner's function and returns what was seen where the promise is broken, or None.
    cause : str
        The likely cause when it is broken.
    """

    says: str
    broken: Callable[[Tried], str | None]
    cause: str


@dataclass(frozen=True, kw_only=True)
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
        What it returns, in words, to follow "Expected:".
    hints : tuple of str
        From the first nudge to nearly the answer.
    cases : callable
        Makes the list of `Case`; called for every check, so that no answer can spoil the data.
    mistakes : tuple of Mistake
        Likely wrong ways; each differs from all others in some case.
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
    cases: Callable[[], list[Case]] = list
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
            return given == right
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
