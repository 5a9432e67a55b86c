"""What the learner answered and earned is saved, taken over from the first edition, and handed in."""

import csv
import json
import os
import platform
import sqlite3
import stat
from pathlib import Path

import pytest

from mlops_lesson.instructors.handed_in import read_exports
from mlops_lesson.keep import database
from mlops_lesson.keep.files import CannotWriteError
from mlops_lesson.teaching import progress

POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "progress.db"


def test_the_first_answer_stays_and_the_same_answer_again_is_no_attempt():
    for choice, right in (("B", False), ("B", False), ("A", True)):
        progress.keep_answer("Data Collection", "late-labels", [choice], right=right, confidence="a guess")
    saved = progress.read().answer("data_collection", "late-labels")
    assert (saved.first_choice, saved.first_right, saved.choice, saved.right) == (("B",), False, ("A",), True)
    assert (saved.attempts, saved.confidence) == (2, "a guess")


@pytest.mark.parametrize(("attempts", "choice"), [(1, "B"), (2, "A")])
def test_an_answer_from_the_page_replaces_a_saved_one_only_after_more_attempts(attempts, choice):
    progress.keep_answer(1, "q", ["B"], right=False)
    merged = progress.merge_answer(
        progress.Answer("data_collection", "q", ("A",), True, ("A",), True, None, attempts, "2026")
    )
    saved = merged.answer(1, "q")
    assert (saved.choice, saved.first_choice, saved.attempts) == ((choice,), ("B",), attempts)


def test_an_exercise_once_right_stays_right():
    progress.keep_exercise(2, "2.1", "not attempted")
    assert progress.read().exercise("2.1") is None
    for outcome in ("not yet", "crashed", "right", "not yet"):
        progress.keep_exercise(1, "1.1", outcome)
    result = progress.read().exercise("1.1")
    assert (result.stage, result.outcome, result.attempts) == ("data_collection", "right", 3)


def test_parts_are_marked_and_unmarked_in_the_order_of_the_notebook():
    for part in ("review", "why", "try"):
        progress.keep_part(3, part)
    assert progress.keep_part(3, "try", seen=False).parts_of(3) == ("why", "review")
    with pytest.raises(ValueError, match="why, learn"):
        progress.keep_part(3, "lunch")


def test_a_reset_forgets_one_notebook_and_counts_it():
    for stage in (1, 2):
        progress.keep_answer(stage, "question", ["A"], right=True)
        progress.keep_exercise(stage, f"{stage}.1", "right")
        progress.keep_part(stage, "why")
    assert "Which notebook" in progress.reset()
    assert "Data Collection are forgotten" in progress.reset(1)
    now = progress.read()
    assert (now.answers_of(1), now.exercise("1.1"), now.parts_of(1)) == ((), None, ())
    assert (len(now.answers_of(2)), now.exercise("2.1").outcome, now.parts_of(2)) == (1, "right", ("why",))
    progress.reset(1)
    assert progress.read().resets == {"data_collection": 2}


def test_reading_writes_nothing_and_each_file_has_its_number(file, monkeypatch):
    progress.read()
    assert not file.exists()
    number = progress.learner_number()
    assert progress.read().learner == number == progress.learner_number()
    assert file.exists()
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(file.parent.with_name("another")))
    assert progress.learner_number() != number


def test_without_a_place_to_write_the_course_goes_on_and_saves_as_soon_as_it_can(file):
    file.parent.write_text("a file where the folder should be")
    now = progress.keep_answer(1, "first", ["A"], right=True)
    assert "kept in memory only" in now.notice
    assert "MLOPS_LESSON_HOME" in now.notice
    assert progress.read().answer(1, "first").right
    file.parent.unlink()
    later = progress.keep_answer(1, "second", ["A"], right=True)
    assert later.notice == ""
    with sqlite3.connect(file) as saved:
        assert saved.execute("SELECT question FROM answers").fetchall() == [("first",), ("second",)]
    saved.close()


def test_without_a_course_folder_or_where_nobody_may_look_the_course_goes_on_with_a_notice(tmp_path, monkeypatch):
    def refused(_path):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(database.Path, "exists", refused)
        assert "Permission denied" in progress.read().notice
    monkeypatch.delenv("MLOPS_LESSON_HOME")
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(tmp_path / "nowhere"))
    assert "course folder was not found" in progress.keep_part(6, "why").notice


def test_what_cannot_be_saved_takes_nothing_later_with_it():
    with pytest.raises(UnicodeEncodeError):
        progress.keep_answer(1, "half \ud83d", ["A"], right=True)
    assert progress.keep_answer(1, "whole", ["A"], right=True).notice == ""


def test_a_damaged_file_is_set_aside_whole_and_said(file):
    file.parent.mkdir()
    file.write_bytes(b"{not a database" * 100)
    now = progress.keep_answer(1, "first", ["A"], right=True)
    assert (file.parent / "progress.damaged-1.db").read_bytes() == b"{not a database" * 100
    assert "progress.damaged-1.db" in now.notice
    assert now.answer(1, "first").right


