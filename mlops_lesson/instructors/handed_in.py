"""Read what learners handed in, as one reads post from strangers.

Files are looked for in a folder, and in the zip files that learning systems and learners make. None is believed: size,
form, checksum and every value are tested before anything is counted, whether an answer is right is looked up in the
course's own questions, and what cannot be is named and not counted. Nothing is written or unpacked to disk.
"""

import io
import json
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.exercises.check import exercise_ids
from mlops_lesson.teaching.export_format import FORMAT, FORMAT_VERSION, checksum, clean_text
from mlops_lesson.teaching.progress import OUTCOMES
from mlops_lesson.teaching.questions import Question
from mlops_lesson.teaching.quiz import FINAL, quiz

LARGEST_FILE = 1_000_000
"""Bytes. An export of the whole course has about 20,000."""

LARGEST_ZIP = 50_000_000
LARGEST_UNZIPPED = 1_000_000_000
DEEPEST_ZIP = 3
CLOCK_MAY_BE_AHEAD = timedelta(days=1)
NOISE = ("__MACOSX", "Thumbs.db", "desktop.ini")

REPORT_MARK = ".made_by_mlops_lesson.json"
"""Lies in a folder that holds a report; such a folder is not searched for exports."""

AGAIN = "ask for the file that the cell `hand_in` names"
OF_A_ZIP = "ask for the export itself, not in a zip file"


@dataclass(frozen=True)
class LeftOut:
    """A file that was not counted: where it lies, why in the course's own words, what to do, what counts instead."""

    file: str
    reason: str
    remedy: str = ""
    instead: str = ""

    def __str__(self) -> str:
        instead = f" ({self.instead})" if self.instead else ""
        return f"{self.file}: {self.reason}{instead}." + (f" To do: {self.remedy}." if self.remedy else "")

    @property
    def asks(self) -> bool:
        """Whether the learner has to be asked, and not the instructor's own machine to be put right."""
        return self.remedy.startswith("ask")


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One learner's answer to one question, judged by the course's own question."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    first_right: bool
    right: bool
    certain: bool
    at: str


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
        Where it lies.
    learner : str
        The learner's random number.
    name : str
        What the learner typed as a name, cleaned; may be empty.
    exported_at : str
        ISO 8601 in UTC; empty if it is no time, or lies in the future.
    answers : dict of (str, str) to GivenAnswer
        By stage and question.
    exercises : dict of str to Tried
        By exercise.
    remarks : tuple of str
        What in it was not counted, or should be looked at; holds nothing that the learner typed.
    """

    file: str
    learner: str
    name: str
    exported_at: str
    answers: dict[tuple[str, str], GivenAnswer]
    exercises: dict[str, Tried]
    remarks: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many answers and exercises it holds."""
        return len(self.answers) + len(self.exercises)


