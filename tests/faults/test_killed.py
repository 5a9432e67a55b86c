"""A process that is killed while it writes leaves the old state or the new one, and the next one goes on from there."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import course_models
import pytest
from killed_work import first_row, next_version

from mlops_lesson import artifacts, depot, files, progress, registry
from mlops_lesson.export_format import checksum

KILLS = int(os.environ.get("MLOPS_LESSON_KILLS", "50"))
MOMENTS = pytest.mark.parametrize("moment", range(KILLS))


@contextmanager
def worker(name: str, folder: Path) -> Iterator[subprocess.Popen]:
    command = [sys.executable, str(Path(__file__).with_name("killed_work.py")), name, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        assert process.stdout.readline() == "ready now\n"
        yield process
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def kill_in_the_middle(
    process: subprocess.Popen, moment: int, longest: float = 0.02, pieces: int = 2
) -> tuple[int, int]:
    """Let a child work, kill it at a moment drawn from a seed, and return its process id and what it finished.

    The moment lies up to `longest` seconds after the child has begun, or after up to so many `pieces` of its work.
    """
    dice = random.Random(moment)  # noqa: S311
    process.stdin.write("go\n")
    child = said(process)["child"]
    finished = 0
    try:
        for _ in range(dice.randint(0, pieces)):
            finished = said(process)["done"]
        time.sleep(dice.uniform(0, longest))
    finally:
        os.kill(child, signal.SIGKILL)
    while "ended" not in (last := said(process)):
        finished = last["done"]
    assert last["ended"] == signal.SIGKILL
    return child, finished


def said(process: subprocess.Popen) -> dict[str, int]:
    """Read what a worker says next: one word and a number."""
    word, number = process.stdout.readline().split()
    return {word: int(number)}


@contextmanager
def at_home(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen, Path]]:
    """Let a worker and this process share a new folder for the learner's work."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("killed") / "my_work"
        patch.setenv("MLOPS_LESSON_HOME", str(folder))
        with worker(name, folder) as process:
            yield process, folder


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen]:
    with at_home("progress", tmp_path_factory) as (process, _):
        yield process


@MOMENTS
def test_killed_while_writing_progress_loses_no_finished_answer(answering: subprocess.Popen, moment: int) -> None:
    earlier = {answer.question for answer in progress.read().answers_of("killed")}
    child, finished = kill_in_the_middle(answering, moment)
    now = progress.read()
    added = {answer.question for answer in now.answers_of("killed")} - earlier
    assert added in ({f"{child}-{n}" for n in range(1, last + 1)} for last in (finished, finished + 1))
    assert earlier <= {answer.question for answer in now.answers_of("killed")}
    assert now.notice == ""
    assert progress.part(1, "why").parts_of(1) == ("why",)


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen, Path]]:
    folder = tmp_path_factory.mktemp("moved") / "data"
    folder.mkdir()
    with worker("move", folder) as process:
        yield process, folder


@MOMENTS
def test_killed_while_new_data_takes_its_place_never_passes_half_done(
    moving: tuple[subprocess.Popen, Path], moment: int
) -> None:
    process, folder = moving
    kill_in_the_middle(process, moment)
    kept = [path.read_text().splitlines() for path in folder.rglob("*.txt")]
    assert all(len(lines) == 500 and len(set(lines)) == 1 for lines in kept)
    if (folder / "MANIFEST.sha256").exists() and set(depot.verify_data(folder)["state"]) == {"unchanged"}:
        assert len(kept) == 8
        assert len({lines[0] for lines in kept}) == 1


@pytest.fixture(scope="module")
def building(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen, Path]]:
    folder = tmp_path_factory.mktemp("built") / "data"
    with worker("build", folder) as process:
        yield process, folder


@MOMENTS
def test_killed_while_building_data_leaves_whole_files_and_never_passes_half_done(
    building: tuple[subprocess.Popen, Path], moment: int
) -> None:
    process, folder = building
    before = checksums(folder)
    kill_in_the_middle(process, moment, longest=0.6, pieces=0)
    now = checksums(folder)
    assert now.keys() == before.keys()
    for read in (depot.read_parcels, depot.read_images, depot.read_sensors):
        assert len(read(folder)) > 1000
    assert [len(depot.read_live_week(week, folder=folder).X) > 50 for week in (1, 8)] == [True, True]
    changed = {name for name in now if now[name] != before[name]}
    if set(depot.verify_data(folder)["state"]) == {"unchanged"}:
        assert changed in (set(), set(now))
    # The next build takes away what this one had begun.
    assert len(list(folder.glob(".building-*"))) <= 1


