"""Quizzes and flashcards: questions that explain every answer, and outlive their kernel.

A quiz is stored in a notebook as plain HTML that anyone can read. Where scripts may run it becomes interactive by
itself; the notebook's progress panel hands the answers on.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mlops_lesson.show.page import Shown, render
from mlops_lesson.stages import STAGES, Stage, get_stage
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.questions import (
    QUESTIONS_FOLDER,
    Flashcard,
    Question,
    all_different,
    load_questions,
    read_question_file,
)

FINAL = "final"


_HOW = {"single": "", "choose_all": " (choose all that apply)", "put_in_order": " (put in order)"}


@dataclass(frozen=True)
class Asked:
    """A question as it stands in a quiz, and the earlier stage it comes from if it is asked again."""

    question: Question
    origin: Stage | None = None

    @property
    def source(self) -> str:
        """Where it comes from, in words."""
        return f" (from stage {self.origin.number}, {self.origin.name})" if self.origin else ""


@dataclass(frozen=True, repr=False)
class Quiz:
    """A quiz ready to be displayed by Jupyter; made by `quiz`. Answers are saved under its name."""

    name: str
    title: str
    items: tuple[Asked, ...]

    def __repr__(self) -> str:
        count = len(self.items)
        lines = [f"Quiz: {self.title} ({count} question{'s' if count > 1 else ''})"]
        for place, item in enumerate(self.items, start=1):
            lines += ["", f"{place}.{item.source} {item.question.text}{_HOW[item.question.kind]}"]
            lines += [f"   {letter}. {option.text}" for letter, option in item.question.shown()]
        right = (f"{place} {', '.join(item.question.right_choice())}" for place, item in enumerate(self.items, 1))
        return "\n".join([*lines, "", f"Answers: {'; '.join(right)}"])

    def _repr_html_(self) -> str:
        return render("teaching/quiz", quiz=self, how=_HOW, **_asked_of(self.name))

    def find(self, question: str) -> Question | None:
        """Return the question with this identifier, or None."""
        return next((item.question for item in self.items if item.question.id == question), None)


def quiz(stage: int | str | Stage | Sequence[Question], name: str | None = None) -> Quiz:
    """Make the quiz of a stage, or of your own questions. Make it the last expression of a cell.

    Parameters
    ----------
    stage : int, str, Stage or sequence of Question
        A stage by number, name or slug, ``"final"`` for the quiz across all stages, or a list of questions.
    name : str, optional
        For your own questions: the title, and the name under which answers are saved. Left out, it says that they are
        own questions, and of which notebook.

    Returns
    -------
    Quiz
        Earlier answers are filled in by the page.
    """
    if isinstance(stage, (int, str, Stage)):
        return _final_quiz() if stage == FINAL else _stage_quiz(get_stage(stage))
    made = _own_quiz(tuple(stage), name)
    _made[made.name] = made
    return made


def flashcards(stage: int | str | Stage | Sequence[Flashcard], title: str = "Own cards") -> Shown:
    """Make the flashcards of a stage, or of your own cards. Make it the last expression of a cell.

    Parameters
    ----------
    stage : int, str, Stage or sequence of Flashcard
        A stage by number, name or slug, or a list of cards.
    title : str, default "Own cards"
        Title for your own cards.

    Returns
    -------
    Shown
        A list of cards that open by mouse or keyboard.
    """
    if isinstance(stage, (int, str, Stage)):
        title, stage = get_stage(stage).name, load_questions(stage).flashcards
    if not stage:
        raise ValueError("No flashcards given: pass a list with at least one Flashcard.")
    sides = (f"{number}. {card.front}\n   {card.back}" for number, card in enumerate(stage, start=1))
    page = render("teaching/cards", title=title, cards=stage, **_asked_of(""))
    return Shown("\n".join([f"Flashcards: {title} ({len(stage)} cards)", *sides]), page)


def known_question(quiz_name: str, question: str) -> Question | None:
    """Look a question up by the quiz that asks it; None if this kernel does not know it."""
    known = {FINAL, *(stage.slug for stage in STAGES)}
    asking = quiz(quiz_name) if quiz_name in known else _made.get(quiz_name)
    return asking.find(question) if asking else None


_made: dict[str, Quiz] = {}


def _asked_of(quiz_name: str) -> dict[str, Any]:
    """Say whose answers the page may show, and how often this quiz was reset."""
    return {"learner": progress.learner_number(), "round": progress.read().resets.get(quiz_name, 0)}


@cache
def _stage_quiz(stage: Stage) -> Quiz:
    loaded = load_questions(stage)
    earlier = {
        question.id: Asked(question, before)
        for before in STAGES[: stage.number - 1]
        for question in load_questions(before).questions
    }
    if unknown := set(loaded.ask_again) - earlier.keys():
        raise ValueError(f"{stage.slug}, field 'ask_again': no question {unknown} in an earlier stage's file.")
    again = [earlier[wanted] for wanted in loaded.ask_again]
    return Quiz(stage.slug, stage.name, (*map(Asked, loaded.questions), *again))


@cache
def _final_quiz() -> Quiz:
    questions = read_question_file(QUESTIONS_FOLDER / "final.toml").questions
    return Quiz(FINAL, "all six stages", tuple(map(Asked, questions)))


def _own_quiz(questions: tuple[Question, ...], name: str | None) -> Quiz:
    if not questions or not all(isinstance(question, Question) for question in questions):
        raise ValueError("A quiz takes a list of at least one question: make them with Question(...).")
    if name in {FINAL, *(known for stage in STAGES for known in (stage.slug, stage.name))}:
        raise ValueError(f"The name {name!r} belongs to the course's own quiz; give your quiz another name.")
    if name is None:
        # Jupyter's server tells the kernel which notebook it is for: two notebooks' questions may have the same ids.
        notebook = Path(os.environ.get("JPY_SESSION_NAME", "")).stem
        name = f"own questions of {notebook}" if notebook else "own questions"
    return Quiz(name, name, tuple(map(Asked, all_different(questions))))
