"""Write the generated parts of docs/teaching/: ``python tools/teaching.py``, or ``make readme``.

Minutes come from the notebooks' metadata, goals from their openings, misconceptions from the quiz questions.
"""

import argparse
import sys
from pathlib import Path

import nbformat
from readme import ROOT, with_parts

from mlops_lesson.chooser import WAYS, read_minutes
from mlops_lesson.quiz import load_questions
from mlops_lesson.stages import STAGES, Stage

FOLDER = ROOT / "docs" / "teaching"
FIRST = ("why", "learn", "visualize", "try")


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


def plan(*steps: tuple[Stage, tuple[str, ...]]) -> str:
    """Write a plan: what to do in which minutes.

    Parameters
    ----------
    *steps : tuple of Stage and tuple of str
        Stages in order, each with the parts to go through.

    Returns
    -------
    str
        A table that counts the minutes up.
    """
    known, begin = read_minutes(), 0
    rows: list[list[object]] = [["minutes", "stage", "parts, with their minutes"]]
    for stage, parts in steps:
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


def goals(stage: Stage) -> str:
    """Write what learners will be able to do, from the opening of the notebook."""
    notebook = nbformat.read(ROOT / "notebooks" / stage.notebook, as_version=4)
    opening = next(cell.source for cell in notebook.cells if "**You will be able to**" in cell.source)
    after = opening.split("**You will be able to**")[1].split("**You need**")[0]
    return after.strip()


def misconceptions(stage: Stage) -> str:
    """Write the misconception behind each wrong option of the stage's quiz."""
    rows: list[list[object]] = [["question", "whoever answers", "may think that", "to answer"]]
    for question in load_questions(stage).questions:
        if question.kind == "put_in_order":
            rows.append([question.text, "another order", question.misconception, "see the left"])
            continue
        wrong = [(letter, option) for letter, option in question.shown() if not option.right]
        rows += [[question.text, f"{letter}. {each.text}", each.misconception, each.reason] for letter, each in wrong]
    return table(rows)


def pages() -> dict[Path, dict[str, str]]:
    """Return the generated parts of every page, by file and by name."""
    by_file = {
        FOLDER / "README.md": {
            "minutes": minutes_of_parts(),
            "plan-12": plan((STAGES[5], FIRST)),
            "plan-50": plan(*((STAGES[number - 1], FIRST) for number in (1, 3, 4, 6))),
            "plan-90": plan(*((stage, FIRST) for stage in STAGES), (STAGES[5], ("review",))),
            "six-sessions": six_sessions(),
        }
    }
    return by_file | {
        page_of(stage): {"goals": goals(stage), "misconceptions": misconceptions(stage)} for stage in STAGES
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
