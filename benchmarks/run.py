"""Measure the course: ``make bench``, ``make growth``. Each benchmark's table goes to docs/benchmarks.md as it is done.

So a run that was stopped loses nothing: `--only` measures what is missing.
"""

import argparse
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), *(str(Path(__file__).parent.parent / name) for name in ("tools", "tests"))]

import growth
import measures
from rows import PAGE, Row, markdown, write, write_aims

BENCHMARKS: dict[str, Callable[..., list[Row]]] = {
    "import": measures.importing,
    "size": measures.size,
    "service": measures.service,
    "explorers": measures.explorers,
    "quiz": measures.quiz,
    "notebooks": measures.notebooks,
    "libraries": measures.libraries,
    "set-up": measures.set_up,
}
SLOW: dict[str, Callable[..., list[Row]]] = {"suite": measures.suite}
GROWTH: dict[str, Callable[..., list[Row]]] = {
    "growth-training": growth.training,
    "growth-monitoring": growth.monitoring,
    "growth-service": growth.service,
}
# Only a course that has the class report can measure it.
if find_spec("mlops_lesson.instructors.class_report"):
    GROWTH["growth-report"] = growth.class_report


def chosen(only: str, growing: bool, suite: bool) -> dict[str, Callable[..., list[Row]]]:
    """Return the benchmarks to run.

    Parameters
    ----------
    only : str
        Names with commas between them; empty for all of a kind.
    growing : bool
        True for the measurements of growth.
    suite : bool
        True to time the test suite too.

    Returns
    -------
    dict of str to callable
        By name.

    Raises
    ------
    ValueError
        If there is no benchmark of a name.
    """
    if not only:
        return GROWTH if growing else BENCHMARKS | (SLOW if suite else {})
    known = BENCHMARKS | SLOW | GROWTH
    names = [name.strip() for name in only.split(",")]
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"There is no benchmark {', '.join(map(repr, unknown))}: give some of {', '.join(known)}.")
    return {name: known[name] for name in names}


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks asked for, print their tables and write them into the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="names with commas between them")
    parser.add_argument("--growth", action="store_true", help="measure how time grows with the work")
    parser.add_argument("--suite", action="store_true", help="time the test suite too; it takes minutes")
    parser.add_argument("--times", type=int, help="how often to measure, for a quick look; the page is left as it is")
    given = parser.parse_args(arguments)
    try:
        benchmarks = chosen(given.only, given.growth, given.suite)
    except ValueError as error:
        parser.error(str(error))
    failed = 0
    for name, measure in benchmarks.items():
        begun = time.perf_counter()
        try:
            rows = measure() if given.times is None else measure(given.times)
            if given.times is None:
                write(name, rows)
        except Exception as error:
            print(f"{name}: not measured. {type(error).__name__}: {error}", file=sys.stderr)
            failed += 1
            continue
        print(f"{name}, {time.perf_counter() - begun:.0f} s\n\n{markdown(rows)}\n", flush=True)
    if given.times is None:
        write_aims()
        print(f"The tables are in {PAGE.relative_to(PAGE.parent.parent)}.")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
