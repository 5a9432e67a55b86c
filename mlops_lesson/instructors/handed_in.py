"""Read what learners handed in, as one reads post from strangers, and count every learner once.

Files are looked for in a folder, and in the zip files that learning systems and learners make. None is believed: size,
form, checksum and every value are tested before anything is counted, whether an answer is right is looked up in the
course's own questions, and what cannot be is named and not counted. Nothing is written or unpacked to disk.
"""

import json
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import IO, Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.exercises.exercise import exercise_ids
from mlops_lesson.teaching.export_format import FORMAT, FORMAT_VERSION, checksum, clean_text
from mlops_lesson.teaching.progress import OUTCOMES
from mlops_lesson.teaching.questions import Question
from mlops_lesson.teaching.quiz import quiz

LARGEST_FILE = 1_000_000
"""Bytes. An export of the whole course has about 20,000."""

LARGEST_ZIP = 50_000_000
LARGEST_UNZIPPED = 1_000_000_000
DEEPEST_ZIP = 3
NOISE = ("__MACOSX", "Thumbs.db", "desktop.ini")

REPORT_MARK = ".made_by_mlops_lesson"
"""Lies in a folder that holds a report; such a folder is not searched for exports."""

AGAIN = "ask for the file that the cell `hand_in` names"
FULLER = "the same learner handed in another export, which is counted: it holds more, or as much and is newer"
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True)
class LeftOut:
    """A file that was not counted: where it lies, why in the course's own words, what to do, what counts instead."""

    file: str
    reason: str
    remedy: str = ""
    instead: str = ""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


_Attempts = Annotated[int, Field(ge=1, le=100_000)]


class GivenAnswer(_Strict):
    """One learner's answer to one question."""

    choice: list[str]
    right: bool
    first_choice: list[str]
    first_right: bool
    confidence: str | None
    attempts: _Attempts
    at: str


class TriedExercise(_Strict):
    """One learner's work on one exercise: the best outcome, and the number of checks up to the first right one."""

    stage: str
    outcome: Literal[OUTCOMES[1:]]
    attempts: _Attempts
    at: str


class _Progress(_Strict):
    version: Literal[1]
    answers: dict[str, dict[str, GivenAnswer]]
    exercises: dict[str, TriedExercise]
    parts: dict[str, dict[str, str]]
    resets: dict[str, int]


class _Learner(_Strict):
    id: str
    name: str


class _Export(_Strict):
    format: Literal[FORMAT]
    format_version: Literal[FORMAT_VERSION]
    course_version: str
    learner: _Learner
    exported_at: Annotated[AwareDatetime, Field(strict=False)]
    progress: _Progress
    checksum: str


@dataclass(frozen=True)
class HandedIn:
    """One export that can be counted; its remarks hold nothing that the learner typed."""

    file: str
    learner: str
    name: str
    exported_at: datetime
    answers: dict[tuple[str, str], GivenAnswer]
    exercises: dict[str, TriedExercise]
    remarks: tuple[str, ...]


Found = Iterator[HandedIn | LeftOut]


def read_exports(source: str | Path) -> Found:
    """Read every export in a folder with its subfolders, in a zip file or in one file, one at a time, by name."""
    root = Path(source).expanduser()
    if not root.exists():
        raise FileNotFoundError(
            f"nothing lies at {str(source)[:200]!r}; give the folder or the zip file with the exports"
        )
    return _folder(root, "") if root.is_dir() else _file(partial(root.open, "rb"), root.name, root.stat().st_size)


def _folder(folder: Path, inside: str) -> Found:
    try:
        if inside and (folder / REPORT_MARK).exists():
            return
        for name in _wanted(path.name for path in folder.iterdir()):
            path = folder / name
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                yield LeftOut(clean_text(inside + name, 300), "it is a link or no regular file, and is not opened")
            elif path.is_file():
                yield from _file(partial(path.open, "rb"), inside + name, path.stat().st_size)
            else:
                yield from _folder(path, f"{inside}{name}/")
    except OSError as error:
        shut = f"the folder cannot be opened: {error.strerror}"
        yield LeftOut(clean_text(inside or folder.name, 300), shut, "look at its permissions")


def _wanted(names: Iterable[str]) -> list[str]:
    """Sort names, without what systems put beside files, and without the table that an export brings along."""
    here = set(names)

    def is_noise(name: str) -> bool:
        return any((part.startswith(".") and part.strip(".")) or part in NOISE for part in name.split("/"))

    return sorted(n for n in here if not (is_noise(n) or (n.endswith(".csv") and f"{n[:-4]}.json" in here)))


def _file(open_it: Callable[[], IO[bytes]], inside: str, size: int, depth: int = 0) -> Found:
    file, kind = clean_text(inside, 300), Path(inside).suffix.lower()
    largest = LARGEST_ZIP if kind == ".zip" else LARGEST_FILE
    if kind not in (".json", ".zip"):
        yield LeftOut(file, "it is neither a .json nor a .zip file", AGAIN)
    elif size > largest:
        yield LeftOut(file, f"it has more than {largest:,} bytes, and an export about 20,000", AGAIN)
    elif kind == ".zip" and depth == DEEPEST_ZIP:
        yield LeftOut(file, f"it is the {DEEPEST_ZIP + 1}th zip file in another", AGAIN)
    else:
        try:
            with open_it() as stream:
                if kind == ".zip":
                    yield from _zip(zipfile.ZipFile(stream), inside, depth)
                else:
                    yield _read(file, stream.read())
        except OSError as error:
            yield LeftOut(file, f"it cannot be read: {error.strerror or 'the system says no more'}", AGAIN)
        except DAMAGED:
            yield LeftOut(file, "it is damaged or locked, as a zip file or inside one", AGAIN)


