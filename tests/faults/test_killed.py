"""A process that is killed while it writes leaves the old state or the new one, and the next one goes on from there."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import course_models
import pytest
from killed_work import first_row, next_version

from mlops_lesson import artifacts
from mlops_lesson.collection import depot
from mlops_lesson.deployment import registry
from mlops_lesson.keep import files
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.export_format import checksum

KILLS = int(os.environ.get("MLOPS_LESSON_KILLS", "50"))
ENOUGH_TO_BE_SPREAD = 20
OFTEN = (0, 1, 2)
SELDOM = (0, 0, 0, 0, 1)


def fifty_times(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test for each of the moments, where processes can fork."""
    posix = pytest.mark.skipif(os.name != "posix", reason="fork and SIGKILL are POSIX")
    return posix(pytest.mark.parametrize("moment", range(KILLS))(test))


@dataclass
class Series:
    """A worker whose children are killed one after another, and where the kills fell.

    A moment lies up to twice as long after the beginning of a piece of work as the latest one took that was waited for.
    So about half of the kills fall into a piece, on a slow machine and on a fast one, and the others come later.
    """

    process: subprocess.Popen
    waits: tuple[int, ...]
    seconds: float = 0.0
    within: int = 0
    later: int = 0

    def measure(self) -> None:
        """Let a child do one piece of work, unharmed."""
        self._begin(pieces=1)
        self._wait()
        assert self._said() == {"ended": 0}

    def kill(self, moment: int) -> tuple[int, int]:
        """Let a child work, kill it at a moment drawn from a seed, and return its process id and what it finished."""
        dice = random.Random(moment)  # noqa: S311
        child = self._begin(pieces=0)
        try:
            waited = finished = dice.choice(self.waits)
            for _ in range(waited):
                self._wait()
            time.sleep(dice.uniform(0, 2 * self.seconds))
        finally:
            os.kill(child, signal.SIGKILL)
        while "ended" not in (last := self._said()):
            finished = last["done"]
        assert last["ended"] == signal.SIGKILL
        self.within += finished == waited
        self.later += finished > waited
        return child, finished

    def check_spread(self) -> None:
        """Fail if all kills of a long series fell on one side of the end of a piece."""
        if self.within + self.later >= ENOUGH_TO_BE_SPREAD:
            assert self.within, "no kill fell into a piece of work"
            assert self.later, "no kill came after a piece of work"

    def _begin(self, pieces: int) -> int:
        self.process.stdin.write(f"{pieces}\n")
        return self._said()["child"]

    def _wait(self) -> None:
        began = time.monotonic()
        assert "done" in self._said()
        self.seconds = time.monotonic() - began

    def _said(self) -> dict[str, int]:
        """Read what the worker says next: one word and a number."""
        word, number = self.process.stdout.readline().split()
        return {word: int(number)}


