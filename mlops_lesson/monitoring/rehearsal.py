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
    """Put the gate's test images and the control stream together, the test images first."""
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
    """Shuffles the parcels of a pool into invented histories, each seen by healthy or disturbed cameras."""

    def __init__(self, model: Any, pool: Pool) -> None:
        self.pool = pool
        self._X = {state: change(pool.X) for state, change in STATES.items()}
        self._score = {state: model.predict_proba(X)[:, 1] for state, X in self._X.items()}

    def history(
        self, order: np.ndarray, hours_left: Sequence[np.ndarray], states: Sequence[str]
    ) -> tuple[Reference, list[Observed]]:
        """Make a healthy reference, and a week for each of `states`, from the pool's parcels in the given order.

        A week has as many parcels as `hours_left` has hours from a parcel to the end of the week.
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


def rehearse(
    model: Any,
    pool: Pool,
    *,
    bump: str = "moved right",
    repeats: int = 50,
    seed: int = 0,
    monitors: Sequence[Monitor] = MONITORS,
) -> pd.DataFrame:
    """Let monitors watch many invented histories, and return for each and each week whether it rings.

    The pool's parcels are shuffled into a reference and eight weeks: once with healthy cameras, in which every alarm is
    false ("quiet"), and once with the dimming in week 3 and the cameras moved from week 5 on ("disturbed").

    Parameters
    ----------
    model : object
        The champion.
    pool : Pool
        Undisturbed parcels.
    bump : str
        How the cameras are moved, a name of `STATES`.
    repeats : int
        Histories of each kind.
    seed : int
        Start of the random numbers.
    monitors : sequence of Monitor
        Which ones.

    Returns
    -------
    pandas.DataFrame of bool
        Indexed by "quiet" or "disturbed", the monitor's name and the history's number; a column per week.
    """
    shuffler, rng = Shuffler(model, pool), np.random.default_rng(seed)
    weeks = range(1, len(pool.hours_left) + 1)
    kinds = {
        "quiet": ["healthy" for _ in weeks],
        "disturbed": ["dimmed" if week == DIM_WEEK else bump if week >= BUMP_WEEK else "healthy" for week in weeks],
    }
    rang = {}
    for repeat in range(repeats):
        order = rng.permutation(len(pool.X))
        for kind, states in kinds.items():
            reference, history = shuffler.history(order, pool.hours_left, states)
            for monitor in monitors:
                rang[kind, monitor.name, repeat] = monitor.rings(np.array(monitor.values(reference, history)))
    return pd.DataFrame(rang, index=weeks).T


def share_table(rang: pd.DataFrame) -> pd.DataFrame:
    """Bring what `rehearse` returns to one row per monitor, shares with their 95 % interval.

    `quiet weeks` and `dimmed weeks` are shares of weeks with an alarm, `bump: first week` and `bump: four weeks` shares
    of histories with an alarm in the first, or in any, of the moved weeks.
    """
    quiet, disturbed = rang.loc["quiet"], rang.loc["disturbed"]
    columns = {
        "quiet weeks": quiet.stack(),
        "dimmed weeks": disturbed[DIM_WEEK],
        "bump: first week": disturbed[BUMP_WEEK],
        "bump: four weeks": disturbed.loc[:, BUMP_WEEK:].any(axis=1),
    }
    shares = {name: alarms.groupby(level=0, sort=False).agg(_share) for name, alarms in columns.items()}
    return pd.DataFrame(shares).rename_axis("monitor")


def _share(alarms: pd.Series) -> str:
    low, high = interval(alarms.sum(), len(alarms))
    return f"{alarms.mean():.2f} ({low:.2f} to {high:.2f})"
