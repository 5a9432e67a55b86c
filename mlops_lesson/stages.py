"""The six stages of the machine-learning lifecycle, and what shows them: strip, card and picture."""

import tomllib
from dataclasses import dataclass
from html import escape
from pathlib import Path

from mlops_lesson.show.page import OURS, Shown, html_table


@dataclass(frozen=True)
class Stage:
    """One stage of the machine-learning lifecycle.

    Parameters
    ----------
    number : int
        Place in the lifecycle, 1 to 6.
    name : str
        Name of the stage, as it is written everywhere in the course.
    input, operation, output, example : str
        What goes in, what is done, what comes out, and one everyday example.
    """

    number: int
    name: str
    input: str
    operation: str
    output: str
    example: str

    @property
    def slug(self) -> str:
        """Name for files and links, such as ``"data_collection"``."""
        return self.name.lower().replace("&", "and").replace(" ", "_")

    @property
    def short(self) -> str:
        """The name in one word, such as ``"Collection"``."""
        return self.name.removeprefix("Data ").removeprefix("Model ").partition(" ")[0]

    @property
    def notebook(self) -> str:
        """File name of the stage's notebook, such as ``"01_data_collection.ipynb"``."""
        return f"{self.number:02d}_{self.slug}.ipynb"


_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
STAGES: tuple[Stage, ...] = tuple(Stage(number, **words) for number, words in enumerate(_WORDS["stages"], start=1))


def get_stage(stage: "int | str | Stage") -> Stage:
    """Look a stage up by its number, name or slug.

    Parameters
    ----------
    stage : int, str or Stage
        1 to 6, a name such as ``"Data Collection"``, a slug such as ``"data_collection"``, or a `Stage`.

    Returns
    -------
    Stage
        The stage.

    Raises
    ------
    ValueError
        If there is no such stage; the message lists the six.
    """
    for known in STAGES:
        if stage in (known, known.number, known.name, known.slug):
            return known
    names = ", ".join(f"{known.number} {known.name!r}" for known in STAGES)
    raise ValueError(f"No stage {stage!r}. Give a number or a name: {names}.")


PAGE_STYLE = (
    "<style>@media print { details::details-content { content-visibility: visible; block-size: auto; } }"
    ".jp-RenderedMarkdown :is(p, li, td) a { text-decoration: underline; }"
    ".jp-RenderedMarkdown summary { padding: 4px 0; }</style>"
)
"""For the notebook's own texts: folds are open on paper and large enough to hit, links are known without colour."""

_LINK = "line-height:24px;text-decoration:underline"


def strip(stage: "int | str | Stage") -> Shown:
    """Show the six stages as links in one line, with "you are here" at the current one.

    Parameters
    ----------
    stage : int, str or Stage
        The current stage; see `get_stage`.

    Returns
    -------
    Shown
        Make it the last expression of a cell.
    """
    current = get_stage(stage)
    words, items = [], []
    for each in STAGES:
        name = f"{each.number}\u00a0{each.short}"
        words.append(f"[{each.number} {each.name}]" if each == current else f"{each.number} {each.name}")
        link = f'<a href="{each.notebook}" title="{escape(each.name)}" style="{_LINK}">{name}</a>'
        here = f'<span aria-current="page"><strong>{name}</strong> (you\u00a0are\u00a0here)</span>'
        items.append(f"<li>{here if each == current else link}</li>")
    return Shown(
        f"You are here: {current.number} {current.name}\n{' > '.join(words)} > back to 1",
        f'<ol {OURS} aria-label="The six stages of the lifecycle; after the last comes the first again" '
        'style="list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;align-items:baseline;gap:0 9px;'
        'font-size:0.78em">'
        f"{''.join(items)}</ol>{PAGE_STYLE}",
    )


def stage_card(
    stage: "int | str | Stage", *, input: str = "", operation: str = "", output: str = "", example: str = ""
) -> Shown:
    """Show a stage's input, operation, output and example, with the real numbers of this run beside them.

    Parameters
    ----------
    stage : int, str or Stage
        The stage; see `get_stage`.
    input, operation, output, example : str
        What this run has for each.

    Returns
    -------
    Shown
        Make it the last expression of a cell.
    """
    current = get_stage(stage)
    here = {"input": input, "operation": operation, "output": output, "example": example}
    rows = [(part, getattr(current, part), measured) for part, measured in here.items()]
    title = f"Stage {current.number}, {current.name}"
    lines = [f"  {part + ':':<11}{words}{'  | in this run: ' * bool(own)}{own}" for part, words, own in rows]
    table = [(part.capitalize(), *words) for part, *words in rows]
    head = ("Part", "In general", "In this run")
    return Shown("\n".join([title, *lines]), html_table(table, title, head, row_heads=True))


# Where each stage stands on a grid of two rows of three boxes, with rows and columns between them for the arrows; how
# its box and the arrow to the next stage stand to each other; and that arrow.
_PLACES = (
    ("1 / 1 / 2 / 3", "row", "→"),
    ("1 / 3 / 2 / 5", "row", "→"),
    ("1 / 5 / 3 / 6", "column", "↓"),
    ("3 / 4 / 4 / 6", "row-reverse", "←"),
    ("3 / 2 / 4 / 4", "row-reverse", "←"),
    ("2 / 1 / 4 / 2", "column-reverse", "↑"),
)


def lifecycle() -> Shown:
    """Draw the six stages as the circle that they are: each a link, with what it hands on.

    Returns
    -------
    Shown
        Make it the last expression of a cell. It is an ordered list laid out on a grid, so where no style is left, an
        ordered list of links remains.
    """
    title = "The machine-learning lifecycle: what monitoring finds is where the next round begins"
    box = "flex:1;border:2px solid #3a5fcd;border-radius:6px;padding:6px 10px;line-height:1.4"
    arrow_look = "width:30px;line-height:30px;align-self:center;text-align:center;font-size:20px"
    items = [
        f'<li style="grid-area:{area};display:flex;flex-direction:{direction};align-items:stretch">'
        f'<div style="{box}"><a href="{stage.notebook}" style="{_LINK};font-weight:bold">'
        f"{stage.number} {escape(stage.name)}</a><br>{escape(stage.output)}</div>"
        f'<span aria-hidden="true" style="{arrow_look}">{arrow}</span></li>'
        for stage, (area, direction, arrow) in zip(STAGES, _PLACES, strict=True)
    ]
    return Shown(
        "\n".join([title, *(f"{each.number} {each.name}, hands on: {each.output}" for each in STAGES), "then 1 again"]),
        f'<figure {OURS} style="margin:8px 0;max-width:60em;overflow-x:auto">'
        f'<figcaption style="font-weight:600">{title}</figcaption>'
        '<ol style="display:grid;grid-template-columns:1fr 30px 1fr 30px 1fr;grid-template-rows:auto 30px auto;'
        'list-style:none;margin:8px 0;padding:0">'
        f"{''.join(items)}</ol></figure>",
    )
