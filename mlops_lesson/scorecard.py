"""The capstone: an ML Test Score for the learner's own run, computed from evidence.

The rubric is that of Breck, E., Cai, S., Nielsen, E., Salib, M. and Sculley, D. (2017), "The ML Test Score: A Rubric
for ML Production Readiness and Technical Debt Reduction", IEEE Big Data, doi 10.1109/BigData.2017.8258038: 28 tests in
four sections of seven; half a point for a test done by hand, with its result documented; one for a system that runs it
automatically and repeatedly; the score is that of the weakest section. The tests' names are in our own words. What only
a notebook cell shows is done by hand; what the service does at each request, or the loop each Monday, is automated.
"""

import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.deployment import registry
from mlops_lesson.deployment.prediction import trace_prediction
from mlops_lesson.keep import journal
from mlops_lesson.keep.files import write_atomically
from mlops_lesson.monitoring.loop import ALERT, Loop
from mlops_lesson.monitoring.monitors import ACCURACY
from mlops_lesson.preprocessing.contract import require_clean
from mlops_lesson.show.figures import ShownFigure, plot_counts
from mlops_lesson.show.page import Shown, fold
from mlops_lesson.show.tables import show_table
from mlops_lesson.training.network import fit_on, train
from mlops_lesson.validation.behaviour import shift
from mlops_lesson.validation.gate import ValidatedModel

SAME = 1e-9
SHOWN_FIRST = 10

_WORDS: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
TESTS, LEVELS = _WORDS["tests"], _WORDS["levels"]


@dataclass(frozen=True)
class Evidence:
    """What the tests look at: the history, the first champion with its verdict, and the loop after its live weeks."""

    clean: CleanDataset
    validated: ValidatedModel
    run: Loop


Found = tuple[bool, str]


def _schema(e: Evidence) -> Found:
    damaged = e.clean.X.copy()
    damaged[0, 0] = 255
    try:
        require_clean(replace(e.clean, X=damaged))
    except ValueError:
        refused = sum(log.statuses.get("422", 0) for log in e.run.logs)
        return True, f"255 in one pixel is refused; the service checked each request and refused {refused}"
    return False, "255 in one pixel went through"


def _inputs_matter(e: Evidence) -> Found:
    (X, y), model, columns = e.clean.part("validation"), e.validated.model, depot.IMAGE_SHAPE[1]
    column_of_pixel, whole = np.arange(X.shape[1]) % columns, model.score(X, y)
    useful = sum(model.score(np.where(column_of_pixel == hidden, 0, X), y) < whole for hidden in range(columns))
    return useful == columns, f"hiding a pixel column lowers validation accuracy for {useful} of {columns} columns"


def _only_pixels(e: Evidence) -> Found:
    seen = int(e.validated.model[0].n_features_in_)
    return seen == e.clean.X.shape[1], f"the service's contract takes {seen} pixels and nothing else"


def _recipe_saved(e: Evidence) -> Found:
    saved = asdict(e.validated.trained.settings).keys() <= registry.load("champion").tags.keys()
    return saved, "settings and data hash stand beside each version in the registry"


def _offline_meets_online(e: Evidence) -> Found:
    (X, y), model = e.clean.part("test"), e.validated.model
    lab, lab_moved = model.score(X, y), model.score(shift(X), y)
    weeks = pd.DataFrame(e.run.reports)
    alerted = (weeks["state"] == ALERT).cummax()
    fine, broken = weeks["unattended"][~alerted].mean(), weeks["unattended"][alerted].mean()
    seen = f"test images {lab:.3f}, moved by a pixel {lab_moved:.2f}; live {fine:.2f}, after the bump {broken:.2f}"
    return lab_moved < lab and broken < fine, seen


def _staleness_known(e: Evidence) -> Found:
    last = e.run.reports[-1]
    seen = f"last week: {last.unattended:.2f} with the first model, {last.accuracy:.2f} with the champion"
    return last.accuracy > last.unattended, seen


def _trained_twice(e: Evidence) -> Found:
    again = train(e.clean, e.validated.trained.settings)
    return again.model_hash == e.validated.trained.model_hash, "training twice gives the same weights"


def _learns_by_heart(e: Evidence) -> Found:
    X, y = (part[:64] for part in e.clean.part("train"))
    model, _ = fit_on(X, y, X, y, replace(e.validated.trained.settings, epochs=60))
    right = int((model.predict(X) == y).sum())
    return right == len(y), f"the network learns {right} of {len(y)} images by heart"


def _runs_as_a_whole(e: Evidence) -> Found:
    return bool(e.run.reports), f"one call went through six stages and {len(e.run.reports)} live weeks"


def _gate_passed(_: Evidence) -> Found:
    seen = "the registry promotes no version but one that has passed the gate's three rules"
    return registry.load("champion").passed, seen


def _taken_apart(e: Evidence) -> Found:
    image, model = e.run.logs[0].X[0], e.validated.model
    gap = abs(trace_prediction(model, image).probability - model.predict_proba(image[None])[0, 1])
    return gap < SAME, "three layers of one prediction add up to the model's answer"


