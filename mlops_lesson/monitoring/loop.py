"""The loop that closes the lifecycle: watch, alert, decide, retrain, judge, promote or refuse, and write it all down.

`Loop.step` does one Monday morning. Every piece of it is a function of its own, which the notebook calls by hand
before it lets the loop do it alone. Nothing is retrained without an alert, a pause and a maximum; nothing is promoted
without a gate and a comparison with the champion on the same parcels; each decision is a line in the journal.
"""

import uuid
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.deployment import registry, rollout
from mlops_lesson.keep import journal
from mlops_lesson.monitoring.monitors import LABELS, PIXELS, SCORES, Reference, accuracy_monitor, watch
from mlops_lesson.monitoring.repair import (
    RETRAINING,
    SIGNIFICANT,
    diagnose,
    find_move,
    hash_of,
    move_in_words,
    retrain,
    training_data,
)
from mlops_lesson.monitoring.weeks import WeekLog, reference_of, send_week
from mlops_lesson.training.network import train_baseline
from mlops_lesson.validation.gate import FAILED, GATE, GateResult, check_gate

if TYPE_CHECKING:
    from mlops_lesson.deployment.serving import Server

NOTHING, WARNING, ALERT = "nothing", "warning", "alert"


@dataclass(frozen=True)
class Policy:
    """What the loop may do without asking anybody.

    Parameters
    ----------
    gate : float
        The accuracy that the gate requires, 0 to 1; an accuracy below it by more than luck is an alert.
    pause : int
        Weeks from one retraining to the next, at least 1.
    max_retrains : int
        Retrainings in all; after them a person has to decide. 0 allows none.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    gate: float = GATE
    pause: int = 2
    max_retrains: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.gate < 1 or self.pause < 1 or self.max_retrains < 0:
            raise ValueError(
                f"A policy needs a gate between 0 and 1, a pause of 1 week or more and 0 or more retrainings: got "
                f"gate={self.gate}, pause={self.pause}, max_retrains={self.max_retrains}."
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
        What the accuracy's interval must reach.

    Returns
    -------
    GateResult
        The verdict.
    """
    X_test, y_test = clean.part("test")
    cameras = clean.table.loc[clean.table["split"] == "test", "camera_id"]
    baseline_right = train_baseline(clean).predict(X_test) == y_test
    return check_gate(y_test, model.predict_proba(X_test)[:, 1], baseline_right, cameras, gate)


def judge_on_recent(log: WeekLog, gate: float = GATE) -> GateResult:
    """Judge a challenger on a week of which it answered every parcel in the shadow; the champion is the one to beat.

    Parameters
    ----------
    log : WeekLog
        A week with a challenger in the shadow.
    gate : float
        What the accuracy's interval must reach.

    Returns
    -------
    GateResult
        The verdict on the parcels labelled by the end of the week.

    Raises
    ------
    ValueError
        If there was no challenger, or no label has come yet.
    """
    label = log.labels()
    known = ~np.isnan(label)
    if log.shadow is None or not known.any():
        missing = "no challenger ran in the shadow" if log.shadow is None else "no label has come yet"
        raise ValueError(f"Week {log.week} cannot be judged: {missing}. Wait another week.")
    champion_right = (log.score[known] >= 0.5) == label[known]
    cameras = log.parcels["camera_id"][known]
    return check_gate(label[known], log.shadow[known], champion_right, cameras, gate, baseline="champion")


