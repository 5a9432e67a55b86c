"""Letting a challenger in: first in the shadow, then for a small stable share of the parcels, with a way back.

In the *shadow* the challenger sees every parcel and answers nobody. As a *canary* it answers a share of the parcels,
always the same ones; when it fails too often, the champion answers everything again. Neither sees a wrong chute: for
that, `compare` waits for the labels.
"""

import hashlib
import threading
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlops_lesson.deployment.request_log import read_requests
from mlops_lesson.deployment.serving import Server

OFF, SHADOW, CANARY = "off", "shadow", "canary"
MIN_REQUESTS = 20
"""From so many requests to the challenger on, the share that failed is looked at."""


def in_canary(parcel_id: object, share: float) -> bool:
    """Say whether the canary answers this parcel: the same on any machine, and for a larger share, too."""
    digest = hashlib.sha256(str(parcel_id).encode()).digest()
    return int.from_bytes(digest[:6], "big") < share * 2**48


@dataclass
class Status:
    """How a rollout stands; what the challenger could not answer (its errors), the champion answered."""

    mode: str = OFF
    challenger_requests: int = 0
    challenger_errors: int = 0
    stopped_because: str = ""


class Rollout:
    """The service's side of a rollout: counts, and ends it when the challenger fails on too large a share."""

    def __init__(self, challenger: Any = None, mode: str = OFF, share: float = 0, max_error_rate: float = 0) -> None:
        self.challenger, self.status = challenger, Status(mode)
        self._share, self._max_error_rate = share, max_error_rate
        self._lock = threading.Lock()

    def takes(self, parcel_id: str | None) -> bool:
        """Say whether the challenger is asked about this parcel; one without an id stays with the champion."""
        if self.status.mode == SHADOW:
            return True
        return self.status.mode == CANARY and parcel_id is not None and in_canary(parcel_id, self._share)

    def count(self, *, failed: bool) -> None:
        """Count a question to the challenger, and end the rollout if it has failed too often."""
        with self._lock:
            now = self.status
            now.challenger_requests += 1
            now.challenger_errors += failed
            asked, errors = now.challenger_requests, now.challenger_errors
            if asked >= MIN_REQUESTS and errors > self._max_error_rate * asked:
                allowed = f"{100 * self._max_error_rate:g} %"
                self.stop(f"the challenger failed on {errors} of {asked} parcels, more than {allowed}")

    def stop(self, because: str = "") -> None:
        """End the rollout, if it goes on: the champion answers everything."""
        if self.status.mode != OFF:
            self.status.mode, self.status.stopped_because = OFF, because


def start_shadow(server: Server) -> Status:
    """Let the challenger see every parcel and answer none."""
    return _order(server, mode=SHADOW)


def start_canary(server: Server, *, share: float = 0.2, max_error_rate: float = 0.05) -> Status:
    """Let the challenger answer a share of the parcels.

    Parameters
    ----------
    server : mlops_lesson.deployment.serving.Server
        A running service.
    share : float
        Share of the parcels, more than 0, at most 1.
    max_error_rate : float
        The service ends the rollout by itself when a larger share of the challenger's requests fails; it looks from
        the 20th on.
    """
    return _order(server, mode=CANARY, share=share, max_error_rate=max_error_rate)


def stop(server: Server) -> Status:
    """End the rollout by hand; returns how it stood at its end."""
    return _order(server, mode=OFF)


def status(server: Server) -> Status:
    """Ask how the rollout stands."""
    return Status(**server.ask("GET", "/health")["rollout"])


def _order(server: Server, **order: object) -> Status:
    return Status(**server.ask("POST", "/rollout", order))


@dataclass(frozen=True)
class Comparison:
    """Champion and challenger on the same parcels: how many, both accuracies, the p-value of the paired test."""

    n: int
    champion_accuracy: float
    challenger_accuracy: float
    p_value: float


def compare(labels: pd.Series, *, after: int = 0) -> Comparison:
    """Compare the two on the parcels of a shadow rollout, once their labels have come.

    Parameters
    ----------
    labels : pandas.Series
        Label of each parcel id: 0 (chute A) or 1 (chute B).
    after : int
        Only requests newer than this id; see `mlops_lesson.deployment.request_log.last_request`.
    """
    from mlops_lesson.validation.measures import mcnemar

    truth = labels.rename(str)
    scores = read_requests(after=after).pivot_table(index="parcel_id", columns="role", values="score", aggfunc="last")
    scores = scores.reindex(truth.index, columns=["champion", "shadow"]).dropna()
    right = (scores >= 0.5).eq(truth[scores.index], axis=0)
    champion, challenger = right["champion"], right["shadow"]
    return Comparison(len(right), champion.mean(), challenger.mean(), mcnemar(champion, challenger))