def _tried_first(e: Evidence) -> Found:
    done = e.run.journal()["what"].tolist()
    tried, promoted = done.count("into the shadow"), done.count("promoted")
    return 1 <= promoted <= tried, f"{tried} in the shadow, {promoted} promoted; no canary"


def _went_back(_: Evidence) -> Found:
    done = "rolled back" in journal.read()["what"].tolist()
    return done, "the journal holds a rollback" if done else "nobody has tried a rollback"


def _sources_unchanged(_: Evidence) -> Found:
    unchanged = depot.verify_data()["state"] == "unchanged"
    return unchanged.all(), f"{unchanged.sum()} of {len(unchanged)} data files have their checksum"


def _no_skew(e: Evidence) -> Found:
    log, images = e.run.logs[0], depot.read_live_week(e.run.logs[0].week).X
    gap = np.abs(log.score - e.validated.model.predict_proba(images)[:, 1]).max()
    seen = f"{len(images)} images in the service's log equal the cameras' files, and their scores the model's own"
    return np.array_equal(log.X, images) and gap < SAME, seen


def _served_in_range(e: Evidence) -> Found:
    X, scores = (np.concatenate(parts) for parts in zip(*((log.X, log.score) for log in e.run.logs), strict=True))
    seen = f"all of {len(X)} served images lie in 0 to 16, their scores in 0 to 1"
    return ((X >= 0) & (X <= depot.GREY_LEVELS)).all() and ((scores >= 0) & (scores <= 1)).all(), seen


def _age_known(e: Evidence) -> Found:
    promoted = [report.week for report in e.run.reports if report.action == "promote"]
    age = e.run.reports[-1].week - promoted[-1] if promoted else len(e.run.reports)
    return bool(promoted), f"the champion has answered for {age} weeks"


def _quality_watched(e: Evidence) -> Found:
    mondays, asked = len(e.run.reports), sum(ACCURACY.name in report.values for report in e.run.reports)
    alerts = sum(report.state == ALERT for report in e.run.reports)
    return asked == mondays, f"the loop tested the accuracy on {asked} of {mondays} Mondays; {alerts} alerts"


def look(test: dict[str, Any], evidence: Evidence) -> Found:
    """Look for the evidence of one of `TESTS`: whether it holds, and what was seen."""
    if "check" not in test:
        return False, f"missing: {test['to_do']}"
    holds, seen = globals()[f"_{test['check']}"](evidence)
    return bool(holds), seen


@dataclass(frozen=True, repr=False)
class ScoreCard(Shown):
    """The filled card, ready to be displayed: what the score means, the points by section, and a row per test."""

    summary: str
    sections: pd.Series
    rows: pd.DataFrame

    def plot(self) -> ShownFigure:
        """Draw the points of the four sections; the weakest one is the score."""
        title = f"The weakest section decides: ML Test Score {self.sections.min():.1f} of 7"
        return plot_counts(self.sections.to_dict(), "", title=title, what="points of 7", limit=7.5)

    def export(self, folder: Path) -> Path:
        """Write the card as a Markdown page, `ml_test_score.md` in a folder, and return its path."""
        rows = self.rows[["section", "test", "points", "evidence"]]
        lines = ["# ML Test Score", "", self.summary, "", "| section | test | points | evidence |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(map(str, row))} |" for row in rows.itertuples(index=False)]
        lines += ["", "Rubric: Breck, Cai, Nielsen, Salib and Sculley (2017), doi 10.1109/BigData.2017.8258038.", ""]
        path = folder / "ml_test_score.md"
        write_atomically(path, "\n".join(lines).encode())
        return path


def fill_card(rows: pd.DataFrame) -> ScoreCard:
    """Make the card of `section`, `test`, `points`, `evidence`, `notebook` and `next step`, a row per test.

    What a learner can act on first stands above: the tests with the fewest points, of the weakest sections.
    """
    sections = rows.groupby("section", sort=False)["points"].sum()
    score = sections.min()
    level = next(level["words"] for level in LEVELS if score > level["above"])
    summary = f"ML Test Score {score:.1f} of 7, {level}"
    to_do = rows[rows["next step"] != ""].assign(of_section=rows["section"].map(sections))
    first = to_do.sort_values(["of_section", "points"], kind="stable").head(SHOWN_FIRST)
    above = show_table(first[["section", "test", "points", "next step"]], f"{summary}: what to do first", decimals=1)
    caption = f"All {len(rows)} tests with their evidence"
    below = show_table(rows[["section", "test", "points", "evidence", "notebook"]], "Section by section", decimals=1)
    text, page = f"{above.text}\n\n{below.text}", above.html + fold(caption, below.html)
    return ScoreCard(text, page, summary, sections, rows)


def score_run(evidence: Evidence) -> ScoreCard:
    """Fill the card from the evidence of a learner's run."""
    rows = []
    for test in TESTS:
        holds, seen = look(test, evidence)
        notebook, to_do = test.get("notebook", "-"), test.get("to_do", "")
        rows.append((test["section"], test["name"], test["points"] * holds, seen, notebook, to_do))
    return fill_card(pd.DataFrame(rows, columns=["section", "test", "points", "evidence", "notebook", "next step"]))
