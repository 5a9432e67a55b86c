"""How fast a service answers, and whether it goes on answering while something changes."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from mlops_lesson.deployment.serving import Server
    from mlops_lesson.show.figures import ShownFigure

LONGEST_WAIT_SECONDS = 60.0
TRAFFIC_PAUSE_SECONDS = 0.005
HISTOGRAM_BINS = 40


@dataclass(frozen=True)
class LoadRun:
    """What one run measured: the latency of each answered request, and how many got no answer or a refusal."""

    name: str
    milliseconds: np.ndarray
    failed: int
    seconds: float

    def percentile(self, q: float) -> float:
        """Return the milliseconds within which q percent of the answered requests are answered; NaN without any."""
        return float(np.percentile(self.milliseconds, q)) if len(self.milliseconds) else float("nan")


def bare_latency(model: Any, images: np.ndarray, requests: int = 200) -> LoadRun:
    """Time predictions in this process, one image at a time, without a service.

    Parameters
    ----------
    model : fitted scikit-learn classifier
        Takes X of shape (n, 64).
    images : numpy.ndarray, shape (n, 64)
        Grey levels, 0 to 16; used in turn.
    requests : int
        How many predictions.

    Returns
    -------
    LoadRun
        What was measured.
    """
    rows = [image.reshape(1, -1) for image in images]
    return _run("bare prediction", 1, rows, requests, lambda row: len(model.predict_proba(row)) == 1)


def measure_latency(server: "Server", images: np.ndarray, clients: int = 1, requests: int = 200) -> LoadRun:
    """Time requests to a running service, from one or several clients at once.

    The clients are threads of this process, so that with many of them the measured time holds their own waiting too.

    Parameters
    ----------
    server : mlops_lesson.deployment.serving.Server
        A running service.
    images : numpy.ndarray, shape (n, 64)
        Grey levels, 0 to 16; used in turn.
    clients : int
        Clients that ask at the same time, at least 1.
    requests : int
        How many requests all clients send together.

    Returns
    -------
    LoadRun
        One latency per answered request.
    """
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        bodies = [{"pixels": image.tolist()} for image in images]
        name = "1 client" if clients == 1 else f"{clients} clients"
        return _run(name, clients, bodies, requests, lambda body: client.post("/predict", json=body).is_success)


def _run(name: str, clients: int, given: Sequence[Any], requests: int, call: Callable[[Any], bool]) -> LoadRun:
    def timed(one: Any) -> float | None:
        begun = time.perf_counter()
        try:
            answered = call(one)
        except httpx.HTTPError:
            answered = False
        return (time.perf_counter() - begun) * 1000 if answered else None

    with ThreadPoolExecutor(clients) as pool:
        # The first calls open the connections; they are made before the clock starts.
        list(pool.map(timed, [given[0]] * clients))
        begun = time.perf_counter()
        taken = list(pool.map(timed, itertools.islice(itertools.cycle(given), requests)))
        seconds = time.perf_counter() - begun
    answered = [milliseconds for milliseconds in taken if milliseconds is not None]
    return LoadRun(name, np.array(answered), len(taken) - len(answered), seconds)


def latency_table(runs: Sequence[LoadRun]) -> "pd.DataFrame":
    """Put load runs side by side.

    Parameters
    ----------
    runs : sequence of LoadRun
        What was measured.

    Returns
    -------
    pandas.DataFrame
        One row a run.
    """
    import pandas as pd

    return pd.DataFrame(
        {
            "run": run.name,
            "answered": len(run.milliseconds),
            "failed": run.failed,
            "p50, ms": run.percentile(50),
            "p99, ms": run.percentile(99),
            "answers per second": len(run.milliseconds) / run.seconds,
        }
        for run in runs
    )


def plot_latencies(runs: Sequence[LoadRun]) -> "ShownFigure":
    """Draw how long the requests of each run took, as histograms over one logarithmic axis.

    Parameters
    ----------
    runs : sequence of LoadRun
        One to four runs, each with an answered request or more.

    Returns
    -------
    ShownFigure
        Ready to be displayed, with alternative text.
    """
    from mlops_lesson.show.figures import LINE_STYLES, PALETTE, drawing

    every = np.concatenate([run.milliseconds for run in runs])
    edges = np.geomspace(every.min(), every.max() * 1.001, HISTOGRAM_BINS + 1)
    title = "Half of the requests took at most " + ", ".join(
        f"{run.percentile(50):.2g} ms ({run.name})" for run in runs
    )
    with drawing(title, 8.0, 3.2) as d:
        axis = d.axis
        for run, colour, style in zip(runs, PALETTE, LINE_STYLES, strict=False):
            shares = np.histogram(run.milliseconds, edges)[0] / len(run.milliseconds)
            axis.stairs(shares, edges, color=colour, linestyle=style, linewidth=1.6, label=run.name)
        axis.set(xscale="log", xlabel="milliseconds, logarithmic", ylabel="share of the requests", ylim=(0, None))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        d.alt = f"Histograms of latencies over a logarithmic axis from {every.min():.2g} to {every.max():.2g} ms. "
        d.alt += " ".join(
            f"{run.name}: p50 {run.percentile(50):.2g} ms, p99 {run.percentile(99):.2g} ms." for run in runs
        )
    return d.shown


@dataclass
class Traffic:
    """Requests that flow while something else happens: how many got status 200, how many did not, who answered."""

    answered: int = 0
    failed: int = 0
    versions: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def wait_for(self, requests: int) -> None:
        """Return when so many more requests are over; raises `TimeoutError` if that takes more than a minute."""
        goal = self.answered + self.failed + requests
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while self.answered + self.failed < goal:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Fewer than {requests} requests were over in {LONGEST_WAIT_SECONDS:.0f} seconds.")
            time.sleep(TRAFFIC_PAUSE_SECONDS)

    def _count(self, version: int | None) -> None:
        with self._lock:
            if version is None:
                self.failed += 1
            else:
                self.answered += 1
                self.versions.add(version)


@contextmanager
def traffic(server: "Server", images: np.ndarray, clients: int = 2) -> Iterator[Traffic]:
    """Send requests without a break during a ``with`` block, and count those that fail.

    Parameters
    ----------
    server : mlops_lesson.deployment.serving.Server
        A running service.
    images : numpy.ndarray, shape (n, 64)
        Grey levels, 0 to 16; used in turn, each with its own parcel id.
    clients : int
        Clients that ask at the same time, at least 1.

    Yields
    ------
    Traffic
        The counts, final after the block.
    """
    counts, over = Traffic(), threading.Event()
    bodies = [{"pixels": image.tolist(), "parcel_id": f"load-{n}"} for n, image in enumerate(images)]

    def ask() -> None:
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            for body in itertools.cycle(bodies):
                if over.is_set():
                    return
                try:
                    version = client.post("/predict", json=body).raise_for_status().json()["version"]
                except httpx.HTTPError:
                    version = None
                counts._count(version)
                over.wait(TRAFFIC_PAUSE_SECONDS)

    with ThreadPoolExecutor(clients) as pool:
        for _ in range(clients):
            pool.submit(ask)
        try:
            yield counts
        finally:
            over.set()
