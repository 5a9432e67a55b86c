"""What a class did, from the exports that its learners handed in.

`build` merges any number of exports; `ClassReport.write` makes one HTML page and a CSV table for a grade book.
"""

import csv
import hashlib
import io
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from statistics import median

from mlops_lesson.instructors import handed_in
from mlops_lesson.instructors.handed_in import GivenAnswer, HandedIn, LeftOut, TriedExercise, asked
from mlops_lesson.keep.files import write_atomically
from mlops_lesson.show.page import render
from mlops_lesson.stages import STAGES, Stage, get_stage
from mlops_lesson.teaching.exercises.exercise import Exercise, all_exercises
from mlops_lesson.teaching.export_format import safe_cell
from mlops_lesson.teaching.progress import OUTCOMES
from mlops_lesson.teaching.questions import Question

NO_GRADE = "-"
"""What both Canvas and Moodle read as "no grade"; an empty cell is a grade to Moodle where the column is new."""

FEW = 5
"""Fewer learners than this are single cases, and the report says so."""

MOST_POINTS = 5
MOST_ORDERS = 5
WORTH_A_WORD = 1 / 3
"""A question or an exercise is talked about from this share of learners on who have not got it right."""


@dataclass(frozen=True)
class Bar:
    """One option, or one order, and how many learners chose it first."""

    label: str
    text: str
    right: bool
    count: int
    misconception: str | None
    reason: str | None


@dataclass(frozen=True)
class QuestionResult:
    """How a class answered one question of one quiz; first answers were given without the explanation in view."""

    stage: Stage
    question: Question
    given: list[GivenAnswer]

    @property
    def right_first(self) -> int:
        """How many were right at first."""
        return sum(each.first_right for each in self.given)

    @property
    def right_now(self) -> int:
        """How many are right by now."""
        return sum(each.right for each in self.given)

    @property
    def sure(self) -> int:
        """How many wrong first answers were called certain."""
        return sum(each.confidence == "certain" and not each.first_right for each in self.given)

    @property
    def bars(self) -> list[Bar]:
        """What was chosen first: each option, or the orders that were given most often."""
        question, options = self.question, dict(self.question.shown())
        if question.kind == "put_in_order":
            counts = Counter(" ".join(each.first_choice) for each in self.given).most_common(MOST_ORDERS)
            right = " ".join(question.right_choice())
            return [Bar(order, "", order == right, n, question.misconception, question.reason) for order, n in counts]
        counts = Counter(letter for each in self.given for letter in each.first_choice)
        return [
            Bar(letter, option.text, option.right, counts[letter], option.misconception, option.reason)
            for letter, option in options.items()
        ]

    @property
    def most_chosen_wrong(self) -> Bar | None:
        """The wrong option, or order, that most learners chose first."""
        return max((bar for bar in self.bars if bar.count and not bar.right), key=lambda bar: bar.count, default=None)


@dataclass(frozen=True)
class ExerciseResult:
    """How a class did one exercise, by each learner's best outcome."""

    exercise: Exercise
    given: list[TriedExercise]

    @property
    def stage(self) -> Stage:
        """The stage of the exercise."""
        return self.exercise.stage

    @property
    def outcomes(self) -> dict[str, int]:
        """Learners by outcome, right first."""
        return {outcome: sum(each.outcome == outcome for each in self.given) for outcome in OUTCOMES[:0:-1]}

    @property
    def right_now(self) -> int:
        """How many have solved it."""
        return self.outcomes["right"]

    right_first = right_now

    @property
    def checks(self) -> float:
        """The middle number of checks."""
        return median(each.attempts for each in self.given)


@dataclass(frozen=True)
class Cell:
    """One learner's stage: questions right at first, and by now, exercises right, whether anything was begun."""

    first: int
    right: int
    asked: int
    solved: int
    exercises: int
    begun: bool

    @property
    def look(self) -> str:
        """One of ``"done"``, ``"begun"`` and ``"none"``."""
        if (self.right, self.solved) == (self.asked, self.exercises):
            return "done"
        return "begun" if self.begun else "none"


