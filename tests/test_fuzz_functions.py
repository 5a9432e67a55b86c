"""Every public function meets made-up values: it answers, or raises what its docstring promises, and never hangs.

Values keep the types that the signature names, and nothing else: NaN, infinities, nothing at all, far too much, arrays
that do not fit each other, text that is markup, a path or half a character. Where a learner's own values arrive,
anything goes.
"""

import inspect
import io
import json
import math
import os
import signal
import tempfile
import traceback
import types
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any

import course_models
import ipywidgets
import made_up as made
import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
from depot_service import digits, fill_home, trained_model
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from made_up import ANYTHING, FLOAT, NUMBER, SHARE, SMALL, TEXT, TRUTH, WHOLE, Public, alike, arrays, tables
from mlops_lesson.explorers import data_preprocessing, model_validation, monitoring_and_maintenance
from sample_class import make_export

from mlops_lesson import pipeline
from mlops_lesson.collection import dataset as datasets
from mlops_lesson.collection import depot
from mlops_lesson.deployment import load_test as load_module
from mlops_lesson.deployment import registry
from mlops_lesson.deployment.prediction import PredictionTrace
from mlops_lesson.deployment.request_log import RequestLog
from mlops_lesson.deployment.rollout import Rollout
from mlops_lesson.instructors import class_report
from mlops_lesson.instructors.handed_in import GivenAnswer, HandedIn, LeftOut, Tried, asked, exercises
from mlops_lesson.monitoring import monitors
from mlops_lesson.monitoring.rehearsal import Dealer, Pool
from mlops_lesson.monitoring.repair import MOVES
from mlops_lesson.preprocessing import contract
from mlops_lesson.scorecard import TESTS, Outcome, ScoreCard
from mlops_lesson.show.explorer import Answer
from mlops_lesson.stages import STAGES
from mlops_lesson.teaching import export_format, progress, quiz
from mlops_lesson.teaching.chooser import WAYS
from mlops_lesson.teaching.exercises.bank import EXERCISES
from mlops_lesson.teaching.panel import progress_panel
from mlops_lesson.training.network import TrainedModel, TrainingSettings, make_network
from mlops_lesson.training.trace import GIVEN_TRACE, Epoch, TrainingTrace, make_trace
from mlops_lesson.validation import measures as evaluation
from mlops_lesson.validation.gate import GateResult
from mlops_lesson.validation.model_card import ModelCard

LONGEST_SECONDS = 120
LEAST_WORDS = 4
BY_PLACE = inspect.Parameter.POSITIONAL_OR_KEYWORD
# A counterexample is told as it was found: making it smaller would let one that hangs hang many times.
PHASES = (Phase.generate,)
TIMES = int(os.environ.get("MLOPS_LESSON_FUZZ_TIMES", "1"))
X, y = digits()


@dataclass(frozen=True)
class Fuzz:
    """Arguments to make up for one function: `self` is the object of a method, `args` stands for ``*arguments``."""

    arguments: st.SearchStrategy[dict[str, Any]]
    examples: int = 70


def fuzz(examples: int = 70, **arguments: st.SearchStrategy) -> Fuzz:
    return Fuzz(st.fixed_dictionaries(arguments), examples)


def fuzz_together(together: st.SearchStrategy[dict[str, Any]], examples: int = 70, **more: st.SearchStrategy) -> Fuzz:
    return Fuzz(st.tuples(together, st.fixed_dictionaries(more)).map(lambda both: both[0] | both[1]), examples)


COUNT = st.integers(-3, 10) | st.integers(-(2**53), 2**53)
WORDS = TEXT.filter(lambda text: text.strip() and "\ud800" not in text)
TRACE = made.traces()
NAMED_TRACE = st.builds(lambda run, name: replace(run, name=name), TRACE, WORDS)
GREY = made.IMAGES
CELL = st.none() | NUMBER | TEXT | TRUTH
NAME = st.from_regex(r"\A[a-z]{1,8}\.(txt|zip)\Z")
ID = st.sampled_from([*EXERCISES, "9.9"]) | TEXT
GATE = st.builds(
    GateResult,
    TRUTH, FLOAT, FLOAT, FLOAT, FLOAT, WHOLE, FLOAT, st.lists(TEXT, max_size=3).map(tuple),
)  # fmt: skip
SETTINGS = st.builds(
    TrainingSettings, st.integers(1, 8), st.floats(1e-6, 1e6), st.integers(1, 9), st.floats(0, 0.999),
    st.integers(1, 2), st.none() | st.integers(0, 2**32 - 1),
)  # fmt: skip
ODD_SETTINGS = SETTINGS | st.builds(
    TrainingSettings, SMALL, FLOAT, SMALL, FLOAT, st.integers(-1, 2), st.none() | st.integers()
)
MOVE = st.none() | st.sampled_from([(1, 0), (-1, 0), (0, 1), (0, -1)])
OBSERVED = st.builds(
    lambda week, rows, right: monitors.Observed(week, rows["X"], rows["score"], right),
    SMALL, alike(X=("grey", 64), score="share"), arrays(kind="truth", most=20),
)  # fmt: skip
REFERENCE = alike(X=("grey", 64), score="share").map(lambda rows: monitors.Reference(rows["X"], rows["score"]))
READINGS = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from("abc"), TRUTH), max_size=9, unique_by=lambda row: row[:2]
).map(lambda rows: pd.DataFrame(rows, columns=["week", "monitor", "alarm"]))
MONITOR = st.sampled_from(monitors.MONITORS) | st.builds(
    monitors.Monitor, TEXT, TEXT, TEXT, st.just(lambda _, weeks: np.full(len(weeks), np.nan)), FLOAT, TRUTH
)
DIAGNOSIS = st.lists(FLOAT, min_size=10, max_size=10).map(
    lambda values: pd.DataFrame({"images": list(MOVES), "accuracy": values[:5], "p_value": values[5:]})
)
MOMENT = st.datetimes(pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01")).map(pd.Timestamp)
CLICKS = st.lists(st.tuples(st.integers(0, 5), MOMENT, st.sampled_from(["A", "b ", "", "?", None])), max_size=8).map(
    lambda rows: pd.DataFrame(rows, columns=["parcel_id", "clicked_at", "chute"]).astype(
        {"clicked_at": "datetime64[us]", "chute": "str"}
    )
)
PARCELS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 4), MOMENT, st.integers(-1, 10)), max_size=8, unique_by=lambda r: r[0]
).map(
    lambda rows: pd.DataFrame(rows, columns=["id", "camera_id", "seen_at", "keyed_digit"]).astype(
        {"seen_at": "datetime64[us]"}
    )
)
SENSORS = st.lists(st.tuples(st.integers(1, 4), MOMENT), max_size=5).map(
    lambda rows: pd.DataFrame(rows, columns=["camera_id", "hour"]).astype({"hour": "datetime64[us]"})
)
PICTURES = st.dictionaries(st.integers(0, 9), arrays(8, least=8, most=8) | arrays(3, kind="grey", least=1), max_size=8)
LOAD_RUN = st.builds(
    load_module.LoadRun, TEXT, st.integers(0, 9), arrays(kind="share") | arrays(), st.integers(0, 9), st.floats(0)
)
PREDICTION = st.builds(
    PredictionTrace,
    arrays(8, least=8, most=8, kind="grey"), arrays(8, least=8, most=8, kind="share"),
    st.lists(arrays(least=1, most=9, kind="share"), min_size=1, max_size=3).map(tuple), SHARE, SHARE,
)  # fmt: skip
CARD = st.lists(TRUTH, min_size=len(TESTS), max_size=len(TESTS)).map(
    lambda held: ScoreCard(tuple(Outcome(test, holds, "<b>seen</b>") for test, holds in zip(TESTS, held, strict=True)))
)
ROLLOUT = st.builds(Rollout, st.sampled_from(["off", "shadow", "canary"]), SHARE, SHARE, st.integers(1, 3))
WIDGET = st.sampled_from(
    [
        ipywidgets.IntSlider,
        ipywidgets.Checkbox,
        ipywidgets.Button,
        ipywidgets.Text,
        ipywidgets.Dropdown,
        ipywidgets.HTML,
    ]
)
CONTROL = st.builds(lambda kind, text: kind(description=text), WIDGET, TEXT.filter(lambda text: "\ud800" not in text))
LEARNERS_ANSWER = (
    ANYTHING
    | st.just(...)
    | ANYTHING.map(lambda value: lambda *_: value)
    | st.sampled_from(
        [
            len,
            sum,
            print,
            lambda: 1,
            lambda *_: 1 / 0,
            lambda *given: given[0].clear(),
            lambda *given: given,
            pd.DataFrame,
        ]
    )
)
ODD_SERIES = st.lists(st.sampled_from([1, 2, 3]), max_size=25).map(lambda values: pd.Series(values, name="camera"))
WEEK = st.integers(1, depot.LIVE_WEEKS).map(depot.read_live_week)


