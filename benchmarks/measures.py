"""The benchmarks. Each takes how often to measure and returns rows; nothing is asserted, figures are for reading."""

import contextlib
import gc
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import nbformat
import psutil
from rows import ROOT, Row, beside, median
from run_notebooks import NOTEBOOKS, execute, fresh_environment

from mlops_lesson.monitoring.rehearsal import clean_pool
from mlops_lesson.stages import STAGES

MB = 1e6


@contextmanager
def course_home() -> Iterator[Path]:
    """Give this process an empty folder for a learner's work."""
    before = os.environ.get("MLOPS_LESSON_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLOPS_LESSON_HOME"] = folder
        try:
            yield Path(folder)
        finally:
            os.environ.pop("MLOPS_LESSON_HOME")
            if before is not None:
                os.environ["MLOPS_LESSON_HOME"] = before


def seconds(work: Callable[..., Any], *given: Any) -> float:
    """Time one call."""
    begun = time.perf_counter()
    work(*given)
    return time.perf_counter() - begun


def _command(*command: str | Path, **more: Any) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, cwd=ROOT, check=False, **more
    )
    if done.returncode:
        words = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise RuntimeError(f"{Path(command[0]).name} {command[1]} ended with {done.returncode}: {words[0]}")


def importing(times: int = 15) -> list[Row]:
    """Import the package, against an empty interpreter and against pandas, in turn."""
    codes = {
        "an empty interpreter": "pass",
        "import pandas": "import pandas",
        "import mlops_lesson": "import mlops_lesson",
    }
    taken: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(times):
        for name, code in codes.items():
            taken[name].append(seconds(lambda code=code: _command(sys.executable, "-c", code)))
    rows = [Row(name, statistics.median(each) * 1000, "ms", times) for name, each in taken.items()]
    more = statistics.median(
        own - empty for own, empty in zip(taken["import mlops_lesson"], taken[rows[0].what], strict=True)
    )
    return [
        *beside(rows, "an empty interpreter"),
        Row("import mlops_lesson, less the interpreter", more * 1000, "ms", times),
    ]


# In the order in which notebook 6 comes to them; each row is what comes on top of those before it.
LIBRARIES = {
    "kernel and widgets": "import ipykernel.kernelapp, ipywidgets",
    "pandas with NumPy": "import pandas",
    "Matplotlib": "import matplotlib.figure, matplotlib.backends.backend_agg",
    "SciPy's statistics": "import scipy.stats",
    "scikit-learn": "import sklearn.pipeline, sklearn.neural_network, sklearn.linear_model",
    "skops": "import skops.io",
    "MLflow": "import mlflow",
    "MLflow's store, opened": "from mlops_lesson import registry; registry.versions()",
}
TAKE = """
import json, psutil, sys, time
process, taken = psutil.Process(), {}
for name, code in json.load(sys.stdin).items():
    before, begun = process.memory_info().rss, time.perf_counter()
    exec(code)
    taken[name] = time.perf_counter() - begun, process.memory_info().rss - before
print(json.dumps(taken))
"""


def libraries(times: int = 5) -> list[Row]:
    """Load in a new process what a kernel of the last notebook loads, one library after the other."""
    runs = []
    for _ in range(times):
        with course_home():
            command = [sys.executable, "-c", TAKE]
            done = subprocess.run(command, input=json.dumps(LIBRARIES), capture_output=True, text=True, check=True)
        runs.append(json.loads(done.stdout))
    rows = []
    for place, (what, unit, factor) in enumerate((("time", "ms", 1000), ("memory", "MB", 1 / MB))):
        figures = {name: statistics.median(run[name][place] for run in runs) * factor for name in LIBRARIES}
        rows += [Row(f"{name}: {what}", figure, unit, times) for name, figure in figures.items()]
        together = statistics.median(sum(each[place] for each in run.values()) for run in runs) * factor
        rows.append(Row(f"together: {what}", together, unit, times))
    return rows


