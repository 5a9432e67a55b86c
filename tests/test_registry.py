"""The registry: MLflow's own versions, tags and aliases, and a gate that nobody passes by."""

import subprocess
import sys
from contextlib import nullcontext

import live_depot
import numpy as np
import pytest
from depot_service import FAILED, PASSED, digits, fill_home, trained_model, validated
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from mlops_lesson import pipeline
from mlops_lesson.deployment import registry, serving
from mlops_lesson.training.network import TrainedModel, TrainingSettings
from mlops_lesson.training.trace import Epoch, TrainingTrace


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home whose registry holds version 1, the champion."""
    fill_home(tmp_path)
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    return tmp_path


def trained(epochs=4):
    trace = TrainingTrace((Epoch(1, 0.4, 0.9),))
    return TrainedModel(trained_model(epochs), trace, TrainingSettings(epochs=epochs, seed=0), "data-of-training")


def model_file(version):
    return registry._find(version).file


class TestPromotion:
    def test_a_version_without_a_gate_is_refused(self, home):
        version = registry.register(trained_model(), data_hash="d")
        with pytest.raises(registry.GateError, match=r"no gate result.*record_gate"):
            registry.promote(version)
        assert registry.champion().version == 1

    def test_a_version_that_failed_is_refused_with_its_reasons(self, home):
        version = registry.register(trained_model(), data_hash="d")
        registry.record_gate(version, FAILED)
        with pytest.raises(registry.GateError, match=r"\(0\.85 on 300 images\): the accuracy's interval begins at 0"):
            registry.promote(version, reason="in a hurry")
        assert registry.champion().version == 1
        assert registry.history().iloc[-1][["what", "why"]].tolist() == ["refused", "in a hurry"]

    def test_a_version_that_passed_answers_and_the_one_before_is_named(self, home):
        version = validated(trained_model(4))
        assert registry.promote(version, reason="better") == 1
        assert registry.champion().version == version
        assert registry.history().iloc[-1][["what", "version", "replaced", "why"]].tolist() == [
            "promoted",
            version,
            1,
            "better",
        ]

    def test_the_champion_promoted_again_changes_nothing(self, home):
        before = registry.history()
        assert registry.promote(1) == 1
        assert registry.history().equals(before)

    def test_a_file_that_was_changed_after_the_gate_had_judged_it_is_neither_promoted_nor_loaded(self, home):
        version = validated(trained_model(4))
        other = registry.register(trained_model(5), data_hash="d")
        model_file(version).write_bytes(model_file(other).read_bytes())
        for use in (registry.promote, registry.load, registry.nominate):
            with pytest.raises(registry.RegistryError, match="was changed after the gate had judged it"):
                use(version)
        assert registry.champion().version == 1

    def test_a_file_that_is_missing_is_said_with_the_way_out(self, home):
        version = validated(trained_model(4))
        model_file(version).unlink()
        with pytest.raises(registry.RegistryError, match=r"model\.skops cannot be read.*Register the model again"):
            registry.promote(version)

    def test_a_version_or_alias_that_is_unknown_is_said_with_what_to_do(self, home):
        with pytest.raises(registry.UnknownVersionError, match=r"no version 99 .*Registered: 1\."):
            registry.load(99)
        with pytest.raises(registry.UnknownVersionError, match=r"No version is 'challenger' yet.*Register a model"):
            registry.load("challenger")

    def test_a_challenger_that_becomes_champion_is_challenger_no_more(self, home):
        version = validated(trained_model(4))
        registry.nominate(version)
        assert registry.load("challenger").version == version
        registry.promote(version)
        assert registry.versions()["aliases"].tolist() == ["", "champion"]


class TestRollback:
    def test_it_goes_back_step_by_step_to_the_first(self, home):
        second, third = validated(trained_model(4)), validated(trained_model(5))
        registry.promote(second)
        registry.promote(third)
        assert [registry.rollback(), registry.rollback()] == [second, 1]
        with pytest.raises(registry.RegistryError, match="this one was the first"):
            registry.rollback()

    def test_a_champion_that_comes_back_remembers_whom_it_replaced(self, home):
        second = validated(trained_model(4))
        registry.promote(second)
        registry.promote(1)
        assert [registry.rollback(), registry.rollback()] == [second, 1]

    def test_a_version_whose_gate_says_no_by_now_is_passed_over(self, home):
        second, third = validated(trained_model(4)), validated(trained_model(5))
        registry.promote(second)
        registry.promote(third)
        registry.record_gate(second, FAILED)
        assert registry.rollback() == 1

    def test_an_alias_that_was_moved_by_mlflow_itself_is_followed(self, home):
        import mlflow

        second, third = validated(trained_model(4)), validated(trained_model(5))
        registry.promote(second)
        mlflow.MlflowClient().set_registered_model_alias("parcel-chute", "champion", str(third))
        assert registry.champion().version == third
        assert registry.rollback() == second

    def test_a_promotion_that_died_before_the_alias_moved_is_forgotten(self, home):
        import mlflow

        second = validated(trained_model(4))
        registry.promote(second)
        mlflow.MlflowClient().set_registered_model_tag("parcel-chute", "champions", f"[1, {second}, 3]")
        assert registry.rollback() == 1


def test_a_loaded_model_is_the_one_that_was_registered(home):
    version = registry.register(trained_model(5), data_hash="d", tags={"epochs": 5})
    loaded, (X, _) = registry.load(version), digits()
    np.testing.assert_array_equal(loaded.model.predict_proba(X[:50]), trained_model(5).predict_proba(X[:50]))
    assert (loaded.data_hash, loaded.tags, loaded.gate) == ("d", {"epochs": "5"}, None)


def test_the_verdict_comes_back_as_it_was_recorded(home):
    version = registry.register(trained_model(), data_hash="d")
    registry.record_gate(version, FAILED)
    assert registry.gate(version) == registry.load(version).gate == FAILED


def test_a_model_that_could_run_code_is_refused(home):
    with pytest.raises(registry.RegistryError, match=r"untrusted types.*print"):
        registry.register(make_pipeline(FunctionTransformer(print), trained_model()), data_hash="d")
    assert len(registry.versions()) == 1


def test_the_list_of_versions_says_aliases_and_gates(home):
    registry.nominate(registry.register(trained_model(), data_hash="d2"))
    table = registry.versions()
    assert table["version"].tolist() == [1, 2]
    assert table["aliases"].tolist() == ["champion", "challenger"]
    assert table["gate"].tolist() == ["passed", "none"]
    assert table["accuracy"].tolist()[0] == PASSED.accuracy
    assert table["data_hash"].tolist() == ["train-data", "d2"]


def test_without_a_store_there_are_no_versions_and_reading_makes_none(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "new"))
    assert registry.versions().empty
    assert registry.champion() is None
    assert not (tmp_path / "new").exists()


def test_reading_the_champion_needs_no_mlflow(home):
    code = (
        "import sys; from mlops_lesson.deployment import registry; registry.load('champion'); registry.gate('champion')"
        "; print('mlflow' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


class TestDeploy:
    def test_a_model_that_passed_becomes_the_champion_with_verdict_and_settings(self, home):
        deployed, (X, _) = pipeline.deploy(trained(), PASSED, reason="first release"), digits()
        assert registry.champion().version == deployed.version == 2
        assert (deployed.gate, deployed.data_hash, deployed.tags["epochs"]) == (PASSED, "data-of-training", "4")
        np.testing.assert_array_equal(deployed.model.predict_proba(X[:50]), trained().model.predict_proba(X[:50]))

    def test_a_model_that_was_refused_stays_registered_and_answers_nobody(self, home):
        with pytest.raises(registry.GateError):
            pipeline.deploy(trained(), FAILED, reason="after three epochs")
        assert registry.versions().iloc[-1][["version", "gate", "aliases"]].tolist() == [2, "failed", ""]
        assert registry.champion().version == 1

    def test_a_run_of_the_pipeline_deploys_what_it_made(self, home, monkeypatch):
        made = live_depot.validated()
        monkeypatch.setattr(pipeline, "train", lambda _: made.trained)
        monkeypatch.setattr(serving, "serve", lambda: nullcontext(live_depot.ServiceWithoutNetwork()))
        assert pipeline.run(()).reports == []
        assert registry.champion().version == 2
        assert registry.champion().gate.accuracy == made.gate.accuracy
