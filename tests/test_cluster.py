"""The retraining search gives the same figures in one process and on a cluster, and leaves no worker behind."""

import multiprocessing
from contextlib import nullcontext

import numpy as np
import pandas as pd
import psutil
import pytest
from sockets import listening

from mlops_lesson.training import cluster
from mlops_lesson.training.network import TrainingSettings

GRID = [TrainingSettings(epochs=2, learning_rate=rate) for rate in (0.05, 0.2)]


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, ...]:
    dice = np.random.RandomState(0)
    X, y = dice.randint(0, 17, (120, 64)).astype(float), np.arange(120) % 2
    X[y == 1, :8] = 0
    return X[:80], y[:80], X[80:], y[80:]


@pytest.fixture(scope="module")
def on_workers(data: tuple[np.ndarray, ...]) -> cluster.Search:
    return cluster.search(data, GRID, n_workers=2)


def test_a_cluster_finds_the_same_figures_as_one_process(data, on_workers) -> None:
    here = cluster.search(data, GRID)
    assert list(here.table.columns) == ["learning_rate", "hidden_units", "loss", "accuracy"]
    assert here.table["learning_rate"].tolist() == [0.05, 0.2]
    assert here.table["hidden_units"].tolist() == [settings.hidden_units for settings in GRID]
    assert here.table["loss"].nunique() == 2
    np.testing.assert_allclose(on_workers.table, here.table, rtol=1e-9)


def test_its_workers_stop_with_the_search(on_workers) -> None:
    assert on_workers.start_seconds > 0
    assert multiprocessing.active_children() == []


def test_a_cluster_takes_connections_from_this_machine_alone() -> None:
    with cluster._workers(2):
        workers = psutil.Process().children(recursive=True)
        places = {process.pid: listening(process) for process in (psutil.Process(), *workers)}
    of_the_workers = [place for process in workers for place in places[process.pid]]
    assert len(of_the_workers) >= 2
    assert {host for each in places.values() for host, _ in each} == {"127.0.0.1"}


def test_without_dask_a_sentence_says_so(data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "is_installed", lambda: False)
    assert cluster.compare(data) == cluster.NOT_INSTALLED
    with pytest.raises(ModuleNotFoundError, match="extra `cluster`"):
        cluster.search(data, GRID, n_workers=2)


@pytest.mark.parametrize(("grid", "n_workers"), [([], None), (GRID, 0)])
def test_nothing_to_do_or_nobody_to_do_it_is_refused(data, grid, n_workers) -> None:
    with pytest.raises(ValueError, match="A search needs settings and workers"):
        cluster.search(data, grid, n_workers=n_workers)


@pytest.mark.parametrize("other", [0.4, 0.5])
def test_a_comparison_tells_the_best_setting_whether_the_figures_agree_and_what_each_took(
    data, monkeypatch: pytest.MonkeyPatch, other: float
) -> None:
    def found(given, *, n_workers: int | None = None) -> cluster.Search:
        assert given is data
        rows = [(0.05, 32, 0.6, 0.7), (0.2, 16, 0.4 if n_workers is None else other, 0.8)]
        table = pd.DataFrame(rows, columns=["learning_rate", "hidden_units", "loss", "accuracy"])
        return cluster.Search(table, *((0.0, 9.0) if n_workers is None else (2.5, float(n_workers))))

    monkeypatch.setattr(cluster, "is_installed", lambda: True)
    monkeypatch.setattr(cluster, "search", found)
    assert cluster.compare(data, n_workers=3).splitlines() == [
        "2 settings, best: learning rate 0.2, 16 hidden units, loss 0.400",
        f"the cluster found the same figures: {other == 0.4}",
        "in this process: 9.0 s",
        "on 3 workers: 3.0 s, and 2.5 s until they were there",
    ]


def test_one_worker_is_enough_and_without_a_number_none_is_started(data, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(cluster, "_workers", lambda n_workers: asked.append(n_workers) or nullcontext())
    for n_workers in (1, None):
        assert len(cluster.search(data, GRID, n_workers=n_workers).table) == 2
    assert asked == [1]
