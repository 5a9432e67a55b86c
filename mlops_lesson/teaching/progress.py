"""What the learner answered and earned, saved in one SQLite file, `progress.db` in the learner's own folder.

Where nothing can be written the course goes on, keeps what it learns in memory, says so, and saves it as soon as it
can. A `progress.json` of the course's first edition is taken over once and stays where it is.
"""

import contextlib
import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakSet

from mlops_lesson import __version__
from mlops_lesson.keep.database import open_database
from mlops_lesson.keep.paths import home
from mlops_lesson.stages import STAGES, Stage, get_stage
from mlops_lesson.teaching.export_format import FORMAT, FORMAT_VERSION, Export, clean_text, file_stem, write_export

SCHEMA_VERSION = 1
"""Form of the progress in an export."""


PARTS = ("why", "learn", "visualize", "try", "deep", "metrics", "challenge", "project", "review")
"""The nine ways to learn, in the order in which every notebook has them."""


OUTCOMES = ("not attempted", "not yet", "crashed", "right")
"""What a check of an exercise can find."""


_TABLES = """
    CREATE TABLE IF NOT EXISTS learner (id TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS answers (stage TEXT, question TEXT, choice TEXT, is_right INTEGER, first_choice TEXT,
        first_right INTEGER, confidence TEXT, attempts INTEGER, at TEXT, PRIMARY KEY (stage, question));
    CREATE TABLE IF NOT EXISTS exercises (stage TEXT, exercise TEXT PRIMARY KEY, outcome TEXT, attempts INTEGER,
        at TEXT);
    CREATE TABLE IF NOT EXISTS parts (stage TEXT, part TEXT, at TEXT, PRIMARY KEY (stage, part));
    CREATE TABLE IF NOT EXISTS resets (stage TEXT PRIMARY KEY, number INTEGER)"""
_PUT_ANSWER = """INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    choice = excluded.choice, is_right = excluded.is_right, at = excluded.at, attempts = """
_AS_A_FURTHER_ATTEMPT = "attempts + 1 WHERE choice <> excluded.choice"
_IF_MORE_ATTEMPTS = "excluded.attempts WHERE excluded.attempts > attempts"


@dataclass(frozen=True)
class Answer:
    """What was answered to one question of a quiz: the letters chosen last, and those chosen first."""

    stage: str
    question: str
    choice: tuple[str, ...]
    right: bool
    first_choice: tuple[str, ...]
    first_right: bool
    confidence: str | None
    attempts: int
    at: str

    def record(self) -> dict[str, Any]:
        """Return it as it stands in an export and in the page, under its stage and question."""
        return {name: value for name, value in asdict(self).items() if name not in ("stage", "question")}


@dataclass(frozen=True)
class ExerciseResult:
    """How an exercise stands: the last outcome up to the first right one, and how many checks it took."""

    stage: str
    exercise: str
    outcome: str
    attempts: int
    at: str


@dataclass(frozen=True)
class PartSeen:
    """One of the nine parts of a notebook that the learner has gone through, and when it was first marked."""

    stage: str
    part: str
    at: str


@dataclass(frozen=True)
class Progress:
    """Everything known about the learner's progress at one moment, and how it is (not) saved; made by `read`."""

    answers: tuple[Answer, ...] = ()
    exercises: tuple[ExerciseResult, ...] = ()
    parts: tuple[PartSeen, ...] = ()
    resets: dict[str, int] = field(default_factory=dict)
    learner: str = ""
    notice: str = ""

    def answers_of(self, stage: int | str | Stage) -> tuple[Answer, ...]:
        """Return the answers given in one quiz, that of a stage or an instructor's own."""
        slug = stage_key(stage)
        return tuple(answer for answer in self.answers if answer.stage == slug)

    def answer(self, stage: int | str | Stage, question: str) -> Answer | None:
        """Return the answer to one question of a quiz, or None."""
        return next((answer for answer in self.answers_of(stage) if answer.question == question), None)

    def exercise(self, exercise: str) -> ExerciseResult | None:
        """Return the result of one exercise, such as ``"1.1"``, or None if it was never attempted."""
        return next((result for result in self.exercises if result.exercise == exercise), None)

    def parts_of(self, stage: int | str | Stage) -> tuple[str, ...]:
        """Return the parts of a stage that were gone through, in the notebook's order."""
        slug = stage_key(stage)
        seen = {part.part for part in self.parts if part.stage == slug}
        return tuple(part for part in PARTS if part in seen)

    def exported(self) -> dict[str, Any]:
        """Return it as it stands in an export."""
        data: dict[str, Any] = {"version": SCHEMA_VERSION, "answers": {}, "exercises": {}, "parts": {}}
        for given in self.answers:
            data["answers"].setdefault(given.stage, {})[given.question] = given.record()
        for tried in self.exercises:
            data["exercises"][tried.exercise] = {k: v for k, v in asdict(tried).items() if k != "exercise"}
        for seen in self.parts:
            data["parts"].setdefault(seen.stage, {})[seen.part] = seen.at
        return data | {"resets": dict(self.resets)}


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
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        copy.executescript(_TABLES)
        try:
            with memory.opened(write=False) as database:
                database.backup(copy)
            if not memory.waiting:
                memory.unsaved = ""
        except OSError as error:
            memory.unsaved = str(error)
        _begin(copy, memory)
        for statement in memory.waiting:
            copy.execute(*statement)
        return _snapshot(copy, " ".join([*memory.said, memory.unsaved]).rstrip())


