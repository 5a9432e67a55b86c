"""Exercise 2.1: frames on which the camera saw nothing."""

import numpy as np


def is_blank(image: np.ndarray) -> bool:
    """Return True if all pixels have the same value, else False."""
    return bool(image.min() == image.max())
