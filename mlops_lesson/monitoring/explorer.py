"""The explorer of Monitoring & Maintenance: tune an alert, and see what it costs in false alarms and in delay."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import ipywidgets
import numpy as np

from mlops_lesson.monitoring.monitors import ACCURACY, BRIGHTNESS, BRIGHTNESS_PSI, LEVEL, PSI_RULE, SCORES, Monitor
from mlops_lesson.monitoring.rehearsal import Dealer, Pool
from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.show.figures import BLUE, GREY, PINK, ShownFigure, drawing
from mlops_lesson.validation.gate import GATE

REPEATS = 40


WINDOWS = (25, 50, 75, 100, 150)


PARCELS_A_WEEK = 75


PARCELS_A_SIDE = 298


LABELLED_AT_ONCE_HOURS = 48.0


@dataclass(frozen=True)
class Watch:
    """A monitor that can be tuned.

    Parameters
    ----------
    monitor : Monitor
        What it measures.
    thresholds : tuple of float
        From cautious to nervous.
    usual : float
        Where the course sets it, one of `thresholds`.
    """

    monitor: Monitor
    thresholds: tuple[float, ...]
    usual: float


P_VALUES = (0.0001, 0.001, LEVEL, 0.05, 0.1)


WATCHES: dict[str, Watch] = {
    "scores, KS": Watch(SCORES, P_VALUES, LEVEL),
    "brightness, KS": Watch(BRIGHTNESS, P_VALUES, LEVEL),
    "brightness, PSI": Watch(BRIGHTNESS_PSI, (0.5, 0.35, PSI_RULE, 0.1, 0.05), PSI_RULE),
    "accuracy on clicks": Watch(ACCURACY, (0.75, 0.8, GATE, 0.9, 0.95), GATE),
}


STEPS = ("1 cautious", "2", "3 as in the course", "4", "5 nervous")


@dataclass(frozen=True)
class Tuning:
    """What one setting of an alert costs.

    Parameters
    ----------
    false_alarms : float
        Share of windows with an alarm while nothing happens.
    a_year : float
        The same in alarms a year, at 75 parcels a week.
    found : float
        Share of histories in which the bump is found within its four weeks.
    delay : float
        Median parcels from the bump to the alarm; infinite if it is found in fewer than half.
    """

    false_alarms: float
    a_year: float
    found: float
    delay: float


def tune(values: tuple[np.ndarray, np.ndarray], watch: Watch, threshold: float, window: int) -> Tuning:
    """Turn a monitor's values into the cost of a threshold.

    Parameters
    ----------
    values : tuple of numpy.ndarray, shape (repeats, windows)
        The monitor's values while nothing happens, and after the bump.
    watch : Watch
        The monitor.
    threshold : float
        Where the alarm begins.
    window : int
        Parcels in a window.

    Returns
    -------
    Tuning
        False alarms and delay.
    """
    healthy, bumped = values
    rings = _rings(watch.monitor, threshold)
    false_alarms, found = rings(healthy), rings(bumped)
    delays = np.where(found.any(axis=1), (found.argmax(axis=1) + 1.0) * window, np.inf)
    share = float(false_alarms.mean())
    return Tuning(
        share, share * 52 * PARCELS_A_WEEK / window, float(found.any(axis=1).mean()), float(np.median(delays))
    )


def _rings(monitor: Monitor, threshold: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: values >= threshold if monitor.when_above else values < threshold


def _measure(dealer: Dealer, monitor: Monitor, window: int) -> tuple[np.ndarray, np.ndarray]:
    n_windows = PARCELS_A_SIDE // window
    hours_left = [np.full(window, LABELLED_AT_ONCE_HOURS)] * (2 * n_windows)
    states = ["healthy"] * n_windows + ["bumped"] * n_windows
    rng = np.random.default_rng(window)
    rows = []
    for _ in range(REPEATS):
        reference, windows = dealer.deal(rng.permutation(len(dealer.pool.X)), hours_left, states)
        rows.append(monitor.values(reference, windows))
    values = np.array(rows)
    return values[:, :n_windows], values[:, n_windows:]


def _draw(watch: Watch, values: tuple[np.ndarray, np.ndarray], window: int, threshold: float) -> ShownFigure:
    costs = [tune(values, watch, each, window) for each in watch.thresholds]
    here = watch.thresholds.index(threshold)
    with drawing("What nervousness costs, and what it buys", 7.4, 2.9, columns=2) as d:
        wrong, late = d.axes
        places = range(len(costs))
        late_values = [cost.delay if np.isfinite(cost.delay) else 0 for cost in costs]
        for axis, heights, colour in (
            (wrong, [100 * cost.false_alarms for cost in costs], PINK),
            (late, late_values, BLUE),
        ):
            bars = axis.bar(places, heights, color=GREY)
            bars[here].set_color(colour)
            axis.set_xticks(places, [f"[{each:g}]" if each == threshold else f"{each:g}" for each in watch.thresholds])
            axis.set_xlabel("threshold, [yours]")
        for place, cost in enumerate(costs):
            if not np.isfinite(cost.delay):
                late.text(place, 2, "missed", ha="center", rotation=90, va="bottom")
        wrong.set(title="False alarms", ylabel="% of windows", ylim=(0, 100))
        late.set(title="Delay after the bump", ylabel="parcels, median", ylim=(0, PARCELS_A_SIDE))
        alt = f"Two bar charts over five thresholds, windows of {window} parcels. " + " ".join(
            f"Threshold {each:g}: {cost.false_alarms:.1%} false alarms, "
            + (f"delay {cost.delay:.0f} parcels." if np.isfinite(cost.delay) else "the bump is missed.")
            for each, cost in zip(watch.thresholds, costs, strict=True)
        )
        d.alt = alt
    return d.shown


def explore_alerts(model: Any, pool: Pool) -> Explorer:
    """Choose a monitor, a window and a threshold, and see false alarms and delay.

    Parameters
    ----------
    model : object
        The champion; takes grey levels 0 to 16, shape (n, 64).
    pool : Pool
        Parcels that are alike; see `mlops_lesson.monitoring.rehearsal.clean_pool`.

    Returns
    -------
    Explorer
        Make it the last expression of a cell.
    """
    dealer = Dealer(model, pool)

    @cache
    def values_of(name: str, window: int) -> tuple[np.ndarray, np.ndarray]:
        return _measure(dealer, WATCHES[name].monitor, window)

    def answer(name: str, window: int, step: str) -> Answer:
        watch = WATCHES[name]
        threshold = watch.thresholds[STEPS.index(step)]
        values = values_of(name, window)
        cost = tune(values, watch, threshold, window)
        delay = f"{cost.delay:.0f} parcels" if np.isfinite(cost.delay) else "never, in most histories"
        side = "at least" if watch.monitor.when_above else "below"
        notes = [
            f"The alarm rings when the {watch.monitor.measures} of a window is {side} {threshold:g}.",
            f"The bump is found within four weeks in {cost.found:.0%} of {REPEATS} made-up histories.",
        ]
        if watch.monitor.looks_at == "labels":
            notes.append("Only clicks within two days count, and this wait comes on top of the delay.")
        return Answer(
            f"False alarms: {cost.false_alarms:.1%} of windows, about {cost.a_year:.1f} a year. Bump noticed: {delay}",
            tuple(notes),
            (_draw(watch, values, window, threshold),),
        )

    controls = {
        "name": ipywidgets.RadioButtons(options=list(WATCHES), description="Monitor"),
        "window": ipywidgets.SelectionSlider(options=WINDOWS, value=75, description="Window, parcels"),
        "step": ipywidgets.SelectionSlider(options=STEPS, value=STEPS[2], description="Threshold"),
    }
    return Explorer("an alert: monitor, window and threshold", controls, answer)
