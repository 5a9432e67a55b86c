"""The explorer of Model Training: what learning rate, hidden units and epochs do to the trace."""

from functools import cache
from itertools import pairwise

import ipywidgets

from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.training.charts import plot_trace
from mlops_lesson.training.network import TrainingSettings, train
from mlops_lesson.training.trace import GIVEN_TRACE, TrainingTrace

LEARNING_RATES = (0.003, 0.01, 0.03, 0.1, 0.271, 0.5, 0.7, 1.0)
HIDDEN_UNITS = (1, 2, 4, 8, 16, 32, 64, 128)


def how_it_went(trace: TrainingTrace) -> str:
    """Say in a few words whether a run has learned, jumps, stands still or is on its way."""
    losses = [epoch.loss for epoch in trace]
    if trace.epochs[-1].accuracy >= 0.8:
        return "it has learned"
    if any(later - earlier >= 0.05 for earlier, later in pairwise(losses)):
        return "the loss jumps, the steps are too long"
    if len(losses) > 1 and losses[-2] - losses[-1] < 0.002:
        return "the loss stands still, nothing is learned"
    return "it is on its way, give it more epochs"


def explore_training(clean: CleanDataset) -> Explorer:
    """Let a learner change three settings and watch the trace on the validation images, beside the given trace."""
    base = TrainingSettings()

    @cache
    def answer(learning_rate: float, hidden_units: int, epochs: int) -> Answer:
        chosen = TrainingSettings(learning_rate=learning_rate, hidden_units=hidden_units, epochs=epochs)
        trace = train(clean, chosen, "Your run").trace
        last = trace.epochs[-1]
        headline = f"Loss {last.loss:.3f}, accuracy {last.accuracy:.3f} after epoch {last.epoch}: {how_it_went(trace)}"
        return Answer(headline, shown=(plot_trace(trace, GIVEN_TRACE, title="Your run beside the given trace"),))

    # A SelectionSlider's value cannot be typed into; an IntSlider's can, and may be left empty.
    slider = ipywidgets.SelectionSlider
    controls = {
        "learning_rate": slider(options=LEARNING_RATES, value=base.learning_rate, description="Learning rate"),
        "hidden_units": slider(options=HIDDEN_UNITS, value=base.hidden_units, description="Hidden units"),
        "epochs": slider(options=range(1, 11), value=3, description="Epochs"),
    }
    return Explorer("Learning rate, hidden units and epochs", controls, answer)
