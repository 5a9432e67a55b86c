import csv
import errno
import json
import multiprocessing
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_lesson import __version__
from mlops_lesson.instructors import class_report
from mlops_lesson.keep.files import CannotWriteError
from mlops_lesson.teaching import progress


@pytest.fixture
def file(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(home))
    return home / "progress.json"


def refuse(number):
    def write(*_arguments, **_named):
        raise OSError(number, os.strerror(number))

    return write


def test_an_answer_is_read_back_in_a_later_session(file):
    progress.answer(1, "late-labels", ["B"], right=False, confidence="certain")
    code = "from mlops_lesson import progress; print(progress.read().answers_of(1)[0].choice)"
    later = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert later.stdout.strip() == "('B',)"


def test_the_first_answer_is_kept_when_a_second_one_is_given(file):
    progress.answer(1, "late-labels", ["B"], right=False)
    kept = progress.answer(1, "late-labels", ["A"], right=True).answers_of(1)[0]
    assert (kept.first_choice, kept.first_right, kept.choice, kept.right) == (("B",), False, ("A",), True)
    assert kept.attempts == 2


def test_the_same_answer_given_twice_is_one_attempt(file):
    for _ in range(2):
        progress.answer(1, "late-labels", ["B"], right=False)
    assert progress.read().answers_of(1)[0].attempts == 1


def test_a_stage_is_known_by_number_name_and_slug(file):
    progress.answer("Data Collection", "one", ["A"], right=True)
    progress.answer("data_collection", "two", ["A"], right=True)
    assert {answer.question for answer in progress.read().answers_of(1)} == {"one", "two"}


def test_an_answer_from_the_page_replaces_a_kept_one_only_after_more_attempts(file):
    progress.answer(1, "late-labels", ["B"], right=False)
    kept = progress.read().answers_of(1)[0]
    older = progress.Answer(kept.stage, kept.question, ("D",), False, ("D",), False, None, 1, kept.at)
    assert progress.merge_answer(older).answers_of(1)[0].choice == ("B",)
    newer = progress.Answer(kept.stage, kept.question, ("A",), True, ("D",), False, None, 2, kept.at)
    merged = progress.merge_answer(newer).answers_of(1)[0]
    assert (merged.choice, merged.first_choice) == (("A",), ("B",))


def test_an_exercise_once_right_stays_right(file):
    for outcome in ("not yet", "crashed", "right", "not yet"):
        progress.exercise(1, "1.1", outcome)
    result = progress.read().exercise("1.1")
    assert (result.outcome, result.attempts) == ("right", 3)


def test_an_exercise_that_is_right_at_once_has_one_attempt_and_keeps_it(file):
    for outcome in ("right", "right", "crashed", "not yet"):
        (result,) = progress.exercise(2, "2.1", outcome).exercises
        assert (result.outcome, result.attempts) == ("right", 1)


def test_an_exercise_that_was_not_attempted_leaves_no_trace(file):
    progress.exercise(1, "1.1", "not attempted")
    assert progress.read().exercise("1.1") is None
    assert not file.exists()


def test_an_unknown_outcome_is_refused_with_the_known_ones(file):
    with pytest.raises(ValueError, match="not attempted, not yet, crashed, right"):
        progress.exercise(1, "1.1", "perfect")


def test_parts_are_marked_and_unmarked_in_the_order_of_the_notebook(file):
    for part in ("review", "why", "try"):
        progress.part(3, part)
    progress.part(3, "try", seen=False)
    assert progress.read().parts_of(3) == ("why", "review")


def test_a_reset_without_a_notebook_forgets_nothing_and_asks_which(file):
    progress.answer(1, "late-labels", ["B"], right=False)
    assert "Which notebook" in progress.reset()
    assert progress.read().answers_of(1)


def test_a_reset_forgets_one_notebook_and_no_other(file):
    for stage in (1, 2):
        progress.answer(stage, "question", ["A"], right=True)
        progress.exercise(stage, f"{stage}.1", "right")
        progress.part(stage, "why")
    progress.reset(1)
    now = progress.read()
    assert (now.answers_of(1), now.exercise("1.1"), now.parts_of(1)) == ((), None, ())
    assert now.answers_of(2)
    assert now.exercise("2.1")
    assert now.parts_of(2)


def test_a_crash_in_the_middle_of_a_write_leaves_the_old_file(file, monkeypatch):
    progress.answer(1, "first", ["A"], right=True)
    before = file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(progress.os, "fsync", refuse(errno.EIO))
        progress.answer(1, "second", ["A"], right=True)
    assert file.read_bytes() == before
    assert {path.name for path in file.parent.iterdir()} == {"progress.json", "progress.lock"}


