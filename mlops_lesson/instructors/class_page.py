"""The class report as one HTML page that needs no network, runs no script, and can be read in the dark and aloud."""

from collections import Counter
from collections.abc import Iterator
from html import escape
from textwrap import shorten
from typing import TYPE_CHECKING

import pandas as pd

from mlops_lesson.instructors.class_report import (
    FEW,
    ClassReport,
    ExerciseResult,
    QuestionResult,
    counts,
    exercises_of,
    standing,
)
from mlops_lesson.instructors.handed_in import HandedIn
from mlops_lesson.show.figures import BLUE, GREY, PINK, ShownFigure, new_figure, show
from mlops_lesson.show.page import fold, inline
from mlops_lesson.show.tables import show_table
from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.exercises.check import all_exercises

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STANDINGS = {"finished": (BLUE, ""), "begun": ("#9db4e8", "///"), "not begun": ("#e3e3e3", "")}


OUTCOMES = {"right": (BLUE, ""), "not yet": ("#e6b566", "///"), "crashed": (PINK, "xx")}


STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere;
  color: CanvasText; background: Canvas; }
h4 { margin-bottom: 0.3em; font-size: 1rem; }
table { border-collapse: collapse; margin: 0.5em 0; }
caption { font-weight: 600; padding: 0.3em 0; }
figure { display: flex; flex-direction: column-reverse; align-items: start; gap: 0.3em; }
th, td { text-align: left; vertical-align: top; overflow-wrap: break-word; padding: 3px 14px 3px 0;
  border-bottom: 1px solid GrayText; }
