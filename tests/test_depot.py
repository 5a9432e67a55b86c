"""Reading the depot's records: what comes out, what is refused, and that reading changes and runs nothing."""

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


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the history that a test may damage."""
    shutil.copytree(depot.data_dir() / "raw", tmp_path / "raw")
    return tmp_path


def png(shape: tuple[int, int] = (8, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full(shape, 7, dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (saved_as("RGB", (9, 0, 0)), "coloured or see-through"),
        (saved_as("LA", (7, 0)), "coloured or see-through"),
        (saved_as("1"), "numbers of the kind 1"),
        (saved_as("I;16"), "numbers of the kind I"),
    ],
)
def test_a_picture_that_holds_other_numbers_is_refused_by_name(copied: Path, content: bytes, words: str) -> None:
    with zipfile.ZipFile(copied / "raw" / "images" / "camera_1.zip", "a") as archive:
        archive.writestr("100000.png", content)
    with pytest.raises(ValueError, match=rf"camera_1\.zip cannot be read .*100000\.png .*{words}"):
        depot.read_images(copied)


def test_a_copy_beside_an_archive_is_not_read_but_named(tmp_path: Path) -> None:
    shutil.copytree(depot.data_dir(), tmp_path / "data")
    images = tmp_path / "data" / "raw" / "images"
    (images / "camera_1 (1).zip").write_bytes(b"half a copy")
    (images / "desktop.ini").touch()
    assert depot.read_images(tmp_path / "data").keys() == depot.read_images().keys()
    states = depot.verify_data(tmp_path / "data").set_index("file")["state"]
    assert states[states != "unchanged"].to_dict() == {"raw/images/camera_1 (1).zip": "not listed"}


def test_readings_and_clicks_are_read_as_they_were_written() -> None:
    sensors, clicks = depot.read_sensors(), depot.read_clicks()
    assert sensors["lux_unit"].value_counts().to_dict() == {"lx": 3799, "klx": 1}
    assert sensors["temperature_unit"].isna().sum() == 1
    assert clicks["clicked_at"].is_monotonic_increasing
    assert set(clicks["chute"]) == {"A", "B", "a", "b"}


def test_a_chute_of_digits_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "clicks.csv").write_text(
        "parcel_id,clicked_at,chute\n7,2026-01-05T08:00:00,01\n8,2026-01-05T09:00:00,2\n"
    )
    clicks = depot.read_clicks(tmp_path / "clicks.csv")
    assert clicks["chute"].tolist() == ["01", "2"]
    assert clicks["parcel_id"].tolist() == [7, 8]


def test_reading_does_not_change_the_database(copied: Path) -> None:
    before = depot.checksum(copied / "raw" / "depot.db")
    depot.read_parcels(copied)
    assert depot.checksum(copied / "raw" / "depot.db") == before
    assert [path.name for path in (copied / "raw").glob("depot.db*")] == ["depot.db"]


@pytest.mark.parametrize("file", ["raw/depot.db", "raw/images/camera_1.zip", "raw/sensors.jsonl"])
def test_a_file_of_noise_is_named_with_what_it_should_be_and_the_way_out(copied: Path, file: str) -> None:
    (copied / file).write_bytes(b"\x00noise" * 100)
    read = {".db": depot.read_parcels, ".zip": depot.read_images, ".jsonl": depot.read_sensors}[Path(file).suffix]
    with pytest.raises(
        ValueError, match=r"cannot be read as (the depot's database|an archive of|sensor rea)"
    ) as refusal:
        read(copied)
    assert str(refusal.value).startswith(str(copied / file))
    assert str(refusal.value).endswith(
        "). Restore it with `git checkout data`, or build all data again with `python data/build.py`."
    )


@pytest.mark.parametrize("line", ["one,2026-01-05T08:00:00,A", "7.5,2026-01-05T08:00:00,A", "7,05/01/2026 08:00,A"])
def test_a_click_without_a_whole_parcel_id_and_a_time_written_year_first_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "clicks.csv").write_text(f"parcel_id,clicked_at,chute\n{line}\n")
    with pytest.raises(ValueError, match="cannot be read as staff clicks"):
        depot.read_clicks(tmp_path / "clicks.csv")


@pytest.mark.parametrize("content", [b"", b"not an image", png()[:40]], ids=["empty", "text", "cut off"])
def test_bytes_that_are_no_image_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=f"This image of {len(content)} bytes is not a PNG image"):
        depot.read_image(content)


def test_code_in_place_of_an_image_is_refused_and_not_run(copied: Path, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    with zipfile.ZipFile(copied / "raw" / "images" / "camera_1.zip", "a") as archive:
        archive.writestr("100000.png", pickle.dumps(Trap(sprung)))
    with pytest.raises(ValueError, match="not a PNG image"):
        depot.read_images(copied)
    assert not sprung.exists()


@pytest.mark.parametrize("control", [False, True])
def test_a_live_week_brings_parcels_images_and_readings_that_belong_together(control: bool) -> None:
    week = depot.read_live_week(2, control=control)
    assert len(week.parcels) == len(week.images) == len(week.X)
    assert week.X.shape[1] == 64
    assert week.parcels["seen_at"].between(week.end - pd.Timedelta(weeks=1), week.end).all()
    assert week.sensors["hour"].between(week.end - pd.Timedelta(weeks=1), week.end).all()


@pytest.mark.parametrize("week", [0, 9, "one"])
def test_a_week_that_does_not_exist_is_refused(week: object) -> None:
    with pytest.raises(ValueError, match="whole number from 1 to 8"):
        depot.read_live_week(week)


def test_clicks_that_have_not_arrived_yet_are_held_back() -> None:
    friday = pd.Timestamp("2026-05-08 18:00")
    arrived = depot.read_live_clicks(friday)
    assert 0 < len(arrived) < len(depot.read_live_clicks())
    assert (arrived["clicked_at"] < friday).all()


def test_a_changed_byte_and_a_missing_file_are_noticed(tmp_path: Path) -> None:
    shutil.copytree(depot.data_dir(), tmp_path / "data")
    clicks = tmp_path / "data" / "raw" / "clicks.csv"
    clicks.write_bytes(clicks.read_bytes().replace(b"A", b"B", 1))
    (tmp_path / "data" / "live" / "week_08.zip").unlink()
    for left_behind in ("more.csv", "Thumbs.db", ".DS_Store"):
        (tmp_path / "data" / "raw" / left_behind).touch()
    found = depot.verify_data(tmp_path / "data").set_index("file")
    states = found["state"]
    assert states[states != "unchanged"].to_dict() == {
        "raw/clicks.csv": "changed",
        "live/week_08.zip": "missing",
        "raw/more.csv": "not listed",
    }
    assert found.loc["raw/more.csv"].tolist() == ["", "not listed"]
