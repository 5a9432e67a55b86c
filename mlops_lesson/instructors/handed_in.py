"""Read what learners handed in, as one reads post from strangers.

Files are looked for in a folder, and in the zip files that learning systems and learners make. None is believed: size,
form, checksum and every value are tested before anything is counted, whether an answer is right is looked up in the
course's own questions, and what cannot be is named and not counted. Nothing is written or unpacked to disk.
"""

import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO, Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.exercises.check import all_exercises
from mlops_lesson.teaching.export_format import FORMAT, FORMAT_VERSION, checksum, clean_text
from mlops_lesson.teaching.progress import OUTCOMES
from mlops_lesson.teaching.questions import Question
from mlops_lesson.teaching.quiz import FINAL, quiz

LARGEST_FILE = 1_000_000
"""Bytes. An export of the whole course has about 20,000."""

LARGEST_ZIP = 50_000_000
LARGEST_UNZIPPED = 1_000_000_000
DEEPEST_ZIP = 3
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
    """One export that can be counted; its remarks hold nothing that the learner typed."""

    file: str
    learner: str
    name: str
    exported_at: datetime
    answers: dict[tuple[str, str], GivenAnswer]
    exercises: dict[str, Tried]
    remarks: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many answers and exercises it holds."""
        return len(self.answers) + len(self.exercises)


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
    exported_at: Annotated[AwareDatetime, Field(strict=False)]
    progress: _Progress
    checksum: Annotated[str, Field(max_length=80)]


def read_exports(source: str | Path) -> Iterator[HandedIn | LeftOut]:
    """Read every export in a folder with its subfolders, in a zip file or in one file, one at a time, by name."""
    root = Path(source).expanduser()
    if not root.exists():
        raise FileNotFoundError(
            f"nothing lies at {str(source)[:200]!r}; give the folder or the zip file with the exports"
        )
    for each in _folder(root, root) if root.is_dir() else _file(root, root.name):
        yield replace(each, file=clean_text(each.file, 300))


Found = Iterator[HandedIn | LeftOut]


def _folder(folder: Path, root: Path) -> Found:
    inside = folder.relative_to(root).as_posix()
    try:
        paths = sorted(path for path in folder.iterdir() if not _is_noise(path.name))
    except OSError as error:
        yield LeftOut(inside, f"the folder cannot be opened: {error.strerror}", "look at its permissions")
        return
    for path in paths:
        inside = path.relative_to(root).as_posix()
        if path.is_symlink():
            yield LeftOut(inside, "it is a link, and links are not followed")
        elif path.is_dir():
            if not (path / REPORT_MARK).exists():
                yield from _folder(path, root)
        elif path.is_file():
            yield from _file(path, inside)
        else:
            yield LeftOut(inside, "it is not a regular file")


def _is_noise(name: str) -> bool:
    return (name.startswith(".") and name.strip(".") != "") or name in NOISE


def _file(path: Path, inside: str) -> Found:
    try:
        with path.open("rb") as stream:
            yield from _opened(stream, inside, path.stat().st_size)
    except OSError as error:
        yield LeftOut(inside, f"it cannot be read: {error.strerror or 'the system says no more'}", AGAIN)


def _opened(stream: IO[bytes], inside: str, size: int, depth: int = 0) -> Found:
    kind = PurePosixPath(inside).suffix.lower()
    if kind == ".json":
        too_large = f"it has more than {LARGEST_FILE:,} bytes, fifty times what all six stages make"
        yield LeftOut(inside, too_large, AGAIN) if size > LARGEST_FILE else _read(inside, stream.read())
    elif kind != ".zip":
        yield LeftOut(inside, "it is neither a .json nor a .zip file", AGAIN)
    elif size > LARGEST_ZIP:
        yield LeftOut(inside, f"it is a zip file of more than {LARGEST_ZIP:,} bytes", OF_A_ZIP)
    elif depth == DEEPEST_ZIP:
        yield LeftOut(inside, f"it is the {DEEPEST_ZIP + 1}th zip file in another", OF_A_ZIP)
    else:
        yield from _zip(stream, inside, depth)


def _zip(stream: IO[bytes], inside: str, depth: int) -> Found:
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        yield LeftOut(inside, "it is not a whole zip file", OF_A_ZIP)
        return
    members = sorted(archive.infolist(), key=lambda member: member.filename)
    # A header that gives a smaller size than is packed gains nothing: no more than that size is unpacked.
    if sum(member.file_size for member in members) > LARGEST_UNZIPPED:
        yield LeftOut(inside, f"it is a zip file that holds more than {LARGEST_UNZIPPED:,} bytes", OF_A_ZIP)
        return
    for member in members:
        if member.is_dir() or any(_is_noise(part) for part in member.filename.split("/")):
            continue
        name = f"{inside}/{member.filename}"
        try:
            with archive.open(member) as packed:
                yield from _opened(packed, name, member.file_size, depth + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
            yield LeftOut(name, "it is damaged or locked inside its zip file", OF_A_ZIP)


def _read(file: str, content: bytes) -> HandedIn | LeftOut:
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return LeftOut(
            file, "it is not JSON, or only a part of it is there" if content.strip() else "it is empty", AGAIN
        )
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        return LeftOut(file, "it is no export of this course", AGAIN)
    version = data.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        return LeftOut(file, f"a newer course wrote it (format {version})", "update the course here, and run again")
    try:
        given = _Export.model_validate(data)
    except ValidationError:
        return LeftOut(file, "its content has not the form of an export", AGAIN)
    if given.checksum != checksum(data):
        return LeftOut(file, "it was changed or damaged after it was exported: its checksum does not fit", AGAIN)
    return _judged(file, given)


@cache
def asked() -> dict[tuple[str, str], Question]:
    """Return every question that a stage's quiz asks, by stage and identifier; one that is asked again stands twice."""
    return {(stage.slug, item.question.id): item.question for stage in STAGES for item in quiz(stage).items}


def _judged(file: str, given: _Export) -> HandedIn:
    remarks: Counter[str] = Counter()
    answers, tried = {}, {}
    for stage, questions in given.progress.answers.items():
        for identifier, record in questions.items():
            if judged := _judge_answer(stage, identifier, record, remarks):
                answers[stage, identifier] = judged
    for name, record in given.progress.exercises.items():
        if name in all_exercises() and all_exercises()[name].stage.slug == record.stage:
            tried[name] = Tried(record.outcome, record.attempts)
        else:
            remarks["exercises that the course does not have, not counted"] += 1
    said = tuple(f"{text}: {count}" for text, count in remarks.items())
    return HandedIn(file, given.learner.id, clean_text(given.learner.name), given.exported_at, answers, tried, said)


def _judge_answer(stage: str, identifier: str, record: _Answer, remarks: Counter[str]) -> GivenAnswer | None:
    if stage == FINAL:
        return None
    question = asked().get((stage, identifier))
    if question is None:
        remarks["answers to questions that this course does not ask, not counted"] += 1
        return None
    first, last = tuple(record.first_choice), tuple(record.choice)
    if not (question.fits(first) and question.fits(last)):
        remarks["answers that name options which cannot be chosen, not counted"] += 1
        return None
    first_right, right = question.is_right(first), question.is_right(last)
    if (first_right, right) != (record.first_right, record.right):
        remarks["answers on which the file and the course disagree whether they are right; the course decides"] += 1
    return GivenAnswer(first, last, first_right, right, record.confidence == "certain", record.at)
