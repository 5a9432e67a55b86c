"""The registry: MLflow's own versions, tags and aliases, and a gate that nobody passes by."""

import subprocess
import sys
from contextlib import nullcontext

import live_depot
import numpy as np
import pytest
from depot_service import FAILED, PASSED, digits, fill_home, trained_model, validated, versions
from mlflow import MlflowClient
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from mlops_lesson import pipeline
from mlops_lesson.deployment import registry, serving
from mlops_lesson.keep import journal
from mlops_lesson.training.network import TrainedModel, TrainingSettings
from mlops_lesson.training.trace import Epoch, TrainingTrace


@pytest.fixture(autouse=True)
def filled(home):
    """A home whose registry holds version 1, the champion."""
    fill_home(home)


def promoted(epochs):
    version = validated(trained_model(epochs))
    registry.promote(version)
    return version


def last_line():
    return journal.read().iloc[-1][["what", "version", "replaced", "why"]].tolist()


@pytest.mark.parametrize(
    ("verdict", "why"), [(None, "no verdict yet; see record_gate"), (FAILED, "interval begins at 0.800")]
)
def test_a_version_that_has_not_passed_is_refused_with_its_reasons(verdict, why):
    version = registry.register(trained_model(), data_hash="d")
    if verdict:
        registry.record_gate(version, verdict)
    with pytest.raises(registry.GateError, match=why):
        registry.promote(version, reason="in a hurry")
    assert registry.load("champion").version == 1
    assert last_line()[::3] == ["refused", "in a hurry"]


def test_a_challenger_that_passed_answers_and_the_one_before_is_named():
    version = validated(trained_model(4))
    registry.nominate(version)
    assert registry.load("challenger").version == version
    registry.promote(version, reason="better")
    assert versions() == {1: [], version: ["champion"]}
    registry.promote(version, reason="again")
    assert last_line() == ["promoted", version, 1, "better"]


def test_a_file_that_was_changed_after_the_gate_had_judged_it_or_is_missing_is_not_used(home):
    version = validated(trained_model(4))
    file = max(home.glob("mlflow/models/*/artifacts/model.skops"), key=lambda file: file.stat().st_mtime)
    for spoil, why in ((lambda: file.write_bytes(b"other"), "after the gate had judged it"), (file.unlink, "file")):
        spoil()
        for use in (registry.promote, registry.load):
            with pytest.raises(registry.RegistryError, match=rf"model\.skops .*{why}.*Register the model again"):
                use(version)
    assert registry.load("champion").version == 1


@pytest.mark.parametrize("unknown", [99, "challenger"])
def test_a_version_or_alias_that_is_unknown_is_said_with_what_to_do(unknown):
    with pytest.raises(registry.UnknownVersionError, match=rf"No version is {unknown!r} yet.*Register a model"):
        registry.load(unknown)


def test_rollback_goes_back_step_by_step_to_the_first():
    second, _third = promoted(4), promoted(5)
    assert [registry.rollback(), registry.rollback()] == [second, 1]
    with pytest.raises(registry.RegistryError, match="Version 1 has replaced none"):
        registry.rollback()


def test_a_version_whose_gate_says_no_by_now_does_not_come_back():
    promoted(4)
    registry.record_gate(1, FAILED)
    with pytest.raises(registry.GateError, match="Version 1 has not passed"):
        registry.rollback()


def test_an_alias_that_was_moved_by_mlflow_itself_is_followed():
    second, third = validated(trained_model(4)), validated(trained_model(5))
    MlflowClient().set_registered_model_alias("parcel-chute", "champion", str(second))
    assert registry.load("champion").version == second
    registry.promote(third)
    assert registry.rollback() == second


def test_a_model_that_could_run_code_is_refused():
    with pytest.raises(registry.RegistryError, match=r"untrusted types.*print"):
        registry.register(make_pipeline(FunctionTransformer(print), trained_model()), data_hash="d")
    assert list(versions()) == [1]


READ = """
import os, sys
from mlops_lesson.deployment import registry
print(registry.load("champion").version, "mlflow" in sys.modules)
os.environ["MLOPS_LESSON_HOME"] = sys.argv[1]
try:
    registry.load("champion")
except registry.UnknownVersionError:
    print(os.path.exists(sys.argv[1]))
"""


def test_reading_the_champion_needs_no_mlflow_and_makes_no_store(tmp_path):
    said = subprocess.check_output([sys.executable, "-c", READ, str(tmp_path / "new")], text=True)
    assert said.split() == ["1", "False", "False"]


MADE = TrainedModel(
    trained_model(4), TrainingTrace((Epoch(1, 0.4, 0.9),)), TrainingSettings(epochs=4, seed=0), "data-of-training"
)


def test_a_model_that_passed_is_deployed_with_verdict_and_settings():
    deployed, (X, _) = pipeline.deploy(MADE, PASSED, reason="first release"), digits()
    assert registry.load("champion").version == deployed.version == 2
    assert deployed.gate == PASSED
    assert (deployed.tags["data_hash"], deployed.tags["epochs"]) == ("data-of-training", "4")
    np.testing.assert_array_equal(deployed.model.predict_proba(X[:50]), MADE.model.predict_proba(X[:50]))


def test_a_model_that_was_refused_stays_registered_and_answers_nobody():
    with pytest.raises(registry.GateError):
        pipeline.deploy(MADE, FAILED, reason="after three epochs")
    assert registry.load(2).gate == FAILED
    assert versions() == {1: ["champion"], 2: []}


def test_a_run_of_the_pipeline_deploys_what_it_made(monkeypatch):
    made = live_depot.validated()
    monkeypatch.setattr(pipeline, "train", lambda _: made.trained)
    monkeypatch.setattr(serving, "serve", lambda: nullcontext(live_depot.ServiceWithoutNetwork()))
    assert pipeline.run(()).reports == []
    assert registry.load("champion").version == 2
    assert registry.load("champion").gate.accuracy == made.gate.accuracy
