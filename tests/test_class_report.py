"""The class report: every export counted once, everything odd named, nothing believed and nothing executed."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from html import escape

import pytest
from sample_class import given, make_class, make_export, save, seal, tried

from mlops_lesson.__main__ import main
from mlops_lesson.instructors.class_report import QuestionSummary, build
from mlops_lesson.instructors.handed_in import AGAIN, LARGEST_FILE, asked
from mlops_lesson.stages import STAGES
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.exercises.exercise import all_exercises
from mlops_lesson.teaching.hand_in import hand_in

FIRST = STAGES[0]
ONE_QUESTION = next(key for key, question in asked().items() if question.kind == "single")
QUESTION = asked()[ONE_QUESTION]
WRONG = [letter for letter, option in QUESTION.shown() if not option.right]
(RIGHT,) = QUESTION.right_choice()
NO_EXPORT = "it is empty, cut off, or no export of this course"
NEITHER = "it is neither a .json file nor a .zip file of them"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "handed_in").mkdir()
    return tmp_path / "handed_in"


@pytest.fixture
def report_of(folder):
    """Build the report of exports, which are saved as 0.json, 1.json and so on."""

    def build_it(*exports, **options):
        for place, export in enumerate(exports):
            save(folder, f"{place}.json", export)
        return build(folder, **options)

    return build_it


def named(*names, **options):
    """Make an export for each name."""
    return [make_export(seed, name, **options) for seed, name in enumerate(names)]


def with_answer(choice, name, exercises=(), **changes):
    """Make an export with one answer, to the first question that has one right option, and exercises' outcomes."""
    export = make_export(name, name, stages=0)
    record = given(QUESTION, [choice], [choice]) | changes
    export["progress"]["answers"] = {ONE_QUESTION[0]: {ONE_QUESTION[1]: record}}
    export["progress"]["exercises"] = {each: tried(all_exercises()[each], outcome) for each, outcome in exercises}
    return seal(export)


def reasons(report):
    return {each.file: each.reason for each in report.left_out}


def rows(report):
    return list(csv.DictReader(io.StringIO(report.csv())))


def words(report):
    """Return the page's text in one line."""
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", "", report.html(), flags=re.DOTALL).split())


def zipped(compression=zipfile.ZIP_DEFLATED, **files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content if isinstance(content, bytes) else json.dumps(content))
    return stream.getvalue()


# What is counted, and what to talk about next


def test_the_counts_of_the_report_are_those_of_the_files(folder):
    make_class(folder, learners=7)
    report = build(folder)
    assert (len(report.learners), report.left_out) == (7, [])
    files = [json.loads(path.read_text())["progress"] for path in folder.rglob("*.json")]
    for result in report.questions:
        here = [f["answers"][result.stage.slug][result.question.id] for f in files if result.stage.slug in f["answers"]]
        counts = [sum(answer[what] for answer in here) for what in ("first_right", "right")]
        assert [len(result.given), result.right_first, result.right_now] == [len(here), *counts]
    for result in report.exercises:
        here = [f["exercises"][result.exercise.id] for f in files if result.exercise.id in f["exercises"]]
        assert [len(result.given), result.right_now] == [len(here), sum(t["outcome"] == "right" for t in here)]


def test_of_an_ordering_the_orders_given_most_often_are_listed():
    question = next(question for question in asked().values() if question.kind == "put_in_order")
    right = list(question.right_choice())
    orders = [right, right[::-1], right[::-1], [*right[1:], right[0]]]
    result = QuestionSummary(FIRST, question, [progress.Answer(**given(question, order, right)) for order in orders])
    bars = [(option.text, option.right, count) for _, option, count in result.bars]
    assert bars == [(" ".join(orders[1]), False, 2), (" ".join(right), True, 1), (" ".join(orders[3]), False, 1)]
    assert result.most_chosen_wrong == result.bars[0]


