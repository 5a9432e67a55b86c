"""The training trace: what it holds, how it is compared, and that training leaves one behind."""

import numpy as np
import pytest
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from mlops_lesson.training.trace import GIVEN_TRACE, Epoch, TrainingTrace, compare_traces, train_with_trace


def test_the_given_trace_is_the_given_table():
    assert GIVEN_TRACE.to_frame().to_numpy().tolist() == [
        [1, 0.65, 0.60, "Model starts learning but accuracy is low"],
        [2, 0.45, 0.75, "Loss decreases and accuracy improves"],
        [3, 0.30, 0.85, "Model converges with good accuracy"],
    ]


def test_traces_are_compared_over_the_epochs_of_both():
    table = compare_traces(TrainingTrace((Epoch(1, 0.70, 0.55), Epoch(2, 0.45, 0.74))))
    numbers = ["epoch", "given loss", "own loss", "given accuracy", "own accuracy", "difference"]
    assert table[numbers].round(9).to_numpy().tolist() == [
        [1, 0.65, 0.70, 0.60, 0.55, 0.05],
        [2, 0.45, 0.45, 0.75, 0.74, 0.01],
    ]
    assert table["given observation"].tolist() == GIVEN_TRACE.values("observation")[:2]


@pytest.fixture(scope="module")
def two_clouds():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0.3, 0.1, (60, 2)), rng.normal(0.7, 0.1, (60, 2))])
    y = np.repeat([0, 1], 60)
    return X[::2], y[::2], X[1::2], y[1::2]


def small_network():
    return MLPClassifier((4,), solver="sgd", learning_rate_init=0.5, random_state=0)


def test_training_for_no_epoch_is_refused(two_clouds):
    with pytest.raises(ValueError, match="at least one epoch"):
        train_with_trace(small_network(), *two_clouds, epochs=0)


def test_training_records_the_loss_and_accuracy_that_scikit_learn_computes(two_clouds):
    network = small_network()
    last = train_with_trace(network, *two_clouds, epochs=3).epochs[-1]
    X_train, y_train, X_val, y_val = two_clouds
    assert last.loss == pytest.approx(log_loss(y_val, network.predict_proba(X_val)))
    assert last.train_loss == pytest.approx(log_loss(y_train, network.predict_proba(X_train)))
    assert last.accuracy == pytest.approx(network.score(X_val, y_val))


def test_training_is_the_loop_over_partial_fit_that_the_notebook_shows(two_clouds):
    X_train, y_train, X_val, y_val = two_clouds
    by_hand, traced = small_network(), small_network()
    for _ in range(2):
        by_hand.partial_fit(X_train, y_train, classes=[0, 1])
    train_with_trace(traced, X_train, y_train, X_val, 1 - y_val, epochs=2)
    assert all((a == b).all() for a, b in zip(by_hand.coefs_, traced.coefs_, strict=True))