@cache
def clean() -> datasets.CleanDataset:
    return course_models.clean()


@cache
def raw() -> datasets.RawDataset:
    return pipeline.collect()


@cache
def dealer() -> Dealer:
    pool = Pool(X[:60], y[:60].astype(float), np.full(60, 9.0), 40, ())
    return Dealer(trained_model(), pool)


@st.composite
def raw_datasets(draw: Callable) -> datasets.RawDataset:
    """The course's raw data with a few rows, some of them damaged."""
    table = raw().table.sample(draw(st.integers(0, 40)), random_state=draw(st.integers(0, 99)))
    table = table.head(draw(st.integers(0, 40))).copy()
    images = {i: raw().images[i] for i in table.loc[table["has_image"], "id"]}
    for i in draw(st.lists(st.sampled_from([*images] or [None]), max_size=3)):
        if i is not None:
            images[i] = draw(arrays(8, least=8, most=8) | arrays(3, least=1))
    return datasets.RawDataset(table, images, raw().lineage)


@st.composite
def clean_datasets(draw: Callable) -> datasets.CleanDataset:
    """The course's cleaned data with a few rows, some of them damaged."""
    n = draw(st.integers(0, 30))
    table, images = clean().table.head(n).copy(), clean().X[:n].copy()
    if n and draw(TRUTH):
        images[draw(st.integers(0, n - 1)), draw(st.integers(0, 63))] = draw(FLOAT)
    if n and draw(TRUTH):
        table.loc[draw(st.integers(0, n - 1)), "chute"] = draw(TEXT)
    return datasets.CleanDataset(table, images[: n - draw(st.sampled_from((0, 0, 1)))] if n else images, clean().report)


SETS = clean_datasets()
WEEK_TABLE = st.lists(st.tuples(SMALL, SHARE, SHARE), min_size=2, max_size=2).map(
    lambda rows: pd.DataFrame(rows, columns=["week", "mean grey", "accuracy in the end"])
)

# --------------------------------------------------------------------------------------------- files and what they hold


def in_a_file(name: str, content: bytes) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def files(content: st.SearchStrategy[bytes], name: str = "made_up.txt") -> st.SearchStrategy[Path]:
    """Make a file that holds this, or name one that is not there."""
    return content.map(lambda held: in_a_file(name, held)) | st.just(Path("missing"))


def changed(whole: bytes) -> st.SearchStrategy[bytes]:
    """Change a file's bytes: cut, doubled, or some of them others."""
    place = st.integers(0, len(whole))
    more = st.binary(max_size=40) | TEXT.map(lambda text: text.encode("utf-8", "replace"))
    over = st.builds(lambda start, new: whole[:start] + new + whole[start + len(new) :], place, more)
    cut = st.builds(lambda start, end, new: whole[:start] + new + whole[end:], place, place, more)
    return over | cut | st.binary(max_size=300)


def raw_file(name: str) -> st.SearchStrategy[Path]:
    """Change one of the course's data files, in a folder of data that holds nothing else."""
    whole = (COURSE / "data" / name).read_bytes()
    return changed(whole).map(lambda held: in_a_file(f"data/{name}", held) and Path("data")) | st.just(Path("missing"))


