"""Start a service in a process of its own, talk to it, and be sure that it stops.

A service listens on the loopback address, on a port the system picks. It stops when it is told to, when a ``with``
block ends, and when the notebook's kernel ends in whatever way.
"""

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from mlops_lesson.keep.paths import HOME_VARIABLE, home, make_private_file, make_private_folder

if TYPE_CHECKING:
    from mlops_lesson.deployment.prediction import PredictionTrace

START_SECONDS = 120.0
REQUEST_SECONDS = 10.0
STOP_SECONDS = 5.0
LOG_BYTES = 1_000_000
# What an inherited setting of these libraries would change in the service: where it listens, whom it trusts, how it
# counts.
OTHERS_SETTINGS = ("UVICORN_", "FORWARDED_ALLOW_IPS", "WEB_CONCURRENCY", "PROMETHEUS_", "MLFLOW_")


class ServingError(RuntimeError):
    """The service cannot be started, does not answer, or refused a request; the text says why."""


class Server:
    """A running service, made by `start` or `start_app`; `client` sends requests to its `url`."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str) -> None:
        self._process = process
        self.url = url
        # Without trust_env=False a proxy set in the environment would get requests meant for this machine.
        self.client = httpx.Client(base_url=url, timeout=REQUEST_SECONDS, trust_env=False)

    def __repr__(self) -> str:
        return f"Server({'running' if self.running else 'stopped'})"

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

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
            The decoded answer; text if it is not JSON.

        Raises
        ------
        ServingError
            If nobody answers or the request is refused; the text names the status and each problem.
        """
        try:
            response = self.client.request(method, path, json=body)
        except (httpx.TransportError, RuntimeError) as error:
            state = "does not answer in time" if self.running else "is not running: it was stopped or killed"
            raise ServingError(
                f"The service {state}. Start it again with mlops_lesson.deployment.serving.start()."
            ) from error
        if response.status_code != 200:
            raise ServingError(f"The service refused this ({response.status_code}): {'; '.join(problems(response))}")
        return response.json() if "json" in response.headers["content-type"] else response.text

    def predict(self, image: Any, parcel_id: object | None = None) -> dict[str, Any]:
        """Ask for the chute of one parcel.

        Parameters
        ----------
        image : array-like, shape (8, 8) or (64,)
            Grey levels, 0 to 16.
        parcel_id : object, optional
            The parcel's id, sent as text and saved in the request log.

        Returns
        -------
        dict
            `chute` ("A" or "B"), `probability` (of chute B), `alias` and `version`.

        Raises
        ------
        ServingError
            If nobody answers or the request is refused.
        """
        body = {"pixels": np.ravel(image).tolist(), "parcel_id": None if parcel_id is None else str(parcel_id)}
        return self.ask("POST", "/predict", body)

    def trace(self, image: Any) -> "PredictionTrace":
        """Ask for the three layers of one prediction: the numbers that `trace_prediction` gives here."""
        from mlops_lesson.deployment.prediction import PredictionTrace

        pixels = np.ravel(image)
        layers = self.ask("POST", "/trace", {"pixels": pixels.tolist()})
        hidden = tuple(np.array(layer) for layer in layers["hidden"])
        scaled = np.array(layers["scaled"]).reshape(8, 8)
        return PredictionTrace(pixels.reshape(8, 8), scaled, hidden, layers["probability"])

    def reload(self) -> dict[str, Any]:
        """Make the service take the version its alias points to now; returns `alias` and `version` among others."""
        return self.ask("POST", "/reload")

    def stop(self) -> None:
        """Stop the service and wait until it is gone; does nothing if it is gone already."""
        self.client.close()
        _end(self._process)


def problems(response: httpx.Response) -> list[str]:
    """List what is wrong with a request that a FastAPI service refused, by the name of each field."""
    detail = response.json()["detail"]
    return [detail] if isinstance(detail, str) else [f"{_field(one['loc'][1:])}: {one['msg']}" for one in detail]


