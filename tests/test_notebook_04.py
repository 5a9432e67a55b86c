"""Notebook 4: its gate is the package's, what it registers anybody can load, and its words agree with its outputs."""

import re
from pathlib import Path

import mlflow
import nbformat
import numpy as np
import pytest
from course_models import clean, trained
from depot_service import versions

from mlops_lesson import artifacts
from mlops_lesson.deployment import registry
from mlops_lesson.validation.behaviour import BEHAVIOUR_TESTS
from mlops_lesson.validation.gate import GATE, check_gate

NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "04_model_validation.ipynb"
TRY = ("paired", "behaviour", "gate")
# All of Project but the build, which starts pytest twice: strict nbval runs it.
PROJECT = ("answers", "store", "register", "model-card")


@pytest.fixture(scope="module")
def cells():
    return {cell.id: cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


@pytest.fixture(scope="module")
def learner(cells, tmp_path_factory):
    """What the names of Try and Project stand for after their cells have run in a new folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_LESSON_HOME", str(tmp_path_factory.mktemp("learner")))
        names = {}
        for name in (*TRY, *PROJECT):
            exec(cells[name].source, names)  # noqa: S102 - a cell of the course, run as the learner runs it
        yield names


@pytest.fixture(autouse=True)
def learners_home(learner, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(learner["folder"].parent))


def text_of(cell):
    return "\n".join(output.get("text") or output.data["text/plain"] for output in cell.outputs)


@pytest.mark.parametrize("epochs", [3, 30])
@pytest.mark.parametrize("required", [0.7, 0.85, 0.92, 0.93, 0.99])
def test_the_gate_built_in_the_notebook_refuses_for_the_reasons_of_the_packages(learner, epochs, required):
    X_test, y_test = clean().part("test")
    answers = learner["answers"].assign(right=trained(epochs).model.predict(X_test) == y_test)
    probability = trained(epochs).model.predict_proba(X_test)[:, 1]
    packaged = check_gate(y_test, probability, answers["baseline_right"], answers["camera_id"], required)
    reasons = learner["gate"](answers, required)
    assert bool(reasons) != packaged.passed
    rules = {re.sub(r"\d", "", reason) for reason in reasons}
    assert len(rules) == len(packaged.failures)


def test_every_change_of_the_notebook_is_the_packages(learner):
    X_test, _ = clean().part("test")
    assert learner["change"] == "one pixel to the left"
    np.testing.assert_array_equal(learner["images"], BEHAVIOUR_TESTS["moved left by 1 pixel"](X_test))


def test_the_build_stops_for_the_refused_model_and_goes_on_for_the_other(cells):
    text = text_of(cells["build"])
    assert re.search(r"3 epochs: exit code 1\nAssertionError: Gate REFUSED: accuracy 0\.835", text)
    assert "30 epochs: exit code 0" in text


def test_both_models_are_registered_with_their_verdicts_and_the_refused_one_cannot_be_promoted(learner):
    refused, passed = list(versions())[-2:]
    assert (registry.load(refused).passed, registry.load(passed).passed) == (False, True)
    with pytest.raises(registry.GateError):
        registry.promote(refused)
    registry.promote(passed)
    X_test, _ = clean().part("test")
    loaded = mlflow.pyfunc.load_model("models:/parcel-chute@champion")
    np.testing.assert_array_equal(loaded.predict(X_test), learner["trained"].model.predict(X_test))


def test_the_validated_model_is_handed_on_to_notebook_5(learner):
    handed_on = artifacts.load("validated model", quiet=True)
    assert handed_on.gate == learner["verdict"]
    assert handed_on.trained.model_hash == learner["trained"].model_hash


def test_the_good_average_hides_camera_4(cells):
    text = text_of(cells["average"])
    assert float(re.search(r"test images: (\d\.\d+)", text)[1]) > 0.95
    n, accuracy = re.search(r"^4\s+(\d+)\s+(\d\.\d+)", text, re.MULTILINE).groups()
    assert round((1 - float(accuracy)) * int(n)) == 5
    assert n == "30"


def test_the_deployed_seed_is_the_first_of_twenty_and_the_mean_is_what_the_text_expects(cells):
    text = text_of(cells["seeds"])
    assert "Seed 28 is number 1 of 20" in text
    assert round(float(re.search(r"mean (\d\.\d+)", text)[1]), 2) == 0.93


def test_one_pixel_costs_far_more_than_dim_lamps(cells):
    accuracy = dict(re.findall(r"^(.+): (\d\.\d+)$", text_of(cells["behaviour"]), re.MULTILINE))
    dimmed = 0.965 - float(accuracy.pop("lamps at 70 %"))
    assert len(accuracy) == 2
    assert all(0.965 - float(value) > 5 * dimmed for value in accuracy.values())


def test_the_network_is_too_sure_on_validation_images_and_not_on_test_images(cells):
    counts = re.findall(r"^(\w+): (\d+\.\d) promised, (\d+) made", text_of(cells["calibration"]), re.MULTILINE)
    promised = {name: (float(said), int(made)) for name, said, made in counts}
    assert promised["test"][1] < promised["test"][0]
    assert promised["validation"][1] > 2 * promised["validation"][0]


def test_camera_4_is_whole_before_the_named_week_and_below_the_gate_since(cells):
    rows = re.findall(r"week of (\S+): (\d+) of (\d+) right", text_of(cells["weeks"]))
    named = re.search(r"week of (\d{4}-\d\d-\d\d)", cells["weeks-saw"].source)[1]
    assert all(right == n for week, right, n in rows if week < named)
    since = [(int(right), int(n)) for week, right, n in rows if week >= named]
    assert sum(right for right, _ in since) / sum(n for _, n in since) < GATE
