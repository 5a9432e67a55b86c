"""Five doors through which strangers' values come in: each takes them, or refuses them in words, whatever they are.

``MLOPS_CASES=10000`` tries so many cases in all; left out, 300.
"""

import csv
import io
import json
import math
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from depot_service import fill_home
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_class import make_export, seal

from mlops_lesson.collection import depot
from mlops_lesson.deployment import serving
from mlops_lesson.instructors import class_report
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.exercises.check import check
from mlops_lesson.teaching.exercises.exercise import all_exercises
from mlops_lesson.teaching.questions import QUESTIONS_FOLDER, read_question_file

TRIED = settings(max_examples=int(os.environ.get("MLOPS_CASES", "300")) // 5)
CHANCE = st.integers(0, 2**32).map(random.Random)
NASTY = st.sampled_from(
    [
        *("", " ", "\0", "\ud800", "=1+1", "<script>", "../..", "9" * 400, "\u202eabc", "NaN"),
        *(-1, 0, 2**63, 1e308, True, None),
    ]
)
VALUE = NASTY | st.recursive(
    NASTY | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def put_somewhere(document, value, chance):
    """Put a value in the place of another, anywhere in a document."""
    while True:
        key = chance.choice(list(document) if isinstance(document, dict) else range(len(document)))
        inner = document[key]
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.15:
            document[key] = value
            return
        document = inner


def spoil(content, chance):
    """Return bytes that were damaged in one of the ways in which files are."""
    place, other = sorted(chance.randrange(len(content)) for _ in range(2))
    return chance.choice(
        [
            content[:place],
            content[:place] + content[other:],
            content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :],
            content[:place] + chance.randbytes(3) + content[place:],
            content.replace(chance.choice([b",", b'"', b":", b"2026", b"\n"]), chance.choice([b";", b"", b"\r"])),
            b"",
        ]
    )


def outcome(function, *arguments):
    """Return what a function gives, or the words with which it refuses."""
    try:
        return function(*arguments), ""
    except ValueError as error:
        return None, str(error)


# A request


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_LESSON_HOME", str(tmp_path_factory.mktemp("home")))
        fill_home(Path(os.environ["MLOPS_LESSON_HOME"]))
        with serving.serve() as server:
            yield server.client


def is_image(pixels):
    numbers = isinstance(pixels, list) and all(type(value) in (int, float) for value in pixels)
    return numbers and len(pixels) == 64 and all(0 <= value <= 16 for value in pixels)


@TRIED
@given(chance=CHANCE, value=VALUE, whole=st.booleans(), spoiled=st.booleans())
def test_a_request_is_answered_or_refused_with_its_reasons(client, chance, value, whole, spoiled):
    body = {"pixels": [float(chance.randrange(17)) for _ in range(64)], "parcel_id": "100001"}
    put_somewhere(body, value, chance)
    body = value if whole else body
    content = json.dumps(body).encode()
    content = spoil(content, chance) if spoiled else content
    response = client.post("/predict", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code in (200, 400, 422)
    if response.status_code == 200:
        assert 0 <= response.json()["probability"] <= 1
        assert spoiled or is_image(body["pixels"])
    else:
        assert serving.problems(response)


# An export


@TRIED
@given(chance=CHANCE, value=VALUE, sealed=st.booleans(), spoiled=st.booleans())
def test_an_export_is_counted_or_named(tmp_path_factory, chance, value, sealed, spoiled):
    folder = tmp_path_factory.mktemp("exports")
    export = make_export(1, "Ada", stages=1)
    put_somewhere(export, value, chance)
    content = json.dumps(seal(export) if sealed else export).encode()
    name = chance.choice(["a.json", "a.zip"]) if spoiled else "a.json"
    (folder / name).write_bytes(spoil(content, chance) if spoiled else content)
    report = class_report.build(folder)
    assert len(report.learners) + len(report.left_out) == 1
    assert report.html().count("<script") == 0
    cells = [cell for row in csv.reader(io.StringIO(report.csv())) for cell in row]
    assert not any(cell[:1] in tuple("=+@\t") for cell in cells)


# A file of questions


@TRIED
@given(chance=CHANCE, lines=st.integers(1, 3))
def test_a_file_of_questions_is_read_or_refused_by_its_name(tmp_path_factory, chance, lines):
    source = chance.choice(sorted(QUESTIONS_FOLDER.glob("*.toml"))).read_text(encoding="utf-8").splitlines()
    for _ in range(lines):
        place = chance.randrange(len(source))
        source[place : place + 1] = chance.choice(
            [[], [source[place]] * 2, [source[place][:-2]], [chance.choice(source)], ["right = true"], ["x = {"]]
        )
    path = tmp_path_factory.mktemp("questions") / "own.toml"
    path.write_bytes(chance.choice([str.encode, lambda text: spoil(text.encode(), chance)])("\n".join(source)))
    read, refusal = outcome(read_question_file, path)
    assert "own.toml" in refusal if read is None else all(q.is_right(q.right_choice()) for q in read.questions)


# A learner's answer


class Odd:
    """A value that answers every question about it with an error of its own."""

    def __init__(self, error):
        self.error = error

    def _fails(self, *_arguments):
        raise self.error

    __repr__ = __eq__ = __bool__ = __len__ = __iter__ = __float__ = __array__ = __getitem__ = _fails
    __hash__ = None


ERRORS = st.sampled_from(
    [ValueError("x"), SystemExit(), KeyboardInterrupt(), MemoryError(), StopIteration(), Exception()]
)
ANSWER = (
    VALUE
    | ERRORS.map(Odd)
    | st.lists(st.floats() | st.integers(), max_size=4).map(np.array)
    | st.lists(VALUE, max_size=3).map(tuple)
    | st.lists(st.integers(-9, 9), max_size=3).map(lambda values: pd.DataFrame({"id": values, "seen_at": values}))
    | st.lists(st.integers(-9, 9), max_size=3).map(iter)
    | st.sampled_from([pd.NaT, pd.NA, np.float64(math.nan), object, len, 10**5000, {1}, b"x", 1j])
)


@TRIED
@given(exercise=st.sampled_from([*all_exercises()]), value=ANSWER, raises=ERRORS | st.none(), calls=st.booleans())
def test_a_learners_answer_gets_one_of_four_outcomes_and_words(exercise, value, raises, calls):
    def answer(*_arguments):
        if raises is not None:
            raise raises
        return value

    result = check(exercise, value if calls else answer)
    may_crash = raises or (calls and callable(value))
    assert result.outcome in progress.OUTCOMES[: 3 if may_crash else 2]
    assert repr(result)
    assert result._repr_html_().count("<script") == 1


# A file of data

READERS = {
    "raw/depot.db": depot.read_parcels,
    "raw/clicks.csv": depot.read_clicks,
    "raw/sensors.jsonl": depot.read_sensors,
    "raw/images/camera_1.zip": depot.read_images,
    "live/week_01.zip": lambda: depot.read_live_week(1),
    "MANIFEST.sha256": depot.verify_data,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Some of the data's files, which the course reads from here."""
    folder = tmp_path_factory.mktemp("course") / "data"
    for name in READERS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(depot.data_dir() / name, folder / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_LESSON_COURSE", str(folder.parent))
        yield folder


@TRIED
@given(name=st.sampled_from([*READERS]), chance=CHANCE)
def test_a_file_of_data_is_read_or_refused_by_its_name_and_noticed(data, name, chance):
    path = data / name
    whole = path.read_bytes()
    path.write_bytes(spoil(whole, chance))
    read, refusal = outcome(READERS[name])
    assert read is not None or (path.name in refusal and "git checkout" in refusal)
    if name != "MANIFEST.sha256":
        states = depot.verify_data().set_index("file")["state"]
        assert (states[name] == "changed") == (path.read_bytes() != whole)
    path.write_bytes(whole)