def checksums(folder: Path) -> dict[str, str]:
    return {name: depot.checksum(folder / name) for name in depot.verify_data(folder)["file"]}


@pytest.fixture(scope="module")
def promoting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen]:
    with at_home("promotion", tmp_path_factory) as (process, _):
        yield process


@MOMENTS
def test_killed_while_promoting_leaves_one_champion_the_old_or_the_new(
    promoting: subprocess.Popen, moment: int
) -> None:
    before, noted = registry.champion().version, len(registry.history())
    child, finished = kill_in_the_middle(promoting, moment, longest=0.4, pieces=0)
    old = before
    for _ in range(finished):
        old = next_version(old)
    champion = registry.champion().version
    assert champion in (old, next_version(old))
    assert sorted(registry.versions()["aliases"]) == ["", "", "champion"]
    told = registry.history()["reason"].tolist()[noted:]
    assert told in ([f"{child}-{n}" for n in range(1, last + 1)] for last in (finished, finished + 1))
    # What the history tells has happened.
    assert champion == next_version(old) or len(told) == finished
    assert registry.promote(next_version(champion)) == champion
    assert registry.champion().version == next_version(champion)


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen, Path]]:
    with at_home("artifact", tmp_path_factory) as (process, folder):
        yield process, folder


@MOMENTS
def test_killed_while_keeping_an_artifact_leaves_whole_ones_and_the_newest_named(
    keeping: tuple[subprocess.Popen, Path], moment: int
) -> None:
    process, folder = keeping
    old, archives = newest_first_row(), set(folder.rglob("*.zip"))
    child, finished = kill_in_the_middle(process, moment)
    old = first_row(child, finished) if finished else old
    assert newest_first_row() in (old, first_row(child, finished + 1))
    assert all(zipfile.ZipFile(path).testzip() is None for path in set(folder.rglob("*.zip")) - archives)


def newest_first_row() -> int:
    return len(course_models.clean().X) - len(artifacts.load("clean dataset", quiet=True).X)


@pytest.fixture(scope="module")
def exporting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen, Path]]:
    with at_home("export", tmp_path_factory) as (process, folder):
        progress.part(1, "why")
        yield process, folder


@MOMENTS
def test_killed_while_exporting_leaves_whole_files_to_hand_in(
    exporting: tuple[subprocess.Popen, Path], moment: int
) -> None:
    process, folder = exporting
    child, finished = kill_in_the_middle(process, moment)
    made = {path.stem for path in folder.glob(f"mlops_lesson_{child}*.json")}
    finished_names = {f"mlops_lesson_{child}_{number}" for number in range(1, finished + 1)}
    assert made in (finished_names, finished_names | {f"mlops_lesson_{child}_{finished + 1}"})
    for path in folder.glob(f"mlops_lesson_{child}*.json"):
        content = json.loads(path.read_bytes())
        assert content.pop("checksum") == checksum(content)


def test_what_killed_writers_left_is_removed_after_an_hour_and_nothing_else(tmp_path: Path) -> None:
    with files.written_beside(tmp_path / "kept.json", b"new") as temporary:
        left = temporary.with_name(temporary.name.replace("kept", "other"))
    for path in (left, tmp_path / ".mine.part", tmp_path / "mine.json"):
        path.write_bytes(b"half")
    files.write_atomically(tmp_path / "kept.json", b"new")
    assert left.exists()
    long_ago = time.time() - files.SECONDS_TO_FINISH - 60
    for path in tmp_path.iterdir():
        os.utime(path, (long_ago, long_ago))
    files.write_atomically(tmp_path / "kept.json", b"newer")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine.part", "kept.json", "mine.json"]


def test_a_registry_that_a_killed_notebook_began_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    for left in ("registry.new-0a1b.db", "registry.new-0a1b.db-journal"):
        (tmp_path / left).write_bytes(b"half a database")
    assert registry.versions().empty
    assert list(tmp_path.glob("registry.new-*")) == []
