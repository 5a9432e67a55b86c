"""What a class did, from the exports that its learners handed in.

`build` merges any number of exports; `ClassReport.write` makes one HTML page and a CSV table for a grade book.
"""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path

from mlops_lesson.instructors.handed_in import REPORT_MARK, HandedIn, LeftOut, asked, exercises, read_exports
from mlops_lesson.keep.files import write_atomically
from mlops_lesson.stages import STAGES, Stage, get_stage
from mlops_lesson.teaching.export_format import safe_cell
from mlops_lesson.teaching.progress import PARTS
from mlops_lesson.teaching.quiz import Question

PAGE, GRADES = "report.html", "grades.csv"


NO_GRADE = "-"
"""What both Canvas and Moodle read as "no grade"; an empty cell is a grade to Moodle where the column is new."""


FEW = 5
"""Fewer answers than this are single cases, and the report says so."""


@dataclass(frozen=True)
class WrongChoice:
    """The wrong option, or the wrong order, that most learners chose first.

    Parameters
    ----------
    letter : str
        Its letter, or all letters of the order.
    text : str
        What the learners read.
    misconception : str
        The belief that leads to it.
    reason : str
        Why it is not right; empty for an order.
    learners : int
        How many chose it.
    """

    letter: str
    text: str
    misconception: str
    reason: str
    learners: int


@dataclass(frozen=True)
class QuestionResult:
    """How a class answered one question of one quiz.

    Parameters
    ----------
    stage : Stage
        The stage whose quiz asked.
    question : Question
        The question.
    first : Counter of tuple of str
        How often each choice was the first one.
    right_in_the_end : int
        Learners whose last answer is right.
    certain_and_wrong : int
        Learners who said to be certain and were wrong at first.
    """

    stage: Stage
    question: Question
    first: Counter = field(default_factory=Counter)
    right_in_the_end: int = 0
    certain_and_wrong: int = 0

    @property
    def answered(self) -> int:
        """Learners who answered."""
        return self.first.total()

    @property
    def right_at_first(self) -> int:
        """Learners whose first answer is right, whole."""
        return sum(count for choice, count in self.first.items() if self.question.is_right(choice))

    @property
    def wrong_at_first(self) -> int:
        """Learners whose first answer is not right."""
        return self.answered - self.right_at_first

    def bars(self) -> list[tuple[str, str, bool, int]]:
        """Return what was chosen first, for a bar chart.

        Returns
        -------
        list of (str, str, bool, int)
            Label, text, whether it is right, and how many learners chose it. Where several options may be chosen, a
            learner counts at each one chosen. For an ordering, the right order and the orders given most often.
        """
        question = self.question
        if question.kind == "put_in_order":
            right = question.right_choice()
            orders = [right, *[order for order, _ in self._wrong_orders()[:4]]]
            bars = [(" ".join(order), self._in_words(order), order == right, self.first[order]) for order in orders]
            others = self.answered - sum(count for *_, count in bars)
            return [*bars, ("others", "other orders", False, others)] if others else bars
        return [
            (letter, option.text, option.right, sum(n for choice, n in self.first.items() if letter in choice))
            for letter, option in question.shown()
        ]

    def most_chosen_wrong(self) -> WrongChoice | None:
        """Return the wrong option that most learners chose first, or None if nobody chose one."""
        question = self.question
        if question.kind == "put_in_order":
            wrong = self._wrong_orders()
            if not wrong:
                return None
            order, count = wrong[0]
            return WrongChoice(
                " ".join(order), self._in_words(order), str(question.misconception), str(question.reason), count
            )
        chosen = [(letter, count) for letter, _, right, count in self.bars() if count and not right]
        if not chosen:
            return None
        letter, count = max(chosen, key=lambda bar: bar[1])
        option = dict(question.shown())[letter]
        return WrongChoice(letter, option.text, str(option.misconception), option.reason, count)

    def _wrong_orders(self) -> list[tuple[tuple[str, ...], int]]:
        wrong = [(order, count) for order, count in self.first.items() if not self.question.is_right(order)]
        return sorted(wrong, key=lambda each: (-each[1], each[0]))

    def _in_words(self, order: tuple[str, ...]) -> str:
        texts = {letter: option.text for letter, option in self.question.shown()}
        return "; ".join(texts[letter] for letter in order)


