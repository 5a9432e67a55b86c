"""Figures that carry words: alternative text made from the drawn data, and the finding above the picture.

JupyterLab drops alternative text that comes with an image output, so a figure is shown as HTML: an `img` element with
`alt`, inside a `figure` element with a caption. Figures are drawn without pyplot, so that nothing stays in memory.
"""

import base64
import io
import logging
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops_lesson.show.page import STATIC_FOLDER, Shown, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# matplotlib's own defaults first: a style that somebody has set may be white on white with ours.
STYLE: list[Any] = ["default", STATIC_FOLDER / "course.mplstyle"]

BLUE, PINK, ORANGE, VIOLET, GREY = "#3a5fcd", "#c2185b", "#b36b00", "#6a3d9a", "#5f6368"
PALETTE = (BLUE, PINK, ORANGE, VIOLET)
"""Colours that differ for colour-blind eyes and reach a contrast of 3 to 1 on white."""

MARKERS = ("o", "s", "^", "D")
LINE_STYLES = ("-", "--", ":", "-.")


@dataclass(frozen=True, repr=False)
class ShownFigure(Shown):
    """A figure ready to be displayed by Jupyter, with what it shows in words; made by `drawing`."""

    caption: str
    alt: str


@dataclass
class Drawing:
    """A figure that is being drawn; made by `drawing`."""

    axes: "list[Axes]"
    alt: str = ""
    shown: ShownFigure | None = None

    @property
    def axis(self) -> "Axes":
        """The first of the axes."""
        return self.axes[0]


@contextmanager
def drawing(
    title: str, width: float = 7.0, height: float = 3.2, *, columns: int = 1, rows: int = 1, **options: object
) -> Iterator[Drawing]:
    """Draw a figure in the course's style; afterwards `.shown` is ready to be displayed.

    Parameters
    ----------
    title : str
        The finding in one sentence; it stands above the picture, not in it.
    width, height : float
        Size in inches.
    columns, rows : int
        Grid of axes.
    **options
        Handed to `matplotlib.figure.Figure.subplots`, such as `sharey=True`.

    Yields
    ------
    Drawing
        Draw on its `axes` and set its `alt`; a drawing that ends without raises ValueError.
    """
    # matplotlib takes a temporary folder where the home cannot be written; that it says so frightens, and helps nobody.
    if not os.access(Path.home(), os.W_OK):
        logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib.figure import Figure
    from matplotlib.style import context

    with context(STYLE):
        figure = Figure(figsize=(width, height), dpi=110)
        drawn = Drawing(list(figure.subplots(rows, columns, squeeze=False, **options).ravel()))
        yield drawn
        if not drawn.alt.strip() or not title.strip():
            raise ValueError("A figure needs a title that says what it shows, and alternative text: set `alt`.")
        kind, picture = draw(figure)
        encoded, width = base64.b64encode(picture).decode(), f"{figure.get_figwidth() * 96:.0f}"
        page = render("show/figure", title=title, alt=drawn.alt, kind=kind, picture=encoded, width=width)
        drawn.shown = ShownFigure(f"Figure: {title}\n{drawn.alt}", page, title, drawn.alt)


def draw(figure: "Figure") -> tuple[str, bytes]:
    """Draw a figure, and return the picture's kind and content; slides have a way of their own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    picture = io.BytesIO()
    # Not `savefig`, which would draw everything twice.
    FigureCanvasAgg(figure).print_png(picture)
    return "png", picture.getvalue()


def plot_counts(
    counts: Mapping[str, int], marked: str, *, title: str, what: str, height: float = 2.2, limit: int | None = None
) -> ShownFigure:
    """Draw counts as bars from top to bottom, each with its number; the marked one is the title's."""
    with drawing(title, 7.0, height) as d:
        colours = [BLUE if name == marked else GREY for name in counts]
        bars = d.axis.barh(list(counts), list(counts.values()), color=colours, height=0.6)
        d.axis.bar_label(bars, [f"{count:,}" for count in counts.values()], padding=3)
        d.axis.set(xlabel=what, xlim=(0, limit))
        d.axis.invert_yaxis()
        d.axis.grid(axis="y", visible=False)
        d.alt = f"Bar chart of {what}. " + "; ".join(f"{name}: {count:,}" for name, count in counts.items()) + "."
    return d.shown


def plot_images(images: Sequence[np.ndarray], titles: Sequence[str], *, title: str, alt: str) -> ShownFigure:
    """Draw camera images in a grid, up to eight in a row.

    Parameters
    ----------
    images : sequence of numpy.ndarray
        Grey levels 0 to 16; at least one image.
    titles : sequence of str
        One short text per image.
    title : str
        The finding.
    alt : str
        What the images show.
    """
    columns = min(8, len(images))
    rows = math.ceil(len(images) / columns)
    # Few images are no narrower than a long title.
    with drawing(title, max(1.05 * columns, 4.0), 1.3 * rows, columns=columns, rows=rows) as d:
        for axis in d.axes:
            axis.set_axis_off()
        for axis, image, text in zip(d.axes, images, titles, strict=False):
            axis.imshow(image, cmap="gray", vmin=0, vmax=16)
            axis.set_anchor("W")
            axis.set_title(text, fontweight="normal", fontsize="small")
        d.alt = alt
    return d.shown
