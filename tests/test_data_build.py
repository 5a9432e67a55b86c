"""The committed data is what the builder writes, and holds the faults that its card tells of."""

import importlib.util
import io
import re
import sqlite3
import zipfile
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import collect, last_click
from mlops_lesson.collection.depot import data_dir
from mlops_lesson.preprocessing.faults import faults
from mlops_lesson.validation.behaviour import shift

DATABASE = "raw/depot.db"
LARGEST = 3_000_000


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", data_dir() / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def card() -> str:
    return (data_dir() / "README.md").read_text(encoding="utf-8")


def data_files(folder: Path) -> dict[str, Path]:
    paths = [path for part in ("raw", "live") for path in (folder / part).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path for path in paths}


def database_content(path: Path) -> list[str]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        return list(database.iterdump())


def test_rebuilding_writes_the_same_files_with_their_checksums(
    builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder.build(tmp_path / "data")
    again, committed = data_files(tmp_path / "data"), data_files(data_dir())
    assert again.keys() == committed.keys()
    # SQLite notes its own version in the file, so the database is compared by what it holds.
    assert database_content(again.pop(DATABASE)) == database_content(committed[DATABASE])
    assert [name for name, path in again.items() if path.read_bytes() != committed[name].read_bytes()] == []
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(tmp_path))
    assert set(depot.verify_data()["state"]) == {"unchanged"}


def test_the_data_is_small_and_holds_nothing_but_images_and_tables() -> None:
    paths, names = data_files(data_dir()).values(), set()
    assert sum(path.stat().st_size for path in paths) < LARGEST
    for path in paths:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                names |= {Path(name).suffix for name in archive.namelist()}
    assert names == {".png", ".csv", ".jsonl"}


def history_truth(builder: ModuleType) -> np.ndarray:
    """Return the true digit of every scan, in the order of the scans, drawn as the builder draws them."""
    source, rng = load_digits(), np.random.RandomState(builder.SEED)
    chosen = rng.permutation(len(source.images))[: builder.HISTORY_PARCELS]
    times = builder.opening_times(rng, builder.HISTORY_START, builder.HISTORY_WEEKS, len(chosen))
    first = builder.draw_parcels(rng, builder.FIRST_PARCEL_ID, times, chosen)
    return source.target[builder.add_duplicated_scans(rng, first)["source"]]


@pytest.fixture(scope="module")
def planted(builder: ModuleType) -> dict[str, int]:
    """Every fault that the card counts, counted in the data."""
    parcels, images = depot.read_parcels(), depot.read_images()
    sensors, clicks = depot.read_sensors(), depot.read_clicks()
    digits = history_truth(builder)
    table = parcels.merge(last_click(clicks), how="left", left_on="id", right_index=True)
    table = table.merge(
        sensors, how="left", left_on=["camera_id", table["seen_at"].dt.floor("h")], right_on=["camera_id", "hour"]
    )
    with_image = table[table["id"].isin(list(images))]
    blank = with_image[[np.ptp(images[i]) == 0 for i in with_image["id"]]]
    stuck = sensors[(sensors["camera_id"] == 2) & sensors["hour"].between("2026-02-16", "2026-02-19")]
    hidden = (blank["camera_id"] == 2) & blank["seen_at"].between("2026-02-16", "2026-02-19")
    delay = table["first_clicked_at"] - table["seen_at"]
    minds = clicks.assign(chute=clicks["chute"].str.upper()).groupby("parcel_id")["chute"].nunique()
    labelled = table["chute"].notna()
    hours = builder.HISTORY_WEEKS * builder.DAYS_A_WEEK * (builder.CLOSING_HOUR - builder.OPENING_HOUR)
    return {
        "scanned 2 to 14 seconds before": int(faults(collect())["scanned twice"].sum()),
        "digits typed wrong": int((table["keyed_digit"] != digits).sum()),
        "| missing": len(parcels) - len(images),
        "lamps were off": int(((blank["lux"] < 50) | hidden).sum()),
        "shutter stayed shut": int(((blank["lux"] > 50) & ~hidden).sum()),
        "of 16 x 16 pixels": sum(image.shape == (16, 16) for image in images.values()),
        "smeared lens of camera 4": len(with_image.query("camera_id == 4 and seen_at >= '2026-03-23'")),
        "hours without a reading": hours * len(builder.CAMERAS) - len(sensors),
        "readings in kilolux": int((sensors["lux_unit"] == "klx").sum()),
        "temperatures in Fahrenheit": int((sensors["temperature"] > 45).sum()),
        "stuck at 397.0 lux": int((stuck["lux"] == 397.0).sum()),
        "scans without a click": int((~labelled).sum()),
        "scans clicked twice": int((table["n_clicks"] == 2).sum()),
        "two clicks differ": int((minds == 2).sum()),
        "first clicks later than a week": int((delay > pd.Timedelta(weeks=1)).sum()),
        "last click is wrong": int(((table["chute"].str.upper() == "B") != (digits >= 5))[labelled].sum()),
        "in lower case": int(clicks["chute"].str.islower().sum()),
        "scans that do not exist": int((~clicks["parcel_id"].isin(parcels["id"])).sum()),
    }


