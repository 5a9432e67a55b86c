"""What the learner answered and earned, saved as one document in a SQLite file, `progress.db` in the learner's folder.

Where nothing can be written the course goes on, keeps what it learns in memory, says so, and saves it as soon as it
can. A `progress.json` of the course's first edition is taken over once and stays where it is.
"""

import os
import secrets
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from sqlite3 import Connection
from typing import Annotated, Any, Literal
from weakref import WeakSet

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from mlops_lesson import __version__
from mlops_lesson.keep.database import open_database
from mlops_lesson.keep.files import CannotWriteError
from mlops_lesson.keep.paths import HOME_VARIABLE, home
from mlops_lesson.stages import STAGES, Stage, get_stage
from mlops_lesson.teaching.chooser import WAYS
from mlops_lesson.teaching.export_format import FORMAT, FORMAT_VERSION, clean_text, write_export

PARTS = tuple(WAYS)
"""The nine parts of every notebook, in order."""

OUTCOMES = ("not attempted", "not yet", "crashed", "right")
"""What a check of an exercise can find."""

_Attempts = Annotated[int, Field(ge=1, le=100_000)]


@dataclass(frozen=True)
class Answer:
    """What was answered to one question of a quiz: the letters chosen last, and those chosen first."""

    choice: list[str]
    right: bool
    first_choice: list[str]
    first_right: bool
    confidence: str | None
    attempts: _Attempts
    at: str


@dataclass(frozen=True)
class ExerciseResult:
    """How an exercise stands: the last outcome up to the first right one, and how many checks it took."""

    stage: str
    outcome: Literal["not yet", "crashed", "right"]
    attempts: _Attempts
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
        return self.answers.get(_stage_key(stage), {})

    def parts_of(self, stage: int | str | Stage) -> tuple[str, ...]:
        """Return the parts of a stage that were gone through, in the notebook's order."""
        return tuple(part for part in PARTS if part in self.parts.get(_stage_key(stage), {}))


def _stage_key(stage: int | str | Stage) -> str:
    """Return the name under which a stage's progress is saved: its slug; any other text is an own quiz's name."""
    if isinstance(stage, str):
        return next((known.slug for known in STAGES if stage in (known.name, known.slug)), stage)
    return get_stage(stage).slug


def progress_file() -> Path:
    """Return the path of the progress file, which may not exist yet."""
    return home() / "progress.db"


def read() -> Progress:
    """Read everything known. A file that is missing, damaged or unreadable is no error: `Progress.notice` says it."""
    unsaved, progress = _unsaved[os.environ.get(HOME_VARIABLE)], Progress()
    try:
        with open_database(progress_file(), _SCHEMA, write=False) as database:
            progress = _load(database)
    except OSError as error:
        progress.notice = str(error)
    for change in unsaved.changes:
        change(progress)
    progress.notice = unsaved.reason or progress.notice
    return progress


def learner_number() -> str:
    """Return the number that tells this learner's answers in a browser from another's; it is saved if it can be."""
    number = secrets.token_hex(8)

    def change(progress: Progress) -> None:
        progress.learner = progress.learner or number

    return read().learner or _change(change).learner


def keep_answer(
    stage: int | str | Stage,
    question: str,
    given: Answer,
    *,
    just_given: bool = True,
    fits: Callable[[list[str]], bool] = bool,
) -> Progress:
    """Save an answer: the first choice stays, and a saved one that no longer fits its question counts as not given.

    One that was just given is a further attempt if it is another. One that a page brings along replaces a saved one if
    more attempts were made.
    """

    def change(progress: Progress) -> None:
        known = progress.answers.setdefault(_stage_key(stage), {})
        saved = known.get(question)
        if saved is None or not fits(saved.choice):
            known[question] = given
            return
        is_newer = given.choice != saved.choice if just_given else given.attempts > saved.attempts
        if is_newer:
            attempts = max(given.attempts, saved.attempts + 1)
            known[question] = replace(saved, choice=given.choice, right=given.right, attempts=attempts, at=given.at)

    return _change(change)


def keep_exercise(stage: int | str | Stage, exercise_id: str, outcome: str) -> Progress:
    """Save the outcome of one check of an exercise. Once right, it stays right and attempts no longer count."""
    at = now()

    def change(progress: Progress) -> None:
        known = progress.exercises.get(exercise_id)
        if known is None or known.outcome != "right":
            attempts = known.attempts + 1 if known else 1
            progress.exercises[exercise_id] = ExerciseResult(_stage_key(stage), outcome, attempts, at)

    return read() if outcome == OUTCOMES[0] else _change(change)


