"""Exercise 4.2: the camera behind a good average."""

import pandas as pd


def worst_slice(table: pd.DataFrame, at_least: int) -> int:
    """Return the camera with the lowest accuracy among those with at least so many parcels."""
    cameras = table.groupby("camera_id")["correct"].agg(["mean", "size"])
    return int(cameras.loc[cameras["size"] >= at_least, "mean"].idxmin())
