"""Shuffle parcels into invented weeks, with and without faults, and measure false alarms and delay."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.monitoring.monitors import MONITORS, Observed
from mlops_lesson.validation.behaviour import dim, shift
from mlops_lesson.validation.measures import interval

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
    delay : numpy.ndarray of timedelta64, shape (n,)
        From the parcel to its click; not a time without one.
    n_reference : int
        How many of them the gate judged by.
    time_left : tuple of numpy.ndarray of timedelta64
        For each live week, from each of its parcels to the end of the week.
    """

    X: np.ndarray
    label: np.ndarray
    delay: np.ndarray
    n_reference: int
    time_left: tuple[np.ndarray, ...]


def undisturbed_pool(clean: CleanDataset) -> Pool:
    """Put the gate's test images and the control stream together, the test images first."""
    test = clean.table[clean.table["split"] == "test"]
    weeks = [depot.read_live_week(week, control=True) for week in range(1, depot.LIVE_WEEKS + 1)]
    parcels = pd.concat([test, *(week.parcels for week in weeks)])
    clicks = pd.concat([depot.read_clicks(), depot.read_live_clicks()]).sort_values("clicked_at", kind="stable")
    last = clicks.drop_duplicates("parcel_id", keep="last").set_index("parcel_id").reindex(parcels["id"])
    return Pool(
        X=np.concatenate([clean.part("test")[0], *(week.X for week in weeks)]),
        label=last["chute"].str.strip().str.upper().map({"A": 0.0, "B": 1.0}).to_numpy(dtype=float),
        delay=last["clicked_at"].to_numpy() - parcels["seen_at"].to_numpy(),
        n_reference=len(test),
        time_left=tuple((week.end - week.parcels["seen_at"]).to_numpy() for week in weeks),
    )


def histories(
    model: Any, pool: Pool, time_left: Sequence[np.ndarray], states: Sequence[str], repeats: int, seed: int = 0
) -> Iterator[tuple[Observed, list[Observed]]]:
    """Shuffle a pool's parcels into invented histories: a healthy reference, and a week for each of `states`.

    A week has as many parcels as its part of `time_left` has times from a parcel to the end of the week.
    """
    X = {state: STATES[state](pool.X) for state in {"healthy", *states}}
    score = {state: model.predict_proba(images)[:, 1] for state, images in X.items()}
    ends, rng = np.cumsum([pool.n_reference, *map(len, time_left)]), np.random.default_rng(seed)
    for _ in range(repeats):
        first, *parts = np.split(rng.permutation(len(pool.X)), ends)[:-1]
        weeks = []
        for week, (rows, left, state) in enumerate(zip(parts, time_left, states, strict=True), start=1):
            label = np.where(pool.delay[rows] < left, pool.label[rows], np.nan)
            weeks.append(Observed(week, X[state][rows], score[state][rows], label))
        yield Observed(0, X["healthy"][first], score["healthy"][first], pool.label[first]), weeks


def rehearse(model: Any, pool: Pool, *, bump: str = "moved right", repeats: int = 50) -> pd.DataFrame:
    """Let all monitors watch many invented histories, and return for each and each week whether it rings.

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

    Returns
    -------
    pandas.DataFrame of bool
        Indexed by "quiet" or "disturbed", the monitor's name and the history's number; a column per week.
    """
    weeks = range(1, len(pool.time_left) + 1)
    quiet, rang = ["healthy" for _ in weeks], {}
    disturbed = ["dimmed" if week == DIM_WEEK else bump if week >= BUMP_WEEK else "healthy" for week in weeks]
    for kind, states in (("quiet", quiet), ("disturbed", disturbed)):
        for repeat, (reference, history) in enumerate(histories(model, pool, pool.time_left, states, repeats)):
            for monitor in MONITORS:
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
    return f"{alarms.mean():.2f} ({low:.2f}\u00a0to\u00a0{high:.2f})"
