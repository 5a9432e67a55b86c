"""Change the package in many small ways and count how many changes the tests notice: ``make mutation``.

mutmut makes the changes, each in one expression of one function, and runs the unit tests that reach that function. The
package has too many for one evening, so a seeded sample is drawn in each module. Results are kept in `mutants/`: a run
that is stopped goes on where it was. The counts are written into `docs/tests-strength.md`.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from readme import with_parts

from mlops_lesson.evaluation import interval

ROOT = Path(__file__).resolve().parent.parent
MUTANTS = ROOT / "mutants"
PAGE = ROOT / "docs" / "tests-strength.md"
SEED, SAMPLE = 20261124, 25
# mutmut compares each name with each mutant and is quick only as long as the patterns fit its cache.
BATCH = 240
FIRST = "mlops_lesson.paths"
KILLED = {1: "killed", 3: "killed", 36: "timeout", 24: "timeout", -24: "timeout", 152: "timeout", 255: "timeout"}
NAMES = {0: "survived", 33: "not reached", 5: "not reached", None: "not tried", **KILLED}


def results() -> dict[str, dict[str, int | None]]:
    """Read what is known of every mutant: exit codes of pytest by the mutant's name, by module."""
    modules = {}
    for file in sorted(MUTANTS.glob("mlops_lesson/**/*.py.meta")):
        codes = json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]
        if codes:
            modules[".".join(file.relative_to(MUTANTS).parts).removesuffix(".py.meta")] = codes
    return modules


def drawn(module: str, names: Iterable[str], size: int) -> list[str]:
    """Draw the mutants of a module that are tried: always the same ones as long as the module stays as it is."""
    shuffled = sorted(names)
    random.Random(f"{SEED} {module}").shuffle(shuffled)  # noqa: S311 - no secret
    return sorted(shuffled[:size])


def run_mutmut(names: Iterable[str], processes: int) -> None:
    """Let mutmut try the mutants named."""
    environment = {**os.environ, "PYTHONPATH": f"{MUTANTS}{os.pathsep}{ROOT / 'tools'}"}
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(processes), *names]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def table(modules: dict[str, dict[str, int | None]], size: int) -> str:
    """Return the counts as a table in Markdown."""
    lines = [
        "| module | mutants | tried | noticed | not noticed | not reached | score |",
        "|---|---|---|---|---|---|---|",
    ]
    total: Counter[str] = Counter()
    for module, codes in modules.items():
        counts = Counter(NAMES.get(codes[name], "killed") for name in drawn(module, codes, size))
        counts["all"], counts["tried"] = len(codes), counts.total() - counts["not tried"]
        if counts["tried"]:
            total += counts
            lines.append(_row(f"`{module.removeprefix('mlops_lesson.')}`", counts))
    if total["tried"]:
        lines.append(_row("**together**", total))
        low, high = interval(total["killed"] + total["timeout"], total["tried"])
        lines += ["", f"The 95 % interval of the score together is {low:.1%} to {high:.1%}."]
    return "\n".join(lines)


def _row(name: str, counts: Counter[str]) -> str:
    noticed = counts["killed"] + counts["timeout"]
    cells = (counts["all"], counts["tried"], noticed, counts["survived"], counts["not reached"])
    return f"| {name} | {' | '.join(f'{cell:,}' for cell in cells)} | {noticed / counts['tried']:.0%} |"


def main() -> int:
    """Try the drawn mutants that have not been tried yet, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("modules", nargs="*", help="such as mlops_lesson.trace; all if none is named")
    parser.add_argument("--sample", type=int, default=SAMPLE, help=f"mutants drawn in each module, usually {SAMPLE}")
    parser.add_argument("--again", action="store_true", help="also try again what was not noticed")
    parser.add_argument("--survivors", action="store_true", help="run nothing, show the mutants not noticed")
    parser.add_argument("--processes", type=int, default=1, help="at the same time")
    given = parser.parse_args()
    if not given.survivors:
        if not MUTANTS.exists():
            run_mutmut([f"{FIRST}.*"], given.processes)
        wanted = (None, 0, 33) if given.again else (None,)
        names = [
            name
            for module, codes in results().items()
            if not given.modules or module in given.modules
            for name in drawn(module, codes, given.sample)
            if codes[name] in wanted
        ]
        for start in range(0, len(names), BATCH):
            run_mutmut(names[start : start + BATCH], given.processes)
        parts = {"mutation": table(results(), given.sample)}
        PAGE.write_text(with_parts(PAGE.read_text(encoding="utf-8"), parts, PAGE.name), encoding="utf-8", newline="\n")
        return 0
    for module, codes in results().items():
        for name in drawn(module, codes, given.sample):
            if codes[name] in (0, 33, 5) and (not given.modules or module in given.modules):
                command = [sys.executable, "-m", "mutmut", "show", name]
                print(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
