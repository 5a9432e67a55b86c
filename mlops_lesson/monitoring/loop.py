"""The loop that closes the lifecycle: watch, alert, decide, retrain, judge, promote or refuse, and write it all down.

`Loop.step` does one Monday morning. Every piece of it is a function of its own, which the notebook calls by hand
before it lets the loop do it alone. Nothing is retrained without an alert, a pause and a maximum; nothing is promoted
without a gate and a comparison with the champion on the same parcels; each decision is a line in the journal.
"""

import uuid
from dataclasses import asdict, dataclass, replace
from math import nan

import numpy as np
import pandas as pd

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.deployment import registry, rollout
from mlops_lesson.deployment.serving import Server
from mlops_lesson.keep import journal
from mlops_lesson.monitoring import repair
from mlops_lesson.monitoring.monitors import ACCURACY, LABELS, PIXELS, SCORES, watch
from mlops_lesson.monitoring.weeks import WeekLog, reference_of, send_week
from mlops_lesson.validation.gate import GateResult, check_gate, judge_on_test
from mlops_lesson.validation.measures import interval

NOTHING, WARNING, ALERT = "nothing", "warning", "alert"
PAUSE_WEEKS = 2
MAX_RETRAININGS = 2
"""After them a person has to decide."""


def joint_verdict(old: GateResult, log: WeekLog) -> GateResult:
    """Judge a challenger on a week in the shadow, with the champion to beat, and add the verdict on the old images.

    Parameters
    ----------
    old : GateResult
        The verdict on the test images of the history.
    log : WeekLog
        A week of which the challenger saw every parcel.

    Returns
    -------
    GateResult
        The numbers of the week's labelled parcels, and the reasons of both verdicts: it passes if both passed.
    """
    # No answer counts as a wrong one.
    shadow = np.where(np.isnan(log.shadow), 1 - log.label, log.shadow)
    label, cameras = log.label[log.known], log.parcels["camera_id"][log.known]
    recent = check_gate(label, shadow[log.known], log.right, cameras, baseline="champion")
    reasons = [reason.replace(": ", ": old images: ", 1) for reason in old.reasons]
    reasons += [reason.replace(": ", ": new images: ", 1) for reason in recent.reasons]
    return replace(recent, reasons=reasons)


@dataclass(frozen=True)
class WeekReport:
    """One Monday morning of the loop; the reasons are in the journal.

    `accuracy`, with its 95 % interval from `low` to `high`, is the champion's on the labels that had come, `unattended`
    the first champion's: what would have been without the loop. All are not a number without labels. `values` and
    `alarms` say what the monitors read, and which rang. A `state` of "warning" is for people to read; only an "alert",
    an accuracy below the gate by more than luck, may retrain.
    """

    week: int
    accuracy: float
    low: float
    high: float
    unattended: float
    values: dict[str, float]
    alarms: tuple[str, ...]
    state: str
    action: str


class Loop:
    """Watches a running service week by week, and repairs it by rules.

    Monday by Monday, `logs` holds the requests of the week, and `reports` what was seen and done.
    """

    def __init__(self, server: Server, clean: CleanDataset) -> None:
        self.server, self.clean = server, clean
        self.run = uuid.uuid4().hex
        self.reports: list[WeekReport] = []
        self.logs: list[WeekLog] = []
        self._first = self._model = registry.load("champion").model
        self._reference = reference_of(self._model, clean)
        self._retrained_in: list[int] = []

    def journal(self) -> pd.DataFrame:
        """Return this run's lines of the journal: `week`, `who`, `what`, `why`."""
        return journal.read(self.run)[["week", "who", "what", "why"]]

    def step(self, week: depot.LiveWeek) -> None:
        """Send a week through the service, do what Monday asks for, and report it."""
        log = send_week(self.server, week)
        self.logs.append(log)
        readings = watch(self._reference, [log], (PIXELS, SCORES, LABELS, ACCURACY)).set_index("monitor")
        values, rang = readings["value"].to_dict(), tuple(readings.index[readings["rings"]])
        state = ALERT if ACCURACY.name in rang else WARNING if rang else NOTHING
        if rang:
            self._write("monitors", state, "; ".join(rang))
        accuracy = low = high = unattended = nan
        if log.known.any():
            accuracy, (low, high) = float(log.right.mean()), interval(log.right.sum(), len(log.right))
            unattended = float((self._first.predict(log.X) == log.label)[log.known].mean())
        action = self._act(log, state)
        self.reports.append(WeekReport(log.week, accuracy, low, high, unattended, values, rang, state, action))

    def _write(self, who: str, what: str, why: str, version: int | None = None) -> None:
        journal.write(who, what, why, run=self.run, week=self.logs[-1].week, version=version)

    def _act(self, log: WeekLog, state: str) -> str:
        """Do what the week asks for, and say in a word what it was."""
        if log.shadow is not None and log.known.any():
            return self._decide(log)
        if log.shadow is not None:
            why = "no label has come, so the challenger stays in the shadow"
        elif state != ALERT:
            return "go on"
        elif len(self._retrained_in) >= MAX_RETRAININGS:
            why = f"{MAX_RETRAININGS} retrainings are the most that is allowed: a person has to decide"
        elif self._retrained_in and log.week - self._retrained_in[-1] < PAUSE_WEEKS:
            why = f"the last retraining was in week {self._retrained_in[-1]}, the pause is not over"
        else:
            return self._retrain(log)
        self._write("loop", "waits", why)
        return "wait"

    def _retrain(self, log: WeekLog) -> str:
        self._retrained_in.append(log.week)
        data = repair.training_data(self.clean, self.logs)
        move = repair.find_move(repair.diagnose(self._model, *data[2:]))
        cause = f"the pictures have moved {move} by one pixel" if move else "no move of the cameras found"
        self._write("loop", "retrains", f"alert; {cause}; {len(data[-1])} new labels")
        model = repair.retrain(*data, move)
        version = registry.register(model, data_hash=repair.hash_of(*data), tags=asdict(repair.RETRAINING))
        verdict = judge_on_test(model, self.clean)
        if not verdict.passed:
            return f"retrain, {self._refuse(version, verdict)}"
        registry.nominate(version, reason=f"week {log.week}: retrained after an alert")
        rollout.start_shadow(self.server)
        self._write("gate", "into the shadow", "passed on old images; a week of recent parcels comes next", version)
        return "retrain, shadow"

    def _decide(self, log: WeekLog) -> str:
        """Promote or refuse the challenger; a new champion's reference is the week, with the cameras of now."""
        rollout.stop(self.server)
        challenger = registry.load("challenger")
        verdict = joint_verdict(judge_on_test(challenger.model, self.clean), log)
        if not verdict.passed:
            return self._refuse(challenger.version, verdict)
        why = "passed on old images and on recent parcels, and beats the champion there"
        registry.record_gate(challenger.version, verdict)
        registry.promote(challenger.version, reason=f"week {log.week}: {why}")
        self._write("gate", "promoted", why, challenger.version)
        self.server.reload()
        self._model, self._reference = challenger.model, replace(log, score=log.shadow)
        return "promote"

    def _refuse(self, version: int, verdict: GateResult) -> str:
        registry.record_gate(version, verdict)
        self._write("gate", "refused", "; ".join(verdict.failures), version)
        return "refuse"
