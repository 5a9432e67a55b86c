"""How the test run is organised: nothing is written into the course, and no test that must run is skipped unseen."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.internal.conjecture import providers
from pictures import first_difference
from xdist.scheduler import LoadFileScheduling

HOME = "MLOPS_LESSON_HOME"
ORDER_SEED = "MLOPS_LESSON_ORDER_SEED"
BROWSER_TESTS = "tests/browser/"
HUB_TESTS = "tests/test_hub.py"
NEEDS_PROGRAMS = {"browser": BROWSER_TESTS, "faults": "tests/faults/", "hub": HUB_TESTS}
SLOWEST_FIRST = ("tests/test_notebooks_run.py", BROWSER_TESTS, HUB_TESTS, "notebooks/")
ONE_BY_ONE = ("tests/browser/test_notebooks_in_lab.py", "tests/browser/test_quiz_lab.py")
CASES = "made-up cases"

set_hypothesis_home_dir(Path(gettempdir(), "hypothesis-of-the-course"))
for profile, same_each_time in (("course", True), ("explore", False)):
    settings.register_profile(
        profile, derandomize=same_each_time, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
settings.load_profile("course")
# Hypothesis also tries numbers and words that stand in the modules loaded so far, which are others in each run.
providers._get_local_constants = lambda: providers._local_constants


def pytest_addoption(parser: pytest.Parser) -> None:
    kinds = sorted(NEEDS_PROGRAMS)
    parser.addoption("--require", action="append", default=[], choices=kinds, help="fail if one of these was skipped")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        for kind in config.getoption("--require"):
            config.pluginmanager.register(Watch(kind, NEEDS_PROGRAMS[kind]))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main() -> Iterator[None]:
    """Give the run a learner's folder of its own, away from the work and the settings of whoever starts it."""
    os.environ.setdefault(ORDER_SEED, str(random.SystemRandom().randrange(10_000)))
    with TemporaryDirectory(prefix="mlops_lesson_", ignore_cleanup_errors=True) as folder:
        os.environ[HOME] = str(Path(folder, "my_work"))
        os.environ["IPYTHONDIR"] = str(Path(folder, "ipython"))
        return (yield)


def pytest_report_header() -> str:
    return f"order of notebooks: {ORDER_SEED}={os.environ[ORDER_SEED]}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start what takes long first, so that the workers end at about the same time."""

    def place(item: pytest.Item) -> int:
        places = (place for place, start in enumerate(SLOWEST_FIRST) if item.nodeid.startswith(start))
        return next(places, len(SLOWEST_FIRST))

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    """Give each file to one worker, but of the longest files each test to whoever is free."""
    return ByFile(config, log) if config.getoption("dist") == "loadfile" else None


class ByFile(LoadFileScheduling):
    """pytest-xdist's `--dist loadfile`, except for the files whose tests share nothing that takes long to make."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(ONE_BY_ONE) else super()._split_scope(nodeid)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Let nbval start each notebook as the first one that a learner opens: with an empty folder for the work."""
    if item.path.suffix != ".ipynb":
        return (yield)
    item.compare_outputs = _with_pictures(item)
    usual = os.environ[HOME]
    folder = Path(usual).parent / item.path.stem
    folder.mkdir(exist_ok=True)
    os.environ[HOME] = str(folder / "my_work")
    try:
        return (yield)
    finally:
        os.environ[HOME] = usual


def _with_pictures(cell: pytest.Item) -> Callable[..., bool]:
    """Let nbval compare the pictures of a cell too, once their words agree."""
    words_agree = cell.compare_outputs

    def compare(drawn: list, stored: list, *options: object) -> bool:
        if not words_agree(drawn, stored, *options):
            return False
        difference = first_difference(stored, drawn)
        cell.comparison_traceback += [difference] * bool(difference)
        return not difference

    return compare


@pytest.fixture
def counted_cases(record_property) -> Iterator["Cases"]:
    """Counts the made-up cases of a test, for the sum at the end of the run."""
    cases = Cases()
    yield cases
    record_property(CASES, cases.count)


class Cases:
    """How many made-up cases a test has tried."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, number: int) -> None:
        self.count += number


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many made-up values the package has met."""
    reports = (report for found in terminalreporter.stats.values() for report in found)
    counts = [
        dict(report.user_properties)[CASES]
        for report in reports
        if getattr(report, "when", "") == "teardown" and CASES in dict(report.user_properties)
    ]
    if counts:
        terminalreporter.line(f"made-up cases: {sum(counts):,} in {len(counts)} tests")


class Watch:
    """Make a run fail in which a test of one kind was skipped, or none was there."""

    def __init__(self, kind: str, place: str) -> None:
        self.kind = kind
        self.place = place
        self.ran = 0
        self.skipped: list[str] = []

    @property
    def complaint(self) -> str:
        if self.skipped:
            return f"{self.kind} tests skipped: {', '.join(self.skipped)}"
        return "" if self.ran else f"no {self.kind} test ran: none was found in {self.place}"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report, report.when == "call")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report, False)

    def _note(self, report: pytest.TestReport | pytest.CollectReport, ran: bool) -> None:
        if report.nodeid.startswith(self.place):
            if report.skipped:
                self.skipped.append(report.nodeid)
            else:
                self.ran += ran

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.complaint and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.complaint:
            terminalreporter.section(f"{self.kind} tests", red=True)
            terminalreporter.line(self.complaint)
