"""The loop: it retrains, promotes and refuses by its rules, and writes each decision down."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from depot_service import versions
from live_depot import ServiceWithoutNetwork, clean, fill_home, live_week, validated
from sklearn.dummy import DummyClassifier

from mlops_lesson import pipeline
from mlops_lesson.collection import depot
from mlops_lesson.deployment import registry, serving
from mlops_lesson.monitoring import repair
from mlops_lesson.monitoring.dashboard import plot_dashboard
from mlops_lesson.monitoring.loop import Loop, joint_verdict
from mlops_lesson.monitoring.monitors import watch
from mlops_lesson.monitoring.repair import diagnose, find_move, move_back, retrain, training_data
from mlops_lesson.monitoring.weeks import accuracy_in_the_end, known_labels, reference_of, send_week
from mlops_lesson.validation.gate import judge_on_test


@pytest.fixture
def loop(home) -> Loop:
    fill_home(home)
    return Loop(ServiceWithoutNetwork(), clean())


def actions(loop: Loop, weeks, control: bool = False) -> list[str]:
    for week in weeks:
        loop.step(live_week(week, control))
    return [report.action for report in loop.reports]


def no_clicks(patch: pytest.MonkeyPatch) -> None:
    none = depot.read_live_clicks().iloc[:0]
    patch.setattr(depot, "read_live_clicks", lambda *_: none)


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """The whole pipeline two times in one home; notebook 6 does so through the real service."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("MLOPS_LESSON_HOME", str(folder))
        fill_home(folder)
        patch.setattr(serving, "serve", lambda: nullcontext(ServiceWithoutNetwork()))
        runs = [pipeline.run(clean=clean(), validated=validated()) for _ in range(2)]
        return runs, [run.journal() for run in runs], [registry.load(version).passed for version in versions()]


@pytest.fixture
def run(twice) -> Loop:
    return twice[0][0]


def test_the_loop_notices_retrains_and_promotes(run) -> None:
    reports = pd.DataFrame(run.reports)
    assert reports["action"].tolist() == [*["go on"] * 4, "retrain, shadow", "promote", "go on", "go on"]
    states = ["nothing", "nothing", "warning", "nothing", "alert", "alert", "nothing", "nothing"]
    assert reports["state"].tolist() == states
    assert (reports["high"][4:6] < 0.85).all()
    assert (reports["accuracy"][6:] > 0.9).all()
    assert (reports["unattended"][6:] < 0.7).all()


def test_a_second_run_in_the_same_home_does_the_same(twice) -> None:
    (one, other), (lines, other_lines), passed = twice
    assert passed == [True] * 5
    assert one.reports == other.reports
    assert lines.equals(other_lines)


def test_the_journal_tells_who_decided_what_and_why(twice) -> None:
    _, (log, _), _ = twice
    steps = list(zip(log["week"], log["who"], log["what"], strict=True))
    assert steps == [
        (3, "monitors", "warning"),
        (5, "monitors", "alert"),
        (5, "loop", "retrains"),
        (5, "gate", "into the shadow"),
        (6, "monitors", "alert"),
        (6, "gate", "promoted"),
    ]
    assert "moved right by one pixel" in log["why"][2]


def test_the_steps_by_hand_make_the_challenger_that_the_loop_makes(run) -> None:
    logs = run.logs
    X_old, y_old, X_new, y_new = training_data(clean(), logs[:5])
    by_hand = retrain(X_old, y_old, X_new, y_new, find_move(diagnose(validated().model, X_new, y_new)))
    assert by_hand.predict_proba(logs[5].X)[:, 1] == pytest.approx(logs[5].shadow, abs=1e-9)
    readings = watch(reference_of(validated().model, clean()), logs[:5])
    for report in run.reports[:5]:
        rang = readings[(readings["week"] == report.week) & readings["rings"]]
        assert set(report.alarms) == set(rang["monitor"]) - {"brightness, KS", "scores, ADWIN"}


def test_the_figure_of_a_run_says_in_words_what_it_shows(run) -> None:
    figure = plot_dashboard(run)
    assert figure.caption == "Accuracy falls to 0.69 in week 6 and is 0.99 in week 8"
    assert "Requests answered 597, refused by the contract 0, failed 0." in figure.alt
    assert "Alerts in weeks 5, 6; promotions at the end of weeks 6." in figure.alt


