"""Shuffle parcels into invented weeks, with and without faults, and measure false alarms and delay."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlops_lesson.collection import depot
from mlops_lesson.monitoring.monitors import MONITORS, Monitor, Observed, Reference
from mlops_lesson.validation.behaviour import dim, shift
from mlops_lesson.validation.measures import interval

if TYPE_CHECKING:
    from mlops_lesson.collection.dataset import CleanDataset

DIM_WEEK, BUMP_WEEK = 3, 5
STATES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "healthy": np.asarray,
    "dimmed": dim,
    "moved right": lambda X: shift(X, 1),
    "moved up": lambda X: shift(X, 0, -1),
}


@dataclass(frozen=True)
class Pool:
    """Undisturbed parcels: the gate's test images and the control stream.

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


def undisturbed_pool(clean: "CleanDataset") -> Pool:
    """Put the gate's test images and the control stream together, the test images first.

    Parameters
    ----------
    clean : CleanDataset
        The history; its test part is used.

    Returns
    -------
    Pool
        All of them.
    """
    test = clean.table[clean.table["split"] == "test"]
    weeks = [depot.read_live_week(week, control=True) for week in range(1, depot.LIVE_WEEKS + 1)]
    parcels = pd.concat([test, *(week.parcels for week in weeks)])
    clicks = pd.concat([depot.read_clicks(), depot.read_live_clicks()]).sort_values("clicked_at", kind="stable")
    last = clicks.drop_duplicates("parcel_id", keep="last").set_index("parcel_id").reindex(parcels["id"])
    return Pool(
        X=np.concatenate([clean.part("test")[0], *(week.X for week in weeks)]),
        label=last["chute"].str.strip().str.upper().map({"A": 0.0, "B": 1.0}).to_numpy(dtype=float),
        hours=_hours(parcels["seen_at"], last["clicked_at"].to_numpy()),
        n_reference=len(test),
        hours_left=tuple(_hours(week.parcels["seen_at"], week.end) for week in weeks),
    )


def _hours(since: pd.Series, until: Any) -> np.ndarray:
    return ((until - since) / pd.Timedelta(hours=1)).to_numpy(dtype=float)


class Shuffler:
    """Shuffles the parcels of a pool into invented histories, each seen by healthy or disturbed cameras.

    Parameters
    ----------
    model : object
        The champion; takes grey levels 0 to 16, shape (n, 64).
    pool : Pool
        Undisturbed parcels.
    """

    def __init__(self, model: Any, pool: Pool) -> None:
        self.pool = pool
        self._X = {state: change(pool.X) for state, change in STATES.items()}
        self._score = {state: model.predict_proba(X)[:, 1] for state, X in self._X.items()}

    def history(
        self, order: np.ndarray, hours_left: Sequence[np.ndarray], states: Sequence[str]
    ) -> tuple[Reference, list[Observed]]:
        """Make one history: a healthy reference, and a week for each of `states`.

        Parameters
        ----------
        order : numpy.ndarray of int
            The pool's parcels in the order in which they are used, the reference first.
        hours_left : sequence of numpy.ndarray
            For each week, the hours from each of its parcels to its end.
        states : sequence of str
            How the cameras are in each week, a name of `STATES`.

        Returns
        -------
        tuple of Reference and list of Observed
            The history.
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
    """What the monitors did in many invented histories; made by `rehearse`.

    Parameters
    ----------
    quiet, disturbed : dict of str to numpy.ndarray of bool, shape (repeats, 8)
        For each monitor the alarms in histories in which nothing happens, and in those with dimming and bump.
    """

    quiet: dict[str, np.ndarray] = field(repr=False)
    disturbed: dict[str, np.ndarray] = field(repr=False)

    def table(self) -> pd.DataFrame:
        """Return one row per monitor, shares with their 95 % interval.

        Returns
        -------
        pandas.DataFrame
            Indexed by `monitor`: `quiet weeks` (share with a false alarm), `dimmed weeks` (share with an alarm),
            `bump: first week` (share of histories with an alarm in the first moved week) and `bump: four weeks` (share
            with an alarm in any of the moved weeks).
        """
        rows = {}
        for name, quiet in self.quiet.items():
            moved = self.disturbed[name][:, BUMP_WEEK - 1 :]
            rows[name] = {
                "quiet weeks": _share(quiet.ravel()),
                "dimmed weeks": _share(self.disturbed[name][:, DIM_WEEK - 1]),
                "bump: first week": _share(moved[:, 0]),
                "bump: four weeks": _share(moved.any(axis=1)),
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("monitor")


def _share(rings: np.ndarray) -> str:
    low, high = interval(rings.sum(), len(rings))
    return f"{rings.mean():.2f} ({low:.2f} to {high:.2f})"


def rehearse(
    model: Any,
    pool: Pool,
    *,
    bump: str = "moved right",
    repeats: int = 50,
    seed: int = 0,
    monitors: Sequence[Monitor] = MONITORS,
) -> Rehearsal:
    """Measure false alarms and delay of monitors in many invented histories.

    The pool's parcels are shuffled into a reference and eight weeks: once with healthy cameras, in which every alarm is
    false, and once with the dimming in week 3 and the cameras moved from week 5 on.

    Parameters
    ----------
    model : object
        The champion.
    pool : Pool
        Undisturbed parcels.
    bump : str
        How the cameras are moved, a name of `STATES`.
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
    shuffler, rng = Shuffler(model, pool), np.random.default_rng(seed)
    weeks = range(1, len(pool.hours_left) + 1)
    healthy = ["healthy" for _ in weeks]
    faulty = ["dimmed" if week == DIM_WEEK else bump if week >= BUMP_WEEK else "healthy" for week in weeks]
    rang = np.zeros((2, len(monitors), repeats, len(weeks)), dtype=bool)
    for repeat in range(repeats):
        order = rng.permutation(len(pool.X))
        for kind, states in enumerate((healthy, faulty)):
            reference, history = shuffler.history(order, pool.hours_left, states)
            for place, monitor in enumerate(monitors):
                rang[kind, place, repeat] = monitor.rings(np.array(monitor.values(reference, history)))
    names = [monitor.name for monitor in monitors]
    return Rehearsal(*(dict(zip(names, kind, strict=True)) for kind in rang))
