"""Choose your way: nine ways to learn, each leading through the six stages."""

import contextlib
import json
from dataclasses import dataclass
from html import escape

from mlops_lesson.keep.paths import course_root
from mlops_lesson.show.page import OURS, fold, script
from mlops_lesson.stages import STAGES, Stage
from mlops_lesson.teaching.progress import PARTS


@dataclass(frozen=True)
class Way:
    """One of the nine ways to learn: the part of every notebook that serves it, and what it gives in one sentence."""

    part: str
    promise: str

    @property
    def name(self) -> str:
        """Name of the way, which is also the heading of the part in every notebook."""
        return self.part.capitalize()


WAYS = (
    Way("why", "Start from failures: what each stage prevents, in the depot and elsewhere."),
    Way("learn", "Read the idea of each stage in plain words."),
    Way("visualize", "See what goes into each stage, what is done and what comes out."),
    Way("try", "Run the code, cell by cell, and turn the knobs of an explorer."),
    Way("deep", "Open what the simple picture leaves out."),
    Way("metrics", "Know which numbers matter at each stage, and which mislead."),
    Way("challenge", "Write short functions that check themselves."),
    Way("project", "Build the capstone: a score card filled with evidence from your own runs."),
    Way("review", "Test yourself with flashcards and quizzes."),
)


@dataclass(frozen=True, repr=False)
class Chooser:
    """The nine ways with links through the six stages, ready to be displayed by Jupyter; made by `chooser`."""

    minutes: dict[tuple[str, str], int]

    def _minutes_of(self, way: Way) -> str:
        known = [self.minutes.get((stage.slug, way.part)) for stage in STAGES]
        return f", {sum(known)} minutes" if all(known) else ""

    def _minutes_at(self, way: Way, stage: Stage) -> str:
        known = self.minutes.get((stage.slug, way.part))
        return f", {known} minute{'s' if known > 1 else ''}" if known else ""

    def __repr__(self) -> str:
        lines = [f"{way.name}{self._minutes_of(way)}: {way.promise}" for way in WAYS]
        return "\n".join(["Choose your way through the six stages:", *lines])

    def _repr_html_(self) -> str:
        return (
            f'<div class="mlops-lesson" {OURS} data-mlops-chooser><p><strong>Choose your way through the six stages.'
            "</strong> Open one way and follow its links; every notebook has the same nine parts.</p>"
            + "".join(self._block(way) for way in WAYS)
            + f"{script('chooser')}</div>"
        )

    def _block(self, way: Way) -> str:
        links = "".join(
            f'<li><a href="{link(stage, way)}">{way.name} in {stage.number} {escape(stage.name)}</a>'
            f"{self._minutes_at(way, stage)}</li>"
            for stage in STAGES
        )
        head = f"<strong>{way.name}</strong>{self._minutes_of(way)}: {escape(way.promise)}"
        return fold(head, f"<ol>{links}</ol>")


def chooser() -> Chooser:
    """Make the chooser of the nine ways to learn. Make it the last expression of a cell.

    Returns
    -------
    Chooser
        Nine ways that fold out, each with its links through the six notebooks and, where the notebooks state them,
        the minutes.
    """
    return Chooser(read_minutes())


def grid_markdown() -> str:
    """Write the grid of nine ways by six stages as a Markdown table, for a page beside the folder `notebooks/`."""
    minutes = read_minutes()

    def cell(stage: Stage, way: Way) -> str:
        known = minutes.get((stage.slug, way.part))
        return f"[{way.name} {stage.number}](notebooks/{link(stage, way)})" + (f" {known} min" if known else "")

    head = ["Way to learn", *(f"{stage.number} {stage.name}" for stage in STAGES)]
    rows = [[f"**{way.name}**", *(cell(stage, way) for stage in STAGES)] for way in WAYS]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def link(stage: Stage, way: Way) -> str:
    """Return the link from one notebook to a part of another, such as ``"02_data_preprocessing.ipynb#Learn"``."""
    return f"{stage.notebook}#{way.name}"


def read_minutes() -> dict[tuple[str, str], int]:
    """Read how many minutes each part takes, by stage slug and part, as far as the notebooks state them."""
    minutes = {}
    for stage in STAGES:
        with contextlib.suppress(OSError, ValueError, KeyError):
            notebook = json.loads((course_root() / "notebooks" / stage.notebook).read_text(encoding="utf-8"))
            stated = notebook["metadata"]["mlops_lesson"]["minutes"]
            minutes |= {(stage.slug, part): stated[part] for part in PARTS if part in stated}
    return minutes
