"""Find what has changed, and train a challenger on it."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.monitoring.weeks import WeekLog
from mlops_lesson.training.network import TrainingSettings, fit_on
from mlops_lesson.validation.behaviour import shift
from mlops_lesson.validation.measures import CONFIDENCE, mcnemar

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


RETRAINING = replace(TrainingSettings(), learning_rate=0.05, momentum=0.9)
"""Smaller steps than in the first training, whose large ones were chosen to match the lesson's three epochs."""


MOVES: dict[str, tuple[int, int]] = {
    "as it is": (0, 0),
    "moved left": (-1, 0),
    "moved right": (1, 0),
    "moved up": (0, -1),
    "moved down": (0, 1),
}


def diagnose(model: Any, X: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Ask whether the cameras have moved, by trying the champion on images that are moved back.

    Parameters
    ----------
    model : object
        The champion.
    X : numpy.ndarray of shape (n, 64)
        Recent images.
    y : numpy.ndarray of shape (n,)
        Their labels.

    Returns
    -------
    pandas.DataFrame
        One row a way of moving the images by one pixel: `images`, `accuracy`, and `p_value` of McNemar's test against
        the images as they are.

    Raises
    ------
    ValueError
        If there are no images, or images and labels differ in number.
    """
    right = {name: model.predict(shift(X, *move)) == y for name, move in MOVES.items()}
    plain = right["as it is"]
    rows = [(name, float(found.mean()), mcnemar(found, plain)) for name, found in right.items()]
    return pd.DataFrame(rows, columns=["images", "accuracy", "p_value"])


def find_move(diagnosis: pd.DataFrame) -> tuple[int, int] | None:
    """Say how the cameras have moved, if moving the images back helps by more than luck.

    Parameters
    ----------
    diagnosis : pandas.DataFrame
        What `diagnose` returns.

    Returns
    -------
    tuple of int or None
        Columns to the right and rows down by which the pictures have moved; None if nothing of the kind is proven.
    """
    if diagnosis["accuracy"].isna().all():
        return None
    best = diagnosis.loc[diagnosis["accuracy"].idxmax()]
    if best["images"] == "as it is" or best["p_value"] >= 1 - CONFIDENCE:
        return None
    columns, rows = MOVES[best["images"]]
    return -columns, -rows


def move_in_words(move: tuple[int, int] | None) -> str:
    """Say how the pictures have moved, such as "1 column to the right"."""
    if move is None:
        return "no move of the cameras found"
    columns, rows = move
    if columns:
        return f"the pictures have moved by {abs(columns)} column to the {'right' if columns > 0 else 'left'}"
    return f"the pictures have moved {'down' if rows > 0 else 'up'} by {abs(rows)} row"


def retrain(
    X_old: np.ndarray,
    y_old: np.ndarray,
    X_new: np.ndarray,
    y_new: np.ndarray,
    move: tuple[int, int] | None = None,
    settings: TrainingSettings = RETRAINING,
) -> "Pipeline":
    """Train a challenger on what was known before the change and on what has been labelled since.

    Parameters
    ----------
    X_old, y_old : numpy.ndarray of shape (n, 64) and (n,)
        Images and labels from before the change.
    X_new, y_new : numpy.ndarray of shape (m, 64) and (m,)
        Images and labels since.
    move : tuple of int, optional
        How the cameras have moved: the old images are used a second time, moved the same way.
    settings : mlops_lesson.training.network.TrainingSettings
        How to train.

    Returns
    -------
    sklearn.pipeline.Pipeline
        The challenger.

    Raises
    ------
    ValueError
        If there are no images, or images and labels differ in number.
    """
    copies = [] if move is None else [shift(X_old, *move)]
    X = np.concatenate([X_old, *copies, X_new])
    y = np.concatenate([y_old, *[y_old] * len(copies), y_new]).astype(int)
    return fit_on(X, y, X_new, np.asarray(y_new).astype(int), settings, "Retraining")[0]


def training_data(
    clean: CleanDataset, logs: Sequence[WeekLog], until: pd.Timestamp
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gather what a challenger may learn from: all but the test images, and every live label that has come.

    Parameters
    ----------
    clean : CleanDataset
        The history.
    logs : sequence of WeekLog
        The live weeks so far; the last is the new one.
    until : pandas.Timestamp
        Now.

    Returns
    -------
    tuple of numpy.ndarray
        X and y from before the last week, X and y of the last week.
    """
    learned = (clean.table["split"] != "test").to_numpy()
    X, y = [clean.X[learned]], [clean.y[learned].astype(float)]
    for log in logs:
        label = log.labels(until)
        X.append(log.X[~np.isnan(label)])
        y.append(label[~np.isnan(label)])
    return np.concatenate(X[:-1]), np.concatenate(y[:-1]), X[-1], y[-1]


def data_hash(*arrays: np.ndarray) -> str:
    """Return the SHA-256 of training data, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(np.shape(array)).encode())
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()
