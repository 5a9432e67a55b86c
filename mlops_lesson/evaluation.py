"""How good a model is, how sure we can be, and whether it is good enough to be deployed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import log_loss

from mlops_lesson.depot import CHUTES, GREY_LEVELS, IMAGE_SHAPE

GATE = 0.85
"""Accuracy that a model must have proven before it is deployed."""

CONFIDENCE = 0.95

PASSED, FAILED = "passed: ", "failed: "


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


def shift(X: np.ndarray, columns: int = 1, rows: int = 0) -> np.ndarray:
    """Move images by whole pixels; what falls off is lost, what comes in is dark.

    Parameters
    ----------
    X : numpy.ndarray of shape (n, 64)
        Grey levels.
    columns, rows : int
        Pixels to the right and down; negative to the left and up; from -8 to 8.

    Returns
    -------
    numpy.ndarray of shape (n, 64)
        The moved images.

    Raises
    ------
    ValueError
        If an image would be moved by more than its own size.
    """
    if max(abs(columns), abs(rows)) > max(IMAGE_SHAPE):
        raise ValueError(f"Images of 8 x 8 pixels move by -8 to 8 pixels; got {columns} columns and {rows} rows.")
    pixels = np.asarray(X, dtype=float)
    images = pixels.reshape(pixels.size // math.prod(IMAGE_SHAPE), *IMAGE_SHAPE)
    moved = np.zeros_like(images)
    height, width = IMAGE_SHAPE
    to_rows, from_rows = slice(max(rows, 0), height + min(rows, 0)), slice(max(-rows, 0), height - max(rows, 0))
    to_columns = slice(max(columns, 0), width + min(columns, 0))
    from_columns = slice(max(-columns, 0), width - max(columns, 0))
    moved[:, to_rows, to_columns] = images[:, from_rows, from_columns]
    return moved.reshape(len(images), height * width)


def dim(X: np.ndarray, factor: float = 0.7) -> np.ndarray:
    """Darken images to a share of their brightness, rounded to the camera's grey levels."""
    return np.rint(np.asarray(X, dtype=float) * factor)


def add_noise(X: np.ndarray, grey_levels: float = 2.0, seed: int = 0) -> np.ndarray:
    """Add normal noise of the given standard deviation in grey levels, kept within 0 to 16."""
    noise = np.random.default_rng(seed).normal(0.0, grey_levels, np.shape(X))
    return np.clip(np.rint(X + noise), 0, GREY_LEVELS)


BEHAVIOUR_TESTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "unchanged": lambda X: X,
    "dimmed to 70 %": dim,
    "noise of 2 grey levels": add_noise,
    "shifted right by 1 pixel": lambda X: shift(X, 1),
    "shifted left by 1 pixel": lambda X: shift(X, -1),
    "shifted down by 1 pixel": lambda X: shift(X, 0, 1),
    "shifted up by 1 pixel": lambda X: shift(X, 0, -1),
}
"""Changes after which a person would still read the same digit."""


