"""How fast the service answers, and whether it goes on answering while something changes: bounded load runs."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from mlops_lesson.deployment.prediction import as_features

if TYPE_CHECKING:
    import pandas as pd

    from mlops_lesson.deployment.serving import Server
    from mlops_lesson.show.figures import ShownFigure

LONGEST_RUN_SECONDS = 60.0


TRAFFIC_PAUSE_SECONDS = 0.005


REQUEST_SECONDS = 10.0


HISTOGRAM_BINS = 40


@dataclass(frozen=True)
class LoadRun:
    """What one load run measured.

    Parameters
    ----------
    name : str
        What was measured, for tables and charts.
    clients : int
        Clients that asked at the same time; 0 for a prediction without a service.
    milliseconds : numpy.ndarray
        Latency of each answered request.
    failed : int
        Requests that got no answer or another status than 200.
    seconds : float
        How long the whole run took.
    """

    name: str
    clients: int
    milliseconds: np.ndarray
    failed: int
    seconds: float

    @property
    def p50(self) -> float:
        """Milliseconds within which half of the requests are answered."""
        return self._percentile(50)

    @property
    def p99(self) -> float:
        """Milliseconds within which 99 of 100 requests are answered."""
        return self._percentile(99)

    @property
    def per_second(self) -> float:
        """Requests answered a second."""
        return len(self.milliseconds) / self.seconds if self.seconds else float("nan")

    def _percentile(self, q: float) -> float:
        return float(np.percentile(self.milliseconds, q)) if len(self.milliseconds) else float("nan")


def bare_latency(model: Any, images: Sequence[Any], requests: int = 200) -> LoadRun:
    """Time predictions in this process, one image at a time, without a service.

    Parameters
    ----------
    model : fitted scikit-learn classifier
        Takes X of shape (n, 64).
    images : sequence of array-like, each (8, 8) or (64,)
        Grey levels, 0 to 16; used in turn.
    requests : int
        How many predictions, at least 1.

    Returns
    -------
    LoadRun
        With 0 clients.
    """
    rows = [as_features(image) for image in images]
    return _run("bare prediction", 0, requests, lambda _: _bare_caller(model, rows))


def measure_latency(server: "Server", images: Sequence[Any], clients: int = 1, requests: int = 200) -> LoadRun:
    """Time requests to a running service, from one or several clients at once.

    The clients are threads of this process, so that with many of them the measured time holds their own waiting too.

    Parameters
    ----------
    server : mlops_lesson.deployment.serving.Server
        A running service.
    images : sequence of array-like, each (8, 8) or (64,)
        Grey levels, 0 to 16; used in turn.
    clients : int
        Clients that ask at the same time, at least 1.
    requests : int
        How many requests all clients send together, at least one each.

    Returns
    -------
    LoadRun
        One latency an answered request.

    Raises
    ------
    ValueError
        If there is no client, or there are fewer requests than clients.
    """
    if not 1 <= clients <= requests:
        raise ValueError(f"Each client sends a request or more: got {clients} clients and {requests} requests.")
    bodies = _bodies(images)
    name = "1 client" if clients == 1 else f"{clients} clients"
    return _run(name, clients, requests, lambda place: _http_caller(server.url, bodies, place))


def _bodies(images: Sequence[Any]) -> list[bytes]:
    return [json.dumps({"pixels": as_features(image).reshape(8, 8).tolist()}).encode() for image in images]


def _bare_caller(model: Any, rows: list[np.ndarray]) -> Iterator[Callable[[], bool]]:
    for row in itertools.cycle(rows):
        yield lambda row=row: len(model.predict_proba(row)) == 1


def _http_caller(url: str, bodies: list[bytes], place: int) -> Iterator[Callable[[], bool]]:
    with _client(url) as client:
        for body in itertools.islice(itertools.cycle(bodies), place, None):
            yield lambda body=body: client.post("/predict", content=body).status_code == 200


def _client(url: str) -> httpx.Client:
    return httpx.Client(
        base_url=url, timeout=REQUEST_SECONDS, trust_env=False, headers={"Content-Type": "application/json"}
    )


def _run(name: str, clients: int, requests: int, make_caller: Callable[[int], Iterator[Callable[[], bool]]]) -> LoadRun:
    share = [len(range(place, requests, max(clients, 1))) for place in range(max(clients, 1))]
    taken: list[list[float]] = [[] for _ in share]
    failures = [0 for _ in share]
    spans = [(0.0, 0.0) for _ in share]
    ready = threading.Barrier(len(share))
    deadline = time.monotonic() + LONGEST_RUN_SECONDS

    def work(place: int) -> None:
        calls = make_caller(place)
        first = next(calls)
        # The first call opens the connection; it is made before the clock starts.
        _succeeds(first)
        ready.wait()
        first_begun = time.perf_counter()
        for call in itertools.islice(calls, share[place]):
            if time.monotonic() > deadline:
                break
            begun = time.perf_counter()
            if _succeeds(call):
                taken[place].append((time.perf_counter() - begun) * 1000)
            else:
                failures[place] += 1
        spans[place] = (first_begun, time.perf_counter())
        calls.close()

    threads = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(len(share))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = max(end for _, end in spans) - min(begin for begin, _ in spans)
    return LoadRun(name, clients, np.concatenate([np.array(part) for part in taken]), sum(failures), seconds)


def _succeeds(call: Callable[[], bool]) -> bool:
    try:
        return call()
    except httpx.HTTPError:
        return False


def latency_table(runs: Sequence[LoadRun]) -> "pd.DataFrame":
    """Put load runs side by side.

    Parameters
    ----------
    runs : sequence of LoadRun
        What was measured.

    Returns
    -------
    pandas.DataFrame
        One row a run: `run`, `requests`, `failed`, `p50_ms`, `p99_ms` and `per_second`.
    """
    import pandas as pd

    rows = [
        {
            "run": run.name,
            "requests": len(run.milliseconds) + run.failed,
            "failed": run.failed,
            "p50_ms": run.p50,
            "p99_ms": run.p99,
            "per_second": run.per_second,
        }
        for run in runs
    ]
    return pd.DataFrame(rows, columns=["run", "requests", "failed", "p50_ms", "p99_ms", "per_second"])


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

    Raises
    ------
    ValueError
        If there is no run or more than four, or none of a run's requests was answered.
    """
    from mlops_lesson.show.figures import LINE_STYLES, PALETTE, drawing

    if not 1 <= len(runs) <= len(PALETTE) or not all(len(run.milliseconds) for run in runs):
        raise ValueError(
            f"A latency chart shows one to {len(PALETTE)} runs with an answered request each; got "
            f"{', '.join(f'{run.name} with {len(run.milliseconds)}' for run in runs) or 'no run'}."
        )
    every = np.concatenate([run.milliseconds for run in runs])
    edges = np.geomspace(every.min(), every.max() * 1.001, HISTOGRAM_BINS + 1)
    title = "Half of the requests took at most " + ", ".join(f"{run.p50:.2g} ms ({run.name})" for run in runs)
    with drawing(title, 8.0, 3.2) as d:
        axis = d.axis
        for run, colour, style in zip(runs, PALETTE, LINE_STYLES, strict=False):
            shares = np.histogram(run.milliseconds, edges)[0] / len(run.milliseconds)
            axis.stairs(shares, edges, color=colour, linestyle=style, linewidth=1.6, label=run.name)
        axis.set(xscale="log", xlabel="milliseconds, logarithmic", ylabel="share of the requests", ylim=(0, None))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.legend(loc="upper right")
        alt = f"Histograms of latencies over a logarithmic axis from {every.min():.2g} to {every.max():.2g} ms. "
        alt += " ".join(f"{run.name}: p50 {run.p50:.2g} ms, p99 {run.p99:.2g} ms." for run in runs)
        d.alt = alt
    return d.shown


