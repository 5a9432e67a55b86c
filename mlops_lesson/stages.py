"""The six stages of the machine-learning lifecycle, and the strip that says "you are here"."""

import math
from dataclasses import dataclass
from html import escape
from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops_lesson.show.figures import ShownFigure
from mlops_lesson.show.figures import ShownFigure


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
    def notebook(self) -> str:
        """File name of the stage's notebook, such as ``"01_data_collection.ipynb"``."""
        return f"{self.number:02d}_{self.slug}.ipynb"


STAGES: tuple[Stage, ...] = (
    Stage(
        1,
        "Data Collection",
        "Raw data from various sources",
        "Gather data from databases, sensors, or files",
        "Raw dataset with mixed formats",
        "CSV files with user clicks, images from cameras",
    ),
    Stage(
        2,
        "Data Preprocessing",
        "Raw dataset with mixed formats",
        "Clean, normalize, and format data for training",
        "Cleaned dataset with consistent features",
        "Remove missing values, scale numbers between 0 and 1",
    ),
    Stage(
        3,
        "Model Training",
        "Cleaned dataset with consistent features",
        "Train ML model using training data",
        "Trained model with learned parameters",
        "Neural network learns to classify images",
    ),
    Stage(
        4,
        "Model Validation",
        "Trained model and validation dataset",
        "Evaluate model accuracy and performance",
        "Performance metrics like accuracy and loss",
        "Model achieves 85% accuracy on validation images",
    ),
    Stage(
        5,
        "Deployment",
        "Validated trained model",
        "Deploy model to production environment",
        "Model available for real-time predictions",
        "Model runs on cloud server responding to user queries",
    ),
    Stage(
        6,
        "Monitoring & Maintenance",
        "Deployed model and live data",
        "Track model performance and update if needed",
        "Alerts on model drift and updated models",
        "Detect accuracy drop and retrain model automatically",
    ),
)

KEY_INSIGHT = (
    "MLOps manages the ML lifecycle to keep models accurate and reliable by organizing data handling, training, "
    "deployment, and continuous monitoring, so that models stay useful in changing real-world conditions."
)


def get_stage(stage: "int | str | Stage") -> Stage:
    """Look a stage up by its number, name or slug.

    Parameters
    ----------
    stage : int, str or Stage
        1 to 6, a name such as ``"Data Collection"``, a slug such as ``"data_collection"``, or a `Stage`, which is
        returned as it is.

    Returns
    -------
    Stage
        The stage.

    Raises
    ------
    ValueError
        If there is no such stage; the message lists the six.
    """
    if isinstance(stage, Stage):
        return stage
    for known in STAGES:
        if stage in (known.number, known.name, known.slug) and not isinstance(stage, bool):
            return known
    names = ", ".join(f"{known.number} {known.name!r}" for known in STAGES)
    raise ValueError(f"No stage {stage!r}. Give a number or a name: {names}.")


OPEN_IN_PRINT = (
    "<style>@media print { details::details-content { content-visibility: visible; block-size: auto; } }</style>"
)
"""Unfolds the notebook's foldable blocks on paper, where nobody can open them."""


@dataclass(frozen=True)
class Strip:
    """The six stages in a row with "you are here"; made by `strip`."""

    stage: Stage

    def __repr__(self) -> str:
        names = [f"[{s.number} {s.name}]" if s == self.stage else f"{s.number} {s.name}" for s in STAGES]
        return f"You are here: {self.stage.number} {self.stage.name}\n" + " > ".join(names) + " > back to 1"

    def _repr_html_(self) -> str:
        items = []
        for stage in STAGES:
            here = stage == self.stage
            look = (
                "border:2px solid var(--jp-ui-font-color1,#222);font-weight:bold"
                if here
                else "border:1px solid var(--jp-ui-font-color2,#555)"
            )
            current = ' aria-current="step"' if here else ""
            note = "<br>you are here" if here else ""
            items.append(
                f'<li{current} style="{look};border-radius:4px;padding:4px 8px;margin:2px;display:inline-block;'
                f'vertical-align:top">{stage.number} {escape(stage.name)}{note}</li>'
            )
        return (
            '<ol aria-label="The six stages of the lifecycle; after the last comes the first again" '
            'style="list-style:none;margin:0;padding:0">' + "".join(items) + f"</ol>{OPEN_IN_PRINT}"
        )


