"""One prediction in three layers: Input Data, Model Inference, Output Prediction."""

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops_lesson.collection.depot import CHUTES, GREY_LEVELS, IMAGE_SHAPE

if TYPE_CHECKING:
    import pandas as pd

    from mlops_lesson.show.figures import ShownFigure

THRESHOLD = 0.5
"""A parcel goes to chute B from this probability on."""

SHADES = " .:-=+*#@"
"""Characters from dark to bright, for drawing an image as text."""


def as_features(image: Any) -> np.ndarray:
    """Turn an image of 8 by 8 or 64 grey levels into the row of numbers that the model takes, or say what is wrong."""
    try:
        pixels = np.asarray(image, dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"An image is a grid of 8 by 8 numbers; got {type(image).__name__}.") from error
    if pixels.shape not in (IMAGE_SHAPE, (IMAGE_SHAPE[0] * IMAGE_SHAPE[1],)):
        raise ValueError(f"An image has the shape (8, 8); got {pixels.shape}.")
    if not np.isfinite(pixels).all():
        raise ValueError("An image holds finite numbers only; got NaN or infinity.")
    if pixels.min() < 0 or pixels.max() > GREY_LEVELS:
        raise ValueError(
            f"Grey levels lie between 0 and {GREY_LEVELS}; got {pixels.min():g} to {pixels.max():g}. "
            "A picture in 0..255 must be brought to the camera's scale first."
        )
    return pixels.reshape(1, -1)


def text_image(image: np.ndarray) -> str:
    """Draw an 8 by 8 image with characters, two for each pixel, bright where the pixel is bright."""
    levels = np.nan_to_num(np.asarray(image, dtype=float).reshape(IMAGE_SHAPE) / GREY_LEVELS).clip(0, 1)
    return "\n".join("".join(SHADES[round(level * (len(SHADES) - 1))] * 2 for level in row).rstrip() for row in levels)


