"""What the learner answered and earned, kept in one local file.

The file is ``progress.json`` in the learner's own folder. It is replaced as a whole, so a
crash in the middle of a write leaves the old one; a lock lets two kernels write in turn; a damaged file is set aside
under a new name. Where nothing can be written the course goes on, keeps what it learns in memory, says so, and writes
it as soon as it can.
"""

import contextlib
import csv
import errno
import io
import itertools
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlops_lesson import __version__
from mlops_lesson.keep.files import said_if_unwritable, set_aside, written_beside
from mlops_lesson.keep.paths import HOME_VARIABLE, home, make_private_file, make_private_folder
from mlops_lesson.stages import STAGES, Stage, get_stage
from mlops_lesson.teaching.export_format import FORMAT, FORMAT_VERSION, checksum, clean_text, file_stem, safe_cell

SCHEMA_VERSION = 1


FILE_NAME = "progress.json"


EXPORT_FOLDER = "export"


LOCK_SECONDS = 5.0


PARTS: tuple[str, ...] = (
    "why",
    "learn",
    "visualize",
    "try",
    "deep",
    "metrics",
    "challenge",
    "project",
    "review",
)
"""The nine ways to learn, in the order in which every notebook has them."""


OUTCOMES: tuple[str, ...] = ("not attempted", "not yet", "crashed", "right")
"""What a check of an exercise can find."""


@dataclass(frozen=True)
class Answer:
    """What was answered to one question of one quiz.

    Parameters
    ----------
    stage : str
        Slug of the stage whose quiz asked, or the name of an instructor's own quiz.
    question : str
        Identifier of the question.
    choice : tuple of str
        Letters of the options chosen last; for an ordering, all letters in the chosen order.
    right : bool
        Whether the last answer was right.
    first_choice : tuple of str
        Letters of the options chosen first.
    first_right : bool
        Whether the first answer was right: the one that counts for the score.
    confidence : str or None
        How sure the learner was before the first answer, if they said.
    attempts : int
        Number of different answers given, from 1.
    at : str
        Time of the last answer, ISO 8601 in UTC.
    """

    stage: str
    question: str
    choice: tuple[str, ...]
    right: bool
    first_choice: tuple[str, ...]
    first_right: bool
    confidence: str | None
    attempts: int
    at: str


@dataclass(frozen=True)
class ExerciseResult:
    """How an exercise stands.

    Parameters
    ----------
    stage : str
        Slug of the stage.
    exercise : str
        Identifier such as ``"1.1"``.
    outcome : str
        The best outcome so far, one of `OUTCOMES`.
    attempts : int
        Number of checks up to the first right one, from 1.
    at : str
        Time of the last counted check, ISO 8601 in UTC.
    """

    stage: str
    exercise: str
    outcome: str
    attempts: int
    at: str


@dataclass(frozen=True)
class PartSeen:
    """One of the nine parts of a notebook that the learner has gone through.

    Parameters
    ----------
    stage : str
        Slug of the stage.
    part : str
        One of `PARTS`.
    at : str
        When it was first marked, ISO 8601 in UTC.
    """

    stage: str
    part: str
    at: str


@dataclass(frozen=True)
class Progress:
    """Everything known about the learner's progress at one moment; made by `read`.

    Parameters
    ----------
    answers : tuple of Answer
        Answers to quiz questions.
    exercises : tuple of ExerciseResult
        Exercises that were attempted.
    parts : tuple of PartSeen
        Parts of notebooks gone through.
    resets : dict of str to int
        For each stage that was reset, when, in milliseconds since 1970.
    notice : str
        Empty, or one sentence for the learner about how this is (not) kept.
    """

    answers: tuple[Answer, ...]
    exercises: tuple[ExerciseResult, ...]
    parts: tuple[PartSeen, ...]
    resets: dict[str, int]
    notice: str = ""

    def answers_of(self, stage: int | str | Stage) -> tuple[Answer, ...]:
        """Return the answers given in one stage's quiz.

        Parameters
        ----------
        stage : int, str or Stage
            A stage by number, name or slug, or the name of an instructor's own quiz.

        Returns
        -------
        tuple of Answer
            In the order in which they were first given.
        """
        slug = stage_key(stage)
        return tuple(answer for answer in self.answers if answer.stage == slug)

    def exercise(self, exercise: str) -> ExerciseResult | None:
        """Return the result of one exercise, such as ``"1.1"``, or None if it was never attempted."""
        return next((result for result in self.exercises if result.exercise == exercise), None)

    def parts_of(self, stage: int | str | Stage) -> tuple[str, ...]:
        """Return the parts of a stage that were gone through, in the notebook's order."""
        slug = stage_key(stage)
        seen = {part.part for part in self.parts if part.stage == slug}
        return tuple(part for part in PARTS if part in seen)


