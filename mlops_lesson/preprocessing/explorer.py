"""The explorer of Data Preprocessing: what each cleaning step does to the rows and to the accuracy reported."""

from collections.abc import Mapping
from functools import cache

import ipywidgets
import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import RawDataset
from mlops_lesson.preprocessing.cleaning import fit_logistic_regression, split_by_time
from mlops_lesson.preprocessing.faults import faults
from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.show.figures import BLUE, GREY, ShownFigure, drawing

UNUSABLE = ("image missing", "image of the wrong size")
STEPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "whole": ("remove missing and mis-sized images", UNUSABLE),
    "blank": ("remove blank frames", ("image blank",)),
    "repeated": ("remove repeated scans", ("scanned twice",)),
    "unlabelled": ("remove parcels without a click", ("no click, so no label",)),
    "spelling": ("repair clicks in lower case", ()),
    "by_time": ("split by time", ()),
}
"""By step, its description and the faults whose rows it removes."""

_Outcome = tuple[int, tuple[str, ...], np.ndarray | None]
"""Rows kept, what to say about them, and for each validation image whether it is answered right; None: no model."""


def _clean_by(steps: Mapping[str, bool], raw: RawDataset, bad: pd.DataFrame) -> _Outcome:
    """Take the steps that are true, train a logistic regression and measure it on the validation part."""
    removing = [fault for step, (_, removes) in STEPS.items() if steps[step] for fault in removes]
    kept = raw.table[~bad[removing].any(axis=1).to_numpy()].sort_values("seen_at", ignore_index=True)
    if n_unusable := int(bad.loc[kept["id"], [*UNUSABLE]].any(axis=1).sum()):
        note = f"{n_unusable} rows have no image of 8 x 8 pixels: training stops with an error. "
        return len(kept), (f"{note}This fault is loud; the others are silent.",), None

    chute = kept["chute"].str.upper() if steps["spelling"] else kept["chute"]
    X, y = np.stack([raw.images[i].ravel() for i in kept["id"]]), (chute == "B").to_numpy().astype(int)
    part = split_by_time(len(X))
    if not steps["by_time"]:
        part = np.random.RandomState(0).permutation(part)
    train, validation = part == "train", part == "validation"
    known = {image.tobytes() for image in X[train] if np.ptp(image) > 0}
    notes = {
        "{} parcels without a click are counted as chute A: labels that nobody gave.": chute.isna().sum(),
        "{} clicks on b are counted as chute A, because b is not B.": (chute == "b").sum(),
        "{} blank frames teach the model a chute for an empty image.": (np.ptp(X, axis=1) == 0).sum(),
        "{} validation images are copies of training images.": sum(one.tobytes() in known for one in X[validation]),
        "The same weeks are on both sides: this does not say how well next week will go.": not steps["by_time"],
    }
    right = fit_logistic_regression(X[train], y[train]).predict(X[validation]) == y[validation]
    return len(kept), tuple(note.format(count) for note, count in notes.items() if count), right


def _draw(right_by_name: Mapping[str, np.ndarray]) -> ShownFigure:
    from scipy.stats import binomtest

    words = []
    with drawing("Validation accuracy, with 95 % interval", 7.0, 1.7) as d:
        for (label, right), colour, marker in zip(right_by_name.items(), (BLUE, GREY), "os", strict=True):
            ends, accuracy = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson"), right.mean()
            d.axis.plot([ends.low, ends.high], [label, label], color=colour, linewidth=3)
            d.axis.plot(accuracy, label, marker, color=colour, markersize=9)
            d.axis.annotate(f"{accuracy:.3f}", (ends.high, label), (6, -4), textcoords="offset points")
            words.append(f"{label}, accuracy {accuracy:.3f}, 95 % interval {ends.low:.3f} to {ends.high:.3f}")
        d.axis.set(xlim=(0.7, 1), ylim=(1.5, -0.5), xlabel="share right")
        d.alt = f"Validation accuracy. {'; '.join(words)}."
    return d.shown


def explore_cleaning(raw: RawDataset) -> Explorer:
    """Switch cleaning steps on and off, and see the rows that are kept and the accuracy that would be reported."""
    bad = faults(raw)
    n_all, _, right_of_all = _clean_by(dict.fromkeys(STEPS, True), raw, bad)

    @cache
    def answer(**steps: bool) -> Answer:
        n_rows, notes, right = _clean_by(steps, raw, bad)
        if right is None:
            return Answer(f"{n_rows:,} rows, and no model", notes)
        figure = _draw({f"your steps: {n_rows:,} rows": right, f"all steps: {n_all:,} rows": right_of_all})
        return Answer(f"{n_rows:,} rows kept, validation accuracy {right.mean():.3f}", notes, (figure,))

    controls = {
        name: ipywidgets.Checkbox(value=True, description=text, indent=False, layout={"width": "auto"})
        for name, (text, _) in STEPS.items()
    }
    return Explorer("Cleaning steps, rows and accuracy", controls, answer)
