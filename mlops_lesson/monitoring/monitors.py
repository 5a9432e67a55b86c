"""Monitors: what can be watched after deployment, how often each cries wolf, and how late it notices.

A monitor compares a week of live parcels with a reference, the images on which the gate judged the champion, and gives
one number a week; a threshold turns the number into an alarm. Three things can be looked at: the input, the model's own
scores, and the accuracy, once labels have come. `rehearse` deals parcels that are alike into many made-up
histories, with and without faults, and so measures false alarms and delay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.stats import kstwo

from mlops_lesson.validation.gate import GATE
from mlops_lesson.validation.measures import interval

LEVEL = 0.01
"""Chance of a false alarm a week that the tests are set to."""


PSI_RULE = 0.2


ADWIN_DELTA = 0.05


SMALLEST_SHARE = 0.0001


PIXELS_COUNT = 64


@dataclass(frozen=True)
class Reference:
    """What the champion met when the gate judged it.

    Parameters
    ----------
    X : numpy.ndarray of shape (n, 64)
        Grey levels 0 to 16.
    score : numpy.ndarray of shape (n,)
        The champion's probability of chute B for each of them.
    """

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
        Grey levels 0 to 16.
    score : numpy.ndarray of shape (n,)
        The champion's probability of chute B.
    right : numpy.ndarray of bool, shape (n_labels,)
        For each parcel whose label has come by the end of the week, whether the champion was right.
    """

    week: int
    X: np.ndarray = field(repr=False)
    score: np.ndarray = field(repr=False)
    right: np.ndarray = field(repr=False)


def ks_p_value(reference: np.ndarray, current: np.ndarray) -> float:
    """Test whether two samples come from the same distribution, by the distance of their cumulative shares.

    Parameters
    ----------
    reference, current : numpy.ndarray of shape (n,) and (m,)
        The samples; neither empty.

    Returns
    -------
    float
        Two-sided p-value, 0 to 1; cautious (too large) where values repeat.

    Raises
    ------
    ValueError
        If a sample is empty.

    Notes
    -----
    The test of Kolmogorov and Smirnov, equal to `scipy.stats.ks_2samp(..., method="asymp")` and faster, as thousands of
    made-up weeks need it.
    """
    return float(_ks_p_values(reference, [current])[0])


def _ks_p_values(reference: np.ndarray, samples: Sequence[np.ndarray]) -> np.ndarray:
    """Test several samples against one reference: the reference is sorted once."""
    a = np.sort(np.asarray(reference, dtype=float))
    p_values = np.empty(len(samples))
    for place, sample in enumerate(samples):
        b = np.sort(np.asarray(sample, dtype=float))
        _require_values(a, b)
        both = np.concatenate([a, b])
        gaps = np.searchsorted(a, both, side="right") * len(b) - np.searchsorted(b, both, side="right") * len(a)
        p_values[place] = _p_value(int(np.abs(gaps).max()), len(a), len(b))
    return p_values


@lru_cache(maxsize=10_000)
def _p_value(gap: int, n: int, m: int) -> float:
    """Return the p-value of a gap between cumulative shares, counted in 1 / (n m): many gaps recur."""
    return float(kstwo.sf(gap / (n * m), round(n * m / (n + m))))


def lowest_pixel_p(reference: np.ndarray, current: np.ndarray) -> float:
    """Test each pixel as `ks_p_value` does, and return the lowest of the p-values.

    Parameters
    ----------
    reference, current : numpy.ndarray of shape (n, 64) and (m, 64)
        Grey levels; neither empty.

    Returns
    -------
    float
        The p-value of the pixel that differs most, not corrected for the number of pixels.

    Raises
    ------
    ValueError
        If a sample is empty.
    """
    return float(_lowest_pixel_ps(reference, [current])[0])


def _lowest_pixel_ps(reference: np.ndarray, samples: Sequence[np.ndarray]) -> np.ndarray:
    """Test several samples against one reference, which is counted once."""
    a, parts = np.asarray(reference, dtype=float), [np.asarray(sample, dtype=float) for sample in samples]
    for part in parts:
        _require_values(a, part)
    levels = np.unique(np.concatenate([a, *parts]))
    expected = np.array([(a <= level).sum(axis=0) for level in levels])
    p_values = np.empty(len(parts))
    for place, part in enumerate(parts):
        seen = np.array([(part <= level).sum(axis=0) for level in levels])
        p_values[place] = _p_value(int(np.abs(expected * len(part) - seen * len(a)).max()), len(a), len(part))
    return p_values


def _require_values(reference: np.ndarray, current: np.ndarray) -> None:
    if not len(reference) or not len(current):
        raise ValueError(
            f"A drift test compares two samples: got {len(reference)} reference and {len(current)} current values. "
            "Wait for parcels, or choose a longer window."
        )


def _require_parcels(reference: Reference, weeks: Sequence[Observed]) -> None:
    for week in weeks:
        _require_values(reference.score, week.score)


