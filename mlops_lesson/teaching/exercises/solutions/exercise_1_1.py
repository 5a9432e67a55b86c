"""Exercise 1.1: the parcels that nobody clicked."""

import pandas as pd


def find_lost(parcels: pd.DataFrame, clicks: pd.DataFrame) -> list[int]:
    """Return the ids of the parcels without any click."""
    clicked = parcels["id"].isin(clicks["parcel_id"])
    return parcels.loc[~clicked, "id"].tolist()
