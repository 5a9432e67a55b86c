"""Monitors: what can be watched after deployment, how often each cries wolf, and how late it notices.

A monitor compares a week of live parcels with a reference, the images on which the gate judged the champion, and gives
one number a week; a threshold turns the number into an alarm. Three things can be looked at: the input, the model's own
scores, and the accuracy, once labels have come. `rehearse` deals parcels that are alike into many made-up
histories, with and without faults, and so measures false alarms and delay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import kstwo

from mlops_lesson import depot
from mlops_lesson.evaluation import GATE, dim, interval, shift

if TYPE_CHECKING:
    from mlops_lesson.datasets import CleanDataset

LEVEL = 0.01
"""Chance of a false alarm a week that the tests are set to."""

PSI_RULE = 0.2
ADWIN_DELTA = 0.05
SMALLEST_SHARE = 0.0001
PIXELS_COUNT = 64
DIM_WEEK, BUMP_WEEK = 3, 5


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


@dataclass(frozen=True)
class Pool:
    """Parcels that are alike: the gate's test images and the control stream, in which nothing happens.

    Parameters
    ----------
    X : numpy.ndarray of shape (n, 64)
        Grey levels 0 to 16, as a healthy camera records them.
    label : numpy.ndarray of shape (n,)
        0 or 1; not a number if nobody ever clicked.
    hours : numpy.ndarray of shape (n,)
        Hours from the parcel to its click; not a number without one.
    n_reference : int
        How many of them the gate judged by.
    hours_left : tuple of numpy.ndarray
        For each live week, the hours from each of its parcels to the end of the week.
    """

    X: np.ndarray = field(repr=False)
    label: np.ndarray = field(repr=False)
    hours: np.ndarray = field(repr=False)
    n_reference: int
    hours_left: tuple[np.ndarray, ...] = field(repr=False)


def _labels_and_hours(ids: pd.Series, seen_at: pd.Series, clicks: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    last = clicks.sort_values("clicked_at", kind="stable").drop_duplicates("parcel_id", keep="last")
    last = last.set_index("parcel_id").reindex(ids)
    label = last["chute"].str.strip().str.upper().map({"A": 0.0, "B": 1.0}).to_numpy(dtype=float)
    hours = (last["clicked_at"].to_numpy() - seen_at.to_numpy()) / np.timedelta64(1, "h")
    return label, hours.astype(float)


def clean_pool(clean: "CleanDataset") -> Pool:
    """Put the gate's test images and the control stream together.

    Parameters
    ----------
    clean : CleanDataset
        The history; its test part is used.

    Returns
    -------
    Pool
        All of them, the test images first.
    """
    test = clean.table[clean.table["split"] == "test"]
    weeks = [depot.read_live_week(week, control=True) for week in range(1, depot.LIVE_WEEKS + 1)]
    live = pd.concat([week.parcels for week in weeks])
    old_label, old_hours = _labels_and_hours(test["id"], test["seen_at"], depot.read_clicks())
    label, hours = _labels_and_hours(live["id"], live["seen_at"], depot.read_live_clicks())
    return Pool(
        X=np.concatenate([clean.part("test")[0], *(week.X for week in weeks)]),
        label=np.concatenate([old_label, label]),
        hours=np.concatenate([old_hours, hours]),
        n_reference=len(test),
        hours_left=tuple(
            ((week.end - week.parcels["seen_at"]) / pd.Timedelta(hours=1)).to_numpy(dtype=float) for week in weeks
        ),
    )


STATES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"healthy": np.asarray, "dimmed": dim, "bumped": shift}


class Dealer:
    """Deals the parcels of a pool into made-up histories, each seen by healthy, dimmed or bumped cameras.

    Parameters
    ----------
    model : object
        The champion; takes grey levels 0 to 16, shape (n, 64).
    pool : Pool
        Parcels that are alike.
    """

    def __init__(self, model: Any, pool: Pool) -> None:
        self.pool = pool
        self._X = {state: change(pool.X) for state, change in STATES.items()}
        self._score = {state: model.predict_proba(X)[:, 1] for state, X in self._X.items()}

    def deal(
        self, order: np.ndarray, hours_left: Sequence[np.ndarray], states: Sequence[str]
    ) -> tuple[Reference, list[Observed]]:
        """Deal one history.

        Parameters
        ----------
        order : numpy.ndarray of int
            The pool's parcels in the order in which they are dealt, the reference first.
        hours_left : sequence of numpy.ndarray
            For each week, the hours from each of its parcels to its end.
        states : sequence of {"healthy", "dimmed", "bumped"}
            How the cameras are in each week.

        Returns
        -------
        Reference
            Always healthy.
        list of Observed
            The weeks.
        """
        first = order[: self.pool.n_reference]
        weeks, place = [], self.pool.n_reference
        for number, (left, state) in enumerate(zip(hours_left, states, strict=True), start=1):
            rows = order[place : place + len(left)]
            place += len(left)
            score = self._score[state][rows]
            known = self.pool.hours[rows] < left
            right = ((score >= 0.5) == self.pool.label[rows])[known]
            weeks.append(Observed(number, self._X[state][rows], score, right))
        return Reference(self._X["healthy"][first], self._score["healthy"][first]), weeks


@dataclass(frozen=True)
class Rehearsal:
    """What the monitors did in many made-up histories; made by `rehearse`.

    Parameters
    ----------
    repeats : int
        Histories of each kind.
    control, live : dict of str to numpy.ndarray of bool, shape (repeats, 8)
        For each monitor the alarms in histories in which nothing happens, and in those with both faults.
    """

    repeats: int
    control: dict[str, np.ndarray] = field(repr=False)
    live: dict[str, np.ndarray] = field(repr=False)

    def table(self) -> pd.DataFrame:
        """Return one row a monitor.

        Returns
        -------
        pandas.DataFrame
            Indexed by `monitor`: `false alarms` (share of clean weeks), `any in 8 weeks` (share of clean histories
            with a false alarm), `dimming` (share of dimmed weeks with an alarm), `bump found` (share of histories with
            an alarm in the 4 weeks from the bump on) and `weeks to alarm` (median of the weeks from the bump to the end
            of the week of the alarm; missing if it is found in fewer than half).
        """
        rows = {}
        for name, clean in self.control.items():
            after = self.live[name][:, BUMP_WEEK - 1 :]
            found = after.any(axis=1)
            weeks = np.where(found, after.argmax(axis=1) + 1.0, np.inf)
            median = float(np.median(weeks))
            rows[name] = {
                "false alarms": clean.mean(),
                "any in 8 weeks": clean.any(axis=1).mean(),
                "dimming": self.live[name][:, DIM_WEEK - 1].mean(),
                "bump found": found.mean(),
                "weeks to alarm": median if np.isfinite(median) else float("nan"),
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("monitor")


def rehearse(
    model: Any, pool: Pool, repeats: int = 50, seed: int = 0, monitors: Sequence[Monitor] = MONITORS
) -> Rehearsal:
    """Measure false alarms and delay of monitors in many made-up histories.

    The pool's parcels are shuffled and dealt again as a reference and eight weeks: once with healthy cameras, in which
    every alarm is false, and once with the dimming in week 3 and the bump from week 5 on.

    Parameters
    ----------
    model : object
        The champion.
    pool : Pool
        Parcels that are alike.
    repeats : int
        Histories of each kind, at least 1.
    seed : int
        Start of the random numbers.
    monitors : sequence of Monitor
        Which ones.

    Returns
    -------
    Rehearsal
        All alarms.
    """
    dealer, rng = Dealer(model, pool), np.random.default_rng(seed)
    n_weeks = len(pool.hours_left)
    healthy = ["healthy"] * n_weeks
    faulty = ["dimmed" if w == DIM_WEEK else "bumped" if w >= BUMP_WEEK else "healthy" for w in range(1, n_weeks + 1)]
    control: dict[str, list[np.ndarray]] = {monitor.name: [] for monitor in monitors}
    live: dict[str, list[np.ndarray]] = {monitor.name: [] for monitor in monitors}
    for _ in range(repeats):
        order = rng.permutation(len(pool.X))
        for states, into in ((healthy, control), (faulty, live)):
            reference, weeks = dealer.deal(order, pool.hours_left, states)
            # Monitors that differ in their threshold alone share their numbers.
            values = {of: of(reference, weeks) for of in {monitor.values: None for monitor in monitors}}
            for monitor in monitors:
                into[monitor.name].append(monitor.rings(values[monitor.values]))
    return Rehearsal(repeats, *({name: np.array(alarms) for name, alarms in kind.items()} for kind in (control, live)))
