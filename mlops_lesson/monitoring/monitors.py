"""Monitors: what can be watched after deployment, and when each rings.

A monitor compares a week of live parcels with a reference, the test images on which the gate judged the champion, and
gives one number per week; an alarm level turns the number into an alarm. Three things can be looked at: the inputs, the
model's scores and, once labels have come, the accuracy. All tests are set to the same level, so that they can be
compared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.stats import kstwo, norm

from mlops_lesson.validation.gate import GATE

LEVEL = 0.01
"""Nominal chance of a false alarm a week that each test is set to."""

LEAST_LABELLED = 0.5


@dataclass(frozen=True)
class Observed:
    """A week as the monitors see it, or the reference that they compare it with.

    Parameters
    ----------
    week : int
        Its number, from 1; 0 for the test images.
    X : numpy.ndarray of shape (n, 64)
        Grey levels 0 to 16; at least one parcel.
    score : numpy.ndarray of shape (n,)
        The champion's probability of chute B.
    label : numpy.ndarray of shape (n,)
        0 (chute A) or 1 (chute B); not a number where no label had come by the end of the week.
    """

    week: int
    X: np.ndarray
    score: np.ndarray
    label: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """For each parcel, whether its label had come."""
        return ~np.isnan(self.label)

    @property
    def right(self) -> np.ndarray:
        """For each parcel whose label had come, whether the champion was right."""
        return ((self.score >= 0.5) == self.label)[self.known]


_ks_p_value = lru_cache(maxsize=10_000)(kstwo.sf)


def _lowest_p(reference: np.ndarray, samples: Sequence[np.ndarray]) -> list[float]:
    """Compare a reference with samples of the same columns by the test of Kolmogorov and Smirnov.

    Returns each sample's lowest p-value, not corrected for the number of columns, and cautious (too large) where values
    repeat. Equal to that of `scipy.stats.ks_2samp(..., method="asymp")`, and fast enough for thousands of weeks.
    """
    values, n, p_values = np.unique(np.concatenate([reference, *samples])), len(reference), []
    before, *now = (np.count_nonzero(X.T[:, None] <= values[:, None], axis=2) for X in (reference, *samples))
    for counts, m in zip(now, map(len, samples), strict=True):
        # Counted in 1 / (n m), so that equal gaps are equal.
        gap = np.abs(m * before - n * counts).max() / (n * m)
        p_values.append(_ks_p_value(gap, round(n * m / (n + m))))
    return p_values


def brightness_p(reference: Observed, weeks: Sequence[Observed]) -> list[float]:
    """Test whether the parcels' mean grey levels have changed."""
    return _lowest_p(reference.X.mean(axis=1, keepdims=True), [week.X.mean(axis=1, keepdims=True) for week in weeks])


def pixels_p(reference: Observed, weeks: Sequence[Observed]) -> list[float]:
    """Test whether any pixel has changed, corrected for their number by Bonferroni's rule; at most 1."""
    return [min(1.0, reference.X.shape[1] * p) for p in _lowest_p(reference.X, [week.X for week in weeks])]


def scores_p(reference: Observed, weeks: Sequence[Observed]) -> list[float]:
    """Test whether the model's scores have changed."""
    return _lowest_p(reference.score[:, None], [week.score[:, None] for week in weeks])


def adwin_detections(reference: Observed, weeks: Sequence[Observed]) -> list[int]:
    """Let ADWIN read the scores one by one, the reference's first, and count its detections week by week.

    ADWIN: Bifet, A. and Gavalda, R. (2007), "Learning from time-changing data with adaptive windowing", doi
    10.1137/1.9781611972771.42; the implementation is river's.
    """
    from river.drift import ADWIN

    detector, found = ADWIN(delta=LEVEL), []
    for part in (reference, *weeks):
        found.append(0)
        for score in part.score:
            detector.update(float(score))
            found[-1] += detector.drift_detected
    return found[1:]


def _share_labelled(_: Observed, weeks: Sequence[Observed]) -> list[float]:
    """Count the share of parcels whose label has come."""
    return [week.known.mean() for week in weeks]


def accuracy_p(_: Observed, weeks: Sequence[Observed]) -> np.ndarray:
    """Test whether the accuracy on the labels that have come is below the gate; not a number without labels.

    The score test of a share, one-sided: below 0.01 exactly where the 98 % Wilson interval ends below the gate.
    """
    n, n_right = pd.Series([week.known.sum() for week in weeks]), pd.Series([week.right.sum() for week in weeks])
    return norm.cdf((n_right - n * GATE) / np.sqrt(n * GATE * (1 - GATE)))


@dataclass(frozen=True)
class Monitor:
    """One number per week, from the reference and the weeks since, and which numbers ring; nan: it cannot say."""

    name: str
    values: Callable[[Observed, Sequence[Observed]], Sequence[float]]
    rings: Callable[[np.ndarray], np.ndarray] = lambda p: p < LEVEL


BRIGHTNESS = Monitor("brightness, KS", brightness_p)
PIXELS = Monitor("64 pixels, KS and Bonferroni", pixels_p)
SCORES = Monitor("scores, KS", scores_p)
SCORES_ADWIN = Monitor("scores, ADWIN", adwin_detections, lambda detections: detections > 0)
LABELS = Monitor("clicks arrive", _share_labelled, lambda share: share < LEAST_LABELLED)
ACCURACY = Monitor("accuracy on clicks", accuracy_p)

MONITORS: tuple[Monitor, ...] = (BRIGHTNESS, PIXELS, SCORES, SCORES_ADWIN, LABELS, ACCURACY)


def watch(reference: Observed, weeks: Sequence[Observed], monitors: Sequence[Monitor] = MONITORS) -> pd.DataFrame:
    """Ask every monitor about every week.

    Parameters
    ----------
    reference : Observed
        What the champion met when it was judged.
    weeks : sequence of Observed
        The weeks since, in order.
    monitors : sequence of Monitor
        Which ones.

    Returns
    -------
    pandas.DataFrame
        One row per week and monitor: `week`, `monitor`, `value`, `rings`.
    """
    numbers, tables = [week.week for week in weeks], []
    for monitor in monitors:
        values = np.array(monitor.values(reference, weeks), dtype=float)
        columns = {"week": numbers, "monitor": monitor.name, "value": values, "rings": monitor.rings(values)}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def alarm_table(readings: pd.DataFrame) -> pd.DataFrame:
    """Bring the readings of `watch` to one row per monitor and one column per week, with "ALARM" where it rings."""
    words = readings.assign(says=np.where(readings["rings"], "ALARM", "-"))
    table = words.pivot(index="monitor", columns="week", values="says").loc[readings["monitor"].unique()]
    return table.rename(columns=lambda week: f"week {week}").rename_axis(columns=None)