@dataclass(frozen=True)
class ExerciseResult:
    """How a class did one exercise.

    Parameters
    ----------
    stage : Stage
        The stage it belongs to.
    exercise : str
        Identifier.
    outcomes : Counter of str
        Learners by best outcome.
    attempts : Counter of int
        Learners by number of checks.
    """

    stage: Stage
    exercise: str
    outcomes: Counter = field(default_factory=Counter)
    attempts: Counter = field(default_factory=Counter)

    @property
    def tried(self) -> int:
        """Learners who checked an answer at least once."""
        return self.outcomes.total()

    @property
    def median_attempts(self) -> float | None:
        """The middle number of checks of those who tried, or None."""
        places = sorted(self.attempts.items())
        if not places:
            return None

        def at(place: int) -> int:
            for attempts, learners in places:
                place -= learners
                if place < 0:
                    return attempts
            raise IndexError(place)

        return (at((self.tried - 1) // 2) + at(self.tried // 2)) / 2


@dataclass(frozen=True)
class ClassReport:
    """What a class did; made by `build`.

    Parameters
    ----------
    learners : tuple of HandedIn
        One export a learner, in the order of their names.
    left_out : tuple of LeftOut
        Files that were not counted, each with the reason.
    shared : tuple of tuple of HandedIn
        Learners of different names whose files carry one learner's number: one computer for two, or a copy.
    made_at : datetime.datetime
        When it was made, in UTC.
    """

    learners: tuple[HandedIn, ...]
    left_out: tuple[LeftOut, ...]
    shared: tuple[tuple[HandedIn, ...], ...]
    made_at: datetime

    def label(self, learner: HandedIn, names: bool = True) -> str:
        """Return how a learner is called in the report.

        Parameters
        ----------
        learner : HandedIn
            One of `learners`.
        names : bool, default True
            False gives a pseudonym that says nothing about the name; it is the same on the page and in the table.

        Returns
        -------
        str
            The name, or "Learner 07" where there is none or names are left out.
        """
        return learner.name if names and learner.name else self._pseudonyms[learner.file]

    @property
    def unnamed(self) -> tuple[HandedIn, ...]:
        """Learners whose files hold no name."""
        return tuple(learner for learner in self.learners if not learner.name)

    @cached_property
    def namesakes(self) -> tuple[tuple[HandedIn, ...], ...]:
        """Learners of one name whose files carry different numbers: one person at two machines, or two people."""
        found: dict[str, list[HandedIn]] = {}
        for learner in self.learners:
            if learner.name:
                found.setdefault(learner.name.casefold(), []).append(learner)
        return tuple(tuple(learners) for learners in found.values() if len(learners) > 1)

    @cached_property
    def _pseudonyms(self) -> dict[str, str]:
        """Number the learners by their random numbers, so that the order of names does not show through."""
        width = len(str(len(self.learners)))
        ordered = sorted(self.learners, key=lambda each: (hashlib.sha256(each.learner.encode()).digest(), each.file))
        return {each.file: f"Learner {place:0{width}d}" for place, each in enumerate(ordered, start=1)}

    def listed(self, names: bool = True) -> list[tuple[str, HandedIn]]:
        """Return all learners with their labels, in the order of the labels."""
        labelled = [(self.label(learner, names), learner) for learner in self.learners]
        return sorted(labelled, key=lambda each: (each[0].casefold(), each[0], self._pseudonyms[each[1].file]))

    @cached_property
    def questions(self) -> tuple[QuestionResult, ...]:
        """How each question was answered, in the course's order."""
        found = {key: QuestionResult(get_stage(key[0]), question) for key, question in asked().items()}
        ended, certain = Counter(), Counter()
        for learner in self.learners:
            for key, answer in learner.answers.items():
                found[key].first[answer.first] += 1
                ended[key] += answer.right
                certain[key] += answer.certain and not answer.first_right
        return tuple(
            QuestionResult(result.stage, result.question, result.first, ended[key], certain[key])
            for key, result in found.items()
        )

    @cached_property
    def exercises(self) -> tuple[ExerciseResult, ...]:
        """How each exercise went, in the course's order."""
        found = {name: ExerciseResult(get_stage(stage), name) for name, stage in exercises().items()}
        for learner in self.learners:
            for name, tried in learner.exercises.items():
                found[name].outcomes[tried.outcome] += 1
                found[name].attempts[tried.attempts] += 1
        return tuple(found.values())

    @cached_property
    def stages(self) -> tuple[tuple[Stage, Counter], ...]:
        """How many learners have finished, begun and not begun each stage."""
        return tuple((stage, Counter(standing(learner, stage) for learner in self.learners)) for stage in STAGES)

    def to_talk_about(self) -> list[str]:
        """Return what to talk about in the next lesson, a few sentences, the most important first.

        Returns
        -------
        list of str
            Plain text; words between backticks are code.
        """
        if not self.learners:
            return ["There is no export to look at yet."]
        return list(self._talk())

    def _talk(self) -> Iterator[str]:
        count = len(self.learners)
        if count < FEW:
            yield f"{_learners(count)}: read every number here as a single case, not as a share of a class."
        missed = [result for result in self.questions if 3 * result.wrong_at_first >= result.answered > 0]
        missed.sort(key=lambda result: (-result.wrong_at_first, result.right_in_the_end))
        for result in missed[:3]:
            yield _about(result)
        if not missed and any(result.answered for result in self.questions):
            yield "No question was missed at first by a third of those who answered it: the quizzes need no repeating."
        stuck = [(sum(n for o, n in r.outcomes.items() if o != "right"), r) for r in self.exercises]
        stuck = sorted((each for each in stuck if 3 * each[0] >= each[1].tried > 0), key=lambda each: -each[0])
        for unsolved, result in stuck[:2]:
            crashed = result.outcomes["crashed"]
            yield (
                f"Exercise {result.exercise} ({result.stage.name}): {unsolved} of {result.tried} who tried it have not "
                f"solved it{f', and {crashed} of them ended with code that crashes' if crashed else ''}. "
                "Do it together, from the first hint on."
            )
        fewer = [(stage, counts["finished"]) for stage, counts in self.stages if counts["finished"] < count]
        if fewer:
            stage, finished = fewer[0]
            yield f"{stage.name} is finished by {finished} of {count}: the first stage that is not finished by all."
        else:
            yield "All stages are finished by all."

    def csv(self, names: bool = True) -> str:
        """Return a table for a grade book: one row a learner, percentages by stage, no cell that is a formula.

        Learners without a name are not in it: no grade book can find them, and Moodle gives the grades of a row without
        a login to the learner of the row before.

        Parameters
        ----------
        names : bool, default True
            False puts pseudonyms in the place of names, for every learner; no grade book can import that.

        Returns
        -------
        str
            Columns ``Student``, ``ID``, ``SIS User ID``, ``SIS Login ID`` and ``Section``, as Canvas names them, then
            for each stage the share of questions right at the first try and of exercises right, 0 to 100, or "-" for
            a stage that the learner has not begun.
        """
        stream = io.StringIO()
        # `write` puts a mark before the table. A quote that follows the mark ends Canvas's parser, so heads have none;
        # names have them always, since a spreadsheet may take a semicolon or a tab for the end of a cell.
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        heads = [f"{s.number} {s.name} {what} (%)" for s in STAGES for what in ("quiz", "exercises")]
        csv.writer(stream).writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *heads])
        for label, learner in self.listed(names):
            if names and not learner.name:
                continue
            login = learner.name if names else ""
            shares = [share for stage in STAGES for share in _shares(learner, stage)]
            writer.writerow([safe_cell(label), "", "", safe_cell(login), "", *shares])
        return stream.getvalue()

    def html(self, names: bool = True) -> str:
        """Return the report as one HTML page that needs nothing else; see `mlops_lesson.instructors.class_page`."""
        from mlops_lesson.instructors.class_page import page

        return page(self, names)

    def write(self, folder: str | Path, names: bool = True) -> tuple[Path, Path]:
        """Write the page and the table into a folder.

        A file that is there is replaced only if a report put it there and nobody has changed it since; otherwise the
        new one gets a number.

        Parameters
        ----------
        folder : str or pathlib.Path
            Where to; made if needed.
        names : bool, default True
            False leaves names and file names out.

        Returns
        -------
        tuple of pathlib.Path
            The page and the table.
        """
        target = Path(folder).expanduser()
        target.mkdir(parents=True, exist_ok=True)
        # Spreadsheets read a CSV file as UTF-8 only if it begins with this mark.
        table = "\ufeff" + self.csv(names)
        return _place(target, PAGE, self.html(names).encode()), _place(target, GRADES, table.encode())


