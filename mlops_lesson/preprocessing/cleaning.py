"""Clean the collected data: remove, repair and count by rule, then split by time."""

from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import SPLITS, CleanDataset, RawDataset
from mlops_lesson.preprocessing.contract import require_clean
from mlops_lesson.preprocessing.faults import faults

RULES = {
    "image missing": "removed",
    "image of the wrong size": "removed",
    "image blank": "removed",
    "scanned twice": "removed",
    "no click, so no label": "removed",
    "chute unknown": "removed",
    "chute in lower case": "repaired",
    "lux given in klx": "repaired",
    "temperature without unit": "refused",
}
"""What becomes of each fault, in this order: its row is removed, or its value repaired, or refused as missing."""

CLEAN_COLUMNS = ["id", "camera_id", "seen_at", "keyed_digit", "sender", "chute"]
N_VALIDATION, N_TEST = 300, 200


def repair_units(table: pd.DataFrame) -> pd.DataFrame:
    """Bring readings to lux and degrees Celsius; a temperature whose unit is not written down becomes missing."""
    lux = table["lux"].where(table["lux_unit"] != "klx", table["lux"] * 1000)
    temperature = table["temperature"].where(table["temperature_unit"] == "C")
    return table.assign(lux=lux, temperature=temperature).drop(columns=["lux_unit", "temperature_unit"])


def split_by_time(n_parcels: int) -> np.ndarray:
    """Name the part of each parcel by time: the newest are the test part, those before them validation."""
    return np.repeat(SPLITS, [n_parcels - N_VALIDATION - N_TEST, N_VALIDATION, N_TEST])


def preprocess(raw: RawDataset) -> CleanDataset:
    """Stage 2: remove what cannot be learned from, repair what can be, count every rule, and split by time.

    Returns
    -------
    CleanDataset
        Whole, labelled images without repeats, by time, in three parts.

    Raises
    ------
    ValueError
        If the result breaks its contract; see `require_clean`.
    """
    bad = faults(raw)
    kept, counts = np.ones(len(bad), dtype=bool), []
    for rule, action in RULES.items():
        hit = kept & bad[rule].to_numpy()
        counts.append((rule, action, int(hit.sum())))
        if action == "removed":
            kept &= ~hit
    table = repair_units(raw.table)[kept].sort_values("seen_at", ignore_index=True)[CLEAN_COLUMNS]
    table = table.assign(chute=table["chute"].str.strip().str.upper(), split=split_by_time(len(table)))
    X = np.stack([raw.images[i].ravel() for i in table["id"]])
    return require_clean(CleanDataset(table, X, pd.DataFrame(counts, columns=["rule", "action", "rows"])))


def fit_logistic_regression(X_train: np.ndarray, y_train: np.ndarray) -> Any:
    """Fit the simplest model that makes sense here, on grey levels 0 to 16, which it scales itself."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    return make_pipeline(MinMaxScaler(clip=True), LogisticRegression(max_iter=1000)).fit(X_train, y_train)