def test_a_full_disk_is_told_and_the_answer_is_written_once_there_is_room(file, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(progress.os, "fsync", refuse(errno.ENOSPC))
        now = progress.answer(1, "first", ["A"], right=True)
    assert "kept in memory only" in now.notice
    assert now.answers_of(1)
    later = progress.answer(1, "second", ["A"], right=True)
    assert later.notice == ""
    assert list(json.loads(file.read_text())["answers"]["data_collection"]) == ["first", "second"]


def test_without_a_place_to_write_the_course_works_and_says_so(tmp_path, monkeypatch):
    blocked = tmp_path / "a file where the folder should be"
    blocked.write_text("")
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(blocked))
    now = progress.answer(1, "first", ["A"], right=True)
    assert "MLOPS_LESSON_HOME" in now.notice
    assert progress.read().answers_of(1)[0].question == "first"


@pytest.mark.parametrize(
    "content",
    [
        "{not json",
        "",
        "[]",
        '{"version": 1, "answers": []}',
        '{"version": 1, "answers": {"data_collection": {"q": {}}}}',
        "\x00\x01",
    ],
    ids=["not JSON", "empty", "a list", "wrong type", "record without fields", "binary"],
)
def test_a_damaged_file_is_set_aside_whole_and_said_so(file, content):
    file.parent.mkdir()
    file.write_text(content)
    now = progress.answer(1, "first", ["A"], right=True)
    assert file.with_name("progress.damaged-1.json").read_text() == content
    assert "progress.damaged-1.json" in now.notice
    assert json.loads(file.read_text())["answers"]["data_collection"]


def test_a_second_damaged_file_does_not_replace_the_first(file):
    file.parent.mkdir()
    for content in ("{first", "{second"):
        file.write_text(content)
        progress.read()
    assert file.with_name("progress.damaged-1.json").read_text() == "{first"
    assert file.with_name("progress.damaged-2.json").read_text() == "{second"


def test_a_file_of_a_newer_course_is_left_alone(file):
    file.parent.mkdir()
    newer = json.dumps({"version": progress.SCHEMA_VERSION + 1, "answers": "in another form"})
    file.write_text(newer)
    now = progress.answer(1, "first", ["A"], right=True)
    assert file.read_text() == newer
    assert "newer version" in now.notice
    assert now.answers_of(1)


def answer_many(home, kernel, count):
    os.environ["MLOPS_LESSON_HOME"] = home
    for number in range(count):
        progress.answer(1, f"kernel-{kernel}-{number}", ["A"], right=True)


def test_two_kernels_at_once_lose_no_answer(file):
    context = multiprocessing.get_context("spawn")
    kernels = [context.Process(target=answer_many, args=(str(file.parent), name, 25)) for name in "ab"]
    for kernel in kernels:
        kernel.start()
    for kernel in kernels:
        kernel.join(60)
    assert len(progress.read().answers_of(1)) == 50


def test_an_export_holds_every_kind_of_event_as_json_and_as_a_table(file, tmp_path):
    progress.answer(1, "late-labels", ["B", "C"], right=False, confidence="a guess")
    progress.exercise(1, "1.1", "right")
    progress.part(1, "why")
    made = progress.export("Ada", tmp_path / "export")
    exported, kept = json.loads(made.json_file.read_text()), json.loads(file.read_text())
    assert exported["learner"] == {"id": kept.pop("learner"), "name": "Ada"}
    assert exported["progress"] == kept
    rows = list(csv.DictReader(made.csv_file.open(newline="")))
    assert [(row["kind"], row["id"], row["outcome"]) for row in rows] == [
        ("answer", "late-labels", "wrong"),
        ("exercise", "1.1", "right"),
        ("part", "why", "seen"),
    ]
    assert rows[0]["choice"] == "B C"


def test_the_table_of_an_export_has_a_row_an_event_under_nine_heads(file, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "_now", lambda: "2026-11-24T10:00:00.000+00:00")
    progress.answer(1, "late-labels", ["B"], right=False, confidence="a guess")
    progress.answer(1, "late-labels", ["A"], right=True)
    progress.exercise(2, "2.1", "not yet")
    progress.exercise(2, "2.1", "crashed")
    progress.part(1, "why")
    at = "2026-11-24T10:00:00.000+00:00"
    assert progress.export("Ada", tmp_path).csv_file.read_text().splitlines() == [
        "kind,stage,id,outcome,first_outcome,attempts,choice,confidence,at",
        f"answer,data_collection,late-labels,right,wrong,2,A,a guess,{at}",
        f"exercise,data_preprocessing,2.1,crashed,,2,,,{at}",
        f"part,data_collection,why,seen,,,,,{at}",
    ]


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o700, 0o600), (0o750, 0o640), (0o755, 0o644), (0o777, 0o644)])
def test_an_export_can_be_read_by_those_who_can_look_into_its_folder(file, tmp_path, folder_mode, file_mode):
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(folder_mode)
    progress.part(1, "why")
    made = progress.export("Ada", tmp_path / "out")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (made.json_file, made.csv_file)} == {file_mode}


