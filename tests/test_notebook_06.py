"""Notebook 6 and the package agree: what the learner builds by hand is what the loop does."""

import pytest
from live_depot import ServiceWithoutNetwork, clean, fill_home, live_week, validated

from mlops_lesson.monitoring.loop import Loop
from mlops_lesson.monitoring.monitors import watch
from mlops_lesson.monitoring.repair import diagnose, find_move, retrain, training_data
from mlops_lesson.monitoring.weeks import reference_of


def test_the_steps_by_hand_make_the_challenger_that_the_loop_makes(home) -> None:
    fill_home(home)
    running = Loop(ServiceWithoutNetwork(), clean())
    for week in range(1, 7):
        running.step(live_week(week))
    logs = running.logs
    X_old, y_old, X_new, y_new = training_data(clean(), logs[:5], logs[4].end)
    move = find_move(diagnose(validated().model, X_new, y_new))
    by_hand = retrain(X_old, y_old, X_new, y_new, move)
    assert by_hand.predict_proba(logs[5].X)[:, 1] == pytest.approx(logs[5].shadow, abs=1e-9)
    readings = watch(reference_of(validated().model, clean()), [log.observed() for log in logs[:5]])
    for report in running.reports[:5]:
        rang = readings[(readings["week"] == report.week) & readings["rings"]]
        assert set(report.alarms) == set(rang["monitor"]) - {"brightness, KS", "scores, ADWIN"}
