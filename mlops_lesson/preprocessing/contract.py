"""The contract of the cleaned dataset, written as a pandera schema: nothing that breaks it is handed on.

A check is named by the fault it finds, so that a failure case reads like a sentence.
"""

import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import SPLITS, CleanDataset
from mlops_lesson.collection.depot import CHUTES, GREY_LEVELS, IMAGE_SHAPE


def require_clean(clean: CleanDataset) -> CleanDataset:
    """Return the cleaned dataset if it keeps its contract.

    Raises
    ------
    ValueError
        If the table or an image breaks the contract; the message names the rows.
    """
    import pandera.pandas as pa

    contract = pa.DataFrameSchema(
        {
            "id": pa.Column(int, unique=True),
            "camera_id": pa.Column(int, pa.Check.in_range(1, 4, error="camera unknown")),
            "seen_at": pa.Column(pa.DateTime),
            "keyed_digit": pa.Column(int, pa.Check.in_range(0, 9, error="digit outside 0 to 9")),
            "sender": pa.Column(int, pa.Check.in_range(1, 13, error="sender unknown")),
            "chute": pa.Column(str, pa.Check.isin(CHUTES, error="chute not A or B")),
            "split": pa.Column(str, pa.Check.isin(SPLITS, error="part unknown")),
            "pixels": pa.Column(int, pa.Check.eq(IMAGE_SHAPE[0] * IMAGE_SHAPE[1], error="not 8 x 8")),
            "darkest": pa.Column(float, pa.Check.ge(0, error="grey level below 0")),
            "brightest": pa.Column(float, pa.Check.le(GREY_LEVELS, error="grey level above 16")),
            "contrast": pa.Column(float, pa.Check.gt(0, error="image blank")),
        },
        strict=True,
    )
    X = clean.X.astype(float)
    images = {"pixels": X.shape[1], "darkest": X.min(axis=1), "brightest": X.max(axis=1), "contrast": np.ptp(X, axis=1)}
    try:
        contract.validate(clean.table.assign(**images).set_index("id", drop=False).rename_axis(None), lazy=True)
    except pa.errors.SchemaErrors as broken:
        by_check = broken.failure_cases.sort_values("index").groupby(["column", "check"], dropna=False)
        problems = "; ".join(_say(column, check, cases) for (column, check), cases in by_check)
        raise ValueError(
            f"The cleaned dataset breaks its contract: {problems}. Nothing is handed on. Look at these rows, and add a "
            "rule to the cleaning that says what becomes of them."
        ) from None
    return clean


def _say(column: object, check: str, cases: pd.DataFrame) -> str:
    if cases["index"].isna().any():
        return f"{check}: {', '.join(map(str, cases['failure_case']))}"
    ids = [str(i) for i in cases["index"]]
    more = f" and {len(ids) - 3:,} more" if len(ids) > 3 else ""
    return f"{column}: {check} (parcel {', '.join(ids[:3])}{more})"
