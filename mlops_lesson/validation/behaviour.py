"""Change images in known ways and see how a model's accuracy follows."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mlops_lesson.collection.depot import IMAGE_SHAPE


def shift(X: np.ndarray, columns: int = 1, rows: int = 0) -> np.ndarray:
    """Move images of shape (n, 64) to the right and down; what falls off is lost, what comes in is dark."""
    from scipy.ndimage import shift as shifted

    return shifted(X.reshape(-1, *IMAGE_SHAPE), (0, rows, columns), order=0).reshape(X.shape)


def dim(X: np.ndarray, factor: float = 0.7) -> np.ndarray:
    """Darken images to a share of their brightness, rounded to the camera's grey levels."""
    return np.rint(X * factor)


# Moves up and down are left out: digits fill all eight rows, so such a move cuts off ink in most images.
BEHAVIOUR_TESTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "dimmed to 70 %": dim,
    "moved right by 1 pixel": lambda X: shift(X, 1),
    "moved left by 1 pixel": lambda X: shift(X, -1),
}


def behaviour(model: Any, X: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return a classifier's accuracy on images of shape (n, 64), changed by each of `BEHAVIOUR_TESTS`."""
    return {name: float(np.mean(model.predict(change(X)) == y)) for name, change in BEHAVIOUR_TESTS.items()}