def test_on_the_control_stream_the_loop_does_nothing(loop) -> None:
    assert set(actions(loop, range(1, 9), control=True)) == {"go on"}
    assert len(versions()) == 1


def test_clicks_that_come_later_are_not_known_yet() -> None:
    week = live_week(5)
    now = known_labels(week.parcels["id"], week.end)
    later = known_labels(week.parcels["id"], pd.Timestamp.max)
    assert np.isnan(now).sum() > np.isnan(later).sum() > 0
    assert np.isnan(known_labels(week.parcels["id"], week.parcels["seen_at"].min())).all()


def test_the_challenger_learns_neither_from_test_images_nor_from_later_clicks(run) -> None:
    logs = run.logs[:5]
    X_old, y_old, X_new, y_new = training_data(clean(), logs)
    n_known = sum((known_labels(log.parcels["id"], live_week(5).end) >= 0).sum() for log in logs[:4])
    assert len(X_old) == len(y_old) == (clean().table["split"] != "test").sum() + n_known
    assert len(X_new) == len(y_new) == logs[4].known.sum()


@pytest.mark.parametrize(("control", "move"), [(False, "right"), (True, None)])
def test_the_cause_of_a_bump_is_found_and_a_quiet_week_has_none(control: bool, move: str | None) -> None:
    week = live_week(6, control)
    label = known_labels(week.parcels["id"], pd.Timestamp.max)
    known = ~np.isnan(label)
    assert find_move(diagnose(validated().model, week.X[known], label[known])) == move


def test_a_challenger_that_fails_on_old_images_is_refused(run) -> None:
    hasty = judge_on_test(DummyClassifier().fit(clean().X, clean().y), clean())
    joint = joint_verdict(hasty, run.logs[5])
    assert joint.failures == [f"old images: {failure}" for failure in hasty.failures] != []


def test_a_parcel_without_an_answer_of_the_challenger_counts_as_a_wrong_one(run) -> None:
    old, log = judge_on_test(validated().model, clean()), run.logs[5]
    answered = joint_verdict(old, log)
    sometimes = replace(log, shadow=np.where(np.arange(len(log.shadow)) < 20, np.nan, log.shadow))
    assert joint_verdict(old, sometimes).accuracy < answered.accuracy - 10 / answered.n


def test_moving_the_images_back_repairs_the_bump_without_training() -> None:
    week = live_week(7)
    broken, n = accuracy_in_the_end(validated().model, week)
    moved, _ = accuracy_in_the_end(validated().model, week, move_back(week.X, "right"))
    assert broken / n < 0.6 < 0.9 < moved / n


def test_a_challenger_no_better_than_the_champion_is_refused(loop, monkeypatch) -> None:
    monkeypatch.setattr(repair, "retrain", lambda *_: validated().model)
    assert actions(loop, (5, 6)) == ["retrain, shadow", "refuse"]
    assert "McNemar" in loop.journal()["why"].iloc[-1]
    assert registry.load("champion").version == 1


def test_retraining_waits_for_the_pause_and_ends_at_the_maximum(loop, monkeypatch) -> None:
    monkeypatch.setattr(repair, "retrain", lambda *_: DummyClassifier().fit(clean().X, clean().y))
    assert actions(loop, range(5, 9)) == ["retrain, refuse", "wait", "retrain, refuse", "wait"]
    lines = loop.journal()
    pause, maximum = lines["why"][lines["what"] == "waits"]
    assert "pause" in pause
    assert "a person has to decide" in maximum
    assert len(versions()) == 3


def test_when_clicks_stop_coming_the_loop_warns_and_does_not_retrain(loop, monkeypatch) -> None:
    no_clicks(monkeypatch)
    assert actions(loop, [5]) == ["go on"]
    (report,) = loop.reports
    assert report.state == "warning"
    assert "clicks arrive" in report.alarms
    assert np.isnan(report.accuracy)


def test_without_labels_a_challenger_stays_in_the_shadow(loop, monkeypatch) -> None:
    actions(loop, [5])
    with monkeypatch.context() as patch:
        no_clicks(patch)
        actions(loop, [6])
    assert actions(loop, [7]) == ["retrain, shadow", "wait", "promote"]


def test_a_log_that_lacks_answers_is_named(loop, monkeypatch) -> None:
    monkeypatch.setattr(loop.server.log, "write", lambda **_: False)
    with pytest.raises(RuntimeError, match="logged 0 of them"):
        send_week(loop.server, live_week(1))
