"""What a check found, as the learner sees it."""

import reprlib
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.show.page import fold, render
from mlops_lesson.show.tables import show_table
from mlops_lesson.teaching.exercises.trial import quietly

SIGNS = {"right": ("✓", "#1a7f37"), "not yet": ("✗", "#b3261e"), "crashed": ("!", "#8a4600"),
         "not attempted": ("…", "#5b6470")}  # fmt: skip
"""A sign and a colour for each outcome; white text on each colour, and each colour as a line, can be told apart."""

MOST_ROWS = 6
_SHORT = reprlib.Repr()
vars(_SHORT).update(maxlist=12, maxtuple=12, maxset=12, maxdict=6, maxstring=160, maxother=160)


@dataclass(frozen=True)
class Detail:
    """One line of a check's result: what it is, its words, and the HTML that stands in their place on a page."""

    label: str
    text: str
    html: str = ""

    def __str__(self) -> str:
        return f"{self.label}:{self.text if self.text.startswith(chr(10)) else f' {self.text}'}"


@dataclass(frozen=True, repr=False)
class CheckResult:
    """What a check found, ready to be displayed by Jupyter; made by `check`."""

    exercise: str
    outcome: str
    message: str
    details: tuple[Detail, ...] = ()
    hints: tuple[str, ...] = ()
    solution: str = ""

    def __repr__(self) -> str:
        return "\n".join([f"Exercise {self.exercise}: {self.outcome}. {self.message}", *map(str, self.details)])

    def _repr_html_(self) -> str:
        sign, colour = SIGNS[self.outcome]
        return render("teaching/result", result=self, sign=sign, colour=colour)


def of_value(label: str, value: Any, kind: bool = False) -> Detail:
    """Show a value: a table as a small table, anything else in one line; `kind` adds its type."""
    note = f", of type {type(value).__name__}" if kind else ""
    if tables := quietly(_of_tables, label, value, note):
        return tables
    unknown = f"a {type(value).__name__} that cannot be shown"
    text = quietly(lambda: " ".join(_SHORT.repr(_plain(value)).split()), otherwise=unknown)
    return Detail(label, f"{text}{note}", f"<p>{escape(label)}: <code>{escape(text)}</code>{escape(note)}</p>")


def _of_tables(label: str, value: Any, note: str) -> Detail | None:
    """Show a data frame, a series, a matrix or several of them as small tables; None if it is something else."""
    parts = list(value) if isinstance(value, tuple | list) else [value]
    if not parts or not all(isinstance(part, pd.Series) or getattr(part, "ndim", 0) == 2 for part in parts):
        return None
    shown = []
    for place, part in enumerate(parts, start=1):
        which = f", part {place}" if len(parts) > 1 else ""
        rows = f", {MOST_ROWS} of {len(part)} rows" if len(part) > MOST_ROWS else ""
        # The row numbers of a data frame say nothing; those of a matrix, and a series' index, do.
        index = not isinstance(part, pd.DataFrame) or part.index.name is not None
        shown.append(show_table(pd.DataFrame(part).iloc[:MOST_ROWS, :8], f"{label}{which}{note}{rows}", index=index))
    beside = '<div style="display:inline-block;vertical-align:top;margin-right:2em">'
    html = "".join(table._repr_html_() for table in shown)
    return Detail(f"{label}{note}", "\n".join(["", *map(repr, shown)]), f"{beside}{html}</div>")


def of_prints(text: str, lines: int) -> Detail:
    """Show the beginning of what a function printed, folded."""
    first = text.strip().partition("\n")[0][:80]
    title = f"Printed by your function: {'one line' if lines <= 1 else f'{lines:,} lines'}"
    code = escape("\n".join(text.splitlines()[:8]))
    folded = fold(title, f'<pre tabindex="0"><code>{code}</code></pre>')
    return Detail("Printed", f"{first} ({max(lines, 1):,} lines)", folded)


def _plain(value: Any) -> Any:
    """Return numpy's values as Python's, which read like what a learner would write."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return type(value)(map(_plain, value)) if type(value) in (list, tuple, set) else value
