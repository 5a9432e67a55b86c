"""What the figures show to the eye: every curve is the data it is named after, and every axis says what it measures."""

from collections import Counter
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from mlops_lesson.explorers import data_collection, data_preprocessing, model_validation
from mlops_lesson.explorers import monitoring_and_maintenance as monitoring

from mlops_lesson.instructors import class_page
from mlops_lesson.instructors.class_report import ExerciseResult, QuestionResult
from mlops_lesson.monitoring import monitors
from mlops_lesson.show import figures
from mlops_lesson.show.figures import BLUE, GREY, PINK, new_figure, plot_images
from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.quiz import load_questions
from mlops_lesson.training import charts
from mlops_lesson.training.trace import LESSON_TRACE, make_trace
from mlops_lesson.validation.measures import calibration, interval, plot_calibration

RUN = make_trace([(0.7, 0.5, 0.8), (0.3, 0.9, 0.4), (0.5, 0.8, 0.1)], "A run")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Axes]]:
    """Draw as the course does, and hand out the axes instead of the picture."""
    figures: list[Figure] = []
    monkeypatch.setattr("mlops_lesson.show.figures.show", lambda figure, alt, caption: figures.append(figure))

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


def test_calibration_is_drawn_over_what_the_model_says(drawn) -> None:
    table = calibration(np.array([0, 0, 1, 1]), np.array([0.1, 0.1, 0.8, 0.8]))
    (axis,) = drawn(plot_calibration, table, title="Well calibrated")
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
    axes = drawn(plot_images, images, ["a", "b", "c"], title="Three", alt="Three greys", columns=2)
    shown = [(axis.get_title(), axis.images[0].get_array().max(), axis.images[0].get_clim()) for axis in axes[:3]]
    assert shown == [("a", 0, (0, 16)), ("b", 8, (0, 16)), ("c", 16, (0, 16))]
    assert not any(axis.images for axis in axes[3:])


def bars(axis: Axes) -> list[float]:
    return [bar.get_width() for container in axis.containers for bar in container]


@pytest.fixture
def shown_by(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Figure, str, str]]:
    """Draw with a module that has taken `show` for its own, and hand out what it would have shown."""

    def draw(module: ModuleType, function: str, *arguments: object) -> tuple[Figure, str, str]:
        monkeypatch.setattr(module, "show", lambda *shown: shown)
        return getattr(module, function)(*arguments)

    return draw


def test_the_steps_of_collecting_are_bars_from_the_top_with_their_counts(shown_by) -> None:
    counts = dict(zip(data_collection.STEPS, (2000, 1900, 1500, 1400, 0), strict=True))
    figure, alt, caption = shown_by(data_collection, "_draw", counts, 2000)
    (axis,) = figure.axes
    assert bars(axis) == [2000, 1900, 1500, 1400, 0]
    assert [text.get_text() for text in axis.get_yticklabels()] == list(counts)
    assert [text.get_text() for text in axis.texts] == ["2,000", "1,900", "1,500", "1,400", "0"]
    assert [text.get_position() for text in axis.texts] == [
        (count + 20, place) for place, count in enumerate(counts.values())
    ]
    assert {text.get_va() for text in axis.texts} == {"center"}
    assert axis.yaxis_inverted()
    assert (axis.get_xlabel(), axis.get_xlim()) == ("parcels", (0, pytest.approx(2200)))
    colours = [bar.get_facecolor() for bar in axis.containers[0]]
    assert colours[2] == to_rgba(BLUE)
    assert {*colours[:2], *colours[3:]} == {to_rgba(GREY)}
    assert alt == (
        "Bar chart of parcels. rows in the table: 2,000; with an image: 1,900; and a label: 1,500; and time and "
        "camera: 1,400; and a light reading: 0."
    )
    assert caption == "How many parcels remain at each step"


