"""The explorer of Model Validation: what each kind of mistake costs, and which threshold is cheapest then."""

from collections.abc import Mapping
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd

from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.show.figures import BLUE, GREY, ShownFigure, drawing
from mlops_lesson.training.charts import draw_probabilities

THRESHOLDS = np.arange(1, 100) / 100
USUAL = 0.5


def costs(y: np.ndarray, probability: np.ndarray, wrongly_a: float, wrongly_b: float) -> pd.Series:
    """Return the minutes for all mistakes by threshold, the probability from which on a parcel goes to chute B."""
    sent_to_b = probability >= THRESHOLDS[:, np.newaxis]
    minutes = wrongly_a * (~sent_to_b & (y == 1)).sum(axis=1) + wrongly_b * (sent_to_b & (y == 0)).sum(axis=1)
    return pd.Series(minutes, THRESHOLDS)


def cheapest(minutes: pd.Series) -> float:
    """Return the threshold of the lowest cost; of several, the one nearest to the usual one."""
    return min(minutes.index, key=lambda threshold: (minutes[threshold], abs(threshold - USUAL)))


def _notes(y: np.ndarray, probability: np.ndarray, threshold: float, wrongly_a: int, wrongly_b: int) -> tuple[str, ...]:
    from sklearn.metrics import accuracy_score, confusion_matrix, precision_score, recall_score

    sent = (probability >= threshold).astype(int)
    (right_a, wrong_b), (wrong_a, right_b) = confusion_matrix(y, sent, labels=[0, 1]).tolist()
    usual = accuracy_score(y, probability >= USUAL)
    return (
        f"At {threshold:.2f}, {wrong_a} of the {right_a + wrong_a} parcels in A and {wrong_b} of the "
        f"{right_b + wrong_b} in B are wrong there.",
        f"Precision of chute B {precision_score(y, sent):.3f}, recall {recall_score(y, sent):.3f}.",
        f"Accuracy {accuracy_score(y, sent):.3f}; with the usual threshold of {USUAL:.2f} it is {usual:.3f}.",
        f"If the probabilities meant what they say, the threshold would be {wrongly_b / (wrongly_a + wrongly_b):.2f}.",
    )


def _draw(y: np.ndarray, probability: np.ndarray, minutes: pd.Series, headline: str) -> ShownFigure:
    best = cheapest(minutes)
    with drawing("What the mistakes cost at each threshold", 8.0, 2.9, columns=2) as d:
        scores, curve = d.axes
        draw_probabilities(scores, y, probability)
        scores.set_title("Probabilities")
        curve.plot(minutes, color=BLUE)
        curve.plot(best, minutes[best], "o", color=BLUE)
        curve.set(title="Cost of all mistakes", xlabel="threshold for chute B", ylabel="minutes", ylim=(0, None))
        for axis in d.axes:
            axis.axvline(best, color="black", linestyle="--", label="cheapest threshold")
            axis.axvline(USUAL, color=GREY, linestyle=":", label=f"usual threshold, {USUAL:.2f}")
        scores.figure.legend(*scores.get_legend_handles_labels(), loc="outside lower left", ncols=4)
        d.alt = (
            "Left, how often the model gives which probability, by true chute; right, minutes at each threshold, from "
            f"{minutes.iloc[0]} at 0.01 to {minutes.iloc[-1]} at 0.99. {headline}."
        )
    return d.shown


def explore_costs(models: Mapping[str, Any], X: np.ndarray, y: np.ndarray) -> Explorer:
    """Let a learner set the price of each kind of mistake, and find the threshold that makes them cheapest.

    Parameters
    ----------
    models : mapping of str to object
        One fitted model or more by name, each with `predict_proba`; the last one is shown first.
    X : numpy.ndarray of shape (n, 64)
        Images that thresholds may be chosen on: validation images, not test images.
    y : numpy.ndarray of shape (n,)
        Their labels.
    """
    probabilities = {name: model.predict_proba(X)[:, 1] for name, model in models.items()}

    def answer(wrongly_a: int, wrongly_b: int, model: str) -> Answer:
        probability = probabilities[model]
        minutes = costs(y, probability, wrongly_a, wrongly_b)
        best = cheapest(minutes)
        headline = (
            f"Cheapest at a threshold of {best:.2f}: {minutes[best]} minutes for {len(y)} parcels; "
            f"the usual {USUAL:.2f} costs {minutes[USUAL]} minutes"
        )
        notes = _notes(y, probability, best, wrongly_a, wrongly_b)
        return Answer(headline, notes, (_draw(y, probability, minutes, headline),))

    controls = {
        "wrongly_a": ipywidgets.IntSlider(5, 1, 60, description="Wrongly in A, minutes"),
        "wrongly_b": ipywidgets.IntSlider(5, 1, 60, description="Wrongly in B, minutes"),
        "model": ipywidgets.RadioButtons(options=list(models), value=list(models)[-1], description="Model"),
    }
    return Explorer("The price of each mistake", controls, answer)
