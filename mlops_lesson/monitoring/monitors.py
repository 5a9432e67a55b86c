"""Monitors: what can be watched after deployment, and when each rings.

A monitor compares a week of live parcels with a reference, the test images on which the gate judged the champion, and
gives one number a week; an alarm level turns the number into an alarm. Three things can be looked at: the inputs, the
model's scores and, once labels have come, the accuracy. All tests are set to the same level, so that they can be
compared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd

from mlops_lesson.validation.gate import GATE

LEVEL = 0.01
"""Nominal chance of a false alarm a week that each test is set to."""

LEAST_LABELLED = 0.5


@dataclass(frozen=True)
class Reference:
    """What the champion met when the gate judged it: images, shape (n, 64), and its probabilities of chute B."""

    X: np.ndarray = field(repr=False)
    score: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Observed:
    """One week as the monitors see it.

    Parameters
    ----------
    week : int
        Its number.
    X : numpy.ndarray of shape (n, 64)
        Grey levels 0 to 16; at least one parcel.
    score : numpy.ndarray of shape (n,)
        The champion's probability of chute B.
    right : numpy.ndarray of bool, shape (n_labels,)
        For each parcel whose label has come by the end of the week, whether the champion was right.
    """

    week: int
    X: np.ndarray = field(repr=False)
    score: np.ndarray = field(repr=False)
    right: np.ndarray = field(repr=False)


def lowest_p(reference: np.ndarray, samples: Sequence[np.ndarray]) -> list[float]:
    """Compare a reference with samples of the same columns by the test of Kolmogorov and Smirnov.

    Returns each sample's lowest p-value, not corrected for the number of columns, and cautious (too large) where values
    repeat. Equal to that of `scipy.stats.ks_2samp(..., method="asymp")`, and fast enough for thousands of weeks.
    """
    values, n = np.unique(np.concatenate([reference, *samples])), len(reference)
    before, *now = (np.count_nonzero(X.T[:, None] <= values[:, None], axis=2) for X in (reference, *samples))
    # Counted in 1 / (n m), so that equal gaps are equal.
    gaps = [np.abs(len(X) * before - n * counts).max() for X, counts in zip(samples, now, strict=True)]
    return [_p_value(int(gap), n, len(X)) for gap, X in zip(gaps, samples, strict=True)]


@lru_cache(maxsize=10_000)
def _p_value(gap: int, n: int, m: int) -> float:
    from scipy.stats import kstwo

    return float(kstwo.sf(gap / (n * m), round(n * m / (n + m))))


def brightness_p(reference: Reference, weeks: Sequence[Observed]) -> list[float]:
    """Test whether the parcels' mean grey levels have changed."""
    return lowest_p(reference.X.mean(axis=1, keepdims=True), [week.X.mean(axis=1, keepdims=True) for week in weeks])


def pixels_p(reference: Reference, weeks: Sequence[Observed]) -> list[float]:
    """Test whether any pixel has changed, corrected for their number by Bonferroni's rule; at most 1."""
    return [min(1.0, reference.X.shape[1] * p) for p in lowest_p(reference.X, [week.X for week in weeks])]


def scores_p(reference: Reference, weeks: Sequence[Observed]) -> list[float]:
    """Test whether the model's scores have changed."""
    return lowest_p(reference.score[:, None], [week.score[:, None] for week in weeks])


def share_labelled(_: Reference, weeks: Sequence[Observed]) -> list[float]:
    """Count the share of parcels whose label has come."""
    return [len(week.right) / len(week.X) for week in weeks]


def accuracy_p(week: Observed, gate: float = GATE) -> float:
    """Test whether the accuracy on the labels that have come is below the gate; not a number without labels.

    The score test of a share, one-sided: below 0.01 exactly where the 98 % Wilson interval ends below the gate.
    """
    from scipy.stats import norm

    n, n_right = len(week.right), int(np.sum(week.right))
    return float(norm.cdf((n_right - n * gate) / np.sqrt(n * gate * (1 - gate)))) if n else float("nan")


def adwin_detections(reference: Reference, weeks: Sequence[Observed], delta: float = LEVEL) -> list[int]:
    """Let ADWIN read the scores one by one, the reference's first, and count its detections week by week.

    ADWIN: Bifet, A. and Gavalda, R. (2007), "Learning from time-changing data with adaptive windowing", doi
    10.1137/1.9781611972771.42; the implementation is river's.
    """
    from river.drift import ADWIN

    detector, found = ADWIN(delta=delta), []
    for scores in (reference.score, *(week.score for week in weeks)):
        found.append(0)
        for score in scores:
            detector.update(float(score))
            found[-1] += detector.drift_detected
    return found[1:]


@dataclass(frozen=True)
class Monitor:
    """One number a week, and when it rings.

    Parameters
    ----------
    name : str
        Its name in tables.
    looks_at : {"inputs", "scores", "labels"}
        What it needs; only labels come late.
    values : callable
        Takes a `Reference` and the weeks since, and returns a number for each, or nan where it cannot say anything.
    rings : callable
        Takes the numbers and returns for each whether it rings.
    """

    name: str
    looks_at: str
    values: Callable[[Reference, Sequence[Observed]], Sequence[float]] = field(repr=False)
    rings: Callable[[np.ndarray], np.ndarray] = field(default=lambda p: p < LEVEL, repr=False)


BRIGHTNESS = Monitor("brightness, KS", "inputs", brightness_p)
PIXELS = Monitor("64 pixels, KS and Bonferroni", "inputs", pixels_p)
SCORES = Monitor("scores, KS", "scores", scores_p)
SCORES_ADWIN = Monitor("scores, ADWIN", "scores", adwin_detections, lambda detections: detections > 0)
LABELS = Monitor("clicks arrive", "labels", share_labelled, lambda share: share < LEAST_LABELLED)


def accuracy_monitor(gate: float = GATE) -> Monitor:
    """Make the monitor of the accuracy on clicks, which rings when it is below the gate by more than luck."""
    return Monitor("accuracy on clicks", "labels", lambda _, weeks: [accuracy_p(week, gate) for week in weeks])


ACCURACY = accuracy_monitor()

MONITORS: tuple[Monitor, ...] = (BRIGHTNESS, PIXELS, SCORES, SCORES_ADWIN, LABELS, ACCURACY)


def watch(reference: Reference, weeks: Sequence[Observed], monitors: Sequence[Monitor] = MONITORS) -> pd.DataFrame:
    """Ask every monitor about every week.

    Parameters
    ----------
    reference : Reference
        What the champion met when it was judged.
    weeks : sequence of Observed
        The weeks since, in order.
    monitors : sequence of Monitor
        Which ones.

    Returns
    -------
    pandas.DataFrame
        One row per week and monitor: `week`, `monitor`, `looks_at`, `value`, `rings`.
    """
    rows = []
    for monitor in monitors:
        values = np.asarray(monitor.values(reference, weeks))
        for week, value, rings in zip(weeks, values, monitor.rings(values), strict=True):
            rows.append((week.week, monitor.name, monitor.looks_at, float(value), bool(rings)))
    return pd.DataFrame(rows, columns=["week", "monitor", "looks_at", "value", "rings"])


def alarm_table(readings: pd.DataFrame) -> pd.DataFrame:
    """Bring the readings of `watch` to one row per monitor and one column per week, with "ALARM" where it rings."""
    words = readings.assign(says=np.where(readings["rings"], "ALARM", "-"))
    table = words.pivot(index="monitor", columns="week", values="says")
    table = table.loc[readings["monitor"].drop_duplicates()]
    return table.rename(columns=lambda week: f"week {week}").rename_axis(columns=None)
