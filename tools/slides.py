"""Make slides of the notebooks: ``python tools/slides.py``, or ``make slides``.

A deck is one HTML file that needs no network and no file beside it. What is on it stands in the notebook's cells, with
their stored outputs; the cells' slide types say where (see CONTRIBUTING.md). nbconvert makes it, reveal.js shows it.
"""

import argparse
import base64
import importlib.util
import re
from copy import deepcopy
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from traitlets.config import Config

from mlops_lesson.show.page import fold

ROOT = Path(__file__).resolve().parent.parent
DECK = Path(__file__).resolve().parent / "deck"
FOLDER = ROOT / "build" / "slides"
OUTPUT_ONLY = "slide-output"
NO_TEXT = "slide-no-text"
SIZE = {"width": 1280, "height": 720}
QUESTION = re.compile(r"(?=<div data-mlops-question=)")
HINT = re.compile(r"<p>Hint: (<span data-hint>.*?</span>)</p>", re.DOTALL)
SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
NOTEBOOK_LINK = re.compile(r'href="(\w+)\.ipynb(?:#[\w-]*)?"')


def slide_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Take the cells that are slides, as they are to be shown.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        A notebook; it is not changed.

    Returns
    -------
    list of nbformat.NotebookNode
        Copies of the cells that have a slide type. Scripts are gone from the outputs: what a learner answers on the
        page stays as a list to fold out, which keeps no answers of a class. A quiz has become a cell a question.
    """
    shown = []
    for cell in deepcopy(notebook.cells):
        if "slide_type" not in cell.metadata.get("slideshow", {}):
            continue
        if NO_TEXT in cell.metadata.get("tags", []):
            cell.outputs = [output for output in cell.outputs if output.output_type != "stream"]
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data["text/html"] = SCRIPT.sub("", output.data["text/html"])
        shown += _a_cell_a_question(cell)
    return shown


def _a_cell_a_question(cell: NotebookNode) -> list[NotebookNode]:
    """Part a quiz, whose output is an opening, its questions and the end of the element around them."""
    html = cell.outputs[0].get("data", {}).get("text/html", "") if cell.get("outputs") else ""
    if "data-mlops-quiz" not in html:
        return [cell]
    opening, *questions = QUESTION.split(html)
    cells = []
    for place, question in enumerate(questions):
        part = deepcopy(cell)
        part.id = f"{cell.id}-{place + 1}"
        part.metadata.tags = [*part.metadata.get("tags", []), OUTPUT_ONLY, "slide-quiz"]
        end = "" if question is questions[-1] else "</div>"
        # A class votes before anybody helps it.
        asked = HINT.sub(lambda found: fold("Hint", f"<p>{found[1]}</p>"), question)
        part.outputs[0].data["text/html"] = f"{opening}{asked}{end}"
        cells.append(part)
    return cells


def reveal_file(name: str) -> str:
    """Read a file of reveal.js, from the copy that the package sphinx-revealjs carries.

    Parameters
    ----------
    name : str
        Its path in the distribution of reveal.js, such as ``"dist/reveal.js"``.

    Returns
    -------
    str
        Its text.

    Raises
    ------
    FileNotFoundError
        If the package is missing, or no longer carries this file.
    """
    package = importlib.util.find_spec("sphinx_revealjs")
    file = Path(package.origin).parent / "_static" / "revealjs" / name if package and package.origin else None
    if file is None or not file.is_file():
        raise FileNotFoundError(
            f"reveal.js's {name} is not there: slides need the package sphinx-revealjs. "
            "`make slides` installs it, as does `pip install -c requirements.lock -e '.[slides]'`."
        )
    return file.read_text(encoding="utf-8")


def _as_address(script: str) -> str:
    """Write a script as a data address: whatever it holds, it cannot end the page's element early."""
    return "data:text/javascript;base64," + base64.b64encode(script.encode()).decode()


def deck(notebook: NotebookNode) -> str:
    """Make the deck of a notebook.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        A notebook with its outputs; it is not changed.

    Returns
    -------
    str
        A whole HTML page.

    Raises
    ------
    ValueError
        If the notebook has no cell that begins a slide before all other slides' cells.
    """
    cells = slide_cells(notebook)
    if not cells or cells[0].metadata.slideshow.slide_type != "slide":
        raise ValueError(
            "The first cell with a slide type has to be of the type 'slide': give one, see CONTRIBUTING.md."
        )
    config = Config()
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {OUTPUT_ONLY}
    exporter = SlidesExporter(
        config=config,
        template_name="deck",
        extra_template_basedirs=[str(DECK.parent)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        anchor_link_text="",
    )
    parts = {
        **SIZE,
        "title": cells[0].source.splitlines()[0].lstrip("# "),
        "css": (DECK / "deck.css").read_text(encoding="utf-8"),
        "reveal_css": reveal_file("dist/reveal.css"),
        "scripts": [_as_address(reveal_file(name)) for name in ("dist/reveal.js", "plugin/notes/notes.js")],
    }
    page, _ = exporter.from_notebook_node(
        nbformat.from_dict({**notebook, "cells": cells}),
        resources={"deck": parts, "metadata": {"name": parts["title"]}},
    )
    return NOTEBOOK_LINK.sub(r'href="\1.html"', page).replace('href="../', 'href="../../')


def main() -> None:
    """Write the decks of all notebooks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to; build/slides if not named")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        page = folder / f"{path.stem}.html"
        page.write_text(deck(nbformat.read(path, as_version=4)), encoding="utf-8")
        print(f"{page.relative_to(ROOT) if page.is_relative_to(ROOT) else page}: {page.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
