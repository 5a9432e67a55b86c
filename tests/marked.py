"""Everything the course shows that may come from a file or a person, made once of markup and once of harmless words."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from mlops_lesson.scorecard import fill_card
from mlops_lesson.show.explorer import Answer
from mlops_lesson.show.tables import show_table
from mlops_lesson.stages import stage_card
from mlops_lesson.teaching import progress, quiz
from mlops_lesson.teaching.exercises.check import check
from mlops_lesson.teaching.panel import summary_html
from mlops_lesson.teaching.questions import Flashcard, Option, Question
from mlops_lesson.training.charts import plot_trace
from mlops_lesson.training.trace import Epoch, TrainingTrace
from mlops_lesson.validation.model_card import ModelCard

MARK = "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'>\"'"

QUESTION = Question("one", MARK, [Option(MARK, MARK, True), Option("b", MARK, False, MARK)], hint=MARK)
PLAIN = Question("one", "a?", [Option("a", "b", True), Option("b", "c", False, "d")], hint="e")
ORDER = Question("two", MARK, [Option(MARK, MARK), Option("b", MARK)], "put_in_order", misconception=MARK, reason=MARK)
ORDER_PLAIN = Question("two", "a", [Option("a", "b"), Option("b", "c")], "put_in_order", misconception="d", reason="e")
CARD, CARD_PLAIN = Flashcard(MARK, MARK, MARK), Flashcard("a", "b", "c")


def traced(text: str) -> TrainingTrace:
    return TrainingTrace((Epoch(1, 0.5, 0.5, observation=text),), text)


SHOWN: dict[str, Callable[[str], Any]] = {
    "a question": lambda text: quiz.quiz([QUESTION if text == MARK else PLAIN], name=text),
    "an ordering": lambda text: quiz.quiz([ORDER if text == MARK else ORDER_PLAIN], name=text),
    "a flashcard": lambda text: quiz.flashcards([CARD if text == MARK else CARD_PLAIN], text),
    "a table": lambda text: show_table(
        pd.DataFrame({text: [text]}, index=pd.Index([text], name=text)), text, index=True
    ),
    "a trace's observation": lambda text: show_table(traced(text).to_frame(), "Epochs"),
    "a chart's alternative text": lambda text: plot_trace(traced(text), title=text),
    "an exercise's message": lambda text: check(text, len),
    "an answer with a text": lambda text: check("1.1", lambda *_: text),
    "an explorer's answer": lambda text: Answer(text, (text,)).html,
    "a stage card": lambda text: stage_card(1, input=text),
    "a model card": lambda text: ModelCard(f"# {text}\n\n## {text}\n\n- {text}\n", "0"),
    "a score card": lambda text: fill_card(
        pd.DataFrame({"points": [1.0], **dict.fromkeys(("section", "test", "evidence", "notebook", "next step"), text)})
    ),
    "progress": lambda text: summary_html(progress.Progress(parts={text: {text: text}}, notice=text)),
}


def page_of(what: str, text: str) -> str:
    """Return the HTML of one thing that shows a text."""
    shown = SHOWN[what](text)
    return shown if isinstance(shown, str) else shown._repr_html_()
