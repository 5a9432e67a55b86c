"""What the tests of registry, service and rollout share: a small trained model, ready homes, and patience."""

import functools
import io
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlops_lesson.deployment import registry
from mlops_lesson.keep.store import MODEL_NAME, open_store, repair_store
from mlops_lesson.training.network import TrainingSettings, fit_on
from mlops_lesson.validation.gate import GateResult

PASSED = GateResult(0.93, 0.2, 0.90, 0.95, 300, 0.85, ["passed: the accuracy's interval begins at 0.900"])
FAILED = GateResult(0.84, 0.4, 0.80, 0.88, 300, 0.85, ["failed: the accuracy's interval begins at 0.800"])


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_digits(return_X_y=True)
    return X, (y >= 5).astype(int)


@functools.cache
def trained_model(epochs: int = 3) -> Pipeline:
    X, y = digits()
    settings = TrainingSettings(16, learning_rate=0.08, batch_size=96, momentum=0.9, epochs=epochs, seed=0)
    return fit_on(X[:1000], y[:1000], X[1000:], y[1000:], settings)[0]


@functools.cache
def easily_shocked_model() -> Pipeline:
    """A model that fails on any grey level it has not met in training."""
    X, y = digits()
    return make_pipeline(OneHotEncoder(handle_unknown="error"), LogisticRegression(max_iter=500)).fit(X[:300], y[:300])


def validated(model: Any) -> int:
    version = registry.register(model, data_hash="train-data")
    registry.record_gate(version, PASSED)
    return version


def versions() -> dict[int, list[str]]:
    """Return the aliases of each registered version."""
    from mlflow import MlflowClient

    client = MlflowClient(open_store())
    numbers = sorted(int(found.version) for found in client.search_model_versions(f"name = '{MODEL_NAME}'"))
    aliases = client.get_registered_model(MODEL_NAME).aliases
    return {number: [alias for alias, named in aliases.items() if int(named) == number] for number in numbers}


def prepared(name: str, make: Callable[[], Any], begin: Path | None = None) -> Path:
    """Make a learner's folder once for all processes of a test run: a new MLflow store takes seconds, a copy none."""
    shared = Path(os.environ["MLOPS_LESSON_USUAL_HOME"]).parent
    folder = shared / name
    with closing(sqlite3.connect(shared / "lock.db", timeout=300, isolation_level=None)) as lock, as_home(folder):
        lock.execute("BEGIN IMMEDIATE")
        if not folder.exists():
            if begin is not None:
                shutil.copytree(begin, folder)
            make()
    return folder


@contextmanager
def as_home(folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_LESSON_HOME", str(folder))
        yield


def new_store() -> Path:
    """A folder with a new MLflow store, to be copied."""
    return prepared("new-store", open_store)


def fill_home(folder: Path) -> None:
    """Make a home whose champion is a small trained model, version 1."""
    made = prepared("depot-home", lambda: registry.promote(validated(trained_model())), new_store())
    shutil.copytree(made, folder, dirs_exist_ok=True)
    with as_home(folder), redirect_stdout(io.StringIO()):
        repair_store()


@functools.cache
def shared_home() -> Path:
    """The home of the service that all tests of a process share."""
    folder = Path(os.environ["MLOPS_LESSON_USUAL_HOME"]).with_name(f"served-{os.getpid()}")
    fill_home(folder)
    return folder


def wait_until(true: Callable[[], bool], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that only waits to be collected has."""
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return True


def run_script(code: str, home: Path, **more: Any) -> subprocess.Popen:
    paths = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "MLOPS_LESSON_HOME": str(home), "PYTHONPATH": paths}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=home, text=True, **more)
