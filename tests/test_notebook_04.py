"""Notebook 4: its gate is the package's, and its words agree with its outputs."""

import re
from pathlib import Path

import nbformat
import pytest
from course_models import clean, trained

from mlops_lesson import artifacts
from mlops_lesson.deployment import registry
from mlops_lesson.training.network import train_baseline
from mlops_lesson.validation.gate import GATE, check_gate

NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "04_model_validation.ipynb"
RUN = ("average", "interval", "scores", "confusion", "paired", "gate", "verdict", "model-card")


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


@pytest.mark.parametrize("epochs", [3, 30])
@pytest.mark.parametrize("threshold", [0.7, 0.77, 0.78, 0.85, 0.92, 0.93, 0.99])
def test_the_gate_built_in_the_notebook_decides_as_the_packages(learner, epochs, threshold):
    X_test, y_test = clean().part("test")
    cameras = clean().table.loc[clean().table["split"] == "test", "camera_id"]
    packaged = check_gate(trained(epochs).model, X_test, y_test, cameras, train_baseline(clean()), threshold)
    passed, broken_rules = learner["gate"](trained(epochs).model, threshold)
    assert passed == packaged.passed
    assert len(broken_rules) == len(packaged.failures)


def test_the_refused_model_is_recorded_and_not_promoted(learner):
    record = registry.gate(learner["version"])
    assert not record.passed
    assert record.reasons == learner["refused"].failures
    assert registry.champion() is None


def test_the_validated_model_is_handed_on_to_notebook_5(learner):
    handed_on = artifacts.load("validated model", quiet=True)
    assert handed_on.gate == learner["verdict"]
    assert handed_on.trained.model_hash == learner["trained"].model_hash


def test_the_good_average_hides_camera_4(cells):
    text = text_of(cells["average"])
    assert float(re.search(r"test images: (\d\.\d+)", text)[1]) > 0.95
    n, accuracy = re.search(r"^4\s+(\d+)\s+(\d\.\d+)", text, re.MULTILINE).groups()
    assert round((1 - float(accuracy)) * int(n)) / int(n) == pytest.approx(1 / 6)


def test_most_wrong_answers_come_from_camera_4(cells):
    from_4, wrong = re.search(r"(\d+) of (\d+) wrong answers", text_of(cells["wrong-figure"])).groups()
    assert int(from_4) > int(wrong) / 2


def test_the_counts_of_the_digits_are_those_in_the_text(cells):
    counts = [int(n) for n in re.findall(r"^\d\s+(\d+) ", text_of(cells["digits"]), re.MULTILINE)]
    assert len(counts) == 10
    assert f"With {min(counts)} to {max(counts)} images a digit" in cells["paired-text"].source


def test_camera_4_drops_in_the_named_week_and_no_other_camera_does(cells):
    text = text_of(cells["weeks"])
    rows = [line.split() for line in text.splitlines() if line.startswith("2026-")]
    week = re.search(r"week of (\S+)", text)[1]
    before = [float(row[3]) for row in rows if row[0] < week]
    since = [(int(row[1]), float(row[3])) for row in rows if row[0] >= week]
    assert set(before) == {1.0}
    assert sum(n * accuracy for n, accuracy in since) / sum(n for n, _ in since) < GATE
    assert min(float(row[4]) for row in rows if row[0] >= week) > 0.94


def test_one_pixel_hurts_more_than_dimming_and_noise(cells):
    rows = re.findall(r"^ *(\S.*?) +(\d\.\d+) +(-?\d\.\d+)$", text_of(cells["behaviour"]), re.MULTILINE)
    loss = {name: -float(change) for name, _, change in rows}
    shifts = [loss[name] for name in loss if name.startswith("shifted")]
    assert len(shifts) == 4
    assert min(shifts) > 5 * max(loss[name] for name in loss if not name.startswith("shifted"))


def test_a_threshold_chosen_on_validation_images_passes_there_and_not_on_test_images(cells):
    proven = dict(re.findall(r"(validation|test): accuracy \d\.\d+, proven (\d\.\d+)", text_of(cells["misleading"])))
    assert float(proven["validation"]) >= GATE > float(proven["test"])


def test_one_test_of_the_score_card_is_not_earned(cells):
    assert re.findall(r"(True|False)$", text_of(cells["project-evidence"]), re.MULTILINE).count("False") == 1
