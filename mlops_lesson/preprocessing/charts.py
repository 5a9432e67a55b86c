"""The two pictures of Data Preprocessing: what the rules removed, and how much a leak inflates a score."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from mlops_lesson.show.figures import BLUE, ShownFigure, drawing, plot_counts


def plot_removed(report: pd.DataFrame, n_rows: int) -> ShownFigure:
    """Draw how many of the rows each rule removed; `report` is that of a `CleanDataset`."""
    removed = report[(report["action"] == "removed") & (report["rows"] > 0)].set_index("rule")["rows"]
    title = f"Removed most often: {removed.idxmax()} ({removed.max()} of {removed.sum()} rows)"
    return plot_counts(removed.to_dict(), removed.idxmax(), title=title, what=f"rows removed, of {n_rows:,}")


def plot_inflation(points: Mapping[str, Sequence[float]]) -> ShownFigure:
    """Draw by how much each leak inflates a score, one circle per repeat and a bar at their mean.

    Parameters
    ----------
    points : mapping of str to sequence of float
        By leak: accuracy with the leak minus accuracy without, in percentage points, once per repeat.
    """
    table = pd.DataFrame({leak: pd.Series(list(values)) for leak, values in points.items()})
    means = table.mean()
    with drawing(f"The largest mean: {means.idxmax()}, {means.max():.1f} points", 7, 3.0) as d:
        # Moved up and down a little, so that equal points do not hide each other.
        beside = np.random.default_rng(0).uniform(-0.3, 0.3, len(table))
        for row, leak in enumerate(table):
            d.axis.plot(table[leak], row + beside, "o", color=BLUE, markersize=4, markerfacecolor="none")
            d.axis.plot(means[leak], row, "|", color="black", markersize=26, markeredgewidth=3)
        d.axis.set_yticks(range(len(table.columns)), labels=list(table))
        d.axis.axvline(0, color="black", linestyle=":")
        d.axis.set(xlabel="points gained by the leak (circle: one repeat, bar: mean)", ylim=(len(points) - 0.5, -0.5))
        d.alt = "Points by which each leak inflates the accuracy. " + " ".join(
            f"{row.Index}: {row.min:+.1f} to {row.max:+.1f}, mean {row.mean:+.1f}."
            for row in table.agg(["min", "max", "mean"]).T.itertuples()
        )
    return d.shown
