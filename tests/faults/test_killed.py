"""A process that is killed while it writes leaves the old state or the new one, and the next one goes on from there."""

import itertools
import multiprocessing
import os
import random
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from depot_service import fill_home, trained_model, validated, versions
from sample_class import answered

from mlops_lesson.deployment import registry
from mlops_lesson.keep import journal
from mlops_lesson.teaching import progress

KILLS = int(os.environ.get("MLOPS_LESSON_KILLS", "10"))
# One server loads the libraries; each process that is killed is a fork of it.
LIBRARIES = ["mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.sqlalchemy_store"]
LIBRARIES += ["skops.io", "sklearn.neural_network", "sklearn.pipeline", "sklearn.preprocessing"]
LIBRARIES += ["mlops_lesson.deployment.registry", "mlops_lesson.teaching.progress"]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="fork and SIGKILL are POSIX")


def work(home: Path, piece: Callable[[str], None], done: Connection) -> None:
    """Do one piece of work after the other, and say each time that it is done."""
    os.environ["MLOPS_LESSON_HOME"] = str(home)
    for number in itertools.count(1):
        piece(f"{os.getpid()}-{number}")
        done.send(number)


def killed(home: Path, piece: Callable[[str], None], moment: int) -> list[str]:
    """Let a process work, kill it at a moment drawn from a seed, and return the pieces that it has finished."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(LIBRARIES)
    here, there = forks.Pipe(duplex=False)
    child = forks.Process(target=work, args=(home, piece, there))
    child.start()
    there.close()
    finished, began = here.recv(), time.monotonic()
    finished, seconds = here.recv(), time.monotonic() - began
    # So about half of the kills fall into the next piece, on a slow machine and on a fast one, the others later.
    time.sleep(random.Random(moment).uniform(0, 2 * seconds))  # noqa: S311
    child.kill()
    child.join()
    while here.poll():
        try:
            finished = here.recv()
        except EOFError:
            break
    return [f"{child.pid}-{number}" for number in range(1, finished + 1)]


def next_one(finished: list[str]) -> str:
    pid, number = finished[-1].split("-")
    return f"{pid}-{int(number) + 1}"


def answer(name: str) -> None:
    progress.keep_answer("killed", name, answered("A"))


def test_killed_while_writing_progress_loses_no_finished_answer(home: Path) -> None:
    expected: set[str] = set()
    for moment in range(KILLS):
        finished = killed(home, answer, moment)
        now = progress.read()
        found = set(now.answers_of("killed")) - expected
        assert found in ({*finished}, {*finished, next_one(finished)})
        expected |= found
        assert now.notice == ""
    assert progress.keep_part(1, "why").parts_of(1) == ("why",)


def promote(reason: str) -> None:
    registry.promote(registry.load("champion").version % 3 + 1, reason=reason)


def test_killed_while_promoting_leaves_one_champion_the_old_or_the_new(home: Path) -> None:
    fill_home(home)
    validated(trained_model())
    validated(trained_model())
    for moment in range(KILLS):
        before, lines = registry.load("champion").version, len(journal.read())
        finished = killed(home, promote, moment)
        told, champion = journal.read()["why"].tolist()[lines:], registry.load("champion").version
        assert told in (finished, [*finished, next_one(finished)])
        # What the journal tells has happened; of a promotion that it does not tell, the alias may have moved.
        assert (champion - before - len(told)) % 3 in ((0, 1) if told == finished else (0,))
        assert sorted(versions().values()) == [[], [], ["champion"]]
    promote("goes on")
    assert registry.load("champion").version == champion % 3 + 1
