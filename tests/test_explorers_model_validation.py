"""The explorer of Model Validation, driven as a learner's controls drive it."""

import numpy as np
import pytest
from course_models import clean, trained

from mlops_lesson.validation.explorer import Decision, validation_explorer
from mlops_lesson.validation.measures import confusion, interval


def make():
    models = {"3 epochs": trained(3).model, "30 epochs": trained(30).model}
    return validation_explorer(models, *clean().part("validation"))


@pytest.fixture
def explorer():
    return make()


def test_it_begins_with_the_last_model_at_the_usual_threshold_and_gate(explorer):
    assert "Model: 30 epochs; Threshold for chute B: 0.5; Gate: 0.85" in explorer.text
    assert "Passed: " in explorer.text


@pytest.mark.parametrize("threshold", [0.3, 0.7])
def test_moving_the_threshold_changes_the_mistakes(explorer, threshold):
    model, slider, _ = explorer.controls
    model.value, slider.value = "3 epochs", threshold
    X, y = clean().part("validation")
    predicted = (trained(3).model.predict_proba(X)[:, 1] >= threshold).astype(int)
    (right_a, wrong_a), (wrong_b, right_b) = confusion(y, predicted).to_numpy()
    assert f"{right_a} went to A and {wrong_a} to B" in explorer.text
    assert f"{right_b} went to B and {wrong_b} to A" in explorer.text
    assert f"accuracy {np.mean(predicted == y):.3f}" in explorer.text.lower()
    assert f'<td style="text-align:right">{wrong_b}</td>' in explorer.result.value


def test_the_gate_decides_by_the_lower_end_of_the_interval(explorer):
    X, y = clean().part("validation")
    low, _ = interval(int((trained(30).model.predict(X) == y).sum()), len(y))
    gate = explorer.controls[2]
    gate.value = np.floor(low * 100) / 100
    assert "Passed: " in explorer.text
    gate.value = np.ceil(low * 100) / 100
    assert "Refused: " in explorer.text


def test_the_sliders_move_in_the_steps_that_the_lesson_talks_about(explorer):
    _, threshold, gate = explorer.controls
    assert explorer.title == "decision threshold and gate"
    assert (threshold.min, threshold.max, threshold.step) == (0.05, 0.95, 0.05)
    assert (gate.min, gate.max, gate.step) == (0.7, 0.99, 0.01)


@pytest.mark.parametrize(
    ("gate", "verdict"),
    [
        (0.2, "Passed: the interval begins at {low:.3f}, the gate is 0.20"),
        (0.9, "Refused: the interval begins at {low:.3f}, below the gate of 0.90"),
    ],
)
def test_a_decision_is_told_with_its_verdict_its_figures_and_all_four_counts(gate, verdict):
    y, probability = np.array([0, 0, 0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.6, 0.4, 0.9])
    decision = Decision(y, probability, 0.5, gate)
    low, high = interval(4, 6)
    assert decision.verdict == verdict.format(low=low)
    assert str(decision) == (
        f"{decision.verdict}. Accuracy 0.667 on 6 images, 95 % interval {low:.3f} to {high:.3f}; precision of chute B "
        "0.500, recall 0.500. Of those that belong to A 3 went to A and 1 to B; of those that belong to B 1 went to B "
        "and 1 to A."
    )


def test_a_gate_exactly_at_the_beginning_of_the_interval_is_passed():
    y = np.array([0, 1, 1, 1])
    assert Decision(y, np.full(4, 0.9), 0.5, interval(3, 4)[0]).passed


def test_a_higher_threshold_trades_recall_for_precision():
    X, y = clean().part("validation")
    probability = trained(3).model.predict_proba(X)[:, 1]
    from_b = [Decision(y, probability, threshold, 0.85).predicted.sum() for threshold in (0.2, 0.5, 0.8)]
    assert from_b == sorted(from_b, reverse=True)
    assert from_b[0] > from_b[-1]


def test_a_parcel_exactly_at_the_threshold_goes_to_b():
    assert Decision(np.array([1]), np.array([0.5]), 0.5, 0.85).predicted.tolist() == [1]
