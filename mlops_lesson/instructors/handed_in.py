"""Read what learners handed in, as one reads post from strangers, and count every learner once.

Files are looked for in a folder, and in the zip files that learning systems and learners make. None is believed: size,
form and checksum are tested before anything is counted, whether an answer is right is looked up in the course's own
questions, and what cannot be is named and not counted. Nothing is written or unpacked to disk.
"""

import json
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.exercises.exercise import exercise_ids
from mlops_lesson.teaching.export_format import FORMAT, FORMAT_VERSION, checksum, clean_text
from mlops_lesson.teaching.progress import Answer, ExerciseResult, Progress
from mlops_lesson.teaching.questions import Question
from mlops_lesson.teaching.quiz import quiz

LARGEST_FILE = 1_000_000
"""Bytes. An export of the whole course has about 20,000."""

NOISE = re.compile(r"\..*|__MACOSX|Thumbs\.db|desktop\.ini|(report|grades)(-\d+)?\.(html|csv)")
"""Names of what systems put beside files, and of what an earlier report left there."""

AGAIN = "ask for the file that the cell `hand_in` names"


@dataclass(frozen=True)
class LeftOut:
    """A file that was not counted: where it lies, why in the course's own words, and what to do."""

    file: str
    reason: str
    remedy: str = ""


class _Learner(BaseModel):
    id: str
    name: str


class _Export(BaseModel):
    format: Literal[FORMAT]
    format_version: Literal[FORMAT_VERSION]
    learner: _Learner
    exported_at: AwareDatetime
    progress: Progress
    checksum: str


@dataclass(frozen=True)
class HandedIn:
    """What one learner handed in and can be counted; its remarks hold nothing that the learner typed."""

    file: str
    learner: str
    name: str
    exported_at: AwareDatetime
    answers: dict[tuple[str, str], Answer]
    exercises: dict[str, ExerciseResult]
    remarks: tuple[str, ...]
    pseudonym: str = ""

    @property
    def label(self) -> str:
        """What the learner is called in the report."""
        return self.name or self.pseudonym


Found = Iterator[HandedIn | LeftOut]


def read_exports(source: str | Path) -> Found:
    """Read every export in a folder with its subfolders, in a zip file or in one file, one at a time, by name."""
    root = Path(source).expanduser().resolve()
    if not root.exists():
        raise FileNotFoundError(
            f"nothing lies at {str(source)[:200]!r}; give the folder or the zip file with the exports"
        )
    return _search(root, "" if root.is_dir() else root.name)


def _search(place: Path | zipfile.Path, name: str, zips: int = 2) -> Found:
    """Read what lies at a place of this name: a folder, a file, or a zip file, in which another one may lie."""
    file, kind = clean_text(name or place.name, 300), Path(name).suffix.lower()
    try:
        is_link = isinstance(place, Path) and place.is_symlink()
        if is_link or not (place.is_dir() or place.is_file()):
            yield LeftOut(file, "it is a link or no regular file, and is not opened")
        elif place.is_dir():
            for inner in sorted(place.iterdir(), key=lambda each: each.name):
                # The first edition wrote each export as a table too.
                is_table = inner.suffix == ".csv" and (place / f"{inner.stem}.json").is_file()
                if not (NOISE.fullmatch(inner.name) or is_table):
                    yield from _search(inner, f"{name}/{inner.name}".lstrip("/"), zips)
        elif kind == ".json":
            with place.open("rb") as stream:
                yield _read(file, stream.read(LARGEST_FILE + 1))
        elif kind == ".zip" and zips:
            with place.open("rb") as stream, zipfile.ZipFile(stream) as archive:
                # Some versions of Python never come to the end of such a path.
                if any("//" in f"/{inner}" for inner in archive.namelist()):
                    raise zipfile.BadZipFile
                yield from _search(zipfile.Path(archive), name, zips - 1)
        else:
            yield LeftOut(file, "it is neither a .json file nor a .zip file of them", AGAIN)
    except OSError as error:
        yield LeftOut(file, f"it cannot be read: {error.strerror or error}", "look at its permissions")
    # A damaged or locked zip file makes Python's libraries raise errors of many kinds.
    except Exception:
        yield LeftOut(file, "it is damaged or locked, as a zip file or inside one", AGAIN)


