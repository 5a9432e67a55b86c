"""The data contract: what the depot's tables promise, written as pandera schemas.

A check is named by the fault it finds, so that a failure case reads like a sentence. The raw contract lists what is
wrong with what arrived; the clean one refuses: `preprocess` hands on nothing that breaks it.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import SPLITS, CleanDataset
from mlops_lesson.collection.depot import CHUTES, GREY_LEVELS, IMAGE_SHAPE
from mlops_lesson.preprocessing.faults import HEALTHY_SIZE

if TYPE_CHECKING:
    from pandera.pandas import Column, DataFrameSchema

CAMERAS = (1, 2, 3, 4)
SHOWN_FAILURES = 3


def _columns_of_both() -> "dict[str, Column]":
    import pandera.pandas as pa

    return {
        "id": pa.Column(int, unique=True),
        "camera_id": pa.Column(int, pa.Check.isin(CAMERAS, error="camera unknown")),
        "seen_at": pa.Column(pa.DateTime),
        "keyed_digit": pa.Column(int, pa.Check.in_range(0, 9, error="digit outside 0 to 9")),
        "sender": pa.Column(int, pa.Check.in_range(1, 13, error="sender unknown")),
        "chute": pa.Column(str, pa.Check.isin(CHUTES, error="chute not A or B")),
    }


def raw_schema() -> "DataFrameSchema":
    """Return the contract of the collected table with its images measured.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        For what `mlops_lesson.preprocessing.faults.describe` returns. A sensor reading may be missing, for a parcel
        can be learned from without one; a label or an image may not.
    """
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            **_columns_of_both(),
            "has_image": pa.Column(bool, pa.Check.eq(True, error="image missing")),
            "image_size": pa.Column(str, pa.Check.eq(HEALTHY_SIZE, error="image of the wrong size"), nullable=True),
            "brightest": pa.Column(
                float, pa.Check.in_range(0, GREY_LEVELS, error="grey level above 16"), nullable=True
            ),
            "contrast": pa.Column(float, pa.Check.gt(0, error="image blank"), nullable=True),
            "scanned_before": pa.Column(bool, pa.Check.eq(False, error="scanned twice")),
            "lux": pa.Column(float, pa.Check.in_range(0, 2000, error="light out of range"), nullable=True),
            "lux_unit": pa.Column(str, pa.Check.eq("lx", error="light not in lx"), nullable=True),
            "temperature": pa.Column(float, pa.Check.in_range(0, 45, error="temperature out of range"), nullable=True),
        }
    )


def clean_schema() -> "DataFrameSchema":
    """Return the contract of the cleaned table and its images: nothing missing, and no column that nobody asked for.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        For `CleanDataset.table` with the `darkest` and `brightest` grey level and the `contrast` of each image.
    """
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            **_columns_of_both(),
            "split": pa.Column(str, pa.Check.isin(SPLITS, error="part unknown")),
            "darkest": pa.Column(float, pa.Check.ge(0, error="grey level below 0")),
            "brightest": pa.Column(float, pa.Check.le(GREY_LEVELS, error="grey level above 16")),
            "contrast": pa.Column(float, pa.Check.gt(0, error="image blank")),
        },
        strict=True,
    )


def require_clean(clean: CleanDataset) -> CleanDataset:
    """Refuse a cleaned dataset that breaks its contract.

    Parameters
    ----------
    clean : CleanDataset
        What is about to be handed on.

    Returns
    -------
    CleanDataset
        The same dataset.

    Raises
    ------
    ValueError
        If the table or an image breaks `clean_schema`, or there is not one image of 64 pixels for each row. The
        message names the rows.
    """
    import pandera.pandas as pa

    wanted = (len(clean.table), IMAGE_SHAPE[0] * IMAGE_SHAPE[1])
    if clean.X.shape != wanted:
        raise _refusal([f"the images should have the shape {wanted} and have {clean.X.shape}"])
    X = clean.X.astype(float)
    table = clean.table.assign(darkest=X.min(axis=1), brightest=X.max(axis=1), contrast=np.ptp(X, axis=1))
    try:
        clean_schema().validate(table.set_index("id", drop=False).rename_axis(None), lazy=True)
    except pa.errors.SchemaErrors as broken:
        by_check = broken.failure_cases.sort_values("index").groupby(["column", "check"], dropna=False)
        raise _refusal([_say(column, check, cases) for (column, check), cases in by_check]) from None
    return clean


def _refusal(problems: list[str]) -> ValueError:
    return ValueError(
        f"The cleaned dataset breaks its contract: {'; '.join(problems)}. Nothing is handed on. Look at these rows, "
        "and add a rule to the cleaning that says what becomes of them."
    )


def _say(column: object, check: str, cases: pd.DataFrame) -> str:
    if cases["index"].isna().any():
        return f"{check}: {', '.join(map(str, cases['failure_case']))}"
    ids = ", ".join(map(str, cases["index"].head(SHOWN_FAILURES)))
    more = f" and {len(cases) - SHOWN_FAILURES} more" if len(cases) > SHOWN_FAILURES else ""
    told = {"not_nullable": "missing", "field_uniqueness": "repeated"}.get(check, check)
    return f"{column}: {told} ({'parcel' if len(cases) == 1 else 'parcels'} {ids}{more})"
