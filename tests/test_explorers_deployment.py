"""The explorer of Deployment: each position of its controls is answered by the running service."""

import pytest
from depot_service import digits, trained_model

from mlops_lesson.deployment import serving
from mlops_lesson.deployment.explorer import PICTURE_SCALE, explore_service
from mlops_lesson.deployment.prediction import trace_prediction
from mlops_lesson.validation.behaviour import dim, shift

X, Y = digits()


@pytest.fixture
def explorer(server):
    return explore_service(server, X[:5], Y[:5])


def control(explorer, description):
    return next(one for one in explorer.controls if one.description.startswith(description))


def move(explorer, **values):
    for description, value in values.items():
        control(explorer, description).value = value
    return explorer.text


def test_the_first_parcel_is_answered_at_once_and_judged_by_the_staffs_click(explorer):
    expected = trace_prediction(trained_model(), X[0])
    assert f"Chute {expected.chute} for parcel 1, shift 0, lamps at 100 %" in explorer.text
    assert "hidden units are active" in explorer.text
    assert ("so this is right" in explorer.text) == (expected.chute == "AB"[Y[0]])
    assert "Untouched" not in explorer.text


def test_what_was_moved_and_dimmed_is_what_the_service_answers_for_beside_the_untouched_one(explorer):
    text = move(explorer, Parcel=3, Shift=1, Brightness=60)
    moved, untouched = (trace_prediction(trained_model(), image) for image in (shift(dim(X[2], 0.6), 1), X[2]))
    assert f"parcel 3, shift 1, lamps at 60 %: probability of B {moved.probability:.2f}." in text
    assert f"Untouched it goes to chute {untouched.chute}: probability of B {untouched.probability:.2f}." in text


def test_the_wrong_scale_is_refused_with_status_and_field(explorer):
    text = move(explorer, Grey=PICTURE_SCALE)
    assert "Refused with status 422: parcel 1" in text
    assert "- body.pixels." in text
    assert "less than or equal to 16" in text


def test_a_stopped_service_is_started_again_or_why_it_cannot_is_said(explorer, tmp_path, monkeypatch):
    serving.stop_all()
    assert "Chute" in move(explorer, Shift=1)
    serving.stop_all()
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    assert "No version is 'champion' yet." in move(explorer, Shift=2)
