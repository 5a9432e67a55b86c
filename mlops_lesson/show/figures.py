"""Figures that carry words: alternative text made from the drawn data, and the finding above the picture.

JupyterLab drops alternative text that comes with an image output, so a figure is shown as HTML: an `img` element with
`alt`, inside a `figure` element with a caption. Figures are drawn without pyplot, so that nothing stays in memory.
"""

import atexit
import base64
import io
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_lesson.show.page import FOLDED, OURS

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 110

BLUE, PINK, ORANGE, VIOLET, GREY = "#3a5fcd", "#c2185b", "#b36b00", "#6a3d9a", "#5f6368"
PALETTE = (BLUE, PINK, ORANGE, VIOLET)
"""Colours that differ for colour-blind eyes and reach a contrast of 3 to 1 on white."""

MARKERS = ("o", "s", "^", "D")
LINE_STYLES = ("-", "--", ":", "-.")

STYLE = {
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "axes.titleweight": "bold",
    "axes.grid": True,
    "grid.color": "#e3e3e3",
    "axes.axisbelow": True,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "legend.frameon": False,
    # A name with two dollar signs is a name, not a formula.
    "text.parse_math": False,
}


@dataclass(frozen=True, repr=False)
class ShownFigure:
    """A figure ready to be displayed by Jupyter.

    Parameters
    ----------
    png : bytes
        The picture.
    alt : str
        What the picture shows, in words and numbers.
    caption : str
        The finding, one sentence; it stands above the picture.
    width : int
        Width in CSS pixels.
    """

    png: bytes
    alt: str
    caption: str
    width: int

    def __repr__(self) -> str:
        return f"Figure: {self.caption}\n{self.alt}"

    def _repr_html_(self) -> str:
        source = "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")
        return (
            f'{FOLDED}<figure {OURS} style="margin:0.5em 0;max-width:100%">'
            f'<figcaption style="font-weight:600">{escape(self.caption)}</figcaption>'
            f'<img alt="{escape(self.alt)}" src="{source}" width="{self.width}" '
            'style="max-width:100%;height:auto;background:#ffffff;border-radius:4px"></figure>'
        )


@dataclass
class Drawing:
    """A figure that is being drawn; made by `drawing`."""

    figure: "Figure"
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
        Draw on its `axes` and set its `alt`.

    Raises
    ------
    ValueError
        If the drawing ends without alternative text.

    Examples
    --------
    >>> with drawing("Half of the clicks come within a day") as d:
    ...     d.axis.plot([0, 1, 2], [0.0, 0.57, 0.84])
    ...     d.alt = "Line of the share of parcels labelled by day: 0: 0 %, 1: 57 %, 2: 84 %."
    >>> d.shown
    """
    _give_matplotlib_a_folder()
    from matplotlib.figure import Figure
    from matplotlib.style import context

    # matplotlib's own defaults first: a style that somebody has set may be white on white with ours.
    with context(["default", STYLE]):
        figure = Figure(figsize=(width, height))
        drawn = Drawing(figure, list(figure.subplots(rows, columns, squeeze=False, **options).ravel()))
        yield drawn
        drawn.shown = show(figure, drawn.alt, title)


def show(figure: "Figure", alt: str, caption: str) -> ShownFigure:
    """Turn a matplotlib figure of your own into an output with alternative text and a caption.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure; it need not be known to pyplot.
    alt : str
        What the figure shows, made from the plotted data; not empty.
    caption : str
        The finding in one sentence; not empty.

    Returns
    -------
    ShownFigure
        Make it the last expression of a cell, or pass it to `IPython.display.display`.

    Raises
    ------
    ValueError
        If `alt` or `caption` is empty.
    """
    if not alt.strip() or not caption.strip():
        raise ValueError("A figure needs alternative text and a caption: give both `alt` and `caption` some words.")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, facecolor="white", bbox_inches="tight")
    png = buffer.getvalue()
    pixels_wide = int.from_bytes(png[16:20], "big")
    return ShownFigure(png, alt, caption, round(pixels_wide * 96 / DOTS_PER_INCH))


def _give_matplotlib_a_folder() -> None:
    """Name a temporary folder for matplotlib's list of fonts where the home cannot be written, before it asks."""
    if "matplotlib" in sys.modules or "MPLCONFIGDIR" in os.environ or os.access(Path("~").expanduser(), os.W_OK):
        return
    folder = tempfile.mkdtemp(prefix="matplotlib-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["MPLCONFIGDIR"] = folder


def plot_images(
    images: "Sequence[np.ndarray]", titles: Sequence[str], *, title: str, alt: str, columns: int = 8
) -> ShownFigure:
    """Draw camera images in a grid.

    Parameters
    ----------
    images : sequence of numpy.ndarray
        Grey levels 0 to 16; at least one image.
    titles : sequence of str
        One short text an image.
    title : str
        The finding.
    alt : str
        What the images show.
    columns : int
        Images in a row.

    Returns
    -------
    ShownFigure
        Ready to be displayed.

    Raises
    ------
    ValueError
        If there is no image, or images and titles differ in number.
    """
    if len(images) == 0 or len(images) != len(titles):
        raise ValueError(f"Give one title an image: got {len(images)} images and {len(titles)} titles.")
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    with drawing(title, 1.05 * columns, 1.3 * rows, columns=columns, rows=rows) as d:
        for axis in d.axes:
            axis.set_axis_off()
        for axis, image, text in zip(d.axes, images, titles, strict=False):
            axis.imshow(image, cmap="gray", vmin=0, vmax=16)
            axis.set_title(text, fontweight="normal", fontsize="small", loc="center")
        d.alt = alt
    return d.shown
