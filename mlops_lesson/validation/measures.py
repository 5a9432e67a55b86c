"""How good a model is, how sure we can be, and whether it is good enough to be deployed."""

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from mlops_lesson.collection.depot import CHUTES
from mlops_lesson.show.figures import BLUE, GREY, drawing

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from mlops_lesson.show.figures import ShownFigure


def plot_calibration(table: "pd.DataFrame", *, title: str) -> "ShownFigure":
    """Draw how often the model is right against the probability it gives.

    Parameters
    ----------
    table : pandas.DataFrame
        What `mlops_lesson.validation.measures.calibration` returns.
    title : str
        The finding.

    Returns
    -------
    ShownFigure
        Ready to be displayed, with alternative text.
    """
    with drawing(title, 5.2, 4.0) as d:
        axis = d.axis
        axis.plot([0, 1], [0, 1], linestyle="--", color=GREY, label="what the model says is what happens")
        errors = [table["observed"] - table["low"], table["high"] - table["observed"]]
        axis.errorbar(table["predicted"], table["observed"], yerr=errors, fmt="o", color=BLUE, capsize=4)
        for row in table.itertuples():
            axis.annotate(f"n = {row.n}", (row.predicted, row.observed), (7, -4), textcoords="offset points")
        axis.set(xlabel="probability of chute B, as the model says", ylabel="share that belongs to chute B")
        axis.set(xlim=(-0.03, 1.12), ylim=(-0.08, 1.05))
        axis.legend(loc="lower right")
        alt = "Predicted probability of chute B against the share that belongs there, with 95 % interval. " + " ".join(
            f"{row.n} images at {row.predicted:.2f}: {row.observed:.2f}, {row.low:.2f} to {row.high:.2f}."
            for row in table.itertuples()
        )
        d.alt = alt
    return d.shown


CONFIDENCE = 0.95


