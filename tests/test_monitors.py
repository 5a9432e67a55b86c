"""Monitors agree with the libraries that the notebook calls, and ring for what they look at."""

import numpy as np
import pytest
from live_depot import clean, live_week, pool, validated
from scipy.stats import binomtest, ks_2samp

from mlops_lesson.collection import depot
from mlops_lesson.monitoring import monitors
from mlops_lesson.monitoring.explorer import LEVELS, costs, explore_alarms
from mlops_lesson.monitoring.monitors import Observed
from mlops_lesson.monitoring.rehearsal import rehearse, share_table
from mlops_lesson.monitoring.weeks import plot_weeks, reference_of
from mlops_lesson.validation.behaviour import dim, shift


def observed(X: np.ndarray, week: int = 1) -> Observed:
    return Observed(week, X, validated().model.predict_proba(X)[:, 1], np.full(len(X), np.nan))


@pytest.fixture(scope="module")
def reference() -> Observed:
    return reference_of(validated().model, clean())


def rings(monitor: monitors.Monitor, reference: Observed, week: Observed) -> bool:
    return bool(monitors.watch(reference, [week], [monitor])["rings"][0])


def test_the_tests_agree_with_scipy(reference: Observed) -> None:
    weeks = [observed(live_week(week).X) for week in (1, 3, 5)]

    def p(one: np.ndarray, other: np.ndarray) -> float:
        return ks_2samp(one, other, method="asymp").pvalue

    brightness = [p(reference.X.mean(1), week.X.mean(1)) for week in weeks]
    scores = [p(reference.score, week.score) for week in weeks]
    pixels = [min(1, *(64 * p(reference.X[:, i], week.X[:, i]) for i in range(64))) for week in weeks]
    assert monitors.brightness_p(reference, weeks) == pytest.approx(brightness, rel=1e-9)
    assert monitors.scores_p(reference, weeks) == pytest.approx(scores, rel=1e-9)
    assert monitors.pixels_p(reference, weeks) == pytest.approx(pixels, rel=1e-9)


@pytest.mark.parametrize("n", [30, 200])
def test_the_accuracy_rings_where_its_98_percent_interval_ends_below_the_gate(n: int, reference: Observed) -> None:
    weeks = [Observed(1, np.zeros((n, 64)), np.zeros(n), (np.arange(n) >= n_right) * 1.0) for n_right in range(n + 1)]
    highest = [binomtest(n_right, n).proportion_ci(0.98, method="wilson").high for n_right in range(n + 1)]
    assert [p < 0.01 for p in monitors.accuracy_p(reference, weeks)] == [high < 0.85 for high in highest]


def test_dimming_rings_the_brightness_and_a_move_to_the_right_pixels_and_scores(reference: Observed) -> None:
    assert rings(monitors.BRIGHTNESS, reference, observed(dim(live_week(1, True).X)))
    week = observed(shift(np.concatenate([live_week(week, True).X for week in (5, 6)])))
    assert rings(monitors.PIXELS, reference, week)
    assert rings(monitors.SCORES, reference, week)
    assert not rings(monitors.BRIGHTNESS, reference, week)


def test_without_labels_accuracy_says_nothing_and_the_clicks_monitor_rings(reference: Observed) -> None:
    week = observed(live_week(1).X)
    assert np.isnan(monitors.accuracy_p(reference, [week]))
    assert not rings(monitors.ACCURACY, reference, week)
    assert rings(monitors.LABELS, reference, week)


def test_a_score_of_exactly_one_half_says_chute_b() -> None:
    assert Observed(1, np.zeros((3, 64)), np.full(3, 0.5), np.array([0, 1, np.nan])).right.tolist() == [False, True]


def test_adwin_counts_the_detections_of_each_week_apart(reference: Observed) -> None:
    counts = monitors.adwin_detections(reference, [observed(live_week(week).X) for week in range(1, 9)])
    assert sum(counts[:5]) == 0
    assert sum(counts[5:]) >= 1