def stage_key(stage: int | str | Stage) -> str:
    """Return the name under which a stage's progress is kept.

    Parameters
    ----------
    stage : int, str or Stage
        A stage by number, name or slug, or the name of an instructor's own quiz.

    Returns
    -------
    str
        The stage's slug; any other text as it is.
    """
    if isinstance(stage, str):
        return next((known.slug for known in STAGES if stage in (known.name, known.slug)), stage)
    return get_stage(stage).slug


def progress_file() -> Path:
    """Return the path of the progress file, which may not exist yet.

    Returns
    -------
    pathlib.Path
        ``progress.json`` in the learner's own folder; the environment variable ``MLOPS_LESSON_HOME`` moves it.
    """
    return home() / FILE_NAME


def read() -> Progress:
    """Read everything known about the learner's progress.

    Returns
    -------
    Progress
        A snapshot. Never raises for a missing, damaged or unreadable file: `Progress.notice` says what happened.
    """
    return _snapshot(_load_with_pending())


def answer(
    stage: int | str | Stage,
    question: str,
    choice: Sequence[str],
    right: bool,
    confidence: str | None = None,
) -> Progress:
    """Keep an answer to a quiz question. The first answer stays; an unchanged answer is not a new attempt.

    Parameters
    ----------
    stage : int, str or Stage
        The quiz that asked: a stage, or the name of an instructor's own quiz.
    question : str
        Identifier of the question.
    choice : sequence of str
        Letters of the chosen options.
    right : bool
        Whether the choice is right.
    confidence : str, optional
        How sure the learner said they were.

    Returns
    -------
    Progress
        The progress with this answer in it.
    """
    slug, chosen, now = stage_key(stage), list(choice), _now()

    def apply(data: dict[str, Any]) -> None:
        known = data["answers"].setdefault(slug, {}).get(question)
        if known is None:
            data["answers"][slug][question] = {
                "choice": chosen,
                "right": bool(right),
                "first_choice": chosen,
                "first_right": bool(right),
                "confidence": confidence,
                "attempts": 1,
                "at": now,
            }
        elif known["choice"] != chosen:
            known.update(choice=chosen, right=bool(right), attempts=known["attempts"] + 1, at=now)

    return _update(apply)


def merge_answer(given: Answer) -> Progress:
    """Take over an answer that was kept elsewhere, such as in the page while the kernel was away.

    Parameters
    ----------
    given : Answer
        The answer; it replaces a kept one only if more attempts were made, and never its first choice.

    Returns
    -------
    Progress
        The progress with this answer in it.
    """
    record = asdict(given)
    slug, question = record.pop("stage"), record.pop("question")
    record.update(choice=list(given.choice), first_choice=list(given.first_choice))

    def apply(data: dict[str, Any]) -> None:
        answers = data["answers"].setdefault(slug, {})
        known = answers.get(question)
        if known is None:
            answers[question] = dict(record)
        elif record["attempts"] > known["attempts"]:
            first = {name: known[name] for name in ("first_choice", "first_right", "confidence")}
            answers[question] = record | first

    return _update(apply)


