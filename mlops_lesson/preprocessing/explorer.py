"""The explorer of Data Preprocessing: what each cleaning step does to the rows and to the accuracy reported."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import ipywidgets
import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import RawDataset
from mlops_lesson.preprocessing.cleaning import split_by_time
from mlops_lesson.preprocessing.faults import faults
from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.show.figures import BLUE, GREY, ShownFigure, drawing

STEPS = {
    "whole": "remove missing and mis-sized images",
    "blank": "remove blank frames",
    "repeated": "remove repeated scans",
    "unlabelled": "remove parcels without a click",
    "spelling": "repair clicks in lower case",
    "by_time": "split by time",
}
REMOVES = {
    "whole": ["image missing", "image of the wrong size"],
    "blank": ["image blank"],
    "repeated": ["scanned twice"],
    "unlabelled": ["no click, so no label"],
}
SPLIT_SEED = 0


@dataclass(frozen=True)
class Outcome:
    """What came of one choice of cleaning steps; without `n_validation` nothing could be trained."""

    n_rows: int
    notes: tuple[str, ...]
    n_right: int = 0
    n_validation: int = 0

    @property
    def accuracy(self) -> float:
        """Share of validation images classified as their label says."""
        return self.n_right / self.n_validation


def clean_by(steps: Mapping[str, bool], raw: RawDataset, bad: pd.DataFrame) -> Outcome:
    """Take the steps that are true, train a logistic regression and measure it on the validation part."""
    left_in = {step: bad[faults].any(axis=1).to_numpy() for step, faults in REMOVES.items()}
    removed = np.any([steps[step] & broken for step, broken in left_in.items()], axis=0)
    kept = raw.table[~removed].sort_values("seen_at", ignore_index=True)
    if n_unusable := int((left_in["whole"] & ~removed).sum()):
        note = f"{n_unusable} rows have no image of 8 x 8 pixels: training stops with an error. "
        return Outcome(len(kept), (f"{note}This fault is loud; the others are silent.",))

    chute = kept["chute"].str.upper() if steps["spelling"] else kept["chute"]
    X, y = np.stack([raw.images[i].ravel() for i in kept["id"]]), (chute == "B").to_numpy().astype(int)
    part = split_by_time(len(X))
    if not steps["by_time"]:
        part = np.random.RandomState(SPLIT_SEED).permutation(part)
    train, validation = part == "train", part == "validation"
    known = {image.tobytes() for image in X[train] if np.ptp(image) > 0}
    notes = {
        "{} parcels without a click are counted as chute A: labels that nobody gave.": chute.isna().sum(),
        "{} clicks on b are counted as chute A, because b is not B.": (chute == "b").sum(),
        "{} blank frames teach that nothing at all has a chute.": (np.ptp(X, axis=1) == 0).sum(),
        "{} validation images are copies of training images.": sum(one.tobytes() in known for one in X[validation]),
        "Parcels of the same weeks stand on both sides: this answers another question than next week's.": (
            not steps["by_time"]
        ),
    }
    n_right = int((_fit(X[train], y[train]).predict(X[validation]) == y[validation]).sum())
    told = tuple(note.format(count) for note, count in notes.items() if count)
    return Outcome(len(kept), told, n_right, int(validation.sum()))


def _fit(X_train: np.ndarray, y_train: np.ndarray):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    return make_pipeline(MinMaxScaler(clip=True), LogisticRegression(max_iter=1000)).fit(X_train, y_train)


def _draw(outcome: Outcome, reference: Outcome, n_raw: int) -> ShownFigure:
    from scipy.stats import binomtest

    pairs = (("your steps", outcome, BLUE, "o"), ("all steps", reference, GREY, "s"))
    words = []
    with drawing("Your steps beside all steps", 8.0, 2.2, columns=2, sharey=True) as d:
        rows, accuracy = d.axes
        for place, (name, each, colour, marker) in enumerate(pairs):
            ends = binomtest(each.n_right, each.n_validation).proportion_ci(method="wilson")
            bar = rows.barh(place, each.n_rows, color=colour, height=0.55)
            rows.bar_label(bar, [f"{each.n_rows:,}"], label_type="center", color="white")
            accuracy.plot([ends.low, ends.high], [place, place], color=colour, linewidth=3)
            accuracy.plot(each.accuracy, place, marker, color=colour, markersize=9)
            accuracy.text(ends.high + 0.01, place, f"{each.accuracy:.3f}", va="center")
            words.append(
                f"{name}: {each.n_rows:,} rows, validation accuracy {each.accuracy:.3f}, "
                f"95 % interval {ends.low:.3f} to {ends.high:.3f}"
            )
        rows.set_yticks(range(len(pairs)), [name for name, *_ in pairs])
        rows.set(xlim=(0, n_raw), xlabel="rows kept", title="Rows", ylim=(len(pairs) - 0.4, -0.6))
        accuracy.set(xlim=(0.7, 1), xlabel="share right, with 95 % interval", title="Validation accuracy")
        d.alt = f"Rows kept and validation accuracy. {'; '.join(words)}."
    return d.shown


def explore_cleaning(raw: RawDataset) -> Explorer:
    """Switch cleaning steps on and off, and see the rows that are kept and the accuracy that would be reported.

    Parameters
    ----------
    raw : RawDataset
        What `mlops_lesson.collection.dataset.collect` returns.

    Returns
    -------
    Explorer
        Make it the last expression of a cell. A combination is computed once and remembered.
    """
    bad = faults(raw)
    reference = clean_by(dict.fromkeys(STEPS, True), raw, bad)

    @cache
    def answer(**steps: bool) -> Answer:
        outcome = clean_by(steps, raw, bad)
        if not outcome.n_validation:
            return Answer(f"{outcome.n_rows:,} rows, and no model", outcome.notes)
        headline = f"{outcome.n_rows:,} rows kept, validation accuracy {outcome.accuracy:.3f}"
        return Answer(headline, outcome.notes, (_draw(outcome, reference, len(raw.table)),))

    controls = {
        name: ipywidgets.Checkbox(value=True, description=text, indent=False, layout={"width": "auto"})
        for name, text in STEPS.items()
    }
    return Explorer("Cleaning steps, rows and accuracy", controls, answer)
