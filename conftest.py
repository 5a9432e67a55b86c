"""Each test has a learner's folder of its own, made-up values are the same in each run, and no skip goes unseen."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.internal.conjecture import providers

HOME = "MLOPS_LESSON_HOME"
LONGEST_FIRST = ("test_notebooks_in_lab.py", "test_notebooks.py", "test_unwritable_home.py", "test_killed.py")
LONGEST_FIRST += ("test_serving.py", "test_loop.py", "test_starter.py", "test_strangers.py")

set_hypothesis_home_dir(Path(gettempdir(), "hypothesis-of-the-course"))
settings.register_profile(
    "course", derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("course")
# Hypothesis also tries numbers and words that stand in the modules loaded so far, which are others in each run.
providers._get_local_constants = lambda: providers._local_constants


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="fail if a test was skipped")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main() -> Iterator[None]:
    """Keep the run away from the work and the settings of the person who starts it."""
    with TemporaryDirectory(prefix="mlops_lesson_", ignore_cleanup_errors=True) as folder:
        os.environ[HOME] = os.environ["MLOPS_LESSON_USUAL_HOME"] = str(Path(folder, "my_work"))
        os.environ["IPYTHONDIR"] = str(Path(folder, "ipython"))
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that no worker waits at the end for another to finish one."""
    items.sort(key=lambda item: [*LONGEST_FIRST, item.path.name].index(item.path.name))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Make a run fail in which a test was skipped, where none may be; the run's last lines name it."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter and reporter.stats.get("skipped")
    if skipped and session.config.getoption("--no-skips") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a learner's folder that does not exist yet, unless its file has made one for all its tests."""
    if os.environ[HOME] == os.environ["MLOPS_LESSON_USUAL_HOME"]:
        monkeypatch.setenv(HOME, str(tmp_path / "my_work"))
    return Path(os.environ[HOME])


@pytest.fixture
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the course's service, one for all tests of a process: a small model is champion, and no rollout goes on."""
    from depot_service import shared_home

    from mlops_lesson.deployment import registry, serving

    monkeypatch.setenv(HOME, str(shared_home()))
    if registry.load("champion").version != 1:
        registry.promote(1)
    return serving.start()
