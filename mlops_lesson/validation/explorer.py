"""The explorer of Model Validation: what each kind of mistake costs, and which threshold is cheapest then."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets
import numpy as np

from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.show.figures import BLUE, GREY, ShownFigure, drawing
from mlops_lesson.training.charts import draw_probabilities

THRESHOLDS = np.arange(5, 96) / 100


@dataclass(frozen=True)
class Costs:
    """What the mistakes of one model cost, threshold by threshold; prices are minutes for a parcel."""

    y: np.ndarray
    probability: np.ndarray
    wrongly_a: float
    wrongly_b: float

    def at(self, threshold: float) -> float:
        """Minutes for all parcels together, if chute B is chosen from this probability on."""
        sent_to_b = self.probability >= threshold
        wrong_in_a, wrong_in_b = int((self.y[~sent_to_b] == 1).sum()), int((self.y[sent_to_b] == 0).sum())
        return wrong_in_a * self.wrongly_a + wrong_in_b * self.wrongly_b

    @property
    def cheapest(self) -> float:
        """The threshold of the lowest cost; of several the one nearest to 0.5."""
        return float(min(THRESHOLDS, key=lambda threshold: (self.at(threshold), abs(threshold - 0.5))))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the cheapest threshold does, in sentences."""
        from sklearn.metrics import accuracy_score, confusion_matrix, precision_score, recall_score

        sent = (self.probability >= self.cheapest).astype(int)
        (right_a, wrong_b), (wrong_a, right_b) = confusion_matrix(self.y, sent, labels=[0, 1]).tolist()
        usual = accuracy_score(self.y, self.probability >= 0.5)
        return (
            f"At {self.cheapest:.2f}, {wrong_a} of the {right_a + wrong_a} parcels in A and {wrong_b} of the "
            f"{right_b + wrong_b} in B are wrong there.",
            f"Precision of chute B {precision_score(self.y, sent):.3f}, recall {recall_score(self.y, sent):.3f}.",
            f"Accuracy {accuracy_score(self.y, sent):.3f}; with the usual threshold of 0.50 it is {usual:.3f}.",
            "If the probabilities meant what they say, the threshold would be "
            f"{self.wrongly_b / (self.wrongly_a + self.wrongly_b):.2f}.",
        )


def _draw(costs: Costs, headline: str) -> ShownFigure:
    with drawing("What the mistakes cost at each threshold", 8.0, 2.6, columns=2) as d:
        scores, curve = d.axes
        draw_probabilities(scores, costs.y, costs.probability)
        scores.set_title("Probabilities")
        scores.legend(loc="upper center", fontsize="small")
        curve.plot(THRESHOLDS, [costs.at(threshold) for threshold in THRESHOLDS], color=BLUE)
        curve.plot(costs.cheapest, costs.at(costs.cheapest), "o", color=BLUE)
        curve.set(title="Cost of all mistakes", xlabel="threshold for chute B", ylabel="minutes", ylim=(0, None))
        for axis in d.axes:
            axis.axvline(0.5, color=GREY, linestyle=":")
            axis.axvline(costs.cheapest, color="black", linestyle="--")
        d.alt = (
            "Left, how often the model gives which probability, by true chute; right, minutes at each threshold, from "
            f"{costs.at(THRESHOLDS[0]):g} at {THRESHOLDS[0]:.2f} to {costs.at(THRESHOLDS[-1]):g} at "
            f"{THRESHOLDS[-1]:.2f}. {headline}."
        )
    return d.shown


def validation_explorer(models: Mapping[str, Any], X: np.ndarray, y: np.ndarray) -> Explorer:
    """Let a learner set the price of each kind of mistake, and find the threshold that makes them cheapest.

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
        A choice of models, two sliders, and a figure. Make it the last expression of a cell.
    """
    probabilities = {name: model.predict_proba(X)[:, 1] for name, model in models.items()}

    def answer(model: str, wrongly_a: int, wrongly_b: int) -> Answer:
        costs = Costs(y, probabilities[model], wrongly_a, wrongly_b)
        headline = (
            f"Cheapest at a threshold of {costs.cheapest:.2f}: {costs.at(costs.cheapest):g} minutes for {len(y)} "
            f"parcels, at 0.50 {costs.at(0.5):g} minutes"
        )
        return Answer(headline, costs.notes, (_draw(costs, headline),))

    controls = {
        "model": ipywidgets.RadioButtons(options=list(models), value=list(models)[-1], description="Model"),
        "wrongly_a": ipywidgets.IntSlider(5, 1, 60, description="Wrongly in A, minutes"),
        "wrongly_b": ipywidgets.IntSlider(5, 1, 60, description="Wrongly in B, minutes"),
    }
    return Explorer("the price of each mistake", controls, answer)