def _field(place: list[str | int]) -> str:
    # An unreadable body comes with the position of the first wrong character, which is not a field.
    if not place or isinstance(place[0], int):
        return "body"
    return place[0] + "".join(f"[{part}]" for part in place[1:])


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


_servers: dict[tuple[Path, Path | None], Server] = {}
_starting = threading.Lock()


def start() -> Server:
    """Start the course's service, or return the one this notebook has running, as good as new.

    Returns
    -------
    Server
        It answers with the version the alias `champion` points to now, and no rollout is under way.

    Raises
    ------
    ServingError
        If no version is champion, or it does not begin in time.
    """
    key = (home(), None)
    with _starting:
        if running := _servers.get(key):
            with contextlib.suppress(ServingError):
                running.ask("POST", "/rollout", {"mode": "off"})
                running.reload()
                return running
            running.stop()
        _servers[key] = server = _launch(["mlops_lesson.deployment.service"])
    return server


def start_app(file: Path) -> Server:
    """Start the service that a Python file describes, with uvicorn, and stop the one of this file that is running.

    In a terminal, in the file's folder, the same is `python -m uvicorn NAME:app`, with the file's name without its
    ending; started here, it ends with the notebook.

    Parameters
    ----------
    file : pathlib.Path
        Makes a FastAPI application called `app`.

    Returns
    -------
    Server
        Its `url` is where to send requests.

    Raises
    ------
    ServingError
        If the file cannot be run; the text says why.
    """
    file = Path(file).resolve()
    key = (home(), file)
    with _starting:
        if key in _servers:
            _servers.pop(key).stop()
        _servers[key] = server = _launch(["mlops_lesson.deployment.run_app", "--file", str(file)])
    return server


def _launch(module: list[str]) -> Server:
    folder = home()
    log = _log_file(folder)
    # A signal meant for the notebook, such as an interrupted cell, must not reach the service.
    apart: dict[str, Any] = (
        {"start_new_session": True} if os.name == "posix" else {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    )
    with log.open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own module, arguments passed without a shell
            [sys.executable, "-P", "-m", *module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env=_environment(folder),
            **apart,
        )
    try:
        return Server(process, f"http://127.0.0.1:{_reported_port(process, log)}")
    except BaseException:
        _end(process)
        raise


def _environment(folder: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(OTHERS_SETTINGS)}
    package = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**inherited, "PYTHONPATH": paths, HOME_VARIABLE: str(folder)}


def _log_file(folder: Path) -> Path:
    log = folder / "service.log"
    try:
        make_private_folder(folder)
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.unlink()
        return make_private_file(log)
    except OSError as error:
        raise ServingError(
            f"The service cannot write its log into {folder} ({error.strerror}). Check that the folder may be written "
            "and the disk is not full."
        ) from error


def _reported_port(process: "subprocess.Popen[bytes]", log: Path) -> int:
    lines: list[bytes] = []
    reader = threading.Thread(target=lambda: lines.append(process.stdout.readline()), daemon=True)
    reader.start()
    reader.join(START_SECONDS)
    if not lines:
        raise ServingError(
            f"The service did not begin within {START_SECONDS:.0f} seconds. The machine may be busy: call start again."
        )
    if not lines[0].strip():
        words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise ServingError(f"The service ended before it began. Its last words, in {log}: {' '.join(words[-1:])}")
    reported = json.loads(lines[0])
    if "error" in reported:
        raise ServingError(f"The service cannot begin. {reported['error']}")
    return int(reported["port"])


@contextmanager
def serve() -> Iterator[Server]:
    """Run the course's service for a ``with`` block, and stop it at its end whatever happens."""
    server = start()
    try:
        yield server
    finally:
        server.stop()


@atexit.register
def stop_all() -> None:
    """Stop every service this notebook started."""
    with _starting:
        while _servers:
            _servers.popitem()[1].stop()
