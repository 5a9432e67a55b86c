"""The explorer of Data Preprocessing: what each cleaning step does to the rows and to the accuracy reported."""

from dataclasses import dataclass, field
from functools import cache

import ipywidgets
import numpy as np
import pandas as pd

from mlops_lesson.collection.dataset import RawDataset
from mlops_lesson.collection.depot import IMAGE_SHAPE
from mlops_lesson.preprocessing.cleaning import split_by_time
from mlops_lesson.preprocessing.faults import find_repeated_scans, is_blank
from mlops_lesson.show.explorer import Answer, Explorer, live_explorer
from mlops_lesson.show.figures import BLUE, GREY, ShownFigure, new_figure, show
from mlops_lesson.validation.measures import interval

STEPS = {
    "whole": "remove missing and mis-sized images",
    "blank": "remove blank frames",
    "repeated": "remove repeated scans",
    "unlabelled": "remove parcels without a click",
    "spelling": "repair clicks in lower case",
    "by_time": "split by time",
}


SPLIT_SEED = 0


@dataclass(frozen=True)
class Outcome:
    """What came of one choice of cleaning steps.

    Parameters
    ----------
    n_rows : int
        Rows that are kept.
    n_unusable : int
        Kept rows whose image is missing or has another number of pixels; with any of them nothing can be trained.
    n_blank, n_invented, n_misread : int
        Kept blank frames, parcels without a click that count as chute A, and clicks on "b" that count as chute A.
    n_copies : int
        Validation images that also stand, pixel for pixel, among the training images.
    n_right, n_validation : int
        Validation images classified as their label says, and all of them.
    """

    n_rows: int
    n_unusable: int = 0
    n_blank: int = 0
    n_invented: int = 0
    n_misread: int = 0
    n_copies: int = 0
    n_right: int = 0
    n_validation: int = 0

    @property
    def accuracy(self) -> float:
        """Share of validation images classified as their label says."""
        return self.n_right / self.n_validation


@dataclass(frozen=True)
class Workbench:
    """A raw dataset on which cleaning steps can be tried in any combination.

    Parameters
    ----------
    raw : RawDataset
        What `mlops_lesson.collection.dataset.collect` returns.
    """

    raw: RawDataset
    facts: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        images, table = self.raw.images, self.raw.table.sort_values("seen_at", ignore_index=True)
        whole = table["id"].map(lambda i: i in images and images[i].shape == IMAGE_SHAPE)
        seen = table[table["has_image"]]
        facts = table[["id", "chute"]].assign(
            whole=whole,
            blank=table["id"].map(lambda i: i in images and is_blank(images[i])),
            repeated=table["id"].isin(find_repeated_scans(seen, images)),
            unlabelled=table["chute"].isna(),
        )
        object.__setattr__(self, "facts", facts)

    def clean(self, **steps: bool) -> Outcome:
        """Apply the steps that are true, train a logistic regression and measure it on the validation part.

        Parameters
        ----------
        **steps : bool
            One for each name in `STEPS`.

        Returns
        -------
        Outcome
            Counts and, unless images are unusable, the accuracy.
        """
        facts = self.facts
        for name in ("blank", "repeated", "unlabelled"):
            if steps[name]:
                facts = facts[~facts[name]]
        if steps["whole"]:
            facts = facts[facts["whole"]]
        if not facts["whole"].all():
            return Outcome(len(facts), n_unusable=int((~facts["whole"]).sum()))

        written = facts["chute"].str.upper() if steps["spelling"] else facts["chute"]
        y = (written == "B").to_numpy().astype(int)
        X = np.stack([self.raw.images[i].ravel() for i in facts["id"]])
        part = split_by_time(len(X))
        if not steps["by_time"]:
            part = np.random.RandomState(SPLIT_SEED).permutation(part)
        train, validation = part == "train", part == "validation"
        known = {image.tobytes() for image in X[train] if np.ptp(image) > 0}
        n_right = int((self._fit(X[train], y[train]).predict(X[validation]) == y[validation]).sum())
        return Outcome(
            len(X),
            n_blank=int(facts["blank"].sum()),
            n_invented=int(written.isna().sum()),
            n_misread=int((written == "b").sum()),
            n_copies=sum(image.tobytes() in known for image in X[validation]),
            n_right=n_right,
            n_validation=int(validation.sum()),
        )

    @staticmethod
    def _fit(X_train: np.ndarray, y_train: np.ndarray):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import MinMaxScaler

        return make_pipeline(MinMaxScaler(clip=True), LogisticRegression(solver="newton-cholesky")).fit(
            X_train, y_train
        )