def keep_part(stage: int | str | Stage, part: str, seen: bool = True) -> Progress:
    """Mark one of the nine parts of a notebook as gone through, or take the mark away."""
    at = now()

    def change(progress: Progress) -> None:
        parts = progress.parts.setdefault(get_stage(stage).slug, {})
        parts.setdefault(part, at) if seen else parts.pop(part, None)

    return _change(change)


def reset(stage: int | str | Stage) -> str:
    """Forget the answers, exercises and parts of one notebook; the other notebooks keep theirs."""
    slug = _stage_key(stage)

    def change(progress: Progress) -> None:
        progress.answers.pop(slug, None)
        progress.parts.pop(slug, None)
        progress.exercises = {name: tried for name, tried in progress.exercises.items() if tried.stage != slug}
        progress.resets[slug] = progress.resets.get(slug, 0) + 1

    name, notice = next((known.name for known in STAGES if known.slug == slug), slug), _change(change).notice
    words = f"The answers, exercises and parts of {name} are forgotten. The other notebooks keep theirs. {notice}"
    return words.rstrip()


def export(name: str = "", folder: str | Path | None = None) -> Path:
    """Write the progress as one file to hand in; an earlier export of the same learner and name is replaced.

    The name, a student number or a pseudonym, stands in the file and in its name. Left out, the file says nothing about
    who the learner is, only a random number that is the same in all their exports. The folder is ``export`` beside the
    progress file if none is given. A `CannotWriteError` says that the disk is full or the folder may not be written.
    """
    number, saved = learner_number(), asdict(read())
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "course_version": __version__,
        "learner": {"id": number, "name": clean_text(str(name))},
        "exported_at": now(),
        "progress": {"version": 1} | {part: saved[part] for part in ("answers", "exercises", "parts", "resets")},
    }
    return write_export(Path(folder).expanduser().resolve() if folder is not None else home() / "export", content)


watching: WeakSet[Any] = WeakSet()
"""Panels, whose `show` is called with the new progress after every change that is made in this kernel."""


_SCHEMA = "CREATE TABLE IF NOT EXISTS progress (id INTEGER PRIMARY KEY, document TEXT NOT NULL)"
_DOCUMENT = TypeAdapter(Progress)
_Change = Callable[[Progress], None]


@dataclass
class _Unsaved:
    """The changes that could not be saved yet, and why."""

    changes: list[_Change] = field(default_factory=list)
    reason: str = ""


_unsaved: defaultdict[str | None, _Unsaved] = defaultdict(_Unsaved)
"""By the learner's folder that is set: what waits for one folder never gets into another."""


def _change(change: _Change) -> Progress:
    unsaved = _unsaved[os.environ.get(HOME_VARIABLE)]
    changes = [*unsaved.changes, change]
    try:
        with open_database(progress_file(), _SCHEMA) as database:
            progress = _load(database)
            for each in changes:
                each(progress)
            database.execute("REPLACE INTO progress VALUES (1, ?)", (_DOCUMENT.dump_json(progress).decode(),))
        unsaved.changes, unsaved.reason = [], ""
    except OSError as error:
        reason = f"Your progress is kept in memory only, until this kernel stops. {error}"
        unsaved.changes, unsaved.reason = changes, reason
    progress = read()
    for panel in tuple(watching):
        panel.show(progress)
    return progress


def _load(database: Connection) -> Progress:
    saved = database.execute("SELECT document FROM progress").fetchone()
    document = saved[0] if saved else _first_edition(progress_file().with_name("progress.json"))
    try:
        return _DOCUMENT.validate_json(document)
    except ValueError as error:
        raise CannotWriteError(progress_file(), "it holds no progress of this edition", "Move it away") from error


@cache
def _first_edition(file: Path) -> str | bytes:
    """Return the progress that the first edition of the course saved, or an empty document."""
    try:
        if file.exists():
            return _DOCUMENT.dump_json(_DOCUMENT.validate_json(file.read_bytes()))
    except (OSError, ValueError):
        print(f"{file.name}, of the course's first edition, cannot be taken over; it is left as it is.")
    return "{}"


def now() -> str:
    """Return the time of an answer."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
