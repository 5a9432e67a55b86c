"""The explorer of Monitoring & Maintenance: tune an alarm, and see what it costs in false alarms and in delay."""

from functools import cache
from typing import Any, NamedTuple

import ipywidgets
import numpy as np

from mlops_lesson.monitoring.monitors import ACCURACY, BRIGHTNESS, LEVEL, PIXELS, SCORES, Monitor
from mlops_lesson.monitoring.rehearsal import Pool, Shuffler
from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.show.figures import BLUE, GREY, PINK, ShownFigure, drawing

REPEATS = 40
WINDOWS = (25, 50, 75, 100, 150)
LEVELS = (0.0001, 0.001, LEVEL, 0.05, 0.1)
PARCELS_A_WEEK = 75
PARCELS_A_SIDE = 298
LABELLED_AT_ONCE_HOURS = 48.0
MONITORS: dict[str, Monitor] = {monitor.name: monitor for monitor in (SCORES, BRIGHTNESS, PIXELS, ACCURACY)}


class Tuning(NamedTuple):
    """What an alarm level costs: shares of windows and histories, and median parcels, infinite if mostly missed."""

    false_alarms: float
    found: float
    delay: float


def tune(quiet: np.ndarray, bumped: np.ndarray, level: float, window: int) -> Tuning:
    """Turn p-values of shape (repeats, windows), in quiet times and after the bump, into the cost of a level."""
    false_alarms, found = quiet < level, bumped < level
    delays = np.where(found.any(axis=1), (found.argmax(axis=1) + 1.0) * window, np.inf)
    return Tuning(float(false_alarms.mean()), float(found.any(axis=1).mean()), float(np.median(delays)))


def _measure(shuffler: Shuffler, monitor: Monitor, window: int) -> tuple[np.ndarray, np.ndarray]:
    n_windows = PARCELS_A_SIDE // window
    hours_left = [np.full(window, LABELLED_AT_ONCE_HOURS)] * (2 * n_windows)
    states = ["healthy"] * n_windows + ["moved right"] * n_windows
    rng = np.random.default_rng(window)
    rows = []
    for _ in range(REPEATS):
        reference, windows = shuffler.history(rng.permutation(len(shuffler.pool.X)), hours_left, states)
        rows.append(monitor.values(reference, windows))
    values = np.array(rows)
    return values[:, :n_windows], values[:, n_windows:]


def _draw(costs: list[Tuning], window: int, level: float) -> ShownFigure:
    with drawing("What a nervous alarm costs, and what it buys", 7.4, 2.7, columns=2) as d:
        wrong, late = d.axes
        missed = [np.isinf(cost.delay) for cost in costs]
        heights = [100 * cost.false_alarms for cost in costs], [0 if np.isinf(c.delay) else c.delay for c in costs]
        for axis, values, colour in zip(d.axes, heights, (PINK, BLUE), strict=True):
            axis.bar(range(len(costs)), values, color=[colour if each == level else GREY for each in LEVELS])
            axis.set_xticks(range(len(costs)), [f"[{each:g}]" if each == level else f"{each:g}" for each in LEVELS])
            axis.set_xlabel("alarm level, [yours]")
        for place in np.flatnonzero(missed):
            late.text(place, 2, "missed", ha="center", rotation=90, va="bottom")
        wrong.set(title="False alarms", ylabel="% of windows", ylim=(0, 30))
        late.set(title="Delay after the bump", ylabel="parcels, median", ylim=(0, PARCELS_A_SIDE))
        d.alt = f"Two bar charts over five alarm levels, windows of {window} parcels. " + " ".join(
            f"Level {each:g}: {cost.false_alarms:.1%} false alarms, "
            + ("missed in most histories." if is_missed else f"delay {cost.delay:.0f} parcels.")
            for each, cost, is_missed in zip(LEVELS, costs, missed, strict=True)
        )
    return d.shown


def explore_alarms(model: Any, pool: Pool) -> Explorer:
    """Choose a monitor, a window and an alarm level, and see false alarms and delay.

    Parameters
    ----------
    model : object
        The champion; takes grey levels 0 to 16, shape (n, 64).
    pool : Pool
        Undisturbed parcels; see `mlops_lesson.monitoring.rehearsal.undisturbed_pool`.
    """
    shuffler = Shuffler(model, pool)

    @cache
    def values_of(name: str, window: int) -> tuple[np.ndarray, np.ndarray]:
        return _measure(shuffler, MONITORS[name], window)

    def answer(name: str, window: int, level: float) -> Answer:
        costs = [tune(*values_of(name, window), each, window) for each in LEVELS]
        cost = costs[LEVELS.index(level)]
        delay = f"after {cost.delay:.0f} parcels" if np.isfinite(cost.delay) else "in fewer than half of the histories"
        headline = f"False alarms: {cost.false_alarms:.1%} of windows. Bump noticed {delay}"
        notes = [f"The bump is found within four weeks in {cost.found:.0%} of {REPEATS} invented histories."]
        if window == PARCELS_A_WEEK:
            a_year = 52 * cost.false_alarms
            notes.append(f"At {PARCELS_A_WEEK} parcels a week this is about {a_year:.1f} false alarms a year.")
        if MONITORS[name].looks_at == "labels":
            notes.append("Only clicks within two days count, and this wait comes on top of the delay.")
        return Answer(headline, tuple(notes), (_draw(costs, window, level),))

    controls = {
        "name": ipywidgets.RadioButtons(options=list(MONITORS), description="Monitor"),
        "window": ipywidgets.SelectionSlider(options=WINDOWS, value=PARCELS_A_WEEK, description="Window, parcels"),
        "level": ipywidgets.SelectionSlider(options=LEVELS, value=LEVEL, description="Alarm level"),
    }
    return Explorer("an alarm: monitor, window and level", controls, answer)
