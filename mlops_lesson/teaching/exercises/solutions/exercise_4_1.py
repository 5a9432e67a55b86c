"""Exercise 4.1: which mistakes, and how many of each."""

import numpy as np


def confusion(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Return the 2 x 2 counts: one row for each true class, one column for each predicted class."""
    counts = np.zeros((2, 2), dtype=int)
    np.add.at(counts, (y_true, y_pred), 1)
    return counts
