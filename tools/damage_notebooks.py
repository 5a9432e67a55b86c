"""Damage the course in many small ways and count how many the tests notice: ``make damage``.

Each damage of `damages.py` is done to a copy of the course, and the tests that could notice it are run there, the
quickest first, until one fails. Results are kept in `build/`: a run that is stopped goes on where it was, and what was
not noticed is tried again. The counts are written into `docs/tests-strength.md`.
"""

import argparse
import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from damages import ROOT, Damage, all_damages
from readme import with_parts

PAGE = ROOT / "docs" / "tests-strength.md"
RESULTS = ROOT / "build" / "damage.json"
LEFT_OUT = shutil.ignore_patterns(".*", "mutants", "build", "my_work", "__pycache__", "*.egg-info")
PYTEST = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--color=no", "-rfE", "-p", "no:cacheprovider"]
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?)(?:::| - |$)", re.MULTILINE)
SECONDS_A_RUN = 900
NOT_NOTICED = ""


def copy_course(folder: Path) -> Path:
    """Copy what the tests need of the course into a new folder."""
    return Path(shutil.copytree(ROOT, folder, ignore=LEFT_OUT))


def first_failure(course: Path, tests: Iterable[str]) -> str:
    """Run tests in a copy of the course and return the file of the first that fails, or nothing if all pass.

    Raises
    ------
    RuntimeError
        If the tests could not be run.
    """
    environment = {**os.environ, "PYTHONPATH": str(course), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*PYTEST, *tests], cwd=course, env=environment, capture_output=True, text=True, timeout=SECONDS_A_RUN
    )
    failed = FAILED.search(done.stdout)
    if done.returncode == 0 or failed is None:
        if done.returncode:
            raise RuntimeError(f"The tests {tests} could not be run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return NOT_NOTICED
    return failed[1]


def noticed_by(course: Path, damage: Damage) -> str:
    """Damage a copy of the course, return the file of the test that notices it, and repair the copy."""
    try:
        for file, text in damage.files.items():
            (course / file).write_text(text, encoding="utf-8", newline="\n")
        return next(filter(None, (first_failure(course, tests) for tests in damage.tests)), NOT_NOTICED)
    finally:
        for file in damage.files:
            shutil.copy(ROOT / file, course / file)


def version() -> str:
    """Return a hash of all that decides what is noticed: results of another version count for nothing."""
    folders = ("notebooks", "mlops_lesson", "tests", "tools")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*") if "__pycache__" not in file.parts]
    digest = hashlib.sha256()
    for file in sorted(file for file in [*files, ROOT / "conftest.py", ROOT / "pyproject.toml"] if file.is_file()):
        digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


@dataclass
class Results:
    """What is known of one version of the course; kept in a file, for the next run.

    Parameters
    ----------
    version : str
        The version of the course.
    clean : list of str
        Tests that pass as long as nothing is damaged.
    noticed : dict of str to str
        The test that noticed a damage, by the damage's name; empty if none did.
    """

    version: str
    clean: list[str] = field(default_factory=list)
    noticed: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls) -> "Results":
        """Read what earlier runs found out about the course as it is now; what nothing noticed is tried again."""
        results = cls(version())
        with suppress(OSError, ValueError):
            kept = cls(**json.loads(RESULTS.read_text(encoding="utf-8")))
            if kept.version == results.version:
                results.clean = kept.clean
                results.noticed = {name: test for name, test in kept.noticed.items() if test}
        return results

    def write(self) -> None:
        """Write the file, whole or not at all."""
        RESULTS.parent.mkdir(exist_ok=True)
        fresh = RESULTS.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        fresh.replace(RESULTS)


def table(damages: list[Damage], noticed: dict[str, str]) -> str:
    """Return the counts by kind of damage as a table in Markdown, and the damages that nothing noticed."""
    lines = ["| damage | done | noticed | by |", "|---|---|---|---|"]
    kinds: dict[str, list[str]] = defaultdict(list)
    for damage in damages:
        kinds[damage.kind].append(noticed[damage.name])
    for kind, tests in kinds.items():
        by = Counter("strict nbval" if test.endswith(".ipynb") else f"`{test}`" for test in tests if test)
        found = ", ".join(f"{name} ({count})" for name, count in by.most_common())
        lines.append(f"| {kind} | {len(tests)} | {by.total()} | {found} |")
    lines.append(f"| **together** | {len(damages)} | {sum(bool(noticed[damage.name]) for damage in damages)} | |")
    missed = [f"- not noticed: {damage.name}" for damage in damages if not noticed[damage.name]]
    return "\n".join([*lines, "", *missed])


class Copies:
    """Copies of the course, each used by one run of tests at a time.

    Parameters
    ----------
    folder : pathlib.Path
        Where they are made.
    number : int
        How many.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self._free: queue.Queue[Path] = queue.Queue()
        for place in range(number):
            self._free.put(copy_course(folder / f"course-{place}"))

    def each(self, do: Callable[[Path, Any], str], things: Iterable[Any]) -> Iterator[tuple[Any, str]]:
        """Do something in a copy for each thing, some at the same time; yield the things with what was found."""

        def in_a_copy(thing: Any) -> tuple[Any, str]:
            course = self._free.get()
            try:
                return thing, do(course, thing)
            finally:
                self._free.put(course)

        with ThreadPoolExecutor(self.number) as pool:
            for done in as_completed([pool.submit(in_a_copy, thing) for thing in things]):
                yield done.result()


def hunt(damages: list[Damage], results: Results, processes: int) -> str:
    """Find out which test notices each damage, and say so.

    Parameters
    ----------
    damages : list of Damage
        What to do to the course.
    results : Results
        What is known already; what is found is added and written.
    processes : int
        Copies of the course in which tests run at the same time.

    Returns
    -------
    str
        The file of a test that fails before anything is damaged; empty if there is none.
    """
    stages = dict.fromkeys(tests for damage in damages for tests in damage.tests)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copies = Copies(Path(folder), processes)
        unproven = [tests for tests in stages if not {*tests} <= {*results.clean}]
        for tests, failure in copies.each(first_failure, unproven):
            if failure:
                return failure
            results.clean += tests
            results.write()
        for damage, test in copies.each(noticed_by, [one for one in damages if one.name not in results.noticed]):
            results.noticed[damage.name] = test
            results.write()
            print(f"{damage.name} - {test or 'NOT NOTICED'}", flush=True)
    return ""


def main() -> int:
    """Do the damages, write the table; fail if one was not noticed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kind", default="", help="only damages whose kind holds these words; writes no table")
    parser.add_argument("--processes", type=int, default=2, help="copies of the course that are damaged at a time")
    parser.add_argument("--list", action="store_true", help="only say which damages there are")
    given = parser.parse_args()
    damages = [damage for damage in all_damages() if given.kind in damage.kind]
    if given.list:
        print(*(damage.name for damage in damages), sep="\n")
        return 0
    results = Results.read()
    known = sum(damage.name in results.noticed for damage in damages)
    print(f"{len(damages)} damages, of which {known} were noticed by earlier runs.", flush=True)
    if failure := hunt(damages, results, given.processes):
        print(f"Nothing is damaged yet, and {failure} fails: mend that first.")
        return 1
    if not given.kind:
        parts = {"damage": table(damages, results.noticed)}
        PAGE.write_text(with_parts(PAGE.read_text(encoding="utf-8"), parts, PAGE.name), encoding="utf-8", newline="\n")
    missed = [damage.name for damage in damages if not results.noticed[damage.name]]
    print(f"{len(damages) - len(missed)} of {len(damages)} damages were noticed.", *missed, sep="\n")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
