"""The explorer of alarms, driven as a learner would."""

import numpy as np
import pytest
from live_depot import pool, validated

from mlops_lesson.monitoring.explorer import LEVELS, explore_alarms, tune


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


def share_of(text: str) -> float:
    return float(text.split("False alarms: ")[1].split("%")[0])


def test_a_nervous_level_rings_more_often(turn) -> None:
    assert turn().startswith("Monitor: scores, KS; Window, parcels: 75; Alarm level: 0.01\nFalse alarms: ")
    cautious, usual, nervous = (share_of(turn(level=level)) for level in (LEVELS[0], LEVELS[2], LEVELS[4]))
    assert cautious <= usual < nervous


def test_the_brightness_does_not_find_the_bump_and_the_pixels_do(turn) -> None:
    assert "Bump noticed in fewer than half of the histories" in turn("brightness, KS")
    assert "Bump noticed after 25 parcels" in turn("64 pixels, KS and Bonferroni", 25)
    assert "this wait comes on top" in turn("accuracy on clicks")


def test_the_cost_of_a_level_is_counted() -> None:
    quiet, bumped = np.array([[0.5, 0.04], [0.5, 0.5]]), np.array([[0.5, 0.03], [0.5, 0.5]])
    cost = tune(quiet, bumped, 0.05, window=50)
    assert (cost.false_alarms, cost.found, cost.delay) == (0.25, 0.5, np.inf)
    assert tune(quiet, bumped[:1], 0.05, window=50).delay == 100
