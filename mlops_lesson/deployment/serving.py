"""Start the prediction service in a process of its own, talk to it, and be sure that it stops.

The service listens on the loopback address, on a port the system picks. It stops when it is told to, when a ``with``
block ends, when the notebook's kernel ends in whatever way, and it is never started twice for the same alias.
"""

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from mlops_lesson.keep.paths import HOME_VARIABLE, home, make_private_file, make_private_folder

if TYPE_CHECKING:
    from mlops_lesson.deployment.prediction import PredictionTrace

LOOPBACK = "127.0.0.1"


REQUEST_SECONDS = 10.0


STOP_SECONDS = 5.0


LOG_BYTES_KEPT = 1_000_000


class ServingError(RuntimeError):
    """The service cannot be started, does not answer, or refused a request; the text says why."""


@dataclass(frozen=True)
class Reply:
    """What the service sent back.

    Parameters
    ----------
    status : int
        HTTP status: 200 is an answer, 4xx a refused request.
    body : object
        The decoded JSON, or the text.
    """

    status: int
    body: Any

    @property
    def problems(self) -> list[str]:
        """What is wrong with the request, one line a problem, such as ``"pixels[0][3]: ..."``."""
        detail = self.body.get("detail") if isinstance(self.body, dict) else None
        return [f"{entry['field']}: {entry['problem']}" for entry in detail or []]