RIVAL = """
from jupyterquiz import display_quiz
display_quiz([{"question": "Which?", "type": "multiple_choice", "answers": [
    {"answer": "A first answer", "correct": False, "feedback": "No, because."},
    {"answer": "A second answer", "correct": True, "feedback": "Yes, because."},
    {"answer": "A third answer", "correct": False, "feedback": "No, because."},
    {"answer": "A fourth answer", "correct": False, "feedback": "No, because."}]}])
"""
OWN = "from mlops_lesson.teaching.quiz import quiz\nquiz(1)"
# Awaited is a new element, or a new text in one that was there; one frame later it is painted.
WATCH = """
async ([place, run, click, awaited]) => {
  const cell = document.querySelectorAll(".jp-Notebook .jp-Cell")[place];
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const found = () => [...cell.querySelectorAll(awaited)];
  const before = new Map(found().map((element) => [element, element.textContent]));
  const seen = () => found().some((element) => before.get(element) !== element.textContent);
  const begun = performance.now();
  if (run) { void realLab.runCell(place); } else { cell.querySelector(click).click(); }
  while (!seen()) {
    if (performance.now() > begun + 20000) throw new Error("nothing came: " + awaited);
    await frame();
  }
  await frame();
  return performance.now() - begun;
}
"""


def quiz_in(lab: Any, times: int = 11) -> list[Row]:
    """Time a quiz of the course and one of jupyterquiz on the same page of a real JupyterLab.

    Parameters
    ----------
    lab : real_lab.Lab
        A page with JupyterLab in it.
    times : int
        How often.

    Returns
    -------
    list of Row
        Cell start to interactive, and click to feedback.
    """
    lab.open(lab.write_notebook("quizzes.ipynb", OWN, RIVAL))
    lab.run_all()
    taken: dict[str, list[float]] = {}
    for _ in range(times):
        for place, name, option, feedback in (
            (0, "the course's quiz", "input[type=radio]", "[role=status]"),
            (1, "jupyterquiz", ".MCButton", ".Feedback"),
        ):
            drawn = lab.page.evaluate(WATCH, [place, True, "", option])
            taken.setdefault(f"{name}: cell start to interactive", []).append(drawn)
            lab.settle()
            if place == 0:
                # The choice alone says nothing; the button does.
                lab.output(place).get_by_role("radio").first.check()
            click = f".jp-OutputArea {'button' if place == 0 else option}"
            taken.setdefault(f"{name}: click to feedback", []).append(
                lab.page.evaluate(WATCH, [place, False, click, feedback])
            )
            lab.page.evaluate("() => localStorage.clear()")
    rows = []
    for kind in ("cell start to interactive", "click to feedback"):
        pair = [
            Row(f"{name}: {kind}", statistics.median(taken[f"{name}: {kind}"]), "ms", times)
            for name in ("jupyterquiz", "the course's quiz")
        ]
        rows += beside(pair, pair[0].what)
    return rows


