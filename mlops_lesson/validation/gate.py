"""The gate: three rules that a model must pass before it is deployed."""

from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.training.network import TrainedModel, train_baseline

GATE = 0.85
"""Accuracy that the lower end of a model's interval must reach before it is deployed."""

PASSED, FAILED = "passed: ", "failed: "


@dataclass(frozen=True)
class GateResult:
    """The gate's verdict on one model.

    Parameters
    ----------
    accuracy, loss : float
        Share of images sent to the right chute, 0 to 1; mean log loss, 0 or more.
    low, high : float
        95 % interval of the accuracy.
    n : int
        Images the verdict rests on.
    required : float
        What `low` must reach.
    reasons : list of str
        One sentence per rule, each beginning with "passed" or "failed".
    """

    accuracy: float
    loss: float
    low: float
    high: float
    n: int
    required: float
    reasons: list[str]

    @property
    def passed(self) -> bool:
        """Whether the model may be deployed: no rule failed."""
        return not self.failures

    @property
    def failures(self) -> list[str]:
        """The sentences of the rules that failed, without their first word."""
        return [reason.removeprefix(FAILED) for reason in self.reasons if reason.startswith(FAILED)]

    def __str__(self) -> str:
        verdict = "PASSED" if self.passed else "REFUSED"
        numbers = f"accuracy {self.accuracy:.3f} on {self.n} images, 95 % interval {self.low:.3f} to {self.high:.3f}"
        reasons = (fill(f"- {reason}", 72, subsequent_indent="  ") for reason in self.reasons)
        return "\n".join([f"Gate {verdict}: {numbers}", *reasons])


def check_gate(
    y: np.ndarray,
    probability: np.ndarray,
    baseline_right: np.ndarray,
    cameras: pd.Series,
    required: float = GATE,
    *,
    baseline: str = "baseline",
) -> GateResult:
    """Decide by three rules whether a model may be deployed.

    1. The lower end of the accuracy's 95 % interval reaches what is required.
    2. The model beats the baseline on the same images (McNemar's test, p below 0.05).
    3. No camera is clearly too weak: the upper end of each camera's 95 % interval reaches what is required.

    Parameters
    ----------
    y, probability : numpy.ndarray of shape (n,)
        Labels, 0 or 1, and the model's probability of chute B, for images that neither training nor the choice of
        settings has seen.
    baseline_right : numpy.ndarray of bool, shape (n,)
        For each image, whether the model to beat was right.
    cameras : pandas.Series of length n
        The camera of each image.
    required : float
        What the accuracy's interval must reach, 0 to 1.
    baseline : str
        What the model to beat is called in the reasons.
    """
    from sklearn.metrics import log_loss

    from mlops_lesson.validation.measures import CONFIDENCE, interval, mcnemar, slices

    right = (probability >= 0.5) == y
    low, high = interval(right.sum(), len(right))
    ahead, behind = int((right & ~baseline_right).sum()), int((baseline_right & ~right).sum())
    p_value = mcnemar(right, baseline_right)
    by_camera = slices(right, cameras)
    worst = by_camera["high"].idxmin()
    rules = {
        f"the accuracy's interval begins at {low:.3f}, the gate asks for {required:.2f}": low >= required,
        f"only this model is right on {ahead} images, only the {baseline} on {behind}, McNemar's "
        f"p {'< 0.001' if p_value < 0.001 else f'= {p_value:.3f}'}": ahead > behind and p_value < 1 - CONFIDENCE,
        f"the weakest camera, {worst}, has {by_camera['accuracy'][worst]:.3f} on {by_camera['n'][worst]} images, its "
        f"interval ends at {by_camera['high'][worst]:.3f}": by_camera["high"][worst] >= required,
    }
    reasons = [(PASSED if kept else FAILED) + text for text, kept in rules.items()]
    loss = float(log_loss(y, probability, labels=[0, 1]))
    return GateResult(float(right.mean()), loss, low, high, len(right), required, reasons)


@dataclass(frozen=True)
class ValidatedModel:
    """What Model Validation hands on: a trained model with the gate's verdict, which must be that it passed."""

    trained: TrainedModel
    gate: GateResult

    def __post_init__(self) -> None:
        if not self.gate.passed:
            raise ValueError(
                f"The gate has refused this model, so it is not handed on: {'; '.join(self.gate.failures)}. "
                "Improve the model, then validate it again."
            )

    @property
    def model(self) -> Any:
        """Scaler and network; see `TrainedModel`."""
        return self.trained.model


def judge_on_test(model: Any, clean: CleanDataset) -> GateResult:
    """Judge a model, which takes grey levels 0 to 16, on the test images by the rules of `check_gate`."""
    X_test, y_test = clean.part("test")
    cameras = clean.table.loc[clean.table["split"] == "test", "camera_id"]
    baseline_right = train_baseline(clean).predict(X_test) == y_test
    return check_gate(y_test, model.predict_proba(X_test)[:, 1], baseline_right, cameras)


def validate(trained: TrainedModel, clean: CleanDataset) -> GateResult:
    """Stage 4: judge what `train` returns; see `judge_on_test`."""
    return judge_on_test(trained.model, clean)
