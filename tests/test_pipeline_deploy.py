import live_depot
import numpy as np
import pytest
from depot_service import digits, fill_home, trained_model

from mlops_lesson import pipeline
from mlops_lesson.deployment import registry
from mlops_lesson.deployment.registry import record_run, register_judged
from mlops_lesson.training.network import TrainedModel, TrainingSettings
from mlops_lesson.training.trace import Epoch, TrainingTrace
from mlops_lesson.validation.gate import GateResult

PASSED = GateResult(True, 0.95, 0.2, 0.91, 0.97, 200, 0.85, ("passed: the interval begins at 0.910",))
REFUSED = GateResult(
    False, 0.83, 0.4, 0.77, 0.88, 200, 0.85, ("failed: the interval begins at 0.770", "passed: no camera is bad")
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home whose registry holds version 1, the champion."""
    fill_home(tmp_path)
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    return tmp_path


def trained(epochs=4):
    trace = TrainingTrace((Epoch(1, 0.4, 0.9),))
    return TrainedModel(trained_model(epochs), trace, TrainingSettings(epochs=epochs, seed=0), "data-of-training")


def test_a_model_that_passed_becomes_the_champion_the_service_reads(home):
    deployed = pipeline.deploy(trained(), PASSED, reason="first release")
    X, _ = digits()
    assert registry.champion().version == deployed.version == 2
    np.testing.assert_array_equal(deployed.model.predict_proba(X[:50]), trained().model.predict_proba(X[:50]))


def test_the_verdict_and_the_settings_are_kept_with_the_version(home):
    deployed = pipeline.deploy(trained(), PASSED)
    assert (deployed.gate.accuracy, deployed.gate.low, deployed.gate.high) == (0.95, 0.91, 0.97)
    assert (deployed.gate.n, deployed.gate.threshold, deployed.gate.data_hash) == (200, 0.85, "data-of-training")
    assert deployed.data_hash == "data-of-training"
    assert deployed.tags["epochs"] == "4"


def test_a_model_that_was_refused_is_not_deployed_and_the_message_gives_the_failed_rule_only(home):
    with pytest.raises(registry.GateError, match=r"200 test images\): the interval begins at 0\.770\. Improve"):
        pipeline.deploy(trained(), REFUSED)
    assert registry.champion().version == 1


def test_a_refused_model_stays_in_the_registry_with_its_verdict(home):
    with pytest.raises(registry.GateError):
        pipeline.deploy(trained(), REFUSED, reason="after three epochs")
    newest = registry.versions().iloc[-1]
    assert (newest["version"], newest["gate"], newest["aliases"]) == (2, "failed", "")
    assert registry.history().iloc[-1][["action", "reason"]].tolist() == ["refused", "after three epochs"]


def test_deploying_again_makes_a_new_version_and_the_old_one_can_come_back(home):
    first = pipeline.deploy(trained(4), PASSED)
    second = pipeline.deploy(trained(5), PASSED)
    assert second.version == first.version + 1
    assert registry.rollback() == first.version


def test_a_judged_model_can_be_registered_without_answering_anybody(home):
    version = register_judged(trained(), PASSED)
    assert registry.gate(version).passed
    assert registry.champion().version == 1


def test_the_version_remembers_its_training_run(home):
    run = record_run(trained(), "deployed run")
    version = register_judged(trained(), PASSED, run_id=run)
    # Imported only now: the registry sets up MLflow before its first import.
    import mlflow

    uri = f"sqlite:///{registry.registry_path().as_posix()}"
    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    assert client.get_model_version(registry.MODEL_NAME, str(version)).run_id == run


def test_a_run_without_data_and_model_makes_them_and_lets_the_service_read_the_model(home, monkeypatch):
    made = live_depot.validated()
    monkeypatch.setattr(pipeline, "train", lambda clean: {live_depot.clean().version: made.trained}[clean.data_hash])
    service = live_depot.ServiceWithoutNetwork()
    result = pipeline.run((), server=service)
    assert result.table().empty
    assert service.champion.version == registry.champion().version == 2
    assert registry.champion().gate.accuracy == made.gate.accuracy
    assert registry.history().iloc[-1]["reason"] == "first champion of a run of the pipeline"
