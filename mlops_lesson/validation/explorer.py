"""The explorer of Model Validation: what the decision threshold and the gate do to mistakes and to the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets
import numpy as np

from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.show.figures import BLUE, GREY, ShownFigure, drawing
from mlops_lesson.show.tables import show_table
from mlops_lesson.training.charts import draw_probabilities
from mlops_lesson.validation.gate import GATE
from mlops_lesson.validation.measures import confusion, interval, precision_recall


@dataclass(frozen=True)
class Decision:
    """What one threshold and one gate lead to.

    Parameters
    ----------
    y : numpy.ndarray of shape (n,)
        Labels, 0 for chute A and 1 for chute B.
    probability : numpy.ndarray of shape (n,)
        The model's probability of chute B.
    threshold : float
        A parcel goes to chute B from this probability on.
    gate : float
        The accuracy that the interval's lower end has to reach.
    """

    y: np.ndarray
    probability: np.ndarray
    threshold: float
    gate: float

    @property
    def predicted(self) -> np.ndarray:
        """The chutes the parcels are sent to, 0 or 1."""
        return (self.probability >= self.threshold).astype(int)

    @property
    def accuracy(self) -> float:
        """Share of parcels sent to the right chute."""
        return float(np.mean(self.predicted == self.y))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy."""
        return interval(int((self.predicted == self.y).sum()), len(self.y))

    @property
    def passed(self) -> bool:
        """Whether the lower end of the interval reaches the gate."""
        return self.interval[0] >= self.gate

    def __str__(self) -> str:
        precision, recall = precision_recall(self.y, self.predicted)
        low, high = self.interval
        (right_a, wrong_a), (wrong_b, right_b) = confusion(self.y, self.predicted).to_numpy().tolist()
        return (
            f"{self.verdict}. Accuracy {self.accuracy:.3f} on {len(self.y)} images, 95 % interval {low:.3f} to "
            f"{high:.3f}; precision of chute B {precision:.3f}, recall {recall:.3f}. Of those that belong to A "
            f"{right_a} went to A and {wrong_a} to B; of those that belong to B {right_b} went to B and {wrong_b} to A."
        )

    @property
    def verdict(self) -> str:
        """The decision in a few words."""
        low = self.interval[0]
        return (
            f"Passed: the interval begins at {low:.3f}, the gate is {self.gate:.2f}"
            if self.passed
            else f"Refused: the interval begins at {low:.3f}, below the gate of {self.gate:.2f}"
        )


def plot_decision(decision: Decision) -> ShownFigure:
    """Draw the model's probabilities with the threshold, and the accuracy with the gate.

    Parameters
    ----------
    decision : Decision
        What to draw.

    Returns
    -------
    ShownFigure
        Ready to be displayed, with alternative text.
    """
    low, high = decision.interval
    with drawing(decision.verdict, 8.0, 3.0, columns=2, width_ratios=[1.7, 1]) as d:
        scores, accuracy = d.axes
        draw_probabilities(scores, decision.y, decision.probability)
        scores.axvline(decision.threshold, color="black", linestyle="--", label=f"threshold {decision.threshold:.2f}")
        scores.set_title("Probabilities")
        scores.legend(loc="upper center", fontsize="small", frameon=True, framealpha=1, edgecolor="none")
        errors = [[decision.accuracy - low], [high - decision.accuracy]]
        accuracy.errorbar([0], [decision.accuracy], yerr=errors, fmt="o", color=BLUE, capsize=6)
        accuracy.axhline(decision.gate, color=GREY, linestyle="--")
        accuracy.annotate(f"gate {decision.gate:.2f}", (0.45, decision.gate), (0, 3), textcoords="offset points")
        accuracy.set(title="Accuracy, 95 % interval", ylabel="share right", xticks=[])
        accuracy.set(ylim=(min(0.6, low - 0.02), 1.005), xlim=(-1, 1.6))
        d.alt = f"Probabilities by true chute, and accuracy beside the gate. {decision}"
    return d.shown


def validation_explorer(models: Mapping[str, Any], X: np.ndarray, y: np.ndarray) -> Explorer:
    """Let a learner move the decision threshold and the gate, and watch mistakes and verdict.

    Parameters
    ----------
    models : mapping of str to object
        One fitted model or more by name, each with `predict_proba`; the last one is shown first.
    X : numpy.ndarray of shape (n, 64)
        Images that thresholds may be chosen on: validation images, not test images.
    y : numpy.ndarray of shape (n,)
        Their labels.

    Returns
    -------
    Explorer
        A choice of models, two sliders, a figure and the confusion matrix. Make it the last expression of a cell.
    """
    probabilities = {name: model.predict_proba(X)[:, 1] for name, model in models.items()}

    def answer(model: str, threshold: float, gate: float) -> Answer:
        decision = Decision(y, probabilities[model], round(threshold, 2), round(gate, 2))
        precision, recall = precision_recall(decision.y, decision.predicted)
        caption = f"Confusion matrix; precision of chute B {precision:.3f}, recall {recall:.3f}"
        table = show_table(confusion(decision.y, decision.predicted), caption, index=True)
        return Answer(decision.verdict, (str(decision),), (plot_decision(decision), table))

    controls = {
        "model": ipywidgets.RadioButtons(options=list(models), value=list(models)[-1], description="Model"),
        "threshold": ipywidgets.FloatSlider(0.5, min=0.05, max=0.95, step=0.05, description="Threshold for chute B"),
        "gate": ipywidgets.FloatSlider(GATE, min=0.7, max=0.99, step=0.01, description="Gate"),
    }
    return Explorer("decision threshold and gate", controls, answer)
