"""The loop that closes the lifecycle: watch, alert, decide, retrain, judge, promote or refuse, and write it all down.

`Loop.step` does one Monday morning. Every piece of it is a function of its own, which the notebook calls by hand
before it lets the loop do it alone. Nothing is retrained or promoted without an alert, a gate, a comparison with the
champion on the same parcels, a pause between attempts, a largest number of them, and a line in the audit log.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.deployment import registry, rollout
from mlops_lesson.keep.files import append_line, read_lines
from mlops_lesson.keep.paths import home
from mlops_lesson.monitoring.monitors import KEPT, Monitor, Reference, watch
from mlops_lesson.monitoring.repair import (
    RETRAINING,
    data_hash,
    diagnose,
    find_move,
    move_in_words,
    retrain,
    training_data,
)
from mlops_lesson.monitoring.weeks import WeekLog, reference_of, send_week
from mlops_lesson.training.network import train_baseline
from mlops_lesson.validation.gate import FAILED, GATE, GateResult, check_gate
from mlops_lesson.validation.measures import CONFIDENCE, interval, mcnemar

if TYPE_CHECKING:
    from mlops_lesson.deployment.serving import Server
    from mlops_lesson.show.figures import ShownFigure

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
    def verdict(self) -> GateResult:
        """Both in one, as the registry records it."""
        reasons = [f"{kept}: old images: {why}" for kept, _, why in (text.partition(": ") for text in self.old.reasons)]
        if self.recent is None:
            return replace(self.old, reasons=(*reasons, f"{FAILED}it has not been tried on recent parcels"))
        recent = (text.partition(": ") for text in self.recent.reasons)
        reasons += [f"{kept}: recent parcels: {why}" for kept, _, why in recent]
        return replace(self.recent, reasons=tuple(reasons))

    @property
    def passed(self) -> bool:
        """Whether it may be promoted: both say yes."""
        return self.verdict.passed

    @property
    def failures(self) -> tuple[str, ...]:
        """The rules it did not pass."""
        return self.verdict.failures


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
    baseline_right = train_baseline(clean).predict(X_test) == y_test
    return check_gate(y_test, model.predict_proba(X_test)[:, 1], baseline_right, cameras, gate)


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
    champion_right = (log.score[known] >= 0.5) == label[known]
    cameras = log.parcels["camera_id"][known]
    return check_gate(label[known], log.shadow[known], champion_right, cameras, gate, baseline="champion")


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


def promote(server: "Server", version: int, judgement: Judgement, *, run: str, week: int) -> bool:
    """Promote a challenger if it passed on old images and on recent parcels, else refuse it; write down why.

    Parameters
    ----------
    server : mlops_lesson.deployment.serving.Server
        The running service; it answers with the new champion when this returns.
    version : int
        The challenger in the registry.
    judgement : Judgement
        What the gate says of it.
    run : str
        Which run of the loop.
    week : int
        The live week at whose end it happens.

    Returns
    -------
    bool
        Whether it is the champion now.
    """
    registry.record_gate(version, judgement.verdict)
    if not judgement.passed:
        write_audit(run, week, "gate", "refused", "; ".join(judgement.failures), version)
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
    server : mlops_lesson.deployment.serving.Server
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
        week : mlops_lesson.collection.depot.LiveWeek
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
        version = registry.register(model, data_hash=data_hash(X_old, y_old, X_new, y_new), tags=tags)
        old = judge_on_old(model, self.clean, self.policy.gate)
        if not old.passed:
            promote(self.server, version, Judgement(old), run=self.run, week=log.week)
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
        promoted = promote(self.server, challenger.version, judgement, run=self.run, week=log.week)
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
    from mlops_lesson.show.figures import BLUE, GREY, ORANGE, PINK, drawing

    reports, weeks = run.reports, [report.week for report in run.reports]
    accuracy = np.array([report.accuracy for report in reports])
    worst = int(np.nanargmin(accuracy))
    promotions = [report.action for report in reports].count("promote")
    title = (
        f"Accuracy falls to {accuracy[worst]:.2f} in week {weeks[worst]} and is {accuracy[-1]:.2f} in week {weeks[-1]}"
        f"; promotions: {promotions}"
    )
    with drawing(title, 7.6, 3.6) as d:
        axis = d.axis
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
        axis.set(xlabel="live week", ylabel="share right, labels of Monday", ylim=(0.3, 1.02), xticks=weeks)
        axis.legend(loc="lower left")
        alt = "Line chart of accuracy by live week. " + " ".join(
            f"Week {r.week}: {r.accuracy:.2f}, first champion {alone:.2f}"
            + (", alert" if r.state == ALERT else "")
            + (", promotion at its end" if r.action == "promote" else "")
            + "."
            for r, alone in zip(reports, run.unattended, strict=True)
        )
        d.alt = alt + f" The gate is at {gate:.2f}."
    return d.shown
