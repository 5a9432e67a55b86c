"""Reading the depot's records: what comes out, what is refused, and that reading changes and runs nothing.

How a damaged file of any kind is told stands in `faults/test_damaged_records.py`.
"""

import io
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mlops_lesson.collection import depot


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the data that a test may change."""
    return shutil.copytree(depot.data_dir(), tmp_path / "data")


def test_parcels_come_with_the_place_of_their_camera_in_order_of_their_ids() -> None:
    parcels = depot.read_parcels()
    assert list(parcels.columns) == ["id", "camera_id", "place", "seen_at", "keyed_digit", "sender"]
    assert parcels["id"].is_monotonic_increasing
    places = parcels.groupby("camera_id")["place"].unique().str[0].tolist()
    assert places == ["north dock", "south dock", "east belt", "west belt"]
    assert pd.api.types.is_datetime64_dtype(parcels["seen_at"])


def saved_as(mode: str, colour: object = None) -> bytes:
    """An image of the grey levels 0 to 63, saved in another mode, with one pixel of another colour if one is given."""
    levels = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    picture = levels.quantize(64) if mode == "P" else levels.convert(mode)
    if colour:
        picture.putpixel((0, 0), colour)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["P", "LA", "RGB", "RGBA"])
def test_a_grey_picture_that_a_program_saved_in_another_way_is_turned_back(mode: str) -> None:
    assert depot.read_image(saved_as(mode)).ravel().tolist() == list(range(64))


class Trap:
    """Stops the test if it is unpickled."""

    def __reduce__(self):
        return pytest.exit, ("code in a data file has run",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (saved_as("RGB", (9, 0, 0)), "is coloured or see-through"),
        (saved_as("LA", (7, 0)), "is coloured or see-through"),
        (saved_as("1"), "holds numbers of the kind 1"),
        (saved_as("I;16"), "holds numbers of the kind I"),
        (b"", "of 0 bytes is not a PNG image"),
        (saved_as("L")[:40], "of 40 bytes is not a PNG image"),
        (pickle.dumps(Trap()), "is not a PNG image"),
    ],
)
def test_what_is_no_grey_picture_is_refused_by_name_and_not_run(copied: Path, content: bytes, words: str) -> None:
    with zipfile.ZipFile(copied / "raw" / "images" / "camera_1.zip", "a") as archive:
        archive.writestr("100000.png", content)
    with pytest.raises(ValueError, match=rf"camera_1\.zip cannot be read .*100000\.png .*{words}"):
        depot.read_images(copied)


def test_readings_and_clicks_are_read_as_they_were_written(tmp_path: Path) -> None:
    sensors, clicks = depot.read_sensors(), depot.read_clicks()
    assert sensors["lux_unit"].value_counts().to_dict() == {"lx": 3799, "klx": 1}
    assert sensors["temperature_unit"].isna().sum() == 1
    assert clicks["clicked_at"].is_monotonic_increasing
    assert set(clicks["chute"]) == {"A", "B", "a", "b"}
    (tmp_path / "clicks.csv").write_text("parcel_id,clicked_at,chute\n7,2026-01-05T08:00:00,01\n")
    assert depot.read_clicks(tmp_path / "clicks.csv")[["parcel_id", "chute"]].to_numpy().tolist() == [[7, "01"]]


def test_reading_does_not_change_the_database(copied: Path) -> None:
    before = depot.checksum(copied / "raw" / "depot.db")
    depot.read_parcels(copied)
    assert depot.checksum(copied / "raw" / "depot.db") == before
    assert [path.name for path in (copied / "raw").glob("depot.db*")] == ["depot.db"]


@pytest.mark.parametrize("line", ["one,2026-01-05T08:00:00,A", "7.5,2026-01-05T08:00:00,A", "7,05/01/2026 08:00,A"])
def test_a_click_without_a_whole_parcel_id_and_a_time_written_year_first_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "clicks.csv").write_text(f"parcel_id,clicked_at,chute\n{line}\n")
    with pytest.raises(ValueError, match="cannot be read as staff clicks"):
        depot.read_clicks(tmp_path / "clicks.csv")


@pytest.mark.parametrize("control", [False, True])
def test_a_live_week_brings_parcels_images_and_readings_that_belong_together(control: bool) -> None:
    week = depot.read_live_week(2, control=control)
    assert week.X.shape == (len(week.parcels), 64)
    for times in (week.parcels["seen_at"], week.sensors["hour"]):
        assert times.between(week.end - pd.Timedelta(weeks=1), week.end).all()


@pytest.mark.parametrize("week", [0, 9, "one"])
def test_a_week_that_does_not_exist_is_refused(week: object) -> None:
    with pytest.raises(ValueError, match="whole number from 1 to 8"):
        depot.read_live_week(week)


def test_clicks_that_have_not_arrived_yet_are_held_back() -> None:
    friday = pd.Timestamp("2026-05-08 18:00")
    arrived = depot.read_live_clicks(friday)
    assert 0 < len(arrived) < len(depot.read_live_clicks())
    assert (arrived["clicked_at"] < friday).all()


def test_what_was_changed_lost_or_added_is_named_and_a_copy_is_not_read(copied: Path) -> None:
    clicks = copied / "raw" / "clicks.csv"
    clicks.write_bytes(clicks.read_bytes().replace(b"A", b"B", 1))
    (copied / "live" / "week_08.zip").unlink()
    for name in ("images/camera_1 (1).zip", "images/desktop.ini", "Thumbs.db", ".DS_Store"):
        (copied / "raw" / name).touch()
    table = depot.verify_data(copied)
    assert table.loc[table["state"] != "unchanged", ["file", "state"]].to_numpy().tolist() == [
        ["live/week_08.zip", "missing"],
        ["raw/clicks.csv", "changed"],
        ["raw/images/camera_1 (1).zip", "not listed"],
    ]
    assert depot.read_images(copied).keys() == depot.read_images().keys()
