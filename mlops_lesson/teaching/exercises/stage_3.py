"""The exercises of Model Training."""

import numpy as np

from mlops_lesson.teaching.exercises.exercise import Exercise


def baseline_accuracy(y_train: np.ndarray, y_val: np.ndarray) -> float:
    """Return the validation accuracy of always giving the most frequent training label."""
    labels, counts = np.unique(y_train, return_counts=True)
    return float(np.mean(y_val == labels[counts.argmax()]))


def best_epoch(trace: list[tuple[int, float, float]]) -> int:
    """Return the epoch with the lowest validation loss; a record is (epoch, loss, accuracy)."""
    epoch, _loss, _accuracy = min(trace, key=lambda record: record[1])
    return epoch


def log_loss_of(y: np.ndarray, p: np.ndarray) -> float:
    """Return the mean log loss, with p kept between 1e-12 and 1 - 1e-12."""
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))


EXERCISES = {
    "3.1": Exercise(
        baseline_accuracy,
        cases={
            "training mostly 0, validation mostly 1": (np.array([0, 0, 0, 1, 0]), np.array([1, 1, 0, 1])),
            "training mostly 1": (np.array([1, 1, 0, 1, 1, 1, 0]), np.array([1, 0, 0, 0, 1])),
        },
        mistakes={
            "peeked": lambda y_train, y_val: baseline_accuracy(y_val, y_val),
            "on_training": lambda y_train, y_val: baseline_accuracy(y_train, y_train),
            "always_1": lambda y_train, y_val: np.mean(y_val == 1),
        },
    ),
    "3.2": Exercise(
        best_epoch,
        cases={
            "a loss that falls and then rises": ([(1, 0.66, 0.61), (2, 0.41, 0.83), (3, 0.37, 0.79), (4, 0.52, 0.82)],),
            "records that start at epoch 10": ([(10, 0.30, 0.85), (11, 0.28, 0.84), (12, 0.33, 0.90)],),
            "a single epoch": ([(1, 0.65, 0.60)],),
        },
        mistakes={
            "place": lambda trace: min(range(len(trace)), key=lambda place: trace[place][1]),
            "highest_accuracy": lambda trace: max(trace, key=lambda record: record[2])[0],
            "loss": lambda trace: min(record[1] for record in trace),
        },
    ),
    "3.3": Exercise(
        log_loss_of,
        cases={
            "four probabilities": (np.array([1, 0, 1, 0]), np.array([0.9, 0.2, 0.6, 0.7])),
            "only class 1": (np.array([1, 1, 1]), np.array([0.5, 0.8, 0.99])),
            "a probability of exactly 0 for a true 1": (np.array([1, 0]), np.array([0.0, 0.1])),
        },
        mistakes={
            "sign": lambda y, p: -log_loss_of(y, p),
            "sum": lambda y, p: log_loss_of(y, p) * len(y),
            "only_class_1": lambda y, p: -np.mean(y * np.log(np.clip(p, 1e-12, 1))),
            "not_clipped": lambda y, p: np.inf if (p == 0).any() else log_loss_of(y, p),
        },
    ),
}
