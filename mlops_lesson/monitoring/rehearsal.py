"""Deal made-up histories, with and without faults, and measure false alarms and delay."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlops_lesson.collection import depot
from mlops_lesson.monitoring.monitors import MONITORS, Monitor, Observed, Reference
from mlops_lesson.validation.behaviour import dim, shift

if TYPE_CHECKING:
    from mlops_lesson.collection.dataset import CleanDataset

DIM_WEEK, BUMP_WEEK = 3, 5


STATES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"healthy": np.asarray, "dimmed": dim, "bumped": shift}


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