class Server:
    """A running service; made by `start`.

    Parameters
    ----------
    process : subprocess.Popen
        The service's process.
    port : int
        Where it listens, on the loopback address.
    alias : str
        The alias whose version answers.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, alias: str) -> None:
        self._process = process
        self.alias = alias
        self.url = f"http://{LOOPBACK}:{port}"
        # Without trust_env=False a proxy set in the environment would get requests meant for this machine.
        self._client = httpx.Client(base_url=self.url, timeout=REQUEST_SECONDS, trust_env=False)

    def __repr__(self) -> str:
        return f"Server(alias={self.alias!r}, {'running' if self.running else 'stopped'})"

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def request(self, method: str, path: str, content: bytes | None = None) -> Reply:
        """Send one request as it is.

        Parameters
        ----------
        method : str
            ``"GET"`` or ``"POST"``.
        path : str
            Such as ``"/health"``.
        content : bytes, optional
            The body, sent as JSON.

        Returns
        -------
        Reply
            Whatever came back, also a refusal.

        Raises
        ------
        ServingError
            If nobody answers.
        """
        try:
            response = self._client.request(method, path, content=content, headers={"Content-Type": "application/json"})
        except (httpx.TransportError, RuntimeError) as error:
            state = "does not answer in time" if self.running else "is not running: it was stopped or killed"
            raise ServingError(
                f"The service {state}. Start it again with mlops_lesson.deployment.serving.start()."
            ) from error
        if response.headers.get("content-type", "").startswith("application/json"):
            return Reply(response.status_code, response.json())
        return Reply(response.status_code, response.text)

    def send(self, body: Mapping[str, Any] | str | bytes, path: str = "/predict") -> Reply:
        """Post anything, right or wrong, and see what comes back.

        Parameters
        ----------
        body : mapping, str or bytes
            A mapping is sent as JSON, text and bytes as they are.
        path : str
            Where to.

        Returns
        -------
        Reply
            Status and body; `Reply.problems` names what was wrong.

        Raises
        ------
        ServingError
            If nobody answers.
        """
        if isinstance(body, Mapping):
            body = json.dumps(_plain(body))
        return self.request("POST", path, body.encode() if isinstance(body, str) else bytes(body))

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request that should work.

        Parameters
        ----------
        method : str
            ``"GET"`` or ``"POST"``.
        path : str
            Such as ``"/rollout"``.
        body : mapping, optional
            Sent as JSON.

        Returns
        -------
        object
            The decoded answer.

        Raises
        ------
        ServingError
            If nobody answers or the request is refused; the text names the status and each problem.
        """
        content = None if body is None else json.dumps(_plain(body)).encode()
        reply = self.request(method, path, content)
        if reply.status != 200:
            raise ServingError(f"The service refused this ({reply.status}): {'; '.join(reply.problems)}")
        return reply.body

    def predict(self, image: Any, parcel_id: object | None = None, *, trace: bool = False) -> dict[str, Any]:
        """Ask for the chute of one parcel.

        Parameters
        ----------
        image : array-like, shape (8, 8) or (64,)
            Grey levels, 0 to 16.
        parcel_id : object, optional
            The parcel's id, sent as text; the request log keeps it.
        trace : bool
            Ask for the three layers too.

        Returns
        -------
        dict
            `model`, `version`, `alias`, `probability` (of chute B), `chute` ("A" or "B") and `trace`.

        Raises
        ------
        ServingError
            If nobody answers or the request is refused.
        """
        body = {"pixels": _rows(image), "parcel_id": None if parcel_id is None else str(parcel_id)}
        return self.ask("POST", "/predict?trace=true" if trace else "/predict", body)

    def trace(self, image: Any, parcel_id: object | None = None) -> "PredictionTrace":
        """Ask for the three layers of one prediction, computed by the service.

        Parameters
        ----------
        image, parcel_id
            See `predict`.

        Returns
        -------
        mlops_lesson.deployment.prediction.PredictionTrace
            The same numbers that `mlops_lesson.deployment.prediction.trace_prediction` gives here.

        Raises
        ------
        ServingError
            If nobody answers or the request is refused.
        """
        import numpy as np

        from mlops_lesson.deployment.prediction import PredictionTrace

        layers = self.predict(image, parcel_id, trace=True)["trace"]
        return PredictionTrace(
            np.array(layers["image"]),
            np.array(layers["scaled"]),
            tuple(np.array(layer) for layer in layers["hidden"]),
            layers["probability"],
            layers["threshold"],
        )

    def health(self) -> dict[str, Any]:
        """Return `status`, `model`, `version`, `alias` and `log_failures`."""
        return self.ask("GET", "/health")

    def reload(self) -> dict[str, Any]:
        """Make the service take the version its alias points to now; returns its health."""
        return self.ask("POST", "/reload")

    def metrics(self) -> str:
        """Return the counters as Prometheus reads them."""
        return self.ask("GET", "/metrics")

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI description of the service."""
        return self.ask("GET", "/openapi.json")

    def stop(self) -> None:
        """Stop the service and wait until it is gone; does nothing if it is gone already."""
        self._client.close()
        _end(self._process)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _rows(image: Any) -> Any:
    values = _plain(image)
    flat = isinstance(values, list) and len(values) == 64 and not any(isinstance(value, list) for value in values)
    return [values[start : start + 8] for start in range(0, 64, 8)] if flat else values


def _end(process: "subprocess.Popen[bytes]") -> None:
    # The end of its input is the service's sign to finish what it is doing; force is for one that does not.
    with contextlib.suppress(OSError):
        process.stdin.close()
    for harder in (process.terminate, process.kill):
        try:
            process.wait(STOP_SECONDS)
            break
        except subprocess.TimeoutExpired:
            harder()
    process.wait()
    process.stdout.close()


_servers: dict[tuple[Path, str, bool], Server] = {}


_starting = threading.Lock()


_owner = os.getpid()


def start(alias: str = "champion", *, port: int = 0, careless: bool = False, timeout: float = 120) -> Server:
    """Start the service, or return the one this notebook has running, as good as new.

    Parameters
    ----------
    alias : str
        The registry's alias whose version answers.
    port : int
        Where to listen; 0 lets the system pick a free port, which always works. A running service keeps its port.
    careless : bool
        Start the variant that takes any numbers as pixels, for the demonstration of training-serving skew.
    timeout : float
        Seconds to wait until it answers.

    Returns
    -------
    Server
        It answers with the version the alias points to now, and no rollout is under way.

    Raises
    ------
    ServingError
        If no version has the alias, the port is taken, or it does not answer in time.
    """
    folder = home()
    key = (folder, alias, careless)
    with _starting:
        if running := _servers.get(key):
            if _refreshed(running):
                return running
            running.stop()
        _servers[key] = server = _launch(folder, alias, port, careless, timeout)
    return server


def _refreshed(server: Server) -> bool:
    if not server.running:
        return False
    try:
        server.ask("POST", "/rollout", {"mode": "off"})
        server.reload()
    except ServingError:
        return False
    return True


def _launch(folder: Path, alias: str, port: int, careless: bool, timeout: float) -> Server:
    log = _log_file(folder)
    command = [sys.executable, "-P", "-m", "mlops_lesson.deployment.service"]
    command += ["--alias", alias, "--port", str(port), "--parent", str(os.getpid())]
    command += ["--careless"] if careless else []
    # A signal meant for the notebook, such as an interrupted cell, must not reach the service.
    apart: dict[str, Any] = (
        {"start_new_session": True} if os.name == "posix" else {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    )
    with log.open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own module, arguments passed without a shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env=_environment(folder),
            **apart,
        )
    try:
        until = time.monotonic() + timeout
        server = Server(process, _reported_port(process, timeout, log), alias)
        while True:
            try:
                server.health()
                return server
            except ServingError:
                if time.monotonic() > until or not server.running:
                    raise
                time.sleep(0.05)
    except BaseException:
        _end(process)
        raise


def _environment(folder: Path) -> dict[str, str]:
    package = str(Path(__file__).resolve().parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    # One image at a time gains nothing from many threads, and a classroom of services would fight for the processor.
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **single, "PYTHONPATH": os.pathsep.join(paths), HOME_VARIABLE: str(folder)}


def _log_file(folder: Path) -> Path:
    log = folder / "service.log"
    try:
        make_private_folder(folder)
        if log.exists() and log.stat().st_size > LOG_BYTES_KEPT:
            log.unlink()
        make_private_file(log)
    except OSError as error:
        raise ServingError(
            f"The service cannot write its log into {folder} ({error.strerror}). Check that the folder may be written "
            "and the disk is not full."
        ) from error
    return log


def _reported_port(process: "subprocess.Popen[bytes]", timeout: float, log: Path) -> int:
    lines: list[bytes] = []
    reader = threading.Thread(target=lambda: lines.append(process.stdout.readline()), daemon=True)
    reader.start()
    reader.join(timeout)
    if not lines:
        raise ServingError(
            f"The service did not begin within {timeout:.0f} seconds. The machine may be busy: call start again with "
            "a larger `timeout`."
        )
    if not lines[0].strip():
        words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise ServingError(f"The service ended before it began. Its last words, in {log}: {' '.join(words[-1:])}")
    told = json.loads(lines[0])
    if "error" in told:
        raise ServingError(f"The service cannot begin. {told['error']}")
    return int(told["port"])


@contextmanager
def serve(alias: str = "champion", *, port: int = 0, careless: bool = False, timeout: float = 120) -> Iterator[Server]:
    """Run the service for a ``with`` block, and stop it at its end whatever happens.

    Parameters
    ----------
    alias, port, careless, timeout
        See `start`.

    Yields
    ------
    Server
        The running service.
    """
    server = start(alias, port=port, careless=careless, timeout=timeout)
    try:
        yield server
    finally:
        server.stop()


def stop_all() -> None:
    """Stop every service this notebook started."""
    with _starting:
        while _servers:
            _, server = _servers.popitem()
            server.stop()


@atexit.register
def _stop_at_exit() -> None:
    # A forked child inherits the list of services, but they are not its own.
    if os.getpid() == _owner:
        stop_all()
