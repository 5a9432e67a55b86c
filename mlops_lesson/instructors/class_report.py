"""What a class did, from the exports that its learners handed in.

`build` merges any number of exports; `ClassReport.write` makes one HTML page and a CSV table for a grade book.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mlops_lesson.instructors.counted import count_once
from mlops_lesson.instructors.handed_in import REPORT_MARK, HandedIn, LeftOut, asked, read_exports
from mlops_lesson.keep.files import write_atomically
from mlops_lesson.show.page import inline
from mlops_lesson.stages import STAGES, Stage, get_stage
from mlops_lesson.teaching.exercises.check import all_exercises
from mlops_lesson.teaching.exercises.exercise import Exercise
from mlops_lesson.teaching.export_format import safe_cell
from mlops_lesson.teaching.progress import OUTCOMES
from mlops_lesson.teaching.questions import Question

PAGE, GRADES = "report.html", "grades.csv"

NO_GRADE = "-"
"""What both Canvas and Moodle read as "no grade"; an empty cell is a grade to Moodle where the column is new."""

FEW = 5
"""Fewer learners than this are single cases, and the report says so."""

MOST_POINTS = 5
WORTH_A_WORD = 1 / 3
"""A question or an exercise is talked about from this share of learners on who have not got it right."""


@dataclass(frozen=True)
class Bar:
    """One option, or one order, and how many learners chose it first."""

    label: str
    text: str
    right: bool
    count: int
    misconception: str = ""
    reason: str = ""


@dataclass(frozen=True)
class QuestionResult:
    """How a class answered one question of one quiz; `sure` counts wrong first answers that were called certain."""

    stage: Stage
    question: Question
    answered: int
    right_first: int
    right_now: int
    sure: int
    bars: tuple[Bar, ...]

    @property
    def most_chosen_wrong(self) -> Bar | None:
        """The wrong option, or order, that most learners chose first."""
        wrong = [bar for bar in self.bars if bar.count and not bar.right and bar.label != "others"]
        return max(wrong, key=lambda bar: bar.count, default=None)


@dataclass(frozen=True)
class ExerciseResult:
    """How a class did one exercise: learners by best outcome, and the middle number of checks."""

    exercise: Exercise
    tried: int
    outcomes: dict[str, int]
    checks: float


@dataclass(frozen=True)
class Cell:
    """One learner's stage: questions right by now, exercises right, and whether anything was answered or tried."""

    right: int
    asked: int
    solved: int
    given: int
    begun: bool

    @property
    def look(self) -> str:
        """One of ``"done"``, ``"begun"`` and ``"none"``."""
        return "done" if (self.right, self.solved) == (self.asked, self.given) else "begun" if self.begun else "none"


