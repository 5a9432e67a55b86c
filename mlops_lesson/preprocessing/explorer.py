"""The explorer of Data Preprocessing: what each cleaning step does to the rows and to the accuracy reported."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import ipywidgets
import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import RawDataset
from mlops_lesson.preprocessing.cleaning import UNUSABLE, fit_logistic_regression, split_by_time
from mlops_lesson.preprocessing.faults import faults
from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.show.figures import BLUE, GREY, ShownFigure, drawing

STEPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "whole": ("remove missing and mis-sized images", UNUSABLE),
    "blank": ("remove blank frames", ("image blank",)),
    "repeated": ("remove repeated scans", ("scanned twice",)),
    "unlabelled": ("remove parcels without a click", ("no click, so no label",)),
    "spelling": ("repair clicks in lower case", ()),
    "by_time": ("split by time", ()),
}
"""By step, its description and the faults whose rows it removes."""


class Outcome(NamedTuple):
    """What came of one choice of cleaning steps."""

    n_rows: int
    notes: tuple[str, ...]
    right: np.ndarray = np.empty(0, dtype=bool)
    """For each validation image, whether it is classified as its label says; empty if nothing could be trained."""


def clean_by(steps: Mapping[str, bool], raw: RawDataset, bad: pd.DataFrame) -> Outcome:
    """Take the steps that are true, train a logistic regression and measure it on the validation part."""
    left_in = {step: bad[[*removes]].any(axis=1).to_numpy() for step, (_, removes) in STEPS.items()}
    removed = np.any([steps[step] & broken for step, broken in left_in.items()], axis=0)
    kept = raw.table[~removed].sort_values("seen_at", ignore_index=True)
    if n_unusable := int((left_in["whole"] & ~removed).sum()):
        note = f"{n_unusable} rows have no image of 8 x 8 pixels: training stops with an error. "
        return Outcome(len(kept), (f"{note}This fault is loud; the others are silent.",))

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
        "{} blank frames teach that nothing at all has a chute.": (np.ptp(X, axis=1) == 0).sum(),
        "{} validation images are copies of training images.": sum(one.tobytes() in known for one in X[validation]),
        "The same weeks stand on both sides: that answers another question than next week's.": not steps["by_time"],
    }
    right = fit_logistic_regression(X[train], y[train]).predict(X[validation]) == y[validation]
    return Outcome(len(kept), tuple(note.format(count) for note, count in notes.items() if count), right)


def _draw(outcome: Outcome, reference: Outcome) -> ShownFigure:
    from scipy.stats import binomtest

    words = []
    with drawing("Validation accuracy, with 95 % interval", 7.0, 1.7) as d:
        for name, each, colour, marker in (("your steps", outcome, BLUE, "o"), ("all steps", reference, GREY, "s")):
            ends = binomtest(int(each.right.sum()), len(each.right)).proportion_ci(method="wilson")
            label, accuracy = f"{name}: {each.n_rows:,} rows", each.right.mean()
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
    reference = clean_by(dict.fromkeys(STEPS, True), raw, bad)

    @cache
    def answer(**steps: bool) -> Answer:
        outcome = clean_by(steps, raw, bad)
        if not outcome.right.size:
            return Answer(f"{outcome.n_rows:,} rows, and no model", outcome.notes)
        headline = f"{outcome.n_rows:,} rows kept, validation accuracy {outcome.right.mean():.3f}"
        return Answer(headline, outcome.notes, (_draw(outcome, reference),))

    controls = {
        name: ipywidgets.Checkbox(value=True, description=text, indent=False, layout={"width": "auto"})
        for name, (text, _) in STEPS.items()
    }
    return Explorer("Cleaning steps, rows and accuracy", controls, answer)
