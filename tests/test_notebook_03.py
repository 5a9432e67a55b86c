"""Notebook 3: its cells arrive at what the package ships, and its words agree with its outputs."""

import re
from pathlib import Path

import nbformat
import pytest
from course_models import clean, trained

from mlops_lesson import artifacts, pipeline
from mlops_lesson.deployment import registry
from mlops_lesson.training.network import train_baseline

NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "03_model_training.ipynb"
RUN = ("no-seed", "card", "probabilities", "baselines", "network", "trace", "compare", "charts", "rates", "thirty")
RUN += ("record", "find", "handover")


@pytest.fixture(scope="module")
def cells():
    return {cell.id: cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


@pytest.fixture(scope="module")
def learner(cells, tmp_path_factory):
    """What the names of the notebook stand for after its cells have run, and the folder of the learner's work."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("learner")
        patch.setenv("MLOPS_LESSON_HOME", str(folder))
        names = {}
        for name in RUN:
            exec(cells[name].source, names)  # noqa: S102 - a cell of the course, run as the learner runs it
        yield names


def text_of(cell):
    return "\n".join(output.get("text") or output.data["text/plain"] for output in cell.outputs)


def test_the_network_built_cell_by_cell_is_the_packages(learner):
    assert learner["own"].version == pipeline.train(clean()).version


def test_the_three_epochs_are_the_packages(learner):
    assert learner["three"].epochs == trained(3).trace.epochs


def test_the_baseline_is_the_packages(learner):
    X_val, _ = clean().part("validation")
    packaged = train_baseline(clean())
    assert (learner["logistic"].predict_proba(X_val) == packaged.predict_proba(X_val)).all()


def test_the_model_is_handed_on_to_notebook_4(learner):
    assert artifacts.load("trained model", quiet=True).version == learner["own"].version


def test_every_run_is_recorded_with_its_trace(learner):
    assert set(registry.runs()["run"]) == set(learner["runs"])
    for name, (_, trace) in learner["runs"].items():
        assert registry.run_epochs(name)["loss"].tolist() == trace.values("loss")


def test_the_found_record_repeats_the_run(learner):
    assert learner["again"].trace.epochs == learner["three"].epochs


def test_the_note_on_the_wall_is_a_lucky_run(cells):
    lowest, highest, lucky = re.search(
        r"from (\d\.\d+) to (\d\.\d+), above 0\.9 in (\d+) of 10", text_of(cells["no-seed"])
    ).groups()
    assert "Do Monday and Tuesday agree? False" in text_of(cells["no-seed"])
    assert float(lowest) < 0.9 < float(highest)
    assert int(lucky) == 1


def test_the_settings_are_a_choice_that_other_seeds_do_not_confirm(cells):
    assert "of the ten other seeds, within the limit: 0" in text_of(cells["compare"])


def test_guessing_is_worse_than_a_coin_and_one_epoch_does_not_beat_the_logistic_regression(cells):
    guess, logistic = (float(found) for found in re.findall(r"accuracy (\d\.\d+)", text_of(cells["baselines"])))
    one_epoch = float(re.search(r"accuracy (\d\.\d+)", text_of(cells["network"]))[1])
    assert guess < 0.5
    assert one_epoch < logistic


def test_too_long_steps_end_near_the_loss_of_a_coin(learner):
    assert learner["high"].epochs[-1].loss == pytest.approx(0.693, abs=0.01)
    assert max(learner["high"].values("loss")) > 0.9
