"""The explorer of Monitoring & Maintenance: tune an alarm, and see what it costs in false alarms and in delay."""

from functools import cache
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd

from mlops_lesson.monitoring.monitors import ACCURACY, BRIGHTNESS, LEVEL, PIXELS, SCORES
from mlops_lesson.monitoring.rehearsal import Pool, histories
from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.show.figures import BLUE, GREY, PINK, ShownFigure, drawing

REPEATS = 40
WINDOWS = (25, 50, 75, 100, 150)
LEVELS = (0.0001, 0.001, LEVEL, 0.05, 0.1)
PARCELS_A_WEEK = 75
PARCELS_A_SIDE = 298
LABELLED_AT_ONCE = np.timedelta64(48, "h")
_BY_NAME = {monitor.name: monitor for monitor in (SCORES, BRIGHTNESS, PIXELS, ACCURACY)}


def costs(p_values: np.ndarray, window: int) -> pd.DataFrame:
    """Turn p-values of shape (repeats, windows), the second half after the bump, into what each of `LEVELS` costs.

    Returns the shares of quiet windows with a false alarm and of histories in which the bump is found, and the median
    delay in parcels, infinite if mostly missed.
    """
    quiet, bumped = np.hsplit(p_values, 2)
    rows = []
    for level in LEVELS:
        found = (bumped < level).any(axis=1)
        delays = np.where(found, ((bumped < level).argmax(axis=1) + 1) * window, np.inf)
        rows.append(((quiet < level).mean(), found.mean(), np.median(delays)))
    return pd.DataFrame(rows, LEVELS, ["false_alarms", "found", "delay"])


def _draw(table: pd.DataFrame, window: int, level: float) -> ShownFigure:
    with drawing("What a nervous alarm costs, and what it buys", 7.4, 2.7, columns=2) as d:
        wrong, late = d.axes
        missed = np.isinf(table["delay"])
        heights = 100 * table["false_alarms"], table["delay"].mask(missed, 0)
        for axis, values, colour in zip(d.axes, heights, (PINK, BLUE), strict=True):
            axis.bar(range(len(LEVELS)), values, color=[colour if each == level else GREY for each in LEVELS])
            axis.set_xticks(range(len(LEVELS)), [f"[{each:g}]" if each == level else f"{each:g}" for each in LEVELS])
            axis.set_xlabel("alarm level, [yours]")
        for place in np.flatnonzero(missed):
            late.text(place, 2, "missed", ha="center", rotation=90, va="bottom")
        wrong.set(title="False alarms", ylabel="% of windows", ylim=(0, 30))
        late.set(title="Delay after the bump", ylabel="parcels, median", ylim=(0, PARCELS_A_SIDE))
        d.alt = f"Two bar charts over five alarm levels, windows of {window} parcels. " + " ".join(
            f"Level {row.Index:g}: {row.false_alarms:.1%} false alarms, "
            + ("missed in most histories." if np.isinf(row.delay) else f"delay {row.delay:.0f} parcels.")
            for row in table.itertuples()
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

    @cache
    def costs_of(name: str, window: int) -> pd.DataFrame:
        n_windows = PARCELS_A_SIDE // window
        states = ["healthy"] * n_windows + ["moved right"] * n_windows
        time_left = [np.full(window, LABELLED_AT_ONCE) for _ in states]
        invented = histories(model, pool, time_left, states, REPEATS, seed=window)
        return costs(np.array([_BY_NAME[name].values(*each) for each in invented]), window)

    def answer(name: str, window: int, level: float) -> Answer:
        table = costs_of(name, window)
        cost = table.loc[level]
        delay = f"after {cost.delay:.0f} parcels" if np.isfinite(cost.delay) else "in fewer than half of the histories"
        headline = f"False alarms: {100 * cost.false_alarms:.1f} % of windows. Bump noticed {delay}"
        within = f"{PARCELS_A_SIDE // window * window} parcels"
        notes = [f"The bump is found within {within} in {100 * cost.found:.0f} % of {REPEATS} invented histories."]
        if window == PARCELS_A_WEEK:
            notes.append(f"At {window} parcels a week this is about {52 * cost.false_alarms:.1f} false alarms a year.")
        if name == ACCURACY.name:
            notes.append("Only clicks within two days count, and this wait comes on top of the delay.")
        return Answer(headline, tuple(notes), (_draw(table, window, level),))

    controls = {
        "name": ipywidgets.RadioButtons(options=list(_BY_NAME), description="Monitor"),
        "window": ipywidgets.SelectionSlider(options=WINDOWS, value=PARCELS_A_WEEK, description="Window, parcels"),
        "level": ipywidgets.SelectionSlider(options=LEVELS, value=LEVEL, description="Alarm level"),
    }
    return Explorer("An alarm's monitor, window and level", controls, answer)
