"""The explorer of each notebook in a real JupyterLab, by keyboard alone."""

import re

import pytest
from playwright.sync_api import expect

DATA = "from mlops_lesson.artifacts import load\nclean = load('clean dataset', quiet=True)"
COLLECTION = """
from mlops_lesson.collection import depot
from mlops_lesson.collection.explorer import explore_sources
explore_sources(depot.read_parcels(), depot.read_images(), depot.read_sensors(), depot.read_clicks())
"""
PREPROCESSING = """
from mlops_lesson.preprocessing.explorer import explore_cleaning
explore_cleaning(load("raw dataset", quiet=True))
"""
TRAINING = "from mlops_lesson.training.explorer import training_explorer\ntraining_explorer(clean)"
VALIDATION = """
from mlops_lesson import pipeline
from mlops_lesson.validation.explorer import validation_explorer
network = pipeline.train(clean, TrainingSettings(epochs=3)).model
models = {"logistic regression": train_baseline(clean), "3 epochs": network}
validation_explorer(models, *clean.part("validation"))
"""
DEPLOYMENT = """
from mlops_lesson import pipeline
from mlops_lesson.deployment import serving
from mlops_lesson.deployment.explorer import explore_service
trained = pipeline.train(clean)
pipeline.deploy(trained, pipeline.validate(trained, clean))
images, labels = clean.part("test")
explore_service(serving.start(), images[8:28], labels[8:28])
"""
MONITORING = """
from mlops_lesson import pipeline
from mlops_lesson.monitoring.explorer import explore_alerts
from mlops_lesson.monitoring.rehearsal import clean_pool
from mlops_lesson.training.network import TrainingSettings, train_baseline
explore_alerts(pipeline.train(clean).model, clean_pool(clean))
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


def press(lab, control, key, times=1):
    control.focus()
    for _ in range(times):
        lab.page.keyboard.press(key)


def test_sources_are_switched_off_and_joined_otherwise_by_keys(lab, result):
    output, shown = result(COLLECTION)
    expect(shown).to_contain_text("1,176 usable labelled images")
    press(lab, output.get_by_role("radio", name="left join"), "ArrowDown")
    expect(shown).to_contain_text("1,132 usable labelled images")
    press(lab, output.get_by_role("checkbox", name="clicks"), "Space")
    expect(shown).to_contain_text("Without the clicks no image has a label.")


def test_a_cleaning_step_is_switched_off_and_on_by_the_space_bar(lab, result):
    output, shown = result(PREPROCESSING)
    expect(shown).to_contain_text("1,139 rows kept")
    blank = output.get_by_role("checkbox", name="remove blank frames")
    press(lab, blank, "Space")
    expect(shown).to_contain_text(re.compile(r"1,15\d rows kept"))
    press(lab, blank, "Space")
    expect(shown).to_contain_text("1,139 rows kept")


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
    press(lab, output.get_by_role("radio", name="3 epochs"), "ArrowUp")
    expect(output.get_by_role("radio", name="logistic regression")).to_be_checked()
    expect(shown).to_contain_text("Refused: the interval begins at")


def test_a_parcel_is_moved_and_sent_by_keys(lab, result):
    output, shown = result(DEPLOYMENT)
    expect(shown).to_contain_text("Chute B for parcel 1")
    press(lab, output.get_by_role("slider", name="Shift right, pixels"), "ArrowRight")
    press(lab, output.get_by_role("button", name="Send to the service"), "Enter")
    expect(shown).to_contain_text("Chute A for parcel 1")


def test_an_alerts_threshold_is_moved_by_arrow_keys(lab, result):
    output, shown = result(MONITORING)
    expect(shown).to_contain_text("False alarms: 0.8% of windows")
    press(lab, output.get_by_role("slider", name="Threshold"), "ArrowRight")
    expect(shown).to_contain_text("False alarms: 5.0% of windows")