def build(folder: str | Path, now: datetime | None = None) -> ClassReport:
    """Merge all exports in a folder, in one pass over the files.

    Parameters
    ----------
    folder : str or pathlib.Path
        Folder with exports, in subfolders and zip files too.
    now : datetime.datetime, optional
        The time that nothing can be later than; by default the present, in UTC.

    Returns
    -------
    ClassReport
        Of several exports of one learner the one that holds most is counted, of equal ones the newest.

    Raises
    ------
    NotADirectoryError
        If there is no such folder.
    """
    moment = now or datetime.now(UTC)
    kept: dict[tuple[str, str], HandedIn] = {}
    left_out: list[LeftOut] = []
    for each in read_exports(folder, moment):
        if isinstance(each, LeftOut):
            left_out.append(each)
        else:
            _keep(kept, (each.learner, each.name.casefold()), each, left_out)
    shared = _merge_unnamed(kept, left_out)
    return ClassReport(tuple(kept.values()), tuple(left_out), shared, moment)


def _keep(kept: dict, key: tuple[str, str], each: HandedIn, left_out: list[LeftOut]) -> None:
    other = kept.get(key)
    if other is None:
        kept[key] = each
        return
    best, worse = (each, other) if (each.size, each.exported_at) > (other.size, other.exported_at) else (other, each)
    kept[key] = best
    reason = "the same learner handed in another export, which is counted: it holds more, or as much and is newer"
    left_out.append(LeftOut(worse.file, reason, best.file))