def _read(file: str, content: bytes) -> HandedIn | LeftOut:
    if len(content) > LARGEST_FILE:
        return LeftOut(file, f"it has more than {LARGEST_FILE:,} bytes, and an export about 20,000", AGAIN)
    try:
        data = json.loads(content)
        given = _Export.model_validate(data)
    except (ValueError, RecursionError):
        return LeftOut(file, "it is empty, cut off, or no export of this course", AGAIN)
    if given.checksum != checksum(data):
        return LeftOut(file, "it was changed or damaged after it was exported: its checksum does not fit", AGAIN)
    return _judged(file, given)


@cache
def asked() -> dict[tuple[str, str], Question]:
    """Return every question that a stage's quiz asks, by stage and identifier; one that is asked again stands twice."""
    return {(stage.slug, question.id): question for stage in STAGES for question in quiz(stage).questions}


def _judged(file: str, given: _Export) -> HandedIn:
    answers, exercises, remarks = {}, {}, Counter()
    for stage in STAGES:
        # Answers to the closing quiz, and to an instructor's own, stand under other names.
        for name, answer in given.progress.answers_of(stage).items():
            question = asked().get((stage.slug, name))
            if question is None or not (question.fits(answer.first_choice) and question.fits(answer.choice)):
                remarks["answers to questions, or with options, that the course does not have, not counted"] += 1
                continue
            first_right, right = question.is_right(answer.first_choice), question.is_right(answer.choice)
            judged = answers[stage.slug, name] = replace(answer, first_right=first_right, right=right)
            if judged != answer:
                remarks["answers on which the file and the course disagree; the course decides"] += 1
        ours = given.progress.exercises.keys() & {*exercise_ids(stage)}
        exercises |= {name: given.progress.exercises[name] for name in ours}
    if unknown := len(given.progress.exercises) - len(exercises):
        remarks["exercises that the course does not have, not counted"] = unknown
    said = tuple(f"{text}: {count}" for text, count in remarks.items())
    learner = given.learner
    return HandedIn(file, learner.id, clean_text(learner.name), given.exported_at, answers, exercises, said)


def count_once(exports: Sequence[HandedIn], same: Sequence[Sequence[str]] = ()) -> list[HandedIn]:
    """Join the exports of each learner, of one number and one name; `same` lists names or files of one person each."""
    known = {word for each in exports for word in (each.name.casefold(), each.file.casefold())}
    if missing := [word for who in same for word in who if word.casefold() not in known]:
        raise ValueError(f"nobody is called {missing[0]!r}, and no file that counts either; the page lists both")
    people = [{word.casefold() for word in who} for who in same]
    exports_of = defaultdict(list)
    for each in sorted(exports, key=lambda each: each.exported_at):
        called = {each.name.casefold(), each.file.casefold()}
        listed = [place for place, who in enumerate(people) if who & called]
        exports_of[listed[0] if listed else (each.learner, each.name.casefold())].append(each)
    return [_joined(of_one) for of_one in exports_of.values()]


def _joined(group: Sequence[HandedIn]) -> HandedIn:
    """Make one of a learner's exports, oldest first: its first answers are the earliest, the others the latest."""
    answers, exercises = {}, {}
    for each in group:
        for key, given in each.answers.items():
            first = answers.get(key, given)
            first_of = {"first_choice": first.first_choice, "first_right": first.first_right}
            answers[key] = replace(given, confidence=first.confidence, **first_of)
        # Later work replaces what was not right yet.
        exercises |= each.exercises | {name: tried for name, tried in exercises.items() if tried.outcome == "right"}
    name = next((each.name for each in group if each.name), "")
    remarks = tuple(dict.fromkeys(remark for each in group for remark in each.remarks))
    return replace(group[-1], name=name, answers=answers, exercises=exercises, remarks=remarks)


def ask_again(left_out: Sequence[LeftOut], exports: Sequence[HandedIn]) -> list[LeftOut]:
    """Ask nobody again in whose own folder a file that counts lies beside the one that was left out."""
    owners = defaultdict(set)
    for each in exports:
        owners[_folder(each.file)].add(each.learner)
    # A learning system's zip file, as it is, is nobody's own.
    own = {folder for folder, learners in owners.items() if len(learners) == 1 and not folder.endswith(".zip")} - {""}
    return [
        replace(each, remedy="") if _folder(each.file) in own and each.remedy == AGAIN else each for each in left_out
    ]


def _folder(file: str) -> str:
    return file.rpartition("/")[0]
