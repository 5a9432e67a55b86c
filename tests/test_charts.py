"""Charts are true to the values, and every figure says in words what it shows."""

from contextlib import contextmanager

import numpy as np
import pytest

from mlops_lesson.show import figures
from mlops_lesson.training import charts
from mlops_lesson.training.trace import GIVEN_TRACE, Epoch, TrainingTrace

RUN = TrainingTrace((Epoch(1, 0.7, 0.5, 0.8), Epoch(2, 0.3, 0.9, 0.4), Epoch(3, 0.5, 0.8, 0.1)), "A run")


def test_a_chart_in_text_says_its_numbers_and_its_epochs_and_every_bar_fits():
    assert charts.ascii_chart(GIVEN_TRACE).splitlines() == [
        "The given trace",
        "epoch  loss                            accuracy",
        "    1  0.65 ################           0.60 ###############",
        "    2  0.45 ###########                0.75 ###################",
        "    3  0.30 ########                   0.85 #####################",
    ]
    far_off = TrainingTrace((Epoch(1, 12.0, 1.0), Epoch(10, 4.0, 0.0)))
    assert charts.ascii_chart(far_off).splitlines()[2:] == [
        "    1 12.00 #########################  1.00 #########################",
        "   10  4.00 ########                   0.00",
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
    assert (loss.get_title("left"), loss.get_xlabel(), loss.get_ylabel()) == ("Validation loss", "epoch", "log loss")
    assert curves(loss) == {
        "A run": [(1, 0.7), (2, 0.3), (3, 0.5)],
        "The given trace": [(1, 0.65), (2, 0.45), (3, 0.3)],
    }
    assert curves(accuracy)["A run"] == [(1, 0.5), (2, 0.9), (3, 0.8)]
    assert "A run: loss from 0.70 at epoch 1 to 0.50 at epoch 3, lowest 0.30 at epoch 2." in alt
    assert "The given trace: accuracy from 0.60 at epoch 1 to 0.85 at epoch 3, highest 0.85 at epoch 3." in alt


def test_runs_are_told_apart_without_colour(axes):
    charts.plot_trace(*(TrainingTrace(RUN.epochs, str(number)) for number in range(4)), title="Four runs")
    for axis in axes:
        assert len({(line.get_marker(), line.get_linestyle()) for line in axis.lines}) == 4


def test_both_losses_are_drawn_and_the_lowest_of_each_is_told(axes):
    alt = charts.plot_losses(RUN, title="Two losses").alt
    assert curves(axes[0])["validation loss"] == [(1, 0.7), (2, 0.3), (3, 0.5)]
    assert curves(axes[0])["training loss"] == [(1, 0.8), (2, 0.4), (3, 0.1)]
    assert [(note.get_text(), note.xy) for note in axes[0].texts] == [("lowest: epoch 2", (2, 0.3))]
    assert "train loss from 0.80 at epoch 1 to 0.10 at epoch 3" in alt


def test_probabilities_are_counted_by_the_chute_that_the_parcel_belongs_to(axes):
    y, probability = np.array([0, 0, 0, 1]), np.array([0.05, 0.15, 0.15, 0.95])
    alt = charts.plot_probabilities(y, {"a model": probability}, title="Apart").alt
    assert [[bar.get_height() for bar in bars] for bars in axes[0].containers] == [[1, 2, *[0] * 8], [*[0] * 9, 1]]
    assert "a model: parcels of A get 0.12 on average, parcels of B 0.95; 2 of 4 lie between 0.1 and 0.9." in alt
