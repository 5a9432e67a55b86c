"""The training trace: what it holds, what it refuses, and that training leaves one behind."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from mlops_lesson.training.trace import (
    LESSON_TRACE,
    Epoch,
    TrainingTrace,
    compare_traces,
    make_trace,
    observe,
    train_with_trace,
)


def test_the_lessons_trace_is_the_given_table():
    assert LESSON_TRACE.to_frame().to_numpy().tolist() == [
        [1, 0.65, 0.60, "Model starts learning but accuracy is low"],
        [2, 0.45, 0.75, "Loss decreases and accuracy improves"],
        [3, 0.30, 0.85, "Model converges with good accuracy"],
    ]


@given(
    st.lists(
        st.tuples(st.floats(0, 50), st.floats(0, 1), st.floats(0, 50)),
        min_size=1,
        max_size=40,
    )
)
def test_a_trace_survives_the_way_through_a_table(figures):
    trace = make_trace(figures, "a run")
    assert TrainingTrace.from_frame(trace.to_frame(), "a run") == trace


def test_a_table_without_observations_makes_a_trace():
    frame = pd.DataFrame({"epoch": [1, 2], "loss": [0.6, 0.5], "accuracy": [0.7, 0.8]})
    assert [epoch.observation for epoch in TrainingTrace.from_frame(frame)] == ["", ""]


def test_a_table_without_a_needed_column_is_refused_by_name():
    with pytest.raises(ValueError, match="no column accuracy; its columns are epoch, loss"):
        TrainingTrace.from_frame(pd.DataFrame({"epoch": [1], "loss": [0.6]}))


def test_training_losses_are_a_column_only_if_they_were_recorded():
    assert "train_loss" not in make_trace([(0.6, 0.7)]).to_frame().columns
    assert make_trace([(0.6, 0.7, 0.5)]).to_frame()["train_loss"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((0, 0.5, 0.5), ValueError, "numbered from 1"),
        ((True, 0.5, 0.5), ValueError, "numbered from 1"),
        ((1, -0.1, 0.5), ValueError, "a log loss is 0 or more"),
        ((1, 0.5, 1.2), ValueError, "a share between 0 and 1"),
        ((1, "0.5", 0.5), TypeError, "loss of epoch 1 must be a number"),
    ],
)
def test_an_impossible_epoch_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        Epoch(*arguments)


@pytest.mark.parametrize("figures", [(10**400, 0.5), (0.5, -(10**400)), (0.5, 0.5, 10**400)])
def test_a_whole_number_beyond_all_decimal_numbers_makes_no_trace(figures):
    with pytest.raises(ValueError, match="figure of epoch 1 is too large for a decimal number"):
        make_trace([figures])


@pytest.mark.parametrize(("train", "val"), [([1, 1, 1], [1, 1]), ([0, 0, 0], [0, 1]), ([0, 1, 0], [1, 2])])
def test_labels_from_which_nothing_can_be_learned_are_refused(train, val):
    X = np.arange(6.0).reshape(3, 2)
    with pytest.raises(ValueError, match=r"two classes or more.*Give more training images"):
        train_with_trace(MLPClassifier((2,)), X, np.array(train), X[:2], np.array(val), 1)


def test_an_empty_trace_is_refused():
    with pytest.raises(ValueError, match="at least one epoch"):
        TrainingTrace(())


def test_epochs_out_of_order_are_refused():
    with pytest.raises(ValueError, match=r"numbered upwards; got \[2, 1\]"):
        TrainingTrace((Epoch(2, 0.5, 0.5), Epoch(1, 0.4, 0.6)))


def test_an_unknown_metric_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="give 'loss', 'accuracy' or 'train_loss'"):
        LESSON_TRACE.values("precision")


def test_the_first_epochs_of_a_trace_are_a_trace():
    assert LESSON_TRACE.first(2).values("loss") == [0.65, 0.45]
    assert LESSON_TRACE.first(1).values("loss") == [0.65]
    with pytest.raises(ValueError, match=r"at least one epoch; got n_epochs=0\.$"):
        LESSON_TRACE.first(0)


def test_the_best_epoch_is_the_first_with_the_lowest_loss():
    assert make_trace([(0.5, 0.7), (0.3, 0.8), (0.3, 0.9), (math.nan, 0.5)]).best().epoch == 2


@pytest.mark.parametrize(
    ("previous", "loss", "accuracy", "said"),
    [
        (None, 0.65, 0.60, "Model starts learning but accuracy is low"),
        (None, 0.30, 0.85, "Model starts learning and accuracy is good"),
        (Epoch(1, 0.65, 0.60), 0.45, 0.75, "Loss decreases and accuracy improves: it is fair"),
        (Epoch(1, 0.45, 0.85), 0.30, 0.85, "Loss decreases, accuracy stays good"),
        (Epoch(1, 0.30, 0.85), 0.31, 0.85, "Little changes, accuracy is good"),
        (Epoch(1, 0.30, 0.85), 0.60, 0.65, "Loss rises, accuracy is low"),
        (Epoch(1, 0.30, 0.85), math.nan, 0.5, "Training diverged: the loss is no longer a number"),
    ],
)
def test_an_observation_says_what_the_epoch_did(previous, loss, accuracy, said):
    assert observe(previous, loss, accuracy) == said


def test_comparing_two_traces_gives_own_minus_given():
    own = make_trace([(0.70, 0.55), (0.45, 0.75)])
    table = compare_traces(own, LESSON_TRACE)
    assert table[["epoch", "figure"]].to_numpy().tolist() == [
        [1, "loss"],
        [1, "accuracy"],
        [2, "loss"],
        [2, "accuracy"],
    ]
    assert table["difference"].round(9).tolist() == [0.05, -0.05, 0, 0]
    assert table.columns.tolist() == ["epoch", "figure", "given", "own", "difference"]
    assert table["given"].tolist() == [0.65, 0.60, 0.45, 0.75]
    assert table["own"].tolist() == [0.70, 0.55, 0.45, 0.75]


def test_traces_without_a_common_epoch_cannot_be_compared():
    with pytest.raises(ValueError, match="no epoch in common"):
        compare_traces(TrainingTrace((Epoch(7, 0.5, 0.5),)), LESSON_TRACE)


@pytest.fixture(scope="module")
def two_clouds():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0.3, 0.1, (60, 2)), rng.normal(0.7, 0.1, (60, 2))])
    y = np.repeat([0, 1], 60)
    return X[::2], y[::2], X[1::2], y[1::2]


def small_network():
    return MLPClassifier((4,), solver="sgd", learning_rate_init=0.5, random_state=0)


def test_training_records_the_loss_and_accuracy_that_scikit_learn_computes(two_clouds):
    network = small_network()
    last = train_with_trace(network, *two_clouds, epochs=3).epochs[-1]
    X_train, y_train, X_val, y_val = two_clouds
    assert last.loss == pytest.approx(log_loss(y_val, network.predict_proba(X_val)))
    assert last.train_loss == pytest.approx(log_loss(y_train, network.predict_proba(X_train)))
    assert last.accuracy == pytest.approx(network.score(X_val, y_val))


def test_training_in_two_parts_is_training_in_one(two_clouds):
    whole = train_with_trace(small_network(), *two_clouds, epochs=4)
    network = small_network()
    parts = [train_with_trace(network, *two_clouds, epochs=2) for _ in range(2)]
    assert parts[0].values("loss") + parts[1].values("loss") == whole.values("loss")


def test_training_never_looks_at_the_validation_labels(two_clouds):
    X_train, y_train, X_val, y_val = two_clouds
    one, other = small_network(), small_network()
    train_with_trace(one, X_train, y_train, X_val, y_val, epochs=2)
    train_with_trace(other, X_train, y_train, X_val, 1 - y_val, epochs=2)
    assert all((a == b).all() for a, b in zip(one.coefs_, other.coefs_, strict=True))


@pytest.mark.parametrize("epochs", [0, -1])
def test_training_for_no_epoch_is_refused(two_clouds, epochs):
    with pytest.raises(ValueError, match="at least one epoch"):
        train_with_trace(small_network(), *two_clouds, epochs=epochs)


def test_images_without_labels_are_refused(two_clouds):
    X_train, y_train, X_val, y_val = two_clouds
    with pytest.raises(ValueError, match="validation image needs one label: got 60 images and 59 labels"):
        train_with_trace(small_network(), X_train, y_train, X_val, y_val[1:], epochs=1)


def test_epochs_given_as_a_list_are_kept_so_that_nobody_can_change_them():
    epochs = list(LESSON_TRACE.epochs)
    trace = TrainingTrace(epochs)
    epochs.clear()
    assert trace.epochs == LESSON_TRACE.epochs
    assert hash(trace) == hash(TrainingTrace(LESSON_TRACE.epochs))
