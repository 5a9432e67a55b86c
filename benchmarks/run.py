"""Measure the course: ``make bench``, or ``python benchmarks/run.py [NAME ...]``, into docs/benchmarks.md.

One table of one run. Its unit is the time in which one process imports the course's libraries, measured in the same
run, so that the ratios may be compared between machines; where there is a rival, it is measured in turn with ours.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

import nbformat
import psutil
from pages import table, with_parts
from run_notebooks import NOTEBOOKS, execute, fresh_environment

PAGE = ROOT / "docs" / "benchmarks.md"
LIBRARIES = "import sklearn, mlflow, skops, matplotlib, pandas, scipy.stats"
TIMES = 5


class Row(NamedTuple):
    """A number, its unit, and beside what it was measured, if not beside the import of the libraries."""

    what: str
    value: float
    unit: str = "s"
    beside: str = ""
    other: float = 0.0


def seconds(work: Callable[[], Any]) -> float:
    """Time one call."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def python(*arguments: str, **more: Any) -> None:
    """Run this Python, quietly; what fails stops the benchmark."""
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, cwd=ROOT, **more)


def in_turn(times: int, works: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the median seconds of some works, done one after the other so many times."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(times):
        for name, work in works.items():
            taken[name].append(seconds(work))
    return {name: statistics.median(each) for name, each in taken.items()}


def imports() -> Iterator[Row]:
    """Import the libraries, and the package beside an empty interpreter."""
    codes = {"an empty interpreter": "pass", "import mlops_lesson": "import mlops_lesson", "libraries": LIBRARIES}
    took = in_turn(TIMES, {name: lambda code=code: python("-c", code) for name, code in codes.items()})
    yield Row("import of the libraries: the unit", took["libraries"])
    empty = took["an empty interpreter"]
    yield Row("import mlops_lesson", took["import mlops_lesson"], "s", "an empty interpreter", empty)


def set_up() -> Iterator[Row]:
    """Install the course into new environments, with uv and with pip, from full caches."""

    def install(tool: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            python("-m", "venv", folder)
            own = str(Path(folder) / "bin" / "python")
            command = ["-m", "uv", "pip", "install", "--python", own, "--compile-bytecode"]
            start = [sys.executable, *command] if tool == "uv" else [own, "-m", "pip", "install"]
            what = ["--quiet", "--constraint", "requirements.lock", "--editable", ".[lab]"]
            subprocess.run([*start, *what], check=True, cwd=ROOT, capture_output=True)

    works = {tool: lambda tool=tool: install(tool) for tool in ("uv", "pip")}
    in_turn(1, works)
    took = in_turn(1, works)
    yield Row("set-up with uv", took["uv"], "s", "pip", took["pip"])


class Peak(contextlib.AbstractContextManager):
    """The largest memory of the kernels that this process starts, alone and with their children, in MB."""

    def __enter__(self) -> "Peak":
        """Begin to watch."""
        self.kernel = self.all = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            with contextlib.suppress(psutil.Error):
                kernels = psutil.Process().children()
                alone = [kernel.memory_info().rss / 1e6 for kernel in kernels]
                below = [child.memory_info().rss / 1e6 for one in kernels for child in one.children(recursive=True)]
                self.kernel = max([self.kernel, *alone])
                self.all = max(self.all, sum(alone) + sum(below))


def notebooks() -> Iterator[Row]:
    """Run each notebook as on a fresh checkout, in new kernels."""
    took: dict[str, float] = {}
    peaks: dict[str, Peak] = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        with tempfile.TemporaryDirectory() as folder, Peak() as peaks[path.stem]:
            own = fresh_environment(Path(folder))
            took[path.stem] = seconds(lambda path=path, own=own: execute(path, own))
    for name, each in took.items():
        yield Row(f"{name}: Run All", each)
    yield Row("the whole course, one notebook after the other", sum(took.values()))
    yield Row("largest kernel", max(peak.kernel for peak in peaks.values()), "MB")
    largest = max(peak.all for peak in peaks.values())
    yield Row("largest kernel with what it starts, what they share counted in each", largest, "MB")


def explorers() -> Iterator[Row]:
    """Move every control of each notebook's explorer to up to three other places."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--explorer", str(path)]
            own = fresh_environment(Path(folder))
            done = subprocess.run(command, env=own, cwd=NOTEBOOKS, check=True, capture_output=True, text=True)
        answers = json.loads(done.stdout.splitlines()[-1])
        yield Row(f"{path.stem}: explorer, median answer", statistics.median(answers) * 1000, "ms")
        yield Row(f"{path.stem}: explorer, slowest answer", max(answers) * 1000, "ms")


def move_the_explorer(path: Path) -> list[float]:
    """Run a notebook in this process up to its explorer, and time each answer of it."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            done = shell.run_cell(cell.source)
            done.raise_error()
            if type(done.result).__name__ == "Explorer":
                return list(_move_all(done.result))
    raise ValueError(f"{path.name} has no explorer")


def _move_all(explorer: Any) -> Iterator[float]:
    for control in explorer.controls:
        begun_with = control.value
        for value in _positions(control):
            yield seconds(lambda control=control, value=value: setattr(control, "value", value))
        control.value = begun_with


def _positions(control: Any) -> list[Any]:
    if isinstance(control.value, bool):
        return [not control.value]
    if hasattr(control, "options"):
        options = [each[1] if isinstance(each, tuple) else each for each in control.options]
        return [each for each in options if each != control.value][:3]
    tried = [control.value + control.step * n for n in (1, 2, 3, -1, -2, -3)]
    return [each for each in tried if control.min <= each <= control.max][:3]


def service() -> Iterator[Row]:
    """Ask the service for predictions, beside the same predictions without a service."""
    from mlops_lesson import pipeline
    from mlops_lesson.deployment import serving
    from mlops_lesson.deployment.load_test import bare_latency, measure_latency

    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLOPS_LESSON_HOME"] = folder
        clean = pipeline.preprocess(pipeline.collect())
        trained = pipeline.train(clean)
        pipeline.deploy(trained, pipeline.validate(trained, clean), reason="to be measured")
        images = clean.part("test")[0][:100]
        begun = time.perf_counter()
        with serving.serve() as server:
            yield Row("start of the service until it answers", time.perf_counter() - begun)
            runs = [(bare_latency(trained.model, images), measure_latency(server, images)) for _ in range(TIMES)]
    bare, asked = (statistics.median(each.percentile(50) for each in kind) for kind in zip(*runs, strict=True))
    yield Row("one prediction over HTTP", asked, "ms", "bare prediction", bare)


RIVAL = """
from jupyterquiz import display_quiz
display_quiz([{"question": "Which?", "type": "multiple_choice", "answers": [
    {"answer": "A first answer", "correct": False, "feedback": "No, because."},
    {"answer": "A second answer", "correct": True, "feedback": "Yes, because."}]}])
"""
OWN = "from mlops_lesson.teaching.quiz import quiz\nquiz(1)"
# Awaited is a new text in an element that was there, or a new one; one frame later it is painted.
WATCH = """
async ([place, click, awaited]) => {
  const cell = document.querySelectorAll(".jp-Notebook .jp-Cell")[place];
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const found = () => [...cell.querySelectorAll(awaited)];
  const before = new Map(found().map((element) => [element, element.textContent]));
  const begun = performance.now();
  cell.querySelector(click).click();
  while (!found().some((element) => before.get(element) !== element.textContent)) {
    if (performance.now() > begun + 20000) throw new Error("nothing came: " + awaited);
    await frame();
  }
  await frame();
  return performance.now() - begun;
}
"""


def quiz() -> Iterator[Row]:
    """Time click to feedback in a quiz of the course and in one of jupyterquiz, on one page of JupyterLab."""
    from playwright.sync_api import sync_playwright
    from real_lab import CHROMIUM_FLAGS, Lab, LabServer

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        server = LabServer(Path(folder))
        try:
            lab = Lab(server, browser)
            lab.open(lab.write_notebook("quizzes.ipynb", OWN, RIVAL))
            taken: dict[str, list[float]] = {"own": [], "rival": []}
            for _ in range(TIMES):
                lab.page.evaluate("() => localStorage.clear()")
                lab.run_all()
                lab.output(0).get_by_role("radio").first.check()
                taken["own"].append(lab.page.evaluate(WATCH, [0, ".jp-OutputArea button", "[role=status]"]))
                taken["rival"].append(lab.page.evaluate(WATCH, [1, ".jp-OutputArea .MCButton", ".Feedback"]))
        finally:
            browser.close()
            server.stop()
    own, rival = (statistics.median(each) for each in taken.values())
    yield Row("click to feedback in a quiz", own, "ms", "jupyterquiz", rival)


def suite() -> Iterator[Row]:
    """Run `make quick` and `make test`, once."""
    for target in ("quick", "test"):
        yield Row(
            f"make {target}", seconds(lambda target=target: subprocess.run(["make", target], cwd=ROOT, check=True))
        )


BENCHMARKS = {each.__name__: each for each in (imports, set_up, notebooks, explorers, service, quiz, suite)}


def short(value: float) -> str:
    """Write a number with three digits, or as a whole one."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def written(rows: list[Row]) -> str:
    """Write rows as a Markdown table, with their ratios."""
    unit = next((row.value for row in rows if row.what.endswith("the unit")), 0.0)
    lines: list[list[object]] = [["what", "measured", "beside", "ratio"]]
    for row in rows:
        other = f"{row.beside}: {short(row.other)} {row.unit}" if row.beside else "the unit" if row.unit == "s" else ""
        ratio = row.value / row.other if row.beside else row.value / unit if row.unit == "s" and unit else None
        lines.append([row.what, f"{short(row.value)} {row.unit}", other, "" if ratio is None else f"{ratio:.3g}"])
    where = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors, {platform.system()}, Python"
    return f"Measured on {where} {platform.python_version()}.\n\n{table(lines)}"


def main() -> int:
    """Run the benchmarks named, or all of them, and write the table if it was all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], help=f"some of {', '.join(BENCHMARKS)}")
    parser.add_argument("--explorer", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.explorer:
        print("\n" + json.dumps(move_the_explorer(given.explorer)))
        return 0
    rows, failed = [], []
    for name in given.names or BENCHMARKS:
        try:
            rows += BENCHMARKS[name]()
        except Exception as error:
            failed.append(f"{name}: not measured. {type(error).__name__}: {error}")
    print("\n".join([written(rows), *failed]))
    if not given.names and not failed:
        page = with_parts(PAGE.read_text(encoding="utf-8"), {"measured": written(rows)}, PAGE.name)
        PAGE.write_text(page, encoding="utf-8")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
