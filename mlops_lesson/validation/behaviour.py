"""Change images in known ways and see how a model's accuracy follows."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.collection.depot import GREY_LEVELS, IMAGE_SHAPE


def shift(X: np.ndarray, columns: int = 1, rows: int = 0) -> np.ndarray:
    """Move images by whole pixels; what falls off is lost, what comes in is dark.

    Parameters
    ----------
    X : numpy.ndarray of shape (n, 64)
        Grey levels.
    columns, rows : int
        Pixels to the right and down; negative to the left and up; from -8 to 8.

    Returns
    -------
    numpy.ndarray of shape (n, 64)
        The moved images.

    Raises
    ------
    ValueError
        If an image would be moved by more than its own size.
    """
    if max(abs(columns), abs(rows)) > max(IMAGE_SHAPE):
        raise ValueError(f"Images of 8 x 8 pixels move by -8 to 8 pixels; got {columns} columns and {rows} rows.")
    pixels = np.asarray(X, dtype=float)
    images = pixels.reshape(pixels.size // math.prod(IMAGE_SHAPE), *IMAGE_SHAPE)
    moved = np.zeros_like(images)
    height, width = IMAGE_SHAPE
    to_rows, from_rows = slice(max(rows, 0), height + min(rows, 0)), slice(max(-rows, 0), height - max(rows, 0))
    to_columns = slice(max(columns, 0), width + min(columns, 0))
    from_columns = slice(max(-columns, 0), width - max(columns, 0))
    moved[:, to_rows, to_columns] = images[:, from_rows, from_columns]
    return moved.reshape(len(images), height * width)


def dim(X: np.ndarray, factor: float = 0.7) -> np.ndarray:
    """Darken images to a share of their brightness, rounded to the camera's grey levels."""
    return np.rint(np.asarray(X, dtype=float) * factor)


def add_noise(X: np.ndarray, grey_levels: float = 2.0, seed: int = 0) -> np.ndarray:
    """Add normal noise of the given standard deviation in grey levels, kept within 0 to 16."""
    noise = np.random.default_rng(seed).normal(0.0, grey_levels, np.shape(X))
    return np.clip(np.rint(X + noise), 0, GREY_LEVELS)


BEHAVIOUR_TESTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "unchanged": lambda X: X,
    "dimmed to 70 %": dim,
    "noise of 2 grey levels": add_noise,
    "shifted right by 1 pixel": lambda X: shift(X, 1),
    "shifted left by 1 pixel": lambda X: shift(X, -1),
    "shifted down by 1 pixel": lambda X: shift(X, 0, 1),
    "shifted up by 1 pixel": lambda X: shift(X, 0, -1),
}
"""Changes after which a person would still read the same digit."""


def behaviour(model: Any, X: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Measure a model's accuracy on images changed in ways that leave the digit readable.

    Parameters
    ----------
    model : object
        A fitted classifier with `predict`, taking grey levels 0 to 16.
    X : numpy.ndarray of shape (n, 64)
        Images.
    y : numpy.ndarray of shape (n,)
        Labels.

    Returns
    -------
    pandas.DataFrame
        One row a test: `test`, `accuracy`, and `change` against the unchanged images.

    Raises
    ------
    ValueError
        If there are no images, or images and labels differ in number.
    """
    rows = [(name, float(np.mean(model.predict(change(X)) == y))) for name, change in BEHAVIOUR_TESTS.items()]
    table = pd.DataFrame(rows, columns=["test", "accuracy"])
    return table.assign(change=table["accuracy"] - table["accuracy"].iloc[0])
