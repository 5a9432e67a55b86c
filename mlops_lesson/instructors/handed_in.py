"""Read what learners handed in, as one reads post from strangers.

Files are looked for in a folder and in the zip files that learning-management systems make of a class's uploads. None
is believed: size, form, checksum and every value are tested before anything is counted, whether an answer is right is
looked up in the course's own questions, and what cannot be is named and not counted. Nothing is written or unpacked.
"""

import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.exercises.check import exercise_ids
from mlops_lesson.teaching.export_format import FORMAT, FORMAT_VERSION, checksum, clean_text
from mlops_lesson.teaching.progress import OUTCOMES, PARTS, SCHEMA_VERSION
from mlops_lesson.teaching.quiz import Question, quiz

LARGEST_FILE = 1_000_000
"""Bytes. An export of the whole course has about 20,000."""


LARGEST_ZIP = 50_000_000


LARGEST_UNZIPPED = 1_000_000_000


MOST_ATTEMPTS = 100_000


CLOCK_MAY_BE_AHEAD = timedelta(days=1)


NOISE = ("__MACOSX", "Thumbs.db", "desktop.ini")


REPORT_MARK = ".made_by_mlops_lesson.json"
"""Lies in a folder that holds a report; such a folder is not searched for exports."""


CLOSING_QUIZ = "final"
"""The name of notebook 6's last quiz, which asks one question of each stage once more."""


@dataclass(frozen=True)
class LeftOut:
    """A file that was not counted.

    Parameters
    ----------
    file : str
        Where it lies in the folder, cleaned of control signs.
    reason : str
        Why, in words that hold nothing of the file's content.
    instead : str
        The file of the same learner that is counted in its place, if there is one.
    """

    file: str
    reason: str
    instead: str = ""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One learner's answer to one question, judged by the course's own question.

    Parameters
    ----------
    first, last : tuple of str
        Letters of the first and of the last choice.
    first_right, right : bool
        Whether they are right.
    certain : bool
        Whether the learner said to be certain of the first choice.
    """

    first: tuple[str, ...]
    last: tuple[str, ...]
    first_right: bool
    right: bool
    certain: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """One learner's work on one exercise: the best outcome, and the number of checks up to the first right one."""

    outcome: str
    attempts: int


@dataclass(frozen=True, slots=True)
class HandedIn:
    """One export that can be counted; made by `read_exports`.

    Parameters
    ----------
    file : str
        Where it lies in the folder.
    learner : str
        The learner's random number.
    name : str
        What the learner typed as a name, cleaned; may be empty.
    exported_at : str
        ISO 8601 in UTC; empty if it lies in the future.
    course_version : str
        Version of the course that wrote it.
    answers : dict of (str, str) to GivenAnswer
        By stage and question.
    exercises : dict of str to Tried
        By exercise.
    parts : frozenset of (str, str)
        Stage and part, for each part gone through.
    remarks : tuple of str
        What in it was not counted, or should be looked at; holds nothing that the learner typed.
    """

    file: str
    learner: str
    name: str
    exported_at: str
    course_version: str
    answers: dict[tuple[str, str], GivenAnswer]
    exercises: dict[str, Tried]
    parts: frozenset[tuple[str, str]]
    remarks: tuple[str, ...]

    @property
    def size(self) -> int:
        """How much it holds: answers, exercises and parts."""
        return len(self.answers) + len(self.exercises) + len(self.parts)


