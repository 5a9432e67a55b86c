"""Quizzes and flashcards: questions that explain every answer, and outlive their kernel.

A quiz is stored in a notebook as plain HTML that anyone can read. Where scripts may run it becomes interactive by
itself; the notebook's progress panel hands the answers on.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from mlops_lesson.keep.files import said_if_spoiled
from mlops_lesson.show.page import fold, inline, script
from mlops_lesson.stages import STAGES, Stage, get_stage

QUESTIONS_FOLDER = Path(__file__).resolve().parent / "questions"


KINDS: tuple[str, ...] = ("single", "choose_all", "put_in_order")


LETTERS = "ABCDEFGHIJ"


_HOW = {"single": "", "choose_all": " (choose all that apply)", "put_in_order": " (put in order)"}


@dataclass(frozen=True)
class Option:
    """One option of a question.

    Parameters
    ----------
    text : str
        What the learner reads.
    reason : str
        Why it is right, or why it is not; for an ordering, why it stands at its place.
    right : bool, default False
        Whether it is a right option; not used by an ordering.
    misconception : str, optional
        Short name of the belief that leads to this option; needed for every option that is not right.
    """

    text: str
    reason: str
    right: bool = False
    misconception: str | None = None


@dataclass(frozen=True)
class Question:
    """A question with options, each of which has its own reason.

    Parameters
    ----------
    id : str
        Name under which answers are kept: small letters, digits and hyphens.
    text : str
        The question. Words between backticks are shown as code.
    options : sequence of Option
        Two to ten. For ``"put_in_order"`` they stand in the right order and are shown in another one.
    kind : {"single", "choose_all", "put_in_order"}
        One right option, one or more, or an order.
    hint : str, optional
        Shown after a wrong answer.
    misconception : str, optional
        For ``"put_in_order"``: the belief that a wrong order usually comes from; needed there and nowhere else.
    reason : str, optional
        For ``"put_in_order"``: why the right order is right; needed there and nowhere else.

    Raises
    ------
    ValueError
        If a part is missing or contradicts another; the message names the question and the field.
    """

    id: str
    text: str
    options: Sequence[Option]
    kind: str = "single"
    hint: str | None = None
    misconception: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        """Check that the question can be asked and answered."""
        object.__setattr__(self, "options", tuple(self.options))
        for field, problem in self._problems():
            raise ValueError(f"question {self.id!r}, field {field!r}: {problem}")

    def _problems(self):
        if not isinstance(self.id, str) or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.id):
            yield "id", f"{self.id!r} is not small letters, digits and hyphens, such as 'late-labels'."
        if not _has_words(self.text):
            yield "text", "the question has no words."
        if self.kind not in KINDS:
            yield "kind", f"{self.kind!r} is none of {', '.join(KINDS)}."
        if self.hint is not None and not _has_words(self.hint):
            yield "hint", "it is empty; leave it out or give it words."
        if not 2 <= len(self.options) <= len(LETTERS):
            yield "options", f"{len(self.options)} given, 2 to {len(LETTERS)} expected."
        texts = [repr(option.text) for option in self.options]
        if len(set(texts)) < len(texts):
            yield "options", "two options have the same text."
        for place, option in enumerate(self.options, start=1):
            yield from self._problems_of_option(place, option)
        right = sum(option.right for option in self.options)
        if self.kind == "single" and right != 1:
            yield "options", f"{right} are marked right; a single-choice question has exactly one right option."
        if self.kind == "choose_all" and right == 0:
            yield "options", "none is marked right; mark at least one with right = true."
        for field, value in (("misconception", self.misconception), ("reason", self.reason)):
            if (self.kind == "put_in_order") != _has_words(value):
                yield field, "an ordering names one for the whole question; other kinds name it in each option."

    def _problems_of_option(self, place: int, option: Option):
        name = f"options[{place}]"
        if not _has_words(option.text):
            yield f"{name}.text", "the option has no words."
        if not _has_words(option.reason):
            yield f"{name}.reason", "every option needs its own reason."
        if not isinstance(option.right, bool):
            yield f"{name}.right", f"{option.right!r} given, true or false expected."
        if self.kind == "put_in_order":
            if option.right or option.misconception is not None:
                yield f"{name}.right", "in an ordering the place decides; leave right and misconception out."
        elif option.right == _has_words(option.misconception):
            yield f"{name}.misconception", "an option that is not right names its misconception; a right one has none."

    def shown(self) -> tuple[tuple[str, Option], ...]:
        """Return the options in the order in which they are shown, each with its letter.

        Returns
        -------
        tuple of (str, Option)
            For an ordering, an order that is always the same and never the right one.
        """
        options = list(self.options)
        if self.kind == "put_in_order":
            options.sort(
                key=lambda option: hashlib.sha256(f"{self.id}/{option.text}".encode(errors="surrogatepass")).digest()
            )
            if options == list(self.options):
                options.append(options.pop(0))
        return tuple(zip(LETTERS, options, strict=False))

    def right_choice(self) -> tuple[str, ...]:
        """Return the letters of the right answer: the right options, or all letters in the right order."""
        if self.kind == "put_in_order":
            letters = {option: letter for letter, option in self.shown()}
            return tuple(letters[option] for option in self.options)
        return tuple(letter for letter, option in self.shown() if option.right)

    def is_right(self, choice: Sequence[str]) -> bool:
        """Tell whether a choice is right.

        Parameters
        ----------
        choice : sequence of str
            Letters of the chosen options; their order matters only for an ordering.

        Returns
        -------
        bool
            Whether it is the right answer, whole.
        """
        if self.kind == "put_in_order":
            return tuple(choice) == self.right_choice()
        return len(choice) == len(set(choice)) and set(choice) == set(self.right_choice())


@dataclass(frozen=True)
class Flashcard:
    """A card with a question on one side and its answer on the other.

    Parameters
    ----------
    id : str
        Name under which the card is known: small letters, digits and hyphens.
    front : str
        The question.
    back : str
        The answer.

    Raises
    ------
    ValueError
        If one of them has no words.
    """

    id: str
    front: str
    back: str

    def __post_init__(self) -> None:
        """Check that both sides have words."""
        for field in fields(self):
            if not _has_words(getattr(self, field.name)):
                raise ValueError(f"flashcard {self.id!r}, field {field.name!r}: it has no words.")


@dataclass(frozen=True)
class QuestionFile:
    """What one file of questions holds.

    Parameters
    ----------
    stage : Stage
        The stage it belongs to.
    questions : tuple of Question
        The stage's own questions.
    flashcards : tuple of Flashcard
        The stage's flashcards.
    ask_again : tuple of str
        Identifiers of questions of earlier stages that this stage's quiz asks once more.
    """

    stage: Stage
    questions: tuple[Question, ...]
    flashcards: tuple[Flashcard, ...]
    ask_again: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """A question as it stands in a quiz.

    Parameters
    ----------
    question : Question
        The question.
    origin : Stage or None
        The earlier stage it comes from, if it is asked again.
    """

    question: Question
    origin: Stage | None = None


@dataclass(frozen=True, repr=False)
class Quiz:
    """A quiz ready to be displayed by Jupyter; made by `quiz`.

    Parameters
    ----------
    name : str
        Name under which answers are kept: a stage's slug, or an instructor's choice.
    title : str
        Title for the learner.
    items : tuple of Asked
        The questions, in order.
    """

    name: str
    title: str
    items: tuple[Asked, ...]

    def __repr__(self) -> str:
        count = len(self.items)
        return "\n".join(
            [
                f"Quiz: {self.title} ({count} question{'s' if count > 1 else ''})",
                *(line for place, item in enumerate(self.items, 1) for line in _plain(place, item)),
                "",
                "Answers: "
                + "; ".join(f"{n} {', '.join(i.question.right_choice())}" for n, i in enumerate(self.items, 1)),
            ]
        )

    def _repr_html_(self) -> str:
        blocks = "".join(_block(place, len(self.items), item) for place, item in enumerate(self.items, start=1))
        return (
            f'<div class="mlops-lesson" data-mlops-quiz="{escape(self.name)}">'
            f"<p><strong>Quiz: {inline(self.title)}.</strong> "
            "<span data-intro>Choose an option in your mind, then open it to read why it is right or not.</span></p>"
            f"{blocks}{script('quiz')}</div>"
        )

    def find(self, question: str) -> Question | None:
        """Return the question with this identifier, or None."""
        return next((item.question for item in self.items if item.question.id == question), None)


@dataclass(frozen=True, repr=False)
class Flashcards:
    """Flashcards ready to be displayed by Jupyter; made by `flashcards`.

    Parameters
    ----------
    title : str
        Title for the learner.
    cards : tuple of Flashcard
        The cards, in order.
    """

    title: str
    cards: tuple[Flashcard, ...]

    def __repr__(self) -> str:
        sides = (f"{n}. {card.front}\n   {card.back}" for n, card in enumerate(self.cards, start=1))
        return "\n".join([f"Flashcards: {self.title} ({len(self.cards)} cards)", *sides])

    def _repr_html_(self) -> str:
        cards = "".join(
            fold(inline(card.front), f"<p>{inline(card.back)}</p>", f'data-mlops-card="{escape(card.id)}"')
            for card in self.cards
        )
        return (
            f'<div class="mlops-lesson" data-mlops-cards><p><strong>Flashcards: {inline(self.title)}.</strong> '
            "Say the answer aloud, then open the card.</p>"
            f"{cards}{script('cards')}</div>"
        )


def quiz(stage: int | str | Stage | Sequence[Question], name: str = "own-questions") -> Quiz:
    """Make the quiz of a stage, or of your own questions. Make it the last expression of a cell.

    Parameters
    ----------
    stage : int, str, Stage or sequence of Question
        A stage by number, name or slug, or a list of questions.
    name : str, default "own-questions"
        For your own questions: the name under which answers are kept and the title.

    Returns
    -------
    Quiz
        The stored output is the same on every run; earlier answers are filled in by the page.

    Raises
    ------
    ValueError
        If there is no such stage, the list is empty, or two questions have the same id.
    """
    made = _stage_quiz(get_stage(stage)) if isinstance(stage, (int, str, Stage)) else _own_quiz(tuple(stage), name)
    _made[made.name] = made
    return made


def flashcards(stage: int | str | Stage | Sequence[Flashcard], title: str = "Own cards") -> Flashcards:
    """Make the flashcards of a stage, or of your own cards. Make it the last expression of a cell.

    Parameters
    ----------
    stage : int, str, Stage or sequence of Flashcard
        A stage by number, name or slug, or a list of cards.
    title : str, default "Own cards"
        Title for your own cards.

    Returns
    -------
    Flashcards
        A list of cards that open by mouse or keyboard.

    Raises
    ------
    ValueError
        If there is no such stage or the list is empty.
    """
    if isinstance(stage, (int, str, Stage)):
        known = get_stage(stage)
        return Flashcards(known.name, load_questions(known).flashcards)
    cards = tuple(stage)
    if not cards:
        raise ValueError("No flashcards given: pass a list with at least one Flashcard.")
    return Flashcards(title, cards)


def known_question(quiz_name: str, question: str) -> Question | None:
    """Look a question up by the quiz that asks it.

    Parameters
    ----------
    quiz_name : str
        A stage's slug, or the name of an instructor's own quiz made in this kernel.
    question : str
        Identifier of the question.

    Returns
    -------
    Question or None
        None if this kernel does not know it.
    """
    if quiz_name in {stage.slug for stage in STAGES}:
        return _stage_quiz(get_stage(quiz_name)).find(question)
    made = _made.get(quiz_name)
    return made.find(question) if made else None


@cache
def load_questions(stage: int | str | Stage) -> QuestionFile:
    """Load a stage's questions and flashcards from the course's own file.

    Parameters
    ----------
    stage : int, str or Stage
        A stage by number, name or slug.

    Returns
    -------
    QuestionFile
        Validated.

    Raises
    ------
    CourseFileError
        If the file is missing, or breaks a rule; the message names file, question and field.
    ValueError
        If there is no such stage.
    """
    known = get_stage(stage)
    path = QUESTIONS_FOLDER / f"{known.number:02d}_{known.slug}.toml"
    with said_if_spoiled(path):
        return read_question_file(path)


def read_question_file(path: str | Path) -> QuestionFile:
    """Read and validate one file of questions.

    Parameters
    ----------
    path : str or pathlib.Path
        A TOML file with ``stage``, ``questions``, ``flashcards`` and ``ask_again``.

    Returns
    -------
    QuestionFile
        What the file holds.

    Raises
    ------
    ValueError
        If it cannot be read, is not TOML or breaks a rule; the message names file, question and field.
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        _no_other_fields(data, {"stage", "ask_again", "questions", "flashcards"}, "the file")
        stage = get_stage(data.get("stage", "(none)"))
        questions = tuple(_question(entry, place) for place, entry in enumerate(data.get("questions", []), start=1))
        cards = tuple(_flashcard(entry, place) for place, entry in enumerate(data.get("flashcards", []), start=1))
        _all_different([question.id for question in questions], "questions")
        _all_different([card.id for card in cards], "flashcards")
        again = data.get("ask_again", [])
        if not isinstance(again, list) or not all(map(_has_words, again)):
            raise ValueError(f"the file, field 'ask_again': {again!r} is no list of questions' ids.")
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}. Give a TOML file of questions.") from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path.name}: {error}") from error
    return QuestionFile(stage, questions, cards, tuple(again))


