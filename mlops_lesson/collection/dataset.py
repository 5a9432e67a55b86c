"""The two datasets that the first stages hand on: the raw one and the cleaned one."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from mlops_lesson.collection import depot

SPLITS = ("train", "validation", "test")


def _digest(table: pd.DataFrame, *arrays: tuple[str, np.ndarray]) -> str:
    parts = [table.to_csv(index=False, lineterminator="\n").encode()]
    parts += [f"{name}{one.shape}".encode() + np.ascontiguousarray(one, dtype="<f8").tobytes() for name, one in arrays]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


@dataclass(frozen=True)
class RawDataset:
    """What Data Collection hands on: one row per scanned parcel, the images, and where everything came from.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per scan, by id: `id`, `camera_id`, `place`, `seen_at`, `keyed_digit`, `sender`, `has_image`,
        `n_clicks`, `first_clicked_at`, `chute` (the last click, as written), `lux`, `lux_unit`, `temperature`,
        `temperature_unit`.
    images : dict of int to numpy.ndarray
        Grey levels by parcel id, as the cameras recorded them.
    lineage : pandas.DataFrame
        One row per source: `source`, `rows`, `sha256`.
    """

    table: pd.DataFrame
    images: dict[int, np.ndarray] = field(repr=False)
    lineage: pd.DataFrame = field(repr=False)

    @property
    def data_hash(self) -> str:
        """SHA-256 over the table and all images: the same data give the same hash, any change another."""
        return _digest(self.table, *((str(i), image) for i, image in sorted(self.images.items())))


@dataclass(frozen=True)
class CleanDataset:
    """What Data Preprocessing hands on: images as rows of numbers, labels, and the part each row belongs to.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per parcel, by time: `id`, `camera_id`, `seen_at`, `keyed_digit`, `sender`, `chute` ("A" or "B") and
        `split` ("train", "validation" or "test").
    X : numpy.ndarray of shape (n_parcels, 64)
        Grey levels 0 to 16, in the order of `table`. The model's own first step scales them to 0..1.
    report : pandas.DataFrame
        What was removed, repaired or refused, and why: `rule`, `action`, `rows`.
    """

    table: pd.DataFrame
    X: np.ndarray = field(repr=False)
    report: pd.DataFrame = field(repr=False)

    @property
    def y(self) -> np.ndarray:
        """Labels, shape (n_parcels,): 0 for chute A, 1 for chute B."""
        return (self.table["chute"] == "B").to_numpy().astype(int)

    @cached_property
    def data_hash(self) -> str:
        """SHA-256 over table and images."""
        return _digest(self.table, ("", self.X))

    def part(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Return X, of shape (n, 64), and y, of shape (n,), of one part: "train", "validation" or "test"."""
        if split not in SPLITS:
            raise ValueError(f"There is no part {split!r}: give one of {', '.join(SPLITS)}.")
        rows = (self.table["split"] == split).to_numpy()
        return self.X[rows], self.y[rows]


def last_click(clicks: pd.DataFrame) -> pd.DataFrame:
    """Bring `parcel_id`, `clicked_at` and `chute` to one row per parcel; the last click says the chute.

    Returns
    -------
    pandas.DataFrame
        Indexed by `parcel_id`: `n_clicks`, `first_clicked_at`, `chute`.
    """
    in_order = clicks.sort_values("clicked_at", kind="stable").groupby("parcel_id")
    return in_order.agg(n_clicks=("chute", "size"), first_clicked_at=("clicked_at", "first"), chute=("chute", "last"))


def collect() -> RawDataset:
    """Stage 1: gather parcels, images, sensor readings and clicks into one dataset that drops nothing.

    Returns
    -------
    RawDataset
        One row per scanned parcel, whether or not it has an image, a click or a sensor reading.
    """
    parcels, images = depot.read_parcels(), depot.read_images()
    sensors, clicks = depot.read_sensors(), depot.read_clicks()

    table = parcels.assign(has_image=parcels["id"].isin(list(images)), hour=parcels["seen_at"].dt.floor("h"))
    table = table.merge(last_click(clicks), how="left", left_on="id", right_index=True)
    table["n_clicks"] = table["n_clicks"].fillna(0).astype(int)
    table = table.merge(sensors, how="left", on=["camera_id", "hour"]).drop(columns="hour")

    photographed = table.loc[table["has_image"], "camera_id"].value_counts()
    rows = {"raw/depot.db": len(parcels)}
    rows |= {f"raw/images/{path.name}": photographed[n] for n, path in depot.camera_archives().items()}
    rows |= {"raw/sensors.jsonl": len(sensors), "raw/clicks.csv": len(clicks)}
    lineage = pd.DataFrame({"source": rows.keys(), "rows": rows.values()})
    lineage["sha256"] = [depot.checksum(depot.data_dir() / source) for source in rows]
    return RawDataset(table, images, lineage)