@dataclass(frozen=True, repr=False)
class PredictionTrace:
    """What the model computes for one image, layer by layer; a notebook shows it as figure, table and text."""

    image: np.ndarray
    scaled: np.ndarray
    hidden: tuple[np.ndarray, ...]
    probability: float

    def __repr__(self) -> str:
        return f"{self.plot()!r}\n{self.to_text()}"

    def _repr_html_(self) -> str:
        from mlops_lesson.show.page import OURS
        from mlops_lesson.show.tables import show_table

        table = show_table(self.to_frame(), "The three layers of one prediction")
        text = f"<details {OURS}><summary>As text</summary><pre>{escape(self.to_text())}</pre></details>"
        return self.plot()._repr_html_() + table._repr_html_() + text

    @property
    def chute(self) -> str:
        """The chute the parcel is sent to, "A" or "B"."""
        return CHUTES[int(self.probability >= THRESHOLD)]

    def to_frame(self) -> "pd.DataFrame":
        """Return the trace as a table, one row a layer: `layer`, `what`, `size`, `values`."""
        import pandas as pd

        sizes = " + ".join(str(len(layer)) for layer in self.hidden)
        active = sum(int((layer > 0).sum()) for layer in self.hidden)
        grey = f"grey {self.image.min():g} to {self.image.max():g}, mean {self.image.mean():.2f}"
        units = f"{active} active, strongest {max(layer.max() for layer in self.hidden):.3f}"
        chute = f"{self.probability:.3f}, so chute {self.chute}"
        scaled = f"{grey}; scaled mean {self.scaled.mean():.3f}"
        rows = [
            ("1 Input Data", "pixels of the camera image, scaled to 0..1", "8 x 8", scaled),
            ("2 Model Inference", "activations of the hidden units", sizes, units),
            ("3 Output Prediction", "probability of chute B, and the chute", "1", chute),
        ]
        return pd.DataFrame(rows, columns=["layer", "what", "size", "values"])

    def to_text(self) -> str:
        """Return the trace as text that needs nothing but a monospace font."""
        lines = ["Layer 1, Input Data: 8 x 8 grey levels", text_image(self.image), ""]
        for number, layer in enumerate(self.hidden, start=1):
            of = f" {number} of {len(self.hidden)}" if len(self.hidden) > 1 else ""
            lines.append(f"Layer 2, Model Inference: hidden layer{of}, {len(layer)} activations")
            top = max(float(layer.max()), 1e-12)
            active = [(unit, value) for unit, value in enumerate(layer) if value > 0]
            lines += [
                f"  unit {unit:>2} {value:7.3f} {'#' * round(20 * value / top)}".rstrip() for unit, value in active
            ]
            lines.append(f"  {len(layer) - len(active)} units stay at 0")
        lines += ["", "Layer 3, Output Prediction"]
        lines.append(f"  probability of chute B {self.probability:.3f}, threshold {THRESHOLD:.2f}: chute {self.chute}")
        return "\n".join(lines)

    def plot(self, title: str | None = None) -> "ShownFigure":
        """Draw the three layers side by side.

        Parameters
        ----------
        title : str, optional
            The finding; made from the prediction if not given.

        Returns
        -------
        ShownFigure
            Ready to be displayed, with alternative text.
        """
        from mlops_lesson.show.figures import BLUE, GREY, PINK, drawing

        activations = np.concatenate(self.hidden)
        title = title or f"Chute {self.chute}, with a probability of {max(self.probability, 1 - self.probability):.2f}"
        with drawing(title, 8.4, 2.9, columns=3, width_ratios=[1, 1.6, 1]) as d:
            picture, hidden, output = d.axes
            picture.imshow(self.image, cmap="gray", vmin=0, vmax=GREY_LEVELS)
            picture.set(title="1 Input Data", xticks=[], yticks=[], xlabel="8 x 8 grey levels")
            hidden.bar(np.arange(len(activations)), activations, color=BLUE)
            hidden.set(title="2 Model Inference", xlabel="hidden unit", ylabel="activation")
            bars = output.bar(
                ["A", "B"],
                [1 - self.probability, self.probability],
                color=[PINK if self.chute == chute else GREY for chute in CHUTES],
            )
            output.bar_label(bars, fmt="%.2f")
            output.axhline(THRESHOLD, color=GREY, linestyle="--", linewidth=1)
            output.set(title="3 Output Prediction", xlabel="chute", ylabel="probability", ylim=(0, 1.12))
            strongest = int(activations.argmax())
            d.alt = (
                f"Three panels. Input Data: an 8 by 8 image with grey levels {self.image.min():g} to "
                f"{self.image.max():g}. Model Inference: {int((activations > 0).sum())} of {len(activations)} hidden "
                f"units are active, unit {strongest} most with {activations[strongest]:.2f}. Output Prediction: "
                f"probability {1 - self.probability:.2f} for chute A and {self.probability:.2f} for chute B."
            )
        return d.shown


def trace_prediction(model: Any, image: Any) -> PredictionTrace:
    """Follow one image through a fitted model.

    Parameters
    ----------
    model : sklearn.pipeline.Pipeline
        A fitted pipeline with the steps "scaler" and "network", the network an `MLPClassifier` of two classes.
    image : array-like of shape (8, 8) or (64,)
        Grey levels, 0 to 16.

    Returns
    -------
    PredictionTrace
        The three layers. The probability is the model's own `predict_proba`.

    Raises
    ------
    ValueError
        If the image is not one; see `as_features`.

    Notes
    -----
    A hidden layer computes max(0, x W + b), with the weights W and the intercepts b that training has found
    (`coefs_` and `intercepts_` of scikit-learn's `MLPClassifier`).
    """
    features = as_features(image)
    scaled = model.named_steps["scaler"].transform(features)
    network = model.named_steps["network"]
    hidden, values = [], scaled
    for weights, intercepts in zip(network.coefs_[:-1], network.intercepts_[:-1], strict=True):
        values = np.maximum(values @ weights + intercepts, 0.0)
        hidden.append(values[0])
    probability = float(model.predict_proba(features)[0, 1])
    return PredictionTrace(features.reshape(IMAGE_SHAPE), scaled.reshape(IMAGE_SHAPE), tuple(hidden), probability)
