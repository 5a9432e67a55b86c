"""Exercise 2.2: the past for training, the future for validation."""

import pandas as pd


def split_by_time(table: pd.DataFrame, cutoff: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two tables: the rows seen before the cutoff, and the rows seen at the cutoff or later."""
    before = table["seen_at"] < cutoff
    return table[before], table[~before]
