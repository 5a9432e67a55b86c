"""The capstone: an ML Test Score for the learner's own run, computed from evidence.

The rubric is that of Breck, E., Cai, S., Nielsen, E., Salib, M. and Sculley, D. (2017), "The ML Test Score: A Rubric
for ML Production Readiness and Technical Debt Reduction", IEEE Big Data, doi 10.1109/BigData.2017.8258038: 28 tests in
four sections of seven; half a point for a test done by hand, with its result documented; one for a system that runs it
automatically and repeatedly; the score is that of the weakest section. The tests' names are in our own words. What only
a notebook cell shows is done by hand; what the service does at each request, or the loop each Monday, is automated.
"""

import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.deployment import registry
from mlops_lesson.deployment.prediction import trace_prediction
from mlops_lesson.keep import journal
from mlops_lesson.keep.files import write_atomically
from mlops_lesson.monitoring.loop import ALERT, LoopRun
from mlops_lesson.monitoring.monitors import ACCURACY
from mlops_lesson.preprocessing.contract import require_clean
from mlops_lesson.show.figures import BLUE, GREY, ShownFigure, drawing
from mlops_lesson.show.page import fold, html_table
from mlops_lesson.training.network import fit_on, train
from mlops_lesson.validation.behaviour import shift
from mlops_lesson.validation.gate import ValidatedModel

SECTIONS = ("Data", "Model", "Infrastructure", "Monitoring")
AUTOMATED, BY_HAND = 1.0, 0.5
SAME = 1e-9
SHOWN_FIRST = 10

LEVELS: tuple[tuple[float, str], ...] = (
    (5, "exceptional testing and monitoring"),
    (3, "strong testing and monitoring, fit for mission-critical systems"),
    (2, "reasonably tested; more of it may be automated"),
    (1, "a first pass at readiness; more work may be needed"),
    (0, "not wholly untested, with possibly serious holes"),
)
"""The rubric's scale, in our own words: what a score above the number means."""

NOT_READY = "a research project rather than a product"


@dataclass(frozen=True)
class Evidence:
    """What the tests look at.

    Parameters
    ----------
    clean : CleanDataset
        The history.
    validated : mlops_lesson.validation.gate.ValidatedModel
        The first champion with its verdict.
    run : mlops_lesson.monitoring.loop.LoopRun
        Live weeks with the loop.
    """

    clean: CleanDataset
    validated: ValidatedModel
    run: LoopRun


Found = tuple[bool, str]


@dataclass(frozen=True)
class ReadinessTest:
    """One of the 28 tests, as `scorecard.toml` has it."""

    section: str
    name: str
    points: float
    check: Callable[[Evidence], Found] | None
    notebook: int | None = None
    to_do: str = ""


def _schema(evidence: Evidence) -> Found:
    damaged = evidence.clean.X.copy()
    damaged[0, 0] = 255
    try:
        require_clean(replace(evidence.clean, X=damaged))
    except ValueError:
        refused = sum(n for log in evidence.run.logs for status, n in log.statuses.items() if status == "422")
        return True, f"255 in one pixel is refused; the service checked each request and refused {refused}"
    return False, "255 in one pixel went through"


def _inputs_matter(evidence: Evidence) -> Found:
    X_val, y_val = evidence.clean.part("validation")
    model, images = evidence.validated.model, X_val.reshape(-1, *depot.IMAGE_SHAPE)
    whole = float(np.mean(model.predict(X_val) == y_val))
    useful = 0
    for column in range(depot.IMAGE_SHAPE[1]):
        without = images.copy()
        without[:, :, column] = 0
        useful += float(np.mean(model.predict(without.reshape(len(X_val), -1)) == y_val)) < whole
    columns = depot.IMAGE_SHAPE[1]
    return useful == columns, f"hiding a pixel column lowers validation accuracy for {useful} of {columns} columns"


def _only_pixels(evidence: Evidence) -> Found:
    seen = int(evidence.validated.model[0].n_features_in_)
    return seen == evidence.clean.X.shape[1], f"the service's contract takes {seen} pixels and nothing else"


def _inputs_arrive_unchanged(evidence: Evidence) -> Found:
    log = evidence.run.logs[0]
    for control in (False, True):
        week = depot.read_live_week(log.week, control=control)
        if week.parcels["id"].tolist() == log.parcels["id"].tolist() and np.array_equal(week.X, log.X):
            return True, f"{len(log.X)} images in the service's log equal the cameras' files"
    return False, "an image in the service's log differs from the camera's file"


def _recipe_saved(evidence: Evidence) -> Found:
    champion = registry.champion()
    saved = champion is not None and set(asdict(evidence.validated.trained.settings)) <= set(champion.tags)
    return saved, "settings and data hash stand beside each version in the registry"


