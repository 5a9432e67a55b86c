"""Stage 2 removes, repairs or refuses by rules that count, and hands on nothing that breaks the contract."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlops_lesson.collection.dataset import CleanDataset, RawDataset, collect
from mlops_lesson.preprocessing.cleaning import preprocess, repair_units
from mlops_lesson.preprocessing.contract import require_clean
from mlops_lesson.preprocessing.faults import faults

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


@pytest.fixture(scope="module")
def raw() -> RawDataset:
    return collect()


@pytest.fixture(scope="module")
def clean(raw: RawDataset) -> CleanDataset:
    return preprocess(raw)


def test_faults_are_the_planted_ones_one_row_a_scan(raw: RawDataset) -> None:
    bad = faults(raw)
    assert bad.sum().to_dict() == PLANTED
    assert bad.index.tolist() == raw.table["id"].tolist()
    assert set(bad.dtypes.astype(str)) == {"bool"}


def test_every_rule_has_its_count_and_the_counts_add_up(clean: CleanDataset, raw: RawDataset) -> None:
    assert dict(zip(clean.report["rule"], clean.report["rows"], strict=True)) == PLANTED | {"scanned twice": 22}
    removed = clean.report["action"] == "removed"
    assert clean.report.loc[removed, "rows"].sum() == len(raw.table) - len(clean.table)


def test_a_reading_is_repaired_where_its_unit_is_written_and_refused_where_it_is_not(raw: RawDataset) -> None:
    before, after = raw.table.set_index("id"), repair_units(raw.table).set_index("id")
    assert after.loc[100106, "lux"] == pytest.approx(403.3)
    assert after.loc[[101022, 101023], "temperature"].isna().all()
    same = ~after.index.isin([100106, 101022, 101023])
    assert after.loc[same, ["lux", "temperature"]].equals(before.loc[same, ["lux", "temperature"]])


def test_the_same_picture_on_the_same_camera_within_a_minute_is_a_repeated_scan_in_rows_of_any_order(
    raw: RawDataset,
) -> None:
    one, seconds = np.arange(64.0).reshape(8, 8), [80, 0, 30, 180, 10, 40, 0, 1]
    table = raw.table.iloc[[0] * 8].assign(
        id=[3, 1, 2, 4, 5, 6, 7, 8],
        camera_id=[1, 1, 1, 1, 2, 1, 1, 1],
        seen_at=pd.Timestamp("2026-01-05 09:00") + pd.to_timedelta(seconds, "s"),
        has_image=[True] * 6 + [False] * 2,
    )
    bad = faults(RawDataset(table, {**dict.fromkeys(range(1, 6), one), 6: np.eye(8)}, raw.lineage))
    assert bad.index[bad["scanned twice"]].tolist() == [3, 2]
    assert bad.index[bad["image missing"]].tolist() == [7, 8]


def test_a_parcel_of_a_later_part_is_later_and_no_image_stands_in_two_parts(clean: CleanDataset) -> None:
    times = clean.table.groupby("split")["seen_at"].agg(["min", "max"])
    assert times.loc["train", "max"] < times.loc["validation", "min"]
    assert times.loc["validation", "max"] < times.loc["test", "min"]
    assert clean.table["split"].value_counts().to_dict() == {"train": 639, "validation": 300, "test": 200}
    assert len({row.tobytes() for row in clean.X}) == len(clean.table)


def test_the_same_data_has_the_same_hash_however_it_is_stored(raw: RawDataset, clean: CleanDataset) -> None:
    assert clean.data_hash[:12] == EXPECTED_HASH
    assert preprocess(replace(raw, table=raw.table.iloc[::-1])).data_hash == clean.data_hash
    for kind in ("<f4", ">f8", "i2"):
        assert CleanDataset(clean.table, clean.X.astype(kind), clean.report).data_hash == clean.data_hash


def damage(clean: CleanDataset, kind: str) -> CleanDataset:
    table, X = clean.table.copy(), clean.X.copy()
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
    return CleanDataset(table, X, clean.report)


REFUSALS = {
    "camera_id": r"camera_id: camera unknown \(parcel 100004, 100005\)",
    "keyed_digit": r"keyed_digit: digit outside 0 to 9 \(parcel 100004, 100005\)",
    "sender": r"sender: sender unknown \(parcel 100004, 100005\)",
    "chute": r"chute: chute not A or B \(parcel 100004, 100005\)",
    "split": r"split: part unknown \(parcel 100004, 100005\)",
    "repeated id": r"id: repeated \(parcel 100001, 100001\)",
    "another type": r"dtype\('datetime64",
    "extra column": r"column_in_schema: lux",
    "lost column": r"column_in_dataframe: chute",
    "too bright": r"brightest: grey level above 16 \(parcel 100006\)",
    "too dark": r"darkest: grey level below 0 \(parcel 100006\)",
    "not a number": r"brightest: missing \(parcel 100006\)",
    "blank": r"contrast: image blank \(parcel 100007, 100008, 100009, ...\)",
    "missing pixel": r"should have the shape \(1139, 64\) and have \(1139, 63\)",
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_dataset_that_breaks_the_contract_is_refused_and_the_rows_are_named(clean: CleanDataset, kind: str) -> None:
    with pytest.raises(ValueError, match=f"breaks its contract: .*{REFUSALS[kind]}.* Nothing is handed on"):
        require_clean(damage(clean, kind))


def test_a_part_that_does_not_exist_is_refused(clean: CleanDataset) -> None:
    with pytest.raises(ValueError, match="train, validation, test"):
        clean.part("future")


@pytest.mark.parametrize("n_rows", [0, 5])
def test_raw_data_of_which_too_few_images_are_left_is_refused_in_words(raw: RawDataset, n_rows: int) -> None:
    blank = dict.fromkeys(raw.images, np.zeros((8, 8)))
    with pytest.raises(ValueError, match=r"^0 parcels are left .* nothing is left to train on"):
        preprocess(replace(raw, table=raw.table.head(n_rows), images=blank))
