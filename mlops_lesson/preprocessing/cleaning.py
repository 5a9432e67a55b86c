"""Clean the collected data: remove, repair and count by rule, then split by time."""

import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import CleanDataset, RawDataset
from mlops_lesson.preprocessing.contract import require_clean
from mlops_lesson.preprocessing.faults import faults

REMOVED = (
    "image missing",
    "image of the wrong size",
    "image blank",
    "scanned twice",
    "no click, so no label",
    "chute unknown",
)
CLEAN_COLUMNS = ["id", "camera_id", "seen_at", "keyed_digit", "sender", "chute"]
N_VALIDATION, N_TEST = 300, 200


def repair_units(table: pd.DataFrame) -> pd.DataFrame:
    """Bring readings to lux and degrees Celsius; a temperature whose unit is not written down becomes missing."""
    repaired = table.copy()
    repaired.loc[repaired["lux_unit"] == "klx", "lux"] *= 1000
    repaired.loc[repaired["temperature_unit"] != "C", "temperature"] = np.nan
    return repaired.drop(columns=["lux_unit", "temperature_unit"])


def split_by_time(n_parcels: int, n_validation: int = N_VALIDATION, n_test: int = N_TEST) -> np.ndarray:
    """Name the part of each parcel: the newest are the test part, those before them validation, the rest training.

    Parameters
    ----------
    n_parcels : int
        Parcels in all, in the order of time.
    n_validation, n_test : int
        Parcels in those parts.

    Returns
    -------
    numpy.ndarray of str, shape (n_parcels,)
        "train", "validation" or "test".

    Raises
    ------
    ValueError
        If nothing is left to train on.
    """
    n_train = n_parcels - n_validation - n_test
    if n_train < 1:
        raise ValueError(
            f"{n_parcels} parcels are too few for {n_validation} validation and {n_test} test images: nothing is left "
            "to train on. Ask for smaller parts."
        )
    return np.repeat(["train", "validation", "test"], [n_train, n_validation, n_test])


def preprocess(raw: RawDataset) -> CleanDataset:
    """Stage 2: remove what cannot be learned from, repair what can be, count every rule, and split by time.

    Parameters
    ----------
    raw : RawDataset
        What `collect` returns.

    Returns
    -------
    CleanDataset
        Whole, labelled images without repeats, by time, in three parts.

    Raises
    ------
    ValueError
        If there are too few rows to split, or the result breaks the contract of a cleaned dataset; see
        `mlops_lesson.preprocessing.contract.require_clean`.
    """
    if raw.table.empty:
        raise ValueError("The raw dataset has no rows, so there is nothing to clean. Collect the data once more.")
    bad = faults(raw)
    kept = np.ones(len(bad), dtype=bool)
    counts = []
    for rule in REMOVED:
        hit = kept & bad[rule].to_numpy()
        counts.append((rule, "removed", int(hit.sum())))
        kept &= ~hit
    counts += [
        ("chute in lower case", "repaired", int(bad.loc[kept, "chute in lower case"].sum())),
        ("lux given in klx", "repaired", int(bad["lux given in klx"].sum())),
        ("temperature without unit", "refused", int(bad["temperature without unit"].sum())),
    ]
    table = repair_units(raw.table)[kept].sort_values("seen_at", ignore_index=True)[CLEAN_COLUMNS]
    table = table.assign(chute=table["chute"].str.strip().str.upper(), split=split_by_time(len(table)))
    X = np.stack([raw.images[i].ravel() for i in table["id"]])
    return require_clean(CleanDataset(table, X, pd.DataFrame(counts, columns=["rule", "action", "rows"])))