@dataclass(frozen=True)
class ClassReport:
    """What a class did up to a stage, and the files that were left out; made by `build`."""

    learners: list[HandedIn]
    left_out: list[LeftOut]
    stage: Stage
    made_at: datetime

    def listed(self, names: bool = True) -> list[tuple[str, HandedIn]]:
        """Return all learners by their labels: the name, or "Learner 07" where there is none or names are left out."""
        # Numbered by their random numbers, so that the order of names does not show through.
        ordered = sorted(self.learners, key=lambda each: (each.learner, each.file))
        labelled = [
            (each.name if names and each.name else f"Learner {place:0{len(str(len(ordered)))}d}", each)
            for place, each in enumerate(ordered, start=1)
        ]
        return sorted(labelled, key=lambda each: (each[0].casefold(), each[0]))

    @cached_property
    def questions(self) -> list[QuestionResult]:
        """How each question that anybody answered was answered, in the course's order."""
        results = [
            QuestionResult(get_stage(key[0]), question, [e.answers[key] for e in self.learners if key in e.answers])
            for key, question in asked().items()
        ]
        return [result for result in results if result.given]

    @cached_property
    def exercises(self) -> list[ExerciseResult]:
        """How each exercise that anybody tried went, in the course's order."""
        results = [
            ExerciseResult(exercise, [e.exercises[name] for e in self.learners if name in e.exercises])
            for name, exercise in all_exercises().items()
        ]
        return [result for result in results if result.given]

    def to_talk_about(self) -> list[QuestionResult | ExerciseResult]:
        """Return what to talk about next, newest stage first, then by the share that is not right yet."""

        def missed(result: QuestionResult | ExerciseResult) -> bool:
            count = len(result.given) - result.right_first
            # What one of a class missed is worth a word with that one.
            return count >= min(2, len(self.learners)) and count / len(result.given) >= WORTH_A_WORD

        points = [r for r in (*self.questions, *self.exercises) if r.stage.number <= self.stage.number and missed(r)]
        points.sort(key=lambda r: (-r.stage.number, r.right_now / len(r.given), r.right_first / len(r.given)))
        return points[:MOST_POINTS]

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

    def _grades(self, learner: HandedIn, stage: Stage) -> list[str]:
        cell = cell_of(learner, stage)
        due = cell.begun and stage.number <= self.stage.number
        kinds = ((cell.first, cell.asked, self.questions), (cell.solved, cell.exercises, self.exercises))
        return [
            f"{100 * right / given:.1f}" if due and any(result.stage == stage for result in results) else NO_GRADE
            for right, given, results in kinds
        ]

    def html(self, names: bool = True) -> str:
        """Return the report as one page: whatever learners typed is text in it, and a policy forbids every script."""
        listed = self.listed(names)
        return render(
            "instructors/report", report=self, names=names, listed=listed, stages=STAGES, cell_of=cell_of, few=FEW
        )

    def write(self, folder: str | Path, names: bool = True) -> list[Path]:
        """Write the page and the table into a folder, and return their paths.

        A file that is there is replaced only if a report put it there and nobody has changed it since; otherwise the
        new one gets a number.
        """
        target = Path(folder).expanduser()
        # Spreadsheets read a CSV file as UTF-8 only if it begins with this mark.
        table = "\ufeff" + self.csv(names)
        return [_place(target / "report.html", self.html(names)), _place(target / "grades.csv", table)]


def build(
    source: str | Path,
    stage: int | str | Stage | None = None,
    same: Sequence[Sequence[str]] = (),
) -> ClassReport:
    """Merge all exports of a class.

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
    counted, left_out = handed_in.count_once(handed_in.read_exports(source), same)
    begun = [s for s in STAGES if 2 * sum(cell_of(each, s).begun for each in counted) >= max(len(counted), 1)]
    newest = get_stage(stage) if stage is not None else [STAGES[0], *begun][-1]
    return ClassReport(counted, left_out, newest, datetime.now(UTC))


def cell_of(learner: HandedIn, stage: Stage) -> Cell:
    """Count what a learner has of a stage; a part that is only ticked is nothing begun."""
    answers = [each for key, each in learner.answers.items() if key[0] == stage.slug]
    ours = [name for name, exercise in all_exercises().items() if exercise.stage == stage]
    tried = [each for name, each in learner.exercises.items() if name in ours]
    return Cell(
        first=sum(each.first_right for each in answers),
        right=sum(each.right for each in answers),
        asked=sum(slug == stage.slug for slug, _ in asked()),
        solved=sum(each.outcome == "right" for each in tried),
        exercises=len(ours),
        begun=bool(answers or tried),
    )


def _place(file: Path, text: str) -> Path:
    """Write a file of a report; the mark beside it lists what reports wrote, so that the next knows its own."""
    mark, content = file.parent / handed_in.REPORT_MARK, text.encode()
    written = mark.read_text().split() if mark.exists() else []
    for number in itertools.count(1):
        path = file if number == 1 else file.with_stem(f"{file.stem}-{number}")
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() in written:
            break
    write_atomically(path, content)
    write_atomically(mark, "\n".join([*written, hashlib.sha256(content).hexdigest()]).encode())
    return path
