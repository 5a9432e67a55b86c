"""The progress panel: the one widget of a notebook that talks to Python.

Quizzes live in the page and save their answers in the browser. The panel hands every answer to `progress`, collects on
its first run what was answered while no kernel was there, and gives the page the answers of earlier sessions back.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

import anywidget
import traitlets
from IPython.display import display

from mlops_lesson.show.page import STATIC_FOLDER, html_table, render
from mlops_lesson.stages import STAGES, Stage, get_stage
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.exercises.exercise import exercise_ids
from mlops_lesson.teaching.progress import PARTS, Answer, Progress
from mlops_lesson.teaching.quiz import known_question, quiz

STAGE_HEAD = ("Stage", "Quiz answered", "Right at first try", "Exercises right", "Parts done")


class ProgressPanel(anywidget.AnyWidget):
    """The panel of one notebook; made by `progress_panel`."""

    _esm = "".join((STATIC_FOLDER / name).read_text(encoding="utf-8") for name in ("base.js", "panel.js"))

    title = traitlets.Unicode().tag(sync=True)
    parts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    parts_seen = traitlets.List(traitlets.Unicode()).tag(sync=True)
    summary = traitlets.Unicode().tag(sync=True)
    notice = traitlets.Unicode().tag(sync=True)
    learner = traitlets.Unicode().tag(sync=True)
    kept = traitlets.Dict().tag(sync=True)

    def __init__(self, stage: Stage):
        self.stage = stage
        learner = progress.learner_number()
        # Whole from the start: what a page learns later, it would learn after it has acted.
        super().__init__(title=stage.name, parts=list(PARTS), learner=learner, **self._state(progress.read()))
        self.on_msg(self._receive)
        progress.watching.add(self)

    def __repr__(self) -> str:
        return f"Progress panel of {self.stage.name}: run this cell in JupyterLab to see and save your progress."

    def _ipython_display_(self) -> None:
        display({"text/html": render("teaching/note", stage=self.stage), "text/plain": repr(self)}, raw=True)
        bundle = self._repr_mimebundle_()
        # A reader without a kernel sees the note above; the widget's own text would say it twice.
        display({**(bundle[0] if isinstance(bundle, tuple) else bundle), "text/plain": " "}, raw=True)

    def show(self, now: Progress) -> None:
        """Show this progress, in this panel and in the quizzes of the page."""
        with self.hold_sync():
            for name, value in self._state(now).items():
                setattr(self, name, value)

    def _state(self, now: Progress) -> dict[str, Any]:
        return {
            "parts_seen": list(now.parts_of(self.stage)),
            "summary": summary_html(now),
            "notice": now.notice,
            "kept": {name: asdict(now)[name] for name in ("answers", "resets")},
        }

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        try:
            if content["kind"] == "part":
                progress.keep_part(self.stage, content["part"], bool(content["seen"]))
            elif content["kind"] == "answer":
                choice, right = content["choice"], content["right"]
                given = Answer(choice, right, choice, right, content.get("confidence"), 1, progress.now())
                self._keep(content, given, just_given=True)
            elif content["kind"] == "answers":
                for item in content["items"]:
                    self._keep(item, Answer(**item["record"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self.notice = f"What the page sent could not be read and was left there ({error})."

    def _keep(self, item: Mapping[str, Any], given: Answer, just_given: bool = False) -> None:
        """Save an answer, just given or brought along by the page; whether it is right is decided here."""
        name, identifier = str(item["quiz"]), str(item["question"])
        question, message = known_question(name, identifier), ""
        if question and not question.fits(given.choice):
            message = "The question has changed: run its cell again, and answer it then."
        elif just_given or item["round"] >= progress.read().resets.get(name, 0):
            if question:
                right, first_right = question.is_right(given.choice), question.is_right(given.first_choice)
                given = replace(given, right=right, first_right=first_right)
            fits = question.fits if question else bool
            now = progress.keep_answer(name, identifier, given, just_given=just_given, fits=fits)
            message = now.notice or f"Saved in this browser and in {progress.progress_file()}."
            _mark_review(name, now)
        if just_given:
            self.send({"kind": "saved", "quiz": name, "question": identifier, "message": message})


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
    """
    return ProgressPanel(get_stage(stage))


def stage_rows(now: Progress) -> Iterator[tuple[str, ...]]:
    """Describe progress, one row per stage, under the heads `STAGE_HEAD`."""
    for stage in STAGES:
        questions, answers = quiz(stage).questions, now.answers_of(stage)
        given = [answers[each.id] for each in questions if each.id in answers and each.fits(answers[each.id].choice)]
        exercises = exercise_ids(stage)
        right = sum(name in now.exercises and now.exercises[name].outcome == "right" for name in exercises)
        yield (
            f"{stage.number} {stage.name}",
            f"{len(given)} of {len(questions)}",
            f"{sum(answer.first_right for answer in given)} of {len(questions)}",
            f"{right} of {len(exercises)}",
            f"{len(now.parts_of(stage))} of {len(PARTS)}",
        )


def summary_html(now: Progress) -> str:
    """Describe progress in two tables, by stage and by the nine ways to learn, and say how to hand it in."""
    ways = [
        (way.capitalize(), f"{sum(way in now.parts_of(stage) for stage in STAGES)} of {len(STAGES)}") for way in PARTS
    ]
    return (
        html_table(stage_rows(now), "Progress by stage", STAGE_HEAD, row_heads=True)
        + html_table(ways, "Progress by way to learn", ("Way to learn", "Stages done"), row_heads=True)
        + "<p>To hand your progress in, or to take it along, write your name into the cell below, and run it.</p>"
    )


def _mark_review(name: str, now: Progress) -> None:
    """Mark a stage's last part as done once every question of its quiz was answered."""
    is_new = name in {stage.slug for stage in STAGES} and "review" not in now.parts_of(name)
    if is_new and {question.id for question in quiz(name).questions} <= now.answers_of(name).keys():
        progress.keep_part(name, "review")
