"""Write the generated parts of README.md and docs/: ``python tools/pages.py``, or ``make docs``.

The Binder links come from the repository's address, ``project.urls.Repository`` in pyproject.toml, once it is set; the
grid of stages and ways to learn, the minutes, the goals and the glossary from the notebooks; misconceptions from
the quiz questions.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import nbformat
from notebook_checks import WHAT_WE_SAW
from terms import glossary

from mlops_lesson.stages import STAGES, Stage
from mlops_lesson.teaching.chooser import WAYS, link, read_minutes
from mlops_lesson.teaching.exercises.exercise import words_of
from mlops_lesson.teaching.questions import Question, load_questions
from mlops_lesson.teaching.quiz import quiz

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "teaching"


def repository() -> str:
    """Return the repository's address, or nothing while pyproject.toml names none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project.get("urls", {}).get("Repository", "").rstrip("/")


def binder_link(path: str) -> str:
    """Return the address at which Binder opens a file of the course in JupyterLab, by its path in the course."""
    owner_and_name = urlsplit(repository()).path.strip("/")
    return f"https://mybinder.org/v2/gh/{owner_and_name}/HEAD?urlpath={quote(f'lab/tree/{path}', safe='')}"


def binder() -> str:
    """Return the Binder badge and a link for each notebook, once there is an address."""
    if not repository():
        return ""
    links = {stage: binder_link(f"notebooks/{stage.notebook}") for stage in STAGES}
    badge = f"[![Open in Binder](https://mybinder.org/badge_logo.svg)]({links[STAGES[0]]})"
    each = [f"[{stage.number} {stage.name}]({link})" for stage, link in links.items()]
    return f"{badge}\n\nOr open one stage in Binder: {', '.join(each)}."


def with_parts(text: str, parts: Mapping[str, str], page: str) -> str:
    """Return a page with the text between its markers written anew; a `ValueError` names a pair that is missing."""
    for name, content in parts.items():
        begin, end = f"<!-- begin generated: {name} -->", f"<!-- end generated: {name} -->"
        if not re.search(f"{re.escape(begin)}.*?{re.escape(end)}", text, re.DOTALL):
            raise ValueError(f"{page} has lost its markers {begin!r} and {end!r}: put them back where {name} belongs.")
        before, rest = text.split(begin, 1)
        text = f"{before}{begin}\n{content.strip()}\n{end}{rest.split(end, 1)[1]}"
    return text


def page_of(stage: Stage) -> Path:
    """Return the page about a stage."""
    return FOLDER / f"{Path(stage.notebook).stem}.md"


def table(rows: list[list[object]]) -> str:
    """Write rows, the first of them the head, as a Markdown table."""
    head, *body = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *body])


def grid() -> str:
    """Write the ways to learn by the six stages, each a link with its minutes."""
    minutes = read_minutes()
    rows: list[list[object]] = [["Way to learn", *(f"{stage.number} {stage.name}" for stage in STAGES)]]
    for part in WAYS:
        way = part.capitalize()
        links = (
            (f"[{way} {stage.number}](notebooks/{link(stage, part)})", minutes[stage.slug, part]) for stage in STAGES
        )
        rows.append([f"**{way}**", *(f"{address}, {here} min" for address, here in links)])
    return table(rows)


def minutes_of_parts() -> str:
    """Write the minutes of each part and stage, with their sums."""
    minutes = read_minutes()
    rows: list[list[object]] = [["part", *(f"{stage.number} {stage.name}" for stage in STAGES), "in all"]]
    for part in WAYS:
        each = [minutes[stage.slug, part] for stage in STAGES]
        rows.append([part.capitalize(), *each, sum(each)])
    sums = [sum(minutes[stage.slug, part] for part in WAYS) for stage in STAGES]
    return table([*rows, ["**in all**", *sums, sum(sums)]])


@dataclass(frozen=True)
class Plan:
    """A plan for a class, as docs/teaching/plans.toml holds it."""

    title: str
    steps: list[list[Any]]
    asks: list[str]

    def taught(self) -> dict[Stage, list[str]]:
        """Return the parts that the class sees of each stage."""
        return {STAGES[step - 1]: parts for step, *parts in self.steps if isinstance(step, int)}

    def questions(self, stage: Stage) -> list[Question]:
        """Return the questions of a stage's own that the class is asked."""
        return [question for question in load_questions(stage).questions if question.id in self.asks]

    def table(self) -> str:
        """Write what to do in which minutes."""
        known, begin = read_minutes(), 0
        rows: list[list[object]] = [["minutes", "what", "parts, with their minutes"]]
        for step, *parts in self.steps:
            name, told, minutes = step, "", parts[0]
            if isinstance(step, int):
                each = {part.capitalize(): known[STAGES[step - 1].slug, part] for part in parts}
                name, minutes = f"{step} {STAGES[step - 1].name}", sum(each.values())
                told = ", ".join(f"{part} {its}" for part, its in each.items())
            rows.append([f"{begin}-{begin + minutes}", name, told])
            begin += minutes
        asked = [(stage, question) for stage in self.taught() for question in self.questions(stage)]
        votes = "\n".join(f"- Stage {stage.number}: {question.text}" for stage, question in asked)
        return f"{table(rows)}\n\nTo vote on:\n\n{votes}"


