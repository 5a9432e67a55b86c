"""What the fuzz tests feed the package: made-up values of every kind, and the errors each function has promised."""

import builtins
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from pydantic import BaseModel

import mlops_lesson
from mlops_lesson.stages import STAGES
from mlops_lesson.teaching import progress, quiz
from mlops_lesson.training import trace

# ------------------------------------------------------------------------------------- the package's public functions


@dataclass(frozen=True)
class Public:
    """A public function, class or method of the package."""

    name: str
    call: Callable[..., Any]
    owner: type | None = None

    @property
    def has_nothing_to_get_wrong(self) -> bool:
        """Whether there is no argument, or nothing is looked at: exceptions, and dataclasses that only hold data."""
        if self.owner is not None:
            return False
        if isinstance(self.call, type):
            if issubclass(self.call, BaseException | BaseModel):
                return True
            return is_dataclass(self.call) and "__post_init__" not in vars(self.call)
        return not inspect.signature(self.call).parameters

    def promised(self) -> tuple[type[BaseException], ...]:
        """Return the exceptions that the docstring names under "Raises"."""
        found = re.search(r"^Raises\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", inspect.getdoc(self.call) or "", re.S | re.M)
        lines = re.findall(r"^(\w[\w.]*(?:, \w[\w.]*)*)$", found[1], re.M) if found else []
        return tuple(self._exception(name) for line in lines for name in line.split(", "))

    def _exception(self, name: str) -> type[BaseException]:
        module, _, last = name.rpartition(".")
        places = [
            importlib.import_module(module or self.call.__module__),
            importlib.import_module("mlops_lesson.keep.files"),
        ]
        return next(getattr(place, last) for place in (*places, builtins) if hasattr(place, last))


def public() -> Iterator[Public]:
    """Find every public function, class and method by looking into every module."""
    for found in pkgutil.walk_packages(mlops_lesson.__path__, "mlops_lesson."):
        if ".solutions" in found.name:
            continue
        module = importlib.import_module(found.name)
        short = found.name.removeprefix("mlops_lesson.")
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", None) != found.name or not callable(value):
                continue
            yield Public(f"{short}.{name}", value)
            if isinstance(value, type) and not issubclass(value, BaseModel):
                methods = staticmethod | classmethod | type(public)
                held = {each.name for each in fields(value)} if is_dataclass(value) else set()
                for inner, made in vars(value).items():
                    if not inner.startswith("_") and inner not in held and isinstance(made, methods):
                        yield Public(f"{short}.{name}.{inner}", getattr(value, inner), value)


# ------------------------------------------------------------------------------------------------------------- values

