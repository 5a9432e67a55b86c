"""Stage 1 reads what the depot recorded, gathers everything, drops nothing, and says where it came from."""

import io
import pickle
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from course_models import raw
from PIL import Image

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import collect, last_click
from mlops_lesson.collection.explorer import LOSSES, SOURCES, count_usable, explore_sources, find_evidence

EXPECTED_HASH = "fc84c8c439b3"
CLICKS_HEAD = "parcel_id,clicked_at,chute"
USABLE, LIT = "and a label", "and a light reading"


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the data, which the course reads and a test may change."""
    raw()  # Made once, and not of these files.
    copied = shutil.copytree(depot.data_dir(), tmp_path / "data")
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(tmp_path))
    return copied


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
        (saved_as("RGB", (9, 0, 0)), "of mode RGB, holds other numbers"),
        (saved_as("LA", (7, 0)), "of mode LA, holds other numbers"),
        (saved_as("1"), "of mode 1, holds other numbers"),
        (saved_as("I;16"), "of mode I;16, holds other numbers"),
        (b"", "of 0 bytes is not a PNG image"),
        (saved_as("L")[:40], "of 40 bytes is not a PNG image"),
        (pickle.dumps(Trap()), "is not a PNG image"),
        (b"GIF89a<script>", "is not a PNG image"),
    ],
)
def test_what_is_no_grey_picture_is_refused_by_name_and_not_run(own_data: Path, content: bytes, words: str) -> None:
    with zipfile.ZipFile(own_data / "raw" / "images" / "camera_1.zip", "a") as archive:
        archive.writestr("100000.png", content)
    with pytest.raises(ValueError, match=rf"camera_1\.zip cannot be read .*100000\.png.* {words}"):
        depot.read_images()


@pytest.mark.parametrize("line", ["one,2026-01-05T08:00:00,A", "7.5,2026-01-05T08:00:00,A", "7,05/01/2026 08:00,A"])
def test_a_click_without_a_whole_parcel_id_and_a_time_written_year_first_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "clicks.csv").write_text(f"{CLICKS_HEAD}\n{line}\n")
    with pytest.raises(ValueError, match="cannot be read as staff clicks"):
        depot.read_clicks(tmp_path / "clicks.csv")


@pytest.mark.parametrize("control", [False, True])
def test_a_live_week_brings_parcels_and_images_that_belong_together(control: bool) -> None:
    week = depot.read_live_week(2, control=control)
    assert week.X.shape == (len(week.parcels), 64)
    assert week.parcels["seen_at"].between(week.end - pd.Timedelta(weeks=1), week.end).all()


@pytest.mark.parametrize("week", [0, 9, "one"])
def test_a_week_that_does_not_exist_is_refused(week: object) -> None:
    with pytest.raises(ValueError, match="whole number from 1 to 8"):
        depot.read_live_week(week)


def test_clicks_that_have_not_arrived_yet_are_held_back() -> None:
    friday = pd.Timestamp("2026-05-08 18:00")
    arrived = depot.read_live_clicks(friday)
    assert 0 < len(arrived) < len(depot.read_live_clicks())
    assert (arrived["clicked_at"] < friday).all()


def test_what_was_changed_lost_or_added_is_named_and_a_copy_is_not_read(own_data: Path) -> None:
    clicks = own_data / "raw" / "clicks.csv"
    clicks.write_bytes(clicks.read_bytes().replace(b"A", b"B", 1))
    (own_data / "live" / "week_08.zip").unlink()
    for name in ("images/camera_1 (1).zip", "images/desktop.ini", "Thumbs.db", ".DS_Store"):
        (own_data / "raw" / name).touch()
    table = depot.verify_data()
    assert table.loc[table["state"] != "unchanged", ["file", "state"]].to_numpy().tolist() == [
        ["live/week_08.zip", "missing"],
        ["raw/clicks.csv", "changed"],
        ["raw/images/camera_1 (1).zip", "not listed"],
    ]
    assert depot.read_images().keys() == raw().images.keys()


def test_every_scan_has_exactly_one_row_whatever_a_source_misses() -> None:
    table = raw().table
    assert table["id"].tolist() == depot.read_parcels()["id"].tolist()
    missing = table.isna().any(axis=1) | ~table["has_image"]
    assert missing.sum() == 92 + 2, "92 miss a source, and two temperatures miss their unit"


def test_the_last_click_decides_and_the_first_one_dates_the_label(tmp_path: Path) -> None:
    rows = ["7,2026-01-06T12:00:00,B", "7,2026-01-05T09:00:00,A", "8,2026-01-07T08:00:00,01"]
    (tmp_path / "clicks.csv").write_text("\n".join([CLICKS_HEAD, *rows, ""]))
    shown = last_click(depot.read_clicks(tmp_path / "clicks.csv"))
    assert shown.loc[7].tolist() == [2, pd.Timestamp("2026-01-05 09:00"), "B"]
    assert shown.loc[8, ["n_clicks", "chute"]].tolist() == [1, "01"]


def test_a_reading_belongs_to_the_camera_and_hour_of_the_scan() -> None:
    readings = depot.read_sensors().set_index(["camera_id", "hour"])["lux"]
    lit = raw().table[raw().table["lux"].notna()]
    keys = pd.MultiIndex.from_arrays([lit["camera_id"], lit["seen_at"].dt.floor("h")])
    assert (readings.loc[keys].to_numpy() == lit["lux"].to_numpy()).all()


def test_the_lineage_names_every_file_with_its_rows_and_checksum() -> None:
    files = depot.verify_data().set_index("file")["sha256"]
    lineage = raw().lineage.set_index("source")
    assert lineage["sha256"].to_dict() == files[files.index.str.startswith("raw/")].to_dict()
    assert lineage.loc[lineage.index.str.endswith(".zip"), "rows"].sum() == len(raw().images)
    assert lineage.loc["raw/depot.db", "rows"] == len(raw().table)


def test_the_same_data_has_the_same_hash_everywhere_and_any_change_another() -> None:
    assert raw().data_hash[:12] == EXPECTED_HASH
    assert collect().data_hash == raw().data_hash
    one, other = raw().images[100001], raw().images[100002]
    for images in ({100001: one + np.eye(8)}, {100001: other, 100002: one}):
        assert replace(raw(), images=raw().images | images).data_hash != raw().data_hash
    assert replace(raw(), table=raw().table.replace({"chute": {"b": "B"}})).data_hash != raw().data_hash


def test_an_archive_that_is_missing_stops_nothing_and_hides_nothing(own_data: Path) -> None:
    (own_data / "raw" / "images" / "camera_4.zip").unlink()
    fewer, table = collect().table, raw().table
    assert len(fewer) == len(table)
    assert set(fewer.loc[~fewer["has_image"] & table["has_image"], "camera_id"]) == {4}


def recorded() -> tuple:
    return depot.read_parcels(), depot.read_images(), depot.read_sensors(), depot.read_clicks()


def test_the_answers_under_the_explorer_are_those_that_it_gives() -> None:
    explorer = explore_sources(*recorded())
    *switches, join = explorer.controls
    usable = []
    for source, switch in zip(SOURCES, switches, strict=True):
        switch.value = False
        assert LOSSES[source] in explorer.answer.notes
        usable.append(explorer.answer.headline)
        switch.value = True
    assert usable == [f"{n} usable labelled images" for n in ("1,176", "0", "0", "1,176")]
    join.index = 1
    assert explorer.text.splitlines()[1:3] == [
        "1,132 usable labelled images.",
        "- The inner join dropped 44 labelled images, and no program complained.",
    ]
    assert 'alt="Bar chart of scans. rows in the table: 1,132;' in explorer.result.value
    switches[-1].value = False
    assert explorer.answer.headline == "1,176 usable labelled images"


def test_the_explorer_counts_the_collected_table_and_nothing_without_a_source_that_a_step_needs() -> None:
    evidence, table, every = find_evidence(*recorded()), raw().table, set(SOURCES)
    labelled = table["has_image"] & table["chute"].notna()
    assert count_usable(evidence, every, keep_all=True)[USABLE] == labelled.sum()
    complete = (labelled & table["lux"].notna()).sum()
    assert set(count_usable(evidence, every, keep_all=False).values()) == {complete}
    assert count_usable(evidence, {"images", "clicks", "sensors"}, keep_all=True)[LIT] == 0
    for sources in (set(), {"sensors"}, {"images", "clicks", "sensors"}):
        assert set(count_usable(evidence, sources, keep_all=False).values()) == {0}