def strip(stage: "int | str | Stage") -> Strip:
    """Show the six stages in a row, with the current one marked "you are here".

    Parameters
    ----------
    stage : int, str or Stage
        The current stage; see `get_stage`.

    Returns
    -------
    Strip
        Make it the last expression of a cell.

    Raises
    ------
    ValueError
        If there is no such stage.
    """
    return Strip(get_stage(stage))


@dataclass(frozen=True)
class StageCard:
    """A stage's input, operation, output and example beside the figures of a run; made by `stage_card`."""

    stage: Stage
    measured: tuple[tuple[str, str], ...]

    def _rows(self) -> list[tuple[str, str, str]]:
        found = dict(self.measured)
        parts = ("input", "operation", "output", "example")
        return [(part, getattr(self.stage, part), found.get(part, "")) for part in parts]

    def __repr__(self) -> str:
        lines = [f"Stage {self.stage.number}, {self.stage.name}"]
        for part, text, measured in self._rows():
            lines.append(f"  {part + ':':<11}{text}" + (f"  | in this run: {measured}" if measured else ""))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left">{part.capitalize()}</th>'
            f'<td style="text-align:left">{escape(text)}</td><td style="text-align:left">{escape(measured)}</td></tr>'
            for part, text, measured in self._rows()
        )
        return (
            f"<table><caption>Stage {self.stage.number}, {escape(self.stage.name)}</caption>"
            '<thead><tr><th scope="col" style="text-align:left">Part</th>'
            '<th scope="col" style="text-align:left">In general</th>'
            f'<th scope="col" style="text-align:left">In this run</th></tr></thead><tbody>{rows}</tbody></table>'
        )


def stage_card(stage: "int | str | Stage", **measured: str) -> StageCard:
    """Show a stage's input, operation, output and example, with the real figures of this run beside them.

    Parameters
    ----------
    stage : int, str or Stage
        The stage; see `get_stage`.
    **measured : str
        What this run has for `input`, `operation`, `output` and `example`; each may be left out.

    Returns
    -------
    StageCard
        Make it the last expression of a cell.

    Raises
    ------
    ValueError
        If another name than those four is given.
    """
    unknown = set(measured) - {"input", "operation", "output", "example"}
    if unknown:
        raise ValueError(
            f"A stage card has input, operation, output and example; got {', '.join(sorted(unknown))} as well."
        )
    return StageCard(get_stage(stage), tuple(measured.items()))


def plot_lifecycle() -> "ShownFigure":
    """Draw the six stages as the loop that they are, each with what it hands on.

    Returns
    -------
    ShownFigure
        Ready to be displayed, with alternative text.
    """
    from mlops_lesson.show.figures import BLUE, GREY, drawing

    title = "What monitoring finds is where the next round begins"
    turns = [0.25 - place / len(STAGES) for place in range(len(STAGES))]
    places = [(math.cos(2 * math.pi * turn) * 1.75, math.sin(2 * math.pi * turn)) for turn in turns]
    with drawing(title, 8.0, 5.0) as d:
        axis = d.axis
        boxes = [
            axis.text(
                *place,
                f"{stage.number} {stage.name}\n{fill(stage.output, 24)}",
                ha="center",
                va="center",
                fontsize="small",
                bbox={"boxstyle": "round,pad=0.6", "facecolor": "white", "edgecolor": BLUE, "linewidth": 1.5},
            )
            for place, stage in zip(places, STAGES, strict=True)
        ]
        for start, end, box, next_box in zip(
            places, places[1:] + places[:1], boxes, boxes[1:] + boxes[:1], strict=True
        ):
            axis.annotate(
                "",
                xy=end,
                xytext=start,
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": GREY,
                    "linewidth": 1.5,
                    "mutation_scale": 16,
                    "patchA": box.get_bbox_patch(),
                    "patchB": next_box.get_bbox_patch(),
                },
            )
        axis.set(xlim=(-2.6, 2.6), ylim=(-1.35, 1.35))
        axis.set_axis_off()
        steps = "; ".join(f"{stage.number} {stage.name} hands on: {stage.output}" for stage in STAGES)
        d.alt = f"Six boxes in a circle, an arrow from each to the next and from the last to the first. {steps}."
    return d.shown
