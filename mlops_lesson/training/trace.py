"""What a training run leaves behind: loss and accuracy, epoch by epoch."""

import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Epoch:
    """One pass over the training data, and how the model did after it.

    Parameters
    ----------
    epoch : int
        Number of the pass, from 1.
    loss : float
        Mean log loss on the validation images, 0 or more; may be infinite or NaN when training diverges.
    accuracy : float
        Share of validation images sent to the right chute, 0 to 1.
    observation : str
        What happened, in words.
    train_loss : float, optional
        Mean log loss on the training images.

    Raises
    ------
    TypeError
        If a figure is not a number.
    ValueError
        If a number is out of range.
    """

    epoch: int
    loss: float
    accuracy: float
    observation: str = ""
    train_loss: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.epoch, bool) or not isinstance(self.epoch, int) or self.epoch < 1:
            raise ValueError(f"An epoch is numbered from 1, in whole numbers; got {self.epoch!r}.")
        for name in ("loss", "accuracy", *(["train_loss"] if self.train_loss is not None else [])):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"The {name} of epoch {self.epoch} must be a number; got {value!r}.")
            if isinstance(value, int) and abs(value) > sys.float_info.max:
                raise ValueError(f"The {name} of epoch {self.epoch} is too large for a decimal number.")
        if self.loss < 0:
            raise ValueError(f"The loss of epoch {self.epoch} is {self.loss}: a log loss is 0 or more.")
        if not (0 <= self.accuracy <= 1 or math.isnan(self.accuracy)):
            raise ValueError(f"The accuracy of epoch {self.epoch} is {self.accuracy}: give a share between 0 and 1.")


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
        If there is no epoch, or they are not numbered upwards.
    """

    epochs: tuple[Epoch, ...]
    name: str = "Training run"

    def __post_init__(self) -> None:
        object.__setattr__(self, "epochs", tuple(self.epochs))
        if not self.epochs:
            raise ValueError("A training trace needs at least one epoch; got none. Train for one epoch or more.")
        numbers = [epoch.epoch for epoch in self.epochs]
        if any(later <= earlier for earlier, later in pairwise(numbers)):
            raise ValueError(f"The epochs of a trace must be numbered upwards; got {numbers}.")

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    def values(self, metric: str) -> list[float]:
        """Return one figure of every epoch.

        Parameters
        ----------
        metric : {"loss", "accuracy", "train_loss"}
            Which figure.

        Returns
        -------
        list of float
            One value an epoch; NaN where it was not recorded.

        Raises
        ------
        ValueError
            If there is no such metric.
        """
        if metric not in ("loss", "accuracy", "train_loss"):
            raise ValueError(f"There is no metric {metric!r}: give 'loss', 'accuracy' or 'train_loss'.")
        found = [getattr(epoch, metric) for epoch in self.epochs]
        return [math.nan if value is None else float(value) for value in found]

    def best(self) -> Epoch:
        """Return the epoch with the lowest validation loss, the earliest of several."""
        return min(self.epochs, key=lambda epoch: math.inf if math.isnan(epoch.loss) else epoch.loss)

    def first(self, n_epochs: int) -> "TrainingTrace":
        """Return a trace of the first epochs.

        Parameters
        ----------
        n_epochs : int
            How many, at least one.

        Returns
        -------
        TrainingTrace
            With the same name.

        Raises
        ------
        ValueError
            If `n_epochs` is below 1.
        """
        if n_epochs < 1:
            raise ValueError(f"A trace has at least one epoch; got n_epochs={n_epochs}.")
        return TrainingTrace(self.epochs[:n_epochs], self.name)

    def to_frame(self) -> "pd.DataFrame":
        """Return the trace as a table.

        Returns
        -------
        pandas.DataFrame
            Columns `epoch`, `loss`, `accuracy`, `observation`, and `train_loss` if it was recorded.
        """
        import pandas as pd

        columns = ["epoch", "loss", "accuracy", "observation"]
        if any(epoch.train_loss is not None for epoch in self.epochs):
            columns.append("train_loss")
        rows = [[getattr(epoch, column) for column in columns] for epoch in self.epochs]
        return pd.DataFrame(rows, columns=columns)

    @classmethod
    def from_frame(cls, frame: "pd.DataFrame", name: str = "Training run") -> "TrainingTrace":
        """Make a trace from a table; the reverse of `to_frame`.

        Parameters
        ----------
        frame : pandas.DataFrame
            Columns `epoch`, `loss`, `accuracy`; `observation` and `train_loss` may be left out.
        name : str
            What the trace is called in charts.

        Returns
        -------
        TrainingTrace
            The same epochs.

        Raises
        ------
        ValueError
            If a column is missing, or a row is not an epoch.
        """
        missing = [column for column in ("epoch", "loss", "accuracy") if column not in frame.columns]
        if missing:
            present = ", ".join(map(str, frame.columns))
            raise ValueError(f"The table has no column {', '.join(missing)}; its columns are {present}.")
        optional = [column for column in ("observation", "train_loss") if column in frame.columns]
        epochs = []
        for place, record in enumerate(frame[["epoch", "loss", "accuracy", *optional]].to_dict("records"), start=1):
            try:
                epochs.append(_epoch_of(record))
            except (TypeError, ValueError, OverflowError) as error:
                raise ValueError(f"Row {place} of the table is not an epoch: {error}") from error
        return cls(tuple(epochs), name)


def _epoch_of(record: dict[str, Any]) -> Epoch:
    train_loss, observation = record.get("train_loss"), record.get("observation")
    return Epoch(
        int(record["epoch"]),
        float(record["loss"]),
        float(record["accuracy"]),
        observation if isinstance(observation, str) else "",
        None if train_loss is None or math.isnan(train_loss) else train_loss,
    )


LESSON_TRACE = TrainingTrace(
    (
        Epoch(1, 0.65, 0.60, "Model starts learning but accuracy is low"),
        Epoch(2, 0.45, 0.75, "Loss decreases and accuracy improves"),
        Epoch(3, 0.30, 0.85, "Model converges with good accuracy"),
    ),
    "The lesson's trace",
)


LOW_ACCURACY = 0.7


GOOD_ACCURACY = 0.8


CLEAR_CHANGE = 0.02


def observe(previous: Epoch | None, loss: float, accuracy: float) -> str:
    """Say in words what an epoch did, compared with the one before.

    Parameters
    ----------
    previous : Epoch or None
        The epoch before; None for the first.
    loss, accuracy : float
        Validation loss and accuracy after this epoch.

    Returns
    -------
    str
        One sentence. A change counts as clear from 0.02 on; accuracy is called low below 0.7 and good from 0.8 on.
    """
    level = "low" if accuracy < LOW_ACCURACY else "good" if accuracy >= GOOD_ACCURACY else "fair"
    if not math.isfinite(loss):
        return "Training diverged: the loss is no longer a number"
    if previous is None:
        return f"Model starts learning {'but' if level == 'low' else 'and'} accuracy is {level}"
    loss_change, accuracy_change = loss - previous.loss, accuracy - previous.accuracy
    if loss_change > CLEAR_CHANGE:
        return f"Loss rises, accuracy is {level}"
    if loss_change > -CLEAR_CHANGE:
        return f"Little changes, accuracy is {level}"
    if accuracy_change > CLEAR_CHANGE:
        return f"Loss decreases and accuracy improves: it is {level}"
    return f"Loss decreases, accuracy stays {level}"


def make_trace(losses_and_accuracies: Iterable[tuple[float, ...]], name: str = "Training run") -> TrainingTrace:
    """Make a trace, with observations, from the figures of each epoch.

    Parameters
    ----------
    losses_and_accuracies : iterable of tuple
        For each epoch (loss, accuracy) or (loss, accuracy, train_loss).
    name : str
        What the trace is called in charts.

    Returns
    -------
    TrainingTrace
        Numbered from 1.

    Raises
    ------
    ValueError
        If there is no epoch, a figure is missing, or a number is out of range.
    """
    epochs: list[Epoch] = []
    for number, figures in enumerate(losses_and_accuracies, start=1):
        if len(figures) not in (2, 3):
            raise ValueError(f"Epoch {number} needs loss and accuracy, and may have a training loss; got {figures!r}.")
        if any(isinstance(figure, int) and abs(figure) > sys.float_info.max for figure in figures):
            raise ValueError(f"A figure of epoch {number} is too large for a decimal number.")
        loss, accuracy, *rest = figures
        observation = observe(epochs[-1] if epochs else None, loss, accuracy)
        epochs.append(Epoch(number, float(loss), float(accuracy), observation, float(rest[0]) if rest else None))
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
        If `epochs` is below 1, images and labels differ in number, or the training labels are all the same or lack one
        of the validation labels.

    Notes
    -----
    Loss is the mean log loss, -mean(log(probability given to the right class)), as `sklearn.metrics.log_loss` has it.
    Training uses one thread: several would add numbers in another order, and the last digits would differ from one
    machine to the next.
    """
    import numpy as np
    from scipy.special import xlogy
    from threadpoolctl import threadpool_limits

    if epochs < 1:
        raise ValueError(f"Training takes at least one epoch; got epochs={epochs}.")
    for part, images, labels in (("training", X_train, y_train), ("validation", X_val, y_val)):
        if len(images) != len(labels) or not len(images):
            raise ValueError(f"Each {part} image needs one label: got {len(images)} images and {len(labels)} labels.")
    classes = np.unique(y_train)
    if len(classes) < 2 or not np.isin(y_val, classes).all():
        raise ValueError(
            f"A classifier learns from two classes or more, and is tried on those: got the training labels "
            f"{classes.tolist()} and the validation labels {np.unique(y_val).tolist()}. Give more training images."
        )
    figures = []

    def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
        # scikit-learn's function gives the same to the last digit, and checks for longer than it computes.
        least = np.finfo(probabilities.dtype).eps
        of_right = probabilities[np.arange(len(labels)), np.searchsorted(classes, labels)]
        return float(np.mean(-xlogy(1.0, np.clip(of_right, least, 1 - least))))

    with threadpool_limits(limits=1):
        for _ in range(epochs):
            model.partial_fit(X_train, y_train, classes=classes)
            probabilities = model.predict_proba(X_val)
            if np.isfinite(probabilities).all():
                loss = log_loss(y_val, probabilities)
                train_loss = log_loss(y_train, model.predict_proba(X_train))
            else:
                loss = train_loss = math.nan
            accuracy = float(np.mean(classes[probabilities.argmax(axis=1)] == y_val))
            figures.append((loss, accuracy, train_loss))
    return make_trace(figures, name)


def compare_traces(own: TrainingTrace, given: TrainingTrace = LESSON_TRACE) -> "pd.DataFrame":
    """Put the epochs that two traces share side by side.

    Parameters
    ----------
    own : TrainingTrace
        The run to compare.
    given : TrainingTrace
        What to compare it with; the lesson's trace if not given.

    Returns
    -------
    pandas.DataFrame
        Two rows, "loss" and "accuracy", for each epoch that both have: `epoch`, `figure`, `given`, `own`, and
        `difference`, which is `own` minus `given`.

    Raises
    ------
    ValueError
        If the traces share no epoch.
    """
    import pandas as pd

    given_by_number = {epoch.epoch: epoch for epoch in given}
    pairs = [(epoch, given_by_number[epoch.epoch]) for epoch in own if epoch.epoch in given_by_number]
    if not pairs:
        raise ValueError(f"{own.name!r} and {given.name!r} have no epoch in common, so there is nothing to compare.")
    rows = [
        (one.epoch, figure, getattr(other, figure), getattr(one, figure), getattr(one, figure) - getattr(other, figure))
        for one, other in pairs
        for figure in ("loss", "accuracy")
    ]
    return pd.DataFrame(rows, columns=["epoch", "figure", "given", "own", "difference"])
