"""The same search for retraining settings on one process and on a cluster of worker processes.

scikit-learn hands work on through joblib, and joblib lets others do it: here Dask's scheduler with two workers on this
machine, which could as well stand elsewhere. Dask is an optional extra of the course (``mlops-lesson[cluster]``).
"""

import importlib.util
import time
from collections.abc import Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlops_lesson.training.network import TrainingSettings, fit_on

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_INSTALLED = (
    "Dask is not installed, so the search on a cluster is left out. To try it, install the course with its extra "
    "`cluster` and restart the kernel."
)


GRID: tuple[TrainingSettings, ...] = tuple(
    replace(TrainingSettings(), learning_rate=rate, hidden_units=units, momentum=0.9)
    for rate, units in product((0.02, 0.05, 0.1), (16, 32))
)
"""Six settings: three learning rates by two sizes of the hidden layer."""


@dataclass(frozen=True)
class Search:
    """What a search found and what it cost.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a setting: `learning_rate`, `hidden_units`, `loss` and `accuracy` on the validation images.
    start_seconds : float
        Time until the workers were there.
    seconds : float
        Time of the search itself.
    """

    table: pd.DataFrame
    start_seconds: float
    seconds: float


def is_installed() -> bool:
    """Say whether Dask's distributed scheduler can be used."""
    return importlib.util.find_spec("distributed") is not None


def _score(settings: TrainingSettings, data: Sequence[np.ndarray]) -> dict[str, Any]:
    _, trace = fit_on(*data, settings)
    last = trace.epochs[-1]
    return {
        "learning_rate": settings.learning_rate,
        "hidden_units": settings.hidden_units,
        "loss": last.loss,
        "accuracy": last.accuracy,
    }


@contextmanager
def _workers(n_workers: int) -> "Iterator[None]":
    """Start worker processes on the loopback address, let joblib use them, and stop them at the end."""
    from distributed import Client, LocalCluster
    from joblib import parallel_config

    with ExitStack() as stack:
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                silence_logs=50,
            )
        )
        stack.enter_context(Client(cluster))
        stack.enter_context(parallel_config(backend="dask"))
        yield


def search(
    data: Sequence[np.ndarray], grid: Sequence[TrainingSettings] = GRID, *, n_workers: int | None = None
) -> Search:
    """Train with each setting and see how it does on validation images.

    Parameters
    ----------
    data : sequence of four numpy.ndarray
        Training images (n, 64) and labels (n,), validation images (m, 64) and labels (m,).
    grid : sequence of TrainingSettings
        The settings to try, at least one.
    n_workers : int, optional
        Worker processes of a cluster on this machine; without it, everything runs in this process.

    Returns
    -------
    Search
        The figures in the order of `grid`, which do not depend on where they were computed.

    Raises
    ------
    ValueError
        If there is nothing to try or no worker to do it.
    ModuleNotFoundError
        If workers are asked for and Dask is not installed.
    """
    from joblib import Parallel, delayed

    if not grid or (n_workers is not None and n_workers < 1):
        raise ValueError(f"A search needs settings and workers: got {len(grid)} settings, n_workers={n_workers}.")
    if n_workers is not None and not is_installed():
        raise ModuleNotFoundError(NOT_INSTALLED)
    begun = time.perf_counter()
    with _workers(n_workers) if n_workers else ExitStack():
        ready = time.perf_counter()
        rows = Parallel(n_jobs=n_workers or 1)(delayed(_score)(settings, data) for settings in grid)
        done = time.perf_counter()
    return Search(pd.DataFrame(rows), ready - begun, done - ready)


def compare(data: Sequence[np.ndarray], n_workers: int = 2) -> str:
    """Run the search in this process and on a cluster, and say what each cost.

    Parameters
    ----------
    data : sequence of four numpy.ndarray
        As for `search`.
    n_workers : int
        Worker processes, at least 1.

    Returns
    -------
    str
        A few lines to print; one sentence if Dask is not installed.
    """
    if not is_installed():
        return NOT_INSTALLED
    here, there = search(data), search(data, n_workers=n_workers)
    best = here.table.loc[here.table["loss"].idxmin()]
    return "\n".join(
        [
            f"{len(here.table)} settings, best: learning rate {best['learning_rate']:g}, "
            f"{best['hidden_units']:g} hidden units, loss {best['loss']:.3f}",
            f"the cluster found the same figures: {bool(np.allclose(here.table, there.table))}",
            f"in this process: {here.seconds:.1f} s",
            f"on {n_workers} workers: {there.seconds:.1f} s, and {there.start_seconds:.1f} s until they were there",
        ]
    )
