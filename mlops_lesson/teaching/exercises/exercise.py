"""What an exercise is made of, and when two values count as the same.

A stage's exercises stand in `stage_1.py` to `stage_6.py`, their words in the TOML file beside; `check` runs them.
"""

import ast
import importlib
import inspect
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.stages import STAGES, Stage, get_stage

Function = Callable[..., Any]


@dataclass(frozen=True)
class Exercise:
    """An exercise and how an answer is tried; its words stand in the stage's TOML file, under the same names.

    What is expected stands after "Return" in the docstring of the model answer, the function to write. `cases` are
    arguments to try an answer on, copied for each call, by the situation in words that follow "With". `mistakes` are
    functions for the likely wrong ways, each different from all others in some case. An open exercise has `promises`:
    functions that take the learner's and yield what was seen where the promise is broken; and arguments for which a
    second Python has to give the same, `everywhere`. The rest is filled in from the TOML file.
    """

    model_answer: Function
    cases: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    mistakes: dict[str, Function] = field(default_factory=dict)
    promises: list[Callable[[Function], Iterator[str]]] = field(default_factory=list)
    everywhere: list[tuple[Any, ...]] = field(default_factory=list)
    id: str = ""
    title: str = ""
    minutes: int = 0
    words: dict[str, Any] = field(default_factory=dict)

    @property
    def stage(self) -> Stage:
        """The stage it belongs to."""
        return get_stage(int(self.id[0]))

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

    @cached_property
    def solution(self) -> str:
        """The source of the model answer, below the imports that it needs."""
        source = inspect.getsource(self.model_answer)
        used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
        lines = inspect.getsource(inspect.getmodule(self.model_answer)).splitlines()
        imports = [line for line in lines if line.startswith(("import ", "from ")) and line.split()[-1] in used]
        return "\n".join([*imports, "", "", source]).lstrip()


@cache
def words_of(stage: Stage) -> dict[str, dict[str, Any]]:
    """Read the words of a stage's exercises, by their identifiers in order."""
    return tomllib.loads(Path(__file__).with_name(f"stage_{stage.number}.toml").read_text(encoding="utf-8"))


def exercise_ids(stage: int | str | Stage) -> tuple[str, ...]:
    """Return the identifiers of a stage's exercises, without loading them."""
    return tuple(words_of(get_stage(stage)))


@cache
def exercises_of(stage: Stage) -> dict[str, Exercise]:
    """Load the exercises of a stage, by their identifiers in order."""
    made = importlib.import_module(f"{__package__}.stage_{stage.number}").EXERCISES
    return {
        name: replace(made[name], id=name, title=words["title"], minutes=words["minutes"], words=words)
        for name, words in words_of(stage).items()
    }


def all_exercises() -> dict[str, Exercise]:
    """Return every exercise of the course by its identifier, in order."""
    return {name: exercise for stage in STAGES for name, exercise in exercises_of(stage).items()}


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
            return isinstance(given, pd.DataFrame) and set(right.columns) <= set(given.columns)
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
            both = (table[right.columns] for table in (given, right))
            rows, expected = (sorted(table.itertuples(index=False, name=None)) for table in both)
            return rows == expected
        case tuple():
            return all(same(*each) for each in zip(given, right, strict=True))
        case list():
            return sorted(given) == sorted(right)
    return bool(np.allclose(np.asarray(given, dtype=float), np.asarray(right, dtype=float), rtol=1e-6, atol=1e-9))