class _CannotBeReadError(Exception):
    """Why a file is left out."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


_Time = Annotated[str, Field(max_length=40)]


_Letter = Annotated[str, Field(min_length=1, max_length=1)]


_Choice = Annotated[list[_Letter], Field(min_length=1, max_length=10)]


_Attempts = Annotated[int, Field(ge=1, le=MOST_ATTEMPTS)]


_Word = Annotated[str, Field(max_length=200)]


class _Answer(_Strict):
    choice: _Choice
    right: bool
    first_choice: _Choice
    first_right: bool
    confidence: _Word | None
    attempts: _Attempts
    at: _Time


class _Exercise(_Strict):
    stage: _Word
    outcome: Literal[OUTCOMES[1:]]
    attempts: _Attempts
    at: _Time


class _Progress(_Strict):
    version: Literal[SCHEMA_VERSION]
    answers: dict[_Word, dict[_Word, _Answer]]
    exercises: dict[_Word, _Exercise]
    parts: dict[_Word, dict[_Word, _Time]]
    resets: dict[_Word, int]


class _Learner(_Strict):
    id: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    name: Annotated[str, Field(max_length=1000)]


class _Export(_Strict):
    format: Literal[FORMAT]
    format_version: Literal[FORMAT_VERSION]
    course_version: Annotated[str, Field(pattern=r"^[0-9A-Za-z.+!-]{1,30}$")]
    learner: _Learner
    exported_at: _Time
    progress: _Progress
    checksum: Annotated[str, Field(max_length=80)]


_FIELDS = {name for model in (_Export, _Learner, _Progress, _Answer, _Exercise) for name in model.model_fields}


def read_exports(folder: str | Path, now: datetime | None = None) -> Iterator[HandedIn | LeftOut]:
    """Read every export in a folder, one at a time, in the order of the file names.

    Parameters
    ----------
    folder : str or pathlib.Path
        Folder with exports, in subfolders and zip files too.
    now : datetime.datetime, optional
        The time that nothing can be later than; by default the present, in UTC.

    Yields
    ------
    HandedIn or LeftOut
        For each file what it holds, or why it is left out.

    Raises
    ------
    NotADirectoryError
        If there is no such folder.
    """
    root = Path(folder).expanduser()
    if not _is_folder(root):
        raise NotADirectoryError(f"There is no folder {root}: give the folder in which you collected the exports.")
    latest = (now or datetime.now(UTC)) + CLOCK_MAY_BE_AHEAD
    for file, content in _contents(root):
        shown = clean_text(file, 300)
        if isinstance(content, LeftOut):
            yield LeftOut(shown, content.reason)
            continue
        try:
            yield _read(shown, content, latest)
        except _CannotBeReadError as error:
            yield LeftOut(shown, str(error))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        # No system takes a name of thousands of characters, nor half a character.
        return False


def _contents(root: Path) -> Iterator[tuple[str, bytes | LeftOut]]:
    """Find the files, however deep; links lead anywhere and are not followed."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            yield _refused(folder.relative_to(root), f"the folder cannot be opened: {error.strerror}")
            continue
        if folder != root and any(entry.name == REPORT_MARK for entry in entries):
            continue
        folders = []
        for entry in entries:
            path = Path(entry.path)
            inside = path.relative_to(root)
            if _is_noise(entry.name):
                continue
            if entry.is_symlink():
                yield _refused(inside, "it is a link, and links are not followed")
            elif entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif not entry.is_file(follow_symlinks=False):
                yield _refused(inside, "it is not a regular file")
            else:
                yield from _file(path, inside.as_posix())
        waiting.extend(reversed(folders))


def _refused(file: str | Path, reason: str) -> tuple[str, LeftOut]:
    name = file.as_posix() if isinstance(file, Path) else file
    return name, LeftOut(name, reason)


def _is_noise(name: str) -> bool:
    return (name.startswith(".") and name not in (".", "..")) or name in NOISE


def _file(path: Path, inside: str) -> Iterator[tuple[str, bytes | LeftOut]]:
    kind = path.suffix.lower()
    if kind not in (".json", ".zip"):
        yield _refused(inside, "it is neither a .json nor a .zip file")
        return
    try:
        if kind == ".json":
            with path.open("rb") as stream:
                yield inside, _limited(stream, inside)
        elif path.stat().st_size > LARGEST_ZIP:
            yield _refused(inside, f"it is a zip file of more than {LARGEST_ZIP:,} bytes")
        else:
            yield from _zip(path, inside)
    except OSError as error:
        yield _refused(inside, f"it cannot be read: {error.strerror or 'the system says no more'}")


def _limited(stream: Any, inside: str) -> bytes | LeftOut:
    """Read no more than an export can have; what a directory or a zip's header says of the size is not believed."""
    content = stream.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        return LeftOut(inside, f"it has more than {LARGEST_FILE:,} bytes, fifty times what all six stages make")
    return content


def _zip(path: Path, inside: str) -> Iterator[tuple[str, bytes | LeftOut]]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeError):
        yield _refused(inside, "it is not a whole zip file")
        return
    left = LARGEST_UNZIPPED
    with archive:
        for info in sorted(archive.infolist(), key=lambda info: info.filename):
            name = f"{inside}/{info.filename}"
            if info.is_dir() or any(_is_noise(part) for part in info.filename.split("/")):
                continue
            if not info.filename.lower().endswith(".json"):
                yield _refused(name, "it lies in a zip file and is not a .json file")
                continue
            if left <= 0:
                yield _refused(name, f"its zip file holds more than {LARGEST_UNZIPPED:,} bytes")
                continue
            try:
                with archive.open(info) as stream:
                    content = _limited(stream, name)
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
                yield _refused(name, "it is damaged or locked inside its zip file")
                continue
            left -= LARGEST_FILE if isinstance(content, LeftOut) else len(content)
            yield name, content


def _read(file: str, content: bytes, latest: datetime) -> HandedIn:
    data = _parsed(content)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        known = isinstance(data, dict) and "version" in data and "answers" in data
        raise _CannotBeReadError(
            "it is a progress file, not an export; ask for the file that progress.export() writes"
            if known
            else "it is not an export of this course"
        )
    version = data.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise _CannotBeReadError(f"a newer course wrote it (format {version}); update the course here")
    try:
        given = _Export.model_validate(data)
    except (ValidationError, RecursionError) as error:
        raise _CannotBeReadError(f"its content has not the form of an export{_where(error)}") from None
    if given.checksum != checksum(data):
        raise _CannotBeReadError("it was changed or damaged after it was exported: its checksum does not fit")
    return _judged(file, given, latest)