def exercise(stage: int | str | Stage, exercise_id: str, outcome: str) -> Progress:
    """Keep the outcome of one check of an exercise. Once right, it stays right and attempts no longer count.

    Parameters
    ----------
    stage : int, str or Stage
        The stage of the exercise.
    exercise_id : str
        Identifier such as ``"1.1"``.
    outcome : str
        One of `OUTCOMES`; ``"not attempted"`` is not kept.

    Returns
    -------
    Progress
        The progress with this check in it.

    Raises
    ------
    ValueError
        If `outcome` is not one of `OUTCOMES`.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"No outcome {outcome!r}. Give one of: {', '.join(OUTCOMES)}.")
    slug, now = stage_key(stage), _now()
    if outcome == "not attempted":
        return read()

    def apply(data: dict[str, Any]) -> None:
        known = data["exercises"].setdefault(exercise_id, {"stage": slug, "outcome": outcome, "attempts": 0, "at": now})
        if known["outcome"] != "right" or known["attempts"] == 0:
            known.update(outcome=outcome, attempts=known["attempts"] + 1, at=now)

    return _update(apply)


def part(stage: int | str | Stage, part_name: str, seen: bool = True) -> Progress:
    """Mark one of the nine parts of a notebook as gone through, or not.

    Parameters
    ----------
    stage : int, str or Stage
        The stage of the notebook.
    part_name : str
        One of `PARTS`.
    seen : bool, default True
        False takes the mark away.

    Returns
    -------
    Progress
        The progress with this mark.

    Raises
    ------
    ValueError
        If there is no such stage or part.
    """
    slug, now = get_stage(stage).slug, _now()
    if part_name not in PARTS:
        raise ValueError(f"No part {part_name!r}. Give one of: {', '.join(PARTS)}.")

    def apply(data: dict[str, Any]) -> None:
        parts = data["parts"].setdefault(slug, {})
        if seen:
            parts.setdefault(part_name, now)
        else:
            parts.pop(part_name, None)

    return _update(apply)


def reset(stage: int | str | Stage | None = None) -> str:
    """Forget the answers, exercises and parts of one notebook; the other notebooks keep theirs.

    Parameters
    ----------
    stage : int, str or Stage, optional
        The stage of the notebook, or the name of an instructor's own quiz. Left out, nothing is forgotten and the
        answer asks which notebook is meant.

    Returns
    -------
    str
        What was done, or which notebooks there are to choose from.
    """
    if stage is None:
        choices = "; ".join(f"reset({known.number}) for {known.name}" for known in STAGES)
        return f"Nothing was forgotten yet. Which notebook do you want to start again? {choices}."
    slug, moment = stage_key(stage), time.time_ns() // 1_000_000

    def apply(data: dict[str, Any]) -> None:
        data["answers"].pop(slug, None)
        data["parts"].pop(slug, None)
        for key in [key for key, result in data["exercises"].items() if result["stage"] == slug]:
            del data["exercises"][key]
        # Later than the last reset even if the clock was set back since: the page acts on a later moment only.
        data["resets"][slug] = max(moment, data["resets"].get(slug, 0) + 1)

    _update(apply)
    name = next((known.name for known in STAGES if known.slug == slug), slug)
    return f"The answers, exercises and parts of {name} are forgotten. The other notebooks keep theirs."


@dataclass(frozen=True)
class Export:
    """What `export` wrote.

    Parameters
    ----------
    json_file : pathlib.Path
        The file to hand in.
    csv_file : pathlib.Path
        The same as a table, for a spreadsheet.
    """

    json_file: Path
    csv_file: Path

    def __repr__(self) -> str:
        return f"Hand in this file: {self.json_file}\nThe same as a table, for yourself: {self.csv_file}"


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

    number = secrets.token_hex(8)

    def number_the_learner(data: dict[str, Any]) -> None:
        data["learner"] = data["learner"] or number

    if not _load_with_pending()["learner"]:
        _update(number_the_learner)
    data = _load_with_pending()
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "course_version": __version__,
        "learner": {"id": data.pop("learner"), "name": clean_text(name)},
        "exported_at": _now(),
        "progress": data,
    }
    target = Path(folder).expanduser().resolve() if folder is not None else home() / EXPORT_FOLDER
    stem = file_stem(name)
    with said_if_unwritable(target / f"{stem}.json"):
        make_private_folder(target)
        json_file = _write_new(target, stem, ".json", content | {"checksum": checksum(content)})
    with said_if_unwritable(target / f"{json_file.stem}.csv"):
        csv_file = _write_new(target, json_file.stem, ".csv", _table(_snapshot(data)))
    return Export(json_file, csv_file)


def subscribe(listener: Callable[[Progress], None]) -> Callable[[], None]:
    """Have a function called with the new progress after every change made in this kernel.

    Parameters
    ----------
    listener : callable
        Takes a `Progress`.

    Returns
    -------
    callable
        Call it to end the subscription.
    """
    _listeners.append(listener)

    def unsubscribe() -> None:
        with contextlib.suppress(ValueError):
            _listeners.remove(listener)

    return unsubscribe


Change = Callable[[dict[str, Any]], None]


_listeners: list[Callable[[Progress], None]] = []


_pending: dict[Path | None, list[Change]] = {}


_set_aside: dict[Path | None, str] = {}


_not_kept: dict[Path | None, str] = {}


class _NewerFileError(Exception):
    """The progress file was written by a newer version of the course."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _file_or_none() -> Path | None:
    try:
        return progress_file()
    except FileNotFoundError:
        return None


