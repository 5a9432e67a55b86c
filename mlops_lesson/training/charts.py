"""The charts of the course, in text and as figures.

Text charts need nothing but a monospace font. Figures are drawn without pyplot, so that nothing is kept in memory
between cells, and are shown by `mlops_lesson.show.figures.show` with alternative text made from the plotted data.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlops_lesson.show.figures import BLUE, GREY, LINE_STYLES, MARKERS, PALETTE, PINK, drawing
from mlops_lesson.training.trace import TrainingTrace

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

    from mlops_lesson.show.figures import ShownFigure

MAX_COLUMNS = 60


SMALLEST_SCALE = 1e-6


LARGEST_DRAWN = 1e100


def _ticks(highest: float, height: int) -> list[float]:
    """Divide an axis from 0 so that each tick falls on a row, and as little as possible stays empty above."""
    scales = []
    for intervals in range(1, 7):
        if height % intervals == 0:
            raw = highest / intervals
            magnitude = 10.0 ** math.floor(math.log10(raw))
            step = next(m * magnitude for m in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if m * magnitude >= raw * (1 - 1e-9))
            scales.append((round(step * intervals, 9), -intervals, step))
    _, minus_intervals, step = min(scales)
    return [step * i for i in range(1 - minus_intervals)]


def _tick_texts(ticks: list[float]) -> list[str]:
    for decimals in range(7):
        texts = [f"{tick:.{decimals}f}" for tick in ticks]
        if all(math.isclose(float(text), tick, abs_tol=1e-9) for text, tick in zip(texts, ticks, strict=True)):
            return texts
    return [f"{tick:.3g}" for tick in ticks]


def _columns(trace: TrainingTrace, values: list[float]) -> list[tuple[int, float]]:
    pairs = [(epoch.epoch, value) for epoch, value in zip(trace, values, strict=True)]
    if len(pairs) <= MAX_COLUMNS:
        return pairs
    places = [round(i * (len(pairs) - 1) / (MAX_COLUMNS - 1)) for i in range(MAX_COLUMNS)]
    return [pairs[place] for place in places]


def ascii_chart(trace: TrainingTrace, metric: str = "loss", *, height: int = 10) -> str:
    """Draw one figure of a training trace as text.

    Each epoch is a column of `#` whose height is true to the value, rounded to the nearest row. With more than 60
    epochs, 60 of them, evenly spaced, are drawn, always with the first and the last.

    Parameters
    ----------
    trace : TrainingTrace
        The run to draw; any number of epochs.
    metric : {"loss", "accuracy", "train_loss"}
        Which figure.
    height : int
        Rows of the tallest column, at least 2.

    Returns
    -------
    str
        A sentence with the first, the last and the extreme values, then the chart. A value that is not a number is
        drawn as `?` on the axis.

    Raises
    ------
    ValueError
        If `height` is below 2 or there is no such metric.
    """
    if height < 2:
        raise ValueError(f"A chart needs at least 2 rows; got height={height}.")
    values = trace.values(metric)
    columns = _columns(trace, values)
    finite = [value for _, value in columns if math.isfinite(value)]
    highest = max(finite, default=0.0)
    ticks = _ticks(1.0 if metric == "accuracy" or highest < SMALLEST_SCALE else highest, height)
    top = ticks[-1]
    labels = {round(tick / top * height): text for tick, text in zip(ticks, _tick_texts(ticks), strict=True)}
    margin = max(len(text) for text in labels.values())
    shares = [max(0.0, value / top) if math.isfinite(value) else 0.0 for _, value in columns]
    heights = [round(share * height) for share in shares]
    width = 3 if len(columns) <= 20 else 1
    gap = " " if width == 3 else ""

    lines = [_summary(trace, metric, values), "", metric.replace("_", " ")]
    for row in range(height, 0, -1):
        cells = gap.join(("#" if row <= h else " ") * width for h in heights)
        lines.append(f"{labels.get(row, ''):>{margin}} {'+' if row in labels else '|'} {cells}".rstrip())
    floor = gap.join(("?" if not math.isfinite(value) else "-").center(width, "-") for _, value in columns)
    floor = floor.replace(" ", "-")
    lines.append(f"{labels.get(0, ''):>{margin}} +-{floor}-")
    lines.append(" " * (margin + 3) + _axis_labels([number for number, _ in columns], width + len(gap)))
    lines.append(" " * (margin + 3) + "epoch")
    return "\n".join(lines)


def _axis_labels(numbers: list[int], pitch: int) -> str:
    line = ""
    for place, number in enumerate(numbers):
        text, start = str(number), place * pitch + (1 if pitch > 1 else 0)
        is_last = place == len(numbers) - 1
        room_for_last = len(numbers) - 1 == place or start + len(text) < (len(numbers) - 1) * pitch
        wanted = pitch > 1 or place == 0 or is_last or number % 10 == 0
        if wanted and (not line or start > len(line)) and room_for_last:
            line = line.ljust(start) + text
    return line


def _summary(trace: TrainingTrace, metric: str, values: list[float]) -> str:
    name = {"loss": "Validation loss", "accuracy": "Validation accuracy", "train_loss": "Training loss"}[metric]
    first, last = trace.epochs[0].epoch, trace.epochs[-1].epoch
    if len(values) == 1:
        return f"{trace.name}. {name} {values[0]:.2f} at epoch {first}."
    finite = [(value, epoch.epoch) for value, epoch in zip(values, trace, strict=True) if math.isfinite(value)]
    text = f"{trace.name}. {name} from {values[0]:.2f} at epoch {first} to {values[-1]:.2f} at epoch {last}"
    if finite:
        value, epoch = max(finite, key=lambda f: f[0]) if metric == "accuracy" else min(finite, key=lambda f: f[0])
        text += f"; {'highest' if metric == 'accuracy' else 'lowest'} {value:.2f} at epoch {epoch}"
    if len(finite) < len(values):
        missing = len(values) - len(finite)
        text += f"; {missing} epoch{'' if missing == 1 else 's'} without a number, drawn as ?"
    return text + "."


def _drawable(values: list[float]) -> list[float]:
    """Leave a gap where an axis could not hold the value: a diverging loss may go to the end of all numbers."""
    return [value if value < LARGEST_DRAWN else math.nan for value in values]


def _draw_metric(axis: "Axes", traces: list[TrainingTrace], metric: str) -> None:
    for trace, colour, marker, style in zip(traces, PALETTE, MARKERS, LINE_STYLES, strict=False):
        numbers = [epoch.epoch for epoch in trace]
        every = max(1, len(numbers) // 12)
        values = _drawable(trace.values(metric))
        axis.plot(numbers, values, style, marker=marker, markevery=every, color=colour, label=trace.name)
    axis.set_xlabel("epoch")
    axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def plot_trace(trace: TrainingTrace, *others: TrainingTrace, title: str | None = None) -> "ShownFigure":
    """Draw loss and accuracy of one to four training runs side by side.

    Parameters
    ----------
    trace : TrainingTrace
        The run to draw.
    *others : TrainingTrace
        Up to three more runs to compare it with.
    title : str, optional
        The finding; made from the first trace if not given.

    Returns
    -------
    ShownFigure
        Ready to be displayed, with alternative text.

    Raises
    ------
    ValueError
        If more than four traces are given.
    """
    traces = [trace, *others]
    if len(traces) > len(PALETTE):
        raise ValueError(
            f"A chart holds up to {len(PALETTE)} traces so that they can be told apart; got {len(traces)}."
        )
    last = trace.epochs[-1]
    title = title or f"After {last.epoch} epochs: loss {last.loss:.2f}, accuracy {last.accuracy:.2f}"
    with drawing(title, 8.0, 3.3, columns=2) as d:
        loss_axis, accuracy_axis = d.axes
        _draw_metric(loss_axis, traces, "loss")
        _draw_metric(accuracy_axis, traces, "accuracy")
        loss_axis.set(title="Validation loss", ylabel="log loss", ylim=(0, None))
        accuracy_axis.set(title="Validation accuracy", ylabel="share right", ylim=(0, 1.02))
        if others:
            accuracy_axis.legend(loc="lower right")
        alt = "Two line charts over epochs. " + " ".join(
            _summary(t, metric, t.values(metric)) for t in traces for metric in ("loss", "accuracy")
        )
        d.alt = alt
    return d.shown


def plot_losses(trace: TrainingTrace, title: str | None = None) -> "ShownFigure":
    """Draw training loss and validation loss of one run, with the epoch at which the validation loss is lowest.

    Parameters
    ----------
    trace : TrainingTrace
        A run with training losses.
    title : str, optional
        The finding; made from the trace if not given.

    Returns
    -------
    ShownFigure
        Ready to be displayed, with alternative text.

    Raises
    ------
    ValueError
        If training losses were not recorded for every epoch.
    """
    best, last = trace.best(), trace.epochs[-1]
    if any(epoch.train_loss is None for epoch in trace):
        raise ValueError(f"{trace.name!r} holds no training losses for some epoch. Train with train_with_trace.")
    best_in_training = min(trace, key=lambda epoch: epoch.train_loss)
    title = title or (
        f"Validation loss is lowest at epoch {best.epoch}, training loss at epoch {best_in_training.epoch}"
    )
    numbers = [epoch.epoch for epoch in trace]
    every = max(1, len(numbers) // 12)
    with drawing(title, 7.0, 3.3) as d:
        axis = d.axis
        series = [("loss", "validation loss"), ("train_loss", "training loss")]
        for (metric, label), colour, marker, style in zip(series, PALETTE, MARKERS, LINE_STYLES, strict=False):
            values = _drawable(trace.values(metric))
            axis.plot(numbers, values, style, marker=marker, markevery=every, color=colour, label=label)
        axis.axvline(best.epoch, color=GREY, linewidth=1, linestyle=":")
        axis.annotate(f"lowest: epoch {best.epoch}", (best.epoch, best.loss), (6, 30), textcoords="offset points")
        axis.set(xlabel="epoch", ylabel="log loss", ylim=(0, None))
        axis.legend(loc="upper right")
        alt = "Line chart over epochs. " + " ".join(
            _summary(trace, metric, trace.values(metric)) for metric in ("loss", "train_loss")
        )
        alt += f" At the end they are {last.loss:.2f} and {last.train_loss:.2f}."
        d.alt = alt
    return d.shown


def draw_probabilities(axis: "Axes", y: "np.ndarray", probability: "np.ndarray", bins: int = 20) -> None:
    """Draw how often a model gives which probability of chute B, for the parcels of each chute.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        Where to draw.
    y : numpy.ndarray of shape (n,)
        Labels, 0 for chute A and 1 for chute B.
    probability : numpy.ndarray of shape (n,)
        The model's probability of chute B, 0 to 1.
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
        Ready to be displayed, with alternative text.
    """
    with drawing(title, 2.9 * len(models) + 0.4, 2.9, columns=len(models), sharey=True) as d:
        axes = d.axes
        sentences = []
        for axis, (name, probability) in zip(axes, models.items(), strict=True):
            draw_probabilities(axis, y, probability, bins=10)
            axis.set_title(name)
            means = [probability[y == label].mean() for label in (0, 1)]
            unsure = int(((probability > 0.1) & (probability < 0.9)).sum())
            sentences.append(
                f"{name}: parcels of A get {means[0]:.2f} on average, parcels of B {means[1]:.2f}; "
                f"{unsure} of {len(y)} lie between 0.1 and 0.9."
            )
            axis.label_outer()
        axes[0].legend(loc="upper center", fontsize="small")
        d.alt = "Histograms of the probability of chute B. " + " ".join(sentences)
    return d.shown
