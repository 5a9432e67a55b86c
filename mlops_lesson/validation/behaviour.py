"""Change images in known ways and see how a model's accuracy follows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.collection.depot import GREY_LEVELS, IMAGE_SHAPE


def shift(X: np.ndarray, columns: int = 1, rows: int = 0) -> np.ndarray:
    """Move images of shape (n, 64) to the right and down; what falls off is lost, what comes in is dark."""
    from scipy.ndimage import shift as shifted

    return shifted(X.reshape(-1, *IMAGE_SHAPE), (0, rows, columns), order=0).reshape(X.shape)


def dim(X: np.ndarray, factor: float = 0.7) -> np.ndarray:
    """Darken images to a share of their brightness, rounded to the camera's grey levels."""
    return np.rint(X * factor)


def add_noise(X: np.ndarray, grey_levels: float = 2.0, seed: int = 0) -> np.ndarray:
    """Add normal noise of the given standard deviation in grey levels, kept within 0 to 16."""
    noise = np.random.default_rng(seed).normal(0.0, grey_levels, X.shape)
    return np.clip(np.rint(X + noise), 0, GREY_LEVELS)


# Moves up and down are left out: digits fill all eight rows, so such a move cuts off ink in most images.
BEHAVIOUR_TESTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "unchanged": lambda X: X,
    "dimmed to 70 %": dim,
    "noise of 2 grey levels": add_noise,
    "moved right by 1 pixel": lambda X: shift(X, 1),
    "moved left by 1 pixel": lambda X: shift(X, -1),
}


def behaviour(model: Any, X: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Measure a model's accuracy on changed images.

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
        One row per test: `test`, `accuracy`, and `change` against the unchanged images.
    """
    rows = [(name, float(np.mean(model.predict(change(X)) == y))) for name, change in BEHAVIOUR_TESTS.items()]
    table = pd.DataFrame(rows, columns=["test", "accuracy"])
    return table.assign(change=table["accuracy"] - table["accuracy"].iloc[0])