class _CannotBeReadError(Exception):
    """Why a file is left out, and the remedy."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


_Time = Annotated[str, Field(max_length=40)]
_Choice = Annotated[list[Annotated[str, Field(min_length=1, max_length=1)]], Field(min_length=1, max_length=10)]
_Attempts = Annotated[int, Field(ge=1, le=100_000)]
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
    version: Literal[1]
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


def read_exports(source: str | Path, now: datetime) -> Iterator[HandedIn | LeftOut]:
    """Read every export in a folder, or in one file, one at a time, in the order of the file names.

    Parameters
    ----------
    source : str or pathlib.Path
        A folder with exports, also in subfolders and zip files; one export; or one zip file.
    now : datetime.datetime
        The time that nothing can be later than, but for a day of clocks gone wrong.

    Yields
    ------
    HandedIn or LeftOut
        One for each file, in no case both.

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name.
    """
    root = Path(source).expanduser()
    try:
        there = root.exists()
    except (OSError, ValueError):
        there = False
    if not there:
        raise FileNotFoundError(
            f"nothing lies at {str(source)[:200]!r}; give the folder or the zip file with the exports"
        )
    for name, content in _folder(root) if root.is_dir() else _file(root, root.name):
        shown = clean_text(name, 300)
        if isinstance(content, LeftOut):
            yield LeftOut(shown, content.reason, content.remedy)
            continue
        try:
            yield _read(shown, content, now + CLOCK_MAY_BE_AHEAD)
        except _CannotBeReadError as error:
            yield LeftOut(shown, *error.args)


Found = Iterator[tuple[str, bytes | LeftOut]]


def _folder(root: Path) -> Found:
    failed: list[OSError] = []
    for folder, folders, files in os.walk(root, onerror=failed.append):
        here = Path(folder)
        if here != root and REPORT_MARK in files:
            folders.clear()
            continue
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(name for name in folders if not _is_noise(name))
        for name in sorted(name for name in (*files, *links) if not _is_noise(name)):
            path, inside = here / name, (here / name).relative_to(root).as_posix()
            if path.is_symlink():
                yield inside, LeftOut(inside, "it is a link, and links are not followed")
            elif not path.is_file():
                yield inside, LeftOut(inside, "it is not a regular file")
            else:
                yield from _file(path, inside)
    for error in failed:
        inside = Path(error.filename).relative_to(root).as_posix()
        yield inside, LeftOut(inside, f"the folder cannot be opened: {error.strerror}", "look at its permissions")


def _is_noise(name: str) -> bool:
    return (name.startswith(".") and name.strip(".") != "") or name in NOISE


def _file(path: Path, inside: str) -> Found:
    try:
        with path.open("rb") as stream:
            yield from _opened(stream, inside, path.stat().st_size, [LARGEST_UNZIPPED])
    except OSError as error:
        yield inside, LeftOut(inside, f"it cannot be read: {error.strerror or 'the system says no more'}", AGAIN)


def _opened(stream: BinaryIO, inside: str, size: int, left: list[int], depth: int = 0) -> Found:
    """Read a file, or the files in a zip file; `left` says how many bytes the outermost one may still unpack."""
    kind = PurePosixPath(inside).suffix.lower()
    if kind == ".json":
        # What a directory or a zip's header says of the size is not believed.
        content = stream.read(LARGEST_FILE + 1)
        left[0] -= len(content)
        reason = f"it has more than {LARGEST_FILE:,} bytes, fifty times what all six stages make"
        yield inside, LeftOut(inside, reason, AGAIN) if len(content) > LARGEST_FILE else content
    elif kind != ".zip":
        yield inside, LeftOut(inside, "it is neither a .json nor a .zip file", AGAIN)
    elif size > LARGEST_ZIP:
        yield inside, LeftOut(inside, f"it is a zip file of more than {LARGEST_ZIP:,} bytes", OF_A_ZIP)
    elif depth == DEEPEST_ZIP:
        yield inside, LeftOut(inside, f"it is the {DEEPEST_ZIP + 1}th zip file in another", OF_A_ZIP)
    else:
        yield from _zip(stream, inside, left, depth)


def _zip(stream: BinaryIO, inside: str, left: list[int], depth: int) -> Found:
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        yield inside, LeftOut(inside, "it is not a whole zip file", OF_A_ZIP)
        return
    for info in sorted(archive.infolist(), key=lambda info: info.filename):
        name = f"{inside}/{info.filename}"
        if info.is_dir() or any(_is_noise(part) for part in info.filename.split("/")):
            continue
        if left[0] <= 0:
            yield name, LeftOut(name, f"its zip file holds more than {LARGEST_UNZIPPED:,} bytes", OF_A_ZIP)
            continue
        try:
            with archive.open(info) as inner:
                if name.lower().endswith(".zip"):
                    packed = inner.read(LARGEST_ZIP + 1)
                    left[0] -= len(packed)
                    yield from _opened(io.BytesIO(packed), name, len(packed), left, depth + 1)
                else:
                    yield from _opened(inner, name, 0, left)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
            yield name, LeftOut(name, "it is damaged or locked inside its zip file", OF_A_ZIP)


def _read(file: str, content: bytes, latest: datetime) -> HandedIn:
    data = _parsed(content)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        known = isinstance(data, dict) and "version" in data and "answers" in data
        raise _CannotBeReadError(f"it is {'a progress file' if known else 'no export of this course'}", AGAIN)
    version = data.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise _CannotBeReadError(f"a newer course wrote it (format {version})", "update the course here, and run again")
    try:
        given = _Export.model_validate(data)
    except (ValidationError, RecursionError) as error:
        raise _CannotBeReadError(f"its content has not the form of an export{_where(error)}", AGAIN) from None
    if given.checksum != checksum(data):
        raise _CannotBeReadError("it was changed or damaged after it was exported: its checksum does not fit", AGAIN)
    return _judged(file, given, latest)


def _parsed(content: bytes) -> Any:
    if not content.strip():
        raise _CannotBeReadError("it is empty", AGAIN)
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_each_key_once, parse_constant=_no_constant)
    except RecursionError:
        raise _CannotBeReadError("it is nested deeper than any export", AGAIN) from None
    except ValueError:
        raise _CannotBeReadError("it is not JSON, or only a part of it is there", AGAIN) from None


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _CannotBeReadError("it says the same thing twice: a key is repeated", AGAIN)
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
    """Return every question that a stage's quiz asks, by stage and identifier; one that is asked again stands twice."""
    return {(stage.slug, item.question.id): item.question for stage in STAGES for item in quiz(stage).items}