@contextmanager
def worker(name: str, folder: Path, waits: tuple[int, ...] = OFTEN) -> Iterator[Series]:
    command = [sys.executable, str(Path(__file__).with_name("killed_work.py")), name, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        assert process.stdout.readline() == "ready now\n"
        series = Series(process, waits)
        series.measure()
        yield series
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()
    series.check_spread()


@pytest.mark.parametrize("side", ["within", "later"])
def test_a_series_of_kills_that_all_fell_on_one_side_is_noticed(side: str) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        series = Series(process, OFTEN, within=1, later=1)
    series.check_spread()
    setattr(series, side, ENOUGH_TO_BE_SPREAD)
    series.check_spread()
    setattr(series, {"within": "later", "later": "within"}[side], 0)
    with pytest.raises(AssertionError, match="no kill"):
        series.check_spread()


@contextmanager
def at_home(
    name: str, tmp_path_factory: pytest.TempPathFactory, waits: tuple[int, ...] = OFTEN
) -> Iterator[tuple[Series, Path]]:
    """Let a worker and this process share a new folder for the learner's work."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("killed") / "my_work"
        patch.setenv("MLOPS_LESSON_HOME", str(folder))
        with worker(name, folder, waits) as series:
            yield series, folder


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Series]:
    with at_home("progress", tmp_path_factory) as (series, _):
        yield series


@fifty_times
def test_killed_while_writing_progress_loses_no_finished_answer(answering: Series, moment: int) -> None:
    earlier = {answer.question for answer in progress.read().answers_of("killed")}
    child, finished = answering.kill(moment)
    now = progress.read()
    added = {answer.question for answer in now.answers_of("killed")} - earlier
    assert added in ({f"{child}-{n}" for n in range(1, last + 1)} for last in (finished, finished + 1))
    assert earlier <= {answer.question for answer in now.answers_of("killed")}
    assert now.notice == ""
    assert progress.keep_part(1, "why").parts_of(1) == ("why",)


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Series, Path]]:
    folder = tmp_path_factory.mktemp("moved") / "data"
    folder.mkdir()
    with worker("move", folder) as series:
        yield series, folder


@fifty_times
def test_killed_while_new_data_takes_its_place_never_passes_half_done(moving: tuple[Series, Path], moment: int) -> None:
    series, folder = moving
    series.kill(moment)
    kept = [path.read_text().splitlines() for path in folder.rglob("*.txt")]
    assert all(len(lines) == 500 and len(set(lines)) == 1 for lines in kept)
    if (folder / "MANIFEST.sha256").exists() and set(depot.verify_data(folder)["state"]) == {"unchanged"}:
        assert len(kept) == 8
        assert len({lines[0] for lines in kept}) == 1


@pytest.fixture(scope="module")
def building(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Series, Path]]:
    folder = tmp_path_factory.mktemp("built") / "data"
    with worker("build", folder, SELDOM) as series:
        yield series, folder


@fifty_times
def test_killed_while_building_data_leaves_whole_files_and_never_passes_half_done(
    building: tuple[Series, Path], moment: int
) -> None:
    series, folder = building
    before = checksums(folder)
    series.kill(moment)
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
def promoting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Series]:
    with at_home("promotion", tmp_path_factory, SELDOM) as (series, _):
        yield series


@fifty_times
def test_killed_while_promoting_leaves_one_champion_the_old_or_the_new(promoting: Series, moment: int) -> None:
    before, noted = registry.champion().version, len(registry.history())
    child, finished = promoting.kill(moment)
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
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Series, Path]]:
    with at_home("artifact", tmp_path_factory) as (series, folder):
        yield series, folder


@fifty_times
def test_killed_while_keeping_an_artifact_leaves_whole_ones_and_the_newest_named(
    keeping: tuple[Series, Path], moment: int
) -> None:
    series, folder = keeping
    old, archives = newest_first_row(), set(folder.rglob("*.zip"))
    child, finished = series.kill(moment)
    old = first_row(child, finished) if finished else old
    assert newest_first_row() in (old, first_row(child, finished + 1))
    assert all(zipfile.ZipFile(path).testzip() is None for path in set(folder.rglob("*.zip")) - archives)


def newest_first_row() -> int:
    return len(course_models.clean().X) - len(artifacts.load("clean dataset", quiet=True).X)


@pytest.fixture(scope="module")
def exporting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Series, Path]]:
    with at_home("export", tmp_path_factory) as (series, folder):
        progress.keep_part(1, "why")
        yield series, folder


@fifty_times
def test_killed_while_exporting_leaves_whole_files_to_hand_in(exporting: tuple[Series, Path], moment: int) -> None:
    series, folder = exporting
    child, finished = series.kill(moment)
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


@pytest.mark.skipif(os.name != "posix", reason="Windows removes no open file")
def test_after_the_clock_was_set_forward_a_writer_under_way_keeps_its_file(tmp_path: Path) -> None:
    with files.written_beside(tmp_path / "one.json", b"one") as temporary:
        # So old a file looks that was begun before the clock was set two hours forward.
        begun = time.time() - 2 * files.SECONDS_TO_FINISH
        os.utime(temporary, (begun, begun))
        files.write_atomically(tmp_path / "other.json", b"other")
        temporary.replace(tmp_path / "one.json")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"one.json": b"one", "other.json": b"other"}


def test_a_registry_that_a_killed_notebook_began_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    for left in ("registry.new-0a1b.db", "registry.new-0a1b.db-journal"):
        (tmp_path / left).write_bytes(b"half a database")
    assert registry.versions().empty
    assert list(tmp_path.glob("registry.new-*")) == []
