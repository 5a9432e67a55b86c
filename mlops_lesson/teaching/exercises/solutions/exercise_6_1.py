"""Exercise 6.1: how far two histograms are apart."""

import numpy as np


def psi(reference: np.ndarray, current: np.ndarray, bins: np.ndarray) -> float:
    """Return the population stability index between two samples; an empty bin counts as a share of 0.0001."""
    expected = np.maximum(np.histogram(reference, bins)[0] / len(reference), 0.0001)
    seen = np.maximum(np.histogram(current, bins)[0] / len(current), 0.0001)
    return float(np.sum((seen - expected) * np.log(seen / expected)))
