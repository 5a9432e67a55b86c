"""The explorer of Model Training, driven as a learner's sliders drive it."""

from dataclasses import replace

import pytest
from course_models import clean, trained

from mlops_lesson import pipeline
from mlops_lesson.training import explorer as model_training
from mlops_lesson.training.explorer import judge, training_explorer
from mlops_lesson.training.network import TrainingSettings
from mlops_lesson.training.trace import LESSON_TRACE, make_trace


@pytest.fixture
def explorer():
    return training_explorer(clean())


def move(explorer, **values):
    names = ("learning_rate", "hidden_units", "epochs")
    for name, value in values.items():
        explorer.controls[names.index(name)].value = value


def test_it_begins_with_the_courses_settings_and_the_lessons_epochs(explorer):
    last = trained(3).trace.epochs[-1]
    assert "Learning rate: 0.271; Hidden units: 32; Epochs: 3" in explorer.text
    given = LESSON_TRACE.epochs[-1]
    assert explorer.text.splitlines()[1] == (
        f"Loss {last.loss:.2f}, accuracy {last.accuracy:.2f} after epoch 3: it has learned."
    )
    assert explorer.text.splitlines()[2] == (
        f"- The lesson's trace ends at loss {given.loss:.2f}, accuracy {given.accuracy:.2f}."
    )
    assert f"{last.accuracy:.2f} after epoch 3: it has learned.<" in explorer.result.value


def test_the_sliders_go_from_the_smallest_to_the_largest_setting(explorer):
    rate, units, epochs = explorer.controls
    assert explorer.title == "learning rate, hidden units and epochs"
    assert rate.options == (0.003, 0.01, 0.03, 0.1, 0.271, 0.5, 0.7, 1.0)
    assert units.options == (1, 2, 4, 8, 16, 32, 64, 128)
    assert (epochs.min, epochs.max, epochs.step) == (1, 10, 1)


def test_the_settings_given_are_those_of_every_run():
    settings = TrainingSettings(batch_size=32, momentum=0.5, seed=7)
    last = pipeline.train(clean(), replace(settings, epochs=3)).trace.epochs[-1]
    said = f"Loss {last.loss:.2f}, accuracy {last.accuracy:.2f} after epoch 3"
    assert said in training_explorer(clean(), settings).text


@pytest.mark.parametrize(
    "values", [{"learning_rate": 0.003}, {"hidden_units": 4}, {"epochs": 7}, {"learning_rate": 0.7, "epochs": 10}]
)
def test_moving_a_slider_shows_what_those_settings_give(explorer, values):
    move(explorer, **values)
    settings = TrainingSettings(**({"epochs": 3} | values))
    last = pipeline.train(clean(), settings).trace.epochs[-1]
    said = f"Loss {last.loss:.2f}, accuracy {last.accuracy:.2f} after epoch {last.epoch}"
    assert said in explorer.text
    assert said in explorer.result.value


def test_the_lessons_trace_stays_in_the_background(explorer):
    move(explorer, learning_rate=1.0)
    assert "The lesson&#x27;s trace. Validation loss from 0.65 at epoch 1 to 0.30 at epoch 3" in explorer.result.value


def test_more_epochs_train_no_model_again(explorer, monkeypatch):
    def refuse(*_):
        raise AssertionError("a network was trained again")

    monkeypatch.setattr(model_training, "fit_on", refuse)
    move(explorer, epochs=8)
    assert "after epoch 8" in explorer.text


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ([(0.6, 0.7), (0.3, 0.86)], "it has learned"),
        ([(0.6, 0.7), (0.3, 0.8)], "it has learned"),
        ([(0.6, 0.7), (0.3, 0.79)], "it is on its way, give it more epochs"),
        ([(0.5, 0.5), (0.75, 0.5), (0.7, 0.5)], "the loss jumps, the steps are too long"),
        ([(0.5, 0.5), (0.54, 0.5)], "the loss stands still, nothing is learned"),
        ([(0.69, 0.53), (0.6885, 0.53)], "the loss stands still, nothing is learned"),
        ([(0.69, 0.53), (0.687, 0.53)], "it is on its way, give it more epochs"),
        ([(0.7, 0.5), (1.0, 0.5)], "the loss jumps, the steps are too long"),
        ([(0.69, 0.53), (0.69, 0.53)], "the loss stands still, nothing is learned"),
        ([(0.8, 0.47), (0.75, 0.5)], "it is on its way, give it more epochs"),
        ([(0.8, 0.47)], "it is on its way, give it more epochs"),
        ([(0.9, 0.47), (0.8, 0.5), (0.7, 0.5), (0.6, 0.5)], "it is on its way, give it more epochs"),
        ([(0.9, 0.47), (0.6, 0.5), (0.7, 0.5), (0.699, 0.5)], "the loss jumps, the steps are too long"),
        ([(0.9, 0.47), (0.8, 0.5), (0.7, 0.5), (0.699, 0.5)], "the loss stands still, nothing is learned"),
    ],
)
def test_the_verdict_says_how_the_run_went(figures, said):
    assert judge(make_trace(figures)) == said
