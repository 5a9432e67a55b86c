"""Make slides of the notebooks: ``python tools/slides.py``, or ``make slides``.

A deck is one HTML file that needs no network and no file beside it, and goes in one direction. What is on it stands in
the notebook's cells; their slide types say where (see CONTRIBUTING.md). The notebooks are run for it, so that figures
are drawn for slides. Speaker notes come from the teaching pages. nbconvert makes a deck, reveal.js shows it.
"""

import base64
import re
import tempfile
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import nbformat
import sphinx_revealjs
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from pages import PLANS, Plan, about_question, notes_of
from run_notebooks import execute, fresh_environment
from terms import handout
from traitlets.config import Config

from mlops_lesson.show.page import fold
from mlops_lesson.stages import STAGES, Stage
from mlops_lesson.teaching.questions import Question
from mlops_lesson.teaching.quiz import quiz

ROOT = Path(__file__).resolve().parent.parent
DECK = Path(__file__).resolve().parent / "deck"
FOLDER = ROOT / "build" / "slides"
OPENING = "Opening"
QUESTION = re.compile(r"(?=<div data-mlops-question=)")
HINT = re.compile(r"<p>Hint: (<span data-hint>.*?</span>)</p>", re.DOTALL)
SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
NOTEBOOK_LINK = re.compile(r'href="(\w+)\.ipynb(?:#[\w-]*)?"')
HEADING = re.compile(r"^#{1,3} +(.+)$", re.MULTILINE)
PART = re.compile(r"^## (.+)$", re.MULTILINE)
# What only a reader of the notebook needs; and the controls that a slide does not have.
FOR_READERS = re.compile(r"^\*\d+ minutes?\b.*\*\n+|^Ctrl\+Enter runs the cell and stays on it\. ?", re.MULTILINE)
WITH_CONTROLS = re.compile(r"^### Explore$", re.MULTILINE)

INDEX = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Slides</title></head>
<body style="font: 22px/1.6 sans-serif; margin: 2em"><h1>Slides</h1><ul>{}</ul></body></html>
"""


@dataclass
class Slide:
    """The cells of one slide, and where in its notebook they stand; `asked` is the question, where it is one."""

    part: str
    heading: str
    cells: list[NotebookNode] = field(default_factory=list)
    asked: Question | None = None


def slides_of(stage: Stage, notebook: NotebookNode) -> list[Slide]:
    """Sort the cells of a notebook that have a slide type into slides.

    Parameters
    ----------
    stage : Stage
        The notebook's stage.
    notebook : nbformat.NotebookNode
        A notebook with its outputs; it is not changed.

    Returns
    -------
    list of Slide
        Each begins with a heading, repeated where it goes on from the slide before, and ends with its notes. What a
        cell of the type subslide says before its heading, or without one in its first paragraph, is about the output
        before it and stays on that slide. A quiz has become one slide per question. Scripts are gone from the outputs.
    """
    slides: list[Slide] = []
    part = heading = OPENING
    for cell in deepcopy(notebook.cells):
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        if cell.cell_type == "markdown":
            cell.source = FOR_READERS.sub("", cell.source)
            found = HEADING.search(cell.source)
            if kind == "subslide" and slides:
                before, cell.source = _part(cell.source)
                slides[-1].cells += [_words(before, "fragment")] if before else []
                if not cell.source:
                    continue
            if found:
                part = next(iter(PART.findall(cell.source)), part)
                heading = HEADING.findall(cell.source)[-1]
                cell.source = WITH_CONTROLS.sub("### Explore, in the notebook", cell.source)
        if kind is None:
            continue
        asked = _a_slide_a_question(stage, part, cell)
        if asked:
            slides += asked
            continue
        if kind in ("slide", "subslide"):
            slides.append(Slide(part, heading if slides else OPENING))
            if cell.cell_type == "code" or not HEADING.match(cell.source):
                slides[-1].cells.append(_words(f"### {heading}", "-"))
        if "slide-no-text" in cell.metadata.get("tags", []):
            cell.outputs = [output for output in cell.outputs if output.output_type != "stream"]
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data["text/html"] = SCRIPT.sub("", output.data["text/html"])
        slides[-1].cells.append(cell)
    notes = notes_of(stage)
    for slide in slides:
        told = about_question(slide.asked) if slide.asked else (notes.get(slide.heading) or notes[slide.part])
        slide.cells.append(_words(told, "notes"))
        for place, cell in enumerate(slide.cells):
            kind = "slide" if place == 0 else cell.metadata.get("slideshow", {}).get("slide_type")
            cell.metadata.slideshow = {"slide_type": "-" if place and kind in ("slide", "subslide") else kind}
            cell.id = f"stage-{stage.number}-{cell.id}"
    return slides


def _part(text: str) -> tuple[str, str]:
    """Part what a cell says of the output before it, up to its heading or its first paragraph's end, from the rest."""
    found = HEADING.search(text)
    before, _, after = text.partition("\n\n")
    return (text[: found.start()].strip(), text[found.start() :]) if found else (before, after)


