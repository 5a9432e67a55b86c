"""The prediction service: a FastAPI application that is told only an alias, and finds its model in the registry.

It checks what it is sent against a contract, answers with the version that answered, and notes every answer in the
request log. `mlops_lesson.deployment.serving` starts it in a process of its own.
"""

import argparse
import asyncio
import errno
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import Annotated, Any, Literal

import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlops_lesson.deployment import registry
from mlops_lesson.deployment.prediction import as_features, trace_prediction
from mlops_lesson.deployment.request_log import RequestLog, log_path
from mlops_lesson.deployment.rollout import CANARY, OFF, Rollout, Status

LOOPBACK = "127.0.0.1"


MAX_BODY_BYTES = 16_384


MAX_HEADER_BYTES = 16_384


BODY_SECONDS = 10.0


GATE_LOOK_SECONDS = 1.0


SECONDS_TO_FINISH = 2


Pixel = Annotated[float, Field(strict=True, ge=0, le=16, allow_inf_nan=False)]


Row = Annotated[list[Pixel], Field(min_length=8, max_length=8)]


AnyRow = Annotated[list[Annotated[float, Field(allow_inf_nan=False)]], Field(min_length=8, max_length=8)]


ParcelId = Annotated[str, Field(pattern="^[A-Za-z0-9_.-]{1,40}$")]


class Parcel(BaseModel):
    """What the service wants: one image, 8 rows of 8 grey levels from 0 to 16, and whose it is."""

    model_config = ConfigDict(extra="forbid")

    pixels: Annotated[list[Row], Field(min_length=8, max_length=8)]
    parcel_id: ParcelId | None = None


class UncheckedParcel(BaseModel):
    """What a careless service takes: any 8 x 8 numbers."""

    pixels: Annotated[list[AnyRow], Field(min_length=8, max_length=8)]
    parcel_id: str | None = None


class Layers(BaseModel):
    """The three layers of one prediction; see `mlops_lesson.deployment.prediction.PredictionTrace`."""

    image: list[list[float]]
    scaled: list[list[float]]
    hidden: list[list[float]]
    probability: float
    threshold: float


class Prediction(BaseModel):
    """What the service answers."""

    model: str
    version: int
    alias: str
    probability: Annotated[float, Field(ge=0, le=1, description="Probability of chute B.")]
    chute: Literal["A", "B"]
    trace: Layers | None = None


class Health(BaseModel):
    """Whether the service can answer, and with what."""

    status: Literal["ok"]
    model: str
    version: int
    alias: str
    log_failures: int


class RolloutOrder(BaseModel):
    """How to let the challenger in."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["off", "shadow", "canary"]
    share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.2
    max_error_rate: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.05
    min_requests: Annotated[int, Field(ge=1)] = 20


class RolloutStatus(BaseModel):
    """How the rollout stands; see `mlops_lesson.deployment.rollout.Status`."""

    mode: Literal["off", "shadow", "canary"]
    share: float
    champion_requests: int
    challenger_requests: int
    challenger_errors: int
    stopped_because: str


class Problem(BaseModel):
    """One thing that is wrong with a request."""

    field: str
    problem: str


class Problems(BaseModel):
    """Why a request was refused."""

    detail: list[Problem]


class Refusal(Exception):  # noqa: N818 - an answer, not a fault of the service
    """A request that gets an error status and its reasons."""

    def __init__(self, status: int, field: str, problem: str) -> None:
        super().__init__(problem)
        self.status, self.field, self.problem = status, field, problem


def _problems(status: int, problems: Iterable[tuple[str, str]]) -> JSONResponse:
    listed = [{"field": field, "problem": problem} for field, problem in problems]
    return JSONResponse({"detail": listed}, status_code=status)


def _field(location: Iterable[str | int]) -> str:
    """Write a place in the request as Python would: ``pixels[0][3]``."""
    name = ""
    for part in location:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else str(part)
    return name.removeprefix("body.").removeprefix("query.") or "body"


class OwnPagesOnly:
    """Refuse with 403 what a page of another site asks a browser to send.

    A browser names the page in the header ``Origin``, and no page can prevent that; programs such as the notebook send
    none.

    Parameters
    ----------
    app : ASGI application
        What gets the other requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        headers = dict(scope["headers"]) if scope["type"] == "http" else {}
        own = b"http://" + headers.get(b"host", b"")
        if headers.get(b"origin", own) == own:
            await self.app(scope, receive, send)
        else:
            advice = "A page of another site may not use this service; send the request from a program."
            await _problems(403, [("origin", advice)])(scope, receive, send)