def test_a_missed_question_is_told_with_its_counts_and_the_belief_behind_it(report_of):
    answers = [(WRONG[0], "certain"), (WRONG[0], "certain"), *[(each, None) for each in (*WRONG[:2], RIGHT, RIGHT)]]
    page = words(report_of(*(with_answer(each, str(n), confidence=sure) for n, (each, sure) in enumerate(answers))))
    assert "4 of 6 answered wrong at first, 2 of them certain; 2 are right by now. Most often chosen, by 3: " in page
    assert page.count(escape(dict(QUESTION.shown())[WRONG[0]].misconception.rstrip("."))) == 2
    assert "2 of 6 right at first, 2 by now. 2 wrong first answers were said to be certain." in page


def test_a_class_of_six_weeks_is_told_something_else_every_week(report_of):
    said = []
    for week in range(1, 7):
        exports = named(*"ABCDEFGHIJ", stages=week, skill=0.5)
        report = report_of(*exports)
        assert report.stage == STAGES[week - 1]
        said.append(report.to_talk_about())
        numbers = [result.stage.number for result in said[-1]]
        assert numbers == sorted(numbers, reverse=True)
        assert numbers[:2] == [week, week]
    titles = [tuple(getattr(result, "question", None) or result.exercise.id for result in points) for points in said]
    assert len({*titles}) == 6
    assert report_of(*exports, stage=3).to_talk_about()[0].stage == STAGES[2]


def test_what_one_of_a_class_has_not_solved_is_nothing_to_talk_about_with_all(report_of):
    attempts = [[("1.1", "crashed")], [("1.1", "crashed")], [("1.2", "not yet")], []]
    report = report_of(*(with_answer(RIGHT, str(place), attempt) for place, attempt in enumerate(attempts)))
    assert [result.exercise.id for result in report.to_talk_about()] == ["1.1"]
    assert "2 of 2 who tried it have not solved it; the code of 2 crashes. Do it together" in words(report)
    assert "read every number here as a single case" in words(report)


def test_an_empty_class_and_one_that_knows_everything_are_told_so(report_of):
    assert "There is no export to look at yet." in words(report_of())
    page = words(report_of(*named(*"ABCDE", skill=1.0)))
    assert "Up to Monitoring &amp; Maintenance, nothing was missed by a third of those who tried it: go on." in page
    assert "single case" not in page


# Who did what, and the table for a grade book


def test_there_is_no_grade_for_what_was_not_taught_or_not_begun(report_of):
    export = make_export(1, "Ada", skill=1.0, stages=3)
    for name in ("2.1", "3.1", "3.2", "3.3"):
        export["progress"]["exercises"].pop(name)
    export["progress"]["parts"]["deployment"] = {"why": export["exported_at"]}
    report = report_of(seal(export))
    (row,) = rows(report)
    assert [*row.values()][5:] == ["100.0", "100.0", "100.0", "66.7", "100.0", "-", *["-"] * 6]
    (row,) = rows(report_of(seal(export), stage=1))
    assert [*row.values()][5:] == ["100.0", "100.0", *["-"] * 10]
    one, two, three = (sum(slug == stage.slug for slug, _ in asked()) for stage in STAGES[:3])
    assert re.findall(r'<td class="(\w+)">([^<]*)</td>', report.html())[:6] == [
        ("done", f"✓ {one}/{one} 3/3"), ("begun", f"◐ {two}/{two} 2/3"), ("begun", f"◐ {three}/{three} 0/3"),
        *[("none", "\u2013")] * 3,
    ]  # fmt: skip


def test_a_learner_without_a_name_is_on_the_page_and_not_in_the_table_for_a_grade_book(folder, report_of):
    (folder / "odd.json").touch()
    report = report_of(*named("Ada", "", stages=0))
    assert [row["SIS Login ID"] for row in rows(report)] == ["Ada"]
    assert re.search(r"not in grades.csv: Learner \d \(1.json\)", words(report))
    without = report.without_names()
    assert [row["Student"] for row in rows(without)] == ["Learner 1", "Learner 2"]
    assert not any(word in words(without) for word in ("not in grades.csv", ".json", "Ada"))