@dataclass
class Traffic:
    """Requests that flow while something else happens; made by `traffic`.

    Parameters
    ----------
    answered, failed : int
        Requests with status 200, and all others.
    versions : set of int
        The versions that answered.
    """

    answered: int = 0
    failed: int = 0
    versions: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def wait_for(self, requests: int) -> None:
        """Return when so many more requests are over; says so when they take too long.

        Parameters
        ----------
        requests : int
            How many.

        Raises
        ------
        TimeoutError
            If they are not over within a minute.
        """
        goal = self.answered + self.failed + requests
        deadline = time.monotonic() + LONGEST_RUN_SECONDS
        while self.answered + self.failed < goal:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Fewer than {requests} requests were over in {LONGEST_RUN_SECONDS:.0f} seconds.")
            time.sleep(TRAFFIC_PAUSE_SECONDS)

    def _note(self, version: int | None) -> None:
        with self._lock:
            if version is None:
                self.failed += 1
            else:
                self.answered += 1
                self.versions.add(version)


@contextmanager
def traffic(server: "Server", images: Sequence[Any], clients: int = 2) -> Iterator[Traffic]:
    """Send requests without a break during a ``with`` block, and count those that fail.

    Parameters
    ----------
    server : mlops_lesson.deployment.serving.Server
        A running service.
    images : sequence of array-like, each (8, 8) or (64,)
        Grey levels, 0 to 16; used in turn, each with its own parcel id.
    clients : int
        Clients that ask at the same time, at least 1.

    Yields
    ------
    Traffic
        The counts, final after the block.
    """
    counts, over = Traffic(), threading.Event()
    rows = [as_features(image).reshape(8, 8).tolist() for image in images]
    bodies = [json.dumps({"pixels": row, "parcel_id": f"load-{n}"}).encode() for n, row in enumerate(rows)]
    deadline = time.monotonic() + LONGEST_RUN_SECONDS

    def ask(place: int) -> None:
        with _client(server.url) as client:
            for body in itertools.islice(itertools.cycle(bodies), place, None):
                if over.is_set() or time.monotonic() > deadline:
                    return
                counts._note(_version_of(client, body))
                over.wait(TRAFFIC_PAUSE_SECONDS)

    threads = [threading.Thread(target=ask, args=(place,), daemon=True) for place in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield counts
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _version_of(client: httpx.Client, body: bytes) -> int | None:
    try:
        response = client.post("/predict", content=body)
        return response.json()["version"] if response.status_code == 200 else None
    except httpx.HTTPError:
        return None
