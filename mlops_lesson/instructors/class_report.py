"""What a class did, from the exports that its learners handed in.

`build` merges any number of exports; `ClassReport.write` makes one HTML page and a CSV table for a grade book.
"""

import csv
import io
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from statistics import median

from mlops_lesson.instructors import handed_in
from mlops_lesson.instructors.handed_in import HandedIn, LeftOut, asked
from mlops_lesson.keep.files import write_atomically
from mlops_lesson.show.page import render
from mlops_lesson.stages import STAGES, Stage, get_stage
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.exercises.exercise import Exercise, all_exercises, exercise_ids
from mlops_lesson.teaching.export_format import safe_cell
from mlops_lesson.teaching.questions import Option, Question
from mlops_lesson.teaching.quiz import quiz

NO_GRADE = "-"
"""What both Canvas and Moodle read as "no grade"; an empty cell is a grade to Moodle where the column is new."""

FEW = 5
"""Fewer learners than this are single cases, and the report says so."""

MOST_POINTS = 5
MOST_ORDERS = 5
WORTH_A_WORD = 1 / 3
"""A question or an exercise is talked about from this share of learners on who have not got it right."""

Bar = tuple[str, Option, int]
"""The letter of an option, the option, or an order as one, and how many learners chose it first."""


@dataclass(frozen=True)
class QuestionSummary:
    """How a class answered one question of one quiz; first answers were given without the explanation in view."""

    stage: Stage
    question: Question
    given: list[progress.Answer]

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
        if self.question.kind == "put_in_order":
            orders = Counter(tuple(each.first_choice) for each in self.given).most_common(MOST_ORDERS)
            return [("", self._as_option(order), count) for order, count in orders]
        counts = Counter(letter for each in self.given for letter in each.first_choice)
        return [(letter, option, counts[letter]) for letter, option in self.question.shown()]

    def _as_option(self, order: Sequence[str]) -> Option:
        question, right = self.question, self.question.is_right(order)
        return Option(" ".join(order), question.reason, right, None if right else question.misconception)

    @property
    def most_chosen_wrong(self) -> Bar | None:
        """The wrong option, or order, that most learners chose first."""
        wrong = [bar for bar in self.bars if bar[2] and not bar[1].right]
        return max(wrong, key=lambda bar: bar[2], default=None)


@dataclass(frozen=True)
class ExerciseSummary:
    """How a class did one exercise, by each learner's best outcome."""

    exercise: Exercise
    given: list[progress.ExerciseResult]

    @property
    def stage(self) -> Stage:
        """The stage of the exercise."""
        return self.exercise.stage

    @property
    def outcomes(self) -> dict[str, int]:
        """Learners by outcome, right first."""
        return {outcome: sum(each.outcome == outcome for each in self.given) for outcome in progress.OUTCOMES[:0:-1]}

    @property
    def right_now(self) -> int:
        """How many have solved it."""
        return self.outcomes["right"]

    # Nothing is known of a first answer: an exercise is tried until it is right.
    right_first = right_now

    @property
    def checks(self) -> float:
        """The middle number of checks."""
        return median(each.attempts for each in self.given)


