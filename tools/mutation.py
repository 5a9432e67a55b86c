"""Change the package in many small ways and count how many changes the tests notice: ``make mutation``.

mutmut makes the changes, each in one expression of one function, as a copy of the course in `mutants/`. The package has
too many for one evening, so a seeded sample of each module is drawn. Each change is tried with the test files named for
its module, by `tools/one_change_each.py`. Results are added to `mutants/results.jsonl`: a run that is stopped goes on
where it was, and what came of the first try stays known. The counts are written into `docs/tests-strength.md`.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from readme import with_parts

from mlops_lesson.validation.measures import interval

ROOT = Path(__file__).resolve().parent.parent
MUTANTS = ROOT / "mutants"
RESULTS = MUTANTS / "results.jsonl"
PLAN = MUTANTS / "plan.json"
REASONS = ROOT / "tools" / "unnoticed.toml"
PAGE = ROOT / "docs" / "tests-strength.md"
PACKAGE = "mlops_lesson"
SEED, SAMPLE = 20261203, 12
# A change is noticed too if its tests need so many seconds of the processor more than so many times what they needed
# unchanged, or wait that long: a busy machine alone makes no change look noticed.
LIMITS = {"unchanged": 1800, "seconds": 20, "times": 5, "seconds waited": 120, "times waited": 10}
WITHOUT_EXTRAS = ("-p", "no:nbval", "-p", "no:cacheprovider", "--override-ini=addopts=")
NOTICED = ("noticed", "timeout")

# The tests that are to notice a change, by module; those that start servers and other processes come last.
TESTS = {
    "__main__": ("class_report",),
    "artifacts": ("artifacts", "pipeline_train"),
    "charts": ("charts", "charts_drawn"),
    "chooser": ("chooser", "display"),
    "class_exports": ("class_report",),
    "class_page": ("class_report", "charts_drawn"),
    "class_report": ("class_report",),
    "contract": ("preprocess",),
    "controls": ("controls", "explorers_data"),
    "datasets": ("artifacts", "collect", "preprocess"),
    "depot": ("collect", "data_build", "depot", "monitors"),
    "display": ("display", "chooser", "exercises", "flashcards", "panel", "quiz"),
    "evaluation": ("evaluation", "charts", "model_card", "pipeline_deploy"),
    "exercise_bank": ("exercises",),
    "exercises": ("exercises", "solutions", "display"),
    "explorers.data_collection": ("explorers_data", "charts_drawn"),
    "explorers.data_preprocessing": ("explorers_data", "charts_drawn"),
    "explorers.live": ("explorers_data", "display"),
    "explorers.model_training": ("explorers_model_training",),
    "explorers.model_validation": ("explorers_model_validation", "charts_drawn"),
    "explorers.monitoring_and_maintenance": ("explorers_monitoring", "charts_drawn"),
    "export_format": ("class_report",),
    "figures": ("figures", "charts_drawn"),
    "files": ("files",),
    "model_card": ("model_card", "display"),
    "monitors": ("monitors", "charts_drawn", "explorers_monitoring"),
    "panel": ("panel", "display"),
    "paths": ("paths",),
    "pipeline": ("collect", "preprocess", "pipeline_train", "pipeline_deploy", "evaluation"),
    "prediction": ("prediction",),
    "progress": ("progress", "panel", "chooser", "exercises", "quiz"),
    "progress_table": ("panel", "class_report"),
    "quiz": ("quiz", "quiz_questions", "flashcards", "display"),
    "scorecard": ("scorecard", "display"),
    "stages": ("stages", "chooser", "display"),
    "tables": ("tables", "display"),
    "trace": ("trace", "charts_drawn", "pipeline_train", "pipeline_deploy"),
    "cluster": ("cluster",),
    "explorers.deployment": ("explorers_deployment",),
    "load": ("load_chart", "rollout"),
    "loop": ("loop",),
    "registry": ("registry", "pipeline_deploy"),
    "request_log": ("rollout", "service"),
    "rollout": ("rollout", "security_service"),
    "service": ("rollout", "service", "serving", "security_service"),
    "serving": ("serving", "service", "security_service"),
}


@dataclass(frozen=True)
class Tried:
    """What became of a change: at the first try, and at the last."""

    first: str
    last: str

    @property
    def noticed_at_first(self) -> bool:
        """Whether a test failed at the first try, or did not end."""
        return self.first in NOTICED

    @property
    def noticed(self) -> bool:
        """Whether a test failed at the last try, or did not end."""
        return self.last in NOTICED


def files_of_tests(module: str) -> list[str]:
    """Return the files of tests of a module."""
    return [f"tests/test_{name}.py" for name in TESTS[module]]


def make_changes() -> None:
    """Let mutmut write the changes of all modules into `mutants/`, beside a copy of what the tests need."""
    MUTANTS.mkdir(exist_ok=True)
    names = "copy_src_dir, copy_also_copy_files, create_mutants"
    code = f"from mutmut.__main__ import {names}; copy_src_dir(); copy_also_copy_files(); create_mutants(1)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    for file in (MUTANTS / PACKAGE).rglob("*.py"):
        text, program = file.read_text(encoding="utf-8"), 'if __name__ == "__main__":\n'
        # A module that is run as a program has another name, under which no change would be switched on.
        module = ".".join(file.relative_to(MUTANTS).with_suffix("").parts)
        by_its_name = f"{program}    from {module} import main\n"
        if program in text and by_its_name not in text:
            file.write_text(text.replace(program, by_its_name), encoding="utf-8")


def changes(module: str) -> dict[str, str]:
    """Return the names of all changes of a module, each with a hash of the function that it changes."""
    file = MUTANTS / PACKAGE / f"{module.replace('.', '/')}.py.meta"
    if not file.exists():
        return {}
    known = json.loads(file.read_text(encoding="utf-8"))
    hashes = known["hash_by_function_name"]
    return {name: hashes[name.rpartition(".")[2].partition("__mutmut_")[0]] for name in known["exit_code_by_key"]}


def drawn(names: Iterable[str], size: int) -> list[str]:
    """Draw some of the changes: always the same ones, also when others come or go."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{SEED} {name}".encode()).hexdigest())[:size]


