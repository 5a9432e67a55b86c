"""A process that is killed while it writes leaves the old state or the new one, and the next one goes on from there."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from killed_work import next_version

from mlops_lesson.deployment import registry
from mlops_lesson.keep.store import open_store
from mlops_lesson.teaching import progress

KILLS = int(os.environ.get("MLOPS_LESSON_KILLS", "10"))
ENOUGH_TO_BE_SPREAD = 10
OFTEN = (0, 1, 2)
SELDOM = (0, 0, 0, 0, 1)


def many_times(test: Callable[..., None]) -> Callable[..., None]:
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


@many_times
def test_killed_while_writing_progress_loses_no_finished_answer(answering: Series, moment: int) -> None:
    earlier = set(progress.read().answers_of("killed"))
    child, finished = answering.kill(moment)
    now = progress.read()
    added = set(now.answers_of("killed")) - earlier
    assert added in ({f"{child}-{n}" for n in range(1, last + 1)} for last in (finished, finished + 1))
    assert earlier <= set(now.answers_of("killed"))
    assert now.notice == ""
    assert progress.keep_part(1, "why").parts_of(1) == ("why",)


@pytest.fixture(scope="module")
def promoting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Series]:
    with at_home("promotion", tmp_path_factory, SELDOM) as (series, _):
        yield series


@many_times
def test_killed_while_promoting_leaves_one_champion_the_old_or_the_new(promoting: Series, moment: int) -> None:
    before, noted = registry.champion().version, len(registry.history())
    child, finished = promoting.kill(moment)
    old = before
    for _ in range(finished):
        old = next_version(old)
    champion = registry.champion().version
    assert champion in (old, next_version(old))
    assert sorted(registry.versions()["aliases"]) == ["", "", "champion"]
    told = registry.history()["why"].tolist()[noted:]
    assert told in ([f"{child}-{n}" for n in range(1, last + 1)] for last in (finished, finished + 1))
    # What the history tells has happened.
    assert champion == next_version(old) or len(told) == finished
    assert registry.promote(next_version(champion)) == champion
    assert registry.champion().version == next_version(champion)


def test_a_store_that_a_killed_notebook_began_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    (tmp_path / "mlflow.new-0a1b.db").write_bytes(b"half a database")
    open_store()
    assert registry.versions().empty
    assert list(tmp_path.glob("mlflow.new-*")) == []
