"""The two pictures of Data Preprocessing: what the rules removed, and how much a leak inflates a score."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from mlops_lesson.show.figures import BLUE, ShownFigure, drawing


def plot_removed(report: pd.DataFrame, n_rows: int) -> ShownFigure:
    """Draw how many rows each rule removed.

    Parameters
    ----------
    report : pandas.DataFrame
        `rule`, `action`, `rows`, as in `CleanDataset.report`.
    n_rows : int
        Rows before cleaning.

    Returns
    -------
    ShownFigure
        Ready to be displayed.
    """
    removed = report[(report["action"] == "removed") & (report["rows"] > 0)]
    biggest = removed.loc[removed["rows"].idxmax()]
    title = f"Removed most often: {biggest['rule']} ({biggest['rows']} of {removed['rows'].sum()} rows)"
    with drawing(title, 7, 2.2) as d:
        d.axis.bar_label(d.axis.barh(removed["rule"], removed["rows"], color=BLUE), padding=3)
        d.axis.set(xlabel=f"rows removed, of {n_rows:,}")
        d.axis.invert_yaxis()
        d.alt = "Rows removed by rule: " + "; ".join(f"{row.rule}: {row.rows}" for row in removed.itertuples())
    return d.shown


def plot_inflation(points: Mapping[str, Sequence[float]]) -> ShownFigure:
    """Draw by how much each leak inflates a score, one dot per repeat and a bar at their mean.

    Parameters
    ----------
    points : mapping of str to sequence of float
        By leak: accuracy with the leak minus accuracy without, in percentage points, once per repeat.

    Returns
    -------
    ShownFigure
        Ready to be displayed.
    """
    means = {leak: float(np.mean(values)) for leak, values in points.items()}
    largest = max(means, key=lambda leak: means[leak])
    with drawing(f"Inflates the accuracy most: {largest}, {means[largest]:.1f} points on average", 7, 2.6) as d:
        for place, values in enumerate(points.values()):
            d.axis.plot(values, [place] * len(values), "o", color=BLUE, alpha=0.45)
            d.axis.plot([np.mean(values)] * 2, [place - 0.3, place + 0.3], color="black", linewidth=2)
        d.axis.axvline(0, color="black", linestyle=":")
        d.axis.set_yticks(range(len(points)), list(points))
        d.axis.set(xlabel="accuracy with the leak minus without, in points; bar: mean", ylim=(len(points) - 0.5, -0.5))
        d.alt = "Points by which each leak inflates the accuracy. " + " ".join(
            f"{leak}: {min(values):+.1f} to {max(values):+.1f}, mean {means[leak]:+.1f}."
            for leak, values in points.items()
        )
    return d.shown