FIRST_EDITION = {
    "version": 1,
    "learner": "0123456789abcdef",
    "answers": {
        "data_collection": {
            "late-labels": {
                "choice": ["A"], "right": True, "first_choice": ["B"], "first_right": False, "confidence": "certain",
                "attempts": 2, "at": "2026-01-02",
            }
        }
    },
    "exercises": {"1.1": {"stage": "data_collection", "outcome": "right", "attempts": 3, "at": "2026-01-03"}},
    "parts": {"data_collection": {"why": "2026-01-04"}},
    "resets": {"deployment": 1764000000000},
}  # fmt: skip


def test_progress_of_the_first_edition_is_taken_over_once_and_stays_where_it_is(file, tmp_path):
    old = file.with_name("progress.json")
    old.parent.mkdir()
    old.write_text(json.dumps(FIRST_EDITION))
    before = old.read_bytes()
    expected = {name: value for name, value in FIRST_EDITION.items() if name != "learner"}
    assert json.loads(json.dumps(progress.read().exported())) == expected
    assert progress.learner_number() == FIRST_EDITION["learner"]
    progress.reset(1)
    now = progress.read()
    assert (now.answers, now.parts) == ((), ())
    assert old.read_bytes() == before


@pytest.mark.parametrize("content", ["{cut", '{"answers": {"a": {"b": {}}}}'])
def test_progress_of_the_first_edition_that_cannot_be_read_is_said_and_left(file, content):
    file.parent.mkdir()
    file.with_name("progress.json").write_text(content)
    now = progress.keep_part(1, "why")
    assert "progress.json, of the course's first edition, cannot be taken over" in now.notice
    assert file.with_name("progress.json").read_text() == content
    assert now.parts_of(1) == ("why",)


def earn():
    progress.keep_answer(1, "late-labels", ["B"], right=False, confidence="a guess")
    progress.keep_exercise(2, "2.1", "crashed")
    return progress.keep_part(1, "why")


def test_an_export_is_what_the_class_report_reads(tmp_path):
    now = earn()
    made = progress.export("Ada", tmp_path / "out")
    exported = json.loads(made.json_file.read_text())
    assert exported["learner"] == {"id": now.learner, "name": "Ada"}
    found = read_exports(tmp_path / "out")
    (read,) = (each for each in found if each.file.endswith(".json"))
    assert (read.name, read.learner, read.remarks) == ("Ada", now.learner, ())
    assert read.exercises["2.1"].outcome == "crashed"


def test_the_table_of_an_export_has_a_row_per_record_under_nine_heads(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "_now", lambda: "2026")
    earn()
    assert list(csv.reader(progress.export("Ada", tmp_path).csv_file.open(newline=""))) == [
        ["kind", "stage", "id", "outcome", "first_outcome", "attempts", "choice", "confidence", "at"],
        ["answer", "data_collection", "late-labels", "wrong", "wrong", "1", "B", "a guess", "2026"],
        ["exercise", "data_preprocessing", "2.1", "crashed", "", "1", "", "", "2026"],
        ["part", "data_collection", "why", "seen", "", "", "", "", "2026"],
    ]


@POSIX
@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o700, 0o600), (0o750, 0o640), (0o777, 0o644)])
def test_an_export_can_be_read_by_those_who_can_look_into_its_folder(tmp_path, folder_mode, file_mode):
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(folder_mode)
    made = progress.export("Ada", tmp_path / "out")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (made.json_file, made.csv_file)} == {file_mode}


def test_an_export_overwrites_nothing_and_the_same_export_again_is_one_file(file, tmp_path):
    assert progress.export().json_file.parent == file.parent / "export"
    (tmp_path / "mlops_lesson_ada.json").write_text("mine")
    first, again = (progress.export("Ada", tmp_path) for _ in range(2))
    progress.keep_part(1, "learn")
    third = progress.export("Ada", tmp_path).json_file
    assert first == again
    assert str(first.json_file) in repr(first)
    assert (tmp_path / "mlops_lesson_ada.json").read_text() == "mine"
    assert [first.json_file.name, third.name] == ["mlops_lesson_ada-2.json", "mlops_lesson_ada-3.json"]
    assert len({json.loads(path.read_text())["learner"]["id"] for path in (first.json_file, third)}) == 1


@pytest.mark.parametrize("name", ["../../etc", "a/b\\c", "CON<>|", "\u202e", "." * 50])
def test_a_name_cannot_lead_the_export_elsewhere(tmp_path, name):
    made = progress.export(name, tmp_path / "out")
    assert made.json_file.parent == tmp_path / "out"
    assert made.json_file.name.startswith("mlops_lesson_")


def test_an_export_that_cannot_be_made_says_why(tmp_path):
    with pytest.raises(TypeError, match="export\\('Ada'\\)"):
        progress.export(42)
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(CannotWriteError, match=r"mlops_lesson_ada\.json cannot be written"):
        progress.export("Ada", tmp_path / "taken")


def test_nothing_is_saved_that_tells_who_the_learner_is(file):
    earn()
    assert not any(who.encode() in file.read_bytes() for who in (str(Path.home()), platform.node()))