def test_spreadsheets_and_grade_books_read_the_table_and_take_no_name_for_a_formula(report_of, tmp_path):
    names = ['Ada;=B, "the first"; \tof many', *(f"{sign}HYPERLINK(1)" for sign in ("=", "-", "@", "\uff1d", " +"))]
    _, table = report_of(*named(*names, stages=1)).write(tmp_path / "out")
    text = table.read_bytes().decode()
    assert text.startswith("\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,")
    heads, *table = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    assert {len(row) for row in (heads, *table)} == {5 + 2 * len(STAGES)}
    assert sorted(row[0][:2] for row in table) == ["'+", "'-", "'=", "'@", "'\uff1d", "Ad"]
    assert '"Ada;=B, ""the first""; of many"' in text


# What is left out, and named


def test_a_damaged_export_is_named_with_its_remedy_and_nothing_else_is_lost(folder, report_of):
    whole = make_export(1, "Ada")
    text, progress_of = json.dumps(whole), whole["progress"]
    no_checks = progress_of | {"exercises": {"1.1": tried(all_exercises()["1.1"], "right", attempts=0)}}
    wrong = {
        "": NO_EXPORT,
        text[: len(text) // 2]: NO_EXPORT,
        '{"hello": "world"}': NO_EXPORT,
        "[" * 200_000 + "]" * 200_000: NO_EXPORT,
        json.dumps(seal(whole | {"progress": no_checks})): NO_EXPORT,
        json.dumps(seal(whole | {"format_version": 99})): NO_EXPORT,
        json.dumps(whole | {"course_version": "9"}): "it was changed or damaged after it was exported: its checksum "
        "does not fit",
        " " * (LARGEST_FILE + 1): f"it has more than {LARGEST_FILE:,} bytes, and an export about 20,000",
    }
    for place, content in enumerate(wrong):
        (folder / f"{place:02d}_odd.json").write_text(content)
    report = report_of(*named("Bea"))
    assert [learner.name for learner in report.learners] == ["Bea"]
    assert reasons(report) == {f"{place:02d}_odd.json": reason for place, reason in enumerate(wrong.values())}
    assert {each.remedy for each in report.left_out} == {AGAIN}


@pytest.mark.skipif(os.name == "nt", reason="links and pipes need a POSIX system")
def test_what_is_left_out_stands_in_two_lists_and_noise_in_none(folder, tmp_path):
    save(folder, "ada/export.json", make_export(1, "Ada"))
    for name in ("ada/notes.docx", "essay.docx", "x.zip/a.txt", ".hidden.json", "__MACOSX/a.json", "desktop.ini"):
        save(folder, name, {})
    (folder / "link.json").symlink_to(save(tmp_path, "outside.json", make_export(2, "Outside")))
    (folder / "way_out").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.json")
    report = build(folder)
    assert [learner.name for learner in report.learners] == ["Ada"]
    link = ("it is a link or no regular file, and is not opened", "")
    assert {each.file: (each.reason, each.remedy) for each in report.left_out} == {
        "essay.docx": (NEITHER, AGAIN), "ada/notes.docx": (NEITHER, ""), "link.json": link, "way_out": link,
        "pipe.json": link, "x.zip/a.txt": (NEITHER, AGAIN),
    }  # fmt: skip
    to_do = AGAIN.replace("`", "")
    assert f"put right: 2essay.docx: {NEITHER}. To do: {to_do}.x.zip/a.txt: {NEITHER}." in words(report)
    assert "Left out, nothing to do: 4" in words(report)


# Zip files


def test_a_folder_one_file_and_a_learning_systems_zip_with_zips_inside_are_read(folder):
    inner = zipped(export__json=make_export(1, "Ada"), export__csv=b"")
    uploads = zipped(Ada__zip=inner, Bea__json=make_export(2, "Bea"), notes__txt=b"Dear teacher")
    (folder / "all.zip").write_bytes(uploads)
    for source in (folder, folder / "all.zip"):
        report = build(source)
        assert sorted(each.file for each in report.learners) == ["all.zip/Ada.zip/export.json", "all.zip/Bea.json"]
        assert [(each.file, each.remedy) for each in report.left_out] == [("all.zip/notes.txt", AGAIN)]
    assert [each.name for each in build(save(folder, "one.json", make_export(3, "Cem"))).learners] == ["Cem"]


def test_a_zip_file_that_is_too_much_costs_no_other_file_its_place(folder):
    kinds = (zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)
    damaged, packed_otherwise = (bytearray(zipped(kind, a__json=b"[" + b"1," * 5000)) for kind in kinds)
    damaged[60] ^= 255
    packed_otherwise[60] ^= 255
    for name, content in {
        "bomb.zip": zipped(bomb__json=b" " * 20_000_000, good__json=make_export(1, "Ada")),
        "cut.zip": zipped(a__json=make_export(2, "Bea"))[:-30],
        "damaged.zip": damaged,
        "damaged_too.zip": packed_otherwise,
        "deep.zip": zipped(a__zip=zipped(b__zip=zipped(c__json=make_export(3, "Cem")))),
        "endless.zip": zipped(**{"//a__json": make_export(4, "Dan")}),
    }.items():
        (folder / name).write_bytes(content)
    report = build(folder)
    assert [learner.name for learner in report.learners] == ["Ada"]
    assert reasons(report) == {
        "bomb.zip/bomb.json": f"it has more than {LARGEST_FILE:,} bytes, and an export about 20,000",
        "cut.zip": "it is damaged or locked, as a zip file or inside one",
        "damaged.zip/a.json": "it is damaged or locked, as a zip file or inside one",
        "damaged_too.zip/a.json": "it is damaged or locked, as a zip file or inside one",
        "deep.zip/a.zip/b.zip": NEITHER,
        "endless.zip": "it is damaged or locked, as a zip file or inside one",
    }


# Who is who


def test_one_name_with_two_numbers_and_one_number_with_two_names_are_pointed_out(report_of):
    report = report_of(*named("Kim", "kim", "Lee", "Ann", "", ""), make_export(2, "Max"))
    assert len(report.learners) == 7
    assert "One name, several learner's numbers: Kim (0.json), kim (1.json)." in words(report)
    assert "One learner's number, several names: Lee (2.json), Max (6.json)." in words(report)


@pytest.mark.parametrize("other", ["Kim", "K. Lee"])
def test_several_exports_of_one_learner_and_two_machines_of_one_person_are_joined(report_of, other):
    early = with_answer(WRONG[0], "Kim", [("1.1", "right"), ("1.2", "crashed")])
    late = with_answer(RIGHT, other, [("1.1", "crashed"), ("1.2", "not yet")])
    exports = [seal(late | {"exported_at": "2026-12-01T00:00:00Z"}), early, *named("Cem", stages=0)]
    report = report_of(*exports, same=[["kim", "0.json"]] if other != "Kim" else ())
    assert [each.name for each in report.learners] == ["Cem", "Kim"]
    answer, exercises = report.learners[1].answers[ONE_QUESTION], report.learners[1].exercises
    assert (answer.first_choice, answer.choice, answer.first_right, answer.right) == ([WRONG[0]], [RIGHT], False, True)
    assert {name: each.outcome for name, each in exercises.items()} == {"1.1": "right", "1.2": "not yet"}
    with pytest.raises(ValueError, match="nobody is called 'Max'"):
        report_of(*exports, same=[["Kim", "Max"]])


# What is not believed


def answers_of(record):
    return record["answers"][ONE_QUESTION[0]]


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        (lambda p: answers_of(p).update(unknown=answers_of(p)[ONE_QUESTION[1]]), "answers to questions, or with"),
        (lambda p: answers_of(p)[ONE_QUESTION[1]].update(choice=["Z"]), "answers to questions, or with options"),
        (lambda p: answers_of(p)[ONE_QUESTION[1]].update(first_right=True), "answers on which the file and the course"),
        (lambda p: p["exercises"].update({"9.9": tried(all_exercises()["1.1"], "right")}), "exercises that the course"),
        (lambda p: p["answers"].update(an_own_quiz=answers_of(p)), ""),
    ],
)
def test_what_cannot_be_is_named_and_not_counted(report_of, change, remark):
    export = with_answer(WRONG[0], "Ada")
    change(export["progress"])
    report = report_of(seal(export))
    (learner,) = report.learners
    assert all(key == ONE_QUESTION and not answer.first_right for key, answer in learner.answers.items())
    assert not learner.exercises
    assert (f"Ada: {remark}" if remark else "No learner's file needs a look.") in words(report)


