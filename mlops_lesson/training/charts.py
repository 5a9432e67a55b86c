"""The charts of a training run, in text and as figures with alternative text made from the plotted data."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlops_lesson.show.figures import BLUE, GREY, LINE_STYLES, MARKERS, PALETTE, PINK, drawing
from mlops_lesson.training.trace import TrainingTrace

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

    from mlops_lesson.show.figures import ShownFigure

MAX_COLUMNS = 20
METRICS = {"loss": "Validation loss", "accuracy": "Validation accuracy", "train_loss": "Training loss"}


def ascii_chart(trace: TrainingTrace, metric: str = "loss", *, height: int = 10) -> str:
    """Draw one number of a training trace as text, for a log file or a terminal.

    Parameters
    ----------
    trace : TrainingTrace
        The run to draw. Of more than 20 epochs, 20 are drawn, evenly spaced, with the first and the last.
    metric : {"loss", "accuracy", "train_loss"}
        Which number.
    height : int
        Rows of the chart, at least 2.

    Returns
    -------
    str
        A sentence with the first, the last and the extreme values, then a column of `#` for each epoch, as high as
        its value to the nearest row.

    Raises
    ------
    ValueError
        If `height` is below 2.
    """
    if height < 2:
        raise ValueError(f"A chart needs at least 2 rows; got height={height}.")
    n_columns = min(len(trace), MAX_COLUMNS)
    places = [round(i * (len(trace) - 1) / max(1, n_columns - 1)) for i in range(n_columns)]
    values = [trace.values(metric)[place] for place in places]
    top = 1.0 if metric == "accuracy" else _round_up(max(values))
    heights = [round(value / top * height) for value in values]
    labels = {height: f"{top:g}", height // 2: f"{top * (height // 2) / height:g}", 0: "0"}
    margin = max(len("epoch"), *map(len, labels.values()))
    lines = [_summary(trace, metric), "", metric.replace("_", " ")]
    for row in range(height, 0, -1):
        cells = " ".join("###" if row <= h else "   " for h in heights)
        lines.append(f"{labels.get(row, ''):>{margin}} | {cells}".rstrip())
    lines.append(f"{labels[0]:>{margin}} +-" + "----" * n_columns)
    lines.append(f"{'epoch':>{margin}} " + "".join(f"{trace.epochs[place].epoch:>4}" for place in places))
    return "\n".join(lines)


def _round_up(value: float) -> float:
    """Return the next number with a first digit that divides an axis well, at least a millionth."""
    magnitude = 10.0 ** math.floor(math.log10(max(value, 1e-6)))
    return next(m * magnitude for m in (1, 2, 4, 5, 6, 8, 10) if m * magnitude >= value)


def _summary(trace: TrainingTrace, metric: str) -> str:
    values, first, last = trace.values(metric), trace.epochs[0].epoch, trace.epochs[-1].epoch
    text = f"{trace.name}. {METRICS[metric]} from {values[0]:.2f} at epoch {first} to {values[-1]:.2f} at epoch {last}"
    pairs = [(value, epoch.epoch) for value, epoch in zip(values, trace, strict=True)]
    value, epoch = max(pairs, key=lambda pair: pair[0]) if metric == "accuracy" else min(pairs)
    return f"{text}; {'highest' if metric == 'accuracy' else 'lowest'} {value:.2f} at epoch {epoch}."


def _draw_lines(axis: "Axes", lines: Mapping[str, tuple[TrainingTrace, str]]) -> None:
    for (label, (trace, metric)), colour, marker, style in zip(
        lines.items(), PALETTE, MARKERS, LINE_STYLES, strict=False
    ):
        every = max(1, len(trace) // 12)
        epochs = [epoch.epoch for epoch in trace]
        axis.plot(epochs, trace.values(metric), style, marker=marker, markevery=every, color=colour, label=label)
    axis.set_xlabel("epoch")
    axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def plot_trace(trace: TrainingTrace, *others: TrainingTrace, title: str | None = None) -> "ShownFigure":
    """Draw validation loss and accuracy of one to four training runs, each with a name of its own, side by side.

    Parameters
    ----------
    trace, *others : TrainingTrace
        The runs to compare.
    title : str, optional
        The finding; made from the first trace if not given.

    Returns
    -------
    ShownFigure
        Ready to be displayed.
    """
    traces = [trace, *others]
    last = trace.epochs[-1]
    title = title or f"After {last.epoch} epochs: loss {last.loss:.2f}, accuracy {last.accuracy:.2f}"
    with drawing(title, 8.0, 3.0, columns=2) as d:
        loss_axis, accuracy_axis = d.axes
        _draw_lines(loss_axis, {one.name: (one, "loss") for one in traces})
        _draw_lines(accuracy_axis, {one.name: (one, "accuracy") for one in traces})
        loss_axis.set(title="Validation loss", ylabel="log loss", ylim=(0, None))
        accuracy_axis.set(title="Validation accuracy", ylabel="share right", ylim=(0, 1.02))
        if others:
            accuracy_axis.legend(loc="lower right")
        words = " ".join(_summary(one, metric) for one in traces for metric in ("loss", "accuracy"))
        d.alt = f"Two line charts over epochs. {words}"
    return d.shown


def plot_losses(trace: TrainingTrace, title: str | None = None) -> "ShownFigure":
    """Draw training and validation loss of one run, with the epoch at which the validation loss is lowest.

    Parameters
    ----------
    trace : TrainingTrace
        A run with training losses.
    title : str, optional
        The finding; made from the trace if not given.

    Returns
    -------
    ShownFigure
        Ready to be displayed.
    """
    best = trace.best()
    best_in_training = min(trace, key=lambda epoch: epoch.train_loss)
    finding = f"Validation loss is lowest at epoch {best.epoch}, training loss at epoch {best_in_training.epoch}"
    with drawing(title or finding, 7.0, 3.0) as d:
        axis = d.axis
        _draw_lines(axis, {"validation loss": (trace, "loss"), "training loss": (trace, "train_loss")})
        axis.axvline(best.epoch, color=GREY, linewidth=1, linestyle=":")
        axis.annotate(f"lowest: epoch {best.epoch}", (best.epoch, best.loss), (6, 30), textcoords="offset points")
        axis.set(ylabel="log loss", ylim=(0, None))
        axis.legend(loc="upper right")
        words = " ".join(_summary(trace, metric) for metric in ("loss", "train_loss"))
        d.alt = f"Line chart over epochs. {words}"
    return d.shown


def draw_probabilities(axis: "Axes", y: "np.ndarray", probability: "np.ndarray", bins: int = 20) -> None:
    """Draw how often a model gives which probability of chute B, for the parcels of each chute.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        Where to draw.
    y, probability : numpy.ndarray of shape (n,)
        Labels, 0 for chute A and 1 for chute B, and the model's probability of chute B.
    bins : int
        Bars between 0 and 1.
    """
    parts = [probability[y == label] for label in (0, 1)]
    edges = [i / bins for i in range(bins + 1)]
    _, _, (_, bars_b) = axis.hist(parts, edges, color=[BLUE, PINK], label=["belongs to A", "belongs to B"])
    for bar in bars_b:
        bar.set(hatch="////", edgecolor="white")
    axis.set(xlabel="probability of chute B", ylabel="images")


def plot_probabilities(y: "np.ndarray", models: Mapping[str, "np.ndarray"], *, title: str) -> "ShownFigure":
    """Draw the probabilities that one model or more give to the same images, side by side.

    Parameters
    ----------
    y : numpy.ndarray of shape (n,)
        Labels, 0 for chute A and 1 for chute B.
    models : mapping of str to numpy.ndarray of shape (n,)
        Probabilities of chute B by the name of the model.
    title : str
        The finding.

    Returns
    -------
    ShownFigure
        Ready to be displayed.
    """
    with drawing(title, 2.9 * len(models) + 0.4, 2.9, columns=len(models), sharey=True) as d:
        sentences = []
        for axis, (name, probability) in zip(d.axes, models.items(), strict=True):
            draw_probabilities(axis, y, probability, bins=10)
            axis.set_title(name)
            means = [probability[y == label].mean() for label in (0, 1)]
            unsure = int(((probability > 0.1) & (probability < 0.9)).sum())
            sentences.append(
                f"{name}: parcels of A get {means[0]:.2f} on average, parcels of B {means[1]:.2f}; "
                f"{unsure} of {len(y)} lie between 0.1 and 0.9."
            )
            axis.label_outer()
        d.axes[0].legend(loc="upper center", fontsize="small")
        d.alt = "Histograms of the probability of chute B. " + " ".join(sentences)
    return d.shown