def _empty() -> dict[str, Any]:
    return {"version": SCHEMA_VERSION, "learner": "", "answers": {}, "exercises": {}, "parts": {}, "resets": {}}


def _update(change: Change) -> Progress:
    file = _file_or_none()
    waiting = _pending.setdefault(file, [])
    waiting.append(change)
    try:
        if file is None:
            raise FileNotFoundError("the course folder was not found")
        make_private_folder(file.parent)
        with _locked(file):
            data = _load(file)
            for each in waiting:
                each(data)
            _write(file, data)
        waiting.clear()
        _not_kept.pop(file, None)
    except _NewerFileError as error:
        data = _load_with_pending()
        _not_kept[file] = str(error)
    except OSError as error:
        data = _load_with_pending()
        _not_kept[file] = (
            f"Your progress is kept in memory only, until this kernel stops: {file or FILE_NAME} cannot be written "
            f"({error.strerror or error}). Make room or allow writing there, or set {HOME_VARIABLE} to another folder."
        )
    progress = _snapshot(data)
    for listener in tuple(_listeners):
        listener(progress)
    return progress


def _load_with_pending() -> dict[str, Any]:
    file = _file_or_none()
    data = _empty()
    if file is not None and file.exists():
        try:
            with _locked(file):
                data = _load(file)
        except _NewerFileError as error:
            _not_kept[file] = str(error)
        except OSError as error:
            _not_kept[file] = f"Your earlier progress cannot be read from {file} ({error.strerror or error})."
    for change in _pending.get(file, ()):
        change(data)
    return data


def _load(file: Path) -> dict[str, Any]:
    """Read the file; set a damaged one aside. The lock must be held."""
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return _empty()
    try:
        data = json.loads(text)
        newer = isinstance(data, dict) and isinstance(data.get("version"), int) and data["version"] > SCHEMA_VERSION
        if not newer:
            data = _empty() | _checked(data)
            _snapshot(data)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return _after_setting_aside(file, error)
    if newer:
        raise _NewerFileError(
            f"Your progress is kept in memory only: {file} was written by a newer version of the course "
            f"(format {data['version']}, this one knows {SCHEMA_VERSION}) and is left alone. Update the course."
        )
    return data


def _checked(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict) or data.get("version") != SCHEMA_VERSION:
        raise ValueError(f"expected format {SCHEMA_VERSION}")
    for name, empty in _empty().items():
        if not isinstance(data.get(name, empty), type(empty)):
            raise ValueError(f"{name!r} should be {type(empty).__name__}")
    return data


def _after_setting_aside(file: Path, error: Exception) -> dict[str, Any]:
    aside = set_aside(file)
    _set_aside[file] = (
        f"Your progress file was damaged ({error}). It is kept as {aside.name} beside a new, empty one; "
        "nothing in it was changed."
    )
    return _empty()


