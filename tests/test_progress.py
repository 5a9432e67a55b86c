"""What the learner answered and earned is saved, taken over from the first edition, and handed in."""

import json
import sqlite3
from contextlib import closing

import pytest
from sample_class import answered

from mlops_lesson.keep import database
from mlops_lesson.teaching import progress


@pytest.fixture
def file(home):
    return home / "progress.db"


def test_the_first_answer_stays_and_the_same_answer_again_is_no_attempt():
    for choice, right in (("B", False), ("B", False), ("A", True)):
        progress.keep_answer("Data Collection", "late-labels", answered(choice, right=right, confidence="a guess"))
    saved = progress.read().answers_of("data_collection")["late-labels"]
    assert (saved.first_choice, saved.first_right, saved.choice, saved.right) == (["B"], False, ["A"], True)
    assert (saved.attempts, saved.confidence) == (2, "a guess")


@pytest.mark.parametrize(("attempts", "choice"), [(1, "B"), (2, "A")])
def test_an_answer_from_the_page_replaces_a_saved_one_only_after_more_attempts(attempts, choice):
    progress.keep_answer(1, "q", answered("B", right=False))
    now = progress.keep_answer(1, "q", answered("A", attempts=attempts), just_given=False)
    saved = now.answers_of(1)["q"]
    assert (saved.choice, saved.first_choice, saved.attempts) == ([choice], ["B"], attempts)


def test_an_exercise_once_right_stays_right():
    progress.keep_exercise(2, "2.1", "not attempted")
    assert progress.read().exercises == {}
    for outcome in ("not yet", "crashed", "right", "not yet"):
        progress.keep_exercise(1, "1.1", outcome)
    result = progress.read().exercises["1.1"]
    assert (result.stage, result.outcome, result.attempts) == ("data_collection", "right", 3)


def test_parts_are_marked_and_unmarked_in_the_order_of_the_notebook():
    for part in ("review", "why", "try"):
        progress.keep_part(3, part)
    assert progress.keep_part(3, "try", seen=False).parts_of(3) == ("why", "review")


def test_a_reset_forgets_one_notebook_and_counts_it():
    for stage in (1, 2):
        progress.keep_answer(stage, "question", answered("A"))
        progress.keep_exercise(stage, f"{stage}.1", "right")
        progress.keep_part(stage, "why")
    assert "Data Collection are forgotten" in progress.reset(1)
    now = progress.read()
    assert (now.answers_of(1), now.parts_of(1)) == ({}, ())
    assert (len(now.answers_of(2)), [*now.exercises], now.parts_of(2)) == (1, ["2.1"], ("why",))
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
    for choice in "ABA":
        now = progress.keep_answer(1, "first", answered(choice))
        assert "kept in memory only" in now.notice
        assert "MLOPS_LESSON_HOME" in now.notice
    assert progress.read().answers_of(1)["first"].attempts == 3
    assert progress.learner_number() == progress.learner_number()
    file.parent.unlink()
    assert progress.keep_answer(1, "second", answered("A")).notice == ""
    progress._unsaved.clear()
    assert [*progress.read().answers_of(1)] == ["first", "second"]


def test_without_a_course_folder_or_where_nobody_may_look_the_course_goes_on_with_a_notice(tmp_path, monkeypatch):
    def refused(_path):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(database.Path, "exists", refused)
        notice = progress.read().notice
    assert "Permission denied" in notice
    monkeypatch.delenv("MLOPS_LESSON_HOME")
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(tmp_path / "nowhere"))
    assert "course's data was not found" in progress.keep_part(6, "why").notice


def test_what_cannot_be_saved_takes_nothing_later_with_it():
    with pytest.raises(ValueError, match="surrogates"):
        progress.keep_answer(1, "half", answered("\ud83d"))
    assert progress.keep_answer(1, "whole", answered("A")).notice == ""


def test_a_file_that_holds_something_else_is_left_and_said(file):
    progress.keep_part(1, "why")
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE progress SET document = ?", ['{"exercises": {"1.1": {}}}'])
    assert "no progress of this edition). What was there before is unchanged. Move it away" in progress.read().notice
    assert progress.keep_part(2, "why").parts_of(2) == ("why",)
    file.unlink()
    assert progress.keep_part(3, "why").notice == ""


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
    exported = json.loads(progress.export(folder=tmp_path).read_text())
    assert {**exported["progress"], "learner": exported["learner"]["id"]} == FIRST_EDITION
    progress.reset(1)
    now = progress.read()
    assert (now.answers, now.parts) == ({}, {})
    assert old.read_bytes() == before


@pytest.mark.parametrize("content", ["{cut", '{"answers": {"a": {"b": {}}}}'])
def test_progress_of_the_first_edition_that_cannot_be_read_is_said_and_left(file, content, capsys):
    file.parent.mkdir()
    file.with_name("progress.json").write_text(content)
    now = progress.keep_part(1, "why")
    assert "progress.json, of the course's first edition, cannot be taken over" in capsys.readouterr().out
    assert file.with_name("progress.json").read_text() == content
    assert now.parts_of(1) == ("why",)


def test_an_export_replaces_nothing_but_an_earlier_one_of_the_same_learner(file, tmp_path, monkeypatch):
    assert progress.export().parent == file.parent / "export"
    first = progress.export("Ada", tmp_path)
    progress.keep_answer(1, "late-labels", answered("B"))
    assert progress.export("Ada", tmp_path) == first
    assert "late-labels" in first.read_text()
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(file.parent.with_name("another")))
    assert progress.export("Ada", tmp_path) != first


@pytest.mark.parametrize("name", ["../../etc", "a/b\\c", "CON<>|", "\u202e", "." * 50])
def test_a_name_cannot_lead_the_export_elsewhere(tmp_path, name):
    made = progress.export(name, tmp_path / "out")
    assert made.parent == tmp_path / "out"
    assert made.name.startswith("mlops_lesson_")
