"""Stage 1 gathers everything, drops nothing, and says where it came from."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import RawDataset, collect, last_click

EXPECTED_HASH = "fc84c8c439b3"


@pytest.fixture(scope="module")
def raw() -> RawDataset:
    return collect()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(depot.data_dir() / "raw", tmp_path / "raw")
    return tmp_path


def clicks(*rows: tuple[int, str, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["parcel_id", "clicked_at", "chute"])
    return table.assign(clicked_at=pd.to_datetime(table["clicked_at"]))


def test_every_scan_has_exactly_one_row_whatever_a_source_misses(raw: RawDataset) -> None:
    assert raw.table["id"].tolist() == depot.read_parcels()["id"].tolist()
    missing = raw.table.isna().any(axis=1) | ~raw.table["has_image"]
    assert missing.sum() == 92 + 2, "92 miss a source, and two temperatures miss their unit"


def test_the_last_click_decides_and_the_first_one_dates_the_label() -> None:
    shown = last_click(clicks((7, "2026-01-06 12:00", "B"), (7, "2026-01-05 09:00", "A"), (8, "2026-01-07 08:00", "A")))
    assert shown.loc[7].tolist() == [2, pd.Timestamp("2026-01-05 09:00"), "B"]
    assert shown.loc[8, "n_clicks"] == 1


def test_a_reading_belongs_to_the_camera_and_hour_of_the_scan(raw: RawDataset) -> None:
    readings = depot.read_sensors().set_index(["camera_id", "hour"])["lux"]
    lit = raw.table[raw.table["lux"].notna()]
    keys = pd.MultiIndex.from_arrays([lit["camera_id"], lit["seen_at"].dt.floor("h")])
    assert (readings.loc[keys].to_numpy() == lit["lux"].to_numpy()).all()


def test_the_lineage_names_every_file_with_its_rows_and_checksum(raw: RawDataset) -> None:
    files = depot.verify_data().set_index("file")["sha256"]
    lineage = raw.lineage.set_index("source")
    assert lineage["sha256"].to_dict() == files[files.index.str.startswith("raw/")].to_dict()
    archives = lineage[lineage.index.str.endswith(".zip")]
    assert archives["rows"].sum() == len(raw.images)
    assert lineage.loc["raw/depot.db", "rows"] == len(raw.table)


def test_the_same_data_has_the_same_hash_everywhere(raw: RawDataset) -> None:
    assert raw.data_hash[:12] == EXPECTED_HASH
    assert collect().data_hash == raw.data_hash


def test_one_changed_click_makes_another_hash(copied: Path, raw: RawDataset) -> None:
    path = copied / "raw" / "clicks.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[1] = lines[1].replace(",B", ",A")
    path.write_text("".join(lines), encoding="utf-8")
    assert collect(copied).data_hash != raw.data_hash


def test_one_changed_pixel_and_an_image_that_changes_its_owner_make_another_hash(raw: RawDataset) -> None:
    one, other = raw.images[100001], raw.images[100002]
    for images in ({100001: one + np.eye(8)}, {100001: other, 100002: one}):
        assert RawDataset(raw.table, raw.images | images, raw.lineage).data_hash != raw.data_hash


def test_an_archive_that_is_missing_stops_nothing_and_hides_nothing(copied: Path, raw: RawDataset) -> None:
    (copied / "raw" / "images" / "camera_4.zip").unlink()
    fewer = collect(copied)
    assert len(fewer.table) == len(raw.table)
    assert set(fewer.table.loc[~fewer.table["has_image"] & raw.table["has_image"], "camera_id"]) == {4}
