"""A plugin of pytest for ``make mutation``: the tests collected are run once for each change of the package.

The tests are collected once, in a process that has imported everything. For each change a fork of it switches the
change on and runs the tests until one fails: first those that called the changed function when nothing was changed, the
quickest file first, then all the others. A function that was called while the tests were collected would go unchanged
in a fork; a change of it that no test notices is tried once more, in a new process in which it is on from the start.
"""

import functools
import json
import os
import pickle
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from mutmut.mutation import trampoline

PLAN = "MUTATION_PLAN"
CHANGE = "MUTANT_UNDER_TEST"
HOME = "MLOPS_LESSON_HOME"
MEMORY = 12 * 2**30
NO_TEST_FAILED, TEST_FAILED, TIMEOUT = "not noticed", "noticed", "timeout"

called: set[str] = set()
os.environ[CHANGE] = ""
# Until a change is switched on, the functions of the package note that they were called.
trampoline.get_mutant_under_test = lambda: "stats"
trampoline.record_trampoline_hit = lambda name, **_: called.add(name)


@dataclass
class Run:
    """What became of the tests in one fork.

    Parameters
    ----------
    failed : str
        The test that failed; empty if none did.
    seconds, calls : dict
        How long each test took, and the functions of the package it called: by the test's name.
    processor : float
        Seconds of the processor that all tests needed.
    """

    failed: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    calls: dict[str, set[str]] = field(default_factory=dict)
    processor: float = 0.0


@dataclass(frozen=True)
class Limit:
    """How long the tests of one change may take: in seconds of the processor, and by the clock."""

    processor: float
    clock: float


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run the tests unchanged, then with each change of the plan, and add what comes of it to the file of results."""
    if session.testsfailed or not session.items:
        return None
    plan = json.loads(Path(os.environ[PLAN]).read_text(encoding="utf-8"))
    while_collecting = set(called)
    unchanged = in_fork(lambda: run_tests(session, session.items), Limit(plan["unchanged"], plan["unchanged"]))
    if unchanged is None or unchanged.failed:
        raise pytest.UsageError(f"without any change: {unchanged.failed if unchanged else 'no end'}")
    limit = Limit(
        plan["seconds"] + plan["times"] * unchanged.processor,
        plan["seconds waited"] + plan["times waited"] * sum(unchanged.seconds.values()),
    )
    alone = {item.nodeid: functools.partial(run_tests, session, [item]) for item in session.items}
    with Path(plan["results"]).open("a", encoding="utf-8") as results:
        for name, function in plan["changes"].items():
            start = time.monotonic()
            items = in_order(session.items, unchanged, function_of(name))
            run = in_fork(functools.partial(run_changed, session, items, name), limit)
            if run and not run.failed and function_of(name) in while_collecting:
                run = in_new_process(plan["in a new process"], name, limit)
            if run and run.failed in alone:
                # Once for each test: one that needs another before it would fail with every change.
                unchanged_alone = in_fork(alone.pop(run.failed), limit)
                if unchanged_alone is None or unchanged_alone.failed:
                    raise pytest.UsageError(f"alone, without any change: {run.failed}")
            found = {"change": name, "function": function, "seconds": round(time.monotonic() - start, 1)}
            found |= {"result": result_of(run), "by": run.failed if run else ""}
            results.write(json.dumps(found, ensure_ascii=False) + "\n")
            results.flush()
    return True


def result_of(run: Run | None) -> str:
    """Say in a word what became of the tests."""
    if run is None:
        return TIMEOUT
    return TEST_FAILED if run.failed else NO_TEST_FAILED


def function_of(change: str) -> str:
    """Return the name of the changed function, as mutmut writes it."""
    return change.partition("__mutmut_")[0]


def in_order(items: Sequence[pytest.Item], unchanged: Run, function: str) -> list[pytest.Item]:
    """Put first what called the function, and of that the quickest file, and in it the quickest test."""

    def calls(item: pytest.Item) -> bool:
        return function in unchanged.calls[item.nodeid]

    sums: Counter[tuple[bool, Path]] = Counter()
    for item in items:
        sums[calls(item), item.path] += unchanged.seconds[item.nodeid]
    return sorted(
        items,
        key=lambda item: (
            not calls(item),
            sums[calls(item), item.path],
            item.path,
            unchanged.seconds[item.nodeid] if calls(item) else 0,
        ),
    )


def run_changed(session: pytest.Session, items: Iterable[pytest.Item], name: str) -> Run:
    """Switch a change on and run the tests until one fails."""
    trampoline.get_mutant_under_test = lambda: name
    os.environ[CHANGE] = name
    empty_caches()
    return run_tests(session, items)


def run_tests(session: pytest.Session, items: Iterable[pytest.Item]) -> Run:
    """Run tests until one fails."""
    run, items = Run(), list(items)
    for item, following in zip(items, [*items[1:], None], strict=True):
        called.clear()
        start = time.monotonic()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        run.seconds[item.nodeid], run.calls[item.nodeid] = time.monotonic() - start, set(called)
        if session.testsfailed:
            run.failed = item.nodeid
            session._setupstate.teardown_exact(None)
            break
    run.processor = time.process_time()
    return run


def empty_caches() -> None:
    """Empty what the package and its tests have kept: a changed function whose result is kept is never called."""
    here = str(Path.cwd()) + os.sep
    for module in list(sys.modules.values()):
        if str(getattr(module, "__file__", None) or "").startswith(here):
            for kept in list(vars(module).values()):
                if isinstance(kept, functools._lru_cache_wrapper):
                    kept.cache_clear()


def in_fork(function: Callable[[], Run], limit: Limit) -> Run | None:
    """Call a function in a fork with folders of its own; return nothing if it takes longer than the limit."""
    folder = Path(tempfile.mkdtemp(prefix="m"))
    answer = folder / "answer"
    child = os.fork()
    if not child:
        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            own_folders(folder)
            answer.write_bytes(pickle.dumps(function()))
        except BaseException as error:
            answer.write_bytes(pickle.dumps(Run(failed=f"{type(error).__name__}: {error}")))
        finally:
            os._exit(0)
    try:
        if end_of(child, limit) is None:
            return None
        return pickle.loads(answer.read_bytes()) if answer.exists() else Run(failed="the process died")  # noqa: S301
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def own_folders(folder: Path) -> None:
    """Let the process keep its files, and a learner's work, in one folder that can be thrown away."""
    os.environ[HOME] = str(folder / "my_work")
    os.environ["TMPDIR"] = os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.tempdir = str(folder)


def in_new_process(arguments: Sequence[str], name: str, limit: Limit) -> Run | None:
    """Run the tests in a process in which the change is on from the start."""
    environment = {**os.environ, CHANGE: name}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=quiet, stderr=quiet)
    code = end_of(process.pid, limit)
    return None if code is None else Run(failed="in a new process" if code else "")


def end_of(process: int, limit: Limit) -> int | None:
    """Wait for a process to end and return its exit code; past the limit, end it and all that it started."""
    watched, until = psutil.Process(process), time.monotonic() + limit.clock
    while time.monotonic() < until and sum(watched.cpu_times()[:2]) < limit.processor:
        with suppress(psutil.TimeoutExpired):
            return watched.wait(0.5)
    for one in [*watched.children(recursive=True), watched]:
        one.kill()
    watched.wait()
    return None
