"""Clean the collected data: remove, repair and count by rule, then split by time."""

import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import CleanDataset, RawDataset
from mlops_lesson.collection.depot import CHUTES, IMAGE_SHAPE
from mlops_lesson.preprocessing.contract import require_clean
from mlops_lesson.preprocessing.faults import find_repeated_scans, is_blank

N_VALIDATION = 300


N_TEST = 200


def repair_units(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Bring sensor readings to lux and degrees Celsius where the unit is written down; refuse them where it is not.

    Parameters
    ----------
    table : pandas.DataFrame
        With `lux`, `lux_unit`, `temperature`, `temperature_unit`.

    Returns
    -------
    pandas.DataFrame
        The same rows with `lux` in lux and `temperature` in degrees Celsius, NaN where refused, and without units.
    dict of str to int
        How many readings were repaired (key "lux given in klx") and refused ("temperature without unit").
    """
    repaired = table.copy()
    in_kilolux = repaired["lux_unit"] == "klx"
    repaired.loc[in_kilolux, "lux"] *= 1000
    no_unit = repaired["temperature"].notna() & (repaired["temperature_unit"] != "C")
    repaired.loc[no_unit, "temperature"] = np.nan
    counts = {"lux given in klx": int(in_kilolux.sum()), "temperature without unit": int(no_unit.sum())}
    return repaired.drop(columns=["lux_unit", "temperature_unit"]), counts


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
    table, unit_counts = repair_units(raw.table)
    rows: list[tuple[str, str, int]] = []

    def keep(rule: str, healthy: pd.Series) -> None:
        nonlocal table
        # Where no row is left there is no truth value to go by, and pandas would take the selection for columns.
        healthy = healthy.astype(bool)
        rows.append((rule, "removed", int((~healthy).sum())))
        table = table[healthy]

    keep("image missing", table["has_image"])
    keep("image of the wrong size", table["id"].map(lambda i: raw.images[i].shape == IMAGE_SHAPE))
    keep("image blank", table["id"].map(lambda i: not is_blank(raw.images[i])))
    keep("scanned twice", ~table["id"].isin(find_repeated_scans(table, raw.images)))
    keep("no click, so no label", table["chute"].notna())

    chute = table["chute"].str.strip().str.upper()
    rows.append(("chute in lower case", "repaired", int((chute != table["chute"]).sum())))
    table = table.assign(chute=chute)
    keep("chute unknown", table["chute"].isin(CHUTES))
    rows.append(("lux given in klx", "repaired", unit_counts["lux given in klx"]))
    rows.append(("temperature without unit", "refused", unit_counts["temperature without unit"]))

    table = table.sort_values("seen_at", ignore_index=True)
    table = table[["id", "camera_id", "seen_at", "keyed_digit", "sender", "chute"]]
    table = table.assign(split=split_by_time(len(table)))
    X = np.stack([raw.images[i].ravel() for i in table["id"]])
    return require_clean(CleanDataset(table, X, pd.DataFrame(rows, columns=["rule", "action", "rows"])))
