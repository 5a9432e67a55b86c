from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from depot_service import versions
from live_depot import ServiceWithoutNetwork, clean, fill_home, live_week, validated

from mlops_lesson import pipeline
from mlops_lesson.collection import depot
from mlops_lesson.deployment import registry, serving
from mlops_lesson.monitoring import repair
from mlops_lesson.monitoring.dashboard import plot_dashboard
from mlops_lesson.monitoring.loop import Loop, joint_verdict
from mlops_lesson.monitoring.repair import diagnose, find_move, move_back, retrain, training_data
from mlops_lesson.monitoring.weeks import accuracy_in_the_end, known_labels, send_week
from mlops_lesson.validation.gate import judge_on_test


@pytest.fixture
def service(home):
    fill_home(home)
    return ServiceWithoutNetwork()


def go_through(weeks, service, control=False, **rules) -> Loop:
    running = Loop(service, clean(), **rules)
    for week in weeks:
        running.step(live_week(week, control))
    return running


def actions(running: Loop) -> list[str]:
    return [report.action for report in running.reports]


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """The whole pipeline two times in one home; notebook 6 does so through the real service."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("MLOPS_LESSON_HOME", str(folder))
        fill_home(folder)
        patch.setattr(serving, "serve", lambda: nullcontext(ServiceWithoutNetwork()))
        first, second = (pipeline.run(clean=clean(), validated=validated()) for _ in range(2))
        passed = [registry.gate(version).passed for version in versions()]
        yield first, second, registry.champion(), versions(), passed


@pytest.mark.nightly
def test_a_run_stops_the_service_that_it_started_or_found(home) -> None:
    fill_home(home)
    for _ in range(2):
        pipeline.run(range(1, 2), clean=clean(), validated=validated())
        assert not serving._servers[home.resolve(),].running
        serving.start()
    serving.stop_all()


def test_the_loop_notices_retrains_and_promotes(twice) -> None:
    result, *_ = twice
    assert [report.action for report in result.reports] == [
        *["go on"] * 4, "retrain, shadow", "promote", "go on", "go on"]  # fmt: skip
    states = [report.state for report in result.reports]
    assert states == ["nothing", "nothing", "warning", "nothing", "alert", "alert", "nothing", "nothing"]
    assert all(report.high < 0.85 for report in result.reports[4:6])
    assert all(report.accuracy > 0.9 for report in result.reports[6:])
    assert all(report.unattended < 0.7 for report in result.reports[6:])


def test_a_second_run_in_the_same_home_does_the_same(twice) -> None:
    one, other, _, _, passed = twice
    assert all(passed)
    assert one.reports == other.reports
    assert one.journal().equals(other.journal())


def test_the_journal_tells_who_decided_what_and_why(twice) -> None:
    result, *_ = twice
    log = result.journal()
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


def test_the_figure_of_a_run_says_in_words_what_it_shows(twice) -> None:
    result, *_ = twice
    figure = plot_dashboard(result)
    assert figure.caption == "Accuracy falls to 0.69 in week 6 and is 0.99 in week 8"
    assert "Requests answered 597, refused by the contract 0, failed 0." in figure.alt
    assert "Alerts in weeks 5, 6; promotions at the end of weeks 6." in figure.alt


def test_on_the_control_stream_the_loop_does_nothing(service) -> None:
    running = go_through(range(1, 9), service, control=True)
    assert set(actions(running)) == {"go on"}
    assert len(versions()) == 1


def test_clicks_that_come_later_are_not_known_yet() -> None:
    week = live_week(5)
    now = known_labels(week.parcels["id"], week.end)
    later = known_labels(week.parcels["id"], pd.Timestamp.max)
    assert np.isnan(now).sum() > np.isnan(later).sum() > 0
    assert np.isnan(known_labels(week.parcels["id"], week.parcels["seen_at"].min())).all()


def test_the_challenger_learns_neither_from_test_images_nor_from_later_clicks(service) -> None:
    running = go_through(range(1, 6), service)
    assert np.array_equal(running.logs[1].X, live_week(2).X)
    assert running.logs[1].shadow is None
    X_old, y_old, X_new, y_new = training_data(clean(), running.logs, live_week(5).end)
    n_known = sum((known_labels(log.parcels["id"], live_week(5).end) >= 0).sum() for log in running.logs[:4])
    assert len(X_old) == len(y_old) == (clean().table["split"] != "test").sum() + n_known
    assert len(X_new) == len(y_new) == running.reports[-1].n_labels


def test_the_cause_of_a_bump_is_found_and_a_quiet_week_has_none() -> None:
    def move_of(control: bool):
        week = live_week(6, control)
        label = known_labels(week.parcels["id"], pd.Timestamp.max)
        known = ~np.isnan(label)
        return find_move(diagnose(validated().model, week.X[known], label[known]))

    assert move_of(control=False) == (1, 0)
    assert move_of(control=True) is None


def test_a_challenger_that_knows_only_the_newest_week_is_refused() -> None:
    week = live_week(5)
    label = known_labels(week.parcels["id"], week.end)
    hasty = retrain(week.X[:0], label[:0], week.X[label >= 0], label[label >= 0])
    verdict = judge_on_test(hasty, clean())
    joint = joint_verdict(verdict, validated().gate)
    assert joint.failures == [f"old images: {failure}" for failure in verdict.failures] != []


def test_moving_the_images_back_repairs_the_bump_without_training() -> None:
    week = live_week(7)
    broken, n = accuracy_in_the_end(validated().model, week)
    mended, _ = accuracy_in_the_end(validated().model, week, move_back(week.X, (1, 0)))
    assert broken / n < 0.6 < 0.9 < mended / n


def test_a_challenger_no_better_than_the_champion_is_refused(service, monkeypatch) -> None:
    monkeypatch.setattr(repair, "retrain", lambda *_: validated().model)
    running = go_through(range(5, 7), service)
    assert actions(running) == ["retrain, shadow", "refuse"]
    assert "McNemar" in running.reports[-1].why
    assert registry.champion().version == 1


def test_retraining_waits_for_the_pause_and_ends_at_the_maximum(service) -> None:
    running = go_through(range(1, 7), service, gate=0.99, pause=2, max_retrains=2)
    assert actions(running)[:5] == ["retrain, refuse", "wait", "retrain, refuse", "wait", "wait"]
    assert "pause" in running.reports[1].why
    assert "a person has to decide" in running.reports[4].why
    assert len(versions()) == 3


def test_when_clicks_stop_coming_the_loop_warns_and_does_not_retrain(service, monkeypatch) -> None:
    none = depot.read_live_clicks().iloc[:0]
    monkeypatch.setattr(depot, "read_live_clicks", lambda *_: none)
    running = go_through([5], service)
    report = running.reports[0]
    assert (report.state, report.action, report.n_labels) == ("warning", "go on", 0)
    assert "clicks arrive" in report.alarms
    assert np.isnan(report.accuracy)


def test_without_labels_a_challenger_stays_in_the_shadow(service, monkeypatch) -> None:
    running = go_through([5], service)
    with monkeypatch.context() as patch:
        none = depot.read_live_clicks().iloc[:0]
        patch.setattr(depot, "read_live_clicks", lambda *_: none)
        running.step(live_week(6))
    running.step(live_week(7))
    assert actions(running) == ["retrain, shadow", "wait", "promote"]


def test_a_log_that_lacks_answers_is_named(service, monkeypatch) -> None:
    monkeypatch.setattr(service.log, "write", lambda **_: False)
    with pytest.raises(RuntimeError, match="logged 0 of them"):
        send_week(service, live_week(1))
