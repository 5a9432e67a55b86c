"""Exercise 4.1: which mistakes, and how many of each."""

import numpy as np


def confusion(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Return a 2 x 2 table of counts: a row for each true class, a column for each predicted class."""
    counts = np.zeros((2, 2), dtype=int)
    np.add.at(counts, (y_true, y_pred), 1)
    return counts
