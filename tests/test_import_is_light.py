"""What a learner sees first does not wait for the big libraries."""

import subprocess
import sys

import pytest

HEAVY = ("sklearn", "matplotlib", "mlflow", "ipywidgets", "scipy")


def loaded_by(code):
    """Return which of the heavy libraries a fresh Python has loaded after the code."""
    question = f"{code}\nimport sys\nprint(*[name for name in {HEAVY} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize(
    "code",
    [
        "import mlops_lesson",
        "import mlops_lesson.stages, mlops_lesson.training.trace, mlops_lesson.keep.paths; "
        "import mlops_lesson.teaching.progress",
        "from mlops_lesson.teaching.questions import load_questions; load_questions(3)",
        "from mlops_lesson.training import charts, trace; print(end=charts.ascii_chart(trace.GIVEN_TRACE)[:0])",
    ],
    ids=["package", "stages, trace, paths, progress", "quiz questions", "text charts"],
)
def test_no_heavy_library_is_loaded(code):
    assert loaded_by(code) == []


def test_the_pipeline_is_imported_without_scikit_learn():
    assert "sklearn" not in loaded_by("import mlops_lesson.pipeline, mlops_lesson.artifacts")


def test_the_measurement_would_notice_a_heavy_library():
    assert "scipy" in loaded_by("import scipy")


def test_small_arrays_are_computed_by_one_thread_unless_the_learner_wants_more(monkeypatch):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    threads = [sys.executable, "-c", f"import os, mlops_lesson; print(*map(os.environ.get, {names}))"]
    assert subprocess.check_output(threads, text=True).split() == ["1", "1", "1"]
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert subprocess.check_output(threads, text=True).split() == ["4", "1", "1"]


@pytest.mark.parametrize(
    ("chosen", "then"),
    [("", 5_000), ("gc.set_threshold(50_000, 5, 5)", 50_000), ("gc.set_threshold(0)", 0)],
    ids=["default", "larger", "switched off"],
)
def test_the_garbage_collector_looks_rarely_unless_somebody_has_set_it(chosen, then):
    look = "= gc.get_threshold()"
    code = f"import gc; {chosen}\nfirst, *others {look}\nimport mlops_lesson\nnow, *rest {look}"
    told = subprocess.check_output([sys.executable, "-c", f"{code}\nprint(now, rest == others)"], text=True)
    assert told.split() == [str(then), "True"]
