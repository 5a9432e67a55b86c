"""The explorer of notebook 2, driven as a learner would: switch a step off, read the answer."""

import pytest

from mlops_lesson.collection.dataset import RawDataset, collect
from mlops_lesson.preprocessing.cleaning import preprocess
from mlops_lesson.preprocessing.explorer import STEPS, explore_cleaning
from mlops_lesson.show.explorer import Explorer
from mlops_lesson.training.network import train_baseline


@pytest.fixture(scope="module")
def raw() -> RawDataset:
    return collect()


@pytest.fixture(scope="module")
def opened(raw: RawDataset) -> Explorer:
    return explore_cleaning(raw)


@pytest.fixture
def cleaning(opened: Explorer) -> Explorer:
    for control in opened.controls:
        control.value = True
    return opened


def leave_out(shown: Explorer, *steps: str) -> None:
    for control in shown.controls:
        if control.description in [STEPS[step][0] for step in steps]:
            control.value = False


def test_with_all_steps_the_explorer_cleans_as_the_pipeline_does(cleaning: Explorer, raw: RawDataset) -> None:
    clean = preprocess(raw)
    accuracy = train_baseline(clean).score(*clean.part("validation"))
    assert f"{len(clean.table):,} rows kept, validation accuracy {accuracy:.3f}." in cleaning.text


def test_the_loud_fault_stops_training_and_shows_no_accuracy(cleaning: Explorer) -> None:
    leave_out(cleaning, "whole")
    assert cleaning.text.splitlines()[1:] == [
        "1,142 rows, and no model.",
        "- 3 rows have no image of 8 x 8 pixels: training stops with an error. This fault is loud; the others are "
        "silent.",
    ]
    assert "<img" not in cleaning.result.value


@pytest.mark.parametrize(
    ("step", "rows", "told"),
    [
        ("blank", 1151, "12 blank frames"),
        ("repeated", 1161, ""),
        ("unlabelled", 1185, "46 parcels without a click are counted as chute A"),
        ("spelling", 1139, "3 clicks on b are counted as chute A"),
        ("by_time", 1139, "same weeks stand on both sides"),
    ],
)
def test_each_silent_fault_is_told_with_its_rows(cleaning: Explorer, step: str, rows: int, told: str) -> None:
    leave_out(cleaning, step)
    assert f"{rows:,} rows kept" in cleaning.text
    assert told in cleaning.text


def test_repeated_scans_leak_when_the_split_is_random(cleaning: Explorer) -> None:
    leave_out(cleaning, "repeated")
    assert "copies of training images" not in cleaning.text
    leave_out(cleaning, "by_time")
    assert "validation images are copies of training images" in cleaning.text


def test_the_figure_is_drawn_with_its_numbers_as_words(cleaning: Explorer) -> None:
    words = "your steps: 1,139 rows, accuracy 0.853, 95 % interval 0.809 to 0.889; all steps: 1,139 rows"
    assert f'alt="Validation accuracy. {words}' in cleaning.result.value