def psi(reference: np.ndarray, current: np.ndarray, bins: int = 10) -> float:
    """Return the population stability index of a sample against a reference.

    Parameters
    ----------
    reference, current : numpy.ndarray of shape (n,) and (m,)
        The samples; neither empty.
    bins : int
        Bins that each hold the same share of the reference; at least 2.

    Returns
    -------
    float
        0 if the shares agree, larger the more they differ. An empty bin counts as a share of 0.0001.

    Raises
    ------
    ValueError
        If a sample is empty or there are fewer than 2 bins.

    Notes
    -----
    The usual rule reads "above 0.2: the population has changed"; see Siddiqi, N. (2006), "Credit Risk Scorecards". The
    index grows as samples shrink, which the rule does not know.
    """
    _require_values(reference, current)
    if bins < 2:
        raise ValueError(f"An index over shares needs 2 bins or more; got bins={bins}.")
    inner = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1]))
    edges = np.concatenate([[-np.inf], inner, [np.inf]])
    expected = np.maximum(np.histogram(reference, edges)[0] / len(reference), SMALLEST_SHARE)
    seen = np.maximum(np.histogram(current, edges)[0] / len(current), SMALLEST_SHARE)
    return float(np.sum((seen - expected) * np.log(seen / expected)))


def confidence(score: np.ndarray) -> np.ndarray:
    """Return how sure the model says it is of the chute it picks, 0.5 to 1."""
    return np.maximum(score, 1 - np.asarray(score))


def brightness(X: np.ndarray) -> np.ndarray:
    """Return the mean grey level of each image, 0 to 16."""
    return np.asarray(X, dtype=float).mean(axis=1)


def adwin_alarms(start: np.ndarray, stream: np.ndarray, delta: float = ADWIN_DELTA) -> np.ndarray:
    """Watch a stream value by value, and note where its mean has changed.

    Parameters
    ----------
    start : numpy.ndarray of shape (n,)
        What the detector has seen before.
    stream : numpy.ndarray of shape (m,)
        What comes.
    delta : float
        The detector's bound on false alarms, above 0, below 1.

    Returns
    -------
    numpy.ndarray of bool, shape (m,)
        Whether the detector raised an alarm at each value.

    Notes
    -----
    ADWIN: Bifet, A. and Gavalda, R. (2007), "Learning from time-changing data with adaptive windowing", doi
    10.1137/1.9781611972771.42; the implementation is river's.
    """
    from river.drift import ADWIN

    detector = ADWIN(delta=delta)
    for value in start:
        detector.update(float(value))
    found = np.zeros(len(stream), dtype=bool)
    for place, value in enumerate(stream):
        detector.update(float(value))
        found[place] = detector.drift_detected
    return found


Values = Callable[[Reference, Sequence[Observed]], np.ndarray]


@dataclass(frozen=True)
class Monitor:
    """One number a week, and the threshold that makes it an alarm.

    Parameters
    ----------
    name : str
        Its name in tables.
    looks_at : {"input", "scores", "labels"}
        What it needs; only labels come late.
    measures : str
        What the number is.
    values : callable
        Takes a `Reference` and the weeks since, returns one number a week; not a number where it cannot say anything.
    threshold : float
        Where the alarm begins.
    when_above : bool
        True if large numbers raise the alarm, False if small ones do.
    """

    name: str
    looks_at: str
    measures: str
    values: Values = field(repr=False)
    threshold: float
    when_above: bool = False

    def alarms(self, reference: Reference, weeks: Sequence[Observed]) -> np.ndarray:
        """Return for each week whether the alarm rings.

        Parameters
        ----------
        reference : Reference
            What the champion met when it was judged.
        weeks : sequence of Observed
            The weeks since.

        Returns
        -------
        numpy.ndarray of bool, shape (n_weeks,)
            Whether it rings.

        Raises
        ------
        ValueError
            If the reference or a week holds no parcels.
        """
        _require_parcels(reference, weeks)
        return self.rings(self.values(reference, weeks))

    def rings(self, values: np.ndarray) -> np.ndarray:
        """Return for each value whether it raises the alarm; what is not a number raises none."""
        values = np.asarray(values, dtype=float)
        return values >= self.threshold if self.when_above else values < self.threshold


def each_week(measure: Callable[[Reference, Observed], float]) -> Values:
    """Turn a measure of one week into one of a sequence of weeks, each on its own."""
    return lambda reference, weeks: np.array([measure(reference, week) for week in weeks], dtype=float)


def accuracy_high(right: np.ndarray) -> float:
    """Return the upper end of the accuracy's 95 % interval, or not a number if there are no labels."""
    return interval(int(np.sum(right)), len(right))[1] if len(right) else float("nan")