def test_your_cleaning_stands_above_the_whole_one_with_rows_and_interval(shown_by) -> None:
    own = data_preprocessing.Outcome(1900, n_right=170, n_validation=200)
    every = data_preprocessing.Outcome(1500, n_right=180, n_validation=200)
    figure, alt, caption = shown_by(data_preprocessing, "_draw", own, every, 2000)
    rows, accuracy = figure.axes
    assert names(rows) == ("Rows", "rows kept", "")
    assert names(accuracy) == ("Validation accuracy", "share right, with 95 % interval", "")
    assert bars(rows) == [1900, 1500]
    assert [text.get_text() for text in rows.get_yticklabels()] == ["your steps", "all steps"]
    assert [(text.get_text(), *text.get_position()) for text in rows.texts] == [("1,900", 1860, 0), ("1,500", 1460, 1)]
    assert {(text.get_ha(), text.get_va(), text.get_color()) for text in rows.texts} == {("right", "center", "white")}
    (low, high), (other_low, other_high) = interval(170, 200), interval(180, 200)
    points = [tuple(map(list, line.get_data())) for line in accuracy.lines]
    assert points == [([low, high], [0, 0]), ([0.85], [0]), ([other_low, other_high], [1, 1]), ([0.9], [1])]
    assert [line.get_marker() for line in accuracy.lines[1::2]] == ["o", "s"]
    assert [(text.get_text(), *text.get_position()) for text in accuracy.texts] == [
        ("0.850", pytest.approx(high + 0.01), 0),
        ("0.900", pytest.approx(other_high + 0.01), 1),
    ]
    assert {text.get_va() for text in accuracy.texts} == {"center"}
    assert (rows.get_xlim(), accuracy.get_xlim()) == ((0, 2000), (0.7, 1))
    assert rows.get_ylim() == accuracy.get_ylim() == (1.6, -0.6)
    assert alt == (
        "Rows kept and validation accuracy. your steps: 1,900 rows, validation accuracy 0.850, 95 % interval "
        f"{low:.3f} to {high:.3f}; all steps: 1,500 rows, validation accuracy 0.900, 95 % interval {other_low:.3f} to "
        f"{other_high:.3f}."
    )
    assert caption == "Your steps beside all steps"


def test_a_decision_is_drawn_with_its_threshold_its_interval_and_its_gate(shown_by) -> None:
    y, probability = np.array([0, 0, 0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.6, 0.4, 0.9])
    decision = model_validation.Decision(y, probability, 0.5, 0.85)
    figure, alt, caption = shown_by(model_validation, "plot_decision", decision)
    scores, accuracy = figure.axes
    assert scores.get_title("left") == "Probabilities"
    assert names(accuracy) == ("Accuracy, 95 % interval", "", "share right")
    assert "threshold 0.50" in legend(scores)
    (threshold,) = [line for line in scores.lines if line.get_label() == "threshold 0.50"]
    assert set(threshold.get_xdata()) == {0.5}
    assert threshold.get_linestyle() == "--"
    low, high = interval(4, 6)
    assert list(accuracy.lines[0].get_ydata()) == [pytest.approx(4 / 6)]
    (ends,) = accuracy.collections[0].get_segments()
    assert ends[:, 1].tolist() == pytest.approx([low, high])
    assert set(accuracy.lines[-1].get_ydata()) == {0.85}
    assert accuracy.lines[-1].get_linestyle() == "--"
    assert [text.get_text() for text in accuracy.texts] == ["gate 0.85"]
    assert accuracy.get_ylim() == (pytest.approx(low - 0.02), 1.005)
    assert list(accuracy.get_xticks()) == []
    assert figure.get_suptitle() == caption == decision.verdict
    assert alt == f"Probabilities by true chute, and accuracy beside the gate. {decision}"


def test_what_an_alert_costs_is_drawn_for_each_threshold_and_yours_is_marked(shown_by) -> None:
    watch = monitoring.Watch(monitors.SCORES, (0.01, 0.05, 0.1), 0.05)
    healthy = np.array([[0.5, 0.04, 0.5, 0.07]])
    bumped = np.array([[0.5, 0.08, 0.03, 0.5]])
    figure, alt, caption = shown_by(monitoring, "_draw", watch, (healthy, bumped), 50, 0.05)
    wrong, late = figure.axes
    assert names(wrong) == ("False alarms", "threshold, [yours]", "% of windows")
    assert names(late) == ("Delay after the bump", "threshold, [yours]", "parcels, median")
    assert [bar.get_height() for bar in wrong.containers[0]] == [0, 25, 50]
    assert [bar.get_height() for bar in late.containers[0]] == [0, 150, 100]
    for axis, colour in ((wrong, PINK), (late, BLUE)):
        assert [text.get_text() for text in axis.get_xticklabels()] == ["0.01", "[0.05]", "0.1"]
        grey = to_rgba(GREY)
        assert [bar.get_facecolor() for bar in axis.containers[0]] == [grey, to_rgba(colour), grey]
    assert [(text.get_text(), *text.get_position()) for text in late.texts] == [("missed", 0, 2)]
    assert (wrong.get_ylim(), late.get_ylim()) == ((0, 100), (0, 298))
    assert alt == (
        "Two bar charts over five thresholds, windows of 50 parcels. Threshold 0.01: 0.0% false alarms, the bump is "
        "missed. Threshold 0.05: 25.0% false alarms, delay 150 parcels. Threshold 0.1: 50.0% false alarms, delay 100 "
        "parcels."
    )
    assert caption == "What nervousness costs, and what it buys"


