"""The charts of a training run, in text and as figures with alternative text made from the plotted data."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mlops_lesson.show.figures import BLUE, GREY, LINE_STYLES, MARKERS, PALETTE, PINK, ShownFigure, drawing
from mlops_lesson.training.trace import TrainingTrace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAR = 25


def ascii_chart(trace: TrainingTrace) -> str:
    """Draw a training trace as text, for a log file or a terminal.

    Returns
    -------
    str
        A line for each epoch, with validation loss and accuracy, each as a number and as a bar of `#`. A bar of 25 is
        1.0, for the loss the largest one if that is more.
    """
    top = max(1.0, *(each.loss for each in trace))
    lines = [trace.name, f"{'epoch':>5}  {'loss':<{BAR + 8}}accuracy"]
    for each in trace:
        loss, accuracy = "#" * round(each.loss / top * BAR), "#" * round(each.accuracy * BAR)
        lines.append(f"{each.epoch:>5}{each.loss:7.3f} {loss:<{BAR}}{each.accuracy:7.3f} {accuracy}".rstrip())
    return "\n".join(lines)


def _summary(trace: TrainingTrace, metric: str) -> str:
    values = trace.to_frame()[metric]
    word, best = ("highest", values.idxmax()) if metric == "accuracy" else ("lowest", values.idxmin())
    return (
        f"{trace.name}: {metric.replace('_', ' ')} from {values.iloc[0]:.3f} at epoch {values.index[0]} to "
        f"{values.iloc[-1]:.3f} at epoch {values.index[-1]}, {word} {values[best]:.3f} at epoch {best}."
    )


def _draw_lines(axis: "Axes", lines: Mapping[str, tuple[TrainingTrace, str]]) -> None:
    looks = zip(lines.items(), PALETTE, MARKERS, LINE_STYLES, strict=False)
    for place, ((label, (trace, metric)), colour, marker, style) in enumerate(looks):
        every = max(1, len(trace.epochs) // 12)
        (line,) = axis.plot(trace.to_frame()[metric], style, marker=marker, markevery=every, color=colour, label=label)
        # A later line lies below the first, with larger hollow markers, so that each is seen where they meet.
        if place:
            line.set(zorder=2 - place / 10, markersize=9, fillstyle="none")
    axis.set_xlabel("epoch")
    axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def plot_trace(*traces: TrainingTrace, title: str) -> ShownFigure:
    """Draw validation loss and accuracy of one to four training runs side by side.

    Parameters
    ----------
    *traces : TrainingTrace
        The runs to compare, each with a name of its own.
    title : str
        The finding.
    """
    with drawing(title, 8.0, 3.0, columns=2) as d:
        loss_axis, accuracy_axis = d.axes
        _draw_lines(loss_axis, {one.name: (one, "loss") for one in traces})
        _draw_lines(accuracy_axis, {one.name: (one, "accuracy") for one in traces})
        loss_axis.set(title="Validation loss", ylabel="loss", ylim=(0, None))
        accuracy_axis.set(title="Validation accuracy", ylabel="share right", ylim=(0, 1.02))
        accuracy_axis.legend(loc="lower right")
        words = " ".join(_summary(one, metric) for one in traces for metric in ("loss", "accuracy"))
        d.alt = f"Validation loss and accuracy, two line charts over epochs. {words}"
    return d.shown


def plot_losses(trace: TrainingTrace, title: str) -> ShownFigure:
    """Draw training and validation loss of one run, with the epoch at which the validation loss is lowest.

    Parameters
    ----------
    trace : TrainingTrace
        A run with training losses.
    title : str
        The finding.
    """
    best = min(trace, key=lambda epoch: epoch.loss)
    with drawing(title, 7.0, 3.0) as d:
        _draw_lines(d.axis, {"validation loss": (trace, "loss"), "training loss": (trace, "train_loss")})
        d.axis.axvline(best.epoch, color=GREY, linewidth=1, linestyle=":")
        d.axis.annotate(f"lowest: epoch {best.epoch}", (best.epoch, best.loss), (6, 30), textcoords="offset points")
        d.axis.set(ylabel="loss", ylim=(0, None))
        d.axis.legend(loc="upper right")
        words = " ".join(_summary(trace, metric) for metric in ("loss", "train_loss"))
        d.alt = f"Validation loss and training loss, a line chart over epochs. {words}"
    return d.shown


def draw_probabilities(axis: "Axes", y: np.ndarray, probability: np.ndarray) -> None:
    """Draw how often a model gives which probability of chute B, for the parcels of each chute (0 is A, 1 is B)."""
    parts, edges = [probability[y == label] for label in (0, 1)], [tenth / 10 for tenth in range(11)]
    _, _, (_, bars_b) = axis.hist(parts, edges, color=[BLUE, PINK], label=["belongs to A", "belongs to B"])
    for bar in bars_b:
        bar.set(hatch="////", edgecolor="white")
    axis.set(xlabel="probability of chute B", ylabel="images")


def plot_probabilities(y: np.ndarray, models: Mapping[str, np.ndarray], *, title: str) -> ShownFigure:
    """Draw the probabilities that one model or more give to the same images, side by side.

    Parameters
    ----------
    y : numpy.ndarray of shape (n,)
        Labels, 0 for chute A and 1 for chute B.
    models : mapping of str to numpy.ndarray of shape (n,)
        Probabilities of chute B by the name of the model.
    title : str
        The finding.
    """
    with drawing(title, 2.4 * len(models) + 0.4, 2.9, columns=len(models), sharey=True) as d:
        d.alt = "Histograms of the probability of chute B."
        for axis, (name, probability) in zip(d.axes, models.items(), strict=True):
            draw_probabilities(axis, y, probability)
            axis.set_title(name)
            axis.label_outer()
            unsure = int(((probability > 0.1) & (probability < 0.9)).sum())
            d.alt += (
                f" {name}: parcels of A get {probability[y == 0].mean():.2f} on average, parcels of B "
                f"{probability[y == 1].mean():.2f}; {unsure} of {len(y)} lie between 0.1 and 0.9."
            )
        d.axis.figure.legend(*d.axis.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return d.shown
