"""The room of Model Training: the trace, charts that are true to it and say so in words, the explorer."""

from contextlib import contextmanager

import numpy as np
import pytest
from course_models import clean, trained
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from mlops_lesson.show import figures
from mlops_lesson.training import charts
from mlops_lesson.training.explorer import explore_training, how_it_went
from mlops_lesson.training.trace import GIVEN_TRACE, Epoch, TrainingTrace, compare_traces, train_with_trace

RUN = TrainingTrace((Epoch(1, 0.7, 0.5, 0.8), Epoch(2, 0.3, 0.9, 0.4), Epoch(3, 0.5, 0.8, 0.1)), "A run")


def test_the_given_trace_is_the_given_table():
    assert GIVEN_TRACE.to_frame().reset_index().to_numpy().tolist() == [
        [1, 0.65, 0.60, "Model starts learning but accuracy is low"],
        [2, 0.45, 0.75, "Loss decreases and accuracy improves"],
        [3, 0.30, 0.85, "Model converges with good accuracy"],
    ]


def test_traces_are_compared_over_the_epochs_of_both():
    table = compare_traces(TrainingTrace((Epoch(1, 0.70, 0.55), Epoch(2, 0.45, 0.74))))
    numbers = ["epoch", "given loss", "own loss", "given accuracy", "own accuracy", "larger of the two differences"]
    assert table[numbers].round(9).to_numpy().tolist() == [
        [1, 0.65, 0.70, 0.60, 0.55, 0.05],
        [2, 0.45, 0.45, 0.75, 0.74, 0.01],
    ]
    assert table["given observation"].tolist() == [epoch.observation for epoch in GIVEN_TRACE][:2]


def test_training_is_the_loop_over_partial_fit_and_records_what_scikit_learn_computes():
    rng = np.random.default_rng(0)
    X, y = np.concatenate([rng.normal(0.3, 0.1, (60, 2)), rng.normal(0.7, 0.1, (60, 2))]), np.repeat([0, 1], 60)
    X_train, y_train, X_val, y_val = X[::2], y[::2], X[1::2], y[1::2]
    by_hand, traced = (MLPClassifier((4,), solver="sgd", learning_rate_init=0.5, random_state=0) for _ in range(2))
    for _ in range(3):
        by_hand.partial_fit(X_train, y_train, classes=[0, 1])
    last = train_with_trace(traced, X_train, y_train, X_val, y_val, epochs=3).epochs[-1]
    assert all((a == b).all() for a, b in zip(by_hand.coefs_, traced.coefs_, strict=True))
    assert last.loss == pytest.approx(log_loss(y_val, traced.predict_proba(X_val)))
    assert last.train_loss == pytest.approx(log_loss(y_train, traced.predict_proba(X_train)))
    assert last.accuracy == pytest.approx(traced.score(X_val, y_val))


def test_a_chart_in_text_says_its_numbers_and_its_epochs_and_every_bar_fits():
    assert charts.ascii_chart(GIVEN_TRACE).splitlines() == [
        "The given trace",
        "epoch  loss                             accuracy",
        "    1  0.650 ################           0.600 ###############",
        "    2  0.450 ###########                0.750 ###################",
        "    3  0.300 ########                   0.850 #####################",
    ]
    far_off = TrainingTrace((Epoch(1, 12.0, 1.0), Epoch(10, 4.0, 0.0)))
    assert charts.ascii_chart(far_off).splitlines()[2:] == [
        "    1 12.000 #########################  1.000 #########################",
        "   10  4.000 ########                   0.000",
    ]


@pytest.fixture
def axes(monkeypatch):
    """The axes of what the course draws meanwhile."""
    drawn = []

    @contextmanager
    def drawing(*arguments, **options):
        with figures.drawing(*arguments, **options) as d:
            yield d
            drawn[:] = d.axes

    monkeypatch.setattr(charts, "drawing", drawing)
    return drawn


def curves(axis):
    """Return the points of every line by its name in the legend."""
    return {line.get_label(): list(zip(*line.get_data(), strict=True)) for line in axis.lines}


def test_loss_and_accuracy_stand_on_axes_of_their_own_and_in_words(axes):
    alt = charts.plot_trace(RUN, GIVEN_TRACE, title="Two runs").alt
    loss, accuracy = axes
    assert (loss.get_title("left"), loss.get_xlabel(), loss.get_ylabel()) == ("Validation loss", "epoch", "loss")
    assert curves(loss) == {
        "A run": [(1, 0.7), (2, 0.3), (3, 0.5)],
        "The given trace": [(1, 0.65), (2, 0.45), (3, 0.3)],
    }
    assert curves(accuracy)["A run"] == [(1, 0.5), (2, 0.9), (3, 0.8)]
    assert "A run: loss from 0.700 at epoch 1 to 0.500 at epoch 3, lowest 0.300 at epoch 2." in alt
    assert "The given trace: accuracy from 0.600 at epoch 1 to 0.850 at epoch 3, highest 0.850 at epoch 3." in alt


def test_runs_are_told_apart_without_colour(axes):
    charts.plot_trace(*(TrainingTrace(RUN.epochs, str(number)) for number in range(4)), title="Four runs")
    for axis in axes:
        assert len({(line.get_marker(), line.get_linestyle()) for line in axis.lines}) == 4


def test_both_losses_are_drawn_and_the_lowest_of_each_is_told(axes):
    alt = charts.plot_losses(RUN, title="Two losses").alt
    assert curves(axes[0])["training loss"] == [(1, 0.8), (2, 0.4), (3, 0.1)]
    assert [(note.get_text(), note.xy) for note in axes[0].texts] == [("lowest: epoch 2", (2, 0.3))]
    assert "train loss from 0.800 at epoch 1 to 0.100 at epoch 3" in alt


def test_probabilities_are_counted_by_the_chute_that_the_parcel_belongs_to(axes):
    y, probability = np.array([0, 0, 0, 1]), np.array([0.05, 0.15, 0.15, 0.95])
    alt = charts.plot_probabilities(y, {"a model": probability}, title="Apart").alt
    assert [[bar.get_height() for bar in bars] for bars in axes[0].containers] == [[1, 2, *[0] * 8], [*[0] * 9, 1]]
    assert "a model: parcels of A get 0.12 on average, parcels of B 0.95; 2 of 4 lie between 0.1 and 0.9." in alt


def test_the_explorer_begins_with_the_courses_settings_and_three_epochs_beside_the_given_trace():
    explorer, last = explore_training(clean()), trained(3).trace.epochs[-1]
    settings, headline, *_ = explorer.text.splitlines()
    assert settings == "Learning rate: 0.271; Hidden units: 32; Epochs: 3"
    assert headline == f"Loss {last.loss:.3f}, accuracy {last.accuracy:.3f} after epoch 3: it has learned."
    assert "The given trace: loss from 0.650 at epoch 1 to 0.300 at epoch 3" in explorer.result.value


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
