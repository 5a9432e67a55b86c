"""Notebook 3: its cells arrive at what the package ships, and its words agree with its outputs."""

import re
from pathlib import Path

import mlflow
import nbformat
import pytest
from course_models import clean, trained

from mlops_lesson import artifacts
from mlops_lesson.training.explorer import explore_training
from mlops_lesson.training.network import TrainingSettings, train, train_baseline

NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "03_model_training.ipynb"
RUN = ("baselines", "network", "store", "record", "find", "thirty")


@pytest.fixture(scope="module")
def cells():
    return {cell.id: cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


@pytest.fixture(scope="module")
def learner(cells, tmp_path_factory):
    """What the names of the notebook stand for after the cells of Try have run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_LESSON_HOME", str(tmp_path_factory.mktemp("learner")))
        names = {}
        for name in RUN:
            exec(cells[name].source, names)  # noqa: S102 - a cell of the course, run as the learner runs it
        yield names


def text_of(cell):
    return "\n".join(output.get("text") or output.data["text/plain"] for output in cell.outputs)


def test_network_and_baseline_built_cell_by_cell_are_the_packages_and_the_network_is_handed_on(learner):
    assert artifacts.load("trained model", quiet=True).model_hash == trained(30).model_hash
    X_val, _ = clean().part("validation")
    packaged = train_baseline(clean())
    assert (learner["baseline"].predict_proba(learner["scaled_val"]) == packaged.predict_proba(X_val)).all()


def test_three_runs_are_recorded_with_all_that_the_quiz_demands_and_every_epoch(learner):
    runs = mlflow.search_runs(output_format="list", order_by=["attributes.start_time"])
    assert [run.data.params["epochs"] for run in runs] == ["3", "10", "30"]
    for run in runs:
        assert {"hidden_layer_sizes", "learning_rate_init", "batch_size", "momentum", "random_state"} < {
            *run.data.params
        }
        needed = {"data_hash", "git_commit", "lock_hash", "python_version", "numpy_version", "scikit_learn_version"}
        assert needed < {*run.data.tags}
    losses = mlflow.MlflowClient().get_metric_history(runs[0].info.run_id, "loss")
    assert [(each.step, each.value) for each in losses] == [(each.epoch, each.loss) for each in trained(3).trace]


def test_the_found_row_repeats_the_run_to_the_last_digit(learner):
    assert learner["again"] is not learner["network"]
    assert all((a == b).all() for a, b in zip(learner["again"].coefs_, learner["network"].coefs_, strict=True))
    assert learner["found"]["tags.data_hash"] == clean().data_hash


def test_the_note_on_the_wall_is_one_of_the_better_fifth(cells):
    assert "Do Monday and Tuesday agree? False" in text_of(cells["no-seed"])
    assert 20 <= int(re.search(r"(\d+) above 0\.9", text_of(cells["no-seed"]))[1]) <= 22


def test_guessing_is_below_one_half_and_the_third_epoch_beats_the_regression_by_two_images(cells):
    guess, logistic = map(float, re.findall(r"\): (\d\.\d+)", text_of(cells["baselines"])))
    epochs = [float(found) for found in re.findall(r"accuracy (\d\.\d+)", text_of(cells["network"]))]
    assert guess < 0.5
    assert epochs[1] < logistic
    assert round(300 * (epochs[2] - logistic)) == 2


def test_what_we_saw_in_the_explorer_is_what_it_shows():
    explorer = explore_training(clean())
    rate, units, epochs = explorer.controls
    seen = {}
    for value in (0.271, 0.1):
        rate.value = value
        seen[value] = explorer.answer.headline
    assert seen[0.271].startswith("Loss 0.315, accuracy 0.860")
    assert seen[0.1].startswith("Loss 0.342, accuracy 0.863")
    epochs.value = 10
    rate.value = 0.003
    assert explorer.answer.headline.startswith("Loss 0.639, accuracy 0.697")
    rate.value = 0.7
    learned = []
    for value in units.options:
        units.value = value
        learned += [value] * explorer.answer.headline.endswith("it has learned")
    assert learned == [4, 64, 128]


def test_at_three_epochs_a_rate_of_a_tenth_is_right_about_one_image_more():
    X_val, y_val = clean().part("validation")
    slow = train(clean(), TrainingSettings(epochs=3, learning_rate=0.1)).model
    assert round(len(y_val) * (slow.score(X_val, y_val) - trained(3).model.score(X_val, y_val))) == 1


def test_the_network_becomes_too_sure_and_long_steps_silence_its_units(cells):
    promised, made = map(
        float, re.search(r"30 epochs: ([\d.]+) errors promised, (\d+)", text_of(cells["probabilities"])).groups()
    )
    assert 0.4 < promised / made < 0.6
    assert "learning rate 0.7: 4 of 32 hidden units react" in text_of(cells["rates"])
