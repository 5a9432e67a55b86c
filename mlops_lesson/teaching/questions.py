"""Questions and flashcards: what they hold, and how a file of them is read.

A broken rule is reported with the file, the place in it and what stands there.
"""

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StringConstraints, TypeAdapter
from pydantic.dataclasses import dataclass

from mlops_lesson.stages import Stage, get_stage

QUESTIONS_FOLDER = Path(__file__).resolve().parent / "questions"
LETTERS = "ABCDEFGHIJ"


def _only_words(text: str) -> str:
    if re.search(r"!\[.*\]\(", text):
        raise ValueError("a picture cannot be shown here; describe it in words")
    return text


_STRICT = ConfigDict(extra="forbid")
_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_only_words)]
_Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


@dataclass(frozen=True, config=_STRICT)
class Option:
    """One option of a question."""

    text: _Words
    reason: _Words
    right: StrictBool = False
    misconception: _Words | None = None


@dataclass(frozen=True, config=_STRICT)
class Question:
    """A question with options, each of which has its own reason; words between backticks are shown as code.

    Answers are saved under the `id`: small letters, digits and hyphens. The `kind` says that one option is right, that
    several may be, or that the options, which stand in the right order here, are shown in another one to be put in
    order: such a question has one `misconception` behind a wrong order and one `reason` for the right one. The `hint`
    is shown after a wrong answer. `needs` is the part of the stage's notebook, such as ``"try"``, after which a class
    can answer. What is missing or contradicts something else is a `ValueError` that names the question.
    """

    id: _Id
    text: _Words
    options: Annotated[Sequence[Option], Field(min_length=2, max_length=len(LETTERS)), AfterValidator(tuple)]
    kind: Literal["single", "choose_all", "put_in_order"] = "single"
    hint: _Words | None = None
    misconception: _Words | None = None
    reason: _Words | None = None
    needs: _Id | None = None

    def __post_init__(self) -> None:
        """Check that the question can be asked and answered."""
        ordering, right = self.kind == "put_in_order", sum(option.right for option in self.options)
        beliefs = [option.misconception is None for option in self.options]
        rules = (
            (len({option.text for option in self.options}) < len(self.options), "two options have the same text."),
            (ordering != (self.misconception is not None), "an ordering has one misconception, other kinds none."),
            (ordering != (self.reason is not None), "an ordering has one reason for the order, other kinds none."),
            (ordering and (right or not all(beliefs)), "in an ordering no option has right or misconception."),
            (not ordering and beliefs != [option.right for option in self.options],
             "an option that is not right names its misconception; a right one has none."),
            (self.kind == "single" and right != 1, f"exactly one option is right in a single choice, not {right}."),
            (self.kind == "choose_all" and not right, "none is marked right; mark at least one with right = true."),
        )  # fmt: skip
        for broken, rule in rules:
            if broken:
                raise ValueError(f"question {self.id!r}: {rule}")

    def shown(self) -> tuple[tuple[str, Option], ...]:
        """Return the options with their letters, in the order shown: for an ordering always the same, never right."""
        options = list(self.options)
        if self.kind == "put_in_order":
            options.sort(key=lambda option: hashlib.sha256(f"{self.id}/{option.text}".encode()).digest())
            if options == list(self.options):
                options.append(options.pop(0))
        return tuple(zip(LETTERS, options, strict=False))

    def right_choice(self) -> tuple[str, ...]:
        """Return the letters of the right answer: the right options, or all letters in the right order."""
        letters, ordering = {option.text: letter for letter, option in self.shown()}, self.kind == "put_in_order"
        return tuple(letters[option.text] for option in self.options if option.right or ordering)

    def fits(self, choice: Sequence[str]) -> bool:
        """Tell whether letters are an answer to this question; one to an earlier wording may have others."""
        letters = sorted(letter for letter, _ in self.shown())
        if self.kind == "put_in_order":
            return sorted(choice) == letters
        few = len(choice) == 1 if self.kind == "single" else 1 <= len(choice) == len(set(choice))
        return few and set(choice) <= set(letters)

    def is_right(self, choice: Sequence[str]) -> bool:
        """Tell whether a choice is the right answer, whole; the order of letters matters only for an ordering."""
        given = choice if self.kind == "put_in_order" else sorted(choice)
        return tuple(given) == self.right_choice()


@dataclass(frozen=True, config=_STRICT)
class Flashcard:
    """A card with a question on one side and its answer on the other."""

    id: _Words
    front: _Words
    back: _Words


def all_different(items: Sequence[Any]) -> tuple[Any, ...]:
    """Return questions or cards; a `ValueError` names an identifier which is used twice."""
    for name, count in Counter(item.id for item in items).items():
        if count > 1:
            raise ValueError(f"the id {name!r} is used twice.")
    return tuple(items)


@dataclass(frozen=True, config=_STRICT)
class QuestionFile:
    """What one file of questions holds; `ask_again` names questions of earlier stages that its quiz asks once more."""

    stage: Annotated[str, AfterValidator(lambda name: get_stage(name).slug)]
    questions: Annotated[Sequence[Question], AfterValidator(all_different)] = ()
    flashcards: Annotated[Sequence[Flashcard], AfterValidator(all_different)] = ()
    ask_again: Annotated[Sequence[_Id], AfterValidator(tuple)] = ()


@cache
def load_questions(stage: int | str | Stage) -> QuestionFile:
    """Load a stage's questions and flashcards from the course's own file."""
    return read_question_file(QUESTIONS_FOLDER / Path(get_stage(stage).notebook).with_suffix(".toml"))


def read_question_file(path: str | Path) -> QuestionFile:
    """Read and check one TOML file of questions; what is wrong is a `ValueError` naming the file and the place."""
    path = Path(path)
    try:
        return TypeAdapter(QuestionFile).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path.name}: {error}") from error
