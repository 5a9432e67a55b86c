"""What an exercise is made of, and the form in which two values are compared.

A stage's exercises stand in `stage_1.py` to `stage_6.py`, their words in the TOML file beside; `check` runs them.
"""

import ast
import importlib
import inspect
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.stages import STAGES, Stage, get_stage

Function = Callable[..., Any]


@dataclass(frozen=True)
class Exercise:
    """An exercise and how an answer is tried; `id` and `words` come from the stage's TOML file.

    What is expected stands after "Return" in the docstring of the model answer, the function to write. `cases` are
    arguments to try an answer on, by the situation in words that follow "With". `mistakes` are functions that go wrong
    in a likely way, each different from all others in some case. An exercise with many right answers has `promises`
    instead: functions that take the learner's and return what breaks the promise, for its words `seen`, or something
    empty; and it has calls to which a second Python has to give the same answer, `everywhere`.
    """

    model_answer: Function
    cases: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    mistakes: dict[str, Function] = field(default_factory=dict)
    promises: dict[str, Function] = field(default_factory=dict)
    everywhere: list[tuple[Any, ...]] = field(default_factory=list)
    id: str = ""
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
def find_exercise(name: str) -> Exercise:
    """Load an exercise by its identifier; `ValueError` if there is none of this name."""
    for stage in STAGES:
        if name in words_of(stage):
            module = importlib.import_module(f"{__package__}.stage_{stage.number}")
            return replace(module.EXERCISES[name], id=name, words=words_of(stage)[name])
    raise ValueError(f"There is no exercise {name!r}. There are: {', '.join(chain(*map(words_of, STAGES)))}.")


def all_exercises() -> dict[str, Exercise]:
    """Load every exercise of the course, by its identifier, in order."""
    return {name: find_exercise(name) for stage in STAGES for name in words_of(stage)}


def comparable(value: Any, right: Any) -> Any:
    """Bring a value to the form in which it is compared with the right one; an error if it is of another kind.

    A list is a collection in any order, and so are the rows of a table; a tuple and an array have places.
    """
    match right:
        case bool():
            if isinstance(value, bool | np.bool_):
                return bool(value)
        case str() if isinstance(value, str):
            return value
        case int() | float() if isinstance(value, int | float | np.number) and not isinstance(value, bool):
            return round(float(value), 6)
        case pd.DataFrame() if isinstance(value, pd.DataFrame):
            return sorted(value[right.columns].itertuples(index=False, name=None))
        case tuple() if isinstance(value, tuple | list):
            return [comparable(*each) for each in zip(value, right, strict=True)]
        case list() if not isinstance(value, str | dict | pd.DataFrame):
            return sorted(comparable(each, 0) for each in value)
        case np.ndarray() if np.shape(value) == right.shape:
            return np.round(np.asarray(value, dtype=float), 6).tolist()
    raise TypeError(f"a {type(value).__name__} where a {type(right).__name__} is expected")
