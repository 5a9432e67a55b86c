"""The two pictures of Data Preprocessing: what the rules removed, and how much a leak inflates a score."""

from collections.abc import Mapping, Sequence

import pandas as pd

from mlops_lesson.show.figures import BLUE, ShownFigure, drawing, plot_counts


def plot_removed(report: pd.DataFrame, n_rows: int) -> ShownFigure:
    """Draw how many of the rows each rule removed; `report` is that of a `CleanDataset`."""
    removed = report[(report["action"] == "removed") & (report["rows"] > 0)].set_index("rule")["rows"]
    title = f"Removed most often: {removed.idxmax()} ({removed.max()} of {removed.sum()} rows)"
    return plot_counts(removed.to_dict(), removed.idxmax(), title=title, what=f"rows removed, of {n_rows:,}")


def plot_inflation(points: Mapping[str, Sequence[float]]) -> ShownFigure:
    """Draw by how much each leak inflates a score, one dot per repeat and a bar at their mean.

    Parameters
    ----------
    points : mapping of str to sequence of float
        By leak: accuracy with the leak minus accuracy without, in percentage points, once per repeat.
    """
    table = pd.DataFrame({leak: pd.Series(list(values)) for leak, values in points.items()})
    means = table.mean()
    with drawing(f"Inflates the accuracy most: {means.idxmax()}, {means.max():.1f} points on average", 7, 2.6) as d:
        for leak in table:
            d.axis.plot(table[leak], [leak] * len(table), "o", color=BLUE, alpha=0.45)
            d.axis.plot(means[leak], leak, "|", color="black", markersize=20, markeredgewidth=2)
        d.axis.axvline(0, color="black", linestyle=":")
        d.axis.set(xlabel="accuracy with the leak minus without, in points; bar: mean", ylim=(len(points) - 0.5, -0.5))
        d.alt = "Points by which each leak inflates the accuracy. " + " ".join(
            f"{row.Index}: {row.min:+.1f} to {row.max:+.1f}, mean {row.mean:+.1f}."
            for row in table.agg(["min", "max", "mean"]).T.itertuples()
        )
    return d.shown
