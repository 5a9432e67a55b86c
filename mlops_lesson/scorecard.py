"""The capstone: an ML Test Score for the learner's own run, computed from evidence.

The rubric is that of Breck, E., Cai, S., Nielsen, E., Salib, M. and Sculley, D. (2017), "The ML Test Score: A Rubric
for ML Production Readiness and Technical Debt Reduction", IEEE Big Data, doi 10.1109/BigData.2017.8258038: 28 tests in
four sections of seven, half a point for a test done by hand and written down, one for a test that runs by itself; the
score is that of the weakest section. The names of the tests are in our own words.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.deployment import registry
from mlops_lesson.deployment.prediction import trace_prediction
from mlops_lesson.monitoring.loop import ALERT, PROMOTED, LoopRun
from mlops_lesson.preprocessing.contract import require_clean
from mlops_lesson.training.network import fit_on, train
from mlops_lesson.validation.behaviour import shift
from mlops_lesson.validation.gate import ValidatedModel

if TYPE_CHECKING:
    from mlops_lesson.show.figures import ShownFigure

SECTIONS = ("Data", "Model", "Infrastructure", "Monitoring")
AUTOMATED, BY_HAND = 1.0, 0.5
SAME = 1e-9

LEVELS: tuple[tuple[float, str], ...] = (
    (5, "exceptionally well tested and watched"),
    (3, "well tested and watched; what is done by hand can still be automated"),
    (2, "tested in parts; the weakest section needs work"),
    (1, "a first pass at readiness; more is needed"),
    (0, "some tests, and possibly serious holes"),
)
NOT_READY = "a research project, not yet a product"


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
    """One of the 28 tests.

    Parameters
    ----------
    section : str
        One of `SECTIONS`.
    name : str
        What should hold, in our own words.
    points : float
        What it is worth if it holds: 1 if it runs by itself, 0.5 if it is done by hand in a notebook.
    check : callable or None
        Takes the `Evidence` and returns whether it holds and what was seen; None if the course cannot show it.
    where : str
        Notebook and part that earn it, such as ``"02_data_preprocessing.ipynb#Try"``.
    to_do : str
        What it would take where it is missing.
    """

    section: str
    name: str
    points: float
    check: Callable[[Evidence], Found] | None
    where: str
    to_do: str = "Run the notebook that earns it."


def _schema(evidence: Evidence) -> Found:
    damaged = evidence.clean.X.copy()
    damaged[0, 0] = 255
    try:
        require_clean(replace(evidence.clean, X=damaged))
    except ValueError:
        return True, "255 in one pixel is refused"
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
    return useful >= 1, f"hiding a pixel column lowers validation accuracy for {useful} of 8 columns"


def _only_pixels(evidence: Evidence) -> Found:
    seen = int(evidence.validated.model[0].n_features_in_)
    return seen == evidence.clean.X.shape[1] == 64, f"the model gets {seen} pixels and nothing else"


def _nobody_named(evidence: Evidence) -> Found:
    columns = {*evidence.clean.table.columns, *evidence.run.logs[0].parcels.columns}
    return not columns & {"name", "address", "staff"}, f"none of {len(columns)} columns names a person"


def _inputs_arrive_unchanged(evidence: Evidence) -> Found:
    log = evidence.run.logs[0]
    ids = log.parcels["id"].tolist()
    for control in (False, True):
        week = depot.read_live_week(log.week, control=control)
        if week.parcels["id"].tolist() == ids and np.array_equal(week.X, log.X):
            return True, f"{len(ids)} images in the service's log equal the cameras' files"
    return False, "an image in the service's log differs from the camera's file"


def _recipe_kept(evidence: Evidence) -> Found:
    champion = registry.champion()
    kept = set(evidence.validated.settings.to_dict()) <= set(champion.tags if champion else {})
    return kept, "the registry keeps settings and data version with each version"


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
        f"lab: {lab_fine:.2f}, moved by a pixel {lab_moved:.2f}; live: {fine:.2f}, after the bump {broken:.2f}"
    )


def _settings_searched(evidence: Evidence) -> Found:
    X_val, y_val = evidence.clean.part("validation")
    rates = (0.003, 0.03, evidence.validated.settings.learning_rate)
    found = []
    for rate in rates:
        settings = replace(evidence.validated.settings, learning_rate=rate, epochs=10)
        model, _ = fit_on(*evidence.clean.part("train"), X_val, y_val, settings)
        found.append(float(np.mean(model.predict(X_val) == y_val)))
    return found[-1] >= max(found), f"of {len(rates)} learning rates, the chosen one is best on validation images"


def _staleness_known(evidence: Evidence) -> Found:
    stale, fresh = evidence.run.unattended[-1], evidence.run.reports[-1].accuracy
    return fresh > stale, f"last week: {stale:.2f} without a new model, {fresh:.2f} with it"


def _rule(number: int, says: str) -> Callable[[Evidence], Found]:
    def check(evidence: Evidence) -> Found:
        return evidence.validated.gate.reasons[number].startswith("passed"), says

    return check


def _trained_twice(evidence: Evidence) -> Found:
    again = train(evidence.clean, evidence.validated.settings)
    return again.model_hash == evidence.validated.trained.model_hash, "training twice gives the same weights"


def _learns_by_heart(evidence: Evidence) -> Found:
    X_train, y_train = (part[:64] for part in evidence.clean.part("train"))
    settings = replace(evidence.validated.settings, epochs=60)
    model, _ = fit_on(X_train, y_train, X_train, y_train, settings)
    right = int((model.predict(X_train) == y_train).sum())
    return right == len(y_train), f"the network learns {right} of {len(y_train)} images by heart"


def _runs_as_a_whole(evidence: Evidence) -> Found:
    weeks = len(evidence.run.reports)
    return weeks >= 1, f"one call went through six stages and {weeks} live weeks"


def _judged_first(_: Evidence) -> Found:
    champion = registry.champion()
    return bool(champion and champion.gate and champion.gate.passed), "the champion carries a passed gate"


def _taken_apart(evidence: Evidence) -> Found:
    image = evidence.run.logs[0].X[0]
    model = evidence.validated.model
    gap = abs(trace_prediction(model, image).probability - model.predict_proba(image[None])[0, 1])
    return bool(gap < SAME), "three layers of one prediction add up to the model's answer"


def _met_a_share_first(evidence: Evidence) -> Found:
    done = evidence.run.audit()["what"].tolist()
    tried, promoted = done.count("into the shadow"), done.count(PROMOTED)
    return 1 <= promoted <= tried, f"{tried} in the shadow, {promoted} promoted"


def _went_back(_: Evidence) -> Found:
    done = "rolled back" in registry.history()["what"].tolist()
    return done, "the registry's history holds a rollback" if done else "nobody has tried a rollback"


def _sources_unchanged(_: Evidence) -> Found:
    files = depot.verify_data()
    unchanged = int((files["state"] == "unchanged").sum())
    return unchanged == len(files), f"{unchanged} of {len(files)} data files have their checksum"


def _served_in_range(evidence: Evidence) -> Found:
    X = np.concatenate([log.X for log in evidence.run.logs])
    return bool(((X >= 0) & (X <= depot.GREY_LEVELS)).all()), f"all of {len(X)} served images lie in 0 to 16"


def _no_skew(evidence: Evidence) -> Found:
    log = evidence.run.logs[0]
    gap = float(np.abs(log.score - evidence.validated.model.predict_proba(log.X)[:, 1]).max())
    return gap < SAME, f"{len(log.score)} served scores equal the model's own"


def _age_known(evidence: Evidence) -> Found:
    promoted = [report.week for report in evidence.run.reports if report.action == "promote"]
    age = evidence.run.reports[-1].week - promoted[-1] if promoted else len(evidence.run.reports)
    return age < len(evidence.run.reports), f"the champion has answered for {age} weeks"


def _stable_numbers(evidence: Evidence) -> Found:
    scores = np.concatenate([log.score for log in evidence.run.logs])
    network = evidence.validated.model[-1]
    finite = all(np.isfinite(part).all() for part in (*network.coefs_, *network.intercepts_, scores))
    return bool(finite and ((scores >= 0) & (scores <= 1)).all()), f"{len(scores)} scores and all weights are finite"


def _quality_watched(evidence: Evidence) -> Found:
    gate = evidence.validated.gate.required
    alerts = [report.week for report in evidence.run.reports if report.state == ALERT]
    words = f"alerts: {len(alerts)} weeks" if alerts else "no alert was needed"
    watched = all(report.state == ALERT for report in evidence.run.reports if report.high < gate)
    return watched, f"accuracy on clicks every Monday; {words}"


_D, _M, _I, _W = SECTIONS
_N1, _N2, _N3, _N4, _N5, _N6 = (
    "01_data_collection.ipynb#Project",
    "02_data_preprocessing.ipynb#Try",
    "03_model_training.ipynb#Try",
    "04_model_validation.ipynb#Try",
    "05_deployment.ipynb#Try",
    "06_monitoring_and_maintenance.ipynb#Try",
)

TESTS: tuple[ReadinessTest, ...] = (
    ReadinessTest(_D, "What an input must look like is written down and enforced", AUTOMATED, _schema, _N2),
    ReadinessTest(_D, "Every input earns its place", BY_HAND, _inputs_matter, _N4),
    ReadinessTest(
        _D, "No input costs more than it brings", 0, None, "", "Write down what each source costs a year, and who pays."
    ),
    ReadinessTest(_D, "Inputs keep to the rules that stand above the project", AUTOMATED, _only_pixels, _N5),
    ReadinessTest(_D, "Personal data is protected on the whole way", BY_HAND, _nobody_named, _N1),
    ReadinessTest(
        _D, "A new input can be added quickly", 0, None, "", "Add one, such as the lux reading, and take the time."
    ),
    ReadinessTest(_D, "All code that makes inputs is tested", AUTOMATED, _inputs_arrive_unchanged, _N5),
    ReadinessTest(_M, "Each model's recipe is kept and can be reviewed", BY_HAND, _recipe_kept, _N3),
    ReadinessTest(_M, "The figure in the lab moves with the figure outside", BY_HAND, _offline_meets_online, _N6),
    ReadinessTest(_M, "Settings were searched, not guessed", BY_HAND, _settings_searched, _N3),
    ReadinessTest(_M, "What an old model costs is known", AUTOMATED, _staleness_known, _N6),
    ReadinessTest(_M, "A simpler model is not as good", AUTOMATED, _rule(1, "the gate's second rule: passed"), _N4),
    ReadinessTest(
        _M, "Quality holds on every slice that matters", AUTOMATED, _rule(2, "the gate's third rule: passed"), _N4
    ),
    ReadinessTest(
        _M, "Nobody is served worse for who they are", 0, None, "", "Know whose handwriting it is; the data do not say."
    ),
    ReadinessTest(_I, "Training can be repeated", AUTOMATED, _trained_twice, _N3),
    ReadinessTest(_I, "The model's code has unit tests", AUTOMATED, _learns_by_heart, _N3),
    ReadinessTest(_I, "The whole pipeline runs as one test", AUTOMATED, _runs_as_a_whole, _N6),
    ReadinessTest(_I, "A model is judged before it answers", AUTOMATED, _judged_first, _N5),
    ReadinessTest(_I, "A single prediction can be followed", AUTOMATED, _taken_apart, _N5),
    ReadinessTest(_I, "A new model meets real traffic on trial first", AUTOMATED, _met_a_share_first, _N6),
    ReadinessTest(_I, "Going back to the model before works", BY_HAND, _went_back, _N6),
    ReadinessTest(_W, "A change in a source is noticed", AUTOMATED, _sources_unchanged, _N1),
    ReadinessTest(_W, "What held for inputs in training is checked while serving", AUTOMATED, _served_in_range, _N5),
    ReadinessTest(_W, "Training and serving compute the same", AUTOMATED, _no_skew, _N5),
    ReadinessTest(_W, "The model's age is known", AUTOMATED, _age_known, _N6),
    ReadinessTest(_W, "The numbers stay finite", AUTOMATED, _stable_numbers, _N6),
    ReadinessTest(
        _W, "Speed and memory do not get worse unnoticed", 0, None, "", "Keep last month's latency and compare."
    ),
    ReadinessTest(_W, "Prediction quality does not get worse unnoticed", AUTOMATED, _quality_watched, _N6),
)


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
    """The filled card, ready to be displayed by Jupyter; made by `score_run`.

    Parameters
    ----------
    results : tuple of Outcome
        One a test, in the order of `TESTS`.
    """

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
        """What the score means, in our own words."""
        return next((words for least, words in LEVELS if self.score > least), NOT_READY)

    def __str__(self) -> str:
        points = ", ".join(f"{name} {value:.1f}" for name, value in self.sections().items())
        return f"ML Test Score {self.score:.1f} of 7: {self.level}\n{points}"

    def __repr__(self) -> str:
        lines = [str(self)]
        for result in self.results:
            lines.append(f"{result.points:.1f}  {result.test.section}: {result.test.name} ({result.seen})")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th scope="col" style="text-align:left">{text}</th>'
            for text in ("Test", "Points", "Evidence", "Earned in")
        )
        bodies = []
        for section, points in self.sections().items():
            rows = "".join(_row(result) for result in self.results if result.test.section == section)
            bodies.append(
                f'<tbody><tr><th scope="rowgroup" colspan="4" style="text-align:left">{section}: {points:.1f} of 7</th>'
                f"</tr>{rows}</tbody>"
            )
        caption = f"ML Test Score {self.score:.1f} of 7: {self.level}"
        return (
            f'<div style="overflow-x:auto" tabindex="0" role="group" aria-label="{escape(caption)}"><table>'
            f'<caption style="text-align:left">{escape(caption)}</caption>'
            f"<thead><tr>{head}</tr></thead>{''.join(bodies)}</table></div>"
        )

    def table(self, section: str | None = None) -> pd.DataFrame:
        """Return one row a test: `section`, `test`, `points`, `evidence` (or what is missing) and `notebook`.

        Parameters
        ----------
        section : str, optional
            Only this section.

        Returns
        -------
        pandas.DataFrame
            In the order of `TESTS`.

        Raises
        ------
        ValueError
            If there is no such section.
        """
        if section is not None and section not in SECTIONS:
            raise ValueError(f"There is no section {section!r}: give one of {', '.join(SECTIONS)}.")
        rows = [
            (r.test.section, r.test.name, r.points, r.seen, r.test.where.split("#")[0][:2] or "-")
            for r in self.results
            if section in (None, r.test.section)
        ]
        return pd.DataFrame(rows, columns=["section", "test", "points", "evidence", "notebook"])

    def missing(self) -> pd.DataFrame:
        """Return the tests that earn nothing, and what each would take: `section`, `test`, `to do`."""
        rows = [(r.test.section, r.test.name, r.test.to_do) for r in self.results if not r.points]
        return pd.DataFrame(rows, columns=["section", "test", "to do"])

    def plot(self) -> "ShownFigure":
        """Draw the points of the four sections; the weakest one is the score."""
        from mlops_lesson.show.figures import BLUE, GREY, drawing

        points = self.sections()
        title = f"The weakest section decides: ML Test Score {self.score:.1f} of 7"
        with drawing(title, 7.0, 2.4) as d:
            axis = d.axis
            weakest = [value == self.score for value in points.values()]
            colours = [BLUE if weak else GREY for weak in weakest]
            bars = axis.barh(list(points), list(points.values()), color=colours, height=0.6)
            for bar, weak in zip(bars, weakest, strict=True):
                bar.set_hatch("//" if weak else "")
            axis.bar_label(bars, [f"{value:.1f}" for value in points.values()], padding=4)
            axis.invert_yaxis()
            axis.grid(axis="y", visible=False)
            axis.set(xlim=(0, 7.5), xlabel="points of 7; hatched: the weakest")
            alt = "Bar chart of points by section. " + ", ".join(
                f"{name} {value:.1f}" for name, value in points.items()
            )
            d.alt = f"{alt}. The score is {self.score:.1f}."
        return d.shown

    def export(self, folder: str | Path) -> Path:
        """Write the card as a Markdown page.

        Parameters
        ----------
        folder : str or pathlib.Path
            Where to; made if needed.

        Returns
        -------
        pathlib.Path
            The page, `ml_test_score.md`.
        """
        from mlops_lesson.keep.files import write_atomically

        lines = ["# ML Test Score", "", str(self), "", "| section | test | points | evidence |", "|---|---|---|---|"]
        lines += [f"| {r.test.section} | {r.test.name} | {r.points:.1f} | {r.seen} |" for r in self.results]
        lines += ["", "Rubric: Breck, Cai, Nielsen, Salib and Sculley (2017), doi 10.1109/BigData.2017.8258038.", ""]
        path = Path(folder) / "ml_test_score.md"
        write_atomically(path, "\n".join(lines).encode())
        return path


def _row(result: Outcome) -> str:
    file, _, part = result.test.where.partition("#")
    link = f'<a href="{file}#{part}">notebook {int(file[:2])}, {part}</a>' if file else "-"
    cells = "".join(
        f'<td style="text-align:left">{text}</td>' for text in (f"{result.points:.1f}", escape(result.seen), link)
    )
    return f'<tr><th scope="row" style="text-align:left;font-weight:normal">{escape(result.test.name)}</th>{cells}</tr>'


def score_run(evidence: Evidence) -> ScoreCard:
    """Run every test that can be run, and fill the card.

    Parameters
    ----------
    evidence : Evidence
        What to look at.

    Returns
    -------
    ScoreCard
        28 results. A test that cannot be shown earns nothing and says what it would take.
    """
    results = []
    for test in TESTS:
        holds, seen = (False, f"missing: {test.to_do}") if test.check is None else test.check(evidence)
        results.append(Outcome(test, bool(holds), seen))
    return ScoreCard(tuple(results))