def archive(held: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, content in held.items():
            packed.writestr(name, content)
    return stream.getvalue()


COURSE = Path(__file__).resolve().parent.parent
with zipfile.ZipFile(COURSE / "data" / "raw" / "images" / "camera_1.zip") as of_camera_1:
    ONE_PICTURE = of_camera_1.read(min(of_camera_1.namelist()))
ARCHIVES = st.dictionaries(
    st.sampled_from(["100001.png", "x.png", "../1.png", "notes.txt"]),
    changed(ONE_PICTURE) | st.just(ONE_PICTURE),
    max_size=3,
).map(archive)
JSON_LINE = made.JSON.map(lambda value: json.dumps(value).encode())
JSON_LINES = st.lists(JSON_LINE | st.binary(max_size=30) | st.just(b"[" * 100_000), max_size=4).map(b"\n".join)
JSON_RECORD = st.dictionaries(TEXT, made.JSON, max_size=4)

# ------------------------------------------------------------------------------------------------- a class and its work

EXPORT_NAMES = st.sampled_from(["a.json", "b.json", "c.zip", "sub/d.json", "e.txt"])


@st.composite
def handed_in(draw: Callable) -> HandedIn:
    """Make what one export may hold, by the rules that `read_exports` keeps."""
    answers = {}
    for key in draw(st.lists(st.sampled_from([*asked()]), max_size=8, unique=True)):
        question = asked()[key]
        letters = [letter for letter, _ in question.shown()]
        order = (
            st.permutations(letters)
            if question.kind == "put_in_order"
            else st.lists(st.sampled_from(letters), min_size=1)
        )
        first, last = (tuple(draw(order)) for _ in range(2))
        answers[key] = GivenAnswer(first, last, question.is_right(first), question.is_right(last), draw(TRUTH))
    tried = st.dictionaries(
        st.sampled_from([*exercises()]),
        st.builds(Tried, st.sampled_from(progress.OUTCOMES), st.integers(1, 10**5)),
        max_size=4,
    )
    parts = st.frozensets(
        st.tuples(st.sampled_from([s.slug for s in STAGES]), st.sampled_from(progress.PARTS)), max_size=4
    )
    text = TEXT.map(export_format.clean_text)
    return HandedIn(
        draw(st.uuids()).hex, draw(st.uuids()).hex[:16], draw(text), "", draw(text), answers, draw(tried), draw(parts),
        (draw(text),),
    )  # fmt: skip


CLASS = st.lists(handed_in(), min_size=1, max_size=4)
REPORT = st.builds(
    lambda learners, left, at: class_report.ClassReport(tuple(learners), tuple(left), (), at.replace(tzinfo=UTC)),
    CLASS,
    st.lists(st.builds(LeftOut, TEXT.map(export_format.clean_text), TEXT.map(export_format.clean_text)), max_size=2),
    st.datetimes(),
)
ONE_OF_A_CLASS = REPORT.flatmap(
    lambda report: st.fixed_dictionaries({"self": st.just(report), "learner": st.sampled_from(report.learners)})
)
QUESTION_RESULT = REPORT.flatmap(lambda report: st.sampled_from(report.questions))


@st.composite
def folders_of_exports(draw: Callable) -> Path:
    """Make a folder of exports: whole ones, changed ones, anything else."""
    folder = Path(tempfile.mkdtemp(dir=".", prefix="handed_in-"))
    whole = json.dumps(make_export(draw(st.integers(0, 3)), "Ada", stages=draw(st.integers(0, 2)))).encode()
    for name in draw(st.lists(EXPORT_NAMES, max_size=4, unique=True)):
        held = draw(st.just(whole) | changed(whole) | made.JSON.map(lambda value: json.dumps(value).encode()))
        in_a_file(str(folder / name), archive({"a.json": held}) if name.endswith("zip") and draw(TRUTH) else held)
    return folder


# -------------------------------------------------------------------------------------------------- registry, exercises

VERSION = st.sampled_from([1, 1, 2, 0, -1, 2**70, "champion", "challenger"]) | ANYTHING
NOTE = TEXT | ANYTHING
NOTES = (
    st.dictionaries(st.sampled_from(["a", "seed", "run", "epochs", "gate", "loss"]) | TEXT, ANYTHING, max_size=3) | NOTE
)
CARD_OF_A_MODEL = st.builds(
    ModelCard, WORDS, st.just((("Use", ("Reads digits.",)),)), st.from_regex(r"\A[0-9a-f]{64}\Z")
)
RUN_TRACE = st.none() | TRACE | tables("epoch", "loss", values=NUMBER | SMALL) | tables() | ANYTHING
TRAINED = st.builds(lambda trace, how: TrainedModel(trained_model(), trace, how, "data"), TRACE, SETTINGS)
VERDICT = GATE | GATE.map(lambda gate: replace(gate, accuracy=0.9, low=0.88, high=0.95, threshold=0.85, n=300))
TWO_PARTS = st.lists(
    st.lists(st.integers(-9, 9), max_size=5).map(lambda ids: pd.DataFrame({"id": pd.Series(ids, dtype=int)})),
    min_size=2, max_size=2,
)  # fmt: skip
TWO_BY_TWO = st.lists(st.lists(FLOAT, min_size=2, max_size=2), min_size=2, max_size=2)
ANY_PARTS = st.lists(ANYTHING | tables() | tables("id", values=CELL), max_size=3)

FUZZED: dict[str, Fuzz] = {
    "class_exports.read_exports": fuzz(40, folder=folders_of_exports() | st.sampled_from(made.NASTY_TEXT) | NAME),
    "class_page.page": fuzz(6, report=REPORT, names=TRUTH),
    "class_report.ClassReport.csv": fuzz(20, self=REPORT, names=TRUTH),
    "class_report.ClassReport.html": fuzz(4, self=REPORT, names=TRUTH),
    "class_report.ClassReport.label": fuzz_together(ONE_OF_A_CLASS, 20, names=TRUTH),
    "class_report.ClassReport.listed": fuzz(20, self=REPORT, names=TRUTH),
    "class_report.ClassReport.to_talk_about": fuzz(20, self=REPORT),
    "class_report.ClassReport.write": fuzz(4, self=REPORT, folder=st.just("out"), names=TRUTH),
    "class_report.QuestionResult.bars": fuzz(20, self=QUESTION_RESULT),
    "class_report.QuestionResult.most_chosen_wrong": fuzz(20, self=QUESTION_RESULT),
    "class_report.build": fuzz(30, folder=folders_of_exports() | st.sampled_from(made.NASTY_TEXT) | NAME),
    "class_report.counts": fuzz(30, learner=handed_in(), stage=st.sampled_from(STAGES)),
    "class_report.exercises_of": fuzz(12, stage=st.sampled_from(STAGES)),
    "class_report.grades": fuzz(30, learner=handed_in(), stage=st.sampled_from(STAGES)),
    "class_report.questions_of": fuzz(12, stage=st.sampled_from(STAGES)),
    "class_report.standing": fuzz(30, learner=handed_in(), stage=st.sampled_from(STAGES)),
    "depot.checksum": fuzz(path=files(st.binary())),
    "depot.read_clicks": fuzz(path=raw_file("raw/clicks.csv").map(lambda folder: folder / "raw" / "clicks.csv")),
    "depot.read_images": fuzz(
        folder=ARCHIVES.map(lambda held: in_a_file("data/raw/images/camera_1.zip", held) and Path("data"))
        | raw_file("raw/images/camera_1.zip")
    ),
    "depot.read_parcels": fuzz(folder=raw_file("raw/depot.db")),
    "depot.read_sensors": fuzz(folder=raw_file("raw/sensors.jsonl")),
    "depot.verify_data": fuzz(folder=raw_file("MANIFEST.sha256")),
    "exercise_bank.close": fuzz(given=FLOAT, expected=FLOAT),
    "exercise_bank.id_list": fuzz(value=st.lists(WHOLE | st.integers(0, 99).map(float), max_size=6)),
    "exercise_bank.is_ids": fuzz(150, value=ANYTHING | arrays() | tables() | st.builds(lambda: np.array(1.0))),
    "exercise_bank.is_number": fuzz(value=ANYTHING),
    "exercise_bank.is_truth": fuzz(value=ANYTHING),
    "exercise_bank.is_two_by_two": fuzz(150, value=ANYTHING | TWO_BY_TWO | arrays(2) | tables()),
    "exercise_bank.is_two_tables": fuzz(100, value=ANYTHING | ANY_PARTS),
    "exercise_bank.is_whole": fuzz(150, value=ANYTHING | NUMBER),
    "exercise_bank.moments": fuzz(args=st.lists(MOMENT.map(lambda moment: f"{moment:%Y-%m-%d %H:%M}"), max_size=4)),
    "exercise_bank.same_split": fuzz(given=TWO_PARTS, expected=TWO_PARTS),
    "exercise_bank.same_table": fuzz(given=TWO_BY_TWO, expected=TWO_BY_TWO),
    "export_format.checksum": fuzz(150, export=JSON_RECORD),
    "export_format.clean_text": fuzz(300, text=TEXT, longest=st.integers(1, 90)),
    "export_format.file_stem": fuzz(150, name=TEXT),
    "export_format.safe_cell": fuzz(300, text=TEXT),
    "files.append_line": fuzz(40, path=NAME.map(Path), record=JSON_RECORD),
    "files.read_course_text": fuzz(path=files(st.binary() | TEXT.map(lambda text: text.encode("utf-8", "replace")))),
    "files.read_lines": fuzz(path=files(JSON_LINES), whole_numbers=st.lists(TEXT, max_size=2)),
    "files.said_if_spoiled": fuzz(10, path=NAME.map(Path)),
    "files.said_if_unwritable": fuzz(10, path=NAME.map(Path)),
    "files.set_aside": fuzz(15, path=st.binary().map(lambda held: in_a_file("made_up.txt", held))),
    "files.written_beside": fuzz(20, path=NAME.map(Path), content=st.binary()),
    "model_card.ModelCard.save": fuzz(12, self=CARD_OF_A_MODEL),
    "pipeline.deploy": fuzz(8, trained=TRAINED, verdict=VERDICT, run_id=st.none() | TEXT, reason=TEXT),
    "pipeline.record_run": fuzz(8, trained=TRAINED, name=WORDS),
    "pipeline.register_judged": fuzz(8, trained=TRAINED, verdict=VERDICT, run_id=st.none() | TEXT),
    "progress_table.stage_rows": fuzz(40, now=made.PROGRESS),
    "quiz.load_questions": fuzz(40, stage=made.ANY_STAGE),
    "quiz.read_question_file": fuzz(100, path=files(made.question_files(), "questions.toml")),
    "registry.gate": fuzz(12, version=VERSION),
    "registry.load": fuzz(12, version=VERSION),
    "registry.log_run": fuzz(
        15, name=NOTE, params=NOTES, epochs=RUN_TRACE, metrics=st.none() | NOTES, seed=NOTE, data_hash=TEXT
    ),
    "registry.nominate": fuzz(10, version=VERSION, reason=NOTE),
    "registry.promote": fuzz(12, version=VERSION, alias=st.just("champion") | NOTE, reason=NOTE),
    "registry.record_gate": fuzz(
        20,
        version=st.just(1) | VERSION,
        passed=TRUTH,
        accuracy=st.just(0.9) | ANYTHING,
        low=st.just(0.8) | NUMBER,
        high=st.just(1) | NUMBER,
        n=st.integers(1, 2**54) | NUMBER,
        threshold=SHARE,
        data_hash=TEXT,
        reasons=st.lists(TEXT, max_size=2) | ANYTHING,
    ),
    "registry.register": fuzz(
        12,
        model=st.builds(trained_model) | ANYTHING,
        data_hash=TEXT,
        run_id=st.none() | NOTE,
        tags=st.none() | NOTES,
    ),
    "registry.rollback": fuzz(10, reason=NOTE),
    "registry.run_epochs": fuzz(10, name=NOTE),
    "registry.runs": fuzz(10, name=st.none() | NOTE, every=TRUTH),
    "request_log.RequestLog": fuzz(12, path=NAME.map(Path)),
    "request_log.RequestLog.close": fuzz(12, self=st.builds(lambda: RequestLog(Path("requests.db")))),
    "artifacts.load": fuzz(name=TEXT, quiet=TRUTH),
    "artifacts.save": fuzz(artifact=ANYTHING),
    "files.write_atomically": fuzz(path=NAME.map(Path), content=st.binary()),
    "charts.ascii_chart": fuzz(
        200, trace=TRACE, metric=st.sampled_from(["loss", "accuracy", "train_loss"]) | TEXT, height=st.integers(-5, 40)
    ),
    "charts.plot_trace": fuzz(12, trace=NAMED_TRACE, args=st.lists(NAMED_TRACE, max_size=4), title=st.none() | WORDS),
    "charts.plot_losses": fuzz(12, trace=NAMED_TRACE, title=st.none() | WORDS),
    "charts.plot_calibration": fuzz(
        10,
        table=alike(y="label", p="share")
        .filter(lambda both: len(both["y"]) == len(both["p"]))
        .map(lambda both: evaluation.calibration(both["y"], both["p"])),
        title=WORDS,
    ),
    "charts.draw_probabilities": fuzz_together(
        alike(y="label", probability="share").filter(lambda both: len(both["y"]) == len(both["probability"])),
        20,
        axis=st.builds(lambda: matplotlib.figure.Figure().subplots()),
        bins=st.integers(1, 40),
    ),
    "charts.plot_probabilities": fuzz(
        8,
        y=arrays(kind="label", least=5, most=5),
        models=st.dictionaries(WORDS, arrays(kind="share", least=5, most=5), min_size=1, max_size=3),
        title=WORDS,
    ),
    "charts.plot_images": fuzz(
        12, images=arrays(8, 8, most=6), titles=st.lists(WORDS, max_size=6), title=WORDS, alt=TEXT, columns=SMALL
    ),
    "charts.new_figure": fuzz(15, width=st.floats(1, 20), height=st.floats(1, 20), n_columns=st.integers(1, 4)),
    "chooser.link": fuzz(stage=st.sampled_from(STAGES), way=st.sampled_from(WAYS)),
    "cluster.search": fuzz(
        6,
        data=st.just((X[:40], y[:40], X[40:60], y[40:60])),
        grid=st.lists(SETTINGS, max_size=2),
        n_workers=st.sampled_from([None, 0, -1]),
    ),
    "contract.describe_images": fuzz(30, raw=raw_datasets()),
    "contract.failures": fuzz(
        25, table=tables(values=CELL) | tables("id", "chute", values=CELL), schema=st.just(contract.clean_schema())
    ),
    "contract.count_failures": fuzz(
        20,
        cases=tables("id", "chute", values=CELL).map(lambda table: contract.failures(table, contract.clean_schema())),
    ),
    "contract.require_clean": fuzz(30, clean=SETS),
    "controls.explorer": fuzz(
        25, title=TEXT, controls=st.lists(CONTROL, max_size=3), result=st.builds(ipywidgets.HTML), in_words=st.none()
    ),
    "controls.Explorer": fuzz(
        25, title=TEXT, controls=st.lists(CONTROL, max_size=3), result=st.builds(ipywidgets.HTML), in_words=st.none()
    ),
    "datasets.CleanDataset.part": fuzz(self=st.builds(clean), split=st.sampled_from(datasets.SPLITS) | TEXT),
    "depot.read_image": fuzz(200, content=st.binary(max_size=300)),
    "depot.read_live_week": fuzz(25, week=SMALL, control=TRUTH),
    "depot.read_live_clicks": fuzz(25, until=st.none() | MOMENT),
    "display.fold": fuzz(150, summary=TEXT, body=TEXT, attributes=TEXT),
    "display.inline": fuzz(500, text=TEXT),
    "evaluation.GateResult.from_dict": fuzz(values=GATE.map(GateResult.to_dict)),
    "evaluation.GateResult.to_dict": fuzz(self=GATE),
    "evaluation.add_noise": fuzz(X=GREY, grey_levels=st.floats(0, 1e6), seed=st.integers(0)),
    "evaluation.behaviour": fuzz_together(alike(X=("grey", 64), y="label"), 20, model=st.builds(trained_model)),
    "evaluation.calibration": fuzz_together(alike(y="label", probability="any"), n_bins=SMALL),
    "evaluation.check_gate": fuzz_together(
        alike(X=("grey", 64), y="label"),
        30,
        cameras=ODD_SERIES,
        model=st.builds(trained_model),
        baseline=st.builds(trained_model),
        threshold=FLOAT,
    ),
    "evaluation.confusion": fuzz_together(alike(y="label", predicted="label")),
    "evaluation.dim": fuzz(X=arrays(64), factor=FLOAT),
    "evaluation.interval": fuzz(200, n_right=COUNT, n=COUNT),
    "evaluation.mcnemar": fuzz_together(alike(right_one="truth", right_other="truth"), 100),
    "evaluation.precision_recall": fuzz_together(alike(y="label", predicted="label")),
    "evaluation.shift": fuzz(100, X=arrays(64), columns=st.integers(-12, 12), rows=WHOLE),
    "evaluation.slices": fuzz(right=arrays(kind="truth"), by=ODD_SERIES),
    "exercises.own_or_model_answer": fuzz(40, exercise=ID, answer=LEARNERS_ANSWER),
    "exercises.check": fuzz(400, exercise=ID, answer=LEARNERS_ANSWER),
    "exercises.exercise_ids": fuzz(stage=made.ANY_STAGE),
    "exercises.hint": fuzz(exercise=ID),
    "exercises.reference": fuzz(exercise=st.sampled_from([*EXERCISES])),
    "exercises.solution": fuzz(exercise=ID),
    "exercises.solution_source": fuzz(exercise=ID),
    "explorers.data_collection.find_evidence": fuzz(
        25, parcels=PARCELS, images=PICTURES, sensors=SENSORS, clicks=CLICKS
    ),
    "explorers.data_collection.count_usable": fuzz(
        evidence=st.lists(st.lists(TRUTH, min_size=4, max_size=4), max_size=5).map(
            lambda rows: pd.DataFrame(rows, columns=["database", "images", "clicks", "sensors"], dtype=bool)
        ),
        sources=st.sets(st.sampled_from(["database", "images", "clicks", "sensors"])),
        keep_all=TRUTH,
    ),
    "explorers.data_preprocessing.Workbench": fuzz(15, raw=raw_datasets()),
    "explorers.data_preprocessing.Workbench.clean": fuzz(
        3,
        self=st.builds(lambda: data_preprocessing.Workbench(raw())),
        **dict.fromkeys(data_preprocessing.STEPS, TRUTH),
    ),
    "explorers.live.live_explorer": fuzz(
        20,
        title=TEXT,
        controls=st.dictionaries(st.sampled_from("abc"), st.builds(lambda: ipywidgets.IntSlider(description="x"))),
        answer_to=st.builds(
            lambda head, notes: lambda **_: Answer(head, tuple(notes)), TEXT, st.lists(TEXT, max_size=2)
        ),
    ),
    "explorers.model_training.judge": fuzz(150, trace=TRACE),
    "explorers.model_validation.plot_decision": fuzz(
        4,
        decision=alike(y="label", p="share")
        .filter(lambda both: len(both["y"]) == len(both["p"]) > 0)
        .flatmap(
            lambda both: st.builds(model_validation.Decision, st.just(both["y"]), st.just(both["p"]), SHARE, SHARE)
        ),
    ),
    "explorers.monitoring_and_maintenance.tune": fuzz(
        values=st.tuples(arrays(3, least=2, most=2), arrays(3, least=2, most=2)),
        watch=st.sampled_from([*monitoring_and_maintenance.WATCHES.values()]),
        threshold=FLOAT,
        window=st.integers(1, 200),
    ),
    "figures.show": fuzz(12, figure=st.builds(lambda: matplotlib.figure.Figure((2, 1))), alt=TEXT, caption=TEXT),
    "load.bare_latency": fuzz(
        20, model=st.builds(trained_model), images=arrays(64, kind="grey", most=3), requests=st.integers(-2, 5)
    ),
    "load.latency_table": fuzz(runs=st.lists(LOAD_RUN, max_size=3)),
    "load.plot_latencies": fuzz(12, runs=st.lists(LOAD_RUN, max_size=5)),
    "loop.Policy": fuzz(100, gate=FLOAT, cool_down=WHOLE, max_retrains=WHOLE),
    "loop.data_hash": fuzz(args=st.lists(arrays(64) | arrays(), max_size=3)),
    "loop.describe_week": fuzz(8, model=st.builds(trained_model), week=WEEK),
    "loop.diagnose": fuzz_together(alike(X=("grey", 64), y="label"), 20, model=st.builds(trained_model)),
    "loop.find_move": fuzz(diagnosis=DIAGNOSIS),
    "loop.known_labels": fuzz(20, parcel_ids=st.lists(st.integers(0, 10**7), max_size=5, unique=True), until=MOMENT),
    "loop.move_in_words": fuzz(move=MOVE),
    "loop.plot_weeks": fuzz(8, live=WEEK_TABLE, control=WEEK_TABLE),
    "loop.read_audit": fuzz(20, run=st.none() | TEXT),
    "loop.retrain": fuzz_together(
        alike(X_old=("grey", 64), y_old="label", X_new=("grey", 64), y_new="label"), 15, move=MOVE, settings=SETTINGS
    ),
    "loop.write_audit": fuzz(
        30, run=TEXT, week=WHOLE, who=TEXT, what=TEXT, why=TEXT, version=st.none() | st.integers(0, 2**31)
    ),
    "model_card.ModelCard.to_markdown": fuzz(
        self=st.builds(
            ModelCard,
            TEXT,
            st.lists(st.tuples(TEXT, st.lists(TEXT, max_size=2).map(tuple)), max_size=2).map(tuple),
            TEXT,
        )
    ),
    "monitors.Dealer.deal": fuzz(
        20,
        self=st.builds(lambda: dealer()),
        order=st.permutations(range(60)).map(np.array),
        hours_left=st.lists(arrays(kind="share", least=4, most=4), min_size=2, max_size=2),
        states=st.lists(st.sampled_from([*monitors.STATES]), min_size=2, max_size=2),
    ),
    "monitors.Monitor.alarms": fuzz(
        40, self=MONITOR, reference=REFERENCE, weeks=st.lists(OBSERVED, min_size=1, max_size=2)
    ),
    "monitors.Monitor.rings": fuzz(self=MONITOR, values=arrays()),
    "monitors.accuracy_high": fuzz(right=arrays(kind="truth")),
    "monitors.adwin_alarms": fuzz(50, start=arrays(), stream=arrays(), delta=FLOAT),
    "monitors.alarm_table": fuzz(readings=READINGS),
    "monitors.brightness": fuzz(X=arrays(64)),
    "monitors.confidence": fuzz(score=arrays()),
    "monitors.each_week": fuzz(measure=st.just(lambda *_: math.nan)),
    "monitors.ks_p_value": fuzz(150, reference=arrays(), current=arrays()),
    "monitors.lowest_pixel_p": fuzz(30, reference=arrays(64, most=6), current=arrays(64, most=6)),
    "monitors.psi": fuzz(150, reference=arrays(), current=arrays(), bins=SMALL),
    "monitors.watch": fuzz(
        25, reference=REFERENCE, weeks=st.lists(OBSERVED, max_size=2), monitors=st.lists(MONITOR, max_size=2)
    ),
    "panel.ProgressPanel.show": fuzz(25, self=st.builds(lambda: progress_panel(1)), now=made.PROGRESS),
    "panel.progress_panel": fuzz(20, stage=made.ANY_STAGE),
    "panel.summary_html": fuzz(40, now=made.PROGRESS),
    "paths.make_private_file": fuzz(path=NAME.map(Path)),
    "paths.make_private_folder": fuzz(folder=NAME.map(lambda name: Path("made", name))),
    "pickle_demo.load_with_skops": fuzz(40, content=st.binary(max_size=300)),
    "pipeline.find_repeated_scans": fuzz(30, table=PARCELS, images=st.just({i: np.zeros((8, 8)) for i in range(10)})),
    "pipeline.fit_on": fuzz_together(
        alike(X_train=("grey", 64), y_train="label", X_val=("grey", 64), y_val="label"),
        25,
        settings=ODD_SETTINGS,
        name=TEXT,
    ),
    "pipeline.TrainingSettings.to_dict": fuzz(self=SETTINGS),
    "pipeline.is_blank": fuzz(image=arrays(8, least=8, most=8)),
    "pipeline.last_click": fuzz(40, clicks=CLICKS),
    "pipeline.make_network": fuzz(settings=SETTINGS),
    "pipeline.preprocess": fuzz(30, raw=raw_datasets()),
    "pipeline.repair_units": fuzz(
        30, table=raw_datasets().map(lambda one: one.table)
    ),
    "pipeline.split_by_time": fuzz(
        150, n_parcels=st.integers(-5, 2000), n_validation=st.integers(-5, 900), n_test=st.integers(-5, 900)
    ),
    "pipeline.train": fuzz(6, clean=st.builds(clean), settings=ODD_SETTINGS, name=TEXT),
    "pipeline.ValidatedModel": fuzz(trained=st.just(None), gate=GATE),
    "prediction.PredictionTrace.plot": fuzz(8, self=PREDICTION, title=st.none() | WORDS),
    "prediction.PredictionTrace.to_frame": fuzz(self=PREDICTION),
    "prediction.PredictionTrace.to_text": fuzz(self=PREDICTION),
    "prediction.as_features": fuzz(500, image=ANYTHING | arrays(8, least=8, most=8) | arrays(64, most=2)),
    "prediction.text_image": fuzz(100, image=arrays(8, least=8, most=8)),
    "prediction.trace_prediction": fuzz(
        100, model=st.builds(trained_model), image=ANYTHING | arrays(8, least=8, most=8), threshold=FLOAT
    ),
    "progress.Progress.answers_of": fuzz(self=made.PROGRESS, stage=made.STAGE | TEXT),
    "progress.Progress.exercise": fuzz(self=made.PROGRESS, exercise=TEXT),
    "progress.Progress.parts_of": fuzz(self=made.PROGRESS, stage=made.STAGE | TEXT),
    "progress.answer": fuzz(
        60, stage=made.STAGE | TEXT, question=TEXT, choice=made.CHOICE, right=TRUTH, confidence=st.none() | TEXT
    ),
    "progress.exercise": fuzz(
        40, stage=made.STAGE | TEXT, exercise_id=TEXT, outcome=st.sampled_from(progress.OUTCOMES) | TEXT
    ),
    "progress.export": fuzz(15, folder=NAME.map(lambda name: Path("out", name))),
    "progress.merge_answer": fuzz(60, given=made.ANSWERS),
    "progress.part": fuzz(40, stage=made.ANY_STAGE, part_name=st.sampled_from(progress.PARTS) | TEXT, seen=TRUTH),
    "progress.reset": fuzz(40, stage=st.none() | made.STAGE | TEXT),
    "progress.stage_key": fuzz(stage=made.STAGE | TEXT),
    "progress.subscribe": fuzz(listener=st.just(print)),
    "quiz.Flashcard": fuzz(150, id=ANYTHING, front=ANYTHING, back=ANYTHING),
    "quiz.Question": fuzz(
        500,
        id=ANYTHING | st.just("late-labels"),
        text=ANYTHING,
        options=st.lists(st.builds(quiz.Option, ANYTHING, ANYTHING, ANYTHING, ANYTHING), max_size=12),
        kind=st.sampled_from(quiz.KINDS) | ANYTHING,
        hint=ANYTHING,
        misconception=ANYTHING,
        reason=ANYTHING,
    ),
    "quiz.Question.is_right": fuzz(100, self=made.questions(), choice=made.CHOICE),
    "quiz.Question.right_choice": fuzz(self=made.questions()),
    "quiz.Question.shown": fuzz(self=made.questions()),
    "quiz.Quiz.find": fuzz(self=st.lists(made.questions(), min_size=1, max_size=1).map(quiz.quiz), question=TEXT),
    "quiz.flashcards": fuzz(100, stage=made.ANY_STAGE | st.lists(made.CARDS, max_size=3), title=TEXT),
    "quiz.known_question": fuzz(100, quiz_name=TEXT | made.STAGE.map(progress.stage_key), question=TEXT),
    "quiz.quiz": fuzz(150, stage=made.ANY_STAGE | st.lists(made.questions(), max_size=3), name=TEXT),
    "request_log.RequestLog.write": fuzz(
        60,
        self=st.builds(lambda: RequestLog(Path("requests.db"))),
        parcel_id=st.none() | TEXT,
        role=TEXT,
        version=st.integers(0, 2**31),
        image=arrays(8, least=8, most=8),
        score=FLOAT,
    ),
    "request_log.input_digest": fuzz(image=arrays(8, least=8, most=8)),
    "request_log.read_requests": fuzz(
        30, parcel_ids=st.none() | st.lists(TEXT | WHOLE, max_size=3), after=st.integers(-5, 2**60),
        role=st.none() | TEXT, pixels=TRUTH,
    ),
    "rollout.Rollout": fuzz(mode=TEXT, share=FLOAT, max_error_rate=FLOAT, min_requests=WHOLE),
    "rollout.Rollout.count_challenger": fuzz(self=ROLLOUT, failed=TRUTH),
    "rollout.Rollout.count_champion": fuzz(self=ROLLOUT),
    "rollout.Rollout.status": fuzz(self=ROLLOUT),
    "rollout.Rollout.stop": fuzz(self=ROLLOUT, because=TEXT),
    "rollout.Rollout.takes": fuzz(150, self=ROLLOUT, parcel_id=st.none() | TEXT),
    "rollout.bucket": fuzz(500, parcel_id=ANYTHING),
    "rollout.compare": fuzz(
        25, labels=st.dictionaries(TEXT | WHOLE, st.integers(0, 1), max_size=4), after=st.integers(0, 9),
    ),
    "rollout.in_canary": fuzz(500, parcel_id=ANYTHING, share=FLOAT),
    "rollout.mcnemar_p": fuzz(
        100, only_champion_right=st.integers(0, 10**4), only_challenger_right=st.integers(0, 10**4),
    ),
    "scorecard.ScoreCard.export": fuzz(15, self=CARD, folder=NAME.map(lambda name: Path("out", name))),
    "scorecard.ScoreCard.missing": fuzz(25, self=CARD),
    "scorecard.ScoreCard.plot": fuzz(6, self=CARD),
    "scorecard.ScoreCard.sections": fuzz(25, self=CARD),
    "scorecard.ScoreCard.table": fuzz(40, self=CARD, section=st.none() | TEXT),
    "service.score": fuzz(30, model=st.builds(trained_model), features=arrays(64, least=1, most=1, kind="grey")),
    "stages.get_stage": fuzz(500, stage=ANYTHING | made.ANY_STAGE),
    "stages.stage_card": fuzz(
        100,
        stage=made.ANY_STAGE,
        measured=st.dictionaries(st.sampled_from(["input", "operation", "output", "example", "weather"]), TEXT),
    ),
    "stages.strip": fuzz(stage=made.ANY_STAGE),
    "tables.show_table": fuzz(150, table=tables(), caption=TEXT, index=TRUTH, decimals=st.integers(0, 9)),
    "trace.Epoch": fuzz(500, epoch=ANYTHING, loss=ANYTHING, accuracy=ANYTHING, observation=TEXT, train_loss=ANYTHING),
    "trace.TrainingTrace": fuzz(
        100, epochs=st.lists(st.integers(1, 9).flatmap(made.epochs), max_size=5), name=TEXT
    ),
    "trace.TrainingTrace.best": fuzz(100, self=TRACE),
    "trace.TrainingTrace.first": fuzz(100, self=TRACE, n_epochs=SMALL),
    "trace.TrainingTrace.from_frame": fuzz(
        500, frame=tables("epoch", "loss", "accuracy") | tables("epoch", "loss", "accuracy", "train_loss") | tables(),
        name=TEXT,
    ),
    "trace.TrainingTrace.to_frame": fuzz(100, self=TRACE),
    "trace.TrainingTrace.values": fuzz(self=TRACE, metric=st.sampled_from(["loss", "accuracy"]) | TEXT),
    "trace.compare_traces": fuzz(100, own=TRACE, given=TRACE),
    "trace.make_trace": fuzz(
        200, losses_and_accuracies=st.lists(st.lists(NUMBER, max_size=4).map(tuple), max_size=5), name=TEXT
    ),
    "trace.observe": fuzz(150, previous=st.none() | made.epochs(1), loss=FLOAT, accuracy=FLOAT),
    "trace.train_with_trace": fuzz_together(
        alike(X_train=("grey", 64), y_train="label", X_val=("grey", 64), y_val="label"),
        25,
        model=SETTINGS.map(make_network),
        epochs=st.integers(-2, 2),
        name=TEXT,
    ),
}  # fmt: skip

USES_REGISTRY = ("pipeline.deploy", "pipeline.record_run", "pipeline.register_judged")
FILES = "reads the course's data by the readers of `depot`, which are fuzzed"
SERVICE = "needs a running service, which gets made-up requests in `tests/test_service.py`"
WHOLE_RUN = "a whole run of minutes, or what shows one; the parts of a run are fuzzed one by one"
PROCESS = "starts or stops processes, and takes numbers of them and ports only"
EXEMPT: dict[str, str] = {
    "cluster.compare": PROCESS,
    "controls.KeyAndNameGuard": "an ipywidgets class: its constructor belongs to the library",
    "display.script": "takes names of the package's own files only",
    "explorers.data_collection.explore_sources": "draws `find_evidence` and `count_usable`, which are fuzzed",
    "explorers.data_preprocessing.explore_cleaning": "draws `Workbench.clean`, which is fuzzed",
    "explorers.deployment.explore_service": SERVICE,
    "explorers.model_training.training_explorer": "draws `train`, which is fuzzed; its controls bound the values",
    "explorers.model_validation.validation_explorer": "draws `plot_decision`, which is fuzzed",
    "explorers.monitoring_and_maintenance.explore_alerts": "draws `tune`, which is fuzzed",
    "load.Traffic.wait_for": SERVICE,
    "load.measure_latency": SERVICE,
    "load.traffic": SERVICE,
    "loop.Loop": WHOLE_RUN,
    "loop.Loop.result": WHOLE_RUN,
    "loop.Loop.step": WHOLE_RUN,
    "loop.LoopRun.audit": WHOLE_RUN,
    "loop.LoopRun.plot": WHOLE_RUN,
    "loop.LoopRun.table": WHOLE_RUN,
    "loop.WeekLog.labels": "`known_labels`, which is fuzzed, for the parcels of a week",
    "loop.WeekLog.observed": WHOLE_RUN,
    "loop.judge_on_old": "`check_gate`, which is fuzzed, for the test images",
    "loop.training_data": WHOLE_RUN,
    "loop.judge_on_recent": "`check_gate`, which is fuzzed, for a week of the service's log",
    "loop.plot_run": WHOLE_RUN,
    "loop.promote": SERVICE,
    "loop.reference_of": WHOLE_RUN,
    "loop.send_week": SERVICE,
    "model_card.write_card": WHOLE_RUN,
    "monitors.Dealer": "fuzzed through `Dealer.deal`",
    "monitors.Rehearsal.table": WHOLE_RUN,
    "monitors.clean_pool": WHOLE_RUN,
    "monitors.rehearse": WHOLE_RUN,
    "panel.ProgressPanel": "fuzzed through `progress_panel`",
    "pickle_demo.load_pickle": "runs what it is given, which is what it demonstrates; takes our own bytes",
    "pipeline.collect": FILES,
    "pipeline.monitor": WHOLE_RUN,
    "pipeline.run": WHOLE_RUN,
    "pipeline.train_baseline": WHOLE_RUN,
    "pipeline.validate": "`check_gate`, which is fuzzed, for the test images",
    "scorecard.score_run": WHOLE_RUN,
    "service.BodyLimit": SERVICE,
    "service.OwnPagesOnly": SERVICE,
    "service.Service": SERVICE,
    "service.StatusWatch": SERVICE,
    "service.create_app": SERVICE,
    "service.main": PROCESS,
    "serving.serve": PROCESS,
    "serving.start": PROCESS,
}
EXEMPT_GROUPS: dict[str, str] = {
    "__main__.": "ends by SystemExit; it calls `build` and `export`, which are fuzzed",
    "rollout.st": SERVICE,
    "service.Service.": SERVICE,
    "serving.Server": SERVICE,
}
EVERYTHING = list(made.public())


def reason_to_leave_out(name: str) -> str:
    return EXEMPT.get(name) or next((why for start, why in EXEMPT_GROUPS.items() if name.startswith(start)), "")


def test_every_public_function_is_fuzzed_or_says_why_not():
    needed = {one.name for one in EVERYTHING if not one.has_nothing_to_get_wrong}
    left_out = {name for name in needed if reason_to_leave_out(name)}
    assert needed - left_out - {*FUZZED} == set()
    assert {*FUZZED, *EXEMPT} - {one.name for one in EVERYTHING} == set()
    assert {*FUZZED} & left_out == set()


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Fail loudly, rather than wait for ever, in what does not end; where there is no alarm clock, wait."""

    def ring(*_: Any) -> None:
        raise AssertionError(f"it had not ended after {seconds} seconds")

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def show(result: Any) -> None:
    """Do with a result what Jupyter would: show it, in words and as a page."""
    repr(result)
    if hasattr(result, "_repr_html_") and not isinstance(result, type):
        page = result._repr_html_()
        assert page is None or isinstance(page, str)
    if isinstance(result, types.GeneratorType):
        list(result)


def is_promised_and_helpful(error: Exception, promised: tuple[type[BaseException], ...]) -> bool:
    return isinstance(error, promised) and len(str(error).split()) >= LEAST_WORDS


def try_out(one: Public, arguments: dict[str, Any], *, may_refuse: bool = True) -> None:
    arguments = dict(arguments)
    positional = [arguments.pop("self")] if "self" in arguments else []
    rest = arguments.pop("args", None)
    if rest is not None:
        kinds = inspect.signature(one.call).parameters.values()
        positional += [arguments.pop(each.name) for each in kinds if each.name in arguments and each.kind is BY_PLACE]
        positional += rest
    with no_longer_than(LONGEST_SECONDS):
        try:
            result = one.call(*positional, **arguments)
            if hasattr(result, "__enter__"):
                with result as inside:
                    show(inside)
            show(result)
        except Exception as error:
            if not (may_refuse and is_promised_and_helpful(error, one.promised())):
                told = "".join(traceback.format_exception(error))
                raise AssertionError(f"{one.name} raised what it does not promise.\n{told}") from None


@pytest.fixture
def a_place(tmp_path, monkeypatch):
    """A working folder and a learner's folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(Path(__file__).resolve().parent.parent))
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "my_work"))
    # Who listens from now on, and which hints were shown, is forgotten afterwards.
    monkeypatch.setattr(progress, "_listeners", [])
    monkeypatch.setattr("mlops_lesson.teaching.exercises.check._hints_shown", {})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FUZZED)
