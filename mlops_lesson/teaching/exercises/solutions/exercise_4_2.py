"""Exercise 4.2: the camera behind a good average."""

import pandas as pd


def worst_slice(table: pd.DataFrame, at_least: int) -> int:
    """Return the camera_id with the lowest accuracy among cameras with at least `at_least` parcels."""
    cameras = table.groupby("camera_id")["correct"].agg(["mean", "size"])
    return int(cameras.loc[cameras["size"] >= at_least, "mean"].idxmin())