def learner_number() -> str:
    """Return the number that tells this learner's answers in a browser from another's; it is saved if it can be."""
    file = _memory().file
    saved = file is not None and os.path.exists(file)  # noqa: PTH110 - unlike Path.exists it never raises
    return read().learner if saved else _change().learner


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
    chosen, slug = tuple(choice), stage_key(stage)
    given = Answer(slug, question, chosen, bool(right), chosen, bool(right), confidence, 1, _now())
    forget = [("DELETE FROM answers WHERE stage = ? AND question = ?", (slug, question))] * anew
    return _change(*forget, (_PUT_ANSWER + _AS_A_FURTHER_ATTEMPT, _row(given)))


def merge_answer(given: Answer) -> Progress:
    """Take over an answer from the page; it replaces a saved one if more attempts were made, never its first choice."""
    return _change((_PUT_ANSWER + _IF_MORE_ATTEMPTS, _row(given)))


def keep_exercise(stage: int | str | Stage, exercise_id: str, outcome: str) -> Progress:
    """Save the outcome of one check of an exercise. Once right, it stays right and attempts no longer count."""
    if outcome == OUTCOMES[0]:
        return read()
    put = """INSERT INTO exercises VALUES (?, ?, ?, 1, ?) ON CONFLICT DO UPDATE SET
        outcome = excluded.outcome, attempts = attempts + 1, at = excluded.at WHERE outcome <> 'right'"""
    return _change((put, (stage_key(stage), exercise_id, outcome, _now())))


def keep_part(stage: int | str | Stage, part: str, seen: bool = True) -> Progress:
    """Mark one of the nine parts of a notebook as gone through, or take the mark away."""
    if part not in PARTS:
        raise ValueError(f"No part {part!r}. Give one of: {', '.join(PARTS)}.")
    slug = get_stage(stage).slug
    if seen:
        return _change(("INSERT OR IGNORE INTO parts VALUES (?, ?, ?)", (slug, part, _now())))
    return _change(("DELETE FROM parts WHERE stage = ? AND part = ?", (slug, part)))


def reset(stage: int | str | Stage | None = None) -> str:
    """Forget the answers, exercises and parts of one notebook; the other notebooks keep theirs."""
    if stage is None:
        choices = "; ".join(f"reset({known.number}) for {known.name}" for known in STAGES)
        return f"Nothing was forgotten yet. Which notebook do you want to start again? {choices}."
    slug = stage_key(stage)

    now = _change(
        *((f"DELETE FROM {table} WHERE stage = ?", (slug,)) for table in ("answers", "exercises", "parts")),  # noqa: S608
        ("INSERT INTO resets VALUES (?, 1) ON CONFLICT DO UPDATE SET number = number + 1", (slug,)),
    )
    name = next((known.name for known in STAGES if known.slug == slug), slug)
    done = f"The answers, exercises and parts of {name} are forgotten. The other notebooks keep theirs."
    return f"{done} {now.notice}".rstrip()


