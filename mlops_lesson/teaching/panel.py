"""The progress panel: the one widget of a notebook that talks to Python.

Quizzes live in the page and keep their answers there. The panel listens to them, hands every answer to
`progress`, collects on its first run what was answered while no kernel was there, and gives the page
the answers of earlier sessions back. It shows progress by stage and by the nine ways to learn.
"""

from collections.abc import Mapping
from html import escape
from typing import Any
from weakref import WeakMethod

import anywidget
import traitlets
from IPython.display import display

from mlops_lesson.show.page import STATIC_FOLDER, script
from mlops_lesson.stages import STAGES, Stage, get_stage
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.progress import PARTS, Answer, Progress
from mlops_lesson.teaching.progress_table import STAGE_HEAD, stage_rows
from mlops_lesson.teaching.quiz import known_question, quiz

HAND_IN = (
    "To hand your progress in, or to take it along, run <code>from mlops_lesson import progress</code> and "
    '<code>progress.export("your name")</code> in a new cell.'
)


CONFIDENCES = ("a guess", "fairly sure", "certain")


class ProgressPanel(anywidget.AnyWidget):
    """The panel of one notebook; made by `progress_panel`.

    Parameters
    ----------
    stage : Stage
        The stage of the notebook that shows it.
    """

    _esm = STATIC_FOLDER / "panel.js"

    title = traitlets.Unicode().tag(sync=True)
    parts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    parts_seen = traitlets.List(traitlets.Unicode()).tag(sync=True)
    summary = traitlets.Unicode().tag(sync=True)
    notice = traitlets.Unicode().tag(sync=True)
    kept = traitlets.Dict().tag(sync=True)

    def __init__(self, stage: Stage):
        super().__init__(title=stage.name, parts=list(PARTS))
        self.stage = stage
        self.on_msg(self._receive)
        listen = WeakMethod(self.show)
        end = progress.subscribe(lambda now: listen()(now) if listen() else end())
        self.show(progress.read())

    def __repr__(self) -> str:
        return f"Progress panel of {self.stage.name}: run this cell in JupyterLab to see and keep your progress."

    def _ipython_display_(self) -> None:
        note = (
            f'<div class="mlops-lesson" data-mlops-panel-note><p><strong>Progress panel of {escape(self.stage.name)}.'
            "</strong> Run this cell to connect it to your kernel. Until then, answers are kept in this browser.</p>"
            f"{script('note')}</div>"
        )
        display({"text/html": note, "text/plain": repr(self)}, raw=True)
        bundle = self._repr_mimebundle_()
        display(bundle[0] if isinstance(bundle, tuple) else bundle, raw=True)

    def show(self, now: Progress) -> None:
        """Show this progress, in this panel and in the quizzes of the page.

        Parameters
        ----------
        now : Progress
            What to show.
        """
        with self.hold_sync():
            self.parts_seen = list(now.parts_of(self.stage))
            self.summary = summary_html(now)
            self.notice = now.notice
            self.kept = _for_the_page(now)

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        kind = content.get("kind") if isinstance(content, Mapping) else None
        if kind == "answers":
            for item in content.get("items", ()):
                self._take(item)
        elif kind == "part" and content.get("part") in PARTS:
            progress.part(self.stage, content["part"], bool(content.get("seen")))

    def _take(self, item: Any) -> None:
        try:
            given = _answer_from_page(item)
        except (KeyError, TypeError, ValueError) as error:
            self.notice = f"An answer from the page could not be read and was left there ({error})."
            return
        now = progress.merge_answer(given)
        if given.stage in {stage.slug for stage in STAGES}:
            questions = quiz(given.stage).items
            if {known.question for known in now.answers_of(given.stage)} >= {item.question.id for item in questions}:
                progress.part(given.stage, "review")
        message = now.notice or f"Kept in this browser and in {progress.progress_file()}."
        self.send({"kind": "kept", "quiz": given.stage, "question": given.question, "message": message})


def progress_panel(stage: int | str | Stage) -> ProgressPanel:
    """Make the progress panel of a notebook. Make it the last expression of a cell.

    Parameters
    ----------
    stage : int, str or Stage
        The stage of the notebook, by number, name or slug.

    Returns
    -------
    ProgressPanel
        A widget; what is stored in the notebook beside it is the same on every run.

    Raises
    ------
    ValueError
        If there is no such stage.
    """
    return ProgressPanel(get_stage(stage))


def summary_html(now: Progress) -> str:
    """Describe progress in two tables, by stage and by the nine ways to learn, and say how to hand it in.

    Parameters
    ----------
    now : Progress
        What to describe.

    Returns
    -------
    str
        HTML with captions and header scopes.
    """
    way_head = ("Way to learn", "Stages done")
    ways = ((way.capitalize(), f"{_count(now, way)} of {len(STAGES)}") for way in PARTS)
    tables = _table("Progress by stage", STAGE_HEAD, stage_rows(now)) + _table(
        "Progress by way to learn", way_head, ways
    )
    return f"{tables}<p>{HAND_IN}</p>"


def _count(now: Progress, way: str) -> int:
    return sum(way in now.parts_of(stage) for stage in STAGES)


def _table(caption: str, head: tuple[str, ...], rows: Any) -> str:
    header = "".join(f'<th scope="col">{escape(word)}</th>' for word in head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"


def _for_the_page(now: Progress) -> dict[str, Any]:
    answers: dict[str, dict[str, Any]] = {}
    for given in now.answers:
        answers.setdefault(given.stage, {})[given.question] = {
            "choice": list(given.choice),
            "right": given.right,
            "first_choice": list(given.first_choice),
            "first_right": given.first_right,
            "confidence": given.confidence,
            "attempts": given.attempts,
            "at": given.at,
        }
    return {"answers": answers, "resets": now.resets}


def _answer_from_page(item: Mapping[str, Any]) -> Answer:
    """Read what the page sent; whether it is right is decided here, where the question is known."""
    name, identifier, record = str(item["quiz"]), str(item["question"]), item["record"]
    choice, first = (tuple(str(letter) for letter in record[key]) for key in ("choice", "first_choice"))
    question = known_question(name, identifier)
    right = question.is_right(choice) if question else bool(record["right"])
    first_right = question.is_right(first) if question else bool(record["first_right"])
    confidence = record.get("confidence") if record.get("confidence") in CONFIDENCES else None
    attempts = int(record["attempts"])
    if not choice or not first or attempts < 1:
        raise ValueError("it holds no choice")
    return Answer(name, identifier, choice, right, first, first_right, confidence, attempts, str(record["at"]))
