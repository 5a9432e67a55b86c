"""The page of faults tells as many cases as there are."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

FAULTS = Path(__file__).resolve().parent
ROOT = FAULTS.parents[1]
PAGE = ROOT / "docs" / "faults.md"
# A row names a test of this folder, or a test and the file elsewhere that holds it.
ROW = re.compile(r"\| (\d+) \| `(test_\w+)`(?: in `(tests/test_\w+\.py)`)? \|$", flags=re.MULTILINE)


def cases(*paths: str) -> Counter[tuple[str, str]]:
    """Count the cases that the test runner collects, by file and test."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *paths]
    usual = {name: value for name, value in os.environ.items() if name != "MLOPS_LESSON_KILLS"}
    listed = subprocess.run(command, capture_output=True, text=True, check=True, env=usual, cwd=ROOT)
    return Counter(re.findall(r"^([\w/]+\.py)::(test_\w+)", listed.stdout, flags=re.MULTILINE))


def test_the_page_counts_every_test_of_a_fault_rightly() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = [(test, file, int(count)) for count, test, file in ROW.findall(page)]
    tables = [line for line in page.splitlines() if re.match(r"\| (?!fault \|)[^-]", line)]
    assert len(rows) == len(tables), "every row has a count and a test"
    elsewhere = sorted({file for _, file, _ in rows} - {""})
    found = cases(FAULTS.relative_to(ROOT).as_posix(), *elsewhere)
    here = {test: count for (file, test), count in found.items() if file not in elsewhere}
    del here["test_the_page_counts_every_test_of_a_fault_rightly"]
    assert {test: count for test, file, count in rows if not file} == here
    assert [row for row in rows if row[1] and found[row[1], row[0]] != row[2]] == []
