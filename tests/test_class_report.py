"""The class report: every export counted once, everything odd named, nothing believed and nothing executed."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from itertools import permutations

import pytest
from sample_class import make_class, make_export, save, seal

from mlops_lesson.__main__ import main
from mlops_lesson.instructors import class_report, handed_in
from mlops_lesson.instructors.class_report import QuestionResult, build
from mlops_lesson.instructors.handed_in import LARGEST_FILE, asked
from mlops_lesson.stages import STAGES
from mlops_lesson.teaching import export_format, progress
from mlops_lesson.teaching.exercises.check import exercise_ids
from mlops_lesson.teaching.hand_in import hand_in

FIRST = STAGES[0]
ONE_QUESTION = next(key for key, question in asked().items() if question.kind == "single")
QUESTION = asked()[ONE_QUESTION]
WRONG = [letter for letter, option in QUESTION.shown() if not option.right]
(RIGHT,) = QUESTION.right_choice()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "handed_in").mkdir()
    return tmp_path / "handed_in"


def reasons(report):
    return {each.file: each.reason for each in report.left_out}


def rows(report, names=True):
    return list(csv.DictReader(io.StringIO(report.csv(names))))


def with_answer(choice, name, **changes):
    """Make an export with one answer, to the first question that has one right option."""
    export = make_export(name, name, stages=0)
    record = {"choice": [choice], "right": choice == RIGHT, "first_choice": [choice], "first_right": choice == RIGHT,
              "confidence": None, "attempts": 1, "at": export["exported_at"]}  # fmt: skip
    export["progress"]["answers"] = {ONE_QUESTION[0]: {ONE_QUESTION[1]: record | changes}}
    return seal(export)


def zipped(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content if isinstance(content, bytes) else json.dumps(content))
    return stream.getvalue()


# What is counted


def test_the_counts_of_the_report_are_those_of_the_files(folder):
    make_class(folder, learners=7)
    report = build(folder)
    assert (len(report.learners), report.left_out) == (7, ())
    files = [json.loads(path.read_text())["progress"] for path in folder.rglob("*.json")]
    for result in report.questions:
        here = [f["answers"][result.stage.slug] for f in files if result.stage.slug in f["answers"]]
        given = [answers[result.question.id] for answers in here]
        assert (result.answered, result.right_first, result.right_now) == (
            len(given), sum(a["first_right"] for a in given), sum(a["right"] for a in given))  # fmt: skip
    for result in report.exercises:
        tried = [f["exercises"][result.exercise.id] for f in files if result.exercise.id in f["exercises"]]
        assert (result.tried, result.outcomes["right"]) == (len(tried), sum(t["outcome"] == "right" for t in tried))
        assert sorted(t["attempts"] for t in tried)[(len(tried) - 1) // 2] <= result.checks


def test_an_ordering_has_bars_for_the_right_order_the_four_given_most_often_and_all_others_together():
    question = next(question for question in asked().values() if question.kind == "put_in_order")
    orders = [order for order in permutations(question.right_choice()) if not question.is_right(order)][:6]
    often = dict(zip(orders, (7, 6, 5, 4, 2, 1), strict=True))
    given = [*Counter(often).elements(), *[question.right_choice()] * 3]
    bars = list(class_report._bars(question, class_report.pd.Series(given)))
    assert [(bar.label, bar.right, bar.count) for bar in bars] == [
        (" ".join(question.right_choice()), True, 3),
        *((" ".join(order), False, often[order]) for order in orders[:4]),
        ("others", False, 3),
    ]
    assert QuestionResult(FIRST, question, 28, 3, 3, 0, tuple(bars)).most_chosen_wrong == bars[1]


def test_a_missed_question_is_told_with_its_counts_and_the_belief_behind_it(folder):
    for place, letter in enumerate([WRONG[0], WRONG[0], WRONG[0], WRONG[1], RIGHT, RIGHT]):
        save(folder, f"{place}.json", with_answer(letter, f"{place}", confidence="certain" if place < 2 else None))
    option = dict(QUESTION.shown())[WRONG[0]]
    report = build(folder)
    assert report.to_talk_about() == [
        f"1 Data Collection, “{QUESTION.text}”: 4 of 6 answered wrong at first, 2 of them certain; 2 of 6 are right by "
        f"now. Most often chosen, by 3: {WRONG[0]}, “{option.text}” Belief behind it: "
        f"{option.misconception.rstrip('.')}. {option.reason}"
    ]
    page = report.html()
    assert "2 of 6 right at first, 2 by now. 2 wrong first answers were said to be certain." in page
    assert "Nobody has tried an exercise yet." in page


def test_a_class_of_six_weeks_is_told_something_else_every_week(folder):
    said = []
    for week in range(1, 7):
        for number in range(10):
            save(folder, f"{number}.json", make_export(f"{number}", f"learner {number}", stages=week, skill=0.5))
        report = build(folder)
        assert report.stage == STAGES[week - 1]
        points = report.to_talk_about()
        assert all(point.startswith(f"{week} ") for point in points[:2])
        order = [int(point[0]) for point in points]
        assert order == sorted(order, reverse=True)
        said.append(points)
    assert len({tuple(points) for points in said}) == 6
    assert build(folder, stage=3).to_talk_about() == said[2] or build(folder, stage=3).to_talk_about()[0].startswith(
        "3"
    )


def test_a_class_that_knows_everything_and_a_class_of_few_are_told_so(folder):
    assert build(folder).to_talk_about() == ["There is no export to look at yet."]
    save(folder, "a.json", make_export(1, "Ada", skill=1.0))
    nothing = "Up to Monitoring & Maintenance, nothing was missed by a third of those who tried it: go on."
    few = "One learner: read every number here as a single case, not as a share of a class."
    assert build(folder).to_talk_about() == [few, nothing]
    for place in range(5):
        save(folder, f"{place}.json", make_export(place, f"learner {place}", skill=1.0))
    assert build(folder).to_talk_about() == [nothing]


def test_a_learner_s_row_shows_each_stage_by_colour_sign_and_counts(folder):
    export = make_export(1, "Ada", skill=1.0, stages=2)
    export["progress"]["exercises"].pop("2.1")
    export["progress"]["parts"]["deployment"] = {"why": export["exported_at"]}
    save(folder, "a.json", seal(export))
    cells = re.findall(r'<td class="(\w+)">([^<]*)</td>', build(folder).html())
    one, two = (sum(slug == stage.slug for slug, _ in asked()) for stage in STAGES[:2])
    all_of_one, all_of_two = len(exercise_ids(1)), len(exercise_ids(2))
    assert cells[:6] == [
        ("done", f"✓ {one}/{one} {all_of_one}/{all_of_one}"),
        ("begun", f"◐ {two}/{two} {all_of_two - 1}/{all_of_two}"),
        *[("none", "\u2013")] * 4,
    ]


# The table for a grade book


def test_there_is_no_grade_for_what_was_not_taught_or_not_begun(folder):
    export = make_export(1, "Ada", skill=1.0, stages=3)
    export["progress"]["exercises"].pop("2.1")
    for name in ("3.1", "3.2", "3.3"):
        export["progress"]["exercises"].pop(name)
    export["progress"]["parts"]["deployment"] = {"why": export["exported_at"]}
    save(folder, "a.json", seal(export))
    kinds = ("quiz", "exercises")
    (row,) = rows(build(folder))
    grades = [row[f"{s.number} {s.name} {what} (%)"] for s in STAGES for what in kinds]
    assert grades == ["100.0", "100.0", "100.0", "66.7", "100.0", "-", *["-"] * 6]
    (row,) = rows(build(folder, stage=1))
    assert [row[f"2 Data Preprocessing {what} (%)"] for what in kinds] == ["-", "-"]


def test_a_learner_without_a_name_is_on_the_page_and_not_in_the_table_for_a_grade_book(folder):
    for place, name in enumerate(("Ada", "")):
        save(folder, f"{place}.json", make_export(place, name, stages=0))
    report = build(folder)
    assert [row["SIS Login ID"] for row in rows(report)] == ["Ada"]
    assert [row["Student"] for row in rows(report, names=False)] == ["Learner 1", "Learner 2"]
    assert re.search(r"not in grades.csv: <bdi>Learner \d</bdi> \(<bdi>1.json</bdi>\)", report.html())
    assert not any(word in report.html(names=False) for word in ("not in grades.csv", "1.json", "Ada"))


@pytest.mark.parametrize("sign", [*"=+-@|%", "\t=", "\uff1d", " ="])
def test_a_formula_in_a_name_stays_text_in_a_spreadsheet(folder, sign):
    save(folder, "a.json", make_export(1, f"{sign}HYPERLINK(1)"))
    (row,) = rows(build(folder))
    assert row["Student"].startswith("'")
    assert row["SIS Login ID"].startswith("'")


def test_the_table_begins_so_that_spreadsheets_and_grade_books_read_it(folder, tmp_path):
    save(folder, "a.json", make_export(1, 'Ada;=B, "the first"; \tof many', stages=1))
    _, table = build(folder).write(tmp_path / "out")
    text = table.read_bytes().decode()
    assert text.startswith("\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,")
    heads, row = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    assert len(heads) == len(row) == 5 + 2 * len(STAGES)
    assert row[0] == row[3] == 'Ada;=B, "the first"; of many'
    assert '"Ada;=B, ""the first""; of many"' in text


# What is left out, and named


def of_another_form(change):
    export = make_export(1, "Ada")
    change(export)
    return json.dumps(seal(export))


WHOLE = json.dumps(make_export(1, "Ada"))
NO_JSON, OF_NO_FORM = "it is not JSON, or only a part of it is there", "its content has not the form of an export"
DAMAGED = {
    "empty": ("", "it is empty"),
    "of another program": (b"%PDF-1.7\n" + bytes(range(256)), NO_JSON),
    "truncated": (WHOLE[: len(WHOLE) // 2], NO_JSON),
    "of something else": ('{"hello": "world"}', "it is no export of this course"),
    "a list": ("[1, 2, 3]", "it is no export of this course"),
    "edited": (WHOLE.replace('"attempts": 1', '"attempts": 9', 1),
               "it was changed or damaged after it was exported: its checksum does not fit"),
    "newer": (of_another_form(lambda e: e.update(format_version=99)), "a newer course wrote it (format 99)"),
    "a field too many": (of_another_form(lambda e: e.update(grade="A+")), OF_NO_FORM),
    "a field too few": (of_another_form(lambda e: e["progress"].pop("parts")),
                        OF_NO_FORM),
    "a count below one": (of_another_form(lambda e: e["progress"]["exercises"]["1.1"].update(attempts=0)),
                          OF_NO_FORM),
    "nested deep": ("[" * 200_000 + "]" * 200_000, NO_JSON),
    "not a number": (WHOLE.replace('"attempts": 1', '"attempts": NaN', 1), OF_NO_FORM),
    "a number of a million digits": ('{"format": ' + "9" * 900_000 + "}", NO_JSON),
    "huge": (" " * (LARGEST_FILE + 1),
             f"it has more than {LARGEST_FILE:,} bytes, fifty times what all six stages make"),
    "not text": (b"\xff\xfe\x00\x01", NO_JSON),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_export_is_named_with_its_remedy_and_nothing_else_is_lost(folder, kind):
    content, reason = DAMAGED[kind]
    (folder / "odd.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    save(folder, "good.json", make_export(2, "Bea"))
    report = build(folder)
    assert [learner.name for learner in report.learners] == ["Bea"]
    (left,) = report.left_out
    assert (left.file, left.reason) == ("odd.json", reason)
    assert left.remedy.startswith("update the course here" if kind == "newer" else "ask for the file")
    assert "Left out: ask again" in report.html()


def test_files_links_and_pipes_are_named_in_two_lists(folder, tmp_path):
    save(folder, "ada/export.json", make_export(1, "Ada"))
    for name in ("essay.docx", "ada/notes.docx"):
        (folder / name).write_text("words")
    (folder / "Thumbs.db").write_text("")
    save(tmp_path, "outside.json", make_export(2, "Outside"))
    (folder / "link.json").symlink_to(tmp_path / "outside.json")
    (folder / "way_out").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.json")
    report = build(folder)
    assert [learner.name for learner in report.learners] == ["Ada"]
    assert {each.file: (each.reason, bool(each.remedy)) for each in report.left_out} == {
        "essay.docx": ("it is neither a .json nor a .zip file", True),
        "ada/notes.docx": ("it is neither a .json nor a .zip file", False),
        "link.json": ("it is a link, and links are not followed", False),
        "way_out": ("it is a link, and links are not followed", False),
        "pipe.json": ("it is not a regular file", False),
    }
    ask, nothing = report.html().split("Left out: ask again")[1].split("Left out: nothing to do")
    assert "essay.docx" in ask
    assert "To do: ask for the file that the cell <code>hand_in</code> names." in ask
    assert "link.json" in nothing
    assert "1 file: it is neither a .json" in report.html(names=False)


# Zip files


def test_a_folder_one_file_and_a_learning_systems_zip_with_zips_inside_are_read(folder, tmp_path):
    inner = zipped(export__json=make_export(1, "Ada"))
    uploads = zipped(Ada__zip=inner, Bea__json=make_export(2, "Bea"), notes__txt=b"Dear teacher")
    (folder / "all.zip").write_bytes(uploads)
    for source in (folder, folder / "all.zip"):
        report = build(source)
        assert sorted(each.name for each in report.learners) == ["Ada", "Bea"]
        assert reasons(report) == {"all.zip/notes.txt": "it is neither a .json nor a .zip file"}
    assert "all.zip/Ada.zip/export.json" in {each.file for each in report.learners}
    save(folder, "one.json", make_export(3, "Cem"))
    assert [each.name for each in build(folder / "one.json").learners] == ["Cem"]
    before = sorted(tmp_path.rglob("*"))
    (folder / "all.zip").write_bytes(zipped(**{"../../escaped__json": make_export(1, "Ada")}))
    assert len(build(folder).learners) == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_a_zip_file_that_is_too_much_costs_no_other_file_its_place(folder, monkeypatch):
    for name, content in {
        "bomb.zip": zipped(bomb__json=b" " * 20_000_000, good__json=make_export(1, "Ada")),
        "cut.zip": zipped(a__json=make_export(2, "Bea"))[:-30],
        "deep.zip": zipped(a__zip=zipped(b__zip=zipped(c__zip=zipped(d__json=make_export(3, "Cem"))))),
    }.items():
        (folder / name).write_bytes(content)
    damaged = bytearray(zipped(a__json=b"[" + b"1," * 5000))
    damaged[60] ^= 255
    (folder / "damaged.zip").write_bytes(damaged)
    report = build(folder)
    assert [learner.name for learner in report.learners] == ["Ada"]
    assert reasons(report) == {
        "bomb.zip/bomb.json": f"it has more than {LARGEST_FILE:,} bytes, fifty times what all six stages make",
        "cut.zip": "it is not a whole zip file",
        "damaged.zip/a.json": "it is damaged or locked inside its zip file",
        "deep.zip/a.zip/b.zip/c.zip": "it is the 4th zip file in another",
    }
    monkeypatch.setattr(handed_in, "LARGEST_UNZIPPED", 10)
    assert reasons(build(folder / "bomb.zip")) == {"bomb.zip": "it is a zip file that holds more than 10 bytes"}


# Who is who


def test_of_two_exports_of_one_learner_the_fuller_one_counts_and_the_other_is_named(folder):
    full, early, unnamed = (make_export(1, name, stages=n) for name, n in (("Ada", 4), ("Ada", 2), ("", 1)))
    for name, export in (("a.json", early), ("b.json", full), ("c.json", unnamed)):
        save(folder, name, seal(export | {"learner": full["learner"] | {"name": export["learner"]["name"]}}))
    report = build(folder)
    assert [(learner.name, learner.file) for learner in report.learners] == [("Ada", "b.json")]
    assert {each.file: (each.instead, each.remedy) for each in report.left_out} == {
        "a.json": ("b.json", ""), "c.json": ("b.json", "")}  # fmt: skip


def test_one_name_with_two_numbers_and_one_number_with_two_names_are_pointed_out(folder):
    for seed, name in enumerate(("Kim", "kim", "Lee", "Ann", "", "")):
        save(folder, f"{seed}.json", make_export(seed, name, stages=0))
    other = make_export(2, "Max", stages=0)
    save(folder, "max.json", other)
    report = build(folder)
    assert len(report.learners) == 7
    html = report.html()
    assert "One name, several learner's numbers: <bdi>Kim</bdi> (<bdi>0.json</bdi>), <bdi>kim</bdi>" in html
    assert "One learner's number, several names: <bdi>Lee</bdi> (<bdi>2.json</bdi>), <bdi>Max</bdi>" in html
    assert "One name, several learner's numbers: <bdi>Learner " in report.html(names=False)


def test_two_machines_of_one_person_are_joined(folder):
    early, late = with_answer(WRONG[0], "Kim"), with_answer(RIGHT, "K. Lee")
    early["exported_at"] = early["progress"]["answers"][ONE_QUESTION[0]][ONE_QUESTION[1]]["at"] = "2026-01-01T00:00:00Z"
    for export, outcome in ((early, "crashed"), (late, "right")):
        record = {"stage": FIRST.slug, "outcome": outcome, "attempts": 2, "at": export["exported_at"]}
        export["progress"]["exercises"]["1.1"] = record
    save(folder, "a.json", seal(early))
    save(folder, "b.json", seal(late))
    save(folder, "c.json", make_export(3, "Cem", stages=0))
    report = build(folder, same=[["Kim", "b.json"]])
    assert [each.name for each in report.learners] == ["Kim", "Cem"]
    answer, tried = report.learners[0].answers[ONE_QUESTION], report.learners[0].exercises["1.1"]
    assert (answer.first, answer.last, tried.outcome, tried.attempts) == ((WRONG[0],), (RIGHT,), "right", 4)
    with pytest.raises(ValueError, match="nobody is called 'max'"):
        build(folder, same=[["Kim", "Max"]])


# What is not believed


def answer_of(progress_of_export):
    return progress_of_export["answers"][ONE_QUESTION[0]][ONE_QUESTION[1]]


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        (lambda p: p["answers"].update(no_stage={"x": answer_of(p)}), "answers to questions that this course does not"),
        (lambda p: p["answers"].update(final={ONE_QUESTION[1]: answer_of(p)}), None),
        (lambda p: answer_of(p).update(choice=["Z"], first_choice=["Z"]), "answers that name options"),
        (lambda p: answer_of(p).update(right=True, first_right=True), "answers on which the file and the course"),
        (lambda p: p["exercises"].update({"9.9": {"stage": FIRST.slug, "outcome": "right", "attempts": 1, "at": "x"}}),
         "exercises that the course does not have, not counted: 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_and_not_counted(folder, change, remark):
    export = with_answer(WRONG[0], "Ada")
    change(export["progress"])
    save(folder, "a.json", seal(export))
    report = build(folder)
    (learner,) = report.learners
    assert all(answer.first_right is False for answer in learner.answers.values())
    assert len(learner.remarks) == (remark is not None)
    assert remark is None or (learner.remarks[0].startswith(remark) and f"<bdi>Ada</bdi>: {remark}" in report.html())


def test_markup_and_hidden_signs_in_names_stay_harmless_text(folder):
    for place, name in enumerate(
        ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "`<b>`"]
    ):
        save(folder, f"{place}.json", make_export(place, name, stages=0))
    save(folder, "4.json", make_export(4, "A\u202eda\u200b\x00\x1b[31m\r\nX" + "x" * 900))
    (folder / "<script>.json").write_text("{")
    page = build(folder).html()
    assert "&lt;script&gt;.json" in page
    assert "{{ 7 * 7 }}" in page
    assert not any(tag in page for tag in ("<script", "<img src=x", "<b>"))
    assert "Ada [31m X" in page
    assert "default-src 'none'; style-src 'unsafe-inline'" in page


@pytest.mark.parametrize(
    ("text", "clean"),
    [("  Ada \t\n B\u2028C ", "Ada B C"), ("n\u200cm", "n\u200cm"), ("x\ud800y", "x?y"), ("e\u0301", "\u00e9"),
     ("a" * 10, "a" * 10), ("a" * 11, "a" * 9 + "…")],
)  # fmt: skip
def test_text_of_strangers_becomes_one_short_line(text, clean):
    assert export_format.clean_text(text, 10) == clean


# What is written, and the commands


def test_a_report_replaces_its_own_files_and_no_other_and_is_no_export(folder):
    save(folder, "a.json", make_export(1, "Ada", stages=0))
    report, out = build(folder), folder / "new" / "report"
    for _ in range(2):
        assert [path.name for path in report.write(out)] == ["report.html", "grades.csv"]
    (out / "grades.csv").write_text("my remarks")
    assert [path.name for path in report.write(out)] == ["report.html", "grades-2.csv"]
    assert (out / "grades.csv").read_text() == "my remarks"
    assert (len(build(folder).learners), build(folder).left_out) == (1, ())


def test_the_command_makes_both_files_and_says_what_is_to_do(folder, tmp_path, capsys):
    for name, seed in (("a.json", 1), ("b.json", 1), ("c.json", 2)):
        save(folder, name, make_export(seed, "Ada" if seed == 1 else "", stages=1))
    (folder / "odd.json").write_text("{")
    out = tmp_path / "out"
    assert main(["report", str(folder), "--out", str(out), "--stage", "1", "--same", "Ada", "c.json"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == ["Learners counted: 1. Files left out: 2.", "Ask again:",
        "  odd.json: it is not JSON, or only a part of it is there. To do: ask for the file that the cell `hand_in` "
        "names."]  # fmt: skip
    assert said[3:] == ["Nothing to do:", f"  {said[4].strip()}", f"Page: {out / 'report.html'}",
                        f"Table for a grade book: {out / 'grades.csv'}"]  # fmt: skip
    assert re.fullmatch(r"[ab]\.json: the same learner .+ \([ab]\.json\)\.", said[4].strip())
    assert main(["report", str(folder), "--out", str(out)]) == 0
    assert "without the learners whose file has no name (1): " in capsys.readouterr().out
    assert main(["report", str(folder), "--out", str(out), "--no-names"]) == 0
    assert "which no grade book can import: " in capsys.readouterr().out
    for wrong in (["\0"], [str(tmp_path / "nowhere")], [str(folder), "--same", "Max"]):
        assert main(["report", *wrong]) == 2
    assert "give the folder or the zip file with the exports" in capsys.readouterr().err


def test_the_command_names_the_courses_own_python_where_a_library_is_missing(folder):
    start = "import sys; sys.modules['pandas'] = None; from mlops_lesson.__main__ import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", start, "report", folder], capture_output=True, text=True)
    assert (done.returncode, "this Python has no pandas" in done.stderr) == (2, True)
    assert done.stderr.strip().endswith("python -m mlops_lesson report")


def test_a_shell_without_utf8_still_gets_its_report(folder, tmp_path):
    save(folder, "a.json", make_export(1, "Zoë 李", stages=0))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    command = [sys.executable, "-m", "mlops_lesson", "report", folder, "--out", tmp_path / "out"]
    assert subprocess.run(command, env=environment, capture_output=True).returncode == 0
    assert "Zoë 李" in (tmp_path / "out" / "grades.csv").read_text(encoding="utf-8-sig")


def test_a_learner_hands_in_by_a_cell_or_a_command_and_the_report_reads_it(tmp_path, capsys):
    assert "write your name between the quotes" in repr(hand_in())
    assert not (progress.progress_file().parent / "export").exists()
    said = hand_in("Ada B.")._repr_html_()
    (path,) = re.findall(r"<code>(.*?)</code>", said)
    assert [each.name for each in build(path).learners] == ["Ada B."]
    assert main(["progress", "--export", "--name", "Bea", "--folder", str(tmp_path / "out")]) == 0
    assert [each.name for each in build(tmp_path / "out").learners] == ["Bea"]
    capsys.readouterr()
    assert main(["progress"]) == 0
    head, *rows, _ = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "Stage"
    assert len(rows) == 6
    assert main([]) == 0
    assert {"report", "progress"} <= set(capsys.readouterr().out.split())