def behaviour(model: Any, X: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Measure a model's accuracy on images changed in ways that leave the digit readable.

    Parameters
    ----------
    model : object
        A fitted classifier with `predict`, taking grey levels 0 to 16.
    X : numpy.ndarray of shape (n, 64)
        Images.
    y : numpy.ndarray of shape (n,)
        Labels.

    Returns
    -------
    pandas.DataFrame
        One row a test: `test`, `accuracy`, and `change` against the unchanged images.

    Raises
    ------
    ValueError
        If there are no images, or images and labels differ in number.
    """
    rows = [(name, float(np.mean(model.predict(change(X)) == y))) for name, change in BEHAVIOUR_TESTS.items()]
    table = pd.DataFrame(rows, columns=["test", "accuracy"])
    return table.assign(change=table["accuracy"] - table["accuracy"].iloc[0])


@dataclass(frozen=True)
class GateResult:
    """The gate's verdict on one model.

    Parameters
    ----------
    passed : bool
        Whether the model may be deployed.
    accuracy : float
        Share of images sent to the right chute, 0 to 1.
    loss : float
        Mean log loss, 0 or more.
    low, high : float
        95 % interval of the accuracy.
    n : int
        Images the verdict rests on.
    threshold : float
        The accuracy that must be proven.
    reasons : tuple of str
        One sentence a rule, each beginning with "passed" or "failed".
    """

    passed: bool
    accuracy: float
    loss: float
    low: float
    high: float
    n: int
    threshold: float
    reasons: tuple[str, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """The sentences of the rules that failed, without their first word; empty if the gate is passed."""
        return tuple(reason.removeprefix(FAILED) for reason in self.reasons if reason.startswith(FAILED))

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "GateResult":
        """Make a verdict from plain values; the reverse of `to_dict`."""
        return cls(**{**values, "reasons": tuple(values["reasons"])})

    def __str__(self) -> str:
        verdict = "PASSED" if self.passed else "REFUSED"
        figures = f"accuracy {self.accuracy:.3f} on {self.n} images, 95 % interval {self.low:.3f} to {self.high:.3f}"
        return "\n".join([f"Gate {verdict}: {figures}", *(f"- {reason}" for reason in self.reasons)])


def _reason(passed: bool, text: str) -> str:
    return (PASSED if passed else FAILED) + text


def check_gate(
    model: Any,
    X: np.ndarray,
    y: np.ndarray,
    cameras: pd.Series,
    baseline: Any,
    threshold: float = GATE,
) -> GateResult:
    """Decide whether a model may be deployed, by three rules.

    1. Its accuracy is proven: the lower end of the 95 % interval reaches the threshold.
    2. It beats the baseline on the same images (McNemar's test, p below 0.05).
    3. No camera is proven bad: the upper end of each camera's 95 % interval reaches the threshold.

    Parameters
    ----------
    model, baseline : object
        Fitted classifiers with `predict`, the model also with `predict_proba`, taking grey levels 0 to 16.
    X : numpy.ndarray of shape (n, 64)
        Images that neither training nor the choice of settings has seen.
    y : numpy.ndarray of shape (n,)
        Labels, 0 or 1.
    cameras : pandas.Series of length n
        The camera of each image.
    baseline : object
        What the model must beat.
    threshold : float
        The accuracy that must be proven, 0 to 1.

    Returns
    -------
    GateResult
        The verdict with its reasons.

    Raises
    ------
    ValueError
        If there are no images.
    """
    if not len(X):
        raise ValueError("The gate needs images to judge by; got none.")
    right = model.predict(X) == y
    low, high = interval(int(right.sum()), len(y))
    accuracy = float(right.mean())
    baseline_right = baseline.predict(X) == y
    p_value = mcnemar(right, baseline_right)
    by_camera = slices(right, cameras)
    worst = by_camera["high"].idxmin()

    proven = low >= threshold
    better = p_value < 1 - CONFIDENCE and accuracy > baseline_right.mean()
    even = bool((by_camera["high"] >= threshold).all())
    reasons = (
        _reason(proven, f"the accuracy's interval begins at {low:.3f}, the gate asks for {threshold:.2f}"),
        _reason(
            better,
            f"the baseline has {baseline_right.mean():.3f} on the same images, "
            f"McNemar's test {'p < 0.001' if p_value < 0.001 else f'p = {p_value:.3f}'}",
        ),
        _reason(
            even,
            f"the weakest camera, {worst}, has {by_camera['accuracy'][worst]:.3f} on {by_camera['n'][worst]} images, "
            f"its interval ends at {by_camera['high'][worst]:.3f}",
        ),
    )
    loss = float(log_loss(y, model.predict_proba(X), labels=[0, 1]))
    return GateResult(bool(proven and better and even), accuracy, loss, low, high, len(y), threshold, reasons)
