"""What the learner answered and earned, saved as one document in a SQLite file, `progress.db` in the learner's folder.

Where nothing can be written the course goes on, keeps what it learns in memory, says so, and saves it as soon as it
can. A `progress.json` of the course's first edition is taken over once and stays where it is.
"""

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from sqlite3 import Connection
from typing import Any
from weakref import WeakSet

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from mlops_lesson import __version__
from mlops_lesson.keep.database import open_database
from mlops_lesson.keep.paths import home
from mlops_lesson.stages import STAGES, Stage, get_stage
from mlops_lesson.teaching.export_format import FORMAT, FORMAT_VERSION, clean_text, write_export

SCHEMA_VERSION = 1
"""Form of the progress in an export."""

PARTS = ("why", "learn", "visualize", "try", "deep", "metrics", "challenge", "project", "review")
"""The nine ways to learn, in the order in which every notebook has them."""

OUTCOMES = ("not attempted", "not yet", "crashed", "right")
"""What a check of an exercise can find."""


@dataclass(frozen=True)
class Answer:
    """What was answered to one question of a quiz: the letters chosen last, and those chosen first."""

    choice: list[str]
    right: bool
    first_choice: list[str]
    first_right: bool
    confidence: str | None
    attempts: int
    at: str


@dataclass(frozen=True)
class ExerciseResult:
    """How an exercise stands: the last outcome up to the first right one, and how many checks it took."""

    stage: str
    outcome: str
    attempts: int
    at: str


@dataclass
class Progress:
    """Everything known about the learner's progress at one moment, and how it is (not) saved; made by `read`."""

    answers: dict[str, dict[str, Answer]] = field(default_factory=dict)
    exercises: dict[str, ExerciseResult] = field(default_factory=dict)
    parts: dict[str, dict[str, str]] = field(default_factory=dict)
    resets: dict[str, int] = field(default_factory=dict)
    learner: str = ""
    notice: str = ""

    def answers_of(self, stage: int | str | Stage) -> dict[str, Answer]:
        """Return the answers given in one quiz, that of a stage or an instructor's own, by question."""
        return self.answers.get(stage_key(stage), {})

    def answer(self, stage: int | str | Stage, question: str) -> Answer | None:
        """Return the answer to one question of a quiz, or None."""
        return self.answers_of(stage).get(question)

    def parts_of(self, stage: int | str | Stage) -> tuple[str, ...]:
        """Return the parts of a stage that were gone through, in the notebook's order."""
        return tuple(part for part in PARTS if part in self.parts.get(stage_key(stage), {}))

    def exported(self) -> dict[str, Any]:
        """Return it as it stands in an export."""
        names = ("answers", "exercises", "parts", "resets")
        return {"version": SCHEMA_VERSION} | {name: asdict(self)[name] for name in names}


def stage_key(stage: int | str | Stage) -> str:
    """Return the name under which a stage's progress is saved: its slug; any other text is an own quiz's name."""
    if isinstance(stage, str):
        return next((known.slug for known in STAGES if stage in (known.name, known.slug)), stage)
    return get_stage(stage).slug


def progress_file() -> Path:
    """Return the path of the progress file, which may not exist yet."""
    return home() / "progress.db"


def read() -> Progress:
    """Read everything known. A file that is missing, damaged or unreadable is no error: `Progress.notice` says it."""
    memory = _memory()
    try:
        with memory.opened(write=False) as database:
            progress = memory.load(database)
        if not memory.waiting:
            memory.unsaved = ""
    except OSError as error:
        progress, memory.unsaved = memory.begin(), str(error)
    for change in memory.waiting:
        change(progress)
    progress.notice = " ".join([*memory.said, memory.unsaved]).rstrip()
    return progress


def learner_number() -> str:
    """Return the number that tells this learner's answers in a browser from another's; it is saved if it can be."""
    file = _memory().file
    saved = file is not None and os.path.exists(file)  # noqa: PTH110 - unlike Path.exists it never raises
    return (read() if saved else _change()).learner


def keep_answer(
    stage: int | str | Stage,
    question: str,
    choice: Sequence[str],
    right: bool,
    confidence: str | None = None,
    *,
    anew: bool = False,
) -> Progress:
    """Save an answer; the first stays, an unchanged one is no attempt, `anew` forgets one that no longer fits."""
    given = Answer([*choice], bool(right), [*choice], bool(right), confidence, 1, _now())

    def change(progress: Progress) -> None:
        known = progress.answers.setdefault(stage_key(stage), {})
        if question not in known or anew:
            known[question] = given
        elif known[question].choice != given.choice:
            known[question] = _again(known[question], given, known[question].attempts + 1)

    return _change(change)


def merge_answer(stage: str, question: str, given: Answer) -> Progress:
    """Take over an answer from the page; it replaces a saved one if more attempts were made, never its first choice."""

    def change(progress: Progress) -> None:
        known = progress.answers.setdefault(stage, {})
        if given.attempts > known.setdefault(question, given).attempts:
            known[question] = _again(known[question], given, given.attempts)

    return _change(change)


