"""Exercise 2.1: frames on which the camera saw nothing."""

import numpy as np


def is_blank(image: np.ndarray) -> bool:
    """Return whether all pixels of an image have the same grey."""
    return bool(image.min() == image.max())
