"""Exercise 6.1: how far two histograms are apart."""

import numpy as np


def psi(reference: np.ndarray, current: np.ndarray, bins: np.ndarray) -> float:
    """Return the population stability index; the first and the last bin are open, an empty one counts as 0.0001."""
    edges = [-np.inf, *bins[1:-1], np.inf]
    expected = np.maximum(np.histogram(reference, edges)[0] / len(reference), 0.0001)
    seen = np.maximum(np.histogram(current, edges)[0] / len(current), 0.0001)
    return float(np.sum((seen - expected) * np.log(seen / expected)))
