"""What a training run leaves behind: loss and accuracy, epoch by epoch."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

CLEAR_CHANGE = 0.02
LOW_ACCURACY = 0.7


@dataclass(frozen=True)
class Epoch:
    """One pass over the training data, and how the model did on validation images after it."""

    epoch: int
    loss: float
    accuracy: float
    observation: str = ""
    train_loss: float | None = None


@dataclass(frozen=True)
class TrainingTrace:
    """The epochs of one training run, in order.

    Parameters
    ----------
    epochs : tuple of Epoch
        At least one, numbered upwards.
    name : str
        What the trace is called in charts.

    Raises
    ------
    ValueError
        If there is no epoch.
    """

    epochs: tuple[Epoch, ...]
    name: str = "Training run"

    def __post_init__(self) -> None:
        if not self.epochs:
            raise ValueError("A training trace needs at least one epoch; got none. Train for one epoch or more.")

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    def values(self, metric: str) -> list[float]:
        """Return "loss", "accuracy" or "train_loss" of every epoch."""
        return [getattr(epoch, metric) for epoch in self.epochs]

    def best(self) -> Epoch:
        """Return the epoch with the lowest validation loss, the earliest of several."""
        return min(self.epochs, key=lambda epoch: epoch.loss)

    def first(self, n_epochs: int) -> "TrainingTrace":
        """Return a trace of the first epochs, under the same name."""
        return TrainingTrace(self.epochs[:n_epochs], self.name)

    def to_frame(self) -> "pd.DataFrame":
        """Return a table: `epoch`, `loss`, `accuracy`, `observation`, and `train_loss` if it was recorded."""
        import pandas as pd

        table = pd.DataFrame(self.epochs)
        return table.drop(columns="train_loss") if table["train_loss"].isna().all() else table

    @classmethod
    def from_frame(cls, frame: "pd.DataFrame", name: str = "Training run") -> "TrainingTrace":
        """Make a trace from a table as `to_frame` returns it, or one with `epoch`, `loss` and `accuracy` only."""
        records = frame.fillna({"observation": ""}).to_dict("records")
        return cls(tuple(Epoch(**record) for record in records), name)


GIVEN_TRACE = TrainingTrace(
    (
        Epoch(1, 0.65, 0.60, "Model starts learning but accuracy is low"),
        Epoch(2, 0.45, 0.75, "Loss decreases and accuracy improves"),
        Epoch(3, 0.30, 0.85, "Model converges with good accuracy"),
    ),
    "The given trace",
)
"""What the course gives as an example of a training run; nobody trained it."""


def observe(previous: Epoch | None, loss: float, accuracy: float) -> str:
    """Say in words what an epoch did, compared with the one before; a change is clear from 0.02 on."""
    if previous is None:
        return f"Model starts learning{' but accuracy is low' if accuracy < LOW_ACCURACY else ''}"
    loss_change, accuracy_change = loss - previous.loss, accuracy - previous.accuracy
    if loss_change > CLEAR_CHANGE:
        return "Loss rises"
    if loss_change > -CLEAR_CHANGE:
        return "Little changes"
    if accuracy_change > CLEAR_CHANGE:
        return "Loss decreases and accuracy improves"
    return "Loss decreases, accuracy does not improve"


def make_trace(numbers: Iterable[tuple[float, ...]], name: str = "Training run") -> TrainingTrace:
    """Make a trace, with observations, from (loss, accuracy) or (loss, accuracy, train_loss) of each epoch."""
    epochs: list[Epoch] = []
    for number, (loss, accuracy, *train_loss) in enumerate(numbers, start=1):
        observation = observe(epochs[-1] if epochs else None, loss, accuracy)
        epochs.append(Epoch(number, loss, accuracy, observation, *train_loss))
    return TrainingTrace(tuple(epochs), name)


def train_with_trace(
    model: Any,
    X_train: "np.ndarray",
    y_train: "np.ndarray",
    X_val: "np.ndarray",
    y_val: "np.ndarray",
    epochs: int,
    name: str = "Training run",
) -> TrainingTrace:
    """Train a classifier epoch by epoch, and record how it does after each.

    Parameters
    ----------
    model : object
        A scikit-learn classifier with `partial_fit` and `predict_proba`, such as
        `sklearn.neural_network.MLPClassifier`. It is trained in place, and may have been trained before.
    X_train, y_train : numpy.ndarray of shape (n_train, n_features) and (n_train,)
        Training images, scaled as the model expects them, and labels.
    X_val, y_val : numpy.ndarray of shape (n_val, n_features) and (n_val,)
        Validation images and labels; the model never learns from them.
    epochs : int
        Passes over the training data, at least 1.
    name : str
        What the trace is called in charts.

    Returns
    -------
    TrainingTrace
        Validation loss and accuracy, and training loss, after each epoch.

    Raises
    ------
    ValueError
        If `epochs` is below 1, or the training labels are all the same or lack one of the validation labels.

    Notes
    -----
    Training uses one thread: several would add numbers in another order, and the last digits would differ from one
    machine to the next.
    """
    import numpy as np
    from sklearn.metrics import log_loss
    from threadpoolctl import threadpool_limits

    classes = np.unique(y_train)
    if len(classes) < 2 or not np.isin(y_val, classes).all():
        raise ValueError(
            f"A classifier learns from two classes or more, and is tried on those: got the training labels "
            f"{classes.tolist()} and the validation labels {np.unique(y_val).tolist()}. Give more training images."
        )
    numbers = []
    with threadpool_limits(limits=1):
        for _ in range(epochs):
            model.partial_fit(X_train, y_train, classes=classes)
            probability = model.predict_proba(X_val)
            loss = log_loss(y_val, probability, labels=classes)
            accuracy = float(np.mean(classes[probability.argmax(axis=1)] == y_val))
            train_loss = log_loss(y_train, model.predict_proba(X_train), labels=classes)
            numbers.append((loss, accuracy, train_loss))
    return make_trace(numbers, name)


def compare_traces(own: TrainingTrace, given: TrainingTrace = GIVEN_TRACE) -> "pd.DataFrame":
    """Put two traces side by side.

    Parameters
    ----------
    own : TrainingTrace
        The run to compare.
    given : TrainingTrace
        What to compare it with; the given trace if nothing else is named.

    Returns
    -------
    pandas.DataFrame
        One row for each epoch that both have: `epoch`, `given loss`, `own loss`, `given accuracy`, `own accuracy`,
        `difference`, the larger one of the two without its sign, and `given observation`.
    """
    both = given.to_frame().merge(own.to_frame(), on="epoch", suffixes=("_given", "_own"))
    loss, accuracy = both["loss_own"] - both["loss_given"], both["accuracy_own"] - both["accuracy_given"]
    both["difference"] = loss.abs().combine(accuracy.abs(), max)
    columns = {
        "epoch": "epoch",
        "loss_given": "given loss",
        "loss_own": "own loss",
        "accuracy_given": "given accuracy",
        "accuracy_own": "own accuracy",
        "difference": "difference",
        "observation_given": "given observation",
    }
    return both[list(columns)].rename(columns=columns)