def _offline_meets_online(evidence: Evidence) -> Found:
    X_test, y_test = evidence.clean.part("test")
    model = evidence.validated.model
    lab_fine, lab_moved = (float(np.mean(model.predict(X) == y_test)) for X in (X_test, shift(X_test)))
    alerts = [report.state == ALERT for report in evidence.run.reports]
    if not any(alerts):
        return False, "no live week was bad enough to compare"
    first = alerts.index(True)
    fine, broken = (float(np.mean(part)) for part in (evidence.run.unattended[:first], evidence.run.unattended[first:]))
    return lab_moved < lab_fine and broken < fine, (
        f"test images {lab_fine:.2f}, moved by a pixel {lab_moved:.2f}; live {fine:.2f}, after the bump {broken:.2f}"
    )


def _staleness_known(evidence: Evidence) -> Found:
    stale, fresh = evidence.run.unattended[-1], evidence.run.reports[-1].accuracy
    return fresh > stale, f"last week: {stale:.2f} with the first model, {fresh:.2f} with the champion"


def _beats_simpler(evidence: Evidence) -> Found:
    return evidence.validated.gate.reasons[1].startswith("passed"), "the gate's second rule: passed"


def _trained_twice(evidence: Evidence) -> Found:
    again = train(evidence.clean, evidence.validated.trained.settings)
    return again.model_hash == evidence.validated.trained.model_hash, "training twice gives the same weights"


def _learns_by_heart(evidence: Evidence) -> Found:
    X_train, y_train = (part[:64] for part in evidence.clean.part("train"))
    model, _ = fit_on(X_train, y_train, X_train, y_train, replace(evidence.validated.trained.settings, epochs=60))
    right = int((model.predict(X_train) == y_train).sum())
    return right == len(y_train), f"the network learns {right} of {len(y_train)} images by heart"


def _runs_as_a_whole(evidence: Evidence) -> Found:
    weeks = len(evidence.run.reports)
    return weeks >= 1, f"one call went through six stages and {weeks} live weeks"


def _judged_first(_: Evidence) -> Found:
    champion = registry.champion()
    return bool(champion and champion.gate and champion.gate.passed), "the registry promotes no version without a gate"


def _taken_apart(evidence: Evidence) -> Found:
    image, model = evidence.run.logs[0].X[0], evidence.validated.model
    gap = abs(trace_prediction(model, image).probability - model.predict_proba(image[None])[0, 1])
    return bool(gap < SAME), "three layers of one prediction add up to the model's answer"


def _tried_first(evidence: Evidence) -> Found:
    done = evidence.run.journal()["what"].tolist()
    tried, promoted = done.count("into the shadow"), done.count("promoted")
    return 1 <= promoted <= tried, f"{tried} in the shadow, {promoted} promoted; no canary"


def _went_back(_: Evidence) -> Found:
    done = "rolled back" in journal.read()["what"].tolist()
    return done, "the journal holds a rollback" if done else "nobody has tried a rollback"


def _sources_unchanged(_: Evidence) -> Found:
    files = depot.verify_data()
    unchanged = int((files["state"] == "unchanged").sum())
    return unchanged == len(files), f"{unchanged} of {len(files)} data files have their checksum"


def _no_skew(evidence: Evidence) -> Found:
    log = evidence.run.logs[0]
    gap = float(np.abs(log.score - evidence.validated.model.predict_proba(log.X)[:, 1]).max())
    return gap < SAME, f"{len(log.score)} served scores equal the model's own"


def _served_in_range(evidence: Evidence) -> Found:
    X = np.concatenate([log.X for log in evidence.run.logs])
    return bool(((X >= 0) & (X <= depot.GREY_LEVELS)).all()), f"all of {len(X)} served images lie in 0 to 16"


def _age_known(evidence: Evidence) -> Found:
    promoted = [report.week for report in evidence.run.reports if report.action == "promote"]
    age = evidence.run.reports[-1].week - promoted[-1] if promoted else len(evidence.run.reports)
    return bool(promoted), f"the champion has answered for {age} weeks"


def _stable_numbers(evidence: Evidence) -> Found:
    scores = np.concatenate([log.score for log in evidence.run.logs])
    network = evidence.validated.model[-1]
    finite = all(np.isfinite(part).all() for part in (*network.coefs_, *network.intercepts_, scores))
    return bool(finite and ((scores >= 0) & (scores <= 1)).all()), f"{len(scores)} scores and all weights are finite"


def _quality_watched(evidence: Evidence) -> Found:
    mondays, asked = len(evidence.run.reports), int((evidence.run.readings["monitor"] == ACCURACY.name).sum())
    alerts = sum(report.state == ALERT for report in evidence.run.reports)
    return asked == mondays, f"the loop tested the accuracy on {asked} of {mondays} Mondays; {alerts} alerts"


def _read_tests() -> tuple[ReadinessTest, ...]:
    tests = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["tests"]
    return tuple(
        ReadinessTest(**{**test, "check": globals()[f"_{test['check']}"] if "check" in test else None})
        for test in tests
    )


