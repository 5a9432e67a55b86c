"""What a check found, as the learner sees it."""

import reprlib
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.show.page import Shown, fold, render
from mlops_lesson.show.tables import show_table
from mlops_lesson.teaching.exercises.trial import quietly

MOST_ROWS = 6
_SHORT = reprlib.Repr()
vars(_SHORT).update(maxlist=12, maxtuple=12, maxset=12, maxdict=6, maxstring=160, maxother=160)


@dataclass(frozen=True, repr=False)
class CheckResult:
    """What a check found, ready to be displayed by Jupyter; of its details, what is `Shown` says its label itself."""

    exercise: str
    outcome: str
    message: str
    details: dict[str, str | Shown] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    solution: str = ""

    def __repr__(self) -> str:
        lines = [f"{label}: {what}" if isinstance(what, str) else what.text for label, what in self.details.items()]
        return "\n".join([f"Exercise {self.exercise}: {self.outcome}. {self.message}", *lines])

    def _repr_html_(self) -> str:
        return render("teaching/result", result=self)


def show_value(label: str, value: Any, kind: bool = False) -> Shown:
    """Show a value: a table as a small table, anything else in one line; `kind` adds its type."""
    note = f", of type {type(value).__name__}" if kind else ""
    if tables := quietly(_show_tables, label, value, note):
        return tables
    unknown = f"a {type(value).__name__} that cannot be shown"
    # Numpy's numbers read like Python's, which is what a learner would write.
    with np.printoptions(legacy="1.25"):
        text = quietly(lambda: " ".join(_SHORT.repr(value).split()), otherwise=unknown)
    return Shown(f"{label}: {text}{note}", f"<p>{escape(label)}: <code>{escape(text)}</code>{escape(note)}</p>")


def _show_tables(label: str, value: Any, note: str) -> Shown | None:
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
        table, caption = pd.DataFrame(part).iloc[:MOST_ROWS, :8], f"{label}{which}{note}{rows}"
        shown.append(show_table(table, caption, index=index, words=False))
    beside = '<div style="display:inline-block;vertical-align:top;margin-right:2em">'
    html = "".join(table.html for table in shown)
    return Shown("\n".join(table.text for table in shown), f"{beside}{html}</div>")


def show_prints(text: str) -> Shown:
    """Show the first lines that a function printed, folded."""
    lines = text.strip().splitlines()[:8]
    code = escape("\n".join(lines))
    folded = fold("Printed by your function, first lines", f'<pre tabindex="0"><code>{code}</code></pre>')
    return Shown(f"Printed, first lines: {lines[0][:80]}", folded)
