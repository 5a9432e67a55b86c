"""Find the cause of a drop, move the images back, or train a challenger that has learned the new position."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.monitoring.weeks import WeekLog, known_labels
from mlops_lesson.training.network import TrainingSettings, fit_on
from mlops_lesson.validation.behaviour import shift
from mlops_lesson.validation.measures import mcnemar

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

RETRAINING = replace(TrainingSettings(), learning_rate=0.05, momentum=0.9)
"""Smaller steps than in the first training, whose large ones were chosen to match the given trace."""

MOVES: dict[str, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
"""Columns to the right and rows down of a move by one pixel."""

BACK = {"left": "right", "right": "left", "up": "down", "down": "up"}
SIGNIFICANT = 0.05


def diagnose(model: Any, X: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Ask whether the cameras have moved, by trying the champion on images that are moved back.

    Parameters
    ----------
    model : object
        The champion.
    X : numpy.ndarray of shape (n, 64)
        Recent images; at least one.
    y : numpy.ndarray of shape (n,)
        Their labels.

    Returns
    -------
    pandas.DataFrame
        Indexed by the direction of `MOVES` in which the images are moved by one pixel: `accuracy`, `fixed` and
        `broken` (answers that became right, and wrong), and `p`, McNemar's exact p-value times the number of
        directions tried (Bonferroni), at most 1.
    """
    plain, rows = model.predict(X) == y, []
    for name, move in MOVES.items():
        right = model.predict(shift(X, *move)) == y
        p = min(1.0, mcnemar(right, plain) * len(MOVES))
        rows.append((name, right.mean(), (right & ~plain).sum(), (plain & ~right).sum(), p))
    return pd.DataFrame(rows, columns=["moved", "accuracy", "fixed", "broken", "p"]).set_index("moved")


def find_move(diagnosis: pd.DataFrame) -> str | None:
    """Say how the cameras have moved the pictures, if moving them back helps by more than luck.

    Parameters
    ----------
    diagnosis : pandas.DataFrame
        What `diagnose` returns.

    Returns
    -------
    {"left", "right", "up", "down"} or None
        None if there is no sign of a move.
    """
    helps = diagnosis[(diagnosis["fixed"] > diagnosis["broken"]) & (diagnosis["p"] < SIGNIFICANT)]
    return None if helps.empty else BACK[helps["accuracy"].idxmax()]


def move_back(X: np.ndarray, move: str) -> np.ndarray:
    """Move images back by what the cameras have moved, before any model sees them."""
    return shift(X, *MOVES[BACK[move]])


def retrain(
    X_old: np.ndarray, y_old: np.ndarray, X_new: np.ndarray, y_new: np.ndarray, move: str | None = None
) -> "Pipeline":
    """Train a challenger on what was known before the change and on what has been labelled since.

    Parameters
    ----------
    X_old, y_old : numpy.ndarray of shape (n, 64) and (n,)
        Images and labels from before the change.
    X_new, y_new : numpy.ndarray of shape (m, 64) and (m,)
        Images and labels since.
    move : {"left", "right", "up", "down"}, optional
        How the pictures have moved: the old ones are used a second time, moved the same way.
    """
    copies = [shift(X_old, *MOVES[move])] if move else []
    X = np.concatenate([X_old, *copies, X_new])
    y = np.concatenate([y_old, *[y_old] * len(copies), y_new]).astype(int)
    return fit_on(X, y, X[:1], y[:1], RETRAINING)[0]


def training_data(clean: CleanDataset, logs: Sequence[WeekLog]) -> tuple[np.ndarray, ...]:
    """Gather what a challenger may learn from: all but the test images, and every live label that has come.

    Parameters
    ----------
    clean : CleanDataset
        The history.
    logs : sequence of WeekLog
        The live weeks so far; the last has just ended.

    Returns
    -------
    tuple of numpy.ndarray
        X and y from before the last week, X and y of the last week.
    """
    learned = (clean.table["split"] != "test").to_numpy()
    X, y = [clean.X[learned]], [clean.y[learned].astype(float)]
    for log in logs:
        label = known_labels(log.parcels["id"], logs[-1].end)
        X.append(log.X[~np.isnan(label)])
        y.append(label[~np.isnan(label)])
    return np.concatenate(X[:-1]), np.concatenate(y[:-1]), X[-1], y[-1]


def hash_of(*arrays: np.ndarray) -> str:
    """Return the data hash of training data, 64 hexadecimal digits."""
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
