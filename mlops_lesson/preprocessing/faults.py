"""Faults that only a look at the images finds: blank ones and parcels scanned twice."""

import numpy as np
import pandas as pd

DUPLICATE_WINDOW = pd.Timedelta(minutes=1)


def is_blank(image: np.ndarray) -> bool:
    """Say whether a camera saw nothing: all pixels have the same grey level."""
    return bool(np.ptp(image) == 0)


def find_repeated_scans(table: pd.DataFrame, images: dict[int, np.ndarray]) -> list[int]:
    """List parcels that were scanned before: the same picture on the same camera within a minute.

    Parameters
    ----------
    table : pandas.DataFrame
        With `id`, `camera_id` and `seen_at`; every id has an image.
    images : dict of int to numpy.ndarray
        Grey levels by parcel id.

    Returns
    -------
    list of int
        The ids of the later scans.
    """
    last_seen: dict[tuple, pd.Timestamp] = {}
    repeated = []
    for parcel_id, camera_id, seen_at in table.sort_values("seen_at")[["id", "camera_id", "seen_at"]].itertuples(
        index=False
    ):
        key = (camera_id, images[parcel_id].tobytes())
        if key in last_seen and seen_at - last_seen[key] <= DUPLICATE_WINDOW:
            repeated.append(parcel_id)
        last_seen[key] = seen_at
    return repeated