def quiz(times: int = 11) -> list[Row]:
    """Start JupyterLab and Chromium, and time quizzes; see `quiz_in`."""
    sys.path.insert(0, str(ROOT / "tests" / "browser"))
    from playwright.sync_api import sync_playwright
    from real_lab import CHROMIUM_FLAGS, Lab, LabServer

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise FileNotFoundError("No Chromium found: install it, or set CHROMIUM to its path.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        server = LabServer(Path(folder))
        try:
            return quiz_in(Lab(server, browser), times)
        finally:
            browser.close()
            server.stop()


def _positions(control: Any) -> list[Any]:
    """Give up to three other values of a control of an explorer."""
    if isinstance(control.value, bool):
        return [not control.value]
    if hasattr(control, "options"):
        options = [each[1] if isinstance(each, tuple) else each for each in control.options]
        return [each for each in options if each != control.value][:3]
    step = getattr(control, "step", None) or 1
    tried = [control.value + step * n for n in (1, 2, 3, -1, -2, -3)]
    return [value for value in tried if control.min <= value <= control.max][:3]


def explorers(times: int = 5) -> list[Row]:
    """Move every control of the six explorers to up to three places, and time each answer; with new ones each time."""
    import ipywidgets
    import numpy as np

    from mlops_lesson import pipeline
    from mlops_lesson.collection import depot
    from mlops_lesson.collection.explorer import explore_sources
    from mlops_lesson.deployment import serving
    from mlops_lesson.deployment.explorer import explore_service
    from mlops_lesson.monitoring import monitors
    from mlops_lesson.monitoring.explorer import explore_alerts
    from mlops_lesson.preprocessing.explorer import explore_cleaning
    from mlops_lesson.training.explorer import training_explorer
    from mlops_lesson.validation.explorer import validation_explorer

    raw = pipeline.collect()
    clean = pipeline.preprocess(raw)
    trained = pipeline.train(clean)
    X, y = clean.part("test")
    walks: list[list[list[float]]] = [[] for _ in STAGES]
    with course_home():
        pipeline.deploy(trained, pipeline.validate(trained, clean), reason="to be measured")
        server = serving.start()
        sources = depot.read_parcels(), depot.read_images(), depot.read_sensors(), depot.read_clicks()
        try:
            for _ in range(times):
                # Each walk begins as the first one does: without what the walk before it left in memory.
                ipywidgets.Widget.close_all()
                monitors._p_value.cache_clear()
                gc.collect()
                made = [
                    explore_sources(*sources),
                    explore_cleaning(raw),
                    training_explorer(clean),
                    validation_explorer({"trained model": trained.model}, X, y),
                    explore_service(server, X[:20], np.asarray(y[:20])),
                    explore_alerts(trained.model, clean_pool(clean)),
                ]
                for answers, shown in zip(walks, made, strict=True):
                    answers.append(list(_move_all(shown)))
        finally:
            serving.stop_all()
    rows = []
    for stage, answers in zip(STAGES, walks, strict=True):
        for which, choose in (("median", statistics.median), ("slowest", max)):
            figure = statistics.median(choose(walk) for walk in answers) * 1000
            rows.append(Row(f"{stage.number} {stage.name}, {which} answer", figure, "ms", times))
        slowest = max(max(walk) for walk in answers) * 1000
        rows.append(Row(f"{stage.number} {stage.name}, slowest answer of all", slowest, "ms"))
    return rows


def _move_all(shown: Any) -> Iterator[float]:
    """Move one control after the other, from where all of them began."""
    buttons = [control for control in shown.controls if hasattr(control, "click")]

    def move(control: Any, value: Any) -> None:
        control.value = value
        for button in buttons:
            button.click()

    for control in shown.controls:
        if not hasattr(control, "value") or (isinstance(control.value, str) and not hasattr(control, "options")):
            continue
        begun_with = control.value
        for value in _positions(control):
            yield seconds(lambda control=control, value=value: move(control, value))
        move(control, begun_with)


class Peak:
    """Watch the memory of the kernels this process has started, and of their children."""

    def __init__(self) -> None:
        self.kernel = self.with_children = 0.0
        self._over = threading.Event()

    def __enter__(self) -> "Peak":
        """Begin."""
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
                alone = [kernel.memory_info().rss / MB for kernel in kernels]
                below = [
                    child.memory_info().rss / MB for kernel in kernels for child in kernel.children(recursive=True)
                ]
                self.kernel = max([self.kernel, *alone])
                self.with_children = max(self.with_children, sum(alone) + sum(below))


def _run(path: Path) -> float:
    with tempfile.TemporaryDirectory() as folder:
        environment = fresh_environment(Path(folder))
        return seconds(lambda: execute(path, environment))


def notebooks(times: int = 5, folder: Path = NOTEBOOKS) -> list[Row]:
    """Run all notebooks, each as on a fresh checkout: one after the other, then two at a time."""
    paths = sorted(folder.glob("*.ipynb"))
    took: dict[str, list[float]] = {path.stem: [] for path in paths}
    alone: dict[str, list[float]] = {path.stem: [] for path in paths}
    together: dict[str, list[float]] = {path.stem: [] for path in paths}
    in_pairs, in_a_row = [], []
    for _ in range(times):
        for path in paths:
            with Peak() as peak:
                took[path.stem].append(_run(path))
            alone[path.stem].append(peak.kernel)
            together[path.stem].append(peak.with_children)
        in_a_row.append(sum(each[-1] for each in took.values()))
        # The longest first, so that the two end at about the same time.
        ordered = sorted(paths, key=lambda path: -took[path.stem][-1])
        with ThreadPoolExecutor(2) as two:
            in_pairs.append(seconds(lambda ordered=ordered, two=two: list(two.map(_run, ordered))))
    rows = []
    for name in took:
        rows.append(Row(f"{name}: Run All", statistics.median(took[name]), "s", times))
        rows.append(Row(f"{name}: peak of the kernel", statistics.median(alone[name]), "MB", times))
        rows.append(
            Row(f"{name}: peak of the kernel and what it starts", statistics.median(together[name]), "MB", times)
        )
    whole = [
        Row("the whole course, one notebook after the other", statistics.median(in_a_row), "s", times),
        Row("the whole course, two notebooks at a time", statistics.median(in_pairs), "s", times),
    ]
    return rows + beside(whole, whole[0].what)


def service(times: int = 5, requests: int = 400) -> list[Row]:
    """Ask the service for predictions, against the same predictions without a service."""
    from mlops_lesson import pipeline
    from mlops_lesson.deployment import serving
    from mlops_lesson.deployment.load_test import bare_latency, measure_latency

    clean = pipeline.preprocess(pipeline.collect())
    trained = pipeline.train(clean)
    images = clean.part("test")[0][:100]
    with course_home():
        pipeline.deploy(trained, pipeline.validate(trained, clean), reason="to be measured")

        def start_and_stop() -> float:
            begun = time.perf_counter()
            with serving.serve():
                return time.perf_counter() - begun

        rows = [Row("start until it answers", median(times, start_and_stop), "s", times)]
        with serving.serve() as server:
            runs = {
                "bare prediction": lambda: bare_latency(trained.model, images, requests),
                "service, 1 client": lambda: measure_latency(server, images, 1, requests),
                "service, 8 clients": lambda: measure_latency(server, images, 8, requests),
            }
            done = [{name: run() for name, run in runs.items()} for _ in range(times)]
    for figure, unit, of in (
        ("p50", "ms", lambda run: run.percentile(50)),
        ("p99", "ms", lambda run: run.percentile(99)),
        ("answers", "a second", lambda run: len(run.milliseconds) / run.seconds),
    ):
        each = [
            Row(f"{name}: {figure}", statistics.median(of(one[name]) for one in done), unit, times) for name in runs
        ]
        rows += beside(each, each[0].what)
    return rows


def _folder_size(folder: Path) -> float:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink()) / MB