def test_readings_have_a_row_for_each_week_and_monitor(reference: Observed) -> None:
    readings = monitors.watch(reference, [observed(live_week(week).X, week) for week in (1, 3)])
    assert len(readings) == 2 * len(monitors.MONITORS)
    table = monitors.alarm_table(readings)
    assert table.index.tolist() == [monitor.name for monitor in monitors.MONITORS]
    assert table.loc["brightness, KS"].tolist() == ["-", "ALARM"]


def test_the_weeks_figure_names_the_darkest_and_the_worst_week(reference: Observed) -> None:
    figure = plot_weeks(validated().model, [live_week(week) for week in range(1, 9)], reference)
    assert figure.caption == "The mean brightness changes most in week 3; the accuracy is lowest in week 7"
    assert "Week 3: mean changed by 1.4, pixels by 1.4" in figure.alt


def test_the_pool_holds_the_test_images_and_the_control_stream() -> None:
    weeks = [live_week(week, True) for week in range(1, depot.LIVE_WEEKS + 1)]
    assert np.array_equal(pool().X, np.concatenate([clean().part("test")[0], *(week.X for week in weeks)]))
    assert pool().n_reference == 200
    assert np.array_equal(pool().label[:200], clean().part("test")[1])
    assert (pool().delay[pool().label >= 0] > np.timedelta64(0, "s")).all()
    assert [len(left) for left in pool().time_left] == [len(week.X) for week in weeks]


def test_the_rehearsal_measures_false_alarms_and_delay() -> None:
    rang = rehearse(validated().model, pool(), repeats=30)
    assert rang.loc["quiet"].T.mean().groupby(level=0).mean().max() <= 0.03
    first_week = rang.loc["disturbed"][5].groupby(level=0).mean()
    assert first_week[monitors.PIXELS.name] == 1
    assert first_week[monitors.ACCURACY.name] >= 0.85
    assert first_week[monitors.BRIGHTNESS.name] <= 0.1
    assert share_table(rang).loc[monitors.PIXELS.name, "bump: first week"] == "1.00 (0.89\u00a0to\u00a01.00)"


def test_a_move_up_is_another_fault_than_a_move_to_the_right() -> None:
    up = rehearse(validated().model, pool(), bump="moved up", repeats=5)
    assert up.loc["disturbed"].loc[monitors.BRIGHTNESS.name, 5:].all(axis=None)


@pytest.fixture(scope="module")
def explorer():
    return explore_alarms(validated().model, pool())


@pytest.fixture
def turn(explorer):
    """Set the controls and return what the explorer says."""

    def set_controls(name: str = "scores, KS", window: int = 75, level: float = 0.01) -> str:
        for control, value in zip(explorer.controls, (name, window, level), strict=True):
            control.value = value
        return explorer.text

    return set_controls


def test_a_nervous_level_rings_more_often(turn) -> None:
    cautious, usual, nervous = (
        float(turn(level=level).split("False alarms: ")[1].split("%")[0]) for level in LEVELS[::2]
    )
    assert cautious <= usual < nervous


def test_the_brightness_does_not_find_the_bump_and_the_pixels_do(turn) -> None:
    assert "Bump noticed in fewer than half of the histories" in turn("brightness, KS")
    assert "Bump noticed after 25 parcels" in turn("64 pixels, KS and Bonferroni", 25)
    assert "this wait comes on top" in turn("accuracy on clicks")


def test_the_cost_of_a_level_is_counted() -> None:
    p_values = np.array([[0.5, 0.04, 0.5, 0.03], [0.5, 0.5, 0.5, 0.5]])
    assert costs(p_values, window=50).loc[0.05].tolist() == [0.25, 0.5, np.inf]
    assert costs(p_values[:1], window=50).loc[0.05, "delay"] == 100