def tries(module: str) -> dict[str, Tried]:
    """Read what became of the changes of a module; a function that was rewritten since counts as not tried."""
    known, found = changes(module), {}
    for line in RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else ():
        one = json.loads(line)
        if known.get(one["change"]) == one["function"]:
            first = found[one["change"]].first if one["change"] in found else one["result"]
            found[one["change"]] = Tried(first, one["result"])
    return found


def try_changes(module: str, names: Mapping[str, str]) -> bool:
    """Try changes of a module, given with the hashes of their functions; return whether that could be done."""
    tests = files_of_tests(module)
    arguments = ["-m", "pytest", "-q", *WITHOUT_EXTRAS, *tests]
    plan = {"changes": dict(names), "results": str(RESULTS), "in a new process": [*arguments, "-x"], **LIMITS}
    PLAN.write_text(json.dumps(plan, ensure_ascii=False), encoding="utf-8")
    paths = os.pathsep.join(str(folder) for folder in (MUTANTS, MUTANTS / "tools"))
    environment = {**os.environ, "PYTHONPATH": paths, "MUTATION_PLAN": str(PLAN)}
    command = [sys.executable, *arguments, "-p", "one_change_each"]
    done = subprocess.run(command, cwd=MUTANTS, env=environment, capture_output=True, text=True)
    if done.returncode:
        print(f"{module} could not be tried.", done.stdout[-2000:], done.stderr[-2000:], sep="\n")
    return not done.returncode


