"""Runs before a notebook that is run for slides: figures become vectors, in the shape and the letters of a slide."""

import io

from matplotlib import font_manager

from mlops_lesson.show import figures

INCHES, LETTERS = 12.3, 15

font_manager.font_scalings["small"] = 1.0
figures.STYLE.update({"font.size": LETTERS, "svg.fonttype": "none", "lines.linewidth": 2.5, "lines.markersize": 8})


class SlideFigure(figures.ShownFigure):
    """A figure that holds an SVG where others hold a PNG."""

    def _repr_html_(self) -> str:
        return super()._repr_html_().replace("image/png", "image/svg+xml")


def show(figure, alt: str, caption: str) -> SlideFigure:
    """Draw a figure as wide as a slide, and no higher than leaves room for words."""
    width, height = figure.get_size_inches()
    rows = figure.axes[0].get_gridspec().nrows
    figure.set_size_inches(INCHES, min(height * INCHES / width, 2.45 + 0.9 * rows))
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", facecolor="white")
    return SlideFigure(drawn.getvalue(), alt, caption, round(100 * INCHES))


figures.show = show
