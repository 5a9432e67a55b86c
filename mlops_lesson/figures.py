"""Show a matplotlib figure so that everyone can read it.

JupyterLab cannot carry alternative text on a plain image output, so figures are shown as an HTML ``<figure>`` with
alternative text and a caption, and a plain-text twin for printouts, terminals and screen readers.
"""

import base64
import io
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