def table(modules: Iterable[str], size: int) -> str:
    """Return the counts as a table in Markdown."""
    lines = [
        "| module | changes | tried | noticed | score | after closing gaps |",
        "|---|---|---|---|---|---|",
    ]
    total: Counter[str] = Counter()
    for module in sorted(modules):
        known, found = changes(module), tries(module)
        chosen = [found[name] for name in drawn(known, size) if name in found]
        if chosen:
            counts = Counter(
                changes=len(known),
                tried=len(chosen),
                first=sum(one.noticed_at_first for one in chosen),
                last=sum(one.noticed for one in chosen),
            )
            total += counts
            lines.append(_row(f"`{module}`", counts))
    if total["tried"]:
        lines.append(_row("**together**", total))
        low, high = interval(total["first"], total["tried"])
        lines += ["", f"The 95 % interval of the score together is {low:.1%} to {high:.1%}."]
    return "\n".join(lines)


def _row(name: str, counts: Mapping[str, int]) -> str:
    score = f"{counts['first'] / counts['tried']:.0%}"
    cells = [name, *(f"{counts[column]:,}" for column in ("changes", "tried", "first")), score, f"{counts['last']:,}"]
    return f"| {' | '.join(cells)} |"


def unnoticed(module: str, size: int) -> Iterator[str]:
    """Name the changes drawn that were tried and not noticed."""
    found = tries(module)
    return (name for name in drawn(changes(module), size) if name in found and not found[name].noticed)


def reasons() -> dict[str, str]:
    """Return why no test has to notice a change, by the change's name; only those that were read."""
    listed = tomllib.loads(REASONS.read_text(encoding="utf-8"))
    return {f"{PACKAGE}.{name}": reason for reason, names in listed.items() for name in names}


def by_reason(modules: Iterable[str], size: int) -> str:
    """Return the changes not noticed, counted by reason, as a table in Markdown."""
    known = reasons()
    unread = "not tried again yet, or no reason"
    counts = Counter(known.get(name, unread) for module in modules for name in unnoticed(module, size))
    most_first = sorted(counts.items(), key=lambda counted: (counted[0] == unread, -counted[1]))
    lines = ["| what is not noticed | changes |", "|---|---|"]
    return "\n".join(lines + [f"| {reason} | {count} |" for reason, count in most_first])


def main() -> int:
    """Try the drawn changes that have not been tried yet, and write the table after each module."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="module", help="such as trace; all if none is named")
    parser.add_argument("--sample", type=int, default=SAMPLE, help=f"changes drawn in each module, usually {SAMPLE}")
    parser.add_argument("--again", action="store_true", help="also try again what was not noticed, without a reason")
    parser.add_argument("--survivors", action="store_true", help="try nothing, show the changes not noticed")
    given = parser.parse_args()
    if unknown := set(given.modules) - set(TESTS):
        parser.error(f"no such module: {', '.join(sorted(unknown))}")
    modules = given.modules or TESTS
    if given.survivors:
        for name in (name for module in modules for name in unnoticed(module, given.sample)):
            subprocess.run([sys.executable, "-m", "mutmut", "show", name], cwd=ROOT, check=True)
        return 0
    make_changes()
    failed = False
    for module in modules:
        start, known, found = time.monotonic(), changes(module), tries(module)
        again = set(unnoticed(module, given.sample)) - set(reasons()) if given.again else set()
        wanted = {name: known[name] for name in drawn(known, given.sample) if name not in found or name in again}
        if wanted:
            failed |= not try_changes(module, wanted)
            print(f"{module}: {len(wanted)} changes in {time.monotonic() - start:.0f} s", flush=True)
            write_page(given.sample)
    write_page(given.sample)
    return int(failed)


def write_page(size: int) -> None:
    """Write the counts into the page."""
    parts = {"mutation": table(TESTS, size), "unnoticed changes": by_reason(TESTS, size)}
    page = with_parts(PAGE.read_text(encoding="utf-8"), parts, PAGE.name)
    PAGE.write_text(page, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