class BodyLimit:
    """Refuse a body above a limit with 413, before it is read as a whole, and one that does not come with 408.

    Parameters
    ----------
    app : ASGI application
        What gets the requests that are small enough.
    limit : int
        Largest body, bytes.
    seconds : float
        Longest wait for the whole body.
    """

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES, seconds: float = BODY_SECONDS) -> None:
        self.app, self.limit, self.seconds = app, limit, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.seconds):
                body = await self._read(scope, receive)
        except TimeoutError:
            refusal = _problems(408, [("body", f"The body did not come within {self.seconds:g} seconds.")])
            await refusal(scope, receive, send)
            return
        if body is None:
            return
        if len(body) > self.limit:
            advice = f"The body is larger than {self.limit} bytes; one parcel needs far less."
            await _problems(413, [("body", advice)])(scope, receive, send)
            return
        given = False

        async def receive_again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, receive_again, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the body, or as much of it as shows that it is too long; None if the client hung up."""
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self.limit:
            return bytes(self.limit + 1)
        body, more = b"", True
        while more and len(body) <= self.limit:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return body


class StatusWatch:
    """Tell somebody the status of every answer.

    Parameters
    ----------
    app : ASGI application
        What answers.
    seen : callable
        Is told each status.
    """

    def __init__(self, app: ASGIApp, seen: Callable[[int], None]) -> None:
        self.app, self.seen = app, seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""

        async def send_and_tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.seen(message["status"])
            await send(message)

        await self.app(scope, receive, send_and_tell)


@dataclass(frozen=True)
class Deployed:
    """What answers now; replaced as a whole, so that a request never sees half a change."""

    champion: registry.RegisteredModel
    challenger: registry.RegisteredModel | None
    rollout: Rollout


def score(model: Any, features: np.ndarray) -> float:
    """Return the model's probability of chute B for one image.

    Parameters
    ----------
    model : fitted scikit-learn classifier
        Takes raw grey levels: the scaling is inside, the same in training and here.
    features : numpy.ndarray, shape (1, 64)
        Grey levels, 0 to 16.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        If the model gives anything else.
    """
    probability = float(model.predict_proba(features)[0, 1])
    if not 0 <= probability <= 1:
        raise ValueError(f"the model gave {probability}, which is not a probability")
    return probability


def _layers(model: Any, image: np.ndarray) -> Layers:
    layers = trace_prediction(model, image)
    return Layers(
        image=layers.image.tolist(),
        scaled=layers.scaled.tolist(),
        hidden=[layer.tolist() for layer in layers.hidden],
        probability=layers.probability,
        threshold=layers.threshold,
    )


class Service:
    """The service's state and its work, apart from HTTP.

    Parameters
    ----------
    alias : str
        The alias whose version answers.
    careless : bool
        Leave the range of the pixels unchecked and the answers unlogged, for the demonstration of skew.
    """

    def __init__(self, alias: str, *, careless: bool = False) -> None:
        self.alias, self.careless = alias, careless
        self.log = RequestLog(log_path())
        self.metrics = CollectorRegistry()
        self.answered = Counter(
            "depot_predictions", "Answers given.", ["role", "version", "chute"], registry=self.metrics
        )
        self.refused = Counter("depot_refused_requests", "Requests refused.", ["status"], registry=self.metrics)
        self.seconds = Histogram(
            "depot_prediction_seconds",
            "Time to answer, without HTTP.",
            buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5),
            registry=self.metrics,
        )
        self.serving = Gauge("depot_model_version", "The version that answers.", registry=self.metrics)
        failures = Gauge("depot_request_log_failures", "Answers that could not be logged.", registry=self.metrics)
        failures.set_function(lambda: self.log.failures)
        self._changing = threading.Lock()
        self._gate_seen = 0.0
        self.now = Deployed(self._load(alias), None, Rollout())
        self.serving.set(self.now.champion.version)

    def count_status(self, status: int) -> None:
        """Count a refused or failed request."""
        if status >= 400:
            self.refused.labels(status).inc()

    def _load(self, alias: str) -> registry.RegisteredModel:
        loaded = registry.load(alias)
        try:
            score(loaded.model, np.zeros((1, 64)))
        except Exception as error:
            raise registry.RegistryError(
                f"Version {loaded.version} cannot answer for an image of 64 grey levels ({error}). "
                "Promote a version that can."
            ) from error
        return loaded

    def reload(self) -> None:
        """Take the version the alias points to now; if it cannot be loaded, the old one goes on answering."""
        with self._changing:
            champion = self._load(self.alias)
            now = self.now
            if now.rollout.mode != OFF and now.challenger is not None:
                if champion.version == now.challenger.version:
                    now.rollout.stop("the challenger was promoted")
                else:
                    self._look_at_gate(now)
            self.now = replace(now, champion=champion)
            self.serving.set(champion.version)

    def _look_at_gate(self, now: Deployed) -> None:
        self._gate_seen = time.monotonic()
        try:
            gate = registry.gate(now.challenger.version)
        except registry.RegistryError:
            # Answering must not depend on the registry; the error rate is still watched.
            return
        if now.rollout.mode == CANARY and (gate is None or not gate.passed):
            why = "; ".join(gate.reasons) if gate and gate.reasons else "it has no passed gate"
            now.rollout.stop(f"the challenger's gate says no: {why}")

    def order(self, order: RolloutOrder) -> Status:
        """Begin or end a rollout."""
        with self._changing:
            if order.mode == OFF:
                self.now.rollout.stop()
                return self.now.rollout.status()
            challenger = self._load(registry.CHALLENGER)
            if challenger.version == self.now.champion.version:
                raise Refusal(409, "challenger", "The challenger is the champion already: nominate another version.")
            if order.mode == CANARY and (challenger.gate is None or not challenger.gate.passed):
                raise Refusal(
                    409,
                    "challenger",
                    "A canary answers real parcels, so its gate must be passed first; until then use the shadow.",
                )
            rollout = Rollout(order.mode, order.share, order.max_error_rate, order.min_requests)
            self._gate_seen = time.monotonic()
            self.now = replace(self.now, challenger=challenger, rollout=rollout)
            return rollout.status()

    def predict(self, image: np.ndarray, parcel_id: str | None, *, trace: bool = False) -> Prediction:
        """Answer for one parcel.

        Parameters
        ----------
        image : numpy.ndarray, shape (8, 8)
            Grey levels, 0 to 16.
        parcel_id : str or None
            The parcel, if the client named it.
        trace : bool
            Add the three layers.

        Returns
        -------
        Prediction
            The answer.

        Raises
        ------
        Refusal
            With 503, if the champion's model fails.
        """
        now = self.now
        with self.seconds.time():
            if now.challenger is not None and now.rollout.takes(parcel_id):
                answer = self._ask_challenger(now, image, parcel_id, trace)
                if answer is not None:
                    return answer
            try:
                answer = self._answer(now.champion, self.alias, image, trace)
            except Exception as error:
                raise Refusal(503, "model", f"Version {now.champion.version} could not answer: {error}") from error
            now.rollout.count_champion()
            self._note(self.alias, answer, image, parcel_id)
            return answer

    def _ask_challenger(
        self, now: Deployed, image: np.ndarray, parcel_id: str | None, trace: bool
    ) -> Prediction | None:
        mode = now.rollout.mode
        if mode == CANARY and time.monotonic() - self._gate_seen > GATE_LOOK_SECONDS:
            self._look_at_gate(now)
            mode = now.rollout.mode
        if mode == OFF:
            return None
        try:
            answer = self._answer(now.challenger, registry.CHALLENGER, image, trace and mode == CANARY)
        except Exception:
            now.rollout.count_challenger(failed=True)
            return None
        now.rollout.count_challenger(failed=False)
        self._note(mode, answer, image, parcel_id)
        return answer if mode == CANARY else None

    def _answer(self, loaded: registry.RegisteredModel, alias: str, image: np.ndarray, trace: bool) -> Prediction:
        features = image.reshape(1, -1) if self.careless else as_features(image)
        probability = score(loaded.model, features)
        return Prediction(
            model=registry.MODEL_NAME,
            version=loaded.version,
            alias=alias,
            probability=probability,
            chute="B" if probability >= 0.5 else "A",
            trace=_layers(loaded.model, image) if trace and not self.careless else None,
        )

    def _note(self, role: str, answer: Prediction, image: np.ndarray, parcel_id: str | None) -> None:
        self.answered.labels(role, answer.version, answer.chute).inc()
        if not self.careless:
            self.log.write(
                parcel_id=parcel_id, role=role, version=answer.version, image=image, score=answer.probability
            )


def create_app(alias: str = registry.CHAMPION, *, careless: bool = False) -> FastAPI:
    """Make the application; the registry is the one in the learner's folder.

    Parameters
    ----------
    alias : str
        The alias whose version answers.
    careless : bool
        Take any numbers as pixels and log nothing, for the demonstration of training-serving skew.

    Returns
    -------
    fastapi.FastAPI
        With `/health`, `/predict`, `/reload`, `/rollout`, `/metrics`, `/docs` and `/openapi.json`.

    Raises
    ------
    mlops_lesson.deployment.registry.RegistryError
        If no version has the alias, or it cannot be loaded.
    """
    service = Service(alias, careless=careless)
    app = FastAPI(
        title="Parcel chute service", version="1", summary="Which chute, A or B?", docs_url=None, redoc_url=None
    )
    app.state.service = service
    app.add_middleware(BodyLimit)
    app.add_middleware(OwnPagesOnly)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"])
    app.add_middleware(StatusWatch, seen=service.count_status)
    refusals: dict[int | str, dict[str, Any]] = {code: {"model": Problems} for code in (403, 408, 413, 422, 503)}
    conflict: dict[int | str, dict[str, Any]] = {409: {"model": Problems}}

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return _problems(422, [(_field(_place(entry)), entry["msg"]) for entry in error.errors()[:10]])

    @app.exception_handler(StarletteHTTPException)
    async def unreadable(_: Request, error: StarletteHTTPException) -> JSONResponse:
        # FastAPI answers 400 when a body defeats its parser; for the client that is one more invalid body.
        if error.status_code == 400:
            return _problems(422, [("body", str(error.detail))])
        return _problems(error.status_code, [("path", str(error.detail))])

    @app.exception_handler(Refusal)
    async def refused(_: Request, error: Refusal) -> JSONResponse:
        return _problems(error.status, [(error.field, error.problem)])

    @app.exception_handler(registry.RegistryError)
    async def not_in_registry(_: Request, error: registry.RegistryError) -> JSONResponse:
        return _problems(409, [("registry", str(error))])

    @app.get("/health")
    def health() -> Health:
        """Say whether the service can answer, and with which version."""
        return Health(
            status="ok",
            model=registry.MODEL_NAME,
            version=service.now.champion.version,
            alias=alias,
            log_failures=service.log.failures,
        )

    def answer(parcel: Parcel | UncheckedParcel, trace: bool) -> Prediction:
        image = np.array(parcel.pixels, dtype=float)
        return service.predict(image, parcel.parcel_id, trace=trace)

    if careless:

        @app.post("/predict", responses=refusals)
        def predict_unchecked(parcel: UncheckedParcel, trace: bool = False) -> Prediction:
            """Pick the chute of one parcel, whatever the numbers mean."""
            return answer(parcel, trace)

    else:

        @app.post("/predict", responses=refusals)
        def predict(parcel: Parcel, trace: bool = False) -> Prediction:
            """Pick the chute of one parcel."""
            return answer(parcel, trace)

    @app.post("/reload", responses=conflict)
    def reload() -> Health:
        """Take the version the alias points to now, without refusing a request meanwhile."""
        service.reload()
        return health()

    @app.get("/rollout")
    def rollout() -> RolloutStatus:
        """Say how the rollout stands."""
        return RolloutStatus(**asdict(service.now.rollout.status()))

    @app.post("/rollout", responses=conflict)
    def change_rollout(order: RolloutOrder) -> RolloutStatus:
        """Let the challenger in, or end the rollout."""
        return RolloutStatus(**asdict(service.order(order)))

    @app.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> Response:
        """Give the counters, for Prometheus."""
        return Response(generate_latest(service.metrics), media_type=CONTENT_TYPE_LATEST)

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    def docs() -> str:
        return _docs_page(app.openapi())

    return app


def _place(entry: dict[str, Any]) -> tuple[str | int, ...]:
    # An unreadable body comes with the position of the first wrong character, which is not a field.
    return ("body",) if entry["type"] == "json_invalid" else entry["loc"]


def _docs_page(description: dict[str, Any]) -> str:
    """Draw the OpenAPI description without scripts, so that it can be read offline."""
    rows = "".join(
        f"<tr><th scope='row'><code>{method.upper()} {escape(path)}</code></th>"
        f"<td>{escape(operation.get('description', ''))}</td><td>{', '.join(operation['responses'])}</td></tr>"
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    )
    schemas = escape(json.dumps(description["components"]["schemas"], indent=2))
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f"<title>{escape(description['info']['title'])}</title></head><body>"
        f"<h1>{escape(description['info']['title'])}</h1>"
        "<p>Made from <a href='/openapi.json'>openapi.json</a>, the description a program can read.</p>"
        "<table border='1' cellpadding='6'><thead><tr><th scope='col'>Request</th><th scope='col'>What it does</th>"
        f"<th scope='col'>Statuses</th></tr></thead><tbody>{rows}</tbody></table>"
        f"<h2>Shapes</h2><pre tabindex='0'>{schemas}</pre></body></html>"
    )


def _stop_with_parent(parent: int, stop: Callable[[], None]) -> None:
    """Call `stop` when the process that started this one closes the pipe or is gone."""
    ended = threading.Event()

    def read_to_the_end() -> None:
        while os.read(0, 1024):
            continue
        ended.set()

    def wait() -> None:
        # A child of the notebook may hold the pipe open after the notebook died; its process id tells then.
        while not ended.wait(0.5) and os.getppid() == parent:
            continue
        stop()
        time.sleep(SECONDS_TO_FINISH + 1)
        os._exit(0)

    for work in (read_to_the_end, wait):
        threading.Thread(target=work, daemon=True).start()


def _listen(port: int) -> socket.socket:
    # The event loop sends small answers at once only on a socket that names its protocol; others wait 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise registry.RegistryError(
            f"Port {port} is taken by another program. Leave `port` out: the system then picks a free one."
        ) from error
    return listener


def main(arguments: list[str] | None = None) -> int:
    """Run the service until its parent process ends; the port, or why there is none, is told on standard output.

    Parameters
    ----------
    arguments : list of str, optional
        The command line.

    Returns
    -------
    int
        0 if it served, 1 if it could not begin.
    """
    parser = argparse.ArgumentParser(
        prog="python -m mlops_lesson.deployment.service", description=main.__doc__.splitlines()[0]
    )
    parser.add_argument("--alias", default=registry.CHAMPION)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--parent", type=int, default=os.getppid())
    parser.add_argument("--careless", action="store_true")
    chosen = parser.parse_args(arguments)

    servers: list[uvicorn.Server] = []

    def stop() -> None:
        if not servers:
            os._exit(0)
        servers[0].should_exit = True

    _stop_with_parent(chosen.parent, stop)
    # Whatever a library prints goes to the log; standard output carries the one line the parent waits for.
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        listener = _listen(chosen.port)
        app = create_app(chosen.alias, careless=chosen.careless)
    except registry.RegistryError as error:
        print(json.dumps({"error": str(error)}), file=report, flush=True)
        return 1
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    servers.append(uvicorn.Server(config))
    print(json.dumps({"port": listener.getsockname()[1]}), file=report, flush=True)
    report.close()
    servers[0].run(sockets=[listener])
    app.state.service.log.close()
    return 0


if __name__ == "__main__":
    status = main()
    # The log is closed and nothing else is open: taking the libraries down in order would only cost time.
    sys.stderr.flush()
    os._exit(status)
