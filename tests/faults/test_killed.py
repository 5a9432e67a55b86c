"""A process that is killed while it writes leaves the old state or the new one, and the next one goes on from there."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlops_lesson import depot, progress

KILLS = int(os.environ.get("MLOPS_LESSON_KILLS", "50"))
LONGEST_PAUSE = 0.02
MOMENTS = pytest.mark.parametrize("moment", range(KILLS))


@contextmanager
def worker(name: str, folder: Path) -> Iterator[subprocess.Popen]:
    command = [sys.executable, str(Path(__file__).with_name("killed_work.py")), name, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def kill_in_the_middle(process: subprocess.Popen, moment: int) -> tuple[int, int]:
    """Let a child work, kill it at a moment drawn from a seed, and return its process id and what it finished."""
    dice = random.Random(moment)  # noqa: S311
    process.stdin.write("go\n")
    first = [process.stdout.readline() for _ in range(1 + dice.randint(0, 2))]
    said = [line.split() for line in first]
    while "child" not in {word for word, _ in said}:
        said.append(process.stdout.readline().split())
    child = next(int(number) for word, number in said if word == "child")
    time.sleep(dice.uniform(0, LONGEST_PAUSE))
    os.kill(child, signal.SIGKILL)
    while (line := process.stdout.readline().strip()) != "ended":
        said.append(line.split())
    return child, max((int(number) for word, number in said if word == "done"), default=0)


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("killed") / "my_work"
        patch.setenv("MLOPS_LESSON_HOME", str(folder))
        with worker("progress", folder) as process:
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
    with worker("data", folder) as process:
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
