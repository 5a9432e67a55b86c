"""How good a model is and how sure we can be: intervals, slices, a paired test, calibration."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from mlops_lesson.show.figures import BLUE, GREY, PINK, ShownFigure, drawing

CONFIDENCE = 0.95
N_BINS = 5


def interval(n_right: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of `n_right` right answers of `n`, after Wilson (1927)."""
    ends = binomtest(int(n_right), int(n)).proportion_ci(CONFIDENCE, method="wilson")
    return float(ends.low), float(ends.high)


def mcnemar(right_one: np.ndarray, right_other: np.ndarray) -> float:
    """Test whether two models that answered the same images differ in accuracy.

    The exact form of McNemar's test (1947, doi:10.1007/BF02295996): if the models are equally good, an image on which
    only one is right is as likely to be the one's as the other's.

    Parameters
    ----------
    right_one, right_other : numpy.ndarray of bool, shape (n,)
        For each image, whether the model was right.

    Returns
    -------
    float
        Two-sided p-value; 1 if the models are right on the same images.
    """
    only_one, only_other = int((right_one & ~right_other).sum()), int((right_other & ~right_one).sum())
    return float(binomtest(only_one, only_one + only_other).pvalue) if only_one + only_other else 1.0


def slices(right: np.ndarray, by: pd.Series) -> pd.DataFrame:
    """Return the accuracy of each group of images, such as those of a camera.

    Returns
    -------
    pandas.DataFrame
        One row per group, indexed by its name: `n`, `accuracy`, `low` and `high` (95 % interval).
    """
    counts = pd.Series(right, index=by.index).groupby(by).agg(["size", "sum"])
    ends = [interval(n_right, n) for n, n_right in counts.itertuples(index=False)]
    low, high = zip(*ends, strict=True)
    return pd.DataFrame({"n": counts["size"], "accuracy": counts["sum"] / counts["size"], "low": low, "high": high})


def plot_seeds(by_seed: Mapping[int, float], seed: int) -> ShownFigure:
    """Draw how often each accuracy occurs among networks that differ in their seed only; one seed is marked."""
    accuracy = pd.Series(by_seed)
    counts = accuracy.round(6).value_counts().sort_index()
    rank = int((accuracy > accuracy[seed]).sum()) + 1
    with drawing(f"Seed {seed} is number {rank} of {len(accuracy)}", 6.4, 2.4) as d:
        own = round(accuracy[seed], 6)
        colours = np.where(counts.index == own, BLUE, "#d4d6d9")
        d.axis.bar(counts.index, counts, width=0.004, color=colours, edgecolor=GREY)
        d.axis.axvline(accuracy.mean(), color=PINK, linestyle="--", label=f"mean {accuracy.mean():.3f}")
        place = (own, counts[own])
        d.axis.annotate(f"seed {seed}", place, (0, 8), textcoords="offset points", ha="center")
        d.axis.set(xlabel="accuracy on the test images", ylabel="networks", ylim=(0, counts.max() * 1.4))
        d.axis.legend(loc="upper left")
        d.alt = (
            f"Accuracy of {len(accuracy)} networks that differ in their seed only: {accuracy.min():.3f} to "
            f"{accuracy.max():.3f}, mean {accuracy.mean():.3f}; seed {seed} has {accuracy[seed]:.3f}."
        )
    return d.shown


def plot_calibration(parts: Mapping[str, tuple[np.ndarray, np.ndarray]], *, title: str) -> ShownFigure:
    """Draw how often parcels belong to chute B against the probability that the model gives.

    Parameters
    ----------
    parts : mapping of str to (numpy.ndarray, numpy.ndarray)
        By name of the part, such as "test": labels, and the model's probabilities of chute B.
    title : str
        The finding.
    """
    alt = ["Probability of chute B that the model gives, against the share that belongs there, with 95 % interval."]
    with drawing(title, 4.2 * len(parts), 3.4, columns=len(parts), sharey=True) as d:
        for axis, (name, (y, probability)) in zip(d.axes, parts.items(), strict=True):
            group = pd.Series(np.minimum((probability * N_BINS).astype(int), N_BINS - 1), name="group")
            table = slices(y.astype(bool), group).assign(given=pd.Series(probability).groupby(group).mean())
            errors = [table["accuracy"] - table["low"], table["high"] - table["accuracy"]]
            axis.plot([0, 1], [0, 1], linestyle="--", color=GREY, label="as promised")
            measured = {"fmt": "o", "color": BLUE, "capsize": 4, "label": "measured, with 95 % interval"}
            axis.errorbar(table["given"], table["accuracy"], yerr=errors, **measured)
            for row in table.itertuples():
                place = (7, -17 if row.accuracy < 0.1 else -10)
                axis.annotate(f"n = {row.n}", (row.given, row.accuracy), place, textcoords="offset points")
                share = f"{row.accuracy:.2f}, {row.low:.2f} to {row.high:.2f}"
                alt.append(f"{name}, {row.n} images at {row.given:.2f}: {share}.")
            axis.set(title=f"{len(y)} {name} images", xlabel="probability of B that the model gives")
            axis.set(xlim=(-0.03, 1.2), ylim=(-0.15, 1.08), xticks=np.linspace(0, 1, 6))
        d.axis.set(ylabel="share that belongs to B")
        d.axis.figure.legend(*d.axis.get_legend_handles_labels(), loc="outside upper left", ncols=2)
        d.alt = " ".join(alt)
    return d.shown
