"""How fast a service answers, and whether it goes on answering while something changes."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.deployment.serving import Server, ServingError
from mlops_lesson.show.figures import LINE_STYLES, PALETTE, ShownFigure, drawing

TRAFFIC_PAUSE_SECONDS = 0.005
HISTOGRAM_BINS = 40


@dataclass(frozen=True)
class LoadRun:
    """What one run measured: the latency of each answered request, and how many were refused."""

    name: str
    milliseconds: np.ndarray
    failed: int
    seconds: float

    def percentile(self, q: float) -> float:
        """Return the milliseconds within which q percent of the answered requests are answered."""
        return float(np.percentile(self.milliseconds, q))


def bare_latency(model: Any, images: np.ndarray, requests: int = 200) -> LoadRun:
    """Time predictions of a fitted model in this process, one image after the other, without a service."""
    return _run("bare prediction", 1, images, requests, lambda image: len(model.predict_proba([image])) == 1)


def measure_latency(server: Server, images: np.ndarray, clients: int = 1, requests: int = 200) -> LoadRun:
    """Time requests to a running service, from one or several clients at once.

    The clients are threads of this process, so that with many of them the measured time holds their own waiting too.

    Parameters
    ----------
    server : mlops_lesson.deployment.serving.Server
        A running service.
    images : numpy.ndarray, shape (n, 64)
        Grey levels, 0 to 16; used in turn.
    clients, requests : int
        How many ask at the same time, and how many requests they send together.
    """
    bodies = [{"pixels": image.tolist()} for image in images]
    name = "1 client" if clients == 1 else f"{clients} clients"
    return _run(name, clients, bodies, requests, lambda body: server.client.post("/predict", json=body).is_success)


def _run(name: str, clients: int, given: Sequence[Any], requests: int, call: Callable[[Any], bool]) -> LoadRun:
    def timed(one: Any) -> float | None:
        begun = time.perf_counter()
        return (time.perf_counter() - begun) * 1000 if call(one) else None

    with ThreadPoolExecutor(clients) as pool:
        # The first calls open the connections; they are made before the clock starts.
        list(pool.map(timed, [given[0]] * clients))
        begun = time.perf_counter()
        taken = list(pool.map(timed, itertools.islice(itertools.cycle(given), requests)))
        seconds = time.perf_counter() - begun
    answered = [milliseconds for milliseconds in taken if milliseconds is not None]
    return LoadRun(name, np.array(answered), len(taken) - len(answered), seconds)


def latency_table(runs: Sequence[LoadRun]) -> pd.DataFrame:
    """Put load runs side by side, one row per run."""
    return pd.DataFrame(
        {
            "run": run.name,
            "answered": len(run.milliseconds),
            "failed": run.failed,
            "p50, ms": run.percentile(50),
            "p99, ms": run.percentile(99),
            "answers per second": round(len(run.milliseconds) / run.seconds),
        }
        for run in runs
    )


def plot_latencies(runs: Sequence[LoadRun]) -> ShownFigure:
    """Draw how long the requests of each of one to four runs took, as histograms over one logarithmic axis."""
    every = np.concatenate([run.milliseconds for run in runs])
    edges = np.geomspace(every.min(), every.max() * 1.001, HISTOGRAM_BINS + 1)
    title = "Half took at most " + ", ".join(f"{run.percentile(50):.2g} ms ({run.name})" for run in runs)
    with drawing(title, 8.0, 3.2) as d:
        axis = d.axis
        for run, colour, style in zip(runs, PALETTE, LINE_STYLES, strict=False):
            shares = np.histogram(run.milliseconds, edges)[0] / len(run.milliseconds)
            axis.stairs(shares, edges, color=colour, linestyle=style, linewidth=1.6, label=run.name)
        axis.set(xscale="log", xlabel="milliseconds, logarithmic", ylabel="share of the requests", ylim=(0, None))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        d.alt = f"Histograms of latencies over a logarithmic axis from {every.min():.2g} to {every.max():.2g} ms."
        for run in runs:
            d.alt += f" {run.name}: p50 {run.percentile(50):.2g} ms, p99 {run.percentile(99):.2g} ms."
    return d.shown


class Traffic:
    """Requests that flow while something else happens: for each that is over, the version that answered, or None."""

    def __init__(self) -> None:
        self.answers: list[int | None] = []

    @property
    def failed(self) -> int:
        """How many requests got no answer, or a refusal."""
        return self.answers.count(None)

    @property
    def versions(self) -> set[int]:
        """The versions that answered."""
        return {*self.answers} - {None}

    def wait_for(self, requests: int) -> None:
        """Return when so many more requests are over."""
        goal = len(self.answers) + requests
        while len(self.answers) < goal:
            time.sleep(TRAFFIC_PAUSE_SECONDS)


@contextmanager
def traffic(server: Server, images: np.ndarray) -> Iterator[Traffic]:
    """Let two clients send images of 64 grey levels without a break during a ``with`` block, and note what came."""
    requests, over = Traffic(), threading.Event()

    def ask() -> None:
        for number, image in itertools.cycle(enumerate(images)):
            if over.wait(TRAFFIC_PAUSE_SECONDS):
                return
            try:
                requests.answers.append(server.predict(image, f"load-{number}")["version"])
            except ServingError:
                requests.answers.append(None)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            pool.submit(ask)
        try:
            yield requests
        finally:
            over.set()