def _write(file: Path, data: dict[str, Any]) -> None:
    with written_beside(file, _bytes(json.dumps(data, indent=1, ensure_ascii=False))) as temporary:
        temporary.replace(file)


def _bytes(text: str) -> bytes:
    # Half a character, which JSON may hold and UTF-8 may not, is written as the escape that JSON has for it.
    return text.encode("utf-8", errors="backslashreplace")


def _write_new(folder: Path, stem: str, ending: str, content: dict[str, Any] | str) -> Path:
    """Write a file under a name that is not taken, or find that it is there already."""
    text = content if isinstance(content, str) else json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    with written_beside(folder / f"{stem}{ending}", _bytes(text)) as temporary:
        if os.name == "posix":
            # In a folder that is open to others, such as a shared one to hand in, the file is to be read by them.
            temporary.chmod(0o600 | folder.stat().st_mode & 0o044)
        for number in itertools.count(1):
            file = folder / (f"{stem}{ending}" if number == 1 else f"{stem}-{number}{ending}")
            if _says_the_same(file, content):
                return file
            if _give_name(temporary, file):
                return file
    raise AssertionError("unreachable: there is always a next number")


def _says_the_same(file: Path, content: dict[str, Any] | str) -> bool:
    if not file.is_file():
        return False
    try:
        there = file.read_bytes().decode("utf-8")
        if isinstance(content, str):
            return there == content
        kept = json.loads(there)
        return (kept | {"exported_at": "", "checksum": ""}) == (content | {"exported_at": "", "checksum": ""})
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def _give_name(temporary: Path, file: Path) -> bool:
    """Give a file its name unless the name is taken; no other program can take it in between."""
    try:
        os.link(temporary, file)
    except FileExistsError:
        return False
    except OSError:
        # A file system without hard links, such as a memory stick's.
        if file.exists() or file.is_symlink():
            return False
        temporary.replace(file)
    return True


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold the lock beside the file, so that two kernels never write at once.

    A folder that can be read but not written has no lock to take, and nobody who could write: reading goes on.
    """
    try:
        stream = make_private_file(file.with_suffix(".lock")).open("a+b")
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        yield
        return
    with stream:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _try_lock(stream.fileno()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"another kernel holds {file.with_suffix('.lock').name}")
            time.sleep(0.02)
        try:
            yield
        finally:
            _unlock(stream.fileno())


if os.name == "nt":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _snapshot(data: dict[str, Any]) -> Progress:
    file = _file_or_none()
    return Progress(
        answers=tuple(
            Answer(
                stage,
                question,
                **{name: _frozen(record[name]) for name in _names(Answer)[2:]},
            )
            for stage, answers in data["answers"].items()
            for question, record in answers.items()
        ),
        exercises=tuple(
            ExerciseResult(record["stage"], key, record["outcome"], record["attempts"], record["at"])
            for key, record in data["exercises"].items()
        ),
        parts=tuple(PartSeen(stage, name, at) for stage, parts in data["parts"].items() for name, at in parts.items()),
        resets=dict(data["resets"]),
        notice=" ".join(filter(None, (_set_aside.get(file), _not_kept.get(file)))),
    )


def _names(record: type) -> list[str]:
    return [field.name for field in fields(record)]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _table(progress: Progress) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["kind", "stage", "id", "outcome", "first_outcome", "attempts", "choice", "confidence", "at"])
    writer.writerows([safe_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in _rows(progress))
    return stream.getvalue()


def _rows(progress: Progress) -> Iterator[list[Any]]:
    word = {True: "right", False: "wrong"}
    for given in progress.answers:
        yield [
            "answer",
            given.stage,
            given.question,
            word[given.right],
            word[given.first_right],
            given.attempts,
            " ".join(given.choice),
            given.confidence or "",
            given.at,
        ]
    for result in progress.exercises:
        yield ["exercise", result.stage, result.exercise, result.outcome, "", result.attempts, "", "", result.at]
    for seen in progress.parts:
        yield ["part", seen.stage, seen.part, "seen", "", "", "", "", seen.at]
