"""The explorer of Model Training, driven as a learner's sliders drive it."""

import pytest
from course_models import clean, trained

from mlops_lesson.training.explorer import how_it_went, training_explorer
from mlops_lesson.training.network import TrainingSettings, train
from mlops_lesson.training.trace import Epoch, TrainingTrace


@pytest.fixture
def explorer():
    return training_explorer(clean())


def test_it_begins_with_the_courses_settings_and_three_epochs_beside_the_given_trace(explorer):
    last = trained(3).trace.epochs[-1]
    settings, headline, *_ = explorer.text.splitlines()
    assert settings == "Learning rate: 0.271; Hidden units: 32; Epochs: 3"
    assert headline == f"Loss {last.loss:.2f}, accuracy {last.accuracy:.2f} after epoch 3: it has learned."
    assert "The given trace: loss from 0.65 at epoch 1 to 0.30 at epoch 3" in explorer.result.value


@pytest.mark.parametrize("values", [(0.003, 32, 3), (0.271, 4, 3), (0.7, 32, 10)])
def test_moving_a_slider_shows_what_those_settings_give(explorer, values):
    for control, value in zip(explorer.controls, values, strict=True):
        control.value = value
    rate, units, epochs = values
    settings = TrainingSettings(learning_rate=rate, hidden_units=units, epochs=epochs)
    last = train(clean(), settings).trace.epochs[-1]
    assert f"Loss {last.loss:.2f}, accuracy {last.accuracy:.2f} after epoch {epochs}" in explorer.result.value


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([(0.6, 0.7), (0.3, 0.8)], "it has learned"),
        ([(0.6, 0.7), (0.3, 0.79)], "it is on its way, give it more epochs"),
        ([(0.69, 0.53), (0.6885, 0.53)], "the loss stands still, nothing is learned"),
        ([(0.8, 0.47)], "it is on its way, give it more epochs"),
        ([(0.9, 0.47), (0.6, 0.5), (0.7, 0.5), (0.699, 0.5)], "the loss jumps, the steps are too long"),
    ],
)
def test_the_verdict_says_how_the_run_went(numbers, said):
    assert how_it_went(TrainingTrace(tuple(Epoch(number, *each) for number, each in enumerate(numbers)))) == said