thead th { vertical-align: bottom; }
summary { cursor: pointer; }
section > section { border-top: 1px solid GrayText; margin-top: 1.5em; }
:is(summary, [tabindex]):focus-visible { outline: 3px solid CanvasText; outline-offset: 2px; }
@media print { details::details-content { content-visibility: visible; block-size: auto; } }
"""


def page(report: ClassReport, names: bool = True) -> str:
    """Write a class report as an HTML page.

    Parameters
    ----------
    report : ClassReport
        The report.
    names : bool, default True
        False leaves out the names of learners and of files.

    Returns
    -------
    str
        A whole document. Whatever learners typed stands in it as text; a policy in its head forbids every script and
        every request.
    """
    body = "".join(
        f'<section aria-labelledby="part-{place}"><h2 id="part-{place}">{title}</h2>{content}</section>'
        for place, (title, content) in enumerate(_parts(report, names), start=1)
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Class report: {_learners(report)}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>Class report</h1><p>{_intro(report, names)}</p>{body}</main></body></html>\n"
    )


def _learners(report: ClassReport) -> str:
    count = len(report.learners)
    return "one learner" if count == 1 else f"{count} learners"


def _intro(report: ClassReport, names: bool) -> str:
    files = len(report.left_out)
    left = "no file" if not files else "one file" if files == 1 else f"{files} files"
    return (
        f"{_learners(report).capitalize()}, {left} left out. Made {report.made_at:%Y-%m-%d %H:%M} UTC. "
        + ("" if names else "Names are left out. ")
        + "Whether an answer is right was looked up in the course's own questions, not in the files."
    )


def _parts(report: ClassReport, names: bool) -> Iterator[tuple[str, str]]:
    points = "".join(f"<li>{inline(point)}</li>" for point in report.to_talk_about())
    yield "What to talk about in the next lesson", f"<ol>{points}</ol>"
    if report.learners:
        yield "Who finished what", _who_finished_what(report, names)
        yield "How the questions were answered", _questions(report)
        yield "How the exercises went", _exercises(report)
    yield "Files and learners to look at", _to_look_at(report, names)


def _who_finished_what(report: ClassReport, names: bool) -> str:
    rows = [
        {"stage": f"{stage.number} {stage.name}"} | {word: found[word] for word in STANDINGS}
        for stage, found in report.stages
    ]
    learners = []
    for label, learner in report.listed(names):
        row = {"learner": label}
        for stage in STAGES:
            answered, right, solved, parts = counts(learner, stage)
            row[f"{stage.number} {stage.name}"] = standing(learner, stage) + (
                f": {right} of {answered} answers right at first, {solved} of {len(exercises_of(stage))} exercises, "
                f"{parts} parts"
                if answered or solved or parts
                else ""
            )
        learners.append(row)
    return (
        "<p>A stage is finished when every question of its quiz is answered and every exercise is right.</p>"
        + _stages_figure(report)._repr_html_()
        + show_table(pd.DataFrame(rows), "Learners by stage")._repr_html_()
        + fold(
            "Each learner",
            show_table(pd.DataFrame(learners).set_index("learner"), "Stages by learner", index=True)._repr_html_(),
        )
    )


def _stages_figure(report: ClassReport) -> ShownFigure:
    finished = {f"{stage.number} {stage.name}": found for stage, found in report.stages}
    every = sum(all(standing(learner, stage) == "finished" for stage in STAGES) for learner in report.learners)
    title = f"{every} of {_learners(report)} finished all six stages"
    alt = "Stacked bar chart of learners by stage. " + _in_words(finished, STANDINGS)
    with new_figure(7.0, 3.0) as (figure, (axis,)):
        _stack(axis, finished, STANDINGS)
        return show(figure, alt, title)


def _in_words(bars: dict[str, Counter], looks: dict[str, tuple[str, str]]) -> str:
    return " ".join(f"{name}: {', '.join(f'{found[word]} {word}' for word in looks)}." for name, found in bars.items())


def _stack(axis: "Axes", bars: dict[str, Counter], looks: dict[str, tuple[str, str]]) -> None:
    start = [0] * len(bars)
    for word, (colour, hatch) in looks.items():
        sizes = [found[word] for found in bars.values()]
        drawn = axis.barh(
            list(bars), sizes, left=start, color=colour, hatch=hatch, edgecolor="white", label=word, height=0.7
        )
        dark = colour in (BLUE, PINK)
        axis.bar_label(
            drawn,
            [str(size) if size else "" for size in sizes],
            label_type="center",
            color="white" if dark else "black",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5},
        )
        start = [a + b for a, b in zip(start, sizes, strict=True)]
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.set_xlim(0, max(*start, 1))
    axis.set_xlabel("learners")
    axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize="small")


def _questions(report: ClassReport) -> str:
    few = f" Under {FEW} answers, read them as single cases." if len(report.learners) >= FEW else ""
    text = (
        "<p>The bars count first answers: later ones were given with the explanation in view. Where several options "
        f"can be chosen, a learner counts at each.{few}</p>"
    )
    for stage in STAGES:
        results = [result for result in report.questions if result.stage == stage]
        answered = [result for result in results if result.answered]
        text += f"<section><h3>{stage.number} {escape(stage.name)}</h3>"
        text += "".join(_question(result) for result in answered)
        if len(answered) < len(results):
            rest = len(results) - len(answered)
            text += f"<p>Answered by nobody yet: {rest} of {len(results)} questions.</p>"
        text += "</section>"
    return text


def _question(result: QuestionResult) -> str:
    rows = [
        {"option": label, "text": text.replace("`", ""), "right": "right" if right else "", "chosen first by": count}
        for label, text, right, count in result.bars()
    ]
    wrong = result.most_chosen_wrong()
    what = "order" if result.question.kind == "put_in_order" else "option"
    most = (
        f"<p>Most chosen wrong {what}: {escape(wrong.letter)}, "
        f"by {wrong.learners}. Misconception: <em>{inline(wrong.misconception.rstrip('.'))}</em>. "
        f"{inline(wrong.reason)}</p>"
        if wrong
        else "<p>Nobody chose a wrong option first.</p>"
    )
    return (
        f"<h4>{inline(result.question.text)}</h4>"
        + _question_figure(result)._repr_html_()
        + most
        + fold(
            "The options in words",
            show_table(pd.DataFrame(rows), f"First answers to {result.question.id}")._repr_html_(),
        )
    )


def _question_figure(result: QuestionResult) -> ShownFigure:
    bars = result.bars()
    finding = f"{result.right_at_first} of {result.answered} right at first, {result.right_in_the_end} in the end."
    if sure := result.certain_and_wrong:
        finding += f" {sure} wrong first answer{' was' if sure == 1 else 's were'} said to be certain."
    alt = f"Bar chart of first answers to the question {result.question.id}. " + " ".join(
        f"{label}{' (right)' if right else ''}: {count}." for label, _, right, count in bars
    )
    with new_figure(7.0, 0.34 * len(bars) + 0.75) as (figure, (axis,)):
        names = [
            f"{label}  {shorten(text.replace('`', ''), 44, placeholder=' …')}" if len(label) == 1 else label
            for label, text, _, _ in bars
        ]
        sizes = [count for *_, count in bars]
        drawn = axis.barh(
            range(len(bars)), sizes, color=[BLUE if right else GREY for _, _, right, _ in bars], height=0.7
        )
        axis.set_yticks(range(len(bars)), names)
        axis.bar_label(drawn, [f"{count}, right" if right else str(count) for *_, right, count in bars], padding=4)
        axis.invert_yaxis()
        axis.grid(visible=False)
        axis.set(xlim=(0, max(result.answered, 1) * 1.2), xlabel=f"learners, of {result.answered}")
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        return show(figure, alt, finding)


def _exercises(report: ClassReport) -> str:
    tried = [result for result in report.exercises if result.tried]
    if not tried:
        return "<p>Nobody has tried an exercise yet.</p>"
    rows = [_exercise_row(result) for result in report.exercises]
    table = show_table(
        pd.DataFrame(rows).set_index("exercise"), "Exercises: outcomes and checks", index=True, decimals=1
    )
    return (
        "<p>The outcome is each learner's best one. Checks are counted up to the first right one.</p>"
        + _exercises_figure(tried)._repr_html_()
        + table._repr_html_()
    )


def _exercise_row(result: ExerciseResult) -> dict[str, object]:
    return {
        "exercise": f"{result.exercise} {all_exercises()[result.exercise].title}",
        "tried by": result.tried,
        **{word: result.outcomes[word] for word in OUTCOMES},
        "checks, median": result.median_attempts,
        "checks, most": str(max(result.attempts)) if result.attempts else "-",
    }


def _exercises_figure(tried: list[ExerciseResult]) -> ShownFigure:
    bars = {result.exercise: result.outcomes for result in tried}
    least = min(tried, key=lambda result: result.outcomes["right"] / result.tried)
    title = f"Fewest solved {least.exercise}: {least.outcomes['right']} of the {least.tried} who tried it"
    alt = "Stacked bar chart of learners by best outcome of each exercise. " + _in_words(bars, OUTCOMES)
    with new_figure(7.0, 0.3 * len(bars) + 1.2) as (figure, (axis,)):
        _stack(axis, bars, OUTCOMES)
        axis.set_ylabel("exercise")
        return show(figure, alt, title)


def _called(report: ClassReport, learners: tuple[HandedIn, ...], names: bool) -> str:
    return ", ".join(
        f"<bdi>{escape(report.label(each, names))}</bdi>" + (f" (<bdi>{escape(each.file)}</bdi>)" if names else "")
        for each in learners
    )


def _to_look_at(report: ClassReport, names: bool) -> str:
    text = ""
    for learners in report.shared:
        text += (
            f"<li>One learner's number, several names: {_called(report, learners, names)}. Two people at one computer, "
            "one person with two names, or a copied file. All are counted.</li>"
        )
    for learners in report.namesakes:
        text += (
            f"<li>One name, several learner's numbers: {_called(report, learners, names)}. One person at several "
            "machines, or several people of one name. All are counted.</li>"
        )
    if names and report.unnamed:
        text += (
            f"<li>No name in the file, and so not in grades.csv: {_called(report, report.unnamed, names)}. They are "
            "counted on this page.</li>"
        )
    for label, learner in report.listed(names):
        if learner.remarks:
            text += f"<li><bdi>{escape(label)}</bdi>: {escape('; '.join(learner.remarks))}.</li>"
    text = f"<h3>Learners</h3><ul>{text}</ul>" if text else "<p>No learner's file needs a look.</p>"
    if not report.left_out:
        return text + "<p>No file was left out.</p>"
    if names:
        files = "".join(
            f"<li><bdi>{escape(each.file)}</bdi>: {escape(each.reason)}"
            + (f" (<bdi>{escape(each.instead)}</bdi>)" if each.instead else "")
            + ".</li>"
            for each in report.left_out
        )
    else:
        reasons = Counter(each.reason for each in report.left_out)
        files = "".join(f"<li>{_files(count)}: {escape(reason)}.</li>" for reason, count in reasons.items())
    return f"{text}<h3>Files left out</h3><ul>{files}</ul>"


def _files(count: int) -> str:
    return "one file" if count == 1 else f"{count} files"