def export(name: str = "", folder: str | Path | None = None) -> Export:
    """Write the progress as one file to hand in, and as a table. Make it the last expression of a cell.

    Nothing that is there already is overwritten: a file with other content keeps its name, and yours gets a number.

    Parameters
    ----------
    name : str, optional
        Your name, your student number or a pseudonym, as your instructor asks; it stands in the file and in its name.
        Left out, the file says nothing about who you are, only a random number that is the same in all your exports.
    folder : str or pathlib.Path, optional
        Where to write; it is made if needed. Left out, the folder ``export`` beside your progress file.

    Returns
    -------
    Export
        The JSON file and the CSV file.

    Raises
    ------
    TypeError
        If the name is not text.
    CannotWriteError
        If the disk is full or the folder may not be written; what was there before is unchanged.
    """
    if not isinstance(name, str):
        raise TypeError(f"The name is {type(name).__name__}; give text, such as export('Ada'), or leave it out.")
    learner_number()
    now = read()
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "course_version": __version__,
        "learner": {"id": now.learner, "name": clean_text(name)},
        "exported_at": _now(),
        "progress": now.exported(),
    }
    target = Path(folder).expanduser().resolve() if folder is not None else home() / "export"
    return write_export(target / f"{file_stem(name)}.json", content)


watching: WeakSet[Any] = WeakSet()
"""Panels, whose `show` is called with the new progress after every change that is made in this kernel."""


Statement = tuple[str, tuple]


@dataclass
class _Memory:
    """What this kernel knows beside a progress file: the number for a new one, what waits to be saved, what to say."""

    file: Path | None
    number: str = field(default_factory=lambda: secrets.token_hex(8))
    waiting: list[Statement] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    unsaved: str = ""

    @contextlib.contextmanager
    def opened(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        if self.file is None:
            raise FileNotFoundError("The course folder was not found.")
        with open_database(self.file, _TABLES, write=write, say=self.said.append) as database:
            yield database


_memory_of = cache(_Memory)


def _memory() -> _Memory:
    try:
        return _memory_of(progress_file())
    except FileNotFoundError:
        return _memory_of(None)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _change(*statements: Statement) -> Progress:
    memory = _memory()
    waiting = [*memory.waiting, *statements]
    try:
        with memory.opened(write=True) as database:
            _begin(database, memory)
            for statement in waiting:
                database.execute(*statement)
        memory.waiting = []
    except OSError as error:
        memory.waiting = waiting
        memory.unsaved = f"Your progress is kept in memory only, until this kernel stops. {error}"
    progress = read()
    for panel in tuple(watching):
        panel.show(progress)
    return progress


def _begin(database: sqlite3.Connection, memory: _Memory) -> None:
    """Give a new database its number, and take over what the first edition of the course saved."""
    if database.execute("SELECT 1 FROM learner").fetchone():
        return
    number = memory.number
    earlier = memory.file and memory.file.with_name("progress.json")
    try:
        if earlier and earlier.exists():
            number = _take_over(database, json.loads(earlier.read_bytes())) or number
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, sqlite3.Error) as error:
        words = f"progress.json, of the course's first edition, cannot be taken over ({error}); it is left as it is."
        if words not in memory.said:
            memory.said.append(words)
    database.execute("INSERT INTO learner VALUES (?)", (number,))


def _take_over(database: sqlite3.Connection, data: Any) -> str:
    answers = [
        Answer(stage, question, **record)
        for stage, records in data["answers"].items()
        for question, record in records.items()
    ]
    exercises = [
        (record["stage"], name, record["outcome"], int(record["attempts"]), record["at"])
        for name, record in data["exercises"].items()
    ]
    parts = [(stage, part, at) for stage, parts in data["parts"].items() for part, at in parts.items()]
    database.executemany(_PUT_ANSWER + _IF_MORE_ATTEMPTS, map(_row, answers))
    database.executemany("INSERT INTO exercises VALUES (?, ?, ?, ?, ?)", exercises)
    database.executemany("INSERT INTO parts VALUES (?, ?, ?)", parts)
    database.executemany("INSERT INTO resets VALUES (?, ?)", data["resets"].items())
    return str(data.get("learner", ""))


def _row(given: Answer) -> tuple:
    return tuple(json.dumps(value) if isinstance(value, (tuple, list)) else value for value in astuple(given))


def _answer(stage: str, question: str, choice: str, right: int, first: str, first_right: int, *rest: Any) -> Answer:
    chosen, first_chosen = (tuple(json.loads(letters)) for letters in (choice, first))
    return Answer(stage, question, chosen, bool(right), first_chosen, bool(first_right), *rest)


def _snapshot(database: sqlite3.Connection, notice: str) -> Progress:
    def rows(table: str) -> Iterator[tuple]:
        return database.execute(f"SELECT * FROM {table} ORDER BY rowid")  # noqa: S608

    return Progress(
        tuple(_answer(*row) for row in rows("answers")),
        tuple(ExerciseResult(*row) for row in rows("exercises")),
        tuple(PartSeen(*row) for row in rows("parts")),
        dict(rows("resets")),
        next(rows("learner"))[0],
        notice,
    )