def _parsed(content: bytes) -> Any:
    if not content.strip():
        raise _CannotBeReadError("it is empty")
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_each_key_once, parse_constant=_no_constant)
    except RecursionError:
        raise _CannotBeReadError("it is nested deeper than any export") from None
    except ValueError:
        raise _CannotBeReadError("it is not JSON, or only a part of it is there") from None


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _CannotBeReadError("it says the same thing twice: a key is repeated")
    return made


def _no_constant(_name: str) -> None:
    raise ValueError("not a number")


def _where(error: Exception) -> str:
    """Tell the field in question by the names that the course gave, never by what the file says."""
    if not isinstance(error, ValidationError):
        return ""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    names = [part for part in problems[0]["loc"] if part in _FIELDS]
    return f" (first at {'.'.join(names)})" if names else ""


@cache
def asked() -> dict[tuple[str, str], Question]:
    """Return every question that the course asks, by the stage that asks it and its identifier, in the course's order.

    A question that a later stage asks again stands there a second time.
    """
    return {(stage.slug, item.question.id): item.question for stage in STAGES for item in quiz(stage).items}


@cache
def _course_questions() -> frozenset[str]:
    return frozenset(identifier for _, identifier in asked())


@cache
def exercises() -> dict[str, str]:
    """Return the slug of the stage of every exercise, by the exercise, in the course's order."""
    return {name: stage.slug for stage in STAGES for name in exercise_ids(stage)}


class _Remarks:
    """Counts what is odd in one export."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, one: str, many: str) -> None:
        self._counts[one, many] = self._counts.get((one, many), 0) + 1

    def texts(self) -> tuple[str, ...]:
        return tuple(one if count == 1 else f"{count} {many}" for (one, many), count in self._counts.items())


def _judged(file: str, given: _Export, latest: datetime) -> HandedIn:
    remarks = _Remarks()
    progress = given.progress
    times = [given.exported_at]
    answers = {}
    for stage, questions in progress.answers.items():
        for identifier, record in questions.items():
            judged = _judge_answer(stage, identifier, record, remarks)
            if judged:
                answers[stage, identifier] = judged
            times.append(record.at)
    tried = {}
    for name, record in progress.exercises.items():
        times.append(record.at)
        if exercises().get(name) != record.stage:
            remarks.add("an exercise is not the course's; not counted", "exercises are not the course's; not counted")
        else:
            tried[name] = Tried(record.outcome, record.attempts)
    parts = set()
    for stage, seen in progress.parts.items():
        for part, at in seen.items():
            times.append(at)
            if part in PARTS and any(stage == known.slug for known in STAGES):
                parts.add((stage, part))
            else:
                remarks.add("a part is not the course's; not counted", "parts are not the course's; not counted")
    for at in times:
        if (moment := _moment(at)) is None:
            remarks.add("a time is not a time; counted without it", "times are not times; counted without them")
        elif moment > latest:
            remarks.add(
                "a time lies in the future; counted without it", "times lie in the future; counted without them"
            )
    exported = _moment(given.exported_at)
    return HandedIn(
        file,
        given.learner.id,
        clean_text(given.learner.name),
        exported.isoformat() if exported and exported <= latest else "",
        given.course_version,
        answers,
        tried,
        frozenset(parts),
        remarks.texts(),
    )


def _judge_answer(stage: str, identifier: str, record: _Answer, remarks: _Remarks) -> GivenAnswer | None:
    if stage == CLOSING_QUIZ and identifier in _course_questions():
        return None
    if (stage, identifier) not in asked():
        remarks.add(
            "an answer is to a question that this course does not ask; not counted",
            "answers are to questions that this course does not ask; not counted",
        )
        return None
    first, last = tuple(record.first_choice), tuple(record.choice)
    judged_first, judged_last = _judge(stage, identifier, first), _judge(stage, identifier, last)
    if judged_first is None or judged_last is None:
        remarks.add(
            "an answer names options that cannot be chosen; not counted",
            "answers name options that cannot be chosen; not counted",
        )
        return None
    if record.attempts == 1 and first != last:
        remarks.add(
            "an answer was changed without a second attempt; not counted",
            "answers were changed without a second attempt; not counted",
        )
        return None
    if (judged_first.right, judged_last.right) != (record.first_right, record.right):
        remarks.add(
            "the file and the course disagree on whether an answer is right; the course decides",
            "times the file and the course disagree on whether an answer is right; the course decides",
        )
    certain = record.confidence == "certain"
    return GivenAnswer(judged_first.choice, judged_last.choice, judged_first.right, judged_last.right, certain)


class _Judged(NamedTuple):
    choice: tuple[str, ...]
    right: bool


@lru_cache(maxsize=20_000)
def _judge(stage: str, identifier: str, choice: tuple[str, ...]) -> _Judged | None:
    """Look up whether a choice is right, or None if nobody can choose it; equal choices share their memory."""
    question = asked()[stage, identifier]
    letters = {letter for letter, _ in question.shown()}
    whole = {"single": 1, "put_in_order": len(letters)}.get(question.kind, len(choice))
    if len(set(choice)) < len(choice) or not letters.issuperset(choice) or len(choice) != whole:
        return None
    return _Judged(choice, question.is_right(choice))


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
