"""A damaged or foreign record is told with its file and the way out, and stays as it is."""

import random
import shutil
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from depot_service import fill_home, trained_model, validated
from ways_of_damage import bit_flipped, empty, foreign, truncated

from mlops_lesson.collection import depot
from mlops_lesson.deployment import registry, request_log
from mlops_lesson.keep import journal

DATA = sorted(
    path.relative_to(depot.data_dir()).as_posix()
    for part in ("raw", "live")
    for path in (depot.data_dir() / part).rglob("*")
    if path.is_file()
)


def read_one(folder: Path, name: str) -> None:
    if name.endswith("clicks.csv"):
        depot.read_clicks(folder / name)
    elif name.startswith("live/"):
        depot.read_live_week(int(Path(name).stem[-2:]), control="control" in name, folder=folder)
    elif name.endswith("depot.db"):
        depot.read_parcels(folder)
    elif name.endswith("sensors.jsonl"):
        depot.read_sensors(folder)
    else:
        depot.read_images(folder)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damaged") / "data"
    shutil.copytree(depot.data_dir(), folder)
    return folder


@pytest.mark.parametrize("damage", [empty, truncated, bit_flipped, foreign])
@pytest.mark.parametrize("name", DATA)
def test_a_damaged_data_file_is_told_or_found_by_its_checksum(data: Path, name: str, damage) -> None:
    path = data / name
    good = path.read_bytes()
    bad = damage(good, random.Random(name))  # noqa: S311
    path.write_bytes(bad)
    try:
        told = ""
        try:
            read_one(data, name)
        except ValueError as error:
            told = str(error)
            assert str(path) in told
            assert "git checkout data" in told
        # A bit that flips may make another digit or word; everything else the reader itself tells.
        assert told or damage is bit_flipped
        states = depot.verify_data(data).set_index("file")["state"]
        assert states[name] == "changed"
        assert path.read_bytes() == bad
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("name", ["raw/clicks.csv", "live/clicks.csv"])
@pytest.mark.parametrize("cut", [b"101", b"101\n", b"101,2026-01-05T14:47:55", b"101,2026-01-05T14:47:55,B", b",,\n"])
def test_a_last_click_that_is_cut_is_told_and_never_invented(data: Path, name: str, cut: bytes) -> None:
    path = data / name
    good = path.read_bytes()
    path.write_bytes(good + cut)
    try:
        with pytest.raises(ValueError, match=r"clicks\.csv cannot be read as staff clicks .*git checkout data"):
            depot.read_clicks(path)
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("name", DATA)
def test_a_missing_data_file_is_told_or_found_by_its_checksum(data: Path, name: str) -> None:
    path = data / name
    good = path.read_bytes()
    path.unlink()
    try:
        # A camera's archive may be missing: collecting counts its images as missing.
        if "images" in name:
            read_one(data, name)
        else:
            with pytest.raises(FileNotFoundError, match=r"git checkout data"):
                read_one(data, name)
        assert depot.verify_data(data).set_index("file")["state"][name] == "missing"
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("damage", [empty, truncated, foreign])
def test_a_damaged_list_of_checksums_never_lets_the_data_pass_as_whole(data: Path, damage) -> None:
    path = data / "MANIFEST.sha256"
    good = path.read_bytes()
    path.write_bytes(damage(good, random.Random(1)))  # noqa: S311
    try:
        # Refused, or read with what is wrong.
        with suppress(ValueError):
            assert set(depot.verify_data(data)["state"]) != {"unchanged"}
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("name", ["raw/clicks.csv", "raw/sensors.jsonl", "live/clicks.csv", "MANIFEST.sha256"])
def test_windows_line_ends_read_the_same_and_show_in_the_checksum(data: Path, name: str) -> None:
    path = data / name
    good = path.read_bytes()
    read = depot.read_sensors if name.endswith("jsonl") else depot.read_clicks
    argument = data if name.endswith("jsonl") else path
    before = read(argument) if "MANIFEST" not in name else None
    path.write_bytes(good.replace(b"\n", b"\r\n"))
    try:
        changed = depot.verify_data(data).query("state != 'unchanged'")["file"].tolist()
        if before is None:
            assert changed == []
        else:
            assert read(argument).equals(before)
            assert changed == [name]
    finally:
        path.write_bytes(good)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "my_work"))
    (tmp_path / "my_work").mkdir()
    return tmp_path / "my_work"


class LongAgo(datetime):
    """A clock that was set back to 1970."""

    @classmethod
    def now(cls, tz=None):
        return datetime.fromtimestamp(1_000_000, tz)


def set_clocks_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    for module in (journal, request_log):
        monkeypatch.setattr(module, "datetime", LongAgo)


def test_after_the_clock_was_set_back_a_promotion_and_a_rollback_find_the_right_version(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_home(home)
    second, third = validated(trained_model(4)), validated(trained_model(5))
    registry.promote(second)
    set_clocks_back(monkeypatch)
    assert registry.promote(third) == second
    assert registry.rollback() == second
    assert registry.champion().version == second
    lines = registry.history()
    assert lines["what"].tolist()[-3:] == ["promoted", "promoted", "rolled back"]
    assert lines["at"].iloc[-1] < lines["at"].iloc[0]
