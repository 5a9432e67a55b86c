"""What notebook 5 says in words, held against what its cells computed."""

from pathlib import Path

import nbformat
import numpy as np
import pytest
from depot_service import digits, fill_home, trained_model

from mlops_lesson import pipeline
from mlops_lesson.deployment import registry
from mlops_lesson.training.network import TrainedModel, TrainingSettings
from mlops_lesson.training.trace import Epoch, TrainingTrace
from mlops_lesson.validation.gate import GateResult

NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "05_deployment.ipynb"
PASSED = GateResult(True, 0.95, 0.2, 0.91, 0.97, 200, 0.85, ("passed: the interval begins at 0.910",))
REFUSED = GateResult(False, 0.83, 0.4, 0.77, 0.88, 200, 0.85, ("failed: too weak", "passed: no camera is bad"))


@pytest.fixture(scope="module")
def cells():
    return {cell.id: cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


@pytest.fixture
def learners_deploy(cells, tmp_path, monkeypatch):
    """The function `deploy` of the notebook, in a home whose registry holds version 1, the champion."""
    fill_home(tmp_path)
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    names = {}
    exec(cells["deploy"].source, names)  # noqa: S102 - a cell of the course, run as the learner runs it
    return names["deploy"]


def trained():
    trace = TrainingTrace((Epoch(1, 0.4, 0.9),))
    return TrainedModel(trained_model(4), trace, TrainingSettings(epochs=4, seed=0), "data-of-training")


def text_of(cell):
    texts = [output.get("text") or output.data["text/plain"] for output in cell.outputs]
    return "\n".join(texts)


def numbers_in_row(text, start):
    row = next(line for line in text.splitlines() if line.startswith(start))
    return [float(number) for number in row.removeprefix(start).split()]


def test_the_learners_function_deploys_as_the_package_does(learners_deploy):
    mine, packaged = learners_deploy(trained(), PASSED, reason="by hand"), pipeline.deploy(trained(), PASSED)
    X, _ = digits()
    assert mine.gate == packaged.gate
    assert mine.data_hash == packaged.data_hash
    assert packaged.version == mine.version + 1 == registry.champion().version
    np.testing.assert_array_equal(mine.model.predict_proba(X), packaged.model.predict_proba(X))


def test_the_learners_function_is_refused_with_the_words_of_the_package(learners_deploy):
    with pytest.raises(registry.GateError) as by_hand:
        learners_deploy(trained(), REFUSED, reason="by hand")
    with pytest.raises(registry.GateError) as packaged:
        pipeline.deploy(trained(), REFUSED)
    assert str(by_hand.value) == str(packaged.value)


def test_the_careless_service_is_sure_and_wrong_for_a_quarter_of_the_parcels(cells):
    text = text_of(cells["skew"])
    answered, accuracy, confidence = numbers_in_row(text, "careless, 0 to 255")
    _, proper_accuracy, proper_confidence = numbers_in_row(text, "with contract, 0 to 16")
    assert answered == 1
    assert 0.2 < 1 - accuracy < 0.3
    assert accuracy < proper_accuracy
    assert abs(confidence - proper_confidence) < 0.02


def test_in_the_shadow_the_challenger_looks_better_without_proof_and_fails_once(cells):
    text = text_of(cells["shadow"])
    assert "the challenger failed on 1\n" in text
    champion, challenger = (float(part.split()[-1]) for part in text.split("accuracy: ")[1].splitlines()[0].split(", "))
    assert champion < challenger
    assert float(text.split("difference: ")[1]) > 0.05


def test_the_impatient_promotion_leaves_parcels_without_an_answer_and_the_canary_none(cells):
    assert "503: 3" in text_of(cells["impatient"])
    assert "status and parcels: {200: 89}\n" in text_of(cells["canary"])


def test_the_error_rate_that_ends_the_canary_is_told_as_it_is_set(cells):
    set_to = float(cells["canary"].source.split("max_error_rate=")[1].split(")")[0])
    assert f"fails on more than {set_to:.0%}".replace("%", " %") in cells["canary-text"].source


def test_no_request_fails_while_the_alias_moves_back(cells):
    assert "failed requests: 0 - versions that answered: 2\n" in text_of(cells["rollback"])


def test_the_evidence_of_the_project_is_shown_by_the_stored_run(cells):
    text = text_of(cells["evidence"])
    rows = text.split(" shown\n")[1].splitlines()
    assert text.startswith("pipeline.deploy records the same verdict: True\n")
    assert len(rows) == 6
    assert all(row.endswith("True") for row in rows)


def test_the_notebook_stops_what_it_started(cells):
    assert "serving.stop_all()" in cells["counters"].source
    assert text_of(cells["counters"]).endswith("running: False\n")
