"""Choose your way: nine ways to learn, each leading through the six stages."""

import contextlib
import json

from mlops_lesson.keep.paths import course_root
from mlops_lesson.show.page import Shown, render
from mlops_lesson.stages import STAGES, Stage

WAYS = {
    "why": "Start from failures: what each stage prevents, in the depot and elsewhere.",
    "learn": "Read the idea of each stage in plain words.",
    "visualize": "See what goes into each stage, what is done and what comes out.",
    "try": "Run the code, cell by cell, and turn the knobs of an explorer.",
    "deep": "Open what the simple picture leaves out.",
    "metrics": "Know which numbers matter at each stage, and which mislead.",
    "challenge": "Write short functions that check themselves.",
    "project": "Build the capstone: a score card filled with evidence from your own runs.",
    "review": "Test yourself with flashcards and quizzes.",
}
"""What each way to learn gives, by the part of every notebook that serves it."""


def chooser() -> Shown:
    """Make the chooser of the nine ways to learn. Make it the last expression of a cell.

    Returns
    -------
    Shown
        Nine ways that fold out, each with its links through the six notebooks and, where the notebooks state them,
        the minutes.
    """
    minutes, ways = read_minutes(), []
    for part, promise in WAYS.items():
        known = [minutes.get((stage.slug, part), 0) for stage in STAGES]
        links = [(stage, link(stage, part), _in_words(here)) for stage, here in zip(STAGES, known, strict=True)]
        ways.append((part.capitalize(), promise, _in_words(sum(known)) if all(known) else "", links))
    lines = [f"{way}{in_all}: {promise}" for way, promise, in_all, _ in ways]
    return Shown("\n".join(["Choose your way through the six stages:", *lines]), render("teaching/chooser", ways=ways))


def _in_words(minutes: int) -> str:
    return f", {minutes} minute{'s' if minutes > 1 else ''}" if minutes else ""


def link(stage: Stage, part: str) -> str:
    """Return the link from one notebook to a part of another, such as ``"02_data_preprocessing.ipynb#Learn"``."""
    return f"{stage.notebook}#{part.capitalize()}"


def read_minutes() -> dict[tuple[str, str], int]:
    """Read how many minutes each part takes, by stage slug and part, as far as the notebooks state them."""
    minutes = {}
    for stage in STAGES:
        with contextlib.suppress(OSError, ValueError, KeyError):
            notebook = json.loads((course_root() / "notebooks" / stage.notebook).read_text(encoding="utf-8"))
            stated = notebook["metadata"]["mlops_lesson"]["minutes"]
            minutes |= {(stage.slug, part): stated[part] for part in WAYS if part in stated}
    return minutes
