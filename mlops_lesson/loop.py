"""The loop that closes the lifecycle: watch, alert, decide, retrain, judge, promote or refuse, and write it all down.

`Loop.step` does one Monday morning. Every piece of it is a function of its own, which the notebook calls by hand
before it lets the loop do it alone. Nothing is retrained or promoted without an alert, a gate, a comparison with the
champion on the same parcels, a pause between attempts, a largest number of them, and a line in the audit log.
"""

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlops_lesson import depot, pipeline, registry, request_log, rollout
from mlops_lesson.datasets import CleanDataset
from mlops_lesson.evaluation import CONFIDENCE, GATE, GateResult, check_gate, interval, mcnemar, shift
from mlops_lesson.files import append_line, read_lines
from mlops_lesson.monitors import KEPT, Monitor, Observed, Reference, confidence, watch
from mlops_lesson.paths import home

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from mlops_lesson.figures import ShownFigure
    from mlops_lesson.serving import Server

RETRAINING = replace(pipeline.TrainingSettings(), learning_rate=0.05, momentum=0.9)
"""Smaller steps than in the first training, whose large ones were chosen to match the lesson's three epochs."""

MOVES: dict[str, tuple[int, int]] = {
    "as it is": (0, 0),
    "moved left": (-1, 0),
    "moved right": (1, 0),
    "moved up": (0, -1),
    "moved down": (0, 1),
}

NOTHING, WARNING, ALERT = "nothing", "warning", "alert"


@dataclass(frozen=True)
class Policy:
    """What the loop may do without asking anybody.

    Parameters
    ----------
    gate : float
        The accuracy that must be proven, 0 to 1; an accuracy proven to be below it is an alert.
    cool_down : int
        Weeks from one retraining to the next, at least 1.
    max_retrains : int
        Retrainings in all; after them a person has to decide. 0 allows none.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    gate: float = GATE
    cool_down: int = 2
    max_retrains: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.gate < 1 or self.cool_down < 1 or self.max_retrains < 0:
            raise ValueError(
                f"A policy needs a gate between 0 and 1, a cool-down of 1 week or more and 0 or more retrainings: got "
                f"gate={self.gate}, cool_down={self.cool_down}, max_retrains={self.max_retrains}."
            )


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
    chute = pipeline.last_click(depot.read_live_clicks(until))["chute"].str.strip().str.upper()
    return chute.map({"A": 0.0, "B": 1.0}).reindex(list(parcel_ids)).to_numpy(dtype=float)


@dataclass(frozen=True)
class WeekLog:
    """One week of requests, as the service has logged them.

    Parameters
    ----------
    week : int
        Its number.
    parcels : pandas.DataFrame
        `id`, `camera_id`, `seen_at`.
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
    server : mlops_lesson.serving.Server
        A running service.
    week : mlops_lesson.depot.LiveWeek
        The parcels.

    Returns
    -------
    WeekLog
        What the service wrote down.

    Raises
    ------
    RuntimeError
        If the log lacks answers.
    mlops_lesson.serving.ServingError
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
    week : mlops_lesson.depot.LiveWeek
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
    from mlops_lesson.charts import BLUE, GREY, new_figure
    from mlops_lesson.figures import show

    seen, known = "mean grey", "accuracy in the end"
    darkest, worst = (int(live["week"][live[column].idxmin()]) for column in (seen, known))
    title = f"The pictures change most in week {darkest}, the accuracy in week {worst}"
    with new_figure(8.0, 3.1, n_columns=2) as (figure, axes):
        for axis, column, name in zip(axes, (seen, known), ("mean grey level, 0 to 16", "share right"), strict=True):
            axis.plot(control["week"], control[column], "s--", color=GREY, label="control")
            axis.plot(live["week"], live[column], "o-", color=BLUE, label="live")
            axis.set(xlabel="live week", ylabel=name, title=column.capitalize())
            axis.set_ylim(0, 1.1 * max(live[column].max(), control[column].max()))
            axis.legend(loc="lower left")
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        alt = "Two line charts by live week, live and control. " + " ".join(
            f"Week {one['week']:.0f}: grey {one[seen]:.1f} and {other[seen]:.1f}, "
            f"accuracy {one[known]:.2f} and {other[known]:.2f}."
            for (_, one), (_, other) in zip(live.iterrows(), control.iterrows(), strict=True)
        )
        return show(figure, alt, title)


