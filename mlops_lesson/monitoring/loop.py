"""The loop that closes the lifecycle: watch, alert, decide, retrain, judge, promote or refuse, and write it all down.

`Loop.step` does one Monday morning. Every piece of it is a function of its own, which the notebook calls by hand
before it lets the loop do it alone. Nothing is retrained without an alert, a pause and a maximum; nothing is promoted
without a gate and a comparison with the champion on the same parcels; each decision is a line in the journal.
"""

import uuid
from dataclasses import asdict, dataclass, replace
from math import nan
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.deployment import registry, rollout
from mlops_lesson.keep import journal
from mlops_lesson.monitoring import repair
from mlops_lesson.monitoring.monitors import LABELS, PIXELS, SCORES, Reference, accuracy_monitor, watch
from mlops_lesson.monitoring.weeks import WeekLog, reference_of, send_week
from mlops_lesson.validation.gate import GATE, GateResult, check_gate, judge_on_test
from mlops_lesson.validation.measures import interval

if TYPE_CHECKING:
    from mlops_lesson.deployment.serving import Server

NOTHING, WARNING, ALERT = "nothing", "warning", "alert"


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
        If there was no challenger.
    """
    if log.shadow is None:
        raise ValueError(f"Week {log.week} had no challenger in the shadow: start one, then send another week.")
    cameras = log.parcels["camera_id"][log.known]
    champion_right = log.observed().right
    return check_gate(log.label[log.known], log.shadow[log.known], champion_right, cameras, gate, baseline="champion")


def joint_verdict(old: GateResult, recent: GateResult) -> GateResult:
    """Put both verdicts on a challenger into one, as the registry records it: it passes if both passed.

    Parameters
    ----------
    old : GateResult
        On the test images of the history.
    recent : GateResult
        On recent parcels.

    Returns
    -------
    GateResult
        The numbers of the later verdict, and all reasons.
    """
    verdicts = {"old images": old, "recent parcels": recent}
    reasons = [
        reason.replace(": ", f": {name}: ", 1) for name, verdict in verdicts.items() for reason in verdict.reasons
    ]
    return replace(recent, reasons=reasons)


@dataclass(frozen=True)
class WeekReport:
    """One Monday morning of the loop.

    Parameters
    ----------
    week, n_labels : int
        The week that has ended, and the labels that had come by then.
    accuracy, low, high : float
        The champion's accuracy on them and its 95 % interval; not a number without labels.
    unattended : float
        The first champion's accuracy on them: what would have been without the loop.
    alarms : tuple of str
        The monitors that rang.
    state : {"nothing", "warning", "alert"}
        A warning is for people to read; only an alert, an accuracy below the gate by more than luck, may retrain.
    action, why : str
        What the loop did, and its reason.
    """

    week: int
    n_labels: int
    accuracy: float
    low: float
    high: float
    unattended: float
    alarms: tuple[str, ...]
    state: str
    action: str
    why: str


class Loop:
    """Watches the service week by week, and repairs it by rules.

    Parameters
    ----------
    server : mlops_lesson.deployment.serving.Server
        The running service; its champion is what is watched.
    clean : CleanDataset
        The history, whose test images are the first reference.
    gate : float
        The accuracy that the gate requires, 0 to 1; an accuracy below it by more than luck is an alert.
    pause : int
        Weeks from one retraining to the next.
    max_retrains : int
        Retrainings in all; after them a person has to decide.

    Attributes
    ----------
    reports : list of WeekReport
        What was seen and done, Monday by Monday.
    logs : list of WeekLog
        The requests of each week.
    """

    def __init__(
        self, server: "Server", clean: CleanDataset, *, gate: float = GATE, pause: int = 2, max_retrains: int = 2
    ) -> None:
        self.server, self.clean = server, clean
        self.gate, self.pause, self.max_retrains = gate, pause, max_retrains
        self.run = uuid.uuid4().hex
        self.reports: list[WeekReport] = []
        self.logs: list[WeekLog] = []
        self._readings: list[pd.DataFrame] = []
        self._first = self._model = registry.load("champion").model
        self._reference = reference_of(self._model, clean)
        self._challenger: tuple[int, Any, GateResult] | None = None
        self._retrained_in: list[int] = []

    @property
    def readings(self) -> pd.DataFrame:
        """What the monitors read; see `mlops_lesson.monitoring.monitors.watch`."""
        return pd.concat(self._readings, ignore_index=True)

    def journal(self) -> pd.DataFrame:
        """Return this run's lines of the journal: `week`, `who`, `what`, `why`."""
        return journal.read(self.run)[["week", "who", "what", "why"]]

    def step(self, week: depot.LiveWeek) -> WeekReport:
        """Send a week through the service, do what Monday asks for, and report it."""
        log = send_week(self.server, week)
        self.logs.append(log)
        alert_on = accuracy_monitor(self.gate)
        right = log.observed().right
        readings = watch(self._reference, [log.observed()], (PIXELS, SCORES, LABELS, alert_on))
        self._readings.append(readings)
        rang = tuple(readings.loc[readings["rings"], "monitor"])
        state = ALERT if alert_on.name in rang else WARNING if rang else NOTHING
        if rang:
            self._write("monitors", state, ", ".join(rang))
        accuracy, low, high, unattended = nan, nan, nan, nan
        if len(right):
            accuracy, (low, high) = float(right.mean()), interval(right.sum(), len(right))
            unattended = float((self._first.predict(log.X[log.known]) == log.label[log.known]).mean())
        action, why = self._act(log, state)
        report = WeekReport(log.week, len(right), accuracy, low, high, unattended, rang, state, action, why)
        self.reports.append(report)
        return report

    def _write(self, who: str, what: str, why: str, version: int | None = None) -> None:
        journal.write(who, what, why, run=self.run, week=self.logs[-1].week, version=version)

    def _act(self, log: WeekLog, state: str) -> tuple[str, str]:
        """Do what the week asks for; returns the action and its reason."""
        if self._challenger is not None:
            return self._decide_on_challenger(log)
        if state != ALERT:
            return "go on", "no alert"
        if len(self._retrained_in) >= self.max_retrains:
            why = f"{self.max_retrains} retrainings are the most that is allowed: a person has to decide"
        elif self._retrained_in and log.week - self._retrained_in[-1] < self.pause:
            why = f"the last retraining was in week {self._retrained_in[-1]}, the pause is not over"
        else:
            return self._retrain(log)
        self._write("loop", "waits", why)
        return "wait", why

    def _retrain(self, log: WeekLog) -> tuple[str, str]:
        self._retrained_in.append(log.week)
        data = repair.training_data(self.clean, self.logs, log.end)
        move = repair.find_move(repair.diagnose(self._model, *data[2:]))
        cause = repair.move_in_words(move)
        self._write("loop", "retrains", f"alert; {cause}; {len(data[-1])} new labels")
        model = repair.retrain(*data, move)
        tags = asdict(repair.RETRAINING) | {"trigger": f"accuracy alert of week {log.week}"}
        version = registry.register(model, data_hash=repair.hash_of(*data), tags=tags)
        old = judge_on_test(model, self.clean, self.gate)
        if not old.passed:
            return "retrain, refuse", self._refuse(version, old)
        registry.nominate(version, reason=f"week {log.week}: retrained after an alert")
        rollout.start_shadow(self.server)
        self._challenger = version, model, old
        self._write("gate", "into the shadow", "passed on old images; a week of recent parcels comes next", version)
        return "retrain, shadow", cause

    def _decide_on_challenger(self, log: WeekLog) -> tuple[str, str]:
        if not log.known.any():
            why = "no label has come, so the challenger stays in the shadow"
            self._write("loop", "waits", why)
            return "wait", why
        version, model, old = self._challenger
        self._challenger = None
        rollout.stop(self.server)
        recent = judge_on_recent(log, self.gate)
        verdict = joint_verdict(old, recent)
        if not verdict.passed:
            return "refuse", self._refuse(version, verdict)
        why = "passed on old images and on recent parcels, and beats the champion there"
        registry.record_gate(version, verdict)
        registry.promote(version, reason=f"week {log.week}: {why}")
        self._write("gate", "promoted", why, version)
        self._follow(model, log)
        return "promote", f"accuracy {recent.accuracy:.3f} on {recent.n} recent parcels, gate passed"

    def _refuse(self, version: int, verdict: GateResult) -> str:
        """Record why a challenger is refused, and return it."""
        why = "; ".join(verdict.failures)
        registry.record_gate(version, verdict)
        self._write("gate", "refused", why, version)
        return why

    def _follow(self, model: Any, log: WeekLog) -> None:
        """Let the service answer with a new champion; its reference is the newest week, with the cameras of now."""
        self.server.reload()
        self._model = model
        self._reference = Reference(log.X, model.predict_proba(log.X)[:, 1])
