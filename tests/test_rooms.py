"""The rooms of the package are used one way, and what a learner sees first does not wait for the big libraries."""

import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

HEAVY = ("sklearn", "matplotlib", "mlflow", "ipywidgets", "scipy")


def test_the_rooms_are_used_one_way_and_there_is_no_circle(capsys: pytest.CaptureFixture[str]) -> None:
    pyproject = Path(__file__).resolve().parent.parent / "pyproject.toml"
    status = lint_imports(config_filename=str(pyproject), no_cache=True, show_timings=False)
    assert status == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    "code",
    [
        "import mlops_lesson",
        "import mlops_lesson.stages, mlops_lesson.keep.paths, mlops_lesson.teaching.progress",
        "from mlops_lesson.teaching.questions import load_questions; load_questions(3)",
        "from mlops_lesson.training import charts, trace; print(end=charts.ascii_chart(trace.GIVEN_TRACE)[:0])",
    ],
    ids=["package", "stages, paths, progress", "quiz questions", "text charts"],
)
def test_no_heavy_library_is_loaded(code: str) -> None:
    question = f"{code}\nimport sys\nprint(*[name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", question], text=True).split() == []


def test_small_arrays_are_computed_by_one_thread_unless_the_learner_wants_more(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    threads = [sys.executable, "-c", f"import os, mlops_lesson; print(*map(os.environ.get, {names}))"]
    assert subprocess.check_output(threads, text=True).split() == ["1", "1", "1"]
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert subprocess.check_output(threads, text=True).split() == ["4", "1", "1"]


@pytest.mark.parametrize(("chosen", "then"), [("", 5_000), ("gc.set_threshold(0)", 0)], ids=["default", "switched off"])
def test_the_garbage_collector_looks_rarely_unless_somebody_has_set_it(chosen: str, then: int) -> None:
    code = f"import gc; {chosen}\nimport mlops_lesson\nprint(gc.get_threshold()[0])"
    assert int(subprocess.check_output([sys.executable, "-c", code], text=True)) == then
