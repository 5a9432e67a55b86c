import numpy as np
import pytest
from depot_service import digits, fill_home

from mlops_lesson.deployment import serving
from mlops_lesson.deployment.explorer import PICTURE_SCALE, explore_service
from mlops_lesson.deployment.prediction import trace_prediction
from mlops_lesson.validation.behaviour import dim, shift

X, Y = digits()
IMAGES, LABELS = X[:5], Y[:5]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    fill_home(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_LESSON_HOME", str(home))
        yield serving.start()
        serving.stop_all()


@pytest.fixture
def explorer(server):
    return explore_service(server, IMAGES, LABELS)


def control(explorer, description):
    return next(one for one in explorer.controls if one.description.startswith(description))


def send(explorer, **values):
    for description, value in values.items():
        control(explorer, description).value = value
    control(explorer, "Send").click()
    return explorer.text


def champion():
    from mlops_lesson.deployment import registry

    return registry.champion().model


def test_the_first_parcel_is_answered_at_once(explorer):
    expected = trace_prediction(champion(), IMAGES[0])
    assert f"Chute {expected.chute} for parcel 1: probability of B {expected.probability:.2f}" in explorer.text
    assert "hidden units are active" in explorer.text


def test_what_was_moved_and_dimmed_is_what_the_service_answers_for(explorer):
    text = send(explorer, Parcel=3, Shift=1, Brightness=60)
    expected = trace_prediction(champion(), shift(dim(IMAGES[2], 0.6), 1))
    assert "parcel 3, moved 1 pixel to the right, lamps at 60 %" in text
    assert f"probability of B {expected.probability:.2f}." in text


def test_a_changed_parcel_is_compared_with_the_untouched_one(explorer):
    text = send(explorer, Parcel=2, Shift=-2)
    untouched = trace_prediction(champion(), IMAGES[1])
    assert f"Untouched it goes to chute {untouched.chute}: probability of B {untouched.probability:.2f}." in text


def test_an_untouched_parcel_is_not_compared_with_itself(explorer):
    assert "Untouched" not in explorer.text


def test_the_staffs_click_says_whether_the_answer_is_right(server):
    for label in (0, 1):
        text = explore_service(server, IMAGES[:1], [label]).text
        chute = trace_prediction(champion(), IMAGES[0]).chute
        assert ("so this is right" in text) == (chute == "AB"[label])


def test_moving_a_control_shows_the_image_and_sends_nothing(explorer):
    control(explorer, "Shift").value = 2
    assert "Not sent yet: parcel 1, moved 2 pixels to the right" in explorer.text
    assert "Chute" not in explorer.text


def test_the_wrong_scale_is_refused_with_status_and_field(explorer):
    text = send(explorer, Grey=PICTURE_SCALE)
    assert "Refused with status 422: parcel 1" in text
    assert "- pixels[" in text
    assert "less than or equal to 16" in text


def test_an_image_too_dark_to_break_the_contract_is_accepted_in_the_wrong_scale(server):
    explorer = explore_service(server, np.zeros((1, 64)), [0])
    assert "Accepted: parcel 1 has no grey level above 16." in send(explorer, Grey=PICTURE_SCALE)


def test_a_stopped_service_is_started_again_when_something_is_sent(server):
    explorer = explore_service(server, IMAGES, LABELS)
    serving.stop_all()
    text = send(explorer)
    assert "was started again" in text
    assert "Chute" in text
    assert serving.start().running


def test_without_a_model_to_serve_the_explorer_says_so(server, tmp_path, monkeypatch):
    explorer = explore_service(serving.start(), IMAGES, LABELS)
    serving.stop_all()
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    assert "There is no answer.\n- The service cannot begin. No version is 'champion' yet." in send(explorer)