@dataclass(frozen=True)
class Cell:
    """One learner's stage: questions asked, answered, right at first and by now; exercises set, tried and solved."""

    asked: int
    answered: int
    first: int
    right: int
    exercises: int
    tried: int
    solved: int

    @property
    def begun(self) -> bool:
        """Whether anything was answered or tried."""
        return bool(self.answered or self.tried)

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

    def without_names(self) -> "ClassReport":
        """Return the report with pseudonyms in the place of names, and without the names of files."""
        learners = [replace(each, name=each.pseudonym, file="") for each in self.learners]
        left_out = [replace(each, file="A file") for each in self.left_out]
        return replace(self, learners=_sorted(learners), left_out=left_out)

    @cached_property
    def questions(self) -> list[QuestionSummary]:
        """How each question that anybody answered was answered, in the course's order."""
        given = {key: [e.answers[key] for e in self.learners if key in e.answers] for key in asked()}
        return [QuestionSummary(get_stage(key[0]), asked()[key], answers) for key, answers in given.items() if answers]

    @cached_property
    def exercises(self) -> list[ExerciseSummary]:
        """How each exercise that anybody tried went, in the course's order."""
        known = all_exercises()
        tried = {name: [e.exercises[name] for e in self.learners if name in e.exercises] for name in known}
        return [ExerciseSummary(known[name], results) for name, results in tried.items() if results]

    def to_talk_about(self) -> list[QuestionSummary | ExerciseSummary]:
        """Return what to talk about next, newest stage first, then by the share that is not right yet."""

        def missed(result: QuestionSummary | ExerciseSummary) -> bool:
            count = len(result.given) - result.right_first
            # What one of a class missed is worth a word with that one.
            return count >= min(2, len(self.learners)) and count / len(result.given) >= WORTH_A_WORD

        points = [r for r in (*self.questions, *self.exercises) if r.stage.number <= self.stage.number and missed(r)]
        points.sort(key=lambda r: (-r.stage.number, r.right_now / len(r.given), r.right_first / len(r.given)))
        return points[:MOST_POINTS]

    def csv(self) -> str:
        """Return a table for a grade book: one row for each learner, no cell that is a formula.

        The first columns are Canvas's. Then comes, for each stage, the share of questions right at the first try and
        of exercises right, 0 to 100, or "-" for what was not taught, or of which the learner has tried nothing.
        Learners without a name are not in it: no grade book can find them, and Moodle gives the grades of a row
        without a login to the learner of the row before.
        """
        stream = io.StringIO()
        # `write` puts a mark before the table. A quote that follows the mark ends Canvas's parser, so heads have none;
        # names have them always, since a spreadsheet may take a semicolon or a tab for the end of a cell.
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        heads = [f"{s.number} {s.name} {what} (%)" for s in STAGES for what in ("quiz", "exercises")]
        csv.writer(stream).writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *heads])
        for learner in self.learners:
            if name := safe_cell(learner.name):
                grades = [grade for stage in STAGES for grade in self._grades(cell_of(learner, stage), stage)]
                writer.writerow([name, "", "", name, "", *grades])
        return stream.getvalue()

    def _grades(self, cell: Cell, stage: Stage) -> list[str]:
        parts = ((cell.answered, cell.first, cell.asked), (cell.tried, cell.solved, cell.exercises))
        taught = stage.number <= self.stage.number
        return [f"{100 * right / of:.1f}" if taught and begun else NO_GRADE for begun, right, of in parts]

    def html(self) -> str:
        """Return the report as one page: whatever learners typed is text in it, and a policy forbids every script."""
        return render("instructors/report", report=self, stages=STAGES, cell_of=cell_of, few=FEW, now=datetime.now(UTC))

    def write(self, folder: str | Path) -> list[Path]:
        """Write the page and the table into a folder, and return their paths; earlier ones stay, with a number."""
        page, table = Path(folder).expanduser() / "report.html", Path(folder).expanduser() / "grades.csv"
        # Spreadsheets read a CSV file as UTF-8 only if it begins with this mark.
        for path, text in ((page, self.html()), (table, f"\ufeff{self.csv()}")):
            if path.exists():
                numbered = (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(1))
                path.rename(next(each for each in numbered if not each.exists()))
            write_atomically(path, text.encode())
        return [page, table]


def build(
    source: str | Path, stage: int | str | Stage | None = None, same: Sequence[Sequence[str]] = ()
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
        Several exports of one learner count as one: with the earliest first answers, and the latest work.

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name.
    ValueError
        If there is no such stage, or nobody of a name that is said to be the same as another.
    """
    found = [*handed_in.read_exports(source)]
    exports = [each for each in found if isinstance(each, HandedIn)]
    left_out = handed_in.ask_again([each for each in found if isinstance(each, LeftOut)], exports)
    # Numbered by their random numbers, so that the order of names does not show through.
    counted = sorted(handed_in.count_once(exports, same), key=lambda each: (each.learner, each.file))
    width = len(str(len(counted)))
    learners = [replace(each, pseudonym=f"Learner {n:0{width}d}") for n, each in enumerate(counted, start=1)]
    begun = [s for s in STAGES if 2 * sum(cell_of(each, s).begun for each in learners) >= max(len(learners), 1)]
    newest = get_stage(stage) if stage is not None else [STAGES[0], *begun][-1]
    return ClassReport(_sorted(learners), left_out, newest)


def _sorted(learners: Sequence[HandedIn]) -> list[HandedIn]:
    return sorted(learners, key=lambda each: (each.label.casefold(), each.label))


def cell_of(learner: HandedIn, stage: Stage) -> Cell:
    """Count what a learner has of a stage; a part that is only ticked is nothing begun."""
    answers = [each for key, each in learner.answers.items() if key[0] == stage.slug]
    ours = exercise_ids(stage)
    tried = [each for name, each in learner.exercises.items() if name in ours]
    return Cell(
        asked=len(quiz(stage).questions),
        answered=len(answers),
        first=sum(each.first_right for each in answers),
        right=sum(each.right for each in answers),
        exercises=len(ours),
        tried=len(tried),
        solved=sum(each.outcome == "right" for each in tried),
    )
