"""Model Training as the package ships it: the given trace, repeatable, recorded, handed on."""

import hashlib
import re
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from course_models import clean, trained
from threadpoolctl import threadpool_limits

from mlops_lesson import artifacts, pipeline
from mlops_lesson.training.trace import compare_traces
from mlops_lesson.training.tracking import code_and_libraries
from mlops_lesson.validation.gate import ValidatedModel


def test_the_courses_settings_give_the_given_trace_within_two_hundredths():
    table = compare_traces(trained(3).trace)
    assert table["epoch"].tolist() == [1, 2, 3]
    assert table["larger of the two differences"].max() <= 0.02


def test_the_same_settings_give_the_same_model_whatever_the_number_of_threads():
    with threadpool_limits(limits=2):
        again = pipeline.train(clean(), trained(3).settings)
    assert again.model_hash == trained(3).model_hash


@pytest.mark.parametrize("change", [{"seed": 29}, {"seed": None}, {"learning_rate": 0.2}, {"epochs": 2}])
def test_any_other_setting_gives_another_model(change):
    assert pipeline.train(clean(), replace(trained(3).settings, **change)).model_hash != trained(3).model_hash


def test_thirty_epochs_begin_with_the_same_three_and_show_over_fitting():
    epochs = trained(30).trace.epochs
    assert epochs[:3] == trained(3).trace.epochs
    best, last = min(epochs, key=lambda epoch: epoch.loss), epochs[-1]
    assert 3 < best.epoch < 15
    assert last.loss > best.loss
    assert last.train_loss < best.train_loss


def test_the_scaler_has_seen_the_training_images_only_and_the_test_images_have_no_part_in_training():
    X, test = clean().X.copy(), (clean().table["split"] == "test").to_numpy()
    assert (trained(3).model["scaler"].data_max_ == clean().part("train")[0].max(axis=0)).all()
    X[test] = 0
    assert pipeline.train(replace(clean(), X=X), trained(3).settings).trace == trained(3).trace


def test_a_record_names_code_lock_and_libraries_and_says_where_there_is_no_commit(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "MANIFEST.sha256").touch()
    (tmp_path / "requirements.lock").write_bytes(b"numpy==2.4.0\n")
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(tmp_path))
    tags = code_and_libraries()
    assert tags["git_commit"] == "none"
    assert tags["lock_hash"] == hashlib.sha256(b"numpy==2.4.0\n").hexdigest()
    assert tags["numpy_version"] == np.__version__
    assert {*tags} == {"git_commit", "lock_hash", "python_version", "numpy_version", "scikit_learn_version"}
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    assert re.fullmatch("[0-9a-f]{40}", code_and_libraries()["git_commit"])


def test_a_trained_model_comes_back_as_it_was(home, capsys):
    what = f"trained model, 3 epochs on data {clean().data_hash[:12]}"
    assert artifacts.save(trained(3)) == f"Saved: {what}"
    back = artifacts.load("trained model")
    assert capsys.readouterr().out == f"Input: your own {what}\n"
    assert back.model_hash == trained(3).model_hash


def test_a_model_of_other_data_is_not_handed_on_as_if_it_were_of_these(home, capsys):
    artifacts.save(replace(trained(3), data_hash="0" * 64))
    assert artifacts.load("trained model").model_hash == trained(30).model_hash
    said = capsys.readouterr().out
    assert "Your own trained model learned from other data than you have now." in said
    assert "Input: the course's own trained model" in said


def test_a_refused_model_cannot_be_handed_on_as_validated():
    refused = pipeline.validate(trained(3), clean())
    with pytest.raises(ValueError, match="The gate has refused this model, so it is not handed on: the accuracy"):
        ValidatedModel(trained(3), refused)
