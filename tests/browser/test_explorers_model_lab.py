"""The explorers of Model Training and Model Validation in a real JupyterLab, by keyboard alone."""

import pytest
from playwright.sync_api import expect

DATA = "from mlops_lesson.artifacts import load\nclean = load('clean dataset', quiet=True)"
TRAINING = "from mlops_lesson.explorers.model_training import training_explorer\ntraining_explorer(clean)"
VALIDATION = """
from mlops_lesson import pipeline
from mlops_lesson.explorers.model_validation import validation_explorer
network = pipeline.train(clean, pipeline.TrainingSettings(epochs=3)).model
models = {"logistic regression": pipeline.train_baseline(clean), "3 epochs": network}
validation_explorer(models, *clean.part("validation"))
"""


@pytest.fixture
def result(lab):
    """Show an explorer and return its output and the place of its result."""

    def show(source):
        lab.open(lab.write_notebook("explore.ipynb", DATA, source))
        lab.run_all()
        assert lab.errors() == []
        return lab.output(1), lab.page.locator(".mlops-explorer-result[role=status]")

    return show


def press(lab, slider, key, times):
    slider.focus()
    for _ in range(times):
        lab.page.keyboard.press(key)


def test_epochs_and_learning_rate_are_moved_by_arrow_keys(lab, result):
    output, shown = result(TRAINING)
    expect(shown).to_contain_text("after epoch 3: it has learned")
    press(lab, output.get_by_role("slider", name="Epochs"), "ArrowRight", 2)
    expect(shown).to_contain_text("after epoch 5: it has learned")
    press(lab, output.get_by_role("slider", name="Learning rate"), "ArrowRight", 2)
    expect(shown).to_contain_text("the loss jumps, the steps are too long")


def test_threshold_and_model_are_moved_by_arrow_keys(lab, result):
    output, shown = result(VALIDATION)
    expect(shown).to_contain_text("Refused: the interval begins at")
    press(lab, output.get_by_role("slider", name="Threshold for chute B"), "ArrowRight", 4)
    expect(shown).to_contain_text("Passed: the interval begins at")
    press(lab, output.get_by_role("radio", name="3 epochs"), "ArrowUp", 1)
    expect(output.get_by_role("radio", name="logistic regression")).to_be_checked()
    expect(shown).to_contain_text("Refused: the interval begins at")
