"""Quizzes and flashcards: questions that explain every answer, and outlive their kernel.

A quiz is stored in a notebook as plain HTML that anyone can read. Where scripts may run it becomes interactive by
itself; the notebook's progress panel hands the answers on.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, repr=False)
class Quiz:
    """A quiz ready to be displayed by Jupyter; made by `quiz`. Answers are saved under its name.

    `again` gives the earlier stage of each question that is asked again, by the question's identifier.
    """

    name: str
    title: str
    questions: tuple[Question, ...]
    again: dict[str, Stage] = field(default_factory=dict)

    def __repr__(self) -> str:
        count = len(self.questions)
        lines = [f"Quiz: {self.title} ({count} question{'s' if count > 1 else ''})"]
        for place, question in enumerate(self.questions, start=1):
            lines += ["", f"{place}.{self.source(question)} {question.text}{_HOW[question.kind]}"]
            lines += [f"   {letter}. {option.text}" for letter, option in question.shown()]
        right = (f"{place} {', '.join(each.right_choice())}" for place, each in enumerate(self.questions, start=1))
        return "\n".join([*lines, "", f"Answers: {'; '.join(right)}"])

    def _repr_html_(self) -> str:
        return render("teaching/quiz", quiz=self, how=_HOW, **_asked_of(self.name))

    def source(self, question: Question) -> str:
        """Say which stage a question comes from, if it is asked again."""
        stage = self.again.get(question.id)
        return f" (from stage {stage.number}, {stage.name})" if stage else ""


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
    questions = tuple(stage)
    if not questions or not all(isinstance(question, Question) for question in questions):
        raise ValueError("A quiz takes a list of at least one question: make them with Question(...).")
    if name in {FINAL, *(known for stage in STAGES for known in (stage.slug, stage.name))}:
        raise ValueError(f"The name {name!r} belongs to the course's own quiz; give your quiz another name.")
    if name is None:
        # Jupyter's server tells the kernel which notebook it is for: two notebooks' questions may have the same ids.
        notebook = Path(os.environ.get("JPY_SESSION_NAME", "")).stem
        name = f"own questions of {notebook}" if notebook else "own questions"
    _made[name] = Quiz(name, name, all_different(questions))
    return _made[name]


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
    sides = (f"{number}. {card.front}\n   {card.back}" for number, card in enumerate(stage, start=1))
    page = render("teaching/cards", title=title, cards=stage, **_asked_of(""))
    return Shown("\n".join([f"Flashcards: {title} ({len(stage)} cards)", *sides]), page)


def known_question(quiz_name: str, question: str) -> Question | None:
    """Look a question up by the quiz that asks it; None if this kernel does not know it."""
    known = {FINAL, *(stage.slug for stage in STAGES)}
    asking = quiz(quiz_name) if quiz_name in known else _made.get(quiz_name)
    return next((each for each in asking.questions if each.id == question), None) if asking else None


_made: dict[str, Quiz] = {}
"""Quizzes of own questions, by their names."""


def _asked_of(quiz_name: str) -> dict[str, Any]:
    """Say whose answers the page may show, and how often this quiz was reset."""
    return {"learner": progress.learner_number(), "round": progress.read().resets.get(quiz_name, 0)}


@cache
def _stage_quiz(stage: Stage) -> Quiz:
    loaded = load_questions(stage)
    earlier = {question.id: (question, each) for each in STAGES for question in load_questions(each).questions}
    again = {name: earlier[name] for name in loaded.ask_again}
    questions = (*loaded.questions, *(question for question, _ in again.values()))
    return Quiz(stage.slug, stage.name, questions, {name: origin for name, (_, origin) in again.items()})


@cache
def _final_quiz() -> Quiz:
    return Quiz(FINAL, "all six stages", read_question_file(QUESTIONS_FOLDER / "final.toml").questions)