@dataclass(frozen=True)
class ClassReport:
    """What a class did up to a stage, and the files that were left out; made by `build`."""

    learners: tuple[HandedIn, ...]
    left_out: tuple[LeftOut, ...]
    stage: Stage
    made_at: datetime

    def label(self, learner: HandedIn, names: bool = True) -> str:
        """Return how a learner is called: the name, or "Learner 07" where there is none or names are left out."""
        return learner.name if names and learner.name else self._pseudonyms[learner.file]

    @cached_property
    def _pseudonyms(self) -> dict[str, str]:
        """Number the learners by their random numbers, so that the order of names does not show through."""
        width = len(str(len(self.learners)))
        ordered = sorted(self.learners, key=lambda each: (each.learner, each.file))
        return {each.file: f"Learner {place:0{width}d}" for place, each in enumerate(ordered, start=1)}

    def listed(self, names: bool = True) -> list[tuple[str, HandedIn]]:
        """Return all learners with their labels, in the order of the labels."""
        labelled = [(self.label(learner, names), learner) for learner in self.learners]
        return sorted(labelled, key=lambda each: (each[0].casefold(), each[0], self._pseudonyms[each[1].file]))

    @cached_property
    def questions(self) -> tuple[QuestionResult, ...]:
        """How each question that anybody answered was answered, in the course's order."""
        rows = [
            (*key, each.first, each.first_right, each.right, each.certain and not each.first_right)
            for learner in self.learners
            for key, each in learner.answers.items()
        ]
        table = pd.DataFrame(rows, columns=["stage", "question", "first", "right_first", "right_now", "sure"])
        groups = dict(iter(table.groupby(["stage", "question"])))
        return tuple(
            QuestionResult(
                get_stage(key[0]),
                question,
                len(groups[key]),
                *(int(groups[key][count].sum()) for count in ("right_first", "right_now", "sure")),
                tuple(_bars(question, groups[key]["first"])),
            )
            for key, question in asked().items()
            if key in groups
        )

    @cached_property
    def exercises(self) -> tuple[ExerciseResult, ...]:
        """How each exercise that anybody tried went, in the course's order."""
        rows = [(name, t.outcome, t.attempts) for learner in self.learners for name, t in learner.exercises.items()]
        groups = dict(iter(pd.DataFrame(rows, columns=["exercise", "outcome", "checks"]).groupby("exercise")))
        return tuple(
            ExerciseResult(
                exercise,
                len(groups[name]),
                {outcome: int((groups[name]["outcome"] == outcome).sum()) for outcome in OUTCOMES[:0:-1]},
                float(groups[name]["checks"].median()),
            )
            for name, exercise in all_exercises().items()
            if name in groups
        )

    def to_talk_about(self) -> list[str]:
        """Return what to talk about next, newest stage first, then by the share that is not right yet."""
        if not self.learners:
            return ["There is no export to look at yet."]
        count = len(self.learners)
        few = [f"{learners(count)}: read every number here as a single case, not as a share of a class."]
        points = []
        for result in self.questions:
            missed = 1 - result.right_first / result.answered
            if missed >= WORTH_A_WORD:
                points.append((result.stage, 1 - result.right_now / result.answered, missed, _about(result)))
        for result in self.exercises:
            open_yet = 1 - result.outcomes["right"] / result.tried
            if open_yet >= WORTH_A_WORD:
                points.append((result.exercise.stage, open_yet, open_yet, _about_exercise(result)))
        points = [point for point in points if point[0].number <= self.stage.number]
        points.sort(key=lambda point: (-point[0].number, -point[1], -point[2]))
        said = [text for *_, text in points[:MOST_POINTS]]
        nothing = [f"Up to {self.stage.name}, nothing was missed by a third of those who tried it: go on."]
        return few * (count < FEW) + (said or nothing)

    def csv(self, names: bool = True) -> str:
        """Return a table for a grade book: one row for each learner, no cell that is a formula.

        The first columns are Canvas's. Then comes, for each stage, the share of questions right at the first try and
        of exercises right, 0 to 100, or "-" for what was not taught, or of which the learner has tried nothing.
        Learners without a name are not in it: no grade book can find them, and Moodle gives the grades of a row
        without a login to the learner of the row before. Without `names`, all are in it under pseudonyms.
        """
        stream = io.StringIO()
        # `write` puts a mark before the table. A quote that follows the mark ends Canvas's parser, so heads have none;
        # names have them always, since a spreadsheet may take a semicolon or a tab for the end of a cell.
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        heads = [f"{s.number} {s.name} {what} (%)" for s in STAGES for what in ("quiz", "exercises")]
        csv.writer(stream).writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *heads])
        for label, learner in self.listed(names):
            if learner.name or not names:
                login = learner.name if names else ""
                grades = [grade for stage in STAGES for grade in self._grades(learner, stage)]
                writer.writerow([safe_cell(label), "", "", safe_cell(login), "", *grades])
        return stream.getvalue()

    def _grades(self, learner: HandedIn, stage: Stage) -> tuple[str, str]:
        cell = cell_of(learner, stage)
        first = sum(each.first_right for key, each in learner.answers.items() if key[0] == stage.slug)
        late = not cell.begun or stage.number > self.stage.number
        return tuple(
            NO_GRADE if late or stage not in taught else f"{100 * right / given:.1f}"
            for right, given, taught in (
                (first, cell.asked, [result.stage for result in self.questions]),
                (cell.solved, cell.given, [result.exercise.stage for result in self.exercises]),
            )
        )

    def html(self, names: bool = True) -> str:
        """Return the report as one page: whatever learners typed is text in it, and a policy forbids every script."""
        pages = Environment(
            loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        pages.filters["inline"] = lambda text: Markup(inline(text))  # noqa: S704 - it is escaped there
        return pages.get_template("report.html.j2").render(
            report=self,
            names=names,
            stages=STAGES,
            cell_of=cell_of,
            called=learners,
            few=FEW,
            unnamed=[learner for learner in self.learners if not learner.name],
            **self._several(),
        )

    def _several(self) -> dict[str, list[list[HandedIn]]]:
        """Find numbers that go by several names, and names that go by several numbers."""
        table = pd.DataFrame({"of": self.learners, "learner": [each.learner for each in self.learners]})
        table["name"] = [each.name.casefold() for each in self.learners]
        return {
            "one_number": [list(each["of"]) for _, each in table.groupby("learner") if len(each) > 1],
            "one_name": [list(each["of"]) for name, each in table.groupby("name") if name and len(each) > 1],
        }

    def write(self, folder: str | Path, names: bool = True) -> tuple[Path, Path]:
        """Write the page and the table into a folder.

        A file that is there is replaced only if a report put it there and nobody has changed it since; otherwise the
        new one gets a number. Returns both paths.
        """
        target = Path(folder).expanduser()
        target.mkdir(parents=True, exist_ok=True)
        # Spreadsheets read a CSV file as UTF-8 only if it begins with this mark.
        table = "\ufeff" + self.csv(names)
        return _place(target, PAGE, self.html(names).encode()), _place(target, GRADES, table.encode())


def build(
    source: str | Path,
    stage: int | str | Stage | None = None,
    same: Sequence[Sequence[str]] = (),
) -> ClassReport:
    """Merge all exports of a class, in one pass over the files.

    Parameters
    ----------
    source : str or pathlib.Path
        Folder with exports, in subfolders and zip files too; or one file.
    stage : int, str or Stage, optional
        The newest stage that was taught; by default the newest that half of the class has begun.
    same : sequence of sequence of str
        Each the names, or the files, of one person at several machines, which are counted as one learner.

    Returns
    -------
    ClassReport
        Of several exports of one learner the one that holds most is counted, of equal ones the newest.

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name.
    ValueError
        If there is no such stage, or nobody of a name that is said to be the same as another.
    """
    counted, left_out = count_once(read_exports(source), same)
    newest = newest_stage(counted) if stage is None else get_stage(stage)
    return ClassReport(tuple(counted), tuple(left_out), newest, datetime.now(UTC))


def newest_stage(counted: Sequence[HandedIn]) -> Stage:
    """Return the newest stage that half of the learners have begun, or the first."""
    begun = [s for s in STAGES if 2 * sum(cell_of(each, s).begun for each in counted) >= max(len(counted), 1)]
    return begun[-1] if begun else STAGES[0]


def cell_of(learner: HandedIn, stage: Stage) -> Cell:
    """Count what a learner has of a stage; a part that is only ticked is nothing begun."""
    slug = stage.slug
    answers = [each for key, each in learner.answers.items() if key[0] == slug]
    ours = [name for name, exercise in all_exercises().items() if exercise.stage == stage]
    tried = [each for name, each in learner.exercises.items() if name in ours]
    return Cell(
        sum(each.right for each in answers),
        sum(each == slug for each, _ in asked()),
        sum(each.outcome == "right" for each in tried),
        len(ours),
        bool(answers or tried),
    )


def learners(count: int) -> str:
    """Return a number of learners in words."""
    return "One learner" if count == 1 else f"{count} learners"


def _bars(question: Question, first: "pd.Series[Any]") -> Iterator[Bar]:
    """Count what was chosen first: each option chosen, or for an ordering the right order and the four most given."""
    options = dict(question.shown())
    if question.kind != "put_in_order":
        counts = first.explode().value_counts()
        for letter, option in options.items():
            count = int(counts.get(letter, 0))
            yield Bar(letter, option.text, option.right, count, option.misconception or "", option.reason)
        return
    orders = sorted(first.value_counts().items(), key=lambda each: (-each[1], each[0]))
    wrong = [(order, count) for order, count in orders if not question.is_right(order)]
    right = question.right_choice()
    for order, count in [(right, dict(orders).get(right, 0)), *wrong[:4]]:
        text = "; ".join(options[letter].text for letter in order)
        yield Bar(
            " ".join(order), text, order == right, int(count), question.misconception or "", question.reason or ""
        )
    if others := sum(count for _, count in wrong[4:]):
        yield Bar("others", "other orders", False, int(others))


def _about(result: QuestionResult) -> str:
    wrong_first = result.answered - result.right_first
    sure = f", {result.sure} of them certain" if result.sure else ""
    text = (
        f"{result.stage.number} {result.stage.name}, “{result.question.text}”: {wrong_first} of {result.answered} "
        f"answered wrong at first{sure}; {result.right_now} of {result.answered} are right by now."
    )
    if wrong := result.most_chosen_wrong:
        text += (
            f" Most often chosen, by {wrong.count}: {wrong.label}, “{wrong.text}” Belief behind it: "
            f"{wrong.misconception.rstrip('.')}. {wrong.reason}"
        )
    return text.strip()


def _about_exercise(result: ExerciseResult) -> str:
    stage, crashed = result.exercise.stage, result.outcomes["crashed"]
    return (
        f"{stage.number} {stage.name}, exercise {result.exercise.id}, {result.exercise.title}: "
        f"{result.tried - result.outcomes['right']} of {result.tried} who tried it have not solved it"
        f"{f', and {crashed} of them ended with code that crashes' if crashed else ''}. "
        "Do it together, from the first hint on."
    )


def _place(folder: Path, name: str, content: bytes) -> Path:
    """Write a file of a report, and note what was written, so that the next report knows what is its own."""
    mark = folder / REPORT_MARK
    try:
        made = dict(json.loads(mark.read_bytes()))
    except (OSError, ValueError, TypeError):
        made = {}

    def is_free(file: Path) -> bool:
        if file.is_symlink() or not file.exists():
            return not file.is_symlink()
        return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == made.get(file.name)

    stem, ending = name.rsplit(".", 1)
    number, file = 1, folder / name
    while not is_free(file):
        number += 1
        file = folder / f"{stem}-{number}.{ending}"
    write_atomically(file, content)
    write_atomically(mark, json.dumps(made | {file.name: hashlib.sha256(content).hexdigest()}, indent=1).encode())
    return file