def test_markup_and_hidden_signs_in_names_stay_harmless_text(folder, report_of):
    names = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "`<b>`"]
    (folder / "<script>.json").write_text("{")
    page = report_of(*named(*names, "A\u202eda\u200b\x00\x1b[31m\r\n\ud800X" + "x" * 900, stages=0)).html()
    assert all(text in page for text in ("&lt;script&gt;.json", "{{ 7 * 7 }}", "Ada[31m X", "default-src 'none'"))
    assert not any(tag in page for tag in ("<script", "<img src=x", "<b>"))


# What is written, and the commands


def test_a_report_leaves_earlier_ones_with_a_number_and_is_no_export(folder, report_of):
    out = folder / "new" / "report"
    for number in range(3):
        assert report_of(*named("Ada")).write(out) == [out / "report.html", out / "grades.csv"]
        (out / "grades.csv").write_text(f"my remarks {number}")
    assert [(out / f"grades{n}.csv").read_text()[-1] for n in ("-1", "-2", "")] == ["0", "1", "2"]
    assert (len(build(folder).learners), build(folder).left_out) == (1, [])


def test_the_command_makes_both_files_and_says_what_is_to_do(folder, tmp_path, capsys):
    save(folder, "ada/a.json", make_export(1, "Ada", stages=1))
    save(folder, "ada/notes.txt", {})
    save(folder, "c.json", make_export(2, "", stages=1))
    (folder / "odd.json").write_text("{")
    out = tmp_path / "out"
    assert main(["report", str(folder), "--out", str(out), "--stage", "1", "--same", "Ada", "c.json"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Learners counted: 1. Taught up to: 1 Data Collection.",
        "Left out, ask again or put right: 1.",
        f"  odd.json: {NO_EXPORT}. To do: {AGAIN}.",
        "Left out, nothing to do: 1; the page says why.",
        f"Page: {out / 'report.html'}",
        f"Table for a grade book: {out / 'grades.csv'}",
    ]
    assert main(["report", str(folder), "--out", str(out), "--no-names"]) == 0
    assert "Ada" not in (out / "grades.csv").read_text(encoding="utf-8-sig")
    for wrong in (["\0"], [str(tmp_path / "nowhere")], [str(folder), "--same", "Max"]):
        assert main(["report", *wrong]) == 2
    assert "give the folder or the zip file with the exports" in capsys.readouterr().err


def test_the_command_names_the_courses_own_python_where_a_library_is_missing(folder):
    start = "import sys; sys.modules['pandas'] = None; from mlops_lesson.__main__ import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", start, "report", folder], capture_output=True, text=True)
    assert (done.returncode, "this Python has no pandas. Use the one in .venv/" in done.stderr) == (2, True)


def test_a_shell_without_utf8_still_gets_its_report(folder, tmp_path):
    save(folder, "a.json", make_export(1, "Zoë 李", stages=0))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    command = [sys.executable, "-m", "mlops_lesson", "report", folder, "--out", tmp_path / "out"]
    assert subprocess.run(command, env=environment, capture_output=True).returncode == 0
    assert "Zoë 李" in (tmp_path / "out" / "grades.csv").read_text(encoding="utf-8-sig")


def test_a_learner_hands_in_by_a_cell_or_a_command_and_the_report_reads_it(tmp_path, capsys):
    assert "write your name between the quotes" in repr(hand_in())
    assert not (progress.progress_file().parent / "export").exists()
    (path,) = re.findall(r"<code>(.*?)</code>", hand_in("Ada B.")._repr_html_())
    assert [each.name for each in build(path).learners] == ["Ada B."]
    assert main(["progress", "--export", "--name", "Bea", "--folder", str(tmp_path / "out")]) == 0
    assert [each.name for each in build(tmp_path / "out").learners] == ["Bea"]
    capsys.readouterr()
    assert main(["progress"]) == 0
    head, *rows, _ = capsys.readouterr().out.splitlines()
    assert (head.split()[0], len(rows)) == ("Stage", 6)
