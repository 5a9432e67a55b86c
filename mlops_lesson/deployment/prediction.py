"""One prediction in three layers: Input Data, Model Inference, Output Prediction."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.collection.depot import CHUTES, GREY_LEVELS, IMAGE_SHAPE
from mlops_lesson.show.figures import BLUE, GREY, PINK, ShownFigure, drawing
from mlops_lesson.show.tables import show_table

THRESHOLD = 0.5
"""A parcel goes to chute B from this probability on."""


@dataclass(frozen=True, repr=False)
class PredictionTrace:
    """What the model computes for one image, layer by layer; a notebook shows it as a figure and a table."""

    image: np.ndarray
    scaled: np.ndarray
    hidden: np.ndarray
    probability: float

    def __repr__(self) -> str:
        return repr(self.plot())

    def _repr_html_(self) -> str:
        grey = f"grey {self.image.min():g} to {self.image.max():g}, mean {self.image.mean():.2f}"
        scaled = f"{grey}; scaled mean {self.scaled.mean():.3f}"
        active = f"{(self.hidden > 0).sum()} active, strongest {self.hidden.max():.3f}"
        chute = f"{self.probability:.3f}, so chute {self.chute}"
        layers = [
            ("1 Input Data", "pixels of the camera image, and scaled", "8\u00a0x\u00a08", scaled),
            ("2 Model Inference", "activations of the hidden units", str(len(self.hidden)), active),
            ("3 Output Prediction", "probability of chute B, and the chute", "1", chute),
        ]
        table = pd.DataFrame(layers, columns=["layer", "what", "size", "values"])
        return self.plot()._repr_html_() + show_table(table, "The three layers of one prediction")._repr_html_()

    @property
    def chute(self) -> str:
        """The chute the parcel is sent to, "A" or "B"."""
        return CHUTES[int(self.probability >= THRESHOLD)]

    def plot(self, title: str | None = None) -> ShownFigure:
        """Draw the three layers side by side; the title is made from the prediction if not given."""
        title = title or f"Chute {self.chute}, with a probability of {max(self.probability, 1 - self.probability):.2f}"
        with drawing(title, 8.4, 2.9, columns=3, width_ratios=[1, 1.6, 1]) as d:
            picture, hidden, output = d.axes
            picture.imshow(self.image, cmap="gray", vmin=0, vmax=GREY_LEVELS)
            picture.set(title="1 Input Data", xticks=[], yticks=[], xlabel="8 x 8 grey levels")
            picture.set_anchor("N")
            hidden.bar(range(len(self.hidden)), self.hidden, color=BLUE)
            hidden.set(title="2 Model Inference", xlabel="hidden unit", ylabel="activation")
            bars = output.bar(
                ["A", "B"],
                [1 - self.probability, self.probability],
                color=[PINK if self.chute == chute else GREY for chute in CHUTES],
            )
            output.bar_label(bars, fmt="%.2f")
            output.axhline(THRESHOLD, color=GREY, linestyle="--", linewidth=1)
            output.set(title="3 Output Prediction", xlabel=f"chute (dashed: {THRESHOLD})", ylabel="probability")
            output.set_ylim(0, 1.12)
            strongest = int(self.hidden.argmax())
            d.alt = (
                f"Three panels. Input Data: an 8 by 8 image with grey levels {self.image.min():g} to "
                f"{self.image.max():g}. Model Inference: {(self.hidden > 0).sum()} of {len(self.hidden)} hidden "
                f"units are active, unit {strongest} most with {self.hidden[strongest]:.2f}. Output Prediction: "
                f"probability {1 - self.probability:.2f} for chute A and {self.probability:.2f} for chute B. "
                f"A dashed line marks {THRESHOLD}: from there on, chute B."
            )
        return d.shown


def trace_prediction(model: Any, image: Any) -> PredictionTrace:
    """Follow one image through a fitted model.

    Parameters
    ----------
    model : sklearn.pipeline.Pipeline
        A fitted pipeline with the steps "scaler" and "network", an `MLPClassifier` with one hidden layer.
    image : array-like of shape (8, 8) or (64,)
        Grey levels, 0 to 16.

    Notes
    -----
    The hidden layer computes max(0, x W + b), with the weights W and the intercepts b that training has found
    (`coefs_` and `intercepts_` of scikit-learn's `MLPClassifier`).
    """
    features = np.reshape(image, (1, -1)).astype(float)
    scaled = model.named_steps["scaler"].transform(features)
    network = model.named_steps["network"]
    hidden = np.maximum(scaled[0] @ network.coefs_[0] + network.intercepts_[0], 0.0)
    probability = float(model.predict_proba(features)[0, 1])
    return PredictionTrace(features.reshape(IMAGE_SHAPE), scaled.reshape(IMAGE_SHAPE), hidden, probability)