@cache
def exercises() -> dict[str, str]:
    """Return the slug of the stage of every exercise, by the exercise, in the course's order."""
    return {name: stage.slug for stage in STAGES for name in exercise_ids(stage)}


def _judged(file: str, given: _Export, latest: datetime) -> HandedIn:
    remarks: Counter[str] = Counter()
    answers, tried = {}, {}
    for stage, questions in given.progress.answers.items():
        for identifier, record in questions.items():
            if judged := _judge_answer(stage, identifier, record, remarks):
                answers[stage, identifier] = judged
    for name, record in given.progress.exercises.items():
        if exercises().get(name) == record.stage:
            tried[name] = Tried(record.outcome, record.attempts)
        else:
            remarks["exercises that the course does not have, not counted"] += 1
    return HandedIn(
        file,
        given.learner.id,
        clean_text(given.learner.name),
        _time(given.exported_at, latest, remarks),
        answers,
        tried,
        tuple(f"{text}: {count}" for text, count in remarks.items()),
    )


def _judge_answer(stage: str, identifier: str, record: _Answer, remarks: Counter[str]) -> GivenAnswer | None:
    if (stage, identifier) not in asked():
        if stage == FINAL:
            return None
        remarks["answers to questions that this course does not ask, not counted"] += 1
        return None
    first, last = (_judge(stage, identifier, tuple(choice)) for choice in (record.first_choice, record.choice))
    if first is None or last is None:
        remarks["answers that name options which cannot be chosen, not counted"] += 1
        return None
    if record.attempts == 1 and first != last:
        remarks["answers that were changed without a second attempt, not counted"] += 1
        return None
    if (first[1], last[1]) != (record.first_right, record.right):
        remarks["answers on which the file and the course disagree whether they are right; the course decides"] += 1
    return GivenAnswer(first[0], last[0], first[1], last[1], record.confidence == "certain", record.at)


@lru_cache(maxsize=20_000)
def _judge(stage: str, identifier: str, choice: tuple[str, ...]) -> tuple[tuple[str, ...], bool] | None:
    """Look up whether a choice is right, or None if nobody can choose it; equal choices share their memory."""
    question = asked()[stage, identifier]
    return (choice, question.is_right(choice)) if question.fits(choice) else None


def _time(text: str, latest: datetime, remarks: Counter[str]) -> str:
    """Return a time in UTC, or nothing, with a remark, if it is none or lies in the future."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        remarks["times of export that are no times"] += 1
        return ""
    if moment > latest:
        remarks["times of export that lie in the future, by the learner's clock"] += 1
        return ""
    return moment.isoformat()
