"""Runs before a notebook that is run for slides: figures become vectors, in the shape and the letters of a slide."""

import io

from matplotlib import font_manager

from mlops_lesson.show import figures

INCHES, LETTERS = 12.8, 15.6

font_manager.font_scalings["small"] = 1.0
figures.STYLE.append({"font.size": LETTERS, "svg.fonttype": "none", "lines.linewidth": 2.5, "lines.markersize": 8})


def draw(figure) -> tuple[str, bytes]:
    """Draw a figure as wide as a slide, and no higher than leaves room for words."""
    width, height = figure.get_size_inches()
    rows = figure.axes[0].get_gridspec().nrows
    figure.set_size_inches(INCHES, min(height * INCHES / width, 2.4 + 0.9 * rows))
    for axis in figure.axes if rows > 1 else ():
        if axis.get_legend():
            # Large letters have no room over the lines of a low panel.
            axis.legend(loc="upper left", bbox_to_anchor=(1, 1), borderaxespad=0)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", facecolor="white")
    return "svg+xml", drawn.getvalue()


figures.draw = draw