def interval(n_right: int, n: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of an accuracy.

    Parameters
    ----------
    n_right : int
        Images sent to the right chute, 0 to `n`.
    n : int
        Images in all, at least 1.

    Returns
    -------
    tuple of float
        Lower and upper end, 0 to 1.

    Raises
    ------
    ValueError
        If the counts do not fit.

    Notes
    -----
    Wilson's score interval for a binomial share: Wilson, E. B. (1927), "Probable inference, the law of succession, and
    statistical inference", Journal of the American Statistical Association 22, 209-212.
    """
    if n < 1 or not 0 <= n_right <= n:
        raise ValueError(f"Give the number of right answers out of at least one: got {n_right} of {n}.")
    found = binomtest(int(n_right), int(n)).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def mcnemar(right_one: np.ndarray, right_other: np.ndarray) -> float:
    """Test whether two models that answered the same images differ in accuracy.

    Parameters
    ----------
    right_one, right_other : numpy.ndarray of bool, shape (n,)
        For each image, whether the model was right.

    Returns
    -------
    float
        Two-sided p-value, 0 to 1; 1 if the models are right on the same images.

    Raises
    ------
    ValueError
        If the two differ in length.

    Notes
    -----
    Exact form of the test in McNemar, Q. (1947), "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12, 153-157: of the images on which only one model is right, each is as
    likely to be the one's as the other's if the models are equally good.
    """
    right_one, right_other = np.asarray(right_one, dtype=bool), np.asarray(right_other, dtype=bool)
    if right_one.shape != right_other.shape:
        raise ValueError(
            f"Both models must answer the same images: got {right_one.size} and {right_other.size} answers."
        )
    only_one = int((right_one & ~right_other).sum())
    only_other = int((right_other & ~right_one).sum())
    return float(binomtest(only_one, only_one + only_other).pvalue) if only_one + only_other else 1.0


def slices(right: np.ndarray, by: pd.Series) -> pd.DataFrame:
    """Return the accuracy of each group of images.

    Parameters
    ----------
    right : numpy.ndarray of bool, shape (n,)
        For each image, whether the model was right.
    by : pandas.Series of length n
        The group of each image, such as its camera.

    Returns
    -------
    pandas.DataFrame
        One row a group, indexed by its name: `n`, `accuracy`, `low` and `high` (95 % interval).

    Raises
    ------
    ValueError
        If the two differ in length.
    """
    if len(right) != len(by):
        raise ValueError(f"Each image needs an answer and a group: got {len(right)} answers and {len(by)} groups.")
    groups = pd.Series(np.asarray(right, dtype=bool)).groupby(by.to_numpy())
    table = groups.agg(["size", "sum"])
    ends = [interval(n_right, n) for n, n_right in table.itertuples(index=False)]
    return pd.DataFrame(
        {
            "n": table["size"],
            "accuracy": table["sum"] / table["size"],
            "low": [low for low, _ in ends],
            "high": [high for _, high in ends],
        }
    ).rename_axis(by.name)


def confusion(y: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    """Count which chute parcels belong to, and which one they were sent to.

    Parameters
    ----------
    y, predicted : numpy.ndarray of shape (n,)
        True and predicted labels, 0 for chute A and 1 for chute B.

    Returns
    -------
    pandas.DataFrame
        Two rows, "belongs to A" and "belongs to B"; two columns, "sent to A" and "sent to B".

    Raises
    ------
    ValueError
        If the two differ in length.
    """
    y, predicted = np.asarray(y, dtype=int), np.asarray(predicted, dtype=int)
    if y.shape != predicted.shape:
        raise ValueError(
            f"Each image needs a label and a prediction: got {y.size} labels, {predicted.size} predictions."
        )
    counts = np.zeros((2, 2), dtype=int)
    np.add.at(counts, (y, predicted), 1)
    return pd.DataFrame(
        counts, index=[f"belongs to {chute}" for chute in CHUTES], columns=[f"sent to {chute}" for chute in CHUTES]
    )


def precision_recall(y: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """Return precision and recall of chute B.

    Parameters
    ----------
    y, predicted : numpy.ndarray of shape (n,)
        True and predicted labels, 0 for chute A and 1 for chute B.

    Returns
    -------
    precision : float
        Of the parcels sent to B, the share that belongs there; NaN if none was sent there.
    recall : float
        Of the parcels that belong to B, the share that was sent there; NaN if none belongs there.

    Raises
    ------
    ValueError
        If the two differ in length.
    """
    (_, false_b), (missed_b, true_b) = confusion(y, predicted).to_numpy().tolist()
    sent, belong = true_b + false_b, true_b + missed_b
    return (true_b / sent if sent else math.nan), (true_b / belong if belong else math.nan)


def calibration(y: np.ndarray, probability: np.ndarray, n_bins: int = 5) -> pd.DataFrame:
    """Compare the probabilities a model gives with how often it is right.

    Parameters
    ----------
    y : numpy.ndarray of shape (n,)
        Labels, 0 for chute A and 1 for chute B.
    probability : numpy.ndarray of shape (n,)
        The model's probability of chute B, 0 to 1.
    n_bins : int
        Number of groups of equal width between 0 and 1, at least 1.

    Returns
    -------
    pandas.DataFrame
        One row a group that has images: `from`, `to`, `n`, `predicted` (mean probability), `observed` (share that
        belongs to B), `low` and `high` (its 95 % interval).

    Raises
    ------
    ValueError
        If labels and probabilities differ in number, or a probability is none.
    """
    y, probability = np.asarray(y, dtype=int), np.asarray(probability, dtype=float)
    if y.shape != probability.shape or n_bins < 1 or not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError(
            f"Give each image a label and a probability between 0 and 1, and at least one group: got {y.size} labels, "
            f"{probability.size} probabilities, {n_bins} groups."
        )
    group = np.minimum((probability * n_bins).astype(int), n_bins - 1)
    rows = []
    for number in np.unique(group).tolist():
        inside = group == number
        n, n_b = int(inside.sum()), int(y[inside].sum())
        low, high = interval(n_b, n)
        rows.append((number / n_bins, (number + 1) / n_bins, n, float(probability[inside].mean()), n_b / n, low, high))
    return pd.DataFrame(rows, columns=["from", "to", "n", "predicted", "observed", "low", "high"])