def _again(saved: Answer, given: Answer, attempts: int) -> Answer:
    return replace(saved, choice=given.choice, right=given.right, attempts=attempts, at=given.at)


def keep_exercise(stage: int | str | Stage, exercise_id: str, outcome: str) -> Progress:
    """Save the outcome of one check of an exercise. Once right, it stays right and attempts no longer count."""
    at = _now()

    def change(progress: Progress) -> None:
        known = progress.exercises.get(exercise_id)
        if known is None or known.outcome != "right":
            attempts = known.attempts + 1 if known else 1
            progress.exercises[exercise_id] = ExerciseResult(stage_key(stage), outcome, attempts, at)

    return read() if outcome == OUTCOMES[0] else _change(change)


def keep_part(stage: int | str | Stage, part: str, seen: bool = True) -> Progress:
    """Mark one of the nine parts of a notebook as gone through, or take the mark away."""
    at = _now()

    def change(progress: Progress) -> None:
        parts = progress.parts.setdefault(get_stage(stage).slug, {})
        parts.setdefault(part, at) if seen else parts.pop(part, None)

    return _change(change)


def reset(stage: int | str | Stage) -> str:
    """Forget the answers, exercises and parts of one notebook; the other notebooks keep theirs."""
    slug = stage_key(stage)

    def change(progress: Progress) -> None:
        progress.answers.pop(slug, None)
        progress.parts.pop(slug, None)
        progress.exercises = {name: tried for name, tried in progress.exercises.items() if tried.stage != slug}
        progress.resets[slug] = progress.resets.get(slug, 0) + 1

    notice = _change(change).notice
    name = next((known.name for known in STAGES if known.slug == slug), slug)
    return (
        f"The answers, exercises and parts of {name} are forgotten. The other notebooks keep theirs. {notice}".rstrip()
    )


def export(name: str = "", folder: str | Path | None = None) -> Path:
    """Write the progress as one file to hand in; an earlier export of the same learner and name is replaced.

    The name, a student number or a pseudonym, stands in the file and in its name. Left out, the file says nothing about
    who the learner is, only a random number that is the same in all their exports. The folder is ``export`` beside the
    progress file if none is given. A `CannotWriteError` says that the disk is full or the folder may not be written.
    """
    learner_number()
    now = read()
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "course_version": __version__,
        "learner": {"id": now.learner, "name": clean_text(str(name))},
        "exported_at": _now(),
        "progress": now.exported(),
    }
    return write_export(Path(folder).expanduser().resolve() if folder is not None else home() / "export", content)


watching: WeakSet[Any] = WeakSet()
"""Panels, whose `show` is called with the new progress after every change that is made in this kernel."""


_SCHEMA = "CREATE TABLE IF NOT EXISTS progress (id INTEGER PRIMARY KEY, document TEXT NOT NULL)"
_DOCUMENT = TypeAdapter(Progress)
_Change = Callable[[Progress], None]


@dataclass
class _Memory:
    """What this kernel knows beside a progress file: the number for a new one, what waits to be saved, what to say."""

    file: Path | None
    number: str = field(default_factory=lambda: secrets.token_hex(8))
    waiting: list[_Change] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    unsaved: str = ""

    def opened(self, *, write: bool) -> AbstractContextManager[Connection]:
        if self.file is None:
            raise FileNotFoundError("The course folder was not found.")
        return open_database(self.file, _SCHEMA, write=write, say=self.said.append)

    def load(self, database: Connection) -> Progress:
        saved = database.execute("SELECT document FROM progress").fetchone()
        return _DOCUMENT.validate_json(saved[0]) if saved else self.begin()

    def begin(self) -> Progress:
        """Take over what the first edition of the course saved, or begin with nothing."""
        begun, earlier = Progress(), self.file and self.file.with_name("progress.json")
        try:
            if earlier and os.path.exists(earlier):  # noqa: PTH110 - as above
                begun = _DOCUMENT.validate_json(earlier.read_bytes())
        except (OSError, ValueError):
            words = "progress.json, of the course's first edition, cannot be taken over; it is left as it is."
            self.said += [words] if words not in self.said else []
        begun.learner = begun.learner or self.number
        return begun


_memory_of = cache(_Memory)


def _memory() -> _Memory:
    try:
        return _memory_of(progress_file())
    except FileNotFoundError:
        return _memory_of(None)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _change(*changes: _Change) -> Progress:
    memory = _memory()
    waiting = [*memory.waiting, *changes]
    try:
        with memory.opened(write=True) as database:
            progress = memory.load(database)
            for change in waiting:
                change(progress)
            database.execute("REPLACE INTO progress VALUES (1, ?)", (_DOCUMENT.dump_json(progress).decode(),))
        memory.waiting = []
    except OSError as error:
        memory.waiting = waiting
        memory.unsaved = f"Your progress is kept in memory only, until this kernel stops. {error}"
    progress = read()
    for panel in tuple(watching):
        panel.show(progress)
    return progress
