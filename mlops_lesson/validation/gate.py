"""The gate: three rules that a model must pass before it is deployed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.training.network import TrainedModel, TrainingSettings, train_baseline

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

GATE = 0.85
"""Accuracy that a model must have proven before it is deployed."""


PASSED, FAILED = "passed: ", "failed: "


@dataclass(frozen=True)
class GateResult:
    """The gate's verdict on one model.

    Parameters
    ----------
    passed : bool
        Whether the model may be deployed.
    accuracy : float
        Share of images sent to the right chute, 0 to 1.
    loss : float
        Mean log loss, 0 or more.
    low, high : float
        95 % interval of the accuracy.
    n : int
        Images the verdict rests on.
    threshold : float
        The accuracy that must be proven.
    reasons : tuple of str
        One sentence a rule, each beginning with "passed" or "failed".
    """

    passed: bool
    accuracy: float
    loss: float
    low: float
    high: float
    n: int
    threshold: float
    reasons: tuple[str, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """The sentences of the rules that failed, without their first word; empty if the gate is passed."""
        return tuple(reason.removeprefix(FAILED) for reason in self.reasons if reason.startswith(FAILED))

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "GateResult":
        """Make a verdict from plain values; the reverse of `to_dict`."""
        return cls(**{**values, "reasons": tuple(values["reasons"])})

    def __str__(self) -> str:
        verdict = "PASSED" if self.passed else "REFUSED"
        figures = f"accuracy {self.accuracy:.3f} on {self.n} images, 95 % interval {self.low:.3f} to {self.high:.3f}"
        return "\n".join([f"Gate {verdict}: {figures}", *(f"- {reason}" for reason in self.reasons)])


def _reason(passed: bool, text: str) -> str:
    return (PASSED if passed else FAILED) + text


def check_gate(
    model: Any,
    X: np.ndarray,
    y: np.ndarray,
    cameras: pd.Series,
    baseline: Any,
    threshold: float = GATE,
) -> GateResult:
    """Decide whether a model may be deployed, by three rules.

    1. Its accuracy is proven: the lower end of the 95 % interval reaches the threshold.
    2. It beats the baseline on the same images (McNemar's test, p below 0.05).
    3. No camera is proven bad: the upper end of each camera's 95 % interval reaches the threshold.

    Parameters
    ----------
    model, baseline : object
        Fitted classifiers with `predict`, the model also with `predict_proba`, taking grey levels 0 to 16.
    X : numpy.ndarray of shape (n, 64)
        Images that neither training nor the choice of settings has seen.
    y : numpy.ndarray of shape (n,)
        Labels, 0 or 1.
    cameras : pandas.Series of length n
        The camera of each image.
    baseline : object
        What the model must beat.
    threshold : float
        The accuracy that must be proven, 0 to 1.

    Returns
    -------
    GateResult
        The verdict with its reasons.

    Raises
    ------
    ValueError
        If there are no images.
    """
    from sklearn.metrics import log_loss

    from mlops_lesson.validation.measures import CONFIDENCE, interval, mcnemar, slices

    if not len(X):
        raise ValueError("The gate needs images to judge by; got none.")
    right = model.predict(X) == y
    low, high = interval(int(right.sum()), len(y))
    accuracy = float(right.mean())
    baseline_right = baseline.predict(X) == y
    p_value = mcnemar(right, baseline_right)
    by_camera = slices(right, cameras)
    worst = by_camera["high"].idxmin()

    proven = low >= threshold
    better = p_value < 1 - CONFIDENCE and accuracy > baseline_right.mean()
    even = bool((by_camera["high"] >= threshold).all())
    reasons = (
        _reason(proven, f"the accuracy's interval begins at {low:.3f}, the gate asks for {threshold:.2f}"),
        _reason(
            better,
            f"the baseline has {baseline_right.mean():.3f} on the same images, "
            f"McNemar's test {'p < 0.001' if p_value < 0.001 else f'p = {p_value:.3f}'}",
        ),
        _reason(
            even,
            f"the weakest camera, {worst}, has {by_camera['accuracy'][worst]:.3f} on {by_camera['n'][worst]} images, "
            f"its interval ends at {by_camera['high'][worst]:.3f}",
        ),
    )
    loss = float(log_loss(y, model.predict_proba(X), labels=[0, 1]))
    return GateResult(bool(proven and better and even), accuracy, loss, low, high, len(y), threshold, reasons)


@dataclass(frozen=True)
class ValidatedModel:
    """What Model Validation hands on: a trained model that has passed the gate, with the verdict.

    Parameters
    ----------
    trained : TrainedModel
        The model.
    gate : mlops_lesson.validation.gate.GateResult
        The gate's verdict on it.

    Raises
    ------
    ValueError
        If the gate has refused the model.
    """

    trained: TrainedModel
    gate: "GateResult"

    def __post_init__(self) -> None:
        if not self.gate.passed:
            raise ValueError(
                f"The gate has refused this model, so it is not handed on: {'; '.join(self.gate.failures)}. "
                "Improve the model, then validate it again."
            )

    @property
    def model(self) -> "Pipeline":
        """Scaler and network; see `TrainedModel`."""
        return self.trained.model

    @property
    def settings(self) -> TrainingSettings:
        """How the model was trained."""
        return self.trained.settings

    @property
    def data_hash(self) -> str:
        """SHA-256 of the dataset the model learned from, and was judged on."""
        return self.trained.data_hash

    @property
    def model_hash(self) -> str:
        """SHA-256 over the model and its verdict."""
        return hashlib.sha256((self.trained.model_hash + json.dumps(self.gate.to_dict())).encode()).hexdigest()


def validate(trained: TrainedModel, clean: CleanDataset) -> "GateResult":
    """Stage 4: judge a model on the test images by the gate's three rules.

    Parameters
    ----------
    trained : TrainedModel
        What `train` returns.
    clean : CleanDataset
        What `preprocess` returns.

    Returns
    -------
    GateResult
        The verdict; see `mlops_lesson.validation.gate.check_gate`.
    """
    X_test, y_test = clean.part("test")
    cameras = clean.table.loc[clean.table["split"] == "test", "camera_id"]
    return check_gate(trained.model, X_test, y_test, cameras, train_baseline(clean))
