"""The explorer of Data Collection: which sources are needed, and what a join does to the rows."""

import ipywidgets
import numpy as np
import pandas as pd

from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.show.figures import plot_counts

SOURCES = ("database", "images", "clicks", "sensors")
KEEP_ALL, ONLY_COMPLETE = "left join: keep every row", "inner join: keep complete rows"
STEPS = ("rows in the table", "with an image", "and a label", "and time and camera", "and a light reading")
LOSSES = {
    "database": "Without the database nobody knows when and where: no split by time, no result by camera, no light.",
    "images": "Without the images there is nothing to look at.",
    "clicks": "Without the clicks no image has a label.",
    "sensors": "Without the sensors a dark hall cannot be told from a shut shutter.",
}


def find_evidence(
    parcels: pd.DataFrame, images: dict[int, np.ndarray], sensors: pd.DataFrame, clicks: pd.DataFrame
) -> pd.DataFrame:
    """Say for every parcel id which sources know it; the sensors do if they have its camera and hour."""
    ids = pd.Index(sorted({*parcels["id"], *images, *clicks["parcel_id"]}), name="parcel_id")
    hours = parcels.assign(hour=parcels["seen_at"].dt.floor("h"))
    lit = hours.merge(sensors[["camera_id", "hour"]], on=["camera_id", "hour"])["id"]
    known = {"database": parcels["id"], "images": list(images), "clicks": clicks["parcel_id"], "sensors": lit}
    return pd.DataFrame({source: ids.isin(found) for source, found in known.items()}, index=ids)


def count_usable(evidence: pd.DataFrame, sources: set[str], *, keep_all: bool) -> dict[str, int]:
    """Count rows for each of `STEPS`, each among those of the step before, of left joins or of inner joins."""
    # A reading is found by camera and hour, which only the database knows.
    found = sources if "database" in sources else sources - {"sensors"}
    known = evidence.assign(**{source: False for source in SOURCES if source not in found})
    first = next((source for source in SOURCES if source in found), "database")
    rows = known[first] & (keep_all | known[list(sources)].all(axis=1))
    counts = {STEPS[0]: int(rows.sum())}
    for step, source in zip(STEPS[1:], ("images", "clicks", "database", "sensors"), strict=True):
        rows = rows & known[source]
        counts[step] = int(rows.sum())
    return counts


def explore_sources(
    parcels: pd.DataFrame, images: dict[int, np.ndarray], sensors: pd.DataFrame, clicks: pd.DataFrame
) -> Explorer:
    """Switch sources on and off, choose a join, and see how many usable labelled images remain.

    Parameters
    ----------
    parcels, sensors, clicks : pandas.DataFrame
        As `mlops_lesson.collection.depot` reads them.
    images : dict of int to numpy.ndarray
        Images by parcel id.
    """
    evidence = find_evidence(parcels, images, sensors, clicks)

    def answer(join: str, **switched_on: bool) -> Answer:
        sources = {source for source in SOURCES if switched_on[source]}
        counts = count_usable(evidence, sources, keep_all=join == KEEP_ALL)
        usable = counts[STEPS[2]]
        notes = [LOSSES[source] for source in SOURCES if source not in sources]
        if lost := count_usable(evidence, sources, keep_all=True)[STEPS[2]] - usable:
            notes.append(f"The inner join dropped {lost:,} labelled images, and no program complained.")
        title, limit = "How many scans remain at each step", round(len(evidence) * 1.1)
        figure = plot_counts(counts, STEPS[2], title=title, what="scans", height=2.6, limit=limit)
        return Answer(f"{usable:,} usable labelled images", tuple(notes), (figure,))

    controls = {source: ipywidgets.Checkbox(value=True, description=source, indent=False) for source in SOURCES}
    join = ipywidgets.RadioButtons(options=[KEEP_ALL, ONLY_COMPLETE], description="How to join")
    return Explorer("Sources and usable images", {**controls, "join": join}, answer)