TESTS: tuple[ReadinessTest, ...] = _read_tests()


@dataclass(frozen=True)
class Outcome:
    """One test of the card, and what was seen."""

    test: ReadinessTest
    holds: bool
    seen: str

    @property
    def points(self) -> float:
        """What it earns."""
        return self.test.points if self.holds else 0.0


@dataclass(frozen=True, repr=False)
class ScoreCard:
    """The filled card, ready to be displayed by Jupyter; made by `score_run`."""

    results: tuple[Outcome, ...] = field(repr=False)

    def sections(self) -> dict[str, float]:
        """Return the points of each section, 0 to 7."""
        return {name: sum(r.points for r in self.results if r.test.section == name) for name in SECTIONS}

    @property
    def score(self) -> float:
        """The ML Test Score: the points of the weakest section."""
        return min(self.sections().values())

    @property
    def level(self) -> str:
        """What the score means."""
        return next((words for least, words in LEVELS if self.score > least), NOT_READY)

    def to_do(self) -> list[Outcome]:
        """Return the tests that a learner can act on first: with the fewest points, of the weakest sections."""
        sections = self.sections()
        open_ones = [r for r in self.results if r.test.to_do and r.points < AUTOMATED]
        return sorted(open_ones, key=lambda r: (sections[r.test.section], r.points))[:SHOWN_FIRST]

    def __str__(self) -> str:
        points = ", ".join(f"{name} {value:.1f}" for name, value in self.sections().items())
        return f"ML Test Score {self.score:.1f} of 7: {self.level}\n{points}"

    def __repr__(self) -> str:
        first = [f"{r.points:.1f}  {r.test.section}: {r.test.name}. Next: {r.test.to_do}" for r in self.to_do()]
        every = [f"{r.points:.1f}  {r.test.section}: {r.test.name} ({r.seen})" for r in self.results]
        return "\n".join([str(self), "What to do first", *first, f"All {len(every)} tests", *every])

    def _repr_html_(self) -> str:
        first = html_table(
            [[r.test.section, r.test.name, f"{r.points:.1f}", r.test.to_do] for r in self.to_do()],
            f"{self}. What to do first",
            ["section", "test", "points", "next step"],
            numbers=[2],
        )
        caption = f"All {len(self.results)} tests"
        every = html_table(
            [
                [r.test.section, r.test.name, f"{r.points:.1f}", r.seen, str(r.test.notebook or "-")]
                for r in self.results
            ],
            caption,
            ["section", "test", "points", "evidence", "notebook"],
            numbers=[2],
        )
        return first + fold(f"{caption} with their evidence", every)

    def plot(self) -> ShownFigure:
        """Draw the points of the four sections; the weakest one is the score."""
        points = self.sections()
        with drawing(f"The weakest section decides: ML Test Score {self.score:.1f} of 7", 7.0, 2.2) as d:
            weakest = [value == self.score for value in points.values()]
            colours = [BLUE if weak else GREY for weak in weakest]
            bars = d.axis.barh(list(points), list(points.values()), color=colours, height=0.6)
            for bar, weak in zip(bars, weakest, strict=True):
                bar.set_hatch("//" if weak else "")
            d.axis.bar_label(bars, [f"{value:.1f}" for value in points.values()], padding=4)
            d.axis.invert_yaxis()
            d.axis.grid(axis="y", visible=False)
            d.axis.set(xlim=(0, 7.5), xlabel="points of 7; hatched: the weakest")
            words = ", ".join(f"{name} {value:.1f}" for name, value in points.items())
            d.alt = f"Bar chart of points by section. {words}. The score is {self.score:.1f}."
        return d.shown

    def export(self, folder: Path) -> Path:
        """Write the card as a Markdown page, `ml_test_score.md` in a folder, and return its path."""
        lines = ["# ML Test Score", "", str(self), "", "| section | test | points | evidence |", "|---|---|---|---|"]
        lines += [f"| {r.test.section} | {r.test.name} | {r.points:.1f} | {r.seen} |" for r in self.results]
        lines += ["", "Rubric: Breck, Cai, Nielsen, Salib and Sculley (2017), doi 10.1109/BigData.2017.8258038.", ""]
        path = folder / "ml_test_score.md"
        write_atomically(path, "\n".join(lines).encode())
        return path


def score_run(evidence: Evidence) -> ScoreCard:
    """Fill the card from the evidence of a learner's run.

    Parameters
    ----------
    evidence : Evidence
        History, first champion and a run of the loop.

    Returns
    -------
    ScoreCard
        Make it the last expression of a cell.
    """
    results = []
    for test in TESTS:
        holds, seen = (False, f"missing: {test.to_do}") if test.check is None else test.check(evidence)
        results.append(Outcome(test, holds, seen))
    return ScoreCard(tuple(results))
