"""Exercise 1.2: how long a label takes to arrive."""

import pandas as pd


def label_delay_hours(parcels: pd.DataFrame, clicks: pd.DataFrame) -> float:
    """Return the median number of hours from `seen_at` to the first click, over the parcels that have one."""
    first_click = clicks.groupby("parcel_id")["clicked_at"].min()
    seen_at = parcels.set_index("id")["seen_at"]
    delay = (first_click - seen_at).dropna()
    return delay.dt.total_seconds().median() / 3600