def _adwin_by_week(of: Callable[[np.ndarray], np.ndarray]) -> Values:
    def count(reference: Reference, weeks: Sequence[Observed]) -> np.ndarray:
        found = adwin_alarms(of(reference.score), np.concatenate([of(week.score) for week in weeks]))
        ends = np.cumsum([len(week.score) for week in weeks])[:-1]
        return np.array([part.sum() for part in np.split(found, ends)], dtype=float)

    return count


def _share_labelled(_: Reference, week: Observed) -> float:
    return len(week.right) / len(week.score)


def _brightness_p(reference: Reference, weeks: Sequence[Observed]) -> np.ndarray:
    return _ks_p_values(brightness(reference.X), [brightness(week.X) for week in weeks])


def _score_p(reference: Reference, weeks: Sequence[Observed]) -> np.ndarray:
    return _ks_p_values(reference.score, [week.score for week in weeks])


def _confidence_p(reference: Reference, weeks: Sequence[Observed]) -> np.ndarray:
    return _ks_p_values(confidence(reference.score), [confidence(week.score) for week in weeks])


def _pixel_p(reference: Reference, weeks: Sequence[Observed]) -> np.ndarray:
    return _lowest_pixel_ps(reference.X, [week.X for week in weeks])


BRIGHTNESS = Monitor("brightness, KS", "input", "p-value", _brightness_p, LEVEL)


PIXELS = Monitor("64 pixels, each at 0.05", "input", "lowest p-value", _pixel_p, 0.05)


PIXELS_CORRECTED = Monitor("64 pixels, Bonferroni", "input", "lowest p-value", _pixel_p, LEVEL / PIXELS_COUNT)


BRIGHTNESS_PSI = Monitor(
    "brightness, PSI", "input", "index", each_week(lambda r, w: psi(brightness(r.X), brightness(w.X))), PSI_RULE, True
)


SCORES = Monitor("scores, KS", "scores", "p-value", _score_p, LEVEL)


CONFIDENCE = Monitor("confidence, KS", "scores", "p-value", _confidence_p, LEVEL)


SCORES_ADWIN = Monitor("scores, ADWIN", "scores", "detections", _adwin_by_week(lambda score: score), 1, True)


CONFIDENCE_ADWIN = Monitor("confidence, ADWIN", "scores", "detections", _adwin_by_week(confidence), 1, True)


LABELS = Monitor("clicks arrive", "labels", "share labelled", each_week(_share_labelled), 0.5)


ACCURACY = Monitor("accuracy on clicks", "labels", "upper end", each_week(lambda r, w: accuracy_high(w.right)), GATE)


MONITORS: tuple[Monitor, ...] = (
    BRIGHTNESS,
    PIXELS,
    PIXELS_CORRECTED,
    BRIGHTNESS_PSI,
    SCORES,
    CONFIDENCE,
    SCORES_ADWIN,
    CONFIDENCE_ADWIN,
    LABELS,
    ACCURACY,
)
"""The course's monitors: four of the input, four of the scores, two of the labels."""


KEPT: tuple[Monitor, ...] = (PIXELS_CORRECTED, SCORES, LABELS, ACCURACY)
"""What the loop listens to: in the rehearsal each is silent in nearly all clean weeks. The last one's alarm
is an alert, the others' are warnings."""


def watch(reference: Reference, weeks: Sequence[Observed], monitors: Sequence[Monitor] = MONITORS) -> pd.DataFrame:
    """Ask every monitor about every week.

    Parameters
    ----------
    reference : Reference
        What the champion met when it was judged.
    weeks : sequence of Observed
        The weeks since, in order; at least one.
    monitors : sequence of Monitor
        Which ones.

    Returns
    -------
    pandas.DataFrame
        One row a week and monitor, by week: `week`, `monitor`, `looks_at`, `value`, `threshold`, `alarm`.

    Raises
    ------
    ValueError
        If there is no week, or the reference or a week holds no parcels.
    """
    if not weeks:
        raise ValueError("Give the monitors one week or more to look at; got none.")
    _require_parcels(reference, weeks)
    rows = []
    for monitor in monitors:
        values = monitor.values(reference, weeks)
        for week, value, alarm in zip(weeks, values, monitor.rings(values), strict=True):
            rows.append((week.week, monitor.name, monitor.looks_at, value, monitor.threshold, bool(alarm)))
    columns = ["week", "monitor", "looks_at", "value", "threshold", "alarm"]
    return pd.DataFrame(rows, columns=columns).sort_values("week", kind="stable", ignore_index=True)


def alarm_table(readings: pd.DataFrame) -> pd.DataFrame:
    """Bring the readings of `watch` to one row a monitor and one column a week, with "ALARM" where it rings."""
    words = readings.assign(says=np.where(readings["alarm"], "ALARM", "-"))
    table = words.pivot(index="monitor", columns="week", values="says")
    table = table.loc[readings["monitor"].drop_duplicates()]
    return table.rename(columns=lambda week: f"week {week}").rename_axis(columns=None)