PLANS = {name: Plan(**plan) for name, plan in tomllib.loads((FOLDER / "plans.toml").read_text("utf-8")).items()}
TOGETHER = ("why", "learn", "visualize", "try", "metrics", "review")
BEGIN_AND_END = 8


def six_sessions() -> str:
    """Write the sessions of a course of an hour each, one a stage, and what their quizzes ask too early."""
    minutes = read_minutes()
    rows: list[list[object]] = [["session", "stage", "together", "challenge, in pairs", "left of an hour", "ask later"]]
    for stage in STAGES:
        here = {part: minutes[stage.slug, part] for part in WAYS}
        together = sum(here[part] for part in TOGETHER)
        left = 60 - BEGIN_AND_END - together - here["challenge"]
        later = [str(n) for n, asked in enumerate(quiz(stage).questions, 1) if asked.needs not in (*TOGETHER, None)]
        asked_later = f"question {' and '.join(later)}, after Deep" if later else ""
        rows.append([stage.number, stage.name, together, here["challenge"], left, asked_later])
    return table(rows)


def at_a_glance(stage: Stage) -> str:
    """Write how long a stage takes, and what its exercises ask."""
    minutes = sum(minutes for (slug, _), minutes in read_minutes().items() if slug == stage.slug)
    tasks = [f"{name} {words['title']} ({words['minutes']} minutes)" for name, words in words_of(stage).items()]
    return f"{minutes} minutes in all. Exercises: {'; '.join(tasks)}."


def goals(stage: Stage) -> str:
    """Write what learners will be able to do, from the opening of the notebook."""
    notebook = nbformat.read(ROOT / "notebooks" / stage.notebook, as_version=4)
    opening = next(cell.source for cell in notebook.cells if "**You will be able to**" in cell.source)
    after = opening.split("**You will be able to**")[1].split("**You need**")[0]
    return f"After this stage a learner can\n\n{after.strip()}"


def explore(stage: Stage) -> str:
    """Write what the explorer asks and what one sees, from the notebook."""
    cells = nbformat.read(ROOT / "notebooks" / stage.notebook, as_version=4).cells
    place = next(place for place, cell in enumerate(cells) if WHAT_WE_SAW.search(cell.source))
    asked = re.split(r"^### .*$", cells[place - 2].source, flags=re.MULTILINE)[-1]
    seen = re.sub(r"</?details>|<summary>.*?</summary>", "", cells[place].source)
    asked = asked.replace("Ctrl+Enter runs the cell and stays on it.", "")
    return f"{asked.strip()}\n\n**What we saw:**\n\n{seen.strip()}"


def notes_of(stage: Stage) -> dict[str, str]:
    """Return what the page about a stage tells the speaker, by the heading in the notebook that it is about."""
    told = re.sub(r"<!-- .*? -->\n", "", page_of(stage).read_text(encoding="utf-8"))
    along = told.split("\n## Along the notebook\n")[1].split("\n## ")[0]
    parts = dict(part.split("\n", 1) for part in along.split("\n### ")[1:])
    return {heading: text.strip() for heading, text in parts.items()}


def misconceptions(stage: Stage) -> str:
    """Write each question of the stage with its right answer and the belief behind each wrong one."""
    return "\n\n".join(
        f"**{question.text}** (after {question.needs.capitalize()}) {about_question(question)}"
        for question in load_questions(stage).questions
    )


def about_question(question: Question) -> str:
    """Write the right answer of a question, and the belief behind each wrong one."""
    rows: list[list[object]] = [["wrong answer", "belief behind it", "what to reply"]]
    if question.kind == "put_in_order":
        right = f"Right order: {'; '.join(option.text.rstrip('.') for option in question.options)}."
        rows.append(["any other order", question.misconception, question.reason])
    else:
        shown = [(f"{letter}. {option.text}", option) for letter, option in question.shown()]
        right = f"Right: {' '.join(text for text, option in shown if option.right)}"
        rows += [[text, option.misconception, option.reason] for text, option in shown if not option.right]
    return f"{right}\n\n{table(rows)}"


def pages() -> dict[Path, dict[str, str]]:
    """Return the generated parts of every page, by file and by name."""
    by_file = {
        ROOT / "README.md": {"binder": binder(), "grid": grid()},
        ROOT / "docs" / "glossary.md": {"glossary": glossary()},
        FOLDER / "README.md": {
            "minutes": minutes_of_parts(),
            "six-sessions": six_sessions(),
            **{f"plan-{name}": plan.table() for name, plan in PLANS.items()},
        },
    }
    return by_file | {
        page_of(stage): {
            "at-a-glance": at_a_glance(stage),
            "goals": goals(stage),
            "explore": explore(stage),
            "misconceptions": misconceptions(stage),
        }
        for stage in STAGES
    }


def stale() -> dict[Path, str]:
    """Return the pages whose generated parts are not current, each with its new text."""
    found = {}
    for page, parts in pages().items():
        stored = page.read_text(encoding="utf-8")
        if (current := with_parts(stored, parts, page.name)) != stored:
            found[page] = current
    return found


def main() -> None:
    """Write the pages that are not current."""
    for page, text in stale().items():
        page.write_text(text, encoding="utf-8")
        print(page.relative_to(ROOT), "written")


if __name__ == "__main__":
    main()
