"""What is wrong with each scan: measured once, read by the cleaning, the explorer and the contract of notebook 2."""

import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import RawDataset
from mlops_lesson.collection.depot import CHUTES


def describe(raw: RawDataset) -> pd.DataFrame:
    """Put what can be measured of each image beside its row, so that a schema can speak about images too.

    Returns
    -------
    pandas.DataFrame
        The table of `raw` with the parcel's id as index too, and four more columns. Missing where there is no image:
        `image_size` (such as "8 x 8"), `brightest` (grey level) and `contrast` (brightest minus darkest grey level).
        Never missing: `scanned_before` (bool), the same picture on the same camera within the minute before.
    """
    table = raw.table.set_index("id", drop=False).rename_axis(None)
    images = pd.Series(raw.images, dtype=object).reindex(table["id"]).dropna()
    pictures = images.map(np.ndarray.tobytes).reindex(table.index)
    earlier = table.sort_values("seen_at").groupby(["camera_id", pictures])["seen_at"].diff()
    return table.assign(
        image_size=images.map(lambda image: " x ".join(map(str, image.shape))),
        brightest=images.map(np.max).astype(float),
        contrast=images.map(np.ptp).astype(float),
        scanned_before=earlier <= pd.Timedelta(minutes=1),
    )


def faults(raw: RawDataset) -> pd.DataFrame:
    """Say of each scan which faults it has.

    Returns
    -------
    pandas.DataFrame
        One row per scan, in the order of `raw.table` and indexed by the parcel's id; one bool column per fault.
    """
    table = describe(raw)
    chute = table["chute"].str.strip().str.upper()
    return pd.DataFrame(
        {
            "image missing": ~table["has_image"],
            "image of the wrong size": table["has_image"] & (table["image_size"] != "8 x 8"),
            "image blank": table["contrast"] == 0,
            "scanned twice": table["scanned_before"],
            "no click, so no label": chute.isna(),
            "chute in lower case": chute.notna() & (chute != table["chute"]),
            "chute unknown": chute.notna() & ~chute.isin(CHUTES),
            "lux given in klx": table["lux_unit"] == "klx",
            "temperature without unit": table["temperature"].notna() & (table["temperature_unit"] != "C"),
        }
    )