def _merge_unnamed(kept: dict, left_out: list[LeftOut]) -> tuple[tuple[HandedIn, ...], ...]:
    """Join an export without a name to the same learner's with one; find numbers that go by several names."""
    by_number: dict[str, list[str]] = {}
    for learner, name in kept:
        by_number.setdefault(learner, []).append(name)
    shared = []
    for learner, names in by_number.items():
        named = [name for name in names if name]
        if len(named) == 1 and "" in names:
            _keep_name(kept, learner, named[0], left_out)
        elif len(names) > 1:
            shared.append(tuple(kept[learner, name] for name in names))
    return tuple(shared)


def _keep_name(kept: dict, learner: str, name: str, left_out: list[LeftOut]) -> None:
    unnamed = kept.pop((learner, ""))
    shown = kept[learner, name].name
    _keep(kept, (learner, name), replace(unnamed, name=shown), left_out)


def standing(learner: HandedIn, stage: Stage) -> str:
    """Tell how far a learner is with a stage.

    Parameters
    ----------
    learner : HandedIn
        The learner.
    stage : Stage
        The stage.

    Returns
    -------
    {"finished", "begun", "not begun"}
        Finished: every question of its quiz is answered and every exercise is right.
    """
    answered, _, solved, parts = counts(learner, stage)
    tried = any(exercises()[name] == stage.slug for name in learner.exercises)
    if (answered, solved) == (len(questions_of(stage)), len(exercises_of(stage))):
        return "finished"
    return "begun" if answered or tried or parts else "not begun"


def counts(learner: HandedIn, stage: Stage) -> tuple[int, int, int, int]:
    """Return how many questions a learner answered, how many right at first, exercises right, and parts done."""
    given = [learner.answers[key] for key in questions_of(stage) if key in learner.answers]
    tried = [learner.exercises[name] for name in exercises_of(stage) if name in learner.exercises]
    return (
        len(given),
        sum(answer.first_right for answer in given),
        sum(each.outcome == "right" for each in tried),
        sum((stage.slug, part) in learner.parts for part in PARTS),
    )


def grades(learner: HandedIn, stage: Stage) -> tuple[float, float]:
    """Return the percentages of a stage's questions right at the first try and of its exercises right."""
    _, right, solved, _ = counts(learner, stage)
    return 100 * right / len(questions_of(stage)), 100 * solved / len(exercises_of(stage))


@cache
def questions_of(stage: Stage) -> list[tuple[str, str]]:
    """Return the keys of the questions that a stage's quiz asks."""
    return [key for key in asked() if key[0] == stage.slug]


@cache
def exercises_of(stage: Stage) -> list[str]:
    """Return the identifiers of a stage's exercises."""
    return [name for name, slug in exercises().items() if slug == stage.slug]


def _shares(learner: HandedIn, stage: Stage) -> list[str]:
    begun = standing(learner, stage) != "not begun"
    return [f"{share:.1f}" if begun else NO_GRADE for share in grades(learner, stage)]


def _learners(count: int) -> str:
    return "One learner" if count == 1 else f"{count} learners"


def _about(result: QuestionResult) -> str:
    text = (
        f"{result.stage.number} {result.stage.name}, “{result.question.text}”: {result.wrong_at_first} of "
        f"{result.answered} answered wrong at first"
    )
    if result.certain_and_wrong:
        text += f", {result.certain_and_wrong} of them certain"
    text += f"; {result.right_in_the_end} of {result.answered} are right by now."
    wrong = result.most_chosen_wrong()
    if wrong:
        text += (
            f" Most often chosen, by {wrong.learners}: {wrong.letter}, “{wrong.text}” "
            f"Belief behind it: {wrong.misconception.rstrip('.')}. {wrong.reason}"
        )
    return text.strip()


def _place(folder: Path, name: str, content: bytes) -> Path:
    """Write a file of a report, and note what was written, so that the next report knows what is its own."""
    mark = folder / REPORT_MARK
    made = _made(mark)
    stem, ending = name.rsplit(".", 1)
    number = 1
    file = folder / name
    while file.is_symlink() or (file.exists() and not _is_unchanged(file, made.get(file.name))):
        number += 1
        file = folder / f"{stem}-{number}.{ending}"
    write_atomically(file, content)
    made[file.name] = hashlib.sha256(content).hexdigest()
    write_atomically(mark, json.dumps(made, indent=1).encode())
    return file


def _made(mark: Path) -> dict[str, str]:
    try:
        made = json.loads(mark.read_bytes())
    except (OSError, ValueError):
        return {}
    return made if isinstance(made, dict) else {}


def _is_unchanged(file: Path, digest: str | None) -> bool:
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == digest
