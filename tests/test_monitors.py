"""Monitors agree with the libraries that the notebook calls, and ring for what they look at."""

import numpy as np
import pytest
from live_depot import clean, live_week, pool, validated
from scipy.stats import binomtest, ks_2samp

from mlops_lesson.collection import depot
from mlops_lesson.monitoring import monitors
from mlops_lesson.monitoring.monitors import Observed, Reference
from mlops_lesson.monitoring.rehearsal import Pool, Shuffler, rehearse, share_table
from mlops_lesson.monitoring.weeks import plot_weeks, reference_of
from mlops_lesson.validation.behaviour import dim, shift


def observed(X: np.ndarray, right: np.ndarray | None = None, week: int = 1) -> Observed:
    score = validated().model.predict_proba(X)[:, 1]
    return Observed(week, X, score, np.ones(len(X), dtype=bool) if right is None else right)


def first_reference() -> Reference:
    return reference_of(validated().model, clean())


def rings(monitor: monitors.Monitor, week: Observed) -> bool:
    return bool(monitors.watch(first_reference(), [week], [monitor])["rings"][0])


def test_the_tests_agree_with_scipy() -> None:
    reference, weeks = first_reference(), [observed(live_week(week).X) for week in (1, 3, 5)]

    def p(one: np.ndarray, other: np.ndarray) -> float:
        return ks_2samp(one, other, method="asymp").pvalue

    brightness = [p(reference.X.mean(1), week.X.mean(1)) for week in weeks]
    scores = [p(reference.score, week.score) for week in weeks]
    pixels = [min(1, *(64 * p(reference.X[:, i], week.X[:, i]) for i in range(64))) for week in weeks]
    assert monitors.brightness_p(reference, weeks) == pytest.approx(brightness, rel=1e-9)
    assert monitors.scores_p(reference, weeks) == pytest.approx(scores, rel=1e-9)
    assert monitors.pixels_p(reference, weeks) == pytest.approx(pixels, rel=1e-9)


@pytest.mark.parametrize("n", [30, 200])
def test_the_accuracy_rings_where_its_98_percent_interval_ends_below_the_gate(n: int) -> None:
    for n_right in range(n + 1):
        week = Observed(1, np.zeros((n, 64)), np.zeros(n), np.arange(n) < n_right)
        high = binomtest(n_right, n).proportion_ci(0.98, method="wilson").high
        assert (monitors.accuracy_p(week, 0.85) < 0.01) == (high < 0.85)


def test_dimming_rings_the_brightness_and_a_move_to_the_right_pixels_and_scores() -> None:
    assert rings(monitors.BRIGHTNESS, observed(dim(live_week(1, True).X)))
    week = observed(shift(np.concatenate([live_week(week, True).X for week in (5, 6)])))
    assert rings(monitors.PIXELS, week)
    assert rings(monitors.SCORES, week)
    assert not rings(monitors.BRIGHTNESS, week)


def test_without_labels_accuracy_says_nothing_and_the_clicks_monitor_rings() -> None:
    week = observed(live_week(1).X, np.array([], dtype=bool))
    assert np.isnan(monitors.accuracy_p(week))
    assert not rings(monitors.ACCURACY, week)
    assert rings(monitors.LABELS, week)


def test_adwin_counts_the_detections_of_each_week_apart() -> None:
    counts = monitors.adwin_detections(first_reference(), [observed(live_week(week).X) for week in range(1, 9)])
    assert sum(counts[:5]) == 0
    assert sum(counts[5:]) >= 1


def test_readings_have_a_row_for_each_week_and_monitor() -> None:
    readings = monitors.watch(first_reference(), [observed(live_week(week).X, week=week) for week in (1, 3)])
    assert len(readings) == 2 * len(monitors.MONITORS)
    table = monitors.alarm_table(readings)
    assert table.index.tolist() == [monitor.name for monitor in monitors.MONITORS]
    assert table.loc["brightness, KS"].tolist() == ["-", "ALARM"]


def test_the_weeks_figure_names_the_darkest_and_the_worst_week() -> None:
    figure = plot_weeks(validated().model, [live_week(week) for week in range(1, 9)], first_reference())
    assert figure.caption == "The mean brightness changes most in week 3, the accuracy in week 7"
    assert "Week 3: mean changed by 1.4, pixels by 1.4" in figure.alt


def test_the_pool_holds_the_test_images_and_the_control_stream() -> None:
    weeks = [live_week(week, True) for week in range(1, depot.LIVE_WEEKS + 1)]
    assert np.array_equal(pool().X, np.concatenate([clean().part("test")[0], *(week.X for week in weeks)]))
    assert pool().n_reference == 200
    assert np.array_equal(pool().label[:200], clean().part("test")[1])
    assert (pool().hours[pool().label >= 0] > 0).all()
    assert [len(left) for left in pool().hours_left] == [len(week.X) for week in weeks]


def test_a_score_of_exactly_one_half_says_chute_b() -> None:
    class Undecided:
        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            return np.full((len(X), 2), 0.5)

    few = Pool(np.zeros((3, 64)), np.array([0.0, 1.0, 1.0]), np.array([1.0, 1.0, 99.0]), 1, ())
    _, (week,) = Shuffler(Undecided(), few).history(np.arange(3), [np.array([2.0, 2.0])], ["healthy"])
    assert week.right.tolist() == [True]


@pytest.fixture(scope="module")
def rehearsal():
    return rehearse(validated().model, pool(), repeats=30, seed=3)


def test_the_rehearsal_measures_false_alarms_and_delay(rehearsal) -> None:
    assert rehearsal.loc["quiet"].T.mean().groupby(level=0).mean().max() <= 0.03
    first_week = rehearsal.loc["disturbed"][5].groupby(level=0).mean()
    assert first_week[monitors.PIXELS.name] == 1
    assert first_week[monitors.ACCURACY.name] >= 0.85
    assert first_week[monitors.BRIGHTNESS.name] <= 0.1
    assert share_table(rehearsal).loc[monitors.PIXELS.name, "bump: first week"] == "1.00 (0.89 to 1.00)"


def test_a_move_up_is_another_fault_than_a_move_to_the_right() -> None:
    up, right = (
        rehearse(validated().model, pool(), bump=bump, repeats=5, monitors=[monitors.BRIGHTNESS]).loc["disturbed"]
        for bump in ("moved up", "moved right")
    )
    assert up.loc[:, 5:].all(axis=None)
    assert not right[5].any()
