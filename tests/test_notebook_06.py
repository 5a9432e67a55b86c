"""Notebook 6 and the package agree: what the learner builds by hand is what `pipeline.run` does."""

from pathlib import Path

import pytest
from live_depot import ServiceWithoutNetwork, clean, fill_home, live_week, validated
from notebook_checks import Lesson, exempt_cells

from mlops_lesson import pipeline
from mlops_lesson.monitoring.loop import Loop
from mlops_lesson.monitoring.repair import diagnose, find_move, retrain, training_data
from mlops_lesson.scorecard import TESTS

NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "06_monitoring_and_maintenance.ipynb"


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    return Lesson.read(NOTEBOOK)


def words(lesson: Lesson) -> str:
    return "\n".join(text for _, text in lesson.output_texts)


def test_the_steps_by_hand_make_the_challenger_that_the_loop_makes(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    fill_home(tmp_path)
    running = Loop(ServiceWithoutNetwork(), clean())
    for week in range(1, 7):
        running.step(live_week(week))
    logs = running.logs
    X_old, y_old, X_new, y_new = training_data(clean(), logs[:5], logs[4].end)
    move = find_move(diagnose(validated().model, X_new, y_new))
    by_hand = retrain(X_old, y_old, X_new, y_new, move)
    assert by_hand.predict_proba(logs[5].X)[:, 1] == pytest.approx(logs[5].shadow, abs=1e-9)


def test_pipeline_monitor_sees_what_the_loop_sees(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    fill_home(tmp_path)
    running = Loop(ServiceWithoutNetwork(), clean())
    for week in range(1, 6):
        running.step(live_week(week))
    readings = pipeline.monitor(validated().model, clean(), running.logs)
    kept = [monitor.name for monitor in running.monitors]
    for report in running.reports:
        rang = readings[(readings["week"] == report.week) & readings["alarm"] & readings["monitor"].isin(kept)]
        assert sorted(rang["monitor"]) == sorted(report.alarms)


def test_every_output_is_compared_but_the_seconds_of_a_search(lesson: Lesson) -> None:
    assert list(exempt_cells(lesson).values()) == ["the seconds of each search"]


def test_the_lessons_own_question_is_asked(lesson: Lesson) -> None:
    assert "Why is monitoring important after deploying a model?" in words(lesson)


def test_a_refused_and_a_promoted_challenger_are_shown(lesson: Lesson) -> None:
    assert "Gate REFUSED" in words(lesson)
    assert "promoted: True" in words(lesson)


def test_the_loop_leaves_the_control_stream_alone(lesson: Lesson) -> None:
    assert "actions on the control stream: ['go on']" in words(lesson)


def test_no_output_holds_what_grows_from_run_to_run(lesson: Lesson) -> None:
    assert "version 1" not in words(lesson)
    assert "127.0.0.1" not in words(lesson)


def test_the_card_in_the_notebook_shows_all_tests(lesson: Lesson) -> None:
    assert all(test.name in words(lesson) for test in TESTS)
