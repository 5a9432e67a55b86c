"""One live week after the other: requests, labels and what can be seen of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import CleanDataset, last_click
from mlops_lesson.deployment import request_log
from mlops_lesson.monitoring.monitors import Observed, Reference, confidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlops_lesson.deployment.serving import Server
    from mlops_lesson.show.figures import ShownFigure


def known_labels(parcel_ids: Iterable[int], until: pd.Timestamp) -> np.ndarray:
    """Look up which labels have come by a given time.

    Parameters
    ----------
    parcel_ids : iterable of int
        Live parcels.
    until : pandas.Timestamp
        Now; later clicks are not known yet.

    Returns
    -------
    numpy.ndarray of float
        For each parcel 0 (chute A), 1 (chute B), or not a number if nobody has clicked yet.
    """
    chute = last_click(depot.read_live_clicks(until))["chute"].str.strip().str.upper()
    return chute.map({"A": 0.0, "B": 1.0}).reindex(list(parcel_ids)).to_numpy(dtype=float)


@dataclass(frozen=True)
class WeekLog:
    """One week of requests, as the service has logged them.

    Parameters
    ----------
    week : int
        Its number.
    parcels : pandas.DataFrame
        `id`, `camera_id`, `seen_at`, `sender`.
    X : numpy.ndarray of shape (n, 64)
        The images as the service got them.
    score : numpy.ndarray of shape (n,)
        The champion's probability of chute B.
    shadow : numpy.ndarray of shape (n,) or None
        The challenger's, if one ran in the shadow.
    end : pandas.Timestamp
        Monday midnight after the week.
    """

    week: int
    parcels: pd.DataFrame = field(repr=False)
    X: np.ndarray = field(repr=False)
    score: np.ndarray = field(repr=False)
    shadow: np.ndarray | None = field(repr=False)
    end: pd.Timestamp

    def labels(self, until: pd.Timestamp | None = None) -> np.ndarray:
        """Return the labels known at a time, at the end of the week if not given; see `known_labels`."""
        return known_labels(self.parcels["id"], until or self.end)

    def observed(self, until: pd.Timestamp | None = None) -> Observed:
        """Return what the monitors may see of it at a time, at the end of the week if not given."""
        label = self.labels(until)
        known = ~np.isnan(label)
        return Observed(self.week, self.X, self.score, ((self.score >= 0.5) == label)[known])


def send_week(server: "Server", week: depot.LiveWeek) -> WeekLog:
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
        What the service wrote down.

    Raises
    ------
    RuntimeError
        If the log lacks answers.
    mlops_lesson.deployment.serving.ServingError
        If the service refuses an image or does not answer.
    """
    before = request_log.last_request()
    for parcel_id, image in zip(week.parcels["id"], week.images, strict=True):
        server.predict(image, parcel_id=int(parcel_id))
    rows = request_log.read_requests(after=before, pixels=True)
    answers = {role: part.set_index("parcel_id") for role, part in rows.groupby("role")}
    ids = week.parcels["id"].astype(str)
    champion = answers.get("champion", rows.set_index("parcel_id")).reindex(ids)
    if champion["score"].isna().any():
        raise RuntimeError(
            f"The service answered {len(ids)} parcels but logged {champion['score'].notna().sum()} of them: is another "
            "service writing to the same folder, or the disk full? Stop it, then send the week again."
        )
    shadow = answers["shadow"]["score"].reindex(ids).to_numpy() if "shadow" in answers else None
    X = champion[request_log.PIXEL_COLUMNS].to_numpy()
    return WeekLog(week.week, week.parcels, X, champion["score"].to_numpy(), shadow, week.end)


def describe_week(model: Any, week: depot.LiveWeek) -> dict[str, float]:
    """Say what can be seen of a week on the day, and what the clicks tell in the end.

    Parameters
    ----------
    model : object
        The champion.
    week : mlops_lesson.collection.depot.LiveWeek
        The parcels.

    Returns
    -------
    dict
        `week`, `parcels`, `mean grey` (0 to 16), `mean confidence` (0.5 to 1) and `accuracy in the end` (0 to 1).
    """
    score, label = model.predict_proba(week.X)[:, 1], known_labels(week.parcels["id"], pd.Timestamp.max)
    right = ((score >= 0.5) == label)[~np.isnan(label)]
    return {
        "week": week.week,
        "parcels": len(score),
        "mean grey": float(week.X.mean()),
        "mean confidence": float(confidence(score).mean()),
        "accuracy in the end": float(right.mean()),
    }


def plot_weeks(live: pd.DataFrame, control: pd.DataFrame) -> "ShownFigure":
    """Draw brightness and accuracy by week, for the live weeks and for the control stream.

    Parameters
    ----------
    live, control : pandas.DataFrame
        One row a week, as `describe_week` gives it.

    Returns
    -------
    ShownFigure
        Ready to be displayed, with alternative text.
    """
    from mlops_lesson.show.figures import BLUE, GREY, drawing

    seen, known = "mean grey", "accuracy in the end"
    darkest, worst = (int(live["week"][live[column].idxmin()]) for column in (seen, known))
    title = f"The pictures change most in week {darkest}, the accuracy in week {worst}"
    with drawing(title, 8.0, 3.1, columns=2) as d:
        axes = d.axes
        for axis, column, name in zip(axes, (seen, known), ("mean grey level, 0 to 16", "share right"), strict=True):
            axis.plot(control["week"], control[column], "s--", color=GREY, label="control")
            axis.plot(live["week"], live[column], "o-", color=BLUE, label="live")
            axis.set(xlabel="live week", ylabel=name, title=column.capitalize())
            axis.set_ylim(0, 1.1 * max(live[column].max(), control[column].max()))
            axis.legend(loc="lower left")
        alt = "Two line charts by live week, live and control. " + " ".join(
            f"Week {one['week']:.0f}: grey {one[seen]:.1f} and {other[seen]:.1f}, "
            f"accuracy {one[known]:.2f} and {other[known]:.2f}."
            for (_, one), (_, other) in zip(live.iterrows(), control.iterrows(), strict=True)
        )
        d.alt = alt
    return d.shown


def reference_of(model: Any, clean: CleanDataset) -> Reference:
    """Return the first champion's reference: the test images, on which the gate judged it and which it never learned.

    Parameters
    ----------
    model : object
        The champion.
    clean : CleanDataset
        The history.

    Returns
    -------
    Reference
        Images and scores.
    """
    X_test, _ = clean.part("test")
    return Reference(X_test, model.predict_proba(X_test)[:, 1])


def monitor(model: Any, clean: CleanDataset, logs: "Sequence[WeekLog]") -> pd.DataFrame:
    """Stage 6: compare the weeks since deployment with the images on which the gate judged the model.

    Parameters
    ----------
    model : object
        The champion.
    clean : CleanDataset
        The history; its test images are the reference.
    logs : sequence of mlops_lesson.monitoring.weeks.WeekLog
        The live weeks, as `mlops_lesson.monitoring.weeks.send_week` returns them.

    Returns
    -------
    pandas.DataFrame
        One row a week and monitor; see `mlops_lesson.monitoring.monitors.watch`.
    """
    from mlops_lesson.monitoring.monitors import watch

    return watch(reference_of(model, clean), [log.observed() for log in logs])