def test_the_card_counts_every_planted_fault_rightly_and_no_other(card: str, planted: dict[str, int]) -> None:
    section = card.split("## Planted faults of the history")[1].split("## ")[0]
    rows = [line for line in section.splitlines() if re.match(r"\| \w", line)][1:]
    told = {}
    for row in rows:
        (fault,) = [fault for fault in planted if fault in row]
        told[fault] = int(row.rstrip(" |").rsplit("|", 1)[1])
    assert told == planted


def test_the_card_names_source_licence_identifier_and_every_column(card: str) -> None:
    columns = {*depot.read_sensors().columns, *depot.read_clicks().columns, *depot.read_parcels().columns}
    facts = ["Alpaydin", "Kaynak", "10.24432/C50P49", "CC BY 4.0", *(f"`{column}`" for column in columns)]
    assert [fact for fact in facts if fact not in card] == []


def light_of(stream: Path, week: int) -> float:
    """Return the mean light of a live week."""
    with zipfile.ZipFile(data_dir() / "live" / stream / f"week_{week:02d}.zip") as archive:
        return pd.read_json(io.BytesIO(archive.read("sensors.jsonl")), lines=True)["lux"].mean()


@pytest.mark.parametrize("week", range(1, depot.LIVE_WEEKS + 1))
def test_the_live_weeks_differ_from_the_control_stream_as_the_card_says(builder: ModuleType, week: int) -> None:
    live, control = depot.read_live_week(week), depot.read_live_week(week, control=True)
    expected = control.X
    if week == builder.DIM_WEEK:
        expected = np.rint(control.X * builder.DIM_FACTOR)
    if week >= builder.FIRST_BUMPED_WEEK:
        expected = shift(control.X)
    assert (expected == live.X).all()
    lux = light_of(Path(), week) / light_of(Path("control"), week)
    assert lux == pytest.approx(builder.DIM_FACTOR if week == builder.DIM_WEEK else 1.0, abs=0.001)


def is_part_in_order(part: list[int], whole: list[int]) -> bool:
    rest = iter(whole)
    return all(digit in rest for digit in part)


def test_each_sheet_of_the_source_is_the_same_form_filled_once(builder: ModuleType) -> None:
    digits = load_digits().target.tolist()
    edges = [*builder.FIRST_OF_SHEET, len(digits)]
    sheets = [digits[begin:end] for begin, end in pairwise(edges)]
    form = sheets[0]
    assert (sheets[2][-1], form[-1]) == (3, 8)  # the one place where the source has another digit than the form
    sheets[2][-1] = 8
    assert [number for number, sheet in enumerate(sheets, start=1) if not is_part_in_order(sheet, form)] == []
    # No sheet could end one image later: there are no boundaries but these.
    assert not any(is_part_in_order([*sheet, after[0]], form) for sheet, after in pairwise(sheets))


def test_thirteen_senders_wrote_the_parcels_and_no_live_parcel_comes_twice() -> None:
    live = pd.concat([depot.read_live_week(week).parcels for week in range(1, depot.LIVE_WEEKS + 1)])
    assert set(live["sender"]) == set(depot.read_parcels()["sender"]) == set(range(1, 14))
    assert live["id"].is_unique
    assert live["id"].is_monotonic_increasing
