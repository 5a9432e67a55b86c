"""Stage 2 removes, repairs or refuses by rules that count, and hands on nothing that breaks the contract."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from course_models import clean, raw

from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.preprocessing.cleaning import preprocess, repair_units
from mlops_lesson.preprocessing.contract import require_clean
from mlops_lesson.preprocessing.explorer import STEPS, explore_cleaning
from mlops_lesson.preprocessing.faults import faults
from mlops_lesson.show.explorer import Explorer
from mlops_lesson.training.network import train_baseline

EXPECTED_HASH = "6a5b786a6156"
PLANTED = {
    "image missing": 2,
    "image of the wrong size": 1,
    "image blank": 14,
    "scanned twice": 24,
    "no click, so no label": 46,
    "chute in lower case": 6,
    "chute unknown": 0,
    "lux given in klx": 1,
    "temperature without unit": 2,
}


def test_faults_are_the_planted_ones_one_row_a_scan() -> None:
    bad = faults(raw())
    assert bad.sum().to_dict() == PLANTED
    assert bad.index.tolist() == raw().table["id"].tolist()


def test_every_rule_has_its_count_and_the_counts_add_up() -> None:
    report = clean().report
    of_kept_rows = {"scanned twice": 22, "temperature without unit": 1}
    assert dict(zip(report["rule"], report["rows"], strict=True)) == PLANTED | of_kept_rows
    removed = report.loc[report["action"] == "removed", "rows"].sum()
    assert removed == len(raw().table) - len(clean().table)


def test_a_reading_is_repaired_where_its_unit_is_written_and_refused_where_it_is_not() -> None:
    before, after = raw().table.set_index("id"), repair_units(raw().table).set_index("id")
    assert after.loc[100106, "lux"] == pytest.approx(403.3)
    assert after.loc[[101022, 101023], "temperature"].isna().all()
    same = ~after.index.isin([100106, 101022, 101023])
    assert after.loc[same, ["lux", "temperature"]].equals(before.loc[same, ["lux", "temperature"]])


def test_the_same_picture_on_the_same_camera_within_a_minute_is_a_repeated_scan_in_rows_of_any_order() -> None:
    one, seconds = np.arange(64.0).reshape(8, 8), [80, 0, 30, 180, 10, 40, 0, 1]
    table = (
        raw()
        .table.iloc[[0] * 8]
        .assign(
            id=[3, 1, 2, 4, 5, 6, 7, 8],
            camera_id=[1, 1, 1, 1, 2, 1, 1, 1],
            seen_at=pd.Timestamp("2026-01-05 09:00") + pd.to_timedelta(seconds, "s"),
            has_image=[True] * 6 + [False] * 2,
        )
    )
    bad = faults(replace(raw(), table=table, images={**dict.fromkeys(range(1, 6), one), 6: np.eye(8)}))
    assert bad.index[bad["scanned twice"]].tolist() == [3, 2]
    assert bad.index[bad["image missing"]].tolist() == [7, 8]


def test_a_parcel_of_a_later_part_is_later_and_no_image_stands_in_two_parts() -> None:
    times = clean().table.groupby("split")["seen_at"].agg(["min", "max"])
    assert times.loc["train", "max"] < times.loc["validation", "min"]
    assert times.loc["validation", "max"] < times.loc["test", "min"]
    assert clean().table["split"].value_counts().to_dict() == {"train": 639, "validation": 300, "test": 200}
    assert len({row.tobytes() for row in clean().X}) == len(clean().table)
    with pytest.raises(ValueError, match="train, validation, test"):
        clean().part("future")


def test_the_same_data_has_the_same_hash_however_it_is_stored() -> None:
    assert clean().data_hash[:12] == EXPECTED_HASH
    assert preprocess(replace(raw(), table=raw().table.iloc[::-1])).data_hash == clean().data_hash
    for kind in ("<f4", ">f8", "i2"):
        assert replace(clean(), X=clean().X.astype(kind)).data_hash == clean().data_hash


def damaged(kind: str) -> CleanDataset:
    table, X = clean().table.copy(), clean().X.copy()
    if kind in table.columns:
        table.loc[[3, 4], kind] = {"chute": "C", "split": "future"}.get(kind, 50)
    elif kind == "repeated id":
        table.loc[1, "id"] = table.loc[0, "id"]
    elif kind == "another type":
        table["seen_at"] = table["seen_at"].astype(str)
    elif kind == "extra column":
        table["lux"] = 400.0
    elif kind == "lost column":
        table = table.drop(columns="chute")
    elif kind == "missing pixel":
        X = X[:, :-1]
    elif kind == "blank":
        X[[6, 7, 8, 9, 10]] = 3
    else:
        X[5, 0] = {"too bright": 255, "too dark": -1, "not a number": np.nan}[kind]
    return replace(clean(), table=table, X=X)


REFUSALS = {
    "camera_id": r"camera_id: camera unknown \(parcel 100004, 100005\)",
    "keyed_digit": r"keyed_digit: digit outside 0 to 9 \(parcel 100004, 100005\)",
    "sender": r"sender: sender unknown \(parcel 100004, 100005\)",
    "chute": r"chute: chute not A or B \(parcel 100004, 100005\)",
    "split": r"split: part unknown \(parcel 100004, 100005\)",
    "repeated id": r"id: field_uniqueness \(parcel 100001, 100001\)",
    "another type": r"dtype\('datetime64",
    "extra column": r"column_in_schema: lux",
    "lost column": r"column_in_dataframe: chute",
    "too bright": r"brightest: grey level above 16 \(parcel 100006\)",
    "too dark": r"darkest: grey level below 0 \(parcel 100006\)",
    "not a number": r"brightest: not_nullable \(parcel 100006\)",
    "blank": r"contrast: image blank \(parcel 100007, 100008, 100009 and 2 more\)",
    "missing pixel": r"pixels: not 8 x 8 \(parcel 100001, 100002, 100003 and 1,136 more\)",
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_dataset_that_breaks_the_contract_is_refused_and_the_rows_are_named(kind: str) -> None:
    with pytest.raises(ValueError, match=f"breaks its contract: .*{REFUSALS[kind]}.* Nothing is handed on"):
        require_clean(damaged(kind))


@pytest.fixture(scope="module")
def explorer() -> Explorer:
    return explore_cleaning(raw())


def leave_out(explorer: Explorer, *steps: str) -> str:
    """Leave out these steps and no other, and return the answer."""
    left_out = [STEPS[step][0] for step in steps]
    for control in explorer.controls:
        control.value = control.description not in left_out
    return explorer.text


def test_with_all_steps_the_explorer_cleans_as_the_pipeline_does_and_shows_it_in_words(explorer: Explorer) -> None:
    accuracy = train_baseline(clean()).score(*clean().part("validation"))
    assert f"{len(clean().table):,} rows kept, validation accuracy {accuracy:.3f}." in leave_out(explorer)
    words = "your steps: 1,139 rows, accuracy 0.853, 95 % interval 0.809 to 0.889; all steps: 1,139 rows"
    assert f'alt="Validation accuracy. {words}' in explorer.result.value


def test_the_loud_fault_stops_training_and_shows_no_accuracy(explorer: Explorer) -> None:
    assert leave_out(explorer, "whole").splitlines()[1:] == [
        "1,142 rows, and no model.",
        "- 3 rows have no image of 8 x 8 pixels: training stops with an error. This fault is loud; the others are "
        "silent.",
    ]
    assert "<img" not in explorer.result.value


@pytest.mark.parametrize(
    ("steps", "rows", "told"),
    [
        (["blank"], 1151, "12 blank frames"),
        (["unlabelled"], 1185, "46 parcels without a click are counted as chute A"),
        (["spelling"], 1139, "3 clicks on b are counted as chute A"),
        (["by_time"], 1139, "same weeks are on both sides"),
        (["repeated", "by_time"], 1161, "validation images are copies of training images"),
    ],
)
def test_each_silent_fault_is_told_with_its_rows(explorer: Explorer, steps: list[str], rows: int, told: str) -> None:
    assert f"{rows:,} rows kept" in leave_out(explorer, *steps)
    assert told in explorer.text


def test_repeated_scans_do_not_leak_when_the_split_is_by_time(explorer: Explorer) -> None:
    assert "copies of training images" not in leave_out(explorer, "repeated")
