"""The explorer of Model Training: what learning rate, hidden units and epochs do to the trace."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import ipywidgets

from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.training.charts import plot_trace
from mlops_lesson.training.network import TrainingSettings, fit_on
from mlops_lesson.training.trace import LESSON_TRACE, TrainingTrace

LEARNING_RATES = (0.003, 0.01, 0.03, 0.1, 0.271, 0.5, 0.7, 1.0)


HIDDEN_UNITS = (1, 2, 4, 8, 16, 32, 64, 128)


MOST_EPOCHS = 10


LEARNED = 0.8


CLEAR_JUMP = 0.05


SMALL_FALL = 0.002


def judge(trace: TrainingTrace) -> str:
    """Say in a few words how a run went.

    Parameters
    ----------
    trace : TrainingTrace
        The run.

    Returns
    -------
    str
        Whether it has learned (accuracy 0.8 or more), jumps (the loss rises by 0.05 or more in one epoch), stands still
        (the last epoch lowered the loss by less than 0.002), or is on its way.
    """
    losses = trace.values("loss")
    if trace.epochs[-1].accuracy >= LEARNED:
        return "it has learned"
    if any(later - earlier >= CLEAR_JUMP for earlier, later in pairwise(losses)):
        return "the loss jumps, the steps are too long"
    if len(losses) > 1 and losses[-2] - losses[-1] < SMALL_FALL:
        return "the loss stands still, nothing is learned"
    return "it is on its way, give it more epochs"


def training_explorer(clean: CleanDataset, settings: TrainingSettings | None = None) -> Explorer:
    """Let a learner change three settings and watch the trace, with the lesson's trace behind it.

    Parameters
    ----------
    clean : CleanDataset
        The data; its training images are learned from, its validation images give the trace.
    settings : TrainingSettings, optional
        Batch size, momentum and seed of all runs; the course's settings if not given.

    Returns
    -------
    Explorer
        Three sliders and a figure. Make it the last expression of a cell.
    """
    base = settings or TrainingSettings()
    data = (*clean.part("train"), *clean.part("validation"))

    @cache
    def trace_of(learning_rate: float, hidden_units: int) -> TrainingTrace:
        chosen = replace(base, learning_rate=learning_rate, hidden_units=hidden_units, epochs=MOST_EPOCHS)
        return fit_on(*data, chosen, "Your run")[1]

    def answer(rate: float, units: int, epochs: int) -> Answer:
        trace = trace_of(rate, units).first(epochs)
        last, given = trace.epochs[-1], LESSON_TRACE.epochs[-1]
        headline = f"Loss {last.loss:.2f}, accuracy {last.accuracy:.2f} after epoch {last.epoch}: {judge(trace)}"
        note = f"The lesson's trace ends at loss {given.loss:.2f}, accuracy {given.accuracy:.2f}."
        figure = plot_trace(trace, LESSON_TRACE, title="Your run and the lesson's trace")
        return Answer(headline, (note,), (figure,))

    controls = {
        "rate": ipywidgets.SelectionSlider(
            options=LEARNING_RATES, value=base.learning_rate, description="Learning rate"
        ),
        "units": ipywidgets.SelectionSlider(options=HIDDEN_UNITS, value=base.hidden_units, description="Hidden units"),
        "epochs": ipywidgets.IntSlider(3, 1, MOST_EPOCHS, description="Epochs"),
    }
    return Explorer("learning rate, hidden units and epochs", controls, answer)
