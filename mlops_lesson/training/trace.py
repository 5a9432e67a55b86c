"""What a training run leaves behind: loss and accuracy, epoch by epoch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Epoch:
    """One pass over the training data, and how the model did on validation images after it."""

    epoch: int
    loss: float
    accuracy: float
    train_loss: float | None = None
    observation: str | None = None


@dataclass(frozen=True)
class TrainingTrace:
    """The epochs of one training run, in order, at least one; `name` is what charts call it."""

    epochs: tuple[Epoch, ...]
    name: str = "Training run"

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    def to_frame(self) -> pd.DataFrame:
        """Return a table by epoch: `loss`, `accuracy`, and `train_loss` and `observation` if the trace has them."""
        return pd.DataFrame(self.epochs).dropna(axis="columns", how="all").set_index("epoch")


GIVEN_TRACE = TrainingTrace(
    (
        Epoch(1, 0.65, 0.60, observation="Model starts learning but accuracy is low"),
        Epoch(2, 0.45, 0.75, observation="Loss decreases and accuracy improves"),
        Epoch(3, 0.30, 0.85, observation="Model converges with good accuracy"),
    ),
    "The given trace",
)
"""What the course gives as an example of a training run; nobody trained it."""


def train_with_trace(
    model: Any, X_train: np.ndarray, y_train: np.ndarray, X_val: np.ndarray, y_val: np.ndarray, epochs: int
) -> TrainingTrace:
    """Train a classifier epoch by epoch, and record how it does after each.

    Parameters
    ----------
    model : object
        A scikit-learn classifier with `partial_fit` and `predict_proba`, such as
        `sklearn.neural_network.MLPClassifier`. It is trained in place, and may have been trained before.
    X_train, y_train : numpy.ndarray of shape (n_train, n_features) and (n_train,)
        Training images, scaled as the model expects them, and labels, of two classes or more.
    X_val, y_val : numpy.ndarray of shape (n_val, n_features) and (n_val,)
        Validation images and labels of the same classes; the model never learns from them.
    epochs : int
        Passes over the training data, at least 1.

    Returns
    -------
    TrainingTrace
        Validation loss and accuracy, and training loss, after each epoch.
    """
    from threadpoolctl import threadpool_limits

    classes, done = np.unique(y_train), []
    # Several threads would add numbers in another order: the last digits would differ from one machine to the next.
    with threadpool_limits(limits=1):
        for epoch in range(1, epochs + 1):
            model.partial_fit(X_train, y_train, classes=classes)
            probability = model.predict_proba(X_val)
            loss = _log_loss(y_val[:, None] == classes, probability)
            accuracy = float(np.mean(classes[probability.argmax(axis=1)] == y_val))
            train_loss = _log_loss(y_train[:, None] == classes, model.predict_proba(X_train))
            done.append(Epoch(epoch, loss, accuracy, train_loss))
    return TrainingTrace(tuple(done))


def _log_loss(is_class: np.ndarray, probability: np.ndarray) -> float:
    """Return what `sklearn.metrics.log_loss` does, without looking at its input for longer than it calculates."""
    return float(-np.log(probability[is_class].clip(np.finfo(float).eps)).mean())


def compare_traces(own: TrainingTrace) -> pd.DataFrame:
    """Put a run's trace beside the given one.

    Returns
    -------
    pandas.DataFrame
        One row for each epoch that both have: `epoch`, `given loss`, `own loss`, `given accuracy`, `own accuracy`,
        `larger of the two differences` (without its sign) and `given observation`.
    """
    metrics, larger = ["loss", "accuracy"], "larger of the two differences"
    given, ours = GIVEN_TRACE.to_frame(), own.to_frame()
    both = given.add_prefix("given ").join(ours.add_prefix("own "), how="inner")
    both[larger] = (ours[metrics] - given[metrics]).abs().max(axis="columns")
    columns = ["given loss", "own loss", "given accuracy", "own accuracy", larger, "given observation"]
    return both[columns].reset_index()
