"""One live week after the other: requests, labels, and what can be seen of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import CleanDataset, last_click
from mlops_lesson.deployment import request_log
from mlops_lesson.deployment.serving import Server
from mlops_lesson.monitoring.monitors import Observed
from mlops_lesson.show.figures import BLUE, GREY, ShownFigure, drawing


def known_labels(parcel_ids: Iterable[int], until: pd.Timestamp) -> np.ndarray:
    """Look up labels known before a time: 0 (chute A), 1 (chute B), or not a number if nobody has clicked yet."""
    chute = last_click(depot.read_live_clicks(until))["chute"].str.strip().str.upper()
    return chute.map({"A": 0.0, "B": 1.0}).reindex(list(parcel_ids)).to_numpy(dtype=float)


@dataclass(frozen=True)
class WeekLog(Observed):
    """One week of requests, as the service has logged and counted them.

    Parameters
    ----------
    parcels : pandas.DataFrame
        `id`, `camera_id`, `seen_at`, `sender`.
    end : pandas.Timestamp
        Monday midnight after the week.
    shadow : numpy.ndarray of shape (n,) or None
        The challenger's probability of chute B, if one ran in the shadow.
    statuses : dict of str to int
        Requests to `/predict` by status code, from the service's counters.
    """

    parcels: pd.DataFrame
    end: pd.Timestamp
    shadow: np.ndarray | None = None
    statuses: dict[str, int] = field(default_factory=dict)


def _statuses(server: Server) -> Counter[str]:
    from prometheus_client.parser import text_string_to_metric_families

    families = text_string_to_metric_families(server.ask("GET", "/metrics"))
    counters = (each for family in families for each in family.samples if each.name == "depot_requests_total")
    return Counter({each.labels["status"]: int(each.value) for each in counters})


def send_week(server: Server, week: depot.LiveWeek) -> WeekLog:
    """Let the service sort a week's parcels, one request each, and read its log.

    Parameters
    ----------
    server : mlops_lesson.deployment.serving.Server
        A running service.
    week : mlops_lesson.collection.depot.LiveWeek
        The parcels.

    Returns
    -------
    WeekLog
        What the service has logged.

    Raises
    ------
    RuntimeError
        If the log lacks answers.
    """
    # The question for the counters is a request, too.
    before, counted = request_log.last_request(), _statuses(server) + Counter({"200": 1})
    for parcel_id, image in zip(week.parcels["id"], week.images, strict=True):
        server.predict(image, parcel_id=int(parcel_id))
    rows, ids = request_log.read_requests(after=before), week.parcels["id"].astype(str)
    champion, shadow = (
        rows[rows["role"] == role].set_index("parcel_id").reindex(ids) for role in ("champion", "shadow")
    )
    if champion["score"].isna().any():
        raise RuntimeError(
            f"The service answered {len(ids)} parcels but logged {champion['score'].notna().sum()} of them: is another "
            "service writing to the same folder, or the disk full? Stop it, then send the week again."
        )
    X, score = champion[request_log.PIXEL_COLUMNS].to_numpy(), champion["score"].to_numpy()
    label, statuses = known_labels(week.parcels["id"], week.end), dict(_statuses(server) - counted)
    shadow_score = None if shadow["score"].isna().all() else shadow["score"].to_numpy()
    return WeekLog(week.week, X, score, label, week.parcels, week.end, shadow_score, statuses)


def score_week(model: Any, week: depot.LiveWeek) -> WeekLog:
    """Return what the service would have logged for a week, without a service and without a challenger."""
    label = known_labels(week.parcels["id"], week.end)
    return WeekLog(week.week, week.X, model.predict_proba(week.X)[:, 1], label, week.parcels, week.end)


def accuracy_in_the_end(model: Any, week: depot.LiveWeek, X: np.ndarray | None = None) -> tuple[int, int]:
    """Count, with hindsight, how many of a week's parcels with any label a model gets right.

    Parameters
    ----------
    model : object
        Takes grey levels 0 to 16, shape (n, 64).
    week : mlops_lesson.collection.depot.LiveWeek
        The parcels; all their clicks count, late ones, too.
    X : numpy.ndarray of shape (n, 64), optional
        Other images of the same parcels, such as repaired ones.

    Returns
    -------
    tuple of int
        Right answers, and parcels with a label.
    """
    label = known_labels(week.parcels["id"], pd.Timestamp.max)
    right = model.predict(week.X if X is None else X) == label
    return int(right.sum()), int(np.isfinite(label).sum())


def plot_weeks(model: Any, weeks: Sequence[depot.LiveWeek], reference: Observed) -> ShownFigure:
    """Draw how far brightness and single pixels are from the reference, and how accuracy goes, week by week.

    Parameters
    ----------
    model : object
        The champion.
    weeks : sequence of mlops_lesson.collection.depot.LiveWeek
        The live weeks.
    reference : Observed
        The images on which the gate judged it.
    """
    numbers = [week.week for week in weeks]
    changes = pd.DataFrame([week.X.mean(axis=0) - reference.X.mean(axis=0) for week in weeks], numbers)
    mean, pixel = changes.mean(axis=1).abs(), changes.abs().mean(axis=1)
    accuracy = pd.Series([right / n for right, n in (accuracy_in_the_end(model, week) for week in weeks)], numbers)
    lowest = f"the accuracy is lowest in week {accuracy.idxmin()}"
    title = f"The mean brightness changes most in week {mean.idxmax()}; {lowest}"
    with drawing(title, 8.0, 2.7, columns=2) as d:
        inputs, right = d.axes
        inputs.plot(mean, "s--", color=GREY, label="the mean of all pixels")
        inputs.plot(pixel, "o-", color=BLUE, label="each pixel, on average")
        inputs.set(xlabel="live week", ylabel="grey levels, of 16", title="Change of the images")
        inputs.set_ylim(0, 1.5 * pixel.max())
        inputs.legend(loc="upper left")
        right.plot(accuracy, "o-", color=BLUE)
        right.set(xlabel="live week", ylabel="share right", title="Accuracy, known weeks later", ylim=(0, 1.02))
        d.alt = "Two line charts by live week. " + " ".join(
            f"Week {n}: mean changed by {mean[n]:.1f}, pixels by {pixel[n]:.1f} grey levels, accuracy {share:.2f}."
            for n, share in accuracy.items()
        )
    return d.shown


def reference_of(model: Any, clean: CleanDataset) -> Observed:
    """Return the first champion's reference: the test images, on which the gate judged it."""
    X_test, y_test = clean.part("test")
    return Observed(0, X_test, model.predict_proba(X_test)[:, 1], y_test)