def _zip(archive: zipfile.ZipFile, inside: str, depth: int) -> Found:
    # A header that gives a smaller size than is packed gains nothing: no more than that size is unpacked.
    if sum(member.file_size for member in archive.infolist()) > LARGEST_UNZIPPED:
        yield LeftOut(
            clean_text(inside, 300), f"it is a zip file that holds more than {LARGEST_UNZIPPED:,} bytes", AGAIN
        )
        return
    for name in _wanted(archive.namelist()):
        member = archive.getinfo(name)
        if not member.is_dir():
            yield from _file(partial(archive.open, member), f"{inside}/{name}", member.file_size, depth + 1)


def _read(file: str, content: bytes) -> HandedIn | LeftOut:
    try:
        data = json.loads(content.decode("utf-8-sig"))
        if data["format"] == FORMAT and data["format_version"] > FORMAT_VERSION:
            return LeftOut(file, "a newer course wrote it", "update the course here, and run again")
        given = _Export.model_validate(data)
    except (ValueError, TypeError, KeyError, RecursionError):
        return LeftOut(file, "it is empty, cut off, or no export of this course", AGAIN)
    if given.checksum != checksum(data):
        return LeftOut(file, "it was changed or damaged after it was exported: its checksum does not fit", AGAIN)
    return _judged(file, given)


@cache
def asked() -> dict[tuple[str, str], Question]:
    """Return every question that a stage's quiz asks, by stage and identifier; one that is asked again stands twice."""
    return {(stage.slug, item.question.id): item.question for stage in STAGES for item in quiz(stage).items}


def _judged(file: str, given: _Export) -> HandedIn:
    remarks: Counter[str] = Counter()
    answers, exercises = {}, {}
    # Answers to the closing quiz, and to an instructor's own, stand under other names.
    records = {
        (stage.slug, name): answer
        for stage in STAGES
        for name, answer in given.progress.answers.get(stage.slug, {}).items()
    }
    for key, answer in records.items():
        question = asked().get(key)
        if question is None or not (question.fits(answer.first_choice) and question.fits(answer.choice)):
            remarks["answers to questions, or with options, that the course does not have, not counted"] += 1
            continue
        judged = {"first_right": question.is_right(answer.first_choice), "right": question.is_right(answer.choice)}
        answers[key] = answer.model_copy(update=judged)
        if answers[key] != answer:
            remarks["answers on which the file and the course disagree whether they are right; the course decides"] += 1
    ours = [*chain(*map(exercise_ids, STAGES))]
    for name, tried in given.progress.exercises.items():
        if name in ours:
            exercises[name] = tried
        else:
            remarks["exercises that the course does not have, not counted"] += 1
    said = tuple(f"{text}: {count}" for text, count in remarks.items())
    learner = given.learner
    return HandedIn(file, learner.id, clean_text(learner.name), given.exported_at, answers, exercises, said)


def count_once(
    handed_in: Iterable[HandedIn | LeftOut], same: Sequence[Sequence[str]] = ()
) -> tuple[list[HandedIn], list[LeftOut]]:
    """Merge what was handed in: of one learner's exports the fullest counts, of equal ones the newest."""
    exports, left_out = [], []
    for each in handed_in:
        (exports if isinstance(each, HandedIn) else left_out).append(each)
    names, of_one = defaultdict(set), defaultdict(list)
    for each in exports:
        names[each.learner] |= {each.name} - {""}
    for each in exports:
        # One who handed in once with a name and once without is one.
        name = each.name or (min(names[each.learner]) if len(names[each.learner]) == 1 else "")
        of_one[each.learner, name.casefold()].append(replace(each, name=name))
    counted = []
    for group in of_one.values():
        *others, fullest = sorted(group, key=lambda each: (len(each.answers) + len(each.exercises), each.exported_at))
        counted.append(fullest)
        left_out += [LeftOut(each.file, FULLER, instead=fullest.file) for each in others]
    for who in same:
        counted = _as_one(counted, {word.casefold(): word for word in who})
    # Nobody is asked again who handed in a file that counts, beside this one in a folder of their own.
    folders = {each.file.rpartition("/")[0] for each in counted} - {""}
    answered = [each.remedy == AGAIN and each.file.rpartition("/")[0] in folders for each in left_out]
    return counted, [replace(e, remedy="") if no_more else e for e, no_more in zip(left_out, answered, strict=True)]


def _as_one(counted: Sequence[HandedIn], who: dict[str, str]) -> list[HandedIn]:
    one, others, known = [], [], set()
    for each in sorted(counted, key=lambda each: each.exported_at):
        words = {each.name.casefold(), each.file.casefold()}
        (one if words & who.keys() else others).append(each)
        known |= words
    if missing := [word for key, word in who.items() if key not in known]:
        raise ValueError(f"nobody is called {missing[0]!r}, and no counted file either; the page lists both")
    answers, exercises = {}, {}
    for each in one:
        for key, given in each.answers.items():
            first = answers.get(key, given)
            before = {name: getattr(first, name) for name in ("first_choice", "first_right", "confidence")}
            answers[key] = given.model_copy(update=before)
        # Later work replaces what was not right yet.
        exercises |= each.exercises | {name: tried for name, tried in exercises.items() if tried.outcome == "right"}
    name = next((each.name for each in one if each.name), "")
    remarks = tuple(remark for each in one for remark in each.remarks)
    return [replace(one[-1], name=name, answers=answers, exercises=exercises, remarks=remarks), *others]
