"""Write the generated parts of docs/teaching/: ``python tools/teaching.py``, or ``make readme``.

Minutes come from the notebooks' metadata, goals from their openings, misconceptions from the quiz questions.
"""

import argparse
import sys
from pathlib import Path

import nbformat
from readme import ROOT, with_parts

from mlops_lesson.stages import STAGES, Stage
from mlops_lesson.teaching.chooser import WAYS, read_minutes
from mlops_lesson.teaching.exercises.check import all_exercises
from mlops_lesson.teaching.exercises.exercise import Exercise
from mlops_lesson.teaching.questions import Question, load_questions

FOLDER = ROOT / "docs" / "teaching"
FIRST = ("why", "learn", "visualize", "try")
BREAK = 8


def page_of(stage: Stage) -> Path:
    """Return the page about a stage."""
    return FOLDER / f"{Path(stage.notebook).stem}.md"


def table(rows: list[list[object]]) -> str:
    """Write rows, the first of them the head, as a Markdown table."""
    head, *body = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *body])


def minutes_of_parts() -> str:
    """Write the minutes of each part and stage, with their sums."""
    minutes = read_minutes()
    rows: list[list[object]] = [["part", *(f"{stage.number} {stage.name}" for stage in STAGES), "in all"]]
    for way in WAYS:
        each = [minutes[stage.slug, way.part] for stage in STAGES]
        rows.append([way.name, *each, sum(each)])
    sums = [sum(minutes[stage.slug, way.part] for way in WAYS) for stage in STAGES]
    return table([*rows, ["**in all**", *sums, sum(sums)]])


def plan(*steps: tuple[Stage, tuple[str, ...]] | int) -> str:
    """Write a plan: what to do in which minutes.

    Parameters
    ----------
    *steps : tuple of Stage and tuple of str, or int
        Stages in order, each with the parts to go through; a number is a break of so many minutes.

    Returns
    -------
    str
        A table that counts the minutes up.
    """
    known, begin = read_minutes(), 0
    rows: list[list[object]] = [["minutes", "stage", "parts, with their minutes"]]
    for step in steps:
        if isinstance(step, int):
            rows.append([f"{begin}-{begin + step}", "break", ""])
            begin += step
            continue
        stage, parts = step
        each = [(part, known[stage.slug, part]) for part in parts]
        end = begin + sum(minutes for _, minutes in each)
        told = ", ".join(f"{part.capitalize()} {minutes}" for part, minutes in each)
        rows.append([f"{begin}-{end}", f"{stage.number} {stage.name}", told])
        begin = end
    return table(rows)


def six_sessions() -> str:
    """Write the sessions of a course, one a stage, with their minutes by part."""
    minutes = read_minutes()
    rows: list[list[object]] = [["session", "stage", "together", "alone or in pairs", "minutes"]]
    for stage in STAGES:
        here = {way.part: minutes[stage.slug, way.part] for way in WAYS}
        together = sum(here[part] for part in (*FIRST, "metrics", "review"))
        rows.append([stage.number, stage.name, together, sum(here.values()) - together, sum(here.values())])
    return table(rows)


def at_a_glance(stage: Stage) -> str:
    """Write how long a stage takes, and what its exercises ask."""
    minutes = sum(minutes for (slug, _), minutes in read_minutes().items() if slug == stage.slug)
    tasks = [f"{exercise.id} {exercise.title} ({exercise.minutes} minutes)" for exercise in exercises_of(stage)]
    return f"{minutes} minutes in all. Exercises: {'; '.join(tasks)}."


def exercises_of(stage: Stage) -> list[Exercise]:
    """Return the exercises of a stage, in order."""
    return [exercise for exercise in all_exercises().values() if exercise.stage == stage]


def goals(stage: Stage) -> str:
    """Write what learners will be able to do, from the opening of the notebook."""
    notebook = nbformat.read(ROOT / "notebooks" / stage.notebook, as_version=4)
    opening = next(cell.source for cell in notebook.cells if "**You will be able to**" in cell.source)
    after = opening.split("**You will be able to**")[1].split("**You need**")[0]
    return f"After this stage a learner can\n\n{after.strip()}"


def misconceptions(stage: Stage) -> str:
    """Write each question of the stage with its right answer and the belief behind each wrong one."""
    return "\n\n".join(_about(question) for question in load_questions(stage).questions)


def _about(question: Question) -> str:
    rows: list[list[object]] = [["wrong answer", "belief behind it", "what to reply"]]
    if question.kind == "put_in_order":
        right = f"Right order: {'; '.join(option.text.rstrip('.') for option in question.options)}."
        rows.append(["any other order", question.misconception, question.reason])
    else:
        shown = [(f"{letter}. {option.text}", option) for letter, option in question.shown()]
        right = f"Right: {' '.join(text for text, option in shown if option.right)}"
        rows += [[text, option.misconception, option.reason] for text, option in shown if not option.right]
    return f"**{question.text}** {right}\n\n{table(rows)}"


def pages() -> dict[Path, dict[str, str]]:
    """Return the generated parts of every page, by file and by name."""
    by_file = {
        FOLDER / "README.md": {
            "minutes": minutes_of_parts(),
            "plan-12": plan((STAGES[5], FIRST)),
            "plan-50": plan(*((STAGES[number - 1], FIRST) for number in (1, 3, 4, 6))),
            "plan-90": plan(
                *((stage, FIRST) for stage in STAGES[:3]),
                BREAK,
                *((stage, FIRST) for stage in STAGES[3:]),
                (STAGES[5], ("review",)),
            ),
            "six-sessions": six_sessions(),
        }
    }
    return by_file | {
        page_of(stage): {
            "at-a-glance": at_a_glance(stage),
            "goals": goals(stage),
            "misconceptions": misconceptions(stage),
        }
        for stage in STAGES
    }


def main() -> int:
    """Write the pages, or say whether they are current."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is not current")
    only_check, stale = parser.parse_args().check, []
    for page, parts in pages().items():
        stored = page.read_text(encoding="utf-8")
        current = with_parts(stored, parts, page.name)
        if stored != current:
            stale.append(page)
            if not only_check:
                page.write_text(current, encoding="utf-8")
    return int(only_check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