def test_made_up_values_are_answered_or_refused_in_words(name, a_place, counted_cases):
    one = next(one for one in EVERYTHING if one.name == name)
    fuzzed = FUZZED[name]
    keeps_records = name.startswith("registry.") or name in USES_REGISTRY
    if keeps_records:
        fill_home(Path(os.environ["MLOPS_LESSON_HOME"]))

    @settings(max_examples=fuzzed.examples * TIMES, phases=PHASES)
    @given(fuzzed.arguments)
    def meet(arguments):
        counted_cases.add(1)
        try_out(one, arguments)
        if keeps_records:
            assert registry.champion() is not None
            show([registry.versions(), registry.runs(), registry.history()])

    meet()


def test_an_error_that_nobody_promised_is_found_out():
    with pytest.raises(AssertionError, match="raised what it does not promise"):
        try_out(Public("math.sqrt", lambda value: math.sqrt(value)), {"value": -1.0})


def test_a_promised_error_without_helpful_words_is_found_out():
    def refuses() -> None:
        """Refuse.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError("no")

    with pytest.raises(AssertionError, match="raised what it does not promise"):
        try_out(Public("refuses", refuses), {})


def test_what_never_ends_is_found_out():
    def forever() -> None:
        while True:
            pass

    with pytest.raises(AssertionError, match="had not ended"), no_longer_than(0.05):
        forever()


# ------------------------------------------------------------------------------------------------------------ traces

TRACES: dict[str, list[tuple[float, ...]]] = {
    "one epoch": [(0.5, 0.8, 0.4)],
    "no training loss": [(0.7, 0.5), (0.6, 0.6)],
    "one epoch that is not a number": [(math.nan, math.nan, math.nan)],
    "not a number from the start": [(math.nan, 0.5, math.nan)] * 3,
    "not a number in between": [(0.7, 0.5, 0.7), (math.nan, math.nan, math.nan), (0.6, 0.6, 0.5)],
    "beyond all bounds": [(0.7, 0.5, 0.7), (math.inf, 0.5, math.inf), (1e308, 0.5, 1e308)],
    "always the same": [(0.0, 1.0, 0.0)] * 4,
    "a training loss below 0": [(0.7, 0.5, -1.0), (0.6, 0.6, -math.inf)],
    "10,000 epochs": [(1 / n, 1 - 1 / n, 0.9 / n) for n in range(1, 10_001)],
    "10,000 epochs, half of them not a number": [(math.nan if n % 2 else 1 / n, 0.5, 1 / n) for n in range(1, 10_001)],
}


def calls_with(trace: TrainingTrace) -> dict[str, list[dict[str, Any]]]:
    """Return, for each function that takes a trace, the arguments of a few calls with this one."""
    trained = TrainedModel(trained_model(), trace, TrainingSettings(), "data")
    return {
        "charts.ascii_chart": [{"trace": trace, "metric": metric} for metric in ("loss", "accuracy", "train_loss")],
        "charts.plot_losses": [{"trace": trace}],
        "charts.plot_trace": [{"trace": trace}, {"trace": trace, "args": [GIVEN_TRACE]}],
        "explorers.model_training.judge": [{"trace": trace}],
        "pipeline.record_run": [{"trained": trained, "name": "run"}],
        "registry.log_run": [
            {"name": "run", "params": {}, "epochs": trace, "metrics": None, "seed": 1, "data_hash": "d"}
        ],
        "trace.TrainingTrace.best": [{"self": trace}],
        "trace.TrainingTrace.first": [{"self": trace, "n_epochs": n} for n in (1, len(trace))],
        "trace.TrainingTrace.from_frame": [{"frame": trace.to_frame()}],
        "trace.TrainingTrace.to_frame": [{"self": trace}],
        "trace.TrainingTrace.values": [{"self": trace, "metric": each} for each in ("loss", "accuracy", "train_loss")],
        "trace.compare_traces": [{"own": trace, "given": trace}, {"own": trace, "given": GIVEN_TRACE}],
    }


def takes_a_trace(one: Public) -> bool:
    if one.owner is TrainingTrace:
        return True
    return not isinstance(one.call, type) and any(
        "TrainingTrace" in str(each.annotation) for each in inspect.signature(one.call).parameters.values()
    )


def test_every_function_that_takes_a_trace_meets_each_trace_below():
    by_what_it_holds = {"pipeline.record_run", "registry.log_run"}
    assert {one.name for one in EVERYTHING if takes_a_trace(one)} | by_what_it_holds == {*calls_with(GIVEN_TRACE)}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", TRACES)
@pytest.mark.parametrize("name", calls_with(GIVEN_TRACE))
def test_a_trace_at_the_edge_is_answered(name, kind, a_place, counted_cases):
    if name in (*USES_REGISTRY, "registry.log_run"):
        fill_home(Path(os.environ["MLOPS_LESSON_HOME"]))
    one = next(one for one in EVERYTHING if one.name == name)
    trace = make_trace(TRACES[kind])
    for arguments in calls_with(trace)[name]:
        counted_cases.add(1)
        # What shows training losses needs them: that is its one promised refusal.
        try_out(one, arguments, may_refuse=(name, kind) == ("charts.plot_losses", "no training loss"))
    if name in (*USES_REGISTRY, "registry.log_run"):
        assert registry.runs()["epochs"].tolist() == [len(trace)]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: TrainingTrace(()), "at least one epoch; got none"),
        (lambda: make_trace([]), "at least one epoch; got none"),
        (lambda: TrainingTrace.from_frame(GIVEN_TRACE.to_frame().iloc[:0]), "at least one epoch; got none"),
        (lambda: GIVEN_TRACE.first(0), "at least one epoch; got n_epochs=0"),
        (lambda: Epoch(1, -0.5, 0.5), "a log loss is 0 or more"),
        (lambda: Epoch(1, -math.inf, 0.5), "a log loss is 0 or more"),
        (lambda: make_trace([(0.5, 0.5), (-0.5, 0.5)]), "a log loss is 0 or more"),
        (lambda: TrainingTrace.from_frame(GIVEN_TRACE.to_frame().assign(loss=-1.0)), "a log loss is 0 or more"),
        (lambda: Epoch(1, 0.5, -0.1), "give a share between 0 and 1"),
    ],
)
def test_a_trace_without_epochs_or_with_a_negative_loss_is_refused_before_anything_can_take_it(make, said):
    with pytest.raises(ValueError, match=said):
        make()


# --------------------------------------------------------------------------------------------------------- questions


def test_a_changed_file_of_questions_is_read_or_named(tmp_path, counted_cases):
    path = tmp_path / "changed.toml"
    ends = []

    @settings(max_examples=400 * TIMES, phases=PHASES)
    @given(made.question_files())
    def read(content):
        counted_cases.add(1)
        path.write_bytes(content)
        refusal = ""
        try:
            show(quiz.read_question_file(path))
        except ValueError as error:
            refusal = str(error)
        ends.append("named" if refusal else "read")
        assert not refusal or (refusal.startswith("changed.toml: ") and len(refusal.split()) >= LEAST_WORDS)

    read()
    assert {*ends} == {"named", "read"}


@pytest.mark.parametrize(
    "content",
    [
        b'stage = "deployment"\nask_again = 1',
        b'stage = "deployment"\nask_again = "late-labels"',
        b'stage = "deployment"\nask_again = [1, []]',
        b'stage = "deployment"\nquestions = 1',
        b'stage = "deployment"\nquestions = [1]',
        b'stage = "deployment"\n[[questions]]\nid = []\ntext = 1\noptions = {}',
        b'stage = "deployment"\n[[questions]]\nid = "a"\ntext = "b"\noptions = [[]]',
        b'stage = "deployment"\nflashcards = {a = 1}',
        b'stage = "deployment"\n[[flashcards]]\nid = 1\nfront = []\nback = nan',
        b"stage = []",
        b"stage = nan",
        b"stage = " + b"[" * 100_000,
        b"\xff\xfe",
        b"\x00",
    ],
)
def test_values_of_other_types_in_a_file_of_questions_are_named(tmp_path, content):
    path = tmp_path / "changed.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"^changed\.toml: .*\w"):
        quiz.read_question_file(path)
