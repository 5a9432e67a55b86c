"""Stage 2 removes, repairs or refuses by rules that count, and hands on nothing that breaks the contract."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest

from mlops_lesson.collection.dataset import CleanDataset, RawDataset, collect
from mlops_lesson.preprocessing.cleaning import preprocess, repair_units, split_by_time
from mlops_lesson.preprocessing.contract import clean_schema, require_clean
from mlops_lesson.preprocessing.faults import faults
from mlops_lesson.training.network import TrainingSettings, fit_on

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


def failure_cases(table: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    with pytest.raises(pa.errors.SchemaErrors) as broken:
        schema.validate(table, lazy=True)
    return broken.value.failure_cases


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


def made_up_scans(times: dict[int, tuple[int, str]], images: dict[int, np.ndarray]) -> RawDataset:
    table = pd.DataFrame([(i, *scan) for i, scan in times.items()], columns=["id", "camera_id", "seen_at"])
    table = table.assign(
        seen_at=pd.to_datetime("2026-01-05 " + table["seen_at"]), has_image=table["id"].isin(list(images)), chute="A",
        lux_unit="lx", temperature=20.0, temperature_unit="C",
    )  # fmt: skip
    return RawDataset(table, images, pd.DataFrame())


def test_the_same_picture_on_the_same_camera_within_a_minute_is_a_repeated_scan_in_rows_of_any_order() -> None:
    one, other = np.arange(64.0).reshape(8, 8), np.eye(8)
    raw = made_up_scans(
        {3: (1, "09:01:20"), 1: (1, "09:00:00"), 2: (1, "09:00:30"), 4: (1, "09:03:00"), 5: (2, "09:00:10"),
         6: (1, "09:00:40"), 7: (1, "09:00:00"), 8: (1, "09:00:01")},
        {1: one, 2: one, 3: one, 4: one, 5: one, 6: other},
    )  # fmt: skip
    bad = faults(raw)
    assert bad.index[bad["scanned twice"]].tolist() == [3, 2]
    assert bad.index[bad["image missing"]].tolist() == [7, 8]


def test_blank_means_one_grey_level_of_any_height() -> None:
    images = {1: np.zeros((8, 8)), 2: np.full((8, 8), 16.0), 3: np.eye(8)}
    raw = made_up_scans({i: (i, "09:00:00") for i in images}, images)
    assert faults(raw)["image blank"].tolist() == [True, True, False]


def test_a_parcel_of_a_later_part_is_later_and_no_image_stands_in_two_parts(clean: CleanDataset) -> None:
    times = clean.table.groupby("split")["seen_at"].agg(["min", "max"])
    assert times.loc["train", "max"] < times.loc["validation", "min"]
    assert times.loc["validation", "max"] < times.loc["test", "min"]
    assert clean.table["split"].value_counts().to_dict() == {"train": 639, "validation": 300, "test": 200}
    assert len({row.tobytes() for row in clean.X}) == len(clean.table)


@pytest.mark.parametrize("n_parcels", [0, 3])
def test_a_split_that_leaves_nothing_to_train_on_is_refused(n_parcels: int) -> None:
    with pytest.raises(ValueError, match="nothing is left to train on"):
        split_by_time(n_parcels, n_validation=2, n_test=1)


def test_the_same_data_has_the_same_hash_however_it_is_stored(raw: RawDataset, clean: CleanDataset) -> None:
    assert clean.data_hash[:12] == EXPECTED_HASH
    assert preprocess(replace(raw, table=raw.table.iloc[::-1])).data_hash == clean.data_hash
    for kind in ("<f4", ">f8", "i2"):
        assert CleanDataset(clean.table, clean.X.astype(kind), clean.report).data_hash == clean.data_hash


def test_the_scaler_learns_from_training_rows_only(clean: CleanDataset) -> None:
    X_train, y_train = clean.part("train")
    X_val, y_val = clean.part("validation")
    model, _ = fit_on(X_train, y_train, X_val * 2, y_val, TrainingSettings(epochs=1))
    assert (model[0].data_max_ == X_train.max(axis=0)).all()
    assert model[0].transform(X_val * 2).max() == 1


def damage(clean: CleanDataset, kind: str) -> CleanDataset:
    table, X = clean.table.copy(), clean.X.copy()
    if kind in table.columns:
        table.loc[[3, 4], kind] = {"chute": "C", "split": "future"}.get(kind, 50)
    elif kind == "repeated id":
        table.loc[1, "id"] = table.loc[0, "id"]
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
    "camera_id": r"camera_id: camera unknown \(parcels 100004, 100005\)",
    "keyed_digit": r"keyed_digit: digit outside 0 to 9 \(parcels 100004, 100005\)",
    "sender": r"sender: sender unknown \(parcels 100004, 100005\)",
    "chute": r"chute: chute not A or B \(parcels 100004, 100005\)",
    "split": r"split: part unknown \(parcels 100004, 100005\)",
    "repeated id": r"id: repeated \(parcels 100001, 100001\)",
    "extra column": r"column_in_schema: lux",
    "lost column": r"column_in_dataframe: chute",
    "too bright": r"brightest: grey level above 16 \(parcel 100006\)",
    "too dark": r"darkest: grey level below 0 \(parcel 100006\)",
    "not a number": r"brightest: missing \(parcel 100006\)",
    "blank": r"contrast: image blank \(parcels 100007, 100008, 100009 and 2 more\)",
    "missing pixel": r"should have the shape \(1139, 64\) and have \(1139, 63\)",
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_dataset_that_breaks_the_contract_is_refused_and_the_rows_are_named(clean: CleanDataset, kind: str) -> None:
    with pytest.raises(ValueError, match=f"breaks its contract: .*{REFUSALS[kind]}.* Nothing is handed on"):
        require_clean(damage(clean, kind))


@pytest.mark.parametrize("column", ["id", "camera_id", "seen_at", "keyed_digit", "sender", "chute", "split"])
def test_a_column_of_the_clean_table_has_its_type(clean: CleanDataset, column: str) -> None:
    other = clean.table[column].astype(str) if column not in ("chute", "split") else range(len(clean.table))
    cases = failure_cases(clean.table.assign(**{column: other}), clean_schema())
    assert cases.loc[cases["column"] == column, "check"].str.startswith("dtype(").any()


def test_a_part_that_does_not_exist_is_refused(clean: CleanDataset) -> None:
    with pytest.raises(ValueError, match="train, validation, test"):
        clean.part("future")


@pytest.mark.parametrize("left", [np.zeros((8, 8)), np.zeros((3, 3))], ids=["blank", "of the wrong size"])
def test_raw_data_of_which_no_image_can_be_kept_is_refused_in_words(raw: RawDataset, left: np.ndarray) -> None:
    table = raw.table[raw.table["has_image"]].head(5)
    nothing_whole = RawDataset(table, dict.fromkeys(table["id"], left), raw.lineage)
    with pytest.raises(ValueError, match="parcels"):
        preprocess(nothing_whole)


def test_raw_data_without_a_row_is_refused(raw: RawDataset) -> None:
    with pytest.raises(ValueError, match="has no rows, so there is nothing to clean"):
        preprocess(replace(raw, table=raw.table.iloc[:0]))
