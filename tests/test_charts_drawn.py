"""What the figures show to the eye: every curve is the data it is named after, and every axis says what it measures."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlops_lesson import charts
from mlops_lesson.evaluation import calibration, slices
from mlops_lesson.trace import LESSON_TRACE, make_trace

RUN = make_trace([(0.7, 0.5, 0.8), (0.3, 0.9, 0.4), (0.5, 0.8, 0.1)], "A run")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Axes]]:
    """Draw as the course does, and hand out the axes instead of the picture."""
    figures: list[Figure] = []
    monkeypatch.setattr("mlops_lesson.figures.show", lambda figure, alt, caption: figures.append(figure))

    def draw(function: Callable, *arguments: object, **options: object) -> list[Axes]:
        function(*arguments, **options)
        return figures[-1].axes

    return draw


def names(axis: Axes) -> tuple[str, str, str]:
    return axis.get_title("left"), axis.get_xlabel(), axis.get_ylabel()


def curves(axis: Axes) -> dict[str, list[tuple[float, float]]]:
    """The points of every named line."""
    return {line.get_label(): list(zip(*line.get_data(), strict=True)) for line in axis.lines}


def legend(axis: Axes) -> list[str]:
    return [text.get_text() for text in axis.get_legend().get_texts()]


def test_loss_and_accuracy_stand_on_axes_of_their_own(drawn) -> None:
    loss, accuracy = drawn(charts.plot_trace, RUN, LESSON_TRACE)
    assert names(loss) == ("Validation loss", "epoch", "log loss")
    assert names(accuracy) == ("Validation accuracy", "epoch", "share right")
    assert curves(loss)["A run"] == [(1, 0.7), (2, 0.3), (3, 0.5)]
    assert curves(accuracy)["A run"] == [(1, 0.5), (2, 0.9), (3, 0.8)]
    assert curves(loss)["The lesson's trace"] == [(1, 0.65), (2, 0.45), (3, 0.3)]
    assert legend(accuracy) == ["A run", "The lesson's trace"]
    assert loss.get_ylim()[0] == 0
    assert accuracy.get_ylim() == (0, 1.02)


def test_runs_are_told_apart_without_colour(drawn) -> None:
    runs = [make_trace([(0.5, 0.5), (0.4, 0.6)], str(number)) for number in range(4)]
    for axis in drawn(charts.plot_trace, *runs):
        assert len({(line.get_marker(), line.get_linestyle()) for line in axis.lines}) == 4
        assert len({line.get_color() for line in axis.lines}) == 4


def test_a_run_alone_needs_no_legend(drawn) -> None:
    assert [axis.get_legend() for axis in drawn(charts.plot_trace, RUN)] == [None, None]


def test_a_long_run_has_a_mark_at_about_every_twelfth_of_it(drawn) -> None:
    long = make_trace([(0.5, 0.5, 0.5)] * 60)
    assert {line.get_markevery() for axis in drawn(charts.plot_trace, long) for line in axis.lines} == {5}
    (axis,) = drawn(charts.plot_losses, long)
    assert {line.get_markevery() for line in axis.lines[:2]} == {5}


def test_training_and_validation_loss_are_named_after_their_values(drawn) -> None:
    (axis,) = drawn(charts.plot_losses, RUN)
    assert names(axis) == ("", "epoch", "log loss")
    assert curves(axis)["validation loss"] == [(1, 0.7), (2, 0.3), (3, 0.5)]
    assert curves(axis)["training loss"] == [(1, 0.8), (2, 0.4), (3, 0.1)]
    assert legend(axis) == ["validation loss", "training loss"]
    assert axis.get_ylim()[0] == 0


def test_the_epoch_of_the_lowest_validation_loss_is_marked(drawn) -> None:
    (axis,) = drawn(charts.plot_losses, RUN)
    assert set(axis.lines[2].get_xdata()) == {2}
    (note,) = axis.texts
    assert (note.get_text(), note.xy) == ("lowest: epoch 2", (2, 0.3))


def test_every_slice_stands_beside_its_name_with_its_interval_and_the_gate(drawn) -> None:
    table = slices(np.array([True] * 30 + [False] * 30), pd.Series(["north"] * 20 + ["south"] * 40))
    (axis,) = drawn(charts.plot_slices, table, 0.85, title="South is worse", group="dock")
    assert names(axis) == ("", "accuracy, with 95 % interval", "")
    points, gate = axis.lines[0], axis.lines[-1]
    assert list(points.get_xdata()) == table["accuracy"].tolist()
    assert list(zip(axis.get_yticks(), [one.get_text() for one in axis.get_yticklabels()], strict=True)) == [
        (0, f"dock {table.index[0]} (n = {table['n'].iloc[0]})"),
        (1, f"dock {table.index[1]} (n = {table['n'].iloc[1]})"),
    ]
    assert list(points.get_ydata()) == [0, 1]
    assert set(gate.get_xdata()) == {0.85}
    assert axis.texts[0].get_text() == "gate 0.85"
    ends = [segment[:, 0].tolist() for segment in axis.collections[0].get_segments()]
    assert np.array(ends) == pytest.approx(table[["low", "high"]].to_numpy())
    low, high = sorted(axis.get_ylim())
    assert low < 0 < 1 < high
    assert axis.yaxis_inverted()
    assert axis.get_xlim()[0] <= table["low"].min()


def test_calibration_is_drawn_over_what_the_model_says(drawn) -> None:
    table = calibration(np.array([0, 0, 1, 1]), np.array([0.1, 0.1, 0.8, 0.8]))
    (axis,) = drawn(charts.plot_calibration, table, title="Well calibrated")
    assert names(axis) == ("", "probability of chute B, as the model says", "share that belongs to chute B")
    assert curves(axis)["what the model says is what happens"] == [(0, 0), (1, 1)]
    assert list(zip(*axis.lines[1].get_data(), strict=True)) == [(0.1, 0), (0.8, 1)]
    assert [text.get_text() for text in axis.texts] == ["n = 2", "n = 2"]
    assert [text.xy for text in axis.texts] == [(0.1, 0), (0.8, 1)]
    ends = [segment[:, 1].tolist() for segment in axis.collections[0].get_segments()]
    assert np.array(ends) == pytest.approx(table[["low", "high"]].to_numpy())
    assert legend(axis) == ["what the model says is what happens"]


def test_probabilities_are_counted_by_the_chute_that_the_parcel_belongs_to(drawn) -> None:
    y = np.array([0, 0, 0, 1])
    models = {"one": np.array([0.05, 0.15, 0.15, 0.95]), "two": np.array([0.5, 0.5, 0.5, 0.5])}
    axes = drawn(charts.plot_probabilities, y, models, title="Apart")
    assert [axis.get_title("left") for axis in axes] == ["one", "two"]
    assert names(axes[0]) == ("one", "probability of chute B", "images")
    assert axes[1].get_xlabel() == "probability of chute B"
    bars_a, bars_b = axes[0].containers
    assert [bars_a[0].get_label(), bars_b[0].get_label()] == ["belongs to A", "belongs to B"]
    assert [bar.get_height() for bar in bars_a] == [1, 2, *[0] * 8]
    assert [bar.get_height() for bar in bars_b] == [*[0] * 9, 1]
    assert legend(axes[0]) == ["belongs to A", "belongs to B"]
    assert bars_a[0].get_facecolor() != bars_b[0].get_facecolor()
    assert (bars_a[0].get_hatch(), bars_b[0].get_hatch()) == (None, "////")


def test_images_keep_their_order_their_titles_and_one_scale_of_grey(drawn) -> None:
    images = [np.full((8, 8), grey) for grey in (0, 8, 16)]
    axes = drawn(charts.plot_images, images, ["a", "b", "c"], title="Three", alt="Three greys", columns=2)
    shown = [(axis.get_title(), axis.images[0].get_array().max(), axis.images[0].get_clim()) for axis in axes[:3]]
    assert shown == [("a", 0, (0, 16)), ("b", 8, (0, 16)), ("c", 16, (0, 16))]
    assert not any(axis.images for axis in axes[3:])


@pytest.mark.parametrize("function", [charts.plot_trace, charts.plot_losses])
def test_the_finding_stands_above_the_figure(drawn, function) -> None:
    axes = drawn(function, RUN, title="It falls")
    assert axes[0].figure.get_suptitle() == "It falls"