def test_one_call_makes_an_export_beside_the_progress_file_and_says_where(file):
    progress.part(1, "why")
    made = progress.export()
    assert made.json_file.parent == file.parent / "export"
    assert str(made.json_file) in repr(made)


def test_an_export_overwrites_neither_an_earlier_one_nor_a_file_of_yours(file, tmp_path):
    (tmp_path / "mlops_lesson_ada.json").write_text("mine")
    progress.part(1, "why")
    second = progress.export("Ada", tmp_path).json_file
    progress.part(1, "learn")
    third = progress.export("Ada", tmp_path).json_file
    assert (tmp_path / "mlops_lesson_ada.json").read_text() == "mine"
    assert [second.name, third.name] == ["mlops_lesson_ada-2.json", "mlops_lesson_ada-3.json"]
    assert len(json.loads(second.read_text())["progress"]["parts"]["data_collection"]) == 1


def test_the_same_progress_exported_twice_is_one_file(file, tmp_path):
    progress.part(1, "why")
    assert progress.export("Ada", tmp_path) == progress.export("Ada", tmp_path)


def test_an_export_never_overwrites_the_progress_file(file):
    progress.part(1, "why")
    progress.export(folder=file.parent)
    assert progress.read().parts_of(1) == ("why",)
    assert json.loads(file.read_text())["version"] == progress.SCHEMA_VERSION


def test_all_exports_of_a_learner_carry_one_number(file, tmp_path):
    progress.part(1, "why")
    first = progress.export(folder=tmp_path).json_file
    progress.part(2, "why")
    second = progress.export("Ada", tmp_path).json_file
    numbers = {json.loads(path.read_text())["learner"]["id"] for path in (first, second)}
    assert len(numbers) == 1


@pytest.mark.parametrize("name", ["../../etc", "a/b\\c", "CON<>|", "\u202e", "." * 50])
def test_a_name_cannot_lead_the_file_elsewhere(file, tmp_path, name):
    progress.part(1, "why")
    made = progress.export(name, tmp_path / "out")
    assert made.json_file.parent == tmp_path / "out"
    assert made.json_file.name.startswith("mlops_lesson_")


def test_a_name_that_is_not_text_is_refused_with_an_example(file):
    with pytest.raises(TypeError, match="export\\('Ada'\\)"):
        progress.export(42)


def test_listeners_hear_of_changes_until_they_unsubscribe(file):
    heard = []
    unsubscribe = progress.subscribe(lambda now: heard.append(len(now.parts)))
    progress.part(1, "why")
    unsubscribe()
    progress.part(1, "learn")
    assert heard == [1]


def test_nothing_is_kept_that_tells_who_the_learner_is(file):
    progress.answer(1, "late-labels", ["B"], right=False)
    text = file.read_text()
    assert str(Path.home()) not in text
    assert os.uname().nodename not in text


def test_an_export_has_the_form_that_a_class_report_reads(file, tmp_path):
    progress.exercise(1, "1.1", "right")
    progress.export("Ada", tmp_path / "export")
    report = class_report.build(tmp_path / "export")
    assert [each.file for each in report.left_out] == ["mlops_lesson_ada.csv"]
    (learner,) = report.learners
    assert (learner.name, learner.course_version, learner.remarks) == ("Ada", __version__, ())
    assert learner.exercises["1.1"].outcome == "right"


def test_an_export_that_cannot_be_written_names_the_file(file, tmp_path):
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(CannotWriteError) as refusal:
        progress.export("Ada", tmp_path / "taken")
    assert str(refusal.value).startswith(f"{tmp_path / 'taken' / 'mlops_lesson_ada.json'} cannot be written (")


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), OSError("the disk is gone")])
def test_progress_that_cannot_be_read_is_told_with_the_reason(file, monkeypatch, error):
    progress.exercise(1, "1.1", "right")

    def refuse(_file):
        raise error

    monkeypatch.setattr(progress, "_load", refuse)
    kept = progress.read()
    assert kept.exercises == ()
    reason = error.strerror or "the disk is gone"
    assert kept.notice == f"Your earlier progress cannot be read from {file} ({reason})."
