"""The prediction service: the 15 lines that the learner writes in notebook 5, grown up.

What was added to them, and why:

- a challenger may listen in the shadow, or answer a share of the parcels as a canary (`/rollout`);
- another version takes over without one refused request (`/reload`), and each answer names its version;
- each answer is logged for the monitors; requests, answers and seconds are counted (`/metrics`);
- one prediction can be followed layer by layer (`/trace`);
- large bodies are refused unread, and so is what a web page of another site makes a browser send.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from pydantic import BaseModel, Field
from starlette.datastructures import Headers

from mlops_lesson.deployment import registry
from mlops_lesson.deployment.prediction import trace_prediction
from mlops_lesson.deployment.request_log import RequestLog
from mlops_lesson.deployment.rollout import CANARY, OFF, Rollout, Status
from mlops_lesson.deployment.run_app import run

MAX_BODY_BYTES = 16_384
OWN_HOSTS = ("127.0.0.1", "localhost")

Grey = Annotated[float, Field(ge=0, le=16, strict=True, allow_inf_nan=False)]


class Parcel(BaseModel):
    """The contract of `/predict` and `/trace`: 64 grey levels from 0 to 16, row after row, and whose they are."""

    pixels: Annotated[list[Grey], Field(min_length=64, max_length=64)]
    parcel_id: Annotated[str, Field(pattern="^[A-Za-z0-9_.-]{1,40}$", strict=True)] | None = None


class RolloutOrder(BaseModel):
    """How to let the challenger in."""

    mode: Literal["off", "shadow", "canary"]
    share: Annotated[float, Field(gt=0, le=1, strict=True, allow_inf_nan=False)] = 0.2
    max_error_rate: Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)] = 0.05


class Prediction(BaseModel):
    """What the service answers for one parcel."""

    chute: Literal["A", "B"]
    probability: Annotated[float, Field(ge=0, le=1, description="Probability of chute B.")]
    alias: str
    version: int


class Service:
    """What answers, and what has been counted; all that it is told is an alias."""

    def __init__(self) -> None:
        self.champion = registry.load(registry.CHAMPION)
        self.rollout = Rollout()
        self.log = RequestLog()
        self.counters = CollectorRegistry()
        self.requests = Counter("depot_requests", "Requests, by status.", ["status"], registry=self.counters)
        self.seconds = Histogram("depot_prediction_seconds", "Time to answer.", registry=self.counters)

    def predict(self, parcel: Parcel) -> Prediction:
        """Pick the chute of one parcel, by the champion or its canary."""
        with self.seconds.time():
            rollout, champion = self.rollout, self.champion
            mode = rollout.status.mode
            if rollout.takes(parcel.parcel_id):
                answer = None
                with suppress(Exception):
                    answer = self._answer(rollout.challenger, mode, parcel)
                rollout.count(failed=answer is None)
                if answer and mode == CANARY:
                    return answer
            try:
                return self._answer(champion, registry.CHAMPION, parcel)
            except Exception as error:
                raise HTTPException(503, f"Version {champion.version} could not answer: {error}") from error

    def _answer(self, loaded: registry.RegisteredModel, role: str, parcel: Parcel) -> Prediction:
        image, version = np.array([parcel.pixels]), loaded.version
        alias = registry.CHAMPION if role == registry.CHAMPION else registry.CHALLENGER
        probability = float(loaded.model.predict_proba(image)[0, 1])
        chute: Literal["A", "B"] = "B" if probability >= 0.5 else "A"
        # Made before it is logged: a score that is no probability, such as NaN, is no answer.
        answer = Prediction(chute=chute, probability=probability, alias=alias, version=version)
        self.log.write(parcel_id=parcel.parcel_id, role=role, version=version, image=image, score=probability)
        return answer

    def trace(self, parcel: Parcel) -> dict[str, Any]:
        """Follow one image through the champion, layer by layer; nothing is logged."""
        layers = trace_prediction(self.champion.model, parcel.pixels)
        scaled, hidden = layers.scaled.ravel().tolist(), layers.hidden.tolist()
        return {"scaled": scaled, "hidden": hidden, "probability": layers.probability}

    def health(self) -> dict[str, Any]:
        """Say which version answers, how many answers could not be logged, and how a rollout stands."""
        return {"version": self.champion.version, "log_failures": self.log.failures, "rollout": self.rollout.status}

    def reload(self) -> dict[str, Any]:
        """Take the version the alias points to now, and end a rollout; no request is refused meanwhile."""
        # If it cannot be loaded, the old one goes on answering.
        self.champion = registry.load(registry.CHAMPION)
        self.rollout.stop("the champion was loaded again")
        return self.health()

    def set_rollout(self, order: RolloutOrder) -> Status:
        """Let the challenger in, in the shadow or as a canary, or end the rollout."""
        if order.mode == OFF:
            self.rollout.stop()
            return self.rollout.status
        challenger = registry.load(registry.CHALLENGER)
        if order.mode == CANARY and not challenger.passed:
            raise HTTPException(
                409, "A canary answers real parcels, so its gate must be passed first; until then use the shadow."
            )
        # Replaced as a whole, so that a request never sees half a change.
        self.rollout = Rollout(challenger, **order.model_dump())
        return self.rollout.status

    def metrics(self) -> Response:
        """Give the counters, for Prometheus."""
        return Response(generate_latest(self.counters), media_type=CONTENT_TYPE_LATEST)


def _refusal(headers: Headers) -> tuple[int, str] | None:
    """Say why a request is refused unread; None if it is not."""
    host = headers.get("host", "")
    # A browser names the page that makes it ask in the header Origin; programs such as the notebook send none.
    if host.partition(":")[0] not in OWN_HOSTS or headers.get("origin", f"http://{host}") != f"http://{host}":
        return 403, "A page of another site may not use this service; send the request from a program."
    if "transfer-encoding" in headers:
        return 411, "Send the body as a whole, with its length in the header Content-Length."
    if int(headers.get("content-length", 0)) > MAX_BODY_BYTES:
        return 413, f"The body is larger than {MAX_BODY_BYTES} bytes; one parcel needs far less."
    return None


def create_app() -> FastAPI:
    """Make the application, answering with the version that has the alias `champion`."""
    service = Service()
    refusals: dict[int | str, dict[str, Any]] = {
        code: {"description": "Refused; the answer says why."} for code in (400, 403, 409, 411, 413, 503)
    }
    # Without the pages /docs and /redoc, which would fetch their scripts from the network.
    app = FastAPI(title="Parcel chute service", version="1", docs_url=None, redoc_url=None, responses=refusals)
    app.post("/predict")(service.predict)
    app.post("/trace")(service.trace)
    app.get("/health")(service.health)
    app.post("/reload")(service.reload)
    app.post("/rollout")(service.set_rollout)
    app.get("/metrics", response_class=PlainTextResponse)(service.metrics)

    @app.middleware("http")
    async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        status = 500
        try:
            refused = _refusal(request.headers)
            response = JSONResponse({"detail": refused[1]}, refused[0]) if refused else await answer(request)
            status = response.status_code
            return response
        finally:
            service.requests.labels(status).inc()

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # As FastAPI says it, but without what was sent: NaN and half a character cannot be sent back as JSON.
        return JSONResponse(
            {"detail": [{key: one[key] for key in ("loc", "msg", "type")} for one in error.errors()]}, 422
        )

    @app.exception_handler(registry.RegistryError)
    async def not_in_registry(_: Request, error: registry.RegistryError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 409)

    return app


if __name__ == "__main__":
    run(create_app)
