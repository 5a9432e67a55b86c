"""Exercise 5.1: what the server lets in."""

import math


def is_valid_request(pixels: object) -> bool:
    """Return True for a list of 8 lists of 8 finite numbers from 0 to 16, False for anything else; never raise."""
    if not isinstance(pixels, list) or len(pixels) != 8:
        return False
    if not all(isinstance(row, list) and len(row) == 8 for row in pixels):
        return False
    values = [value for row in pixels for value in row]
    return all(type(value) in (int, float) and math.isfinite(value) and 0 <= value <= 16 for value in values)
