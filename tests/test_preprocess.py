"""Stage 2 removes, repairs or refuses by rules that count, and hands on nothing that breaks the contract."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlops_lesson.collection.dataset import CleanDataset, RawDataset, collect
from mlops_lesson.preprocessing.cleaning import preprocess, repair_units, split_by_time
from mlops_lesson.preprocessing.contract import (
    clean_schema,
    count_failures,
    describe_images,
    failures,
    raw_schema,
    require_clean,
)
from mlops_lesson.preprocessing.faults import find_repeated_scans, is_blank
from mlops_lesson.training.network import TrainingSettings, fit_on

EXPECTED_VERSION = "6a5b786a6156"
PLANTED = {
    "image missing": 2,
    "image of the wrong size": 1,
    "image blank": 14,
    "scanned twice": 24,
    "chute missing": 46,
    "chute not A or B": 6,
    "light not in lx": 1,
    "temperature out of range": 2,
}


@pytest.fixture(scope="module")
def raw() -> RawDataset:
    return collect()


@pytest.fixture(scope="module")
def clean(raw: RawDataset) -> CleanDataset:
    return preprocess(raw)


@pytest.fixture(scope="module")
def cases(raw: RawDataset) -> pd.DataFrame:
    return failures(describe_images(raw), raw_schema())


def test_the_contract_finds_precisely_the_planted_faults(cases: pd.DataFrame) -> None:
    assert count_failures(cases).set_index("rule")["rows"].to_dict() == PLANTED


def test_every_failure_names_a_row_that_has_the_fault(cases: pd.DataFrame, raw: RawDataset) -> None:
    table = raw.table.set_index("id")
    by_rule = cases.groupby("rule")["id"].apply(list)
    assert table.loc[by_rule["chute missing"], "chute"].isna().all()
    assert table.loc[by_rule["light not in lx"], "lux_unit"].tolist() == ["klx"]
    assert table.loc[by_rule["temperature out of range"], "temperature"].gt(45).all()
    assert all(is_blank(raw.images[i]) for i in by_rule["image blank"])
    assert all(i not in raw.images for i in by_rule["image missing"])


def test_failures_come_in_the_order_of_the_schema(cases: pd.DataFrame) -> None:
    columns = list(raw_schema().columns)
    places = [columns.index(column) for column in cases["column"]]
    assert places == sorted(places)


def test_a_table_that_keeps_its_contract_has_no_failures(clean: CleanDataset) -> None:
    assert failures(clean.table.set_index("id", drop=False).rename_axis(None), clean_schema()).empty


def test_a_column_that_is_missing_is_a_failure_too(clean: CleanDataset) -> None:
    found = failures(clean.table.drop(columns="chute"), clean_schema())
    assert found["column"].tolist() == ["chute"]
    assert count_failures(found)["rows"].tolist() == [1]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("camera_id", 5, "camera unknown"),
        ("keyed_digit", 10, "digit outside 0 to 9"),
        ("keyed_digit", -1, "digit outside 0 to 9"),
        ("chute", "C", "chute not A or B"),
        ("split", "future", "part unknown"),
    ],
)
def test_a_value_outside_the_contract_is_told_by_its_rule(
    clean: CleanDataset, column: str, value: object, told: str
) -> None:
    table = clean.table.copy()
    table.loc[table.index[3], column] = value
    (case,) = failures(table, clean_schema()).to_dict("records")
    assert case == {"rule": told, "column": column, "id": 3, "value": value}


@pytest.mark.parametrize("column", ["id", "camera_id", "seen_at", "keyed_digit", "sender", "chute", "split"])
def test_a_column_of_the_clean_table_has_its_type(clean: CleanDataset, column: str) -> None:
    other = clean.table[column].astype(str) if column not in ("chute", "split") else range(len(clean.table))
    cases = failures(clean.table.assign(**{column: other}), clean_schema())
    assert cases.loc[cases["column"] == column, "rule"].str.startswith("dtype(").any()


def test_an_id_that_stands_twice_is_a_failure(raw: RawDataset) -> None:
    table = describe_images(raw)
    found = failures(pd.concat([table, table.head(1)]), raw_schema())
    assert found.loc[found["rule"] == "id repeated", "id"].tolist() == [100001, 100001]


def test_every_rule_has_its_count_and_the_counts_add_up(clean: CleanDataset, raw: RawDataset) -> None:
    removed = clean.report[clean.report["action"] == "removed"]
    assert removed.set_index("rule")["rows"].to_dict() == {
        "image missing": 2,
        "image of the wrong size": 1,
        "image blank": 14,
        "scanned twice": 22,
        "no click, so no label": 46,
        "chute unknown": 0,
    }
    assert removed["rows"].sum() == len(raw.table) - len(clean.table)


def test_a_reading_whose_unit_is_written_is_repaired(raw: RawDataset) -> None:
    repaired, counts = repair_units(raw.table)
    assert counts["lux given in klx"] == 1
    assert repaired.loc[repaired["id"] == 100106, "lux"].tolist() == [pytest.approx(403.3)]


def test_a_reading_whose_unit_is_not_written_is_refused_not_guessed(raw: RawDataset) -> None:
    repaired, counts = repair_units(raw.table)
    assert counts["temperature without unit"] == 2
    assert repaired.loc[repaired["id"].isin([101022, 101023]), "temperature"].isna().all()
    assert repaired["temperature"].max() < 45


def test_repairing_units_changes_no_other_reading(raw: RawDataset) -> None:
    repaired, _ = repair_units(raw.table)
    same = ~raw.table["id"].isin([100106, 101022, 101023])
    for column in ("lux", "temperature"):
        assert repaired.loc[same, column].equals(raw.table.loc[same, column])


def test_blank_means_one_grey_level_of_any_height() -> None:
    faint = np.zeros((8, 8))
    faint[3, 3] = 1
    assert is_blank(np.zeros((8, 8)))
    assert is_blank(np.full((8, 8), 16.0))
    assert not is_blank(faint)


def scans(*rows: tuple[int, int, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["id", "camera_id", "seen_at"])
    return table.assign(seen_at=pd.to_datetime("2026-01-05 " + table["seen_at"]))


def test_the_same_picture_on_the_same_camera_within_a_minute_is_a_repeated_scan() -> None:
    one, other = np.arange(64.0).reshape(8, 8), np.ones((8, 8))
    table = scans(
        (1, 1, "09:00:00"), (2, 1, "09:00:30"), (3, 1, "09:01:20"), (4, 1, "09:03:00"), (5, 2, "09:00:10"),
        (6, 1, "09:00:40"),
    )  # fmt: skip
    images = {1: one, 2: one, 3: one, 4: one, 5: one, 6: other}
    assert find_repeated_scans(table, images) == [2, 3]


def test_repeated_scans_are_found_in_rows_of_any_order() -> None:
    one = np.eye(8)
    table = scans((2, 1, "09:00:30"), (1, 1, "09:00:00"))
    assert find_repeated_scans(table, {1: one, 2: one}) == [2]


def test_a_parcel_of_a_later_part_is_later(clean: CleanDataset) -> None:
    times = clean.table.groupby("split")["seen_at"].agg(["min", "max"])
    assert times.loc["train", "max"] < times.loc["validation", "min"]
    assert times.loc["validation", "max"] < times.loc["test", "min"]
    assert clean.table["split"].value_counts().to_dict() == {"train": 639, "validation": 300, "test": 200}


def test_no_image_stands_in_two_parts(clean: CleanDataset) -> None:
    parts = [{row.tobytes() for row in clean.part(split)[0]} for split in ("train", "validation", "test")]
    assert sum(len(part) for part in parts) == len(set().union(*parts)) == len(clean.table)


def test_the_newest_parcels_are_set_aside() -> None:
    assert split_by_time(6, n_validation=2, n_test=1).tolist() == ["train"] * 3 + ["validation"] * 2 + ["test"]


@pytest.mark.parametrize("n_parcels", [0, 3])
def test_a_split_that_leaves_nothing_to_train_on_is_refused(n_parcels: int) -> None:
    with pytest.raises(ValueError, match="nothing is left to train on"):
        split_by_time(n_parcels, n_validation=2, n_test=1)


def test_the_same_data_has_the_same_version_everywhere(clean: CleanDataset) -> None:
    assert clean.data_hash[:12] == EXPECTED_VERSION


@pytest.mark.parametrize("kind", ["<f4", ">f8", "i2"])
def test_the_same_grey_levels_have_the_same_version_however_they_are_kept(clean: CleanDataset, kind: str) -> None:
    assert CleanDataset(clean.table, clean.X.astype(kind), clean.report).data_hash == clean.data_hash


def test_the_order_of_the_collected_rows_does_not_matter(raw: RawDataset, clean: CleanDataset) -> None:
    turned = replace(raw, table=raw.table.iloc[::-1])
    assert preprocess(turned).data_hash == clean.data_hash


def test_the_scaler_learns_from_training_rows_only(clean: CleanDataset) -> None:
    X_train, y_train = clean.part("train")
    X_val, y_val = clean.part("validation")
    model, _ = fit_on(X_train, y_train, X_val * 2, y_val, TrainingSettings(epochs=1))
    assert (model[0].data_max_ == X_train.max(axis=0)).all()
    assert model[0].transform(X_val * 2).max() == 1


def damage(clean: CleanDataset, kind: str) -> CleanDataset:
    table, X = clean.table.copy(), clean.X.copy()
    if kind == "chute":
        table.loc[[3, 4], "chute"] = "C"
    elif kind == "repeated id":
        table.loc[1, "id"] = table.loc[0, "id"]
    elif kind == "extra column":
        table["lux"] = 400.0
    elif kind == "too bright":
        X[5, 0] = 255
    elif kind == "not a number":
        X[6, 0] = np.nan
    elif kind == "blank":
        X[7] = 3
    elif kind == "missing pixel":
        X = X[:, :-1]
    return CleanDataset(table, X, clean.report)


REFUSALS = {
    "chute": r"chute not A or B \(parcels 100004, 100005\)",
    "repeated id": r"id repeated \(parcels 100001, 100001\)",
    "extra column": "column_in_schema",
    "too bright": r"no number from 0 to 16 \(parcel 100006\)",
    "not a number": r"no number from 0 to 16 \(parcel 100007\)",
    "blank": r"image blank \(parcel 100008\)",
    "missing pixel": r"should have the shape \(1139, 64\) and have \(1139, 63\)",
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_dataset_that_breaks_the_contract_is_refused_and_the_rows_are_named(clean: CleanDataset, kind: str) -> None:
    with pytest.raises(ValueError, match=f"breaks its contract: .*{REFUSALS[kind]}.* Nothing is handed on"):
        require_clean(damage(clean, kind))


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ([2], "parcel {0}"),
        ([2, 5], "parcels {0}, {1}"),
        ([2, 5, 9], "parcels {0}, {1}, {2}"),
        ([2, 5, 9, 10, 11], "parcels {0}, {1}, {2} and 2 more"),
    ],
)
def test_of_many_bad_rows_three_are_named_and_the_others_counted(
    clean: CleanDataset, bad: list[int], told: str
) -> None:
    X = clean.X.copy()
    X[bad] = 7
    with pytest.raises(ValueError, match="image blank") as refusal:
        require_clean(CleanDataset(clean.table, X, clean.report))
    named = told.format(*clean.table["id"].iloc[bad])
    assert str(refusal.value) == (
        f"The cleaned dataset breaks its contract: image blank ({named}). Nothing is handed on. Look at these rows, "
        "and add a rule to the cleaning that says what becomes of them."
    )


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("camera_id", 0, "camera unknown"),
        ("keyed_digit", 10, "digit outside 0 to 9"),
        ("keyed_digit", -1, "digit outside 0 to 9"),
        ("has_image", False, "image missing"),
        ("image_size", "8 x 9", "image of the wrong size"),
        ("brightest", 17.0, "grey level above 16"),
        ("brightest", -1.0, "grey level above 16"),
        ("contrast", 0.0, "image blank"),
        ("scanned_before", True, "scanned twice"),
        ("chute", "b", "chute not A or B"),
        ("lux", 2001.0, "light out of range"),
        ("lux", -1.0, "light out of range"),
        ("lux_unit", "klx", "light not in lx"),
        ("temperature", 46.0, "temperature out of range"),
        ("temperature", -1.0, "temperature out of range"),
    ],
)
def test_a_raw_value_outside_the_contract_is_told_by_its_rule(
    raw: RawDataset, column: str, value: object, told: str
) -> None:
    table = describe_images(raw)
    table = table[~table["id"].isin(failures(table, raw_schema())["id"])].copy()
    assert failures(table, raw_schema()).empty
    row = table.index[7]
    table.loc[row, column] = value
    (case,) = failures(table, raw_schema()).to_dict("records")
    assert case == {"rule": told, "column": column, "id": row, "value": value}


def test_a_healthy_dataset_passes_the_contract_unchanged(clean: CleanDataset) -> None:
    assert require_clean(clean) is clean


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
    words = r"^The raw dataset has no rows, so there is nothing to clean\. Collect the data once more\.$"
    with pytest.raises(ValueError, match=words):
        preprocess(replace(raw, table=raw.table.iloc[:0]))