def joint_verdict(old: GateResult, recent: GateResult | None) -> GateResult:
    """Put both verdicts on a challenger into one, as the registry records it: it passes if both passed.

    Parameters
    ----------
    old : GateResult
        On the test images of the history.
    recent : GateResult or None
        On recent parcels; None if it has met none, which is a reason to refuse it.

    Returns
    -------
    GateResult
        The numbers of the later verdict, and all reasons.
    """
    reasons = []
    for name, verdict in (("old images", old), ("recent parcels", recent)):
        for kept, _, why in (text.partition(": ") for text in (verdict.reasons if verdict else ())):
            reasons.append(f"{kept}: {name}: {why}")
    if recent is None:
        reasons.append(f"{FAILED}recent parcels: it has not been tried on any")
    return replace(recent or old, reasons=reasons)


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
        A warning is for people to read; only an alert, an accuracy below the gate by more than luck, may retrain.
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
class LoopRun:
    """What the loop did over some weeks; made by `mlops_lesson.pipeline.run`.

    Parameters
    ----------
    run : str
        Its name in the journal.
    reports : tuple of WeekReport
        Monday by Monday.
    unattended : tuple of float
        The first champion's accuracy on the same labelled parcels: what would have been without the loop.
    logs : tuple of WeekLog
        The requests of each week.
    readings : pandas.DataFrame
        What the monitors read; see `mlops_lesson.monitoring.monitors.watch`.
    """

    run: str
    reports: tuple[WeekReport, ...]
    unattended: tuple[float, ...]
    logs: tuple[WeekLog, ...] = field(repr=False)
    readings: pd.DataFrame = field(repr=False)

    def journal(self) -> pd.DataFrame:
        """Return this run's lines of the journal: `week`, `who`, `what`, `why`."""
        return journal.read(self.run)[["week", "who", "what", "why"]]


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
    """

    def __init__(self, server: "Server", clean: CleanDataset, policy: Policy | None = None) -> None:
        self.server, self.clean, self.policy = server, clean, policy or Policy()
        self.alert_on = accuracy_monitor(self.policy.gate)
        self.run = uuid.uuid4().hex
        self.reports: list[WeekReport] = []
        self.logs: list[WeekLog] = []
        self.readings: list[pd.DataFrame] = []
        self.first_model = self._model = registry.load("champion").model
        self._reference = reference_of(self._model, clean)
        self._before: Any = None
        self._challenger: tuple[int, Any, GateResult] | None = None
        self._retrained_in: list[int] = []

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
        readings = watch(self._reference, [log.observed()], (PIXELS, SCORES, LABELS, self.alert_on))
        self.readings.append(readings)
        rang = tuple(readings.loc[readings["rings"], "monitor"])
        state = ALERT if self.alert_on.name in rang else WARNING if rang else NOTHING
        if rang:
            self._write(log, "monitors", state, ", ".join(rang))
        right = log.observed().right
        action, why = self._act(log, state)
        accuracy, low, high = float("nan"), float("nan"), float("nan")
        if len(right):
            accuracy = float(right.mean())
            low, high = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
        self.reports.append(WeekReport(log.week, len(right), accuracy, low, high, rang, state, action, why))
        return self.reports[-1]

    def result(self) -> LoopRun:
        """Return what was done so far."""
        alone = []
        for log in self.logs:
            label = log.labels()
            known = ~np.isnan(label)
            right = self.first_model.predict(log.X[known]) == label[known] if known.any() else np.array([np.nan])
            alone.append(float(right.mean()))
        return LoopRun(
            self.run,
            tuple(self.reports),
            tuple(alone),
            tuple(self.logs),
            pd.concat(self.readings, ignore_index=True) if self.readings else pd.DataFrame(),
        )

    def _write(self, log: WeekLog, who: str, what: str, why: str, version: int | None = None) -> None:
        journal.write(who, what, why, run=self.run, week=log.week, version=version)

    def _act(self, log: WeekLog, state: str) -> tuple[str, str]:
        if self._challenger is not None:
            return self._decide_on_challenger(log)
        if state != ALERT:
            return "go on", "no alert"
        if self._older_is_better(log):
            why = "the champion before is better on this week's parcels"
            registry.rollback(reason=f"week {log.week}: {why}")
            self._write(log, "loop", "rolled back", why)
            self._follow(self._before, log)
            self._before = None
            return "roll back", why
        if len(self._retrained_in) >= self.policy.max_retrains:
            why = f"{self.policy.max_retrains} retrainings are the most the policy allows: a person has to decide"
        elif self._retrained_in and log.week - self._retrained_in[-1] < self.policy.pause:
            why = f"the last retraining was in week {self._retrained_in[-1]}, the pause is not over"
        else:
            return self._retrain(log)
        self._write(log, "loop", "waits", why)
        return "wait", why

    def _older_is_better(self, log: WeekLog) -> bool:
        label = log.labels()
        known = ~np.isnan(label)
        if self._before is None or not known.any():
            return False
        before = self._before.predict(log.X[known]) == label[known]
        now = (log.score[known] >= 0.5) == label[known]
        ahead, behind = int((before & ~now).sum()), int((now & ~before).sum())
        return ahead > behind and binomtest(ahead, ahead + behind).pvalue < SIGNIFICANT

    def _retrain(self, log: WeekLog) -> tuple[str, str]:
        self._retrained_in.append(log.week)
        X_old, y_old, X_new, y_new = training_data(self.clean, self.logs, log.end)
        move = find_move(diagnose(self._model, X_new, y_new))
        cause = move_in_words(move)
        self._write(log, "loop", "retrains", f"alert; {cause}; {len(y_new)} new labels")
        model = retrain(X_old, y_old, X_new, y_new, move)
        tags = asdict(RETRAINING) | {"trigger": f"accuracy alert of week {log.week}"}
        version = registry.register(model, data_hash=hash_of(X_old, y_old, X_new, y_new), tags=tags)
        old = judge_on_old(model, self.clean, self.policy.gate)
        if not old.passed:
            self._refuse(log, version, joint_verdict(old, None))
            return "retrain, refuse", "; ".join(old.failures)
        registry.nominate(version, reason=f"week {log.week}: retrained after an alert")
        rollout.start_shadow(self.server)
        self._challenger = version, model, old
        why = "passed on old images; a week of recent parcels comes next"
        self._write(log, "gate", "into the shadow", why, version)
        return "retrain, shadow", cause

    def _decide_on_challenger(self, log: WeekLog) -> tuple[str, str]:
        if np.isnan(log.labels()).all():
            why = "no label has come, so the challenger stays in the shadow"
            self._write(log, "loop", "waits", why)
            return "wait", why
        version, model, old = self._challenger
        self._challenger = None
        rollout.stop(self.server)
        recent = judge_on_recent(log, self.policy.gate)
        verdict = joint_verdict(old, recent)
        if not verdict.passed:
            self._refuse(log, version, verdict)
            return "refuse", "; ".join(verdict.failures)
        registry.record_gate(version, verdict)
        why = "passed on old images and on recent parcels, and beats the champion there"
        registry.promote(version, reason=f"week {log.week}: {why}")
        self._write(log, "gate", "promoted", why, version)
        self._before = self._model
        self._follow(model, log)
        return "promote", f"accuracy {recent.accuracy:.3f} on {recent.n} recent parcels, gate passed"

    def _refuse(self, log: WeekLog, version: int, verdict: GateResult) -> None:
        registry.record_gate(version, verdict)
        self._write(log, "gate", "refused", "; ".join(verdict.failures), version)

    def _follow(self, model: Any, log: WeekLog) -> None:
        """Let the service answer with a new champion; its reference is the newest week, with the cameras of now."""
        self.server.reload()
        self._model = model
        self._reference = Reference(log.X, model.predict_proba(log.X)[:, 1])
