"""Charts in text are true to the values, and every figure says in words what it shows."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_lesson.show.figures import plot_images
from mlops_lesson.training import charts
from mlops_lesson.training.trace import LESSON_TRACE, Epoch, TrainingTrace, make_trace
from mlops_lesson.validation.measures import calibration, plot_calibration


def rows_of(chart):
    """Split a chart into its rows: label and columns, from the top down, without the floor."""
    body = chart.split("\n")[3:-3]
    return [(line.split("+")[0].split("|")[0].strip(), line.replace("+", "|").partition("| ")[2]) for line in body]


def height_of(chart, column, width=3):
    return sum(cells[column * (width + 1) : column * (width + 1) + width] == "#" * width for _, cells in rows_of(chart))


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.integers(2, 24))
def test_every_column_is_as_high_as_its_value_to_the_nearest_row(losses, height):
    chart = charts.ascii_chart(make_trace([(loss, 0.5) for loss in losses]), height=height)
    rows = rows_of(chart)
    assert len(rows) == height
    top = float(rows[0][0])
    assert top >= max(losses) * (1 - 1e-6)
    for column, loss in enumerate(losses):
        assert abs(height_of(chart, column) - loss / top * height) <= 0.5 + 1e-3


@settings(deadline=None)
@given(st.floats(1e-3, 100), st.integers(2, 24))
def test_labels_stand_at_equal_distances_in_rows_and_in_value(highest, height):
    chart = charts.ascii_chart(make_trace([(highest, 0.5)]), height=height)
    labels = [(height - row, float(label)) for row, (label, _) in enumerate(rows_of(chart)) if label]
    shares = {round(value / row / (labels[0][1] / labels[0][0]), 2) for row, value in labels}
    assert shares == {1.0}


def test_a_short_run_has_wide_columns_over_the_middle_of_their_epochs():
    assert charts.ascii_chart(LESSON_TRACE, height=4).splitlines()[2:] == [
        "loss",
        "0.8 +",
        "0.6 + ###",
        "0.4 + ### ###",
        "0.2 + ### ### ###",
        "0.0 +-------------",
        "       1   2   3",
        "      epoch",
    ]


def test_a_long_run_has_narrow_columns_and_every_tenth_epoch_is_named():
    trace = make_trace([(0.5, 0.5, 1 / (i + 1)) for i in range(25)])
    assert charts.ascii_chart(trace, "train_loss", height=4).splitlines()[2:] == [
        "train loss",
        "1.00 + #",
        "0.75 + #",
        "0.50 + ##",
        "0.25 + #######",
        "0.00 +---------------------------",
        "       1        10        20   25",
        "       epoch",
    ]


def test_accuracy_is_drawn_between_0_and_1():
    rows = rows_of(charts.ascii_chart(LESSON_TRACE, "accuracy"))
    assert [label for label, _ in rows if label] == ["1.0", "0.8", "0.6", "0.4", "0.2"]


def test_the_sentence_before_the_chart_says_the_numbers():
    first_line = charts.ascii_chart(LESSON_TRACE, "loss").split("\n")[0]
    assert (
        first_line == "The lesson's trace. Validation loss from 0.65 at epoch 1 to 0.30 at epoch 3; "
        "lowest 0.30 at epoch 3."
    )


def test_a_loss_that_is_no_number_is_drawn_as_a_question_mark_and_said():
    chart = charts.ascii_chart(make_trace([(0.7, 0.5), (math.nan, 0.5)]))
    assert "1 epoch without a number, drawn as ?." in chart
    assert "?" in chart.split("\n")[-3]


@pytest.mark.parametrize("epochs", [1, 21, 60, 61, 500])
def test_any_number_of_epochs_fits_a_page_with_the_first_and_the_last(epochs):
    chart = charts.ascii_chart(make_trace([(1 / (i + 1), 0.5) for i in range(epochs)]))
    numbers = chart.split("\n")[-2].split()
    assert max(len(line) for line in chart.split("\n")[1:]) <= 100
    assert (numbers[0], numbers[-1]) == ("1", str(epochs))


def test_a_chart_is_plain_ascii():
    assert charts.ascii_chart(LESSON_TRACE).isascii()


def test_a_chart_of_one_row_is_refused():
    with pytest.raises(ValueError, match="at least 2 rows; got height=1"):
        charts.ascii_chart(LESSON_TRACE, height=1)


def test_plotted_traces_are_told_in_the_alternative_text():
    shown = charts.plot_trace(make_trace([(0.7, 0.5), (0.25, 0.9)], "A run"), LESSON_TRACE)
    assert "A run. Validation loss from 0.70 at epoch 1 to 0.25 at epoch 2" in shown.alt
    assert "The lesson's trace. Validation accuracy from 0.60 at epoch 1 to 0.85 at epoch 3" in shown.alt
    assert shown.caption == "After 2 epochs: loss 0.25, accuracy 0.90"


def test_more_than_four_traces_are_refused():
    with pytest.raises(ValueError, match=r"up to 4 traces .* got 5"):
        charts.plot_trace(*[LESSON_TRACE] * 5)


def test_both_losses_are_told_with_their_lowest_epochs():
    shown = charts.plot_losses(make_trace([(0.7, 0.5, 0.8), (0.3, 0.9, 0.4), (0.5, 0.8, 0.1)]))
    assert shown.caption == "Validation loss is lowest at epoch 2, training loss at epoch 3"
    assert shown.alt.endswith("At the end they are 0.50 and 0.10.")


def test_a_trace_without_training_losses_has_no_losses_to_plot():
    with pytest.raises(ValueError, match="holds no training losses"):
        charts.plot_losses(LESSON_TRACE)


def test_calibration_is_told_group_by_group():
    y, probability = np.array([0, 0, 1, 1]), np.array([0.1, 0.1, 0.9, 0.9])
    shown = plot_calibration(calibration(y, probability), title="Well calibrated")
    assert "2 images at 0.10: 0.00" in shown.alt
    assert "2 images at 0.90: 1.00" in shown.alt


def test_probabilities_are_told_by_chute_with_the_unsure_ones():
    y = np.array([0, 0, 1, 1])
    shown = charts.plot_probabilities(y, {"a model": np.array([0.0, 0.2, 0.95, 1.0])}, title="Apart")
    assert "a model: parcels of A get 0.10 on average, parcels of B 0.97; 1 of 4 lie between 0.1 and 0.9." in shown.alt


def test_images_and_their_titles_must_agree_in_number():
    with pytest.raises(ValueError, match="got 1 images and 2 titles"):
        plot_images([np.zeros((8, 8))], ["one", "two"], title="Two", alt="Nothing")


def test_a_figure_keeps_nothing_in_memory():
    import matplotlib._pylab_helpers

    charts.plot_trace(LESSON_TRACE)
    assert matplotlib._pylab_helpers.Gcf.get_all_fig_managers() == []


def test_a_value_far_below_zero_is_drawn_as_nothing():
    epochs = (Epoch(1, 0.5, 0.5, "far", train_loss=-1e308), Epoch(2, 0.5, 0.5, "near", train_loss=0.0))
    chart = charts.ascii_chart(TrainingTrace(epochs, "far"), "train_loss")
    assert all("#" not in columns for _, columns in rows_of(chart))