LOCK = ("--constraint", "requirements.lock", "--editable", ".[lab]")


def _install(tool: str, folder: Path, environment: Mapping[str, str]) -> None:
    python = folder / "bin" / "python"
    if tool == "uv":
        uv = (sys.executable, "-m", "uv")
        _command(*uv, "venv", "--quiet", "--python", sys.executable, folder, env=environment)
        _command(*uv, "pip", "install", "--quiet", "--python", python, "--compile-bytecode", *LOCK, env=environment)
    else:
        _command(sys.executable, "-m", "venv", folder, env=environment)
        pip = (python, "-m", "pip")
        _command(*pip, "install", "--quiet", "--disable-pip-version-check", *LOCK, env=environment)


def _run_first_notebook(folder: Path, environment: Mapping[str, str]) -> None:
    shutil.copytree(NOTEBOOKS, folder / "notebooks")
    notebook = folder / "notebooks" / STAGES[0].notebook
    course = {**environment, "MLOPS_LESSON_COURSE": str(ROOT)}
    _command(folder / "bin" / "jupyter-execute", "--kernel_name=python3", notebook, env=course)


def set_up(times: int = 5) -> list[Row]:
    """Set the course up from nothing and run its first notebook, with uv and with plain pip, in folders of their own.

    With an empty cache everything is fetched from the package index; that is measured once, since it depends on the
    network more than on the course. With a full cache it is measured `times` times.
    """
    tools, steps = ("pip", "uv"), ("environment", "first notebook", "from nothing to the end of it")
    states = {"empty cache": 1, "full cache": times}
    found: dict[tuple[str, str, str], list[float]] = {}
    sizes: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as top:
        caches = {"UV_CACHE_DIR": f"{top}/uv-cache", "PIP_CACHE_DIR": f"{top}/pip-cache"}
        for state, turns in states.items():
            for turn, tool in product(range(turns), tools):
                folder = Path(top) / f"{tool} {state} {turn}".replace(" ", "-")
                environment = {**os.environ, **caches, "MLOPS_LESSON_HOME": str(folder / "work")}
                made = seconds(_install, tool, folder, environment)
                ran = seconds(_run_first_notebook, folder, environment)
                for step, took in zip(steps, (made, ran, made + ran), strict=True):
                    found.setdefault((tool, state, step), []).append(took)
                sizes[tool] = _folder_size(folder)
                shutil.rmtree(folder)
    rows = []
    for state, step in product(states, steps):
        pair = [
            Row(f"{tool}, {state}: {step}", statistics.median(found[tool, state, step]), "s", states[state])
            for tool in tools
        ]
        rows += beside(pair, pair[0].what)
    return [*rows, *(Row(f"environment made by {tool}", sizes[tool], "MB") for tool in tools)]


