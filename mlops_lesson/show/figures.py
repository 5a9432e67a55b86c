"""Show a matplotlib figure so that everyone can read it.

JupyterLab cannot carry alternative text on a plain image output, so figures are shown as an HTML ``<figure>`` with
alternative text and a caption, and a plain-text twin for printouts, terminals and screen readers.
"""

import atexit
import base64
import io
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


DOTS_PER_INCH = 110


@dataclass(frozen=True, repr=False)
class ShownFigure:
    """A figure ready to be displayed by Jupyter; made by `show`.

    Parameters
    ----------
    png : bytes
        The picture.
    alt : str
        What the picture shows, in words and numbers.
    caption : str
        The finding, one sentence.
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
            '<figure style="margin:0.5em 0;max-width:100%">'
            f'<img alt="{escape(self.alt)}" src="{source}" width="{self.width}" '
            'style="max-width:100%;height:auto;background:#ffffff;border-radius:4px">'
            f"<figcaption>{escape(self.caption)}</figcaption></figure>"
        )


def show(figure: "Figure", alt: str, caption: str) -> ShownFigure:
    """Turn a matplotlib figure into an output with alternative text and a caption.

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


@contextmanager
def new_figure(
    width: float = 7.0, height: float = 3.2, n_columns: int = 1, n_rows: int = 1, **options
) -> "Iterator[tuple[Figure, list[Axes]]]":
    """Open a figure in the course's style, without pyplot.

    Parameters
    ----------
    width, height : float
        Size in inches.
    n_columns, n_rows : int
        Grid of axes.
    **options
        Handed to `matplotlib.figure.Figure.subplots`, such as `sharey=True`.

    Yields
    ------
    tuple
        The figure and the list of its axes, row by row.
    """
    _give_matplotlib_a_folder()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height))
        axes = figure.subplots(n_rows, n_columns, squeeze=False, **options)
        yield figure, list(axes.ravel())


def _give_matplotlib_a_folder() -> None:
    """Name a temporary folder for matplotlib's list of fonts where the home cannot be written, before it asks."""
    if "matplotlib" in sys.modules or "MPLCONFIGDIR" in os.environ or os.access(Path("~").expanduser(), os.W_OK):
        return
    folder = tempfile.mkdtemp(prefix="matplotlib-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["MPLCONFIGDIR"] = folder


def _draw_image(axis: "Axes", image, title: str) -> None:
    axis.imshow(image, cmap="gray", vmin=0, vmax=16)
    axis.set_title(title, fontweight="normal", fontsize="small", loc="center")
    axis.set_axis_off()


def plot_images(images, titles: list[str], *, title: str, alt: str, columns: int = 8) -> "ShownFigure":
    """Draw camera images in a grid.

    Parameters
    ----------
    images : sequence of numpy.ndarray
        Grey levels 0 to 16; at least one image.
    titles : list of str
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
    if len(images) == 0 or len(images) != len(titles) or columns < 1:
        raise ValueError(
            f"Give one title an image, and at least one image and one column: got {len(images)} images, "
            f"{len(titles)} titles, {columns} columns."
        )
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    with new_figure(1.05 * columns, 1.3 * rows + 0.3, n_columns=columns, n_rows=rows) as (figure, axes):
        for axis in axes:
            axis.set_axis_off()
        for axis, image, text in zip(axes, images, titles, strict=False):
            _draw_image(axis, image, text)
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        return show(figure, alt, title)