def test_learners_are_stacked_by_what_they_did_in_the_colours_of_the_legend(drawn) -> None:
    looks = {"right": (BLUE, ""), "crashed": (PINK, "xx"), "not yet": ("#e6b566", "///")}
    with new_figure() as (_, (axis,)):
        class_page._stack(axis, {"1.1": Counter(right=3, crashed=2), "1.2": Counter(right=1)}, looks)
    right, crashed, not_yet = axis.containers[:3]
    assert [(bar.get_x(), bar.get_width()) for bar in right] == [(0, 3), (0, 1)]
    assert [(bar.get_x(), bar.get_width()) for bar in crashed] == [(3, 2), (1, 0)]
    assert [(bar.get_x(), bar.get_width()) for bar in not_yet] == [(5, 0), (1, 0)]
    assert [bar.get_hatch() for bar in (right[0], crashed[0], not_yet[0])] == ["", "xx", "///"]
    assert legend(axis) == ["right", "crashed", "not yet"]
    assert [text.get_text() for text in axis.texts] == ["3", "1", "2", "", "", ""]
    assert [text.get_color() for text in axis.texts[::2]] == ["white", "white", "black"]
    assert (axis.get_xlabel(), axis.get_xlim()) == ("learners", (0, 5))
    assert axis.yaxis_inverted()
    assert all(float(tick).is_integer() for tick in axis.get_xticks())


def test_the_figure_of_a_classes_exercises_names_its_axes(drawn, monkeypatch) -> None:
    monkeypatch.setattr(class_page, "show", lambda *arguments: figures.show(*arguments))
    (axis,) = drawn(class_page._exercises_figure, [ExerciseResult(STAGES[0], "1.1", Counter(right=2, crashed=1))])
    assert names(axis) == ("", "learners", "exercise")
    assert [label.get_text() for label in axis.get_yticklabels()] == ["1.1"]


@pytest.mark.parametrize("exercises", [3, 6, 18])
def test_the_bars_of_a_classes_exercises_are_as_thick_as_a_line_of_text(drawn, monkeypatch, exercises) -> None:
    monkeypatch.setattr(class_page, "show", lambda *arguments: figures.show(*arguments))
    results = [ExerciseResult(STAGES[0], f"1.{number}", Counter(right=2)) for number in range(exercises)]
    (axis,) = drawn(class_page._exercises_figure, results)
    assert_as_thick_as_text(axis)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_the_bars_of_a_question_are_as_thick_as_a_line_of_text_however_many_they_are(drawn, monkeypatch, stage) -> None:
    monkeypatch.setattr(class_page, "show", lambda *arguments: figures.show(*arguments))
    for question in load_questions(stage).questions:
        right = question.right_choice()
        result = QuestionResult(stage, question, Counter({right: 2, right[::-1]: 1}))
        (axis,) = drawn(class_page._question_figure, result)
        assert len(axis.get_yticklabels()) == len(result.bars()) > 1
        assert_as_thick_as_text(axis)


def assert_as_thick_as_text(axis: Axes) -> None:
    figure = axis.figure
    figure.draw_without_rendering()
    text = axis.get_yticklabels()[0].get_fontsize() / 72
    thick = [bar.get_window_extent().height / figure.dpi for bar in axis.containers[0]]
    assert all(text < each < 2.5 * text for each in thick)


@pytest.mark.parametrize("function", [charts.plot_trace, charts.plot_losses])
def test_the_finding_stands_above_the_figure(drawn, function) -> None:
    axes = drawn(function, RUN, title="It falls")
    assert axes[0].figure.get_suptitle() == "It falls"