def _words(source: str, kind: str) -> NotebookNode:
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}})


def _a_slide_a_question(stage: Stage, part: str, cell: NotebookNode) -> list[Slide]:
    """Part a quiz, whose output is an opening, its questions and the end of the element around them."""
    html = cell.outputs[0].get("data", {}).get("text/html", "") if cell.get("outputs") else ""
    if "data-mlops-quiz" not in html:
        return []
    opening, *questions = QUESTION.split(SCRIPT.sub("", html))
    slides = []
    for place, (question, asked) in enumerate(zip(questions, quiz(stage).questions, strict=True)):
        one = deepcopy(cell)
        one.id = f"{cell.id}-{place}"
        one.metadata.tags = ["slide-output", "slide-quiz"]
        # A class votes before anybody helps it.
        shown = HINT.sub(lambda found: fold("Hint", f"<p>{found[1]}</p>"), question.removesuffix("</div>"))
        shown = re.sub(r"Question \d+ of \d+", "Question", shown)
        one.outputs[0].data["text/html"] = f"{opening.partition('<p>')[0]}{shown}</div>"
        slides.append(Slide(part, "Vote", [_words("### Vote", "-"), one], asked))
    return slides


def slides_of_plan(plan: Plan, notebooks: dict[Stage, NotebookNode]) -> list[Slide]:
    """Take from the decks what a plan goes through, each stage's title before it, and at the end what it asks."""
    shown, votes = [], []
    for stage, parts in plan.taught().items():
        opening, *others = slides_of(stage, notebooks[stage])
        shown.append(opening)
        for slide in others:
            if slide.asked in plan.questions(stage):
                votes.append(slide)
            elif not slide.asked and slide.part.lower() in (OPENING.lower() if stage == STAGES[0] else "", *parts):
                shown.append(slide)
    return shown + votes


def reveal_file(name: str) -> str:
    """Read a file of reveal.js, such as ``"dist/reveal.js"``, from the copy in the package sphinx-revealjs."""
    return Path(sphinx_revealjs.__file__).parent.joinpath("_static", "revealjs", name).read_text(encoding="utf-8")


def _as_address(script: str) -> str:
    """Write a script as a data address: whatever it holds, it cannot end the page's element early."""
    return "data:text/javascript;base64," + base64.b64encode(script.encode()).decode()


def deck(title: str, slides: Iterable[Slide]) -> str:
    """Make a deck: a whole HTML page."""
    config = Config()
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {"slide-output"}
    exporter = SlidesExporter(
        config=config,
        template_name="deck",
        extra_template_basedirs=[str(DECK.parent)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        anchor_link_text="",
    )
    parts = {
        "title": title,
        "css": (DECK / "deck.css").read_text(encoding="utf-8"),
        "reveal_css": reveal_file("dist/reveal.css"),
        "scripts": [_as_address(reveal_file(name)) for name in ("dist/reveal.js", "plugin/notes/notes.js")],
    }
    page, _ = exporter.from_notebook_node(
        nbformat.v4.new_notebook(cells=[cell for slide in slides for cell in slide.cells]),
        resources={"deck": parts, "metadata": {"name": title}},
    )
    return NOTEBOOK_LINK.sub(r'href="\1.html"', page).replace('href="../', 'href="../../')


def run_for_slides(path: Path) -> NotebookNode:
    """Run a notebook whose figures are drawn for slides."""
    with tempfile.TemporaryDirectory() as home:
        startup = Path(home, "ipython", "profile_default", "startup")
        startup.mkdir(parents=True)
        (startup / "figures.py").write_text((DECK / "figures.py").read_text(encoding="utf-8"), encoding="utf-8")
        return execute(path, fresh_environment(Path(home)))


def main() -> None:
    """Write a deck of each notebook and of each plan, and a page that leads to them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    links, notebooks = [], {}
    for stage in STAGES:
        print(f"Running {stage.notebook} ...", flush=True)
        notebooks[stage] = run_for_slides(ROOT / "notebooks" / stage.notebook)
    decks = {Path(stage.notebook).stem: (stage.name, slides_of(stage, notebooks[stage])) for stage in STAGES}
    decks |= {f"plan-{name}": (plan.title, slides_of_plan(plan, notebooks)) for name, plan in PLANS.items()}
    for name, (title, slides) in decks.items():
        (FOLDER / f"{name}.html").write_text(deck(title, slides), encoding="utf-8")
        links.append(f'<li><a href="{name}.html">{escape(title)}</a>, {len(slides)} slides</li>')
    (FOLDER / "glossary.html").write_text(handout(), encoding="utf-8")
    links.append('<li><a href="glossary.html">Glossary</a>, one page to print</li>')
    index = FOLDER / "index.html"
    index.write_text(INDEX.format("".join(links)), encoding="utf-8")
    print(f"Open {index} in a browser.")


if __name__ == "__main__":
    main()
