"""Nothing that the course reads is run, and everything it shows is text: a payload is planted in each kind of file."""

import hashlib
import io
import json
import pickle
import sqlite3
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from depot_service import fill_home
from marked import MARK, SHOWN, page_of, traced

from mlops_lesson import artifacts
from mlops_lesson.collection import depot
from mlops_lesson.deployment import registry
from mlops_lesson.teaching import progress, questions
from mlops_lesson.training.charts import ascii_chart


class Payload:
    """Makes the file `ran` where it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("ran"),)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(Path(__file__).resolve().parent.parent))
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "my_work"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not Path("ran").exists()


def object_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Payload()], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def keep_as_clean_dataset(members: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    folder = Path("my_work", artifacts.FOLDER)
    folder.mkdir(parents=True)
    name = f"clean_dataset-{hashlib.sha256(buffer.getvalue()).hexdigest()[:16]}.zip"
    (folder / name).write_bytes(buffer.getvalue())
    (folder / "clean_dataset.txt").write_text(name)


def test_the_payload_works_where_it_is_let(here):
    pickle.loads(pickle.dumps(Payload()))  # noqa: S301 - our own payload
    assert Path("ran").exists()
    Path("ran").unlink()


def test_an_array_of_objects_is_not_unpickled():
    keep_as_clean_dataset({"table.csv": b"id\n", "X.npy": object_array(), "report.csv": b"rule\n"})
    with pytest.raises(ValueError, match=r"Your clean dataset .* cannot be read"):
        artifacts.load("clean dataset")


def test_an_archive_cannot_write_outside_its_place(here):
    keep_as_clean_dataset({"../../ran": b"x", "/ran": b"x", "table.csv": b"id\n", "report.csv": b"rule\n"})
    with pytest.raises(ValueError, match=r"Your clean dataset .* cannot be read"):
        artifacts.load("clean dataset")
    assert not [*here.rglob("ran"), *here.parent.glob("ran")]


def test_a_pointer_cannot_lead_out_of_the_learners_folder(here):
    folder = Path("my_work", artifacts.FOLDER)
    folder.mkdir(parents=True)
    (here / "secret.zip").write_bytes(b"secret")
    (folder / "clean_dataset.txt").write_text("../../secret.zip")
    with pytest.raises(ValueError, match=r"Your clean dataset .* cannot be read"):
        artifacts.load("clean dataset")


def planted_model(kind: str) -> bytes:
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    if kind == "pickle":
        return pickle.dumps(Payload())
    return skops.io.dumps(FunctionTransformer(func=Path.touch, kw_args={"self": "ran"}))


@pytest.mark.parametrize("kind", ["pickle", "foreign types"])
def test_a_model_file_that_was_exchanged_is_not_loaded(here, kind):
    fill_home(here / "my_work")
    (file,) = (here / "my_work").glob("mlflow/models/*/artifacts/model.skops")
    file.write_bytes(planted_model(kind))
    with pytest.raises(registry.RegistryError, match="was changed after the gate had judged it"):
        registry.load("champion")


@pytest.mark.parametrize("kind", ["pickle", "foreign types"])
def test_a_model_file_exchanged_together_with_its_checksum_runs_nothing(here, kind):
    fill_home(here / "my_work")
    (file,) = (here / "my_work").glob("mlflow/models/*/artifacts/model.skops")
    file.write_bytes(planted_model(kind))
    registry.open_store()
    with sqlite3.connect(here / "my_work" / "mlflow.db") as database:
        (tag,) = database.execute("SELECT value FROM model_version_tags WHERE key = 'gate'").fetchone()
        record = json.loads(tag) | {"model_sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        database.execute("UPDATE model_version_tags SET value = ? WHERE key = 'gate'", (json.dumps(record),))
    database.close()
    with pytest.raises(registry.RegistryError, match="holds what the registry does not trust"):
        registry.load("champion")


def test_a_picture_that_is_a_program_is_refused():
    for content in (pickle.dumps(Payload()), object_array(), b"#!/bin/sh\ntouch ran\n", b"GIF89a<script>", b"%!PS"):
        with pytest.raises(ValueError, match="are not a PNG image"):
            depot.read_image(content)


def test_text_files_hold_text_only(here):
    progress.keep_answer(1, "__import__('os').system('touch ran')", ["A"], right=True)
    assert progress.read().answers[0].question.startswith("__import__")
    (here / "questions.toml").write_text(f'stage = "deployment"\nrun = {json.dumps(MARK)}')
    with pytest.raises(ValueError, match=r"questions\.toml: field 'run': no such field"):
        questions.read_question_file(here / "questions.toml")


class Tags(HTMLParser):
    """Collects what a browser would run: its elements, and the attributes that hold code."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.found += [tag] if tag in ("script", "img", "iframe", "object") else []
        self.found += [name for name, _ in attributes if name.startswith("on") or name == "srcdoc"]


def runs(page: str) -> list[str]:
    tags = Tags()
    tags.feed(page)
    return tags.found


@pytest.mark.parametrize("what", SHOWN)
def test_markup_in_a_file_or_a_name_stays_text(what):
    assert runs(page_of(what, MARK)) == runs(page_of(what, "harmless"))


def test_a_page_that_forgot_to_escape_would_be_found_out():
    assert runs(f"<p title='{MARK}'>{MARK}</p>") != runs("<p title='a'>a</p>")


def test_a_chart_of_text_is_text():
    assert MARK in ascii_chart(traced(MARK))