def diagnose(model: Any, X: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Ask whether the cameras have moved, by trying the champion on images that are moved back.

    Parameters
    ----------
    model : object
        The champion.
    X : numpy.ndarray of shape (n, 64)
        Recent images.
    y : numpy.ndarray of shape (n,)
        Their labels.

    Returns
    -------
    pandas.DataFrame
        One row a way of moving the images by one pixel: `images`, `accuracy`, and `p_value` of McNemar's test against
        the images as they are.

    Raises
    ------
    ValueError
        If there are no images, or images and labels differ in number.
    """
    right = {name: model.predict(shift(X, *move)) == y for name, move in MOVES.items()}
    plain = right["as it is"]
    rows = [(name, float(found.mean()), mcnemar(found, plain)) for name, found in right.items()]
    return pd.DataFrame(rows, columns=["images", "accuracy", "p_value"])


def find_move(diagnosis: pd.DataFrame) -> tuple[int, int] | None:
    """Say how the cameras have moved, if moving the images back helps by more than luck.

    Parameters
    ----------
    diagnosis : pandas.DataFrame
        What `diagnose` returns.

    Returns
    -------
    tuple of int or None
        Columns to the right and rows down by which the pictures have moved; None if nothing of the kind is proven.
    """
    if diagnosis["accuracy"].isna().all():
        return None
    best = diagnosis.loc[diagnosis["accuracy"].idxmax()]
    if best["images"] == "as it is" or best["p_value"] >= 1 - CONFIDENCE:
        return None
    columns, rows = MOVES[best["images"]]
    return -columns, -rows


def move_in_words(move: tuple[int, int] | None) -> str:
    """Say how the pictures have moved, such as "1 column to the right"."""
    if move is None:
        return "no move of the cameras found"
    columns, rows = move
    if columns:
        return f"the pictures have moved by {abs(columns)} column to the {'right' if columns > 0 else 'left'}"
    return f"the pictures have moved {'down' if rows > 0 else 'up'} by {abs(rows)} row"


def retrain(
    X_old: np.ndarray,
    y_old: np.ndarray,
    X_new: np.ndarray,
    y_new: np.ndarray,
    move: tuple[int, int] | None = None,
    settings: pipeline.TrainingSettings = RETRAINING,
) -> "Pipeline":
    """Train a challenger on what was known before the change and on what has been labelled since.

    Parameters
    ----------
    X_old, y_old : numpy.ndarray of shape (n, 64) and (n,)
        Images and labels from before the change.
    X_new, y_new : numpy.ndarray of shape (m, 64) and (m,)
        Images and labels since.
    move : tuple of int, optional
        How the cameras have moved: the old images are used a second time, moved the same way.
    settings : mlops_lesson.pipeline.TrainingSettings
        How to train.

    Returns
    -------
    sklearn.pipeline.Pipeline
        The challenger.

    Raises
    ------
    ValueError
        If there are no images, or images and labels differ in number.
    """
    copies = [] if move is None else [shift(X_old, *move)]
    X = np.concatenate([X_old, *copies, X_new])
    y = np.concatenate([y_old, *[y_old] * len(copies), y_new]).astype(int)
    return pipeline.fit_on(X, y, X_new, np.asarray(y_new).astype(int), settings, "Retraining")[0]


@dataclass(frozen=True)
class Judgement:
    """What the gate says of a challenger.

    Parameters
    ----------
    old : GateResult
        On the test images of the history, by the rules of Model Validation.
    recent : GateResult or None
        On recent parcels that it has not learned from, where the champion is the model to beat; None before it has met
        any.
    """

    old: GateResult
    recent: GateResult | None = None

    @property
    def passed(self) -> bool:
        """Whether it may be promoted: both say yes."""
        return self.old.passed and self.recent is not None and self.recent.passed

    @property
    def failures(self) -> tuple[str, ...]:
        """The rules it did not pass."""
        recent = () if self.recent is None else self.recent.failures
        return tuple(f"old images: {text}" for text in self.old.failures) + tuple(
            f"recent parcels: {text}" for text in recent
        )


def judge_on_old(model: Any, clean: CleanDataset, gate: float = GATE) -> GateResult:
    """Judge a challenger on the test images of the history, as Model Validation does.

    Parameters
    ----------
    model : object
        The challenger.
    clean : CleanDataset
        The history.
    gate : float
        The accuracy that must be proven.

    Returns
    -------
    GateResult
        The verdict.
    """
    X_test, y_test = clean.part("test")
    cameras = clean.table.loc[clean.table["split"] == "test", "camera_id"]
    return check_gate(model, X_test, y_test, cameras, pipeline.train_baseline(clean), gate)


class _Answered:
    """Answers that were given already, in the place of a model."""

    def __init__(self, score: np.ndarray) -> None:
        self._score = score

    def predict(self, X: np.ndarray) -> np.ndarray:
        return (self._score >= 0.5).astype(int)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.column_stack([1 - self._score, self._score])


def judge_on_recent(log: WeekLog, until: pd.Timestamp | None = None, gate: float = GATE) -> GateResult:
    """Judge a challenger on a week of which it answered every parcel in the shadow; the champion is the one to beat.

    Parameters
    ----------
    log : WeekLog
        A week with a challenger in the shadow.
    until : pandas.Timestamp, optional
        Now; the end of the week if not given.
    gate : float
        The accuracy that must be proven.

    Returns
    -------
    GateResult
        The verdict; its second rule is McNemar's test against the champion on the same parcels.

    Raises
    ------
    ValueError
        If there was no challenger, or no label has come yet.
    """
    label = log.labels(until)
    known = ~np.isnan(label)
    if log.shadow is None or not known.any():
        missing = "no challenger ran in the shadow" if log.shadow is None else "no label has come yet"
        raise ValueError(f"Week {log.week} cannot be judged: {missing}. Wait another week.")
    challenger, champion = _Answered(log.shadow[known]), _Answered(log.score[known])
    result = check_gate(challenger, log.X[known], label[known], log.parcels["camera_id"][known], champion, gate)
    reasons = tuple(reason.replace("the baseline has", "the champion has") for reason in result.reasons)
    return replace(result, reasons=reasons)


def audit_path() -> Path:
    """Return the audit log's file, `audit.jsonl` in the learner's folder; it may not exist yet."""
    return home() / "audit.jsonl"


def write_audit(run: str, week: int, who: str, what: str, why: str, version: int | None = None) -> None:
    """Add a line to the audit log; it is on the disk when this returns.

    Parameters
    ----------
    run : str
        Which run of the loop.
    week : int
        The live week at whose end it happens.
    who : str
        Who decided: ``"monitors"``, ``"loop"``, ``"gate"`` or a person.
    what, why : str
        The decision and its reason.
    version : int, optional
        The model version it is about.
    """
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = {"at": at, "run": run, "week": week, "who": who, "what": what, "why": why, "version": version}
    append_line(audit_path(), line)


def read_audit(run: str | None = None) -> pd.DataFrame:
    """Read the audit log, oldest first.

    Parameters
    ----------
    run : str, optional
        Only this run of the loop.

    Returns
    -------
    pandas.DataFrame
        `at` (UTC), `run`, `week`, `who`, `what`, `why` and `version` (missing if it is about none). A line cut short by
        a crash is left out.
    """
    columns = ["at", "run", "week", "who", "what", "why", "version"]
    lines = read_lines(audit_path(), ("version",))
    frame = pd.DataFrame(lines, columns=columns).astype({"version": "Int64"})
    return frame if run is None else frame[frame["run"] == run].reset_index(drop=True)


DECIDED, PROMOTED, INTERRUPTED = "decides to promote", "promoted", "interrupted"


def settle() -> str:
    """Complete the audit log after a process died in the middle of a promotion.

    The alias moves in one step, so the champion is either the old or the new version; this finds out which of the two
    it is, and writes it down.

    Returns
    -------
    str
        ``"promoted"`` or ``"interrupted"`` if something was open, else an empty text.
    """
    log = read_audit()
    about = log[log["what"].isin([DECIDED, PROMOTED, INTERRUPTED])]
    if about.empty or about["what"].iloc[-1] != DECIDED:
        return ""
    last = about.iloc[-1]
    champion = registry.champion()
    done = champion is not None and champion.version == last["version"]
    outcome = PROMOTED if done else INTERRUPTED
    why = "found after a stop: the alias had moved" if done else "found after a stop: the champion had not changed"
    write_audit(last["run"], int(last["week"]), "loop", outcome, why, int(last["version"]))
    return outcome


def promote(server: "Server", version: int, judgement: Judgement, *, run: str, week: int, data_version: str) -> bool:
    """Promote a challenger if it passed on old images and on recent parcels, else refuse it; write down why.

    Parameters
    ----------
    server : mlops_lesson.serving.Server
        The running service; it answers with the new champion when this returns.
    version : int
        The challenger in the registry.
    judgement : Judgement
        What the gate says of it.
    run : str
        Which run of the loop.
    week : int
        The live week at whose end it happens.
    data_version : str
        Hash of the data it was judged on.

    Returns
    -------
    bool
        Whether it is the champion now.
    """
    result = judgement.recent or judgement.old
    numbers = {key: getattr(result, key) for key in ("accuracy", "low", "high", "n", "threshold")}
    registry.record_gate(
        version, passed=judgement.passed, **numbers, data_version=data_version, reasons=judgement.failures
    )
    if not judgement.passed:
        why = "; ".join(judgement.failures) or "it has not been tried on recent parcels"
        write_audit(run, week, "gate", "refused", why, version)
        return False
    why = "passed on old images and on recent parcels, and beats the champion there"
    write_audit(run, week, "gate", DECIDED, why, version)
    registry.promote(version, reason=f"week {week}: {why}")
    server.reload()
    write_audit(run, week, "loop", PROMOTED, "the alias has moved and the service has reloaded", version)
    return True


@dataclass(frozen=True)
class WeekReport:
    """One Monday morning of the loop.

    Parameters
    ----------
    week : int
        The week that has ended.
    n_labels : int
        Labels that had come by then.
    accuracy, low, high : float
        The champion's accuracy on them and its 95 % interval; not a number without labels.
    alarms : tuple of str
        The monitors that rang.
    state : {"nothing", "warning", "alert"}
        A warning is for people to read; only an alert, an accuracy proven to be below the gate, may retrain.
    action : str
        What the loop did.
    why : str
        Its reason.
    """

    week: int
    n_labels: int
    accuracy: float
    low: float
    high: float
    alarms: tuple[str, ...]
    state: str
    action: str
    why: str


@dataclass(frozen=True)
class _Challenger:
    version: int
    model: Any
    old: GateResult


class Loop:
    """Watches the service week by week, and repairs it by the rules of a policy.

    Parameters
    ----------
    server : mlops_lesson.serving.Server
        The running service; its champion is what is watched.
    clean : CleanDataset
        The history, whose test images are the first reference.
    policy : Policy
        What it may do.
    monitors : sequence of Monitor
        What it watches; the last of them, an accuracy held against the policy's gate, is the one whose alarm is an
        alert.
    """

    def __init__(
        self,
        server: "Server",
        clean: CleanDataset,
        policy: Policy | None = None,
        monitors: Sequence[Monitor] = KEPT,
    ) -> None:
        settle()
        self.server, self.clean, self.policy = server, clean, policy or Policy()
        *others, accuracy = monitors
        self.monitors = (*others, replace(accuracy, threshold=self.policy.gate))
        self.run = uuid.uuid4().hex
        self.reports: list[WeekReport] = []
        self.logs: list[WeekLog] = []
        self.first_model = self._model = registry.load("champion").model
        self._reference = reference_of(self._model, clean)
        self._watched: list[WeekLog] = []
        self._challenger: _Challenger | None = None
        self._retrained_in: list[int] = []
        self._before: Any = None

    def step(self, week: depot.LiveWeek) -> WeekReport:
        """Send a week through the service, and do what Monday asks for.

        Parameters
        ----------
        week : mlops_lesson.depot.LiveWeek
            The next week.

        Returns
        -------
        WeekReport
            What was seen and done.
        """
        log = send_week(self.server, week)
        self.logs.append(log)
        self._watched.append(log)
        readings = watch(self._reference, [one.observed() for one in self._watched], self.monitors)
        rang = readings[(readings["week"] == log.week) & readings["alarm"]]["monitor"].tolist()
        state = ALERT if self.monitors[-1].name in rang else WARNING if rang else NOTHING
        if rang:
            self._note(log.week, "monitors", state, ", ".join(rang))
        action, why = self._act(log, state)
        right = log.observed().right
        n, n_right = len(right), int(right.sum())
        accuracy, (low, high) = (n_right / n, interval(n_right, n)) if n else (np.nan, (np.nan, np.nan))
        report = WeekReport(log.week, n, accuracy, low, high, tuple(rang), state, action, why)
        self.reports.append(report)
        return report

    def result(self) -> "LoopRun":
        """Return what was done so far."""
        alone = []
        for log in self.logs:
            label = log.labels()
            known = ~np.isnan(label)
            right = self.first_model.predict(log.X[known]) == label[known] if known.any() else np.array([np.nan])
            alone.append(float(right.mean()))
        return LoopRun(self.run, tuple(self.reports), tuple(alone), tuple(self.logs))

    def _note(self, week: int, who: str, what: str, why: str, version: int | None = None) -> None:
        write_audit(self.run, week, who, what, why, version)

    def _act(self, log: WeekLog, state: str) -> tuple[str, str]:
        if self._challenger is not None:
            return self._decide_on_challenger(log)
        if state == ALERT and self._older_is_better(log):
            registry.rollback(reason=f"week {log.week}: the champion before is better on the same parcels")
            self.server.reload()
            self._follow(self._before, log)
            self._before = None
            why = "the champion before is better on this week's parcels"
            self._note(log.week, "loop", "rolled back", why)
            return "roll back", why
        if state != ALERT:
            return "go on", "no alert"
        if refusal := self._may_not_retrain(log.week):
            self._note(log.week, "loop", "waits", refusal)
            return "wait", refusal
        return self._retrain(log)

    def _may_not_retrain(self, week: int) -> str:
        if len(self._retrained_in) >= self.policy.max_retrains:
            return f"{self.policy.max_retrains} retrainings are the most the policy allows: a person has to decide"
        if self._retrained_in and week - self._retrained_in[-1] < self.policy.cool_down:
            return f"the last retraining was in week {self._retrained_in[-1]}, the cool-down is not over"
        return ""

    def _older_is_better(self, log: WeekLog) -> bool:
        label = log.labels()
        known = ~np.isnan(label)
        if self._before is None or not known.any():
            return False
        before = self._before.predict(log.X[known]) == label[known]
        now = (log.score[known] >= 0.5) == label[known]
        return bool(before.mean() > now.mean() and mcnemar(before, now) < 1 - CONFIDENCE)

    def _retrain(self, log: WeekLog) -> tuple[str, str]:
        self._retrained_in.append(log.week)
        X_old, y_old, X_new, y_new = training_data(self.clean, self.logs, log.end)
        move = find_move(diagnose(self._model, X_new, y_new))
        cause = move_in_words(move)
        self._note(log.week, "loop", "retrains", f"alert; {cause}; {len(y_new)} new labels")
        model = retrain(X_old, y_old, X_new, y_new, move)
        tags = RETRAINING.to_dict() | {"trigger": f"accuracy alert of week {log.week}"}
        version = registry.register(model, data_version=data_version(X_old, y_old, X_new, y_new), tags=tags)
        old = judge_on_old(model, self.clean, self.policy.gate)
        if not old.passed:
            promote(self.server, version, Judgement(old), run=self.run, week=log.week, data_version=self.clean.version)
            return "retrain, refuse", "; ".join(old.failures)
        registry.nominate(version, reason=f"week {log.week}: retrained after an alert")
        rollout.start_shadow(self.server)
        self._challenger = _Challenger(version, model, old)
        self._note(
            log.week, "gate", "into the shadow", "passed on old images; a week of recent ones comes next", version
        )
        return "retrain, shadow", cause

    def _decide_on_challenger(self, log: WeekLog) -> tuple[str, str]:
        challenger = self._challenger
        if np.isnan(log.labels()).all():
            why = "no label has come, so the challenger stays in the shadow"
            self._note(log.week, "loop", "waits", why)
            return "wait", why
        self._challenger = None
        rollout.stop(self.server)
        recent = judge_on_recent(log, gate=self.policy.gate)
        judgement = Judgement(challenger.old, recent)
        promoted = promote(
            self.server,
            challenger.version,
            judgement,
            run=self.run,
            week=log.week,
            data_version=self.clean.version,
        )
        if not promoted:
            return "refuse", "; ".join(judgement.failures)
        self._before = self._model
        self._follow(challenger.model, log)
        return "promote", f"accuracy {recent.accuracy:.3f} on {recent.n} recent parcels, gate passed"

    def _follow(self, model: Any, log: WeekLog) -> None:
        """Make the newest week the reference of a new champion: there the gate judged it, with the cameras of now."""
        self._model = model
        self._reference = Reference(log.X, model.predict_proba(log.X)[:, 1])
        self._watched = []


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


def training_data(
    clean: CleanDataset, logs: Sequence[WeekLog], until: pd.Timestamp
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gather what a challenger may learn from: all but the test images, and every live label that has come.

    Parameters
    ----------
    clean : CleanDataset
        The history.
    logs : sequence of WeekLog
        The live weeks so far; the last is the new one.
    until : pandas.Timestamp
        Now.

    Returns
    -------
    tuple of numpy.ndarray
        X and y from before the last week, X and y of the last week.
    """
    learned = (clean.table["split"] != "test").to_numpy()
    X, y = [clean.X[learned]], [clean.y[learned].astype(float)]
    for log in logs:
        label = log.labels(until)
        X.append(log.X[~np.isnan(label)])
        y.append(label[~np.isnan(label)])
    return np.concatenate(X[:-1]), np.concatenate(y[:-1]), X[-1], y[-1]


def data_version(*arrays: np.ndarray) -> str:
    """Return the SHA-256 of training data, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(np.shape(array)).encode())
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class LoopRun:
    """What the loop did over some weeks; made by `mlops_lesson.pipeline.run`.

    Parameters
    ----------
    run : str
        Its name in the audit log.
    reports : tuple of WeekReport
        Monday by Monday.
    unattended : tuple of float
        The first champion's accuracy on the same labelled parcels: what would have been without the loop.
    logs : tuple of WeekLog
        The requests of each week.
    """

    run: str
    reports: tuple[WeekReport, ...]
    unattended: tuple[float, ...]
    logs: tuple[WeekLog, ...] = field(repr=False)

    def table(self) -> pd.DataFrame:
        """Return one row a week: `week`, `labels`, `accuracy`, `low`, `high`, `state`, `action`, `why`."""
        return pd.DataFrame(
            [(r.week, r.n_labels, r.accuracy, r.low, r.high, r.state, r.action, r.why) for r in self.reports],
            columns=["week", "labels", "accuracy", "low", "high", "state", "action", "why"],
        )

    def audit(self) -> pd.DataFrame:
        """Return this run's lines of the audit log: `week`, `who`, `what`, `why`."""
        return read_audit(self.run)[["week", "who", "what", "why"]]

    def plot(self) -> "ShownFigure":
        """Draw accuracy by week with and without the loop, the gate, alerts and promotions."""
        return plot_run(self)


def plot_run(run: LoopRun, gate: float = GATE) -> "ShownFigure":
    """Draw what the loop did: accuracy by week with and without it, the gate, alerts and promotions.

    Parameters
    ----------
    run : LoopRun
        What happened.
    gate : float
        The accuracy that must be proven.

    Returns
    -------
    ShownFigure
        Ready to be displayed, with alternative text.
    """
    from mlops_lesson.charts import BLUE, GREY, ORANGE, PINK, new_figure
    from mlops_lesson.figures import show

    reports, weeks = run.reports, [report.week for report in run.reports]
    accuracy = np.array([report.accuracy for report in reports])
    worst = int(np.nanargmin(accuracy))
    promotions = [report.action for report in reports].count("promote")
    title = (
        f"Accuracy falls to {accuracy[worst]:.2f} in week {weeks[worst]} and is {accuracy[-1]:.2f} in week {weeks[-1]}"
        f"; promotions: {promotions}"
    )
    with new_figure(7.6, 3.6) as (figure, (axis,)):
        spread = [accuracy - [r.low for r in reports], [r.high for r in reports] - accuracy]
        axis.errorbar(weeks, accuracy, spread, fmt="o-", color=BLUE, capsize=3, label="with the loop, 95 % interval")
        axis.plot(weeks, run.unattended, "s--", color=GREY, label="first champion, left alone")
        axis.axhline(gate, color=ORANGE, linestyle=":", label=f"gate {gate:.2f}")
        for report in reports:
            if report.state == ALERT:
                axis.annotate("alert", (report.week, report.low), (0, -13), textcoords="offset points", ha="center")
            if report.action == "promote":
                axis.axvline(report.week + 0.5, color=PINK, linestyle="-.")
                axis.annotate("promotion", (report.week + 0.55, 0.36), color=PINK)
        axis.set(
            xlabel="live week", ylabel="share right, labels of Monday", ylim=(0.3, 1.02), xticks=weeks, title=title
        )
        axis.legend(loc="lower left")
        alt = "Line chart of accuracy by live week. " + " ".join(
            f"Week {r.week}: {r.accuracy:.2f}, first champion {alone:.2f}"
            + (", alert" if r.state == ALERT else "")
            + (", promotion at its end" if r.action == "promote" else "")
            + "."
            for r, alone in zip(reports, run.unattended, strict=True)
        )
        return show(figure, alt + f" The gate is at {gate:.2f}.", title)