def _draw(outcome: Outcome, reference: Outcome, n_raw: int) -> ShownFigure:
    pairs = (("your steps", outcome, BLUE, "o"), ("all steps", reference, GREY, "s"))
    with new_figure(8.0, 2.2, n_columns=2, sharey=True) as (figure, (rows_axis, accuracy_axis)):
        for place, (_, each, colour, marker) in enumerate(pairs):
            rows_axis.barh(place, each.n_rows, color=colour, height=0.55)
            rows_axis.text(
                each.n_rows - n_raw * 0.02, place, f"{each.n_rows:,}", va="center", ha="right", color="white"
            )
            low, high = interval(each.n_right, each.n_validation)
            accuracy_axis.plot([low, high], [place, place], color=colour, linewidth=3)
            accuracy_axis.plot(each.accuracy, place, marker, color=colour, markersize=9)
            accuracy_axis.text(high + 0.01, place, f"{each.accuracy:.3f}", va="center")
        rows_axis.set_yticks(range(len(pairs)), [name for name, *_ in pairs])
        rows_axis.set(xlim=(0, n_raw), xlabel="rows kept", title="Rows", ylim=(len(pairs) - 0.4, -0.6))
        accuracy_axis.set(xlim=(0.7, 1), xlabel="share right, with 95 % interval", title="Validation accuracy")
        parts = []
        for name, each, _, _ in pairs:
            low, high = interval(each.n_right, each.n_validation)
            parts.append(
                f"{name}: {each.n_rows:,} rows, validation accuracy {each.accuracy:.3f}, "
                f"95 % interval {low:.3f} to {high:.3f}"
            )
        return show(figure, f"Rows kept and validation accuracy. {'; '.join(parts)}.", "Your steps beside all steps")


def _notes(outcome: Outcome, steps: dict[str, bool]) -> tuple[str, ...]:
    notes = []
    if outcome.n_invented:
        notes.append(f"{outcome.n_invented} parcels without a click are counted as chute A: labels that nobody gave.")
    if outcome.n_misread:
        notes.append(f"{outcome.n_misread} clicks on b are counted as chute A, because b is not B.")
    if outcome.n_blank:
        notes.append(f"{outcome.n_blank} blank frames teach that nothing at all has a chute.")
    if outcome.n_copies:
        notes.append(f"{outcome.n_copies} validation images are copies of training images.")
    if not steps["by_time"]:
        notes.append("Parcels of the same weeks stand on both sides: this answers another question than next week's.")
    return tuple(notes)


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
    bench = Workbench(raw)
    reference = bench.clean(**dict.fromkeys(STEPS, True))

    @cache
    def answer(**steps: bool) -> Answer:
        outcome = bench.clean(**steps)
        if outcome.n_unusable:
            return Answer(
                f"{outcome.n_rows:,} rows, and no model",
                (f"{outcome.n_unusable} rows have no image of 8 x 8 pixels: training stops with an error. "
                 "This fault is loud; the others are silent.",),
            )  # fmt: skip
        headline = f"{outcome.n_rows:,} rows kept, validation accuracy {outcome.accuracy:.3f}"
        return Answer(headline, _notes(outcome, steps), _draw(outcome, reference, len(raw.table)))

    controls = {
        name: ipywidgets.Checkbox(value=True, description=text, indent=False, layout={"width": "auto"})
        for name, text in STEPS.items()
    }
    return live_explorer("Cleaning steps, rows and accuracy", controls, answer)
