"""Charts are true to the values, and every figure says in words what it shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_lesson.show import figures
from mlops_lesson.training import charts
from mlops_lesson.training.trace import GIVEN_TRACE, make_trace

RUN = make_trace([(0.7, 0.5, 0.8), (0.3, 0.9, 0.4), (0.5, 0.8, 0.1)], "A run")


@given(st.lists(st.floats(0, 40), min_size=1, max_size=20), st.integers(2, 24))
def test_every_column_is_as_high_as_its_value_to_the_nearest_row(losses, height):
    rows = charts.ascii_chart(make_trace([(loss, 0.5) for loss in losses]), height=height).split("\n")[3:-2]
    assert len(rows) == height
    top = float(rows[0].partition("|")[0])
    assert top >= max(losses)
    for column, loss in enumerate(losses):
        place = rows[0].index("|") + 2 + 4 * column
        drawn = sum(row[place : place + 3] == "###" for row in rows)
        assert abs(drawn - loss / top * height) <= 0.5 + 1e-6


def test_a_chart_says_its_numbers_first_and_stands_on_its_epochs():
    assert charts.ascii_chart(GIVEN_TRACE, height=4).splitlines() == [
        "The given trace. Validation loss from 0.65 at epoch 1 to 0.30 at epoch 3; lowest 0.30 at epoch 3.",
        "",
        "loss",
        "  0.8 |",
        "      | ###",
        "  0.4 | ### ###",
        "      | ### ### ###",
        "    0 +-------------",
        "epoch    1   2   3",
    ]


def test_a_long_run_fits_a_page_with_its_first_and_its_last_epoch():
    lines = charts.ascii_chart(make_trace([(1 / (i + 1), 0.5) for i in range(500)])).splitlines()
    numbers = lines[-1].split()[1:]
    assert max(map(len, lines[1:])) <= 100
    assert (numbers[0], numbers[-1], len(numbers)) == ("1", "500", 20)


def test_a_chart_of_one_row_is_refused():
    with pytest.raises(ValueError, match="at least 2 rows; got height=1"):
        charts.ascii_chart(GIVEN_TRACE, height=1)


@pytest.fixture
def drawn(monkeypatch):
    """Draw as the course does, and hand out the axes instead of the picture."""
    shown = []
    monkeypatch.setattr(figures, "show", lambda figure, alt, title: shown.append((figure.axes, alt, title)))

    def draw(function, *arguments, **options):
        function(*arguments, **options)
        return shown[-1]

    return draw


def curves(axis):
    """Return the points of every line by its name in the legend."""
    return {line.get_label(): list(zip(*line.get_data(), strict=True)) for line in axis.lines}


def test_loss_and_accuracy_stand_on_axes_of_their_own_and_in_words(drawn):
    (loss, accuracy), alt, title = drawn(charts.plot_trace, RUN, GIVEN_TRACE)
    assert (loss.get_title("left"), loss.get_xlabel(), loss.get_ylabel()) == ("Validation loss", "epoch", "log loss")
    assert curves(loss) == {
        "A run": [(1, 0.7), (2, 0.3), (3, 0.5)],
        "The given trace": [(1, 0.65), (2, 0.45), (3, 0.3)],
    }
    assert curves(accuracy)["A run"] == [(1, 0.5), (2, 0.9), (3, 0.8)]
    assert "A run. Validation loss from 0.70 at epoch 1 to 0.50 at epoch 3; lowest 0.30 at epoch 2." in alt
    assert "The given trace. Validation accuracy from 0.60 at epoch 1 to 0.85 at epoch 3; highest 0.85" in alt
    assert title == "After 3 epochs: loss 0.50, accuracy 0.80"


def test_runs_are_told_apart_without_colour(drawn):
    runs = [make_trace([(0.5, 0.5), (0.4, 0.6)], str(number)) for number in range(4)]
    axes, _, _ = drawn(charts.plot_trace, *runs)
    for axis in axes:
        assert len({(line.get_marker(), line.get_linestyle()) for line in axis.lines}) == 4


def test_both_losses_are_drawn_and_the_lowest_of_each_is_told(drawn):
    (axis,), alt, title = drawn(charts.plot_losses, RUN)
    assert curves(axis)["validation loss"] == [(1, 0.7), (2, 0.3), (3, 0.5)]
    assert curves(axis)["training loss"] == [(1, 0.8), (2, 0.4), (3, 0.1)]
    assert [(note.get_text(), note.xy) for note in axis.texts] == [("lowest: epoch 2", (2, 0.3))]
    assert title == "Validation loss is lowest at epoch 2, training loss at epoch 3"
    assert "Training loss from 0.80 at epoch 1 to 0.10 at epoch 3" in alt


def test_probabilities_are_counted_by_the_chute_that_the_parcel_belongs_to(drawn):
    y, probability = np.array([0, 0, 0, 1]), np.array([0.05, 0.15, 0.15, 0.95])
    (axis,), alt, _ = drawn(charts.plot_probabilities, y, {"a model": probability}, title="Apart")
    bars_a, bars_b = axis.containers
    assert [bars_a[0].get_label(), bars_b[0].get_label()] == ["belongs to A", "belongs to B"]
    assert [bar.get_height() for bar in bars_a] == [1, 2, *[0] * 8]
    assert [bar.get_height() for bar in bars_b] == [*[0] * 9, 1]
    assert "a model: parcels of A get 0.12 on average, parcels of B 0.95; 2 of 4 lie between 0.1 and 0.9." in alt