def size(_times: int = 1) -> list[Row]:
    """Weigh the repository, its history, and the outputs stored in the notebooks."""
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    with tempfile.TemporaryDirectory() as folder:
        _command("git", "clone", "--quiet", "--bare", "--no-local", "--single-branch", ROOT, Path(folder) / "history")
        history = _folder_size(Path(folder) / "history" / "objects")
    books = [nbformat.read(path, as_version=4) for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    outputs = (
        sum(len(json.dumps(cell.outputs)) for book in books for cell in book.cells if cell.cell_type == "code") / MB
    )
    checkout = [ROOT / name for name in names if (ROOT / name).is_file()]
    return [
        Row("files of the checkout", len(checkout), "files"),
        Row("checkout", sum(path.stat().st_size for path in checkout) / MB, "MB"),
        Row("history, as cloned", history, "MB"),
        Row("data", sum(path.stat().st_size for path in checkout if ROOT / "data" in path.parents) / MB, "MB"),
        Row("notebooks", sum(path.stat().st_size for path in NOTEBOOKS.glob("*.ipynb")) / MB, "MB"),
        Row("outputs stored in the notebooks", outputs, "MB"),
    ]


def suite(_times: int = 1, make_test: Sequence[str] = ("make", "test")) -> list[Row]:
    """Run `make test` once; it takes minutes, and its figures are for the suite's own sake."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.xml"
        command = [*make_test, f"PYTEST_OPTIONS=--junitxml={record}"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = seconds(lambda: subprocess.run(command, cwd=ROOT, check=False, stdin=subprocess.DEVNULL))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cases = list(ET.parse(record).getroot().iter("testcase"))  # noqa: S314 - our own file
    by_file: dict[str, float] = {}
    for case in cases:
        name = case.get("classname", "").split(".Test")[0]
        by_file[name] = by_file.get(name, 0.0) + float(case.get("time", 0))
    slowest = sorted(by_file.items(), key=lambda each: -each[1])[:5]
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    return [
        Row("make test", wall, "s"),
        Row("of it on a processor", after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, "s"),
        Row("tests", len(cases), "tests"),
        Row("failed", failed, "tests"),
        *(Row(f"slow: {name}", took, "s") for name, took in slowest),
    ]
