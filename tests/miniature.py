"""A notebook of a few cells that keeps every promise of the course, to break one promise at a time."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_checks import PARTS, Lesson

TABLE = (
    "<table><caption>Accuracy</caption><tr><th scope='col'>camera</th></tr>"
    "<tr><th scope='row'>north</th><td>0.91</td></tr></table>"
)
FIGURE = '<figure><img alt="Loss falls to 0.31" src="data:image/png;base64,AAAA" width="10"></figure>'


def code(name: str, source: str, *outputs: nbformat.NotebookNode, **metadata: object) -> nbformat.NotebookNode:
    return new_code_cell(source, id=name, outputs=list(outputs), metadata=metadata)


def shown(**data: str) -> nbformat.NotebookNode:
    return new_output("display_data", data={kind.replace("_", "/"): text for kind, text in data.items()})


def miniature_notebook() -> nbformat.NotebookNode:
    """Build the notebook, with outputs as if it had run."""
    cells = [new_markdown_cell("# A lesson\n\nIt reads the [guide](guide.md). 8 minutes from Why to Try.", id="title")]
    cells += [new_markdown_cell(f"## {part}\n\n*2 minutes*\n\nWords about it.", id=part.lower()) for part in PARTS]
    cells += [
        new_markdown_cell(
            "### Numbers\n\nThe accuracy is 0.91, or 91 %, the loss 0.31. The test asks for 95 % "
            "and the lesson for 85 %, see [Why](#Why) and [the paper](https://example.org/0.77).",
            id="numbers",
        ),
        code("say", "print('parcels: 12')", new_output("stream", name="stdout", text="parcels: 12\n")),
        code("table", "show_table()", shown(text_html=TABLE, text_plain="camera north 0.91")),
        code("figure", "show_figure()", shown(text_html=FIGURE, text_plain="Loss falls to 0.31")),
        *[code(f"step-{number}", f"step = {number}") for number in range(6)],
        code(
            "latency",
            "print(latency())",
            new_output("stream", name="stdout", text="1.7 ms\n"),
            tags=["nbval-ignore-output"],
            mlops_lesson={"varies": "the latency of a request"},
        ),
    ]
    facts = {"95 %": "the usual confidence level"}
    minutes = {part.lower(): 2 for part in PARTS}
    notebook = new_notebook(cells=cells, metadata={"mlops_lesson": {"minutes": minutes, "given_facts": facts}})
    for count, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
    return notebook


def miniature_lesson(folder: Path) -> Lesson:
    """Put the notebook's surroundings into a folder and return it as a lesson there."""
    (folder / "guide.md").write_text("A guide.\n", encoding="utf-8")
    path = folder / "miniature.ipynb"
    nbformat.write(miniature_notebook(), path)
    return Lesson.read(path)
