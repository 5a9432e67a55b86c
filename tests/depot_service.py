"""What the tests of registry, service and rollout share: a small trained model, ready homes, and patience."""

import functools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

from mlops_lesson.deployment import registry

PASSED = {"accuracy": 0.93, "low": 0.90, "high": 0.95, "n": 300, "threshold": 0.85, "data_hash": "test-data"}
FAILED = {"accuracy": 0.84, "low": 0.80, "high": 0.88, "n": 300, "threshold": 0.85, "data_hash": "test-data"}


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_digits(return_X_y=True)
    return X, (y >= 5).astype(int)


@functools.cache
def trained_model(epochs: int = 3, seed: int = 0) -> Pipeline:
    X, y = digits()
    scaler = MinMaxScaler(clip=True).fit(X[:1000])
    network = MLPClassifier(
        hidden_layer_sizes=(16,), solver="sgd", learning_rate_init=0.08, batch_size=96, momentum=0.9, random_state=seed
    )
    for _ in range(epochs):
        network.partial_fit(scaler.transform(X[:1000]), y[:1000], classes=[0, 1])
    return Pipeline([("scaler", scaler), ("network", network)])


@functools.cache
def easily_shocked_model() -> Pipeline:
    """A model that fails on any grey level it has not met in training."""
    X, y = digits()
    return Pipeline(
        [("codes", OneHotEncoder(handle_unknown="error")), ("network", LogisticRegression(max_iter=500))]
    ).fit(X[:300], y[:300])


def validated(model: Any, **gate: Any) -> int:
    version = registry.register(model, data_hash="train-data")
    registry.record_gate(version, passed=True, **(PASSED | gate))
    return version


def fill_home(folder: Path) -> int:
    """Make a home whose champion is a small trained model, from a copy: making a new registry takes seconds."""
    shutil.copytree(_prepared_home(), folder, dirs_exist_ok=True)
    return 1


@functools.cache
def _prepared_home() -> Path:
    import atexit
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="depot-home-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    before = os.environ.get("MLOPS_LESSON_HOME")
    os.environ["MLOPS_LESSON_HOME"] = str(folder)
    try:
        registry.promote(validated(trained_model()))
    finally:
        if before is None:
            del os.environ["MLOPS_LESSON_HOME"]
        else:
            os.environ["MLOPS_LESSON_HOME"] = before
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
