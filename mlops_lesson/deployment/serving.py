"""Start a service in a process of its own, talk to it, and be sure that it stops.

A service listens on the loopback address, on a port the system picks. It stops when it is told to, when a ``with``
block ends, and when the notebook's kernel ends in whatever way.
"""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from mlops_lesson.deployment.prediction import PredictionTrace
from mlops_lesson.keep.files import translate_write_errors
from mlops_lesson.keep.paths import home, make_private_file

REQUEST_SECONDS = 10.0
# What an inherited setting of these libraries would change in the service: where it listens, whom it trusts, how it
# counts.
OTHERS_SETTINGS = ("UVICORN_", "FORWARDED_ALLOW_IPS", "WEB_CONCURRENCY", "PROMETHEUS_")


class ServingError(RuntimeError):
    """The service cannot be started, does not answer, or refused a request; the text says why."""


class Server:
    """A running service, made by `start` or `start_app`; `client` sends requests to its `url`."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str) -> None:
        self.process = process
        self.url = url
        # Without trust_env=False a proxy set in the environment would get requests meant for this machine.
        self.client = httpx.Client(base_url=url, timeout=REQUEST_SECONDS, trust_env=False)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.process.poll() is None

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request that should work, and return the decoded answer, or its text if it is not JSON."""
        try:
            response = self.client.request(method, path, json=body)
        except (httpx.TransportError, RuntimeError) as error:
            raise ServingError(
                "The service does not answer, or was stopped. Start it again with "
                "mlops_lesson.deployment.serving.start()."
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
        """
        body = {"pixels": np.ravel(image).tolist(), "parcel_id": None if parcel_id is None else str(parcel_id)}
        return self.ask("POST", "/predict", body)

    def trace(self, image: Any) -> PredictionTrace:
        """Ask for the three layers of one prediction: the numbers that `trace_prediction` gives here."""
        pixels = np.ravel(image)
        layers = self.ask("POST", "/trace", {"pixels": pixels.tolist()})
        scaled, hidden = np.array(layers["scaled"]), np.array(layers["hidden"])
        return PredictionTrace(pixels.reshape(8, 8), scaled.reshape(8, 8), hidden, layers["probability"])

    def reload(self) -> dict[str, Any]:
        """Make the service take the version its alias points to now; returns its `version` among others."""
        return self.ask("POST", "/reload")

    def stop(self) -> None:
        """Stop the service and wait until it is gone."""
        self.client.close()
        self.process.kill()
        self.process.communicate()


def problems(response: httpx.Response) -> list[str]:
    """List what is wrong with a request that a FastAPI service refused, each problem with its place."""
    if "json" not in response.headers.get("content-type", ""):
        return [response.text]
    detail = response.json()["detail"]
    if isinstance(detail, str):
        return [detail]
    return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in detail]


_servers: dict[tuple[Path, ...], Server] = {}


def start() -> Server:
    """Start the course's service, or return the one this notebook has running, as good as new.

    It answers with the version the alias `champion` points to now, and no rollout is under way.
    """
    if running := _servers.get((home(),)):
        with suppress(ServingError):
            running.reload()
            return running
    return _start("mlops_lesson.deployment.service")


def start_app(file: Path) -> Server:
    """Start the service that a Python file describes, with uvicorn, and stop the one of this file that is running.

    In a terminal, in the file's folder, the same is `python -m uvicorn NAME:app`, with the file's name without its
    ending; started here, it ends with the notebook.

    Parameters
    ----------
    file : pathlib.Path
        Makes a FastAPI application called `app`.
    """
    return _start("mlops_lesson.deployment.run_app", Path(file).resolve())


def _start(module: str, *files: Path) -> Server:
    key, log = (home(), *files), home() / "service.log"
    if key in _servers:
        _servers.pop(key).stop()
    with translate_write_errors(log):
        errors = make_private_file(log).open("ab")
    with errors:
        process = subprocess.Popen(  # noqa: S603 - our own module, arguments passed without a shell
            [sys.executable, "-P", "-m", module, *map(str, files)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={name: value for name, value in os.environ.items() if not name.upper().startswith(OTHERS_SETTINGS)},
            # A signal meant for the notebook, such as an interrupted cell, must not reach the service.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    try:
        said = json.loads(process.stdout.readline() or "{}")
    except BaseException:
        process.kill()
        raise
    if "port" not in said:
        process.communicate()
        raise ServingError(f"The service cannot begin. {said.get('error', f'Its last words are in {log}.')}")
    _servers[key] = Server(process, f"http://127.0.0.1:{said['port']}")
    return _servers[key]


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
    while _servers:
        _servers.popitem()[1].stop()
