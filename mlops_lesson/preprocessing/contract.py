"""The data contract: what the depot's tables promise, written as pandera schemas, and who breaks it.

A check is named by the fault it finds, so that a failure reads like a sentence. The raw contract is there to look at
what arrived; the clean one is there to refuse: `preprocess` hands nothing on that breaks it.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import SPLITS, CleanDataset, RawDataset
from mlops_lesson.collection.depot import CHUTES, GREY_LEVELS, IMAGE_SHAPE

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

CAMERAS = (1, 2, 3, 4)


HEALTHY_SIZE = " x ".join(map(str, IMAGE_SHAPE))


BRIGHTEST_LUX = 2000


WARMEST = 45


SHOWN_FAILURES = 3


FAILURE_COLUMNS = ["rule", "column", "id", "value"]


def describe_images(raw: RawDataset) -> pd.DataFrame:
    """Put what can be measured of each image beside its row, so that a schema can speak about images too.

    Parameters
    ----------
    raw : RawDataset
        What `mlops_lesson.collection.dataset.collect` returns.

    Returns
    -------
    pandas.DataFrame
        The table of `raw`, indexed by `id`, and three columns that are missing where there is no image: `image_size`
        (such as "8 x 8"), `brightest` (grey level) and `contrast` (brightest minus darkest grey level); then
        `scanned_before` (bool; see `mlops_lesson.preprocessing.faults.find_repeated_scans`).
    """
    from mlops_lesson.preprocessing.faults import find_repeated_scans

    seen = raw.table[raw.table["has_image"]]
    repeated = find_repeated_scans(seen, raw.images)
    images = pd.Series(raw.images).reindex(seen["id"])
    measured = pd.DataFrame(
        {
            "image_size": images.map(lambda image: " x ".join(map(str, image.shape))),
            "brightest": images.map(np.max),
            "contrast": images.map(np.ptp),
        }
    )
    table = raw.table.set_index("id", drop=False).rename_axis(None).join(measured)
    return table.assign(scanned_before=table["id"].isin(repeated))


def raw_schema() -> "DataFrameSchema":
    """Return the contract of the collected table with its images described, as `describe_images` gives it.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        Sensor readings may be missing, for a parcel can be learned from without one; a label or an image may not.
    """
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            "id": pa.Column(int, unique=True),
            "camera_id": pa.Column(int, pa.Check.isin(CAMERAS, error="camera unknown")),
            "seen_at": pa.Column(pa.DateTime),
            "keyed_digit": pa.Column(int, pa.Check.in_range(0, 9, error="digit outside 0 to 9")),
            "sender": pa.Column(int, pa.Check.in_range(1, 13, error="sender unknown")),
            "has_image": pa.Column(bool, pa.Check.eq(True, error="image missing")),
            "image_size": pa.Column(str, pa.Check.eq(HEALTHY_SIZE, error="image of the wrong size"), nullable=True),
            "brightest": pa.Column(
                float, pa.Check.in_range(0, GREY_LEVELS, error="grey level above 16"), nullable=True
            ),
            "contrast": pa.Column(float, pa.Check.gt(0, error="image blank"), nullable=True),
            "scanned_before": pa.Column(bool, pa.Check.eq(False, error="scanned twice")),
            "chute": pa.Column(str, pa.Check.isin(CHUTES, error="chute not A or B")),
            "lux": pa.Column(float, pa.Check.in_range(0, BRIGHTEST_LUX, error="light out of range"), nullable=True),
            "lux_unit": pa.Column(str, pa.Check.eq("lx", error="light not in lx"), nullable=True),
            "temperature": pa.Column(
                float, pa.Check.in_range(0, WARMEST, error="temperature out of range"), nullable=True
            ),
        }
    )


def clean_schema() -> "DataFrameSchema":
    """Return the contract of the cleaned table: nothing missing, and no column that nobody asked for.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        For `CleanDataset.table`.
    """
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            "id": pa.Column(int, unique=True),
            "camera_id": pa.Column(int, pa.Check.isin(CAMERAS, error="camera unknown")),
            "seen_at": pa.Column(pa.DateTime),
            "keyed_digit": pa.Column(int, pa.Check.in_range(0, 9, error="digit outside 0 to 9")),
            "sender": pa.Column(int, pa.Check.in_range(1, 13, error="sender unknown")),
            "chute": pa.Column(str, pa.Check.isin(CHUTES, error="chute not A or B")),
            "split": pa.Column(str, pa.Check.isin(SPLITS, error="part unknown")),
        },
        strict=True,
    )


def failures(table: pd.DataFrame, schema: "DataFrameSchema") -> pd.DataFrame:
    """List everything in a table that breaks a schema, all at once.

    Parameters
    ----------
    table : pandas.DataFrame
        Indexed so that the index names a row, such as by parcel id.
    schema : pandera.pandas.DataFrameSchema
        The contract.

    Returns
    -------
    pandas.DataFrame
        One row a failure, in the order of the schema's columns: `rule` (what is wrong), `column`, `id` (the row's
        index, missing where a whole column is wrong) and `value`; empty if the table keeps the contract.
    """
    import pandera.pandas as pa

    try:
        schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as broken:
        cases = broken.failure_cases.rename(columns={"check": "rule", "index": "id", "failure_case": "value"})
        plain = {"not_nullable": "missing", "field_uniqueness": "repeated"}
        generic = cases["rule"].map(plain)
        cases["column"] = cases["column"].fillna(cases["value"].astype(str))
        cases["rule"] = (cases["column"] + " " + generic).where(generic.notna(), cases["rule"])
        order = cases["column"].map({column: place for place, column in enumerate(schema.columns)})
        cases = cases.assign(order=order).sort_values(["order", "rule", "id"], kind="stable", ignore_index=True)
        return cases[FAILURE_COLUMNS]
    return pd.DataFrame(columns=FAILURE_COLUMNS)


def count_failures(cases: pd.DataFrame) -> pd.DataFrame:
    """Count failures by rule, in the order in which they are listed.

    Parameters
    ----------
    cases : pandas.DataFrame
        What `failures` returns.

    Returns
    -------
    pandas.DataFrame
        `rule`, `column`, `rows`.
    """
    return cases.groupby(["rule", "column"], sort=False, as_index=False).agg(rows=("id", "size"))


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
        If the table breaks `clean_schema`, or an image is blank, has another number of pixels, or a grey level that
        is no number from 0 to 16. The message counts and names the rows.
    """
    cases = failures(clean.table.set_index("id", drop=False).rename_axis(None), clean_schema())
    problems = [f"{rule} ({_some(group['id'])})" for rule, group in cases.groupby("rule", sort=False)]
    n_pixels = IMAGE_SHAPE[0] * IMAGE_SHAPE[1]
    if clean.X.shape != (len(clean.table), n_pixels):
        wanted = (len(clean.table), n_pixels)
        problems.append(f"the images should have the shape {wanted} and have {clean.X.shape}")
    else:
        with np.errstate(invalid="ignore"):
            faults = {
                "grey level that is no number from 0 to 16": ~((clean.X >= 0) & (clean.X <= GREY_LEVELS)).all(axis=1),
                "image blank": np.ptp(clean.X, axis=1) == 0,
            }
        problems += [f"{rule} ({_some(clean.table.loc[bad, 'id'])})" for rule, bad in faults.items() if bad.any()]
    if problems:
        raise ValueError(
            f"The cleaned dataset breaks its contract: {'; '.join(problems)}. Nothing is handed on. Look at these "
            "rows, and add a rule to the cleaning that says what becomes of them."
        )
    return clean


def _some(ids: pd.Series) -> str:
    named = ("parcel " if len(ids) == 1 else "parcels ") + ", ".join(str(i) for i in ids.head(SHOWN_FAILURES))
    return named + (f" and {len(ids) - SHOWN_FAILURES} more" if len(ids) > SHOWN_FAILURES else "")
