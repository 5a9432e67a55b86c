import re

import numpy as np
import pytest
from live_depot import pool, validated

from mlops_lesson.monitoring.explorer import STEPS, WATCHES, WINDOWS, Watch, explore_alerts, tune
from mlops_lesson.monitoring.monitors import BRIGHTNESS_PSI, SCORES


@pytest.fixture(scope="module")
def explorer():
    return explore_alerts(validated().model, pool())


@pytest.fixture
def turn(explorer):
    """Set the controls and return what the explorer says."""

    def set_controls(name: str = "scores, KS", window: int = 75, step: str = STEPS[2]) -> str:
        for control, value in zip(explorer.controls, (name, window, step), strict=True):
            control.value = value
        return explorer.text

    return set_controls


def share_of(text: str) -> float:
    return float(text.split("False alarms: ")[1].split("%")[0])


def test_it_begins_with_the_courses_own_alert(explorer, turn) -> None:
    assert turn().startswith("Monitor: scores, KS; Window, parcels: 75; Threshold: 3 as in the course")
    assert "Bump noticed: 75 parcels" in explorer.text


def test_a_nervous_threshold_rings_more_often(turn) -> None:
    cautious, usual, nervous = (share_of(turn(step=step)) for step in (STEPS[0], STEPS[2], STEPS[4]))
    assert cautious <= usual < nervous


def test_a_longer_window_calms_psi(turn) -> None:
    shares = [share_of(turn("brightness, PSI", window)) for window in WINDOWS]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 80


def test_the_brightness_test_does_not_find_the_bump(turn) -> None:
    assert turn("brightness, KS").splitlines()[1].endswith(". Bump noticed: never, in most histories.")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("scores, KS", "the p-value of a window is below 0.01"),
        ("brightness, PSI", "the index of a window is at least 0.2"),
        ("accuracy on clicks", "the upper end of a window is below 0.85"),
    ],
)
def test_the_notes_say_when_the_alarm_rings_and_how_often_the_bump_is_found(turn, name: str, words: str) -> None:
    _, headline, rings, found, *_ = turn(name).splitlines()
    assert re.fullmatch(r"False alarms: \d+\.\d% of windows, about \d+\.\d a year\. Bump noticed: .+\.", headline)
    assert rings == f"- The alarm rings when {words}."
    assert re.fullmatch(r"- The bump is found within four weeks in \d+% of 40 made-up histories\.", found)


def test_accuracy_says_that_the_wait_for_clicks_comes_on_top(turn) -> None:
    assert "on top of the delay" in turn("accuracy on clicks")
    assert "on top of the delay" not in turn("scores, KS")


def test_every_control_has_a_name_and_the_result_words_and_a_figure(explorer) -> None:
    assert explorer.title == "an alert: monitor, window and threshold"
    assert [control.description for control in explorer.controls] == ["Monitor", "Window, parcels", "Threshold"]
    assert "<img alt=" in explorer.result.value
    assert "Two bar charts" in explorer.text


def test_two_explorers_say_the_same(explorer, turn) -> None:
    turn()
    assert explore_alerts(validated().model, pool()).text == explorer.text


@pytest.mark.parametrize("name", WATCHES)
def test_the_courses_threshold_is_the_middle_one(name: str) -> None:
    watch = WATCHES[name]
    assert watch.thresholds[2] == watch.usual == watch.monitor.threshold


def test_the_cost_of_a_threshold_is_counted_in_windows_and_parcels() -> None:
    healthy, bumped = np.array([[0.5, 0.005, 0.5, 0.5]] * 2), np.array([[0.5, 0.001, 0.5], [0.001, 0.5, 0.5]])
    cost = tune((healthy, bumped), Watch(SCORES, (0.01,), 0.01), 0.01, window=50)
    assert cost.false_alarms == 0.25
    assert cost.found == 1
    assert cost.delay == 75
    assert cost.a_year == pytest.approx(0.25 * 52 * 75 / 50)


def test_a_monitor_that_rings_when_above_is_tuned_the_other_way_round() -> None:
    values = np.array([[0.1, 0.3]]), np.array([[0.1, 0.1]])
    cost = tune(values, Watch(BRIGHTNESS_PSI, (0.2,), 0.2), 0.2, window=10)
    assert cost.false_alarms == 0.5
    assert (cost.found, cost.delay) == (0, np.inf)