NASTY_TEXT = (
    "",
    " ",
    "\x00",
    "\ud800",
    "<script>alert(1)</script>",
    "`<img src=x onerror=alert(1)>`",
    '" onclick="alert(1)',
    "=1+1",
    "../../etc/passwd",
    "$\\frac{}{$",
    "a\nb\r\nc",
    "ö" * 3000,
    "{0} %s {name!r}",
)
TEXT = st.sampled_from(NASTY_TEXT) | st.text(max_size=30)
NASTY_NUMBERS = (float("nan"), float("inf"), float("-inf"), 1e308, -1e308, 5e-324, -0.0, 0.0, 1.0, 10**400, -(2**63))
NUMBER = st.sampled_from(NASTY_NUMBERS) | st.floats() | st.integers()
FLOAT = st.sampled_from(NASTY_NUMBERS[:9]) | st.floats()
WHOLE = st.sampled_from((0, 1, -1, 2**31, -(2**63), 10**30)) | st.integers()
SMALL = st.integers(-3, 12)
TRUTH = st.booleans()
SHARE = st.floats(0, 1)
ANYTHING = st.recursive(
    st.none() | TRUTH | NUMBER | TEXT | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
JSON = st.recursive(
    st.none() | TRUTH | st.integers(-(2**60), 2**60) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
STAGE = st.sampled_from([*range(1, 7), *(s.name for s in STAGES), *(s.slug for s in STAGES), *STAGES])
ANY_STAGE = STAGE | TEXT | st.integers()


@st.composite
def arrays(draw: Any, *tail: int, most: int = 30, least: int = 0, kind: str = "any") -> np.ndarray:
    """Make an array of `least` to `most` rows: grey levels, shares, labels or any floats at all."""
    n = draw(st.integers(least, most))
    dice = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (n, *tail)
    match kind:
        case "grey":
            return dice.integers(0, 17, shape).astype(float)
        case "share":
            return dice.choice([0.0, 1.0, 0.5, dice.random(), 1e-300], shape)
        case "label":
            return dice.integers(0, 2, shape)
        case "truth":
            return dice.integers(0, 2, shape).astype(bool)
    values = dice.normal(0, 10.0 ** dice.integers(-5, 6), shape)
    odd = draw(st.sampled_from(((), (0.0,), (np.nan,), (np.inf, -np.inf), (1e308, -1e308), (5e-324,), (np.nan, 0.0))))
    if odd and values.size:
        values[dice.random(shape) < 0.4] = dice.choice(odd)
    return values


def alike(**kinds: str | tuple[str, int]) -> st.SearchStrategy[dict[str, np.ndarray]]:
    """Make several arrays of the same length, and now and then of different lengths."""

    @st.composite
    def make(draw: Any) -> dict[str, np.ndarray]:
        n, apart = draw(st.integers(0, 25)), draw(st.integers(0, 9)) == 0
        made = {}
        for name, kind in kinds.items():
            word, tail = kind if isinstance(kind, tuple) else (kind, None)
            rows = draw(st.integers(0, 25)) if apart else n
            made[name] = draw(arrays(*([] if tail is None else [tail]), least=rows, most=rows, kind=word))
        return made

    return make()


IMAGES = arrays(64, kind="grey")
SOME_IMAGES = arrays(64, kind="grey", least=1)

# ---------------------------------------------------------------------------------------------------- traces, tables

OBSERVATION = TEXT


@st.composite
def epochs(draw: Any, number: int) -> trace.Epoch:
    loss = draw(st.floats(0, allow_nan=False) | st.just(float("nan")))
    accuracy = draw(SHARE | st.just(float("nan")))
    return trace.Epoch(number, loss, accuracy, draw(OBSERVATION), draw(st.none() | FLOAT))


@st.composite
def traces(draw: Any, most: int = 12) -> trace.TrainingTrace:
    """Make a run of one epoch, a few or, now and then, 10,000: good, diverging or not a number."""
    if draw(st.integers(0, 29)) == 0:
        dice = np.random.default_rng(draw(st.integers(0, 99)))
        n = draw(st.sampled_from((100, 10_000)))
        figures = zip(dice.exponential(2.0, n).tolist(), dice.random(n).tolist(), dice.random(n).tolist(), strict=True)
        return trace.make_trace(figures, draw(TEXT))
    numbers = sorted(draw(st.sets(st.integers(1, 10**6), min_size=1, max_size=most)))
    return trace.TrainingTrace(tuple(draw(epochs(number)) for number in numbers), draw(TEXT))


@st.composite
def tables(draw: Any, *columns: str, values: st.SearchStrategy = ANYTHING, most: int = 6) -> pd.DataFrame:
    """Make a table with these columns, or with any."""
    named = list(columns) or draw(st.lists(TEXT, max_size=4, unique=True))
    n = draw(st.integers(0, most))
    drawn = {name: draw(st.lists(values, min_size=n, max_size=n)) for name in named}
    try:
        return pd.DataFrame(drawn, columns=named)
    except OverflowError:
        # Older versions of pandas find no type for a whole number beyond all floats.
        return pd.DataFrame(drawn, columns=named, dtype=object)


# --------------------------------------------------------------------------------------------------------- questions


@st.composite
def questions(draw: Any) -> quiz.Question:
    """Make a question that keeps the rules, with words of any kind."""
    words = TEXT.filter(lambda text: text.strip())
    kind = draw(st.sampled_from(quiz.KINDS))
    texts = draw(st.lists(words, min_size=2, max_size=6, unique=True))
    right = {0} if kind == "single" else draw(st.sets(st.integers(0, len(texts) - 1), min_size=1))
    options = []
    for place, text in enumerate(texts):
        if kind == "put_in_order":
            options.append(quiz.Option(text, draw(words)))
        else:
            is_right = place in right
            options.append(quiz.Option(text, draw(words), is_right, None if is_right else draw(words)))
    belief, reason = (draw(words), draw(words)) if kind == "put_in_order" else (None, None)
    name = draw(st.from_regex(r"\A[a-z0-9]{1,8}(-[a-z0-9]{1,4})?\Z"))
    return quiz.Question(name, draw(words), options, kind, draw(st.none() | words), belief, reason)


CARDS = st.builds(quiz.Flashcard, TEXT.filter(str.strip), TEXT.filter(str.strip), TEXT.filter(str.strip))
CHOICE = st.lists(st.sampled_from("ABCDEFGHIJ") | TEXT, max_size=6)
ANSWERS = st.builds(
    progress.Answer,
    STAGE.map(progress.stage_key) | TEXT, TEXT, CHOICE.map(tuple), TRUTH, CHOICE.map(tuple), TRUTH,
    st.none() | TEXT, st.integers(1, 50), TEXT,
)  # fmt: skip
PROGRESS = st.builds(
    progress.Progress,
    st.lists(ANSWERS, max_size=4).map(tuple),
    st.lists(
        st.builds(progress.ExerciseResult, TEXT, TEXT, st.sampled_from(progress.OUTCOMES), SMALL, TEXT), max_size=3
    ).map(tuple),
    st.lists(st.builds(progress.PartSeen, TEXT, st.sampled_from(progress.PARTS) | TEXT, TEXT), max_size=3).map(tuple),
    st.dictionaries(TEXT, st.integers(0), max_size=2),
    TEXT,
)


# ------------------------------------------------------------------------------------------------- files of questions

TOML_VALUE = st.sampled_from(
    (
        "1",
        "-1",
        "true",
        "nan",
        "[]",
        "{}",
        "[[]]",
        "[1, 2]",
        '[""]',
        "{a = 1}",
        "1979-05-27",
        '""',
        '" "',
        '""""""',
        "???",
        "",
    )
) | TEXT.map(json.dumps)


@st.composite
def question_files(draw: Any) -> bytes:
    """Change lines and values of one of the course's files of questions."""
    path = draw(st.sampled_from(sorted((Path(mlops_lesson.__file__).parent / "questions").glob("*.toml"))))
    lines = path.read_text(encoding="utf-8").splitlines()
    for _ in range(draw(st.integers(1, 3))):
        place, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        match draw(st.sampled_from(("cut", "swapped", "doubled", "moved", "value", "key", "text", "cut short"))):
            case "cut":
                lines[place] = ""
            case "swapped":
                lines[place], lines[other] = lines[other], lines[place]
            case "doubled":
                lines.insert(other, lines[place])
            case "moved":
                lines.insert(other, lines.pop(place))
            case "value":
                lines[place] = f"{lines[place].partition('=')[0]}= {draw(TOML_VALUE)}"
            case "key":
                lines[place] = f"{draw(st.sampled_from(_KEYS) | TEXT)} = {lines[place].partition('=')[2]}"
            case "text":
                lines[place] = draw(TEXT)
            case "cut short":
                lines[place] = lines[place][: draw(st.integers(0, len(lines[place])))]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


_KEYS = ("stage", "ask_again", "questions", "flashcards", "id", "kind", "options", "text", "hint", "reason", "right")
