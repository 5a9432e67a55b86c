"""The page of faults tells as many cases as there are."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

FAULTS = Path(__file__).resolve().parent
PAGE = FAULTS.parents[1] / "docs" / "faults.md"


def test_the_page_counts_every_test_of_a_fault_rightly() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(FAULTS)]
    usual = {name: value for name, value in os.environ.items() if name != "MLOPS_LESSON_KILLS"}
    listed = subprocess.run(command, capture_output=True, text=True, check=True, env=usual, cwd=PAGE.parents[1])
    found = Counter(re.findall(r"::(test_\w+)", listed.stdout))
    del found["test_the_page_counts_every_test_of_a_fault_rightly"]
    told = re.findall(r"\| (\d+) \| `(test_\w+)` \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {test: int(count) for count, test in told} == found