_made: dict[str, Quiz] = {}


def _has_words(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


@cache
def _stage_quiz(stage: Stage) -> Quiz:
    loaded = load_questions(stage)
    items = [Asked(question) for question in loaded.questions]
    for wanted in loaded.ask_again:
        again = [
            Asked(question, earlier)
            for earlier in STAGES[: stage.number - 1]
            for question in load_questions(earlier).questions
            if question.id == wanted
        ]
        if len(again) != 1:
            file = f"{stage.number:02d}_{stage.slug}.toml"
            raise ValueError(f"{file}: field 'ask_again': no single question {wanted!r} in an earlier stage's file.")
        items.extend(again)
    return Quiz(stage.slug, stage.name, tuple(items))


def _own_quiz(questions: tuple[Question, ...], name: str) -> Quiz:
    if not questions:
        raise ValueError("No questions given: pass a list with at least one Question.")
    if not all(isinstance(question, Question) for question in questions):
        strange = next(question for question in questions if not isinstance(question, Question))
        raise ValueError(f"A quiz takes Question objects, not {type(strange).__name__}: make them with Question(...).")
    if name in {known for stage in STAGES for known in (stage.slug, stage.name)}:
        raise ValueError(f"The name {name!r} belongs to the course's own quiz; give your quiz another name.")
    _all_different([question.id for question in questions], "questions")
    return Quiz(name, name, tuple(Asked(question) for question in questions))


def _question(entry: Mapping[str, Any], place: int) -> Question:
    name = f"question {entry.get('id', f'number {place}')!r}"
    _no_other_fields(entry, {field.name for field in fields(Question)}, name)
    for needed in ("id", "text", "options"):
        if needed not in entry:
            raise ValueError(f"{name}, field {needed!r}: it is missing.")
    options = []
    for number, option in enumerate(entry["options"], start=1):
        _no_other_fields(option, {field.name for field in fields(Option)}, f"{name}, options[{number}]")
        options.append(Option(option.get("text", ""), option.get("reason", ""), *_optional(option)))
    return Question(
        entry["id"],
        entry["text"],
        options,
        entry.get("kind", "single"),
        *(entry.get(field) for field in ("hint", "misconception", "reason")),
    )


def _optional(option: Mapping[str, Any]) -> tuple[Any, Any]:
    return option.get("right", False), option.get("misconception")


def _flashcard(entry: Mapping[str, Any], place: int) -> Flashcard:
    _no_other_fields(entry, {field.name for field in fields(Flashcard)}, f"flashcard {entry.get('id', place)!r}")
    return Flashcard(entry.get("id", ""), entry.get("front", ""), entry.get("back", ""))


def _no_other_fields(entry: Mapping[str, Any], allowed: set[str], where: str) -> None:
    for field in entry:
        if field not in allowed:
            raise ValueError(f"{where}, field {field!r}: unknown; known are {', '.join(sorted(allowed))}.")


def _all_different(ids: list[str], what: str) -> None:
    for identifier in ids:
        if ids.count(identifier) > 1:
            raise ValueError(f"{what.removesuffix('s')} {identifier!r}, field 'id': used twice among the {what}.")


def _ask(place: int, total: int, item: Asked) -> str:
    again = f" (from stage {item.origin.number}, {item.origin.name})" if item.origin else ""
    return f"Question {place} of {total}{again}{_HOW[item.question.kind]}:"


def _plain(place: int, item: Asked) -> list[str]:
    question = item.question
    again = f" (from stage {item.origin.number}, {item.origin.name})" if item.origin else ""
    lines = ["", f"{place}.{again} {question.text}{_HOW[question.kind]}"]
    return lines + [f"   {letter}. {option.text}" for letter, option in question.shown()]


def _block(place: int, total: int, item: Asked) -> str:
    question = item.question
    order = ",".join(question.right_choice()) if question.kind == "put_in_order" else ""
    hint = f"<p>Hint: <span data-hint>{inline(question.hint)}</span></p>" if question.hint else ""
    return (
        f'<div data-mlops-question="{escape(question.id)}" data-kind="{question.kind}" data-order="{order}">'
        f"<p data-ask><strong>{_ask(place, total, item)}</strong> {inline(question.text)}</p>"
        + "".join(_static_option(question, letter, option) for letter, option in question.shown())
        + _right_order(question)
        + f"{hint}</div>"
    )


def _static_option(question: Question, letter: str, option: Option) -> str:
    if question.kind == "put_in_order":
        verdict = f"Place {question.options.index(option) + 1}. "
    elif option.right:
        verdict = "Right. "
    else:
        verdict = f"Not right. Misconception: <em data-misconception>{inline(option.misconception)}</em>. "
    return fold(
        f"<strong>{letter}.</strong> <span data-text>{inline(option.text)}</span>",
        f"<p>{verdict}<span data-reason>{inline(option.reason)}</span></p>",
        f'data-letter="{letter}" data-right="{str(option.right).lower()}"',
    )


def _right_order(question: Question) -> str:
    if question.kind != "put_in_order":
        return ""
    order = " ".join(question.right_choice())
    belief = f"A wrong order often comes from the belief that <em>{inline(question.misconception)}</em>."
    return fold("The right order", f"<p>{order}. <span data-when-wrong>{inline(question.reason)} {belief}</span></p>")
