"""The two pictures of Data Collection: what is missing, and how late labels come."""

import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import RawDataset
from mlops_lesson.show.figures import BLUE, PINK, ShownFigure, drawing, plot_counts


def plot_gaps(raw: RawDataset) -> ShownFigure:
    """Draw how many scans each source does not know."""
    table, anything = raw.table, "any of the three"
    gaps = {"image": ~table["has_image"], "click": table["chute"].isna(), "light reading": table["lux"].isna()}
    gaps[anything] = pd.DataFrame(gaps).any(axis=1)
    missing = {name: int(gap.sum()) for name, gap in gaps.items()}
    title = f"Each source misses few scans; in all, {missing[anything]} scans lack something"
    return plot_counts(missing, anything, title=title, what=f"scans without it, of {len(table):,}")


def plot_delays(hours: pd.Series) -> ShownFigure:
    """Draw which share of the scans has a label after so many days.

    Parameters
    ----------
    hours : pandas.Series
        Hours from the photograph to the first click, missing for scans that nobody clicked.
    """
    days = (hours.dropna() / 24).sort_values()
    words = ", ".join(f"day {day}: {(hours <= 24 * day).mean():.1%}" for day in (1, 2, 3, 7))
    title = f"Half of the clicks take longer than {hours.median():.0f} hours, and some scans get none"
    with drawing(title, 7, 2.6) as d:
        d.axis.plot(days, np.arange(1, len(days) + 1) / len(hours), color=BLUE)
        d.axis.axvline(hours.median() / 24, color=PINK, linestyle="--", label="half of the clicks")
        d.axis.axvline(7, color="black", linestyle=":", label="one week")
        d.axis.set(xlabel="days since the photograph", ylabel="share labelled", ylim=(0, 1), xticks=[0, 1, 3, 7, 14])
        d.axis.legend(loc="lower right")
        d.alt = f"Line of the share of all scans that are labelled by {words}"
    return d.shown
