"""The class report: every export counted once, everything odd named, nothing believed and nothing executed."""

import csv
import hashlib
import io
import json
import os
import random
import re
import subprocess
import sys
import zipfile
from collections import Counter
from datetime import timedelta
from html import escape
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import stray_words
from sample_class import NOW, make_class, make_export, save, seal

from mlops_lesson.__main__ import main
from mlops_lesson.instructors import class_report
from mlops_lesson.instructors import handed_in as class_exports
from mlops_lesson.instructors.class_report import QuestionResult
from mlops_lesson.instructors.handed_in import LARGEST_FILE, asked, exercises
from mlops_lesson.show.page import inline
from mlops_lesson.stages import STAGES
from mlops_lesson.teaching import export_format, progress

COURSE = Path(__file__).resolve().parent.parent
FIRST = STAGES[0]
ONE_QUESTION = next(key for key, question in asked().items() if question.kind == "single")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "handed_in").mkdir()
    return tmp_path / "handed_in"


def build(folder):
    return class_report.build(folder, NOW)


def reasons(report):
    return {each.file: each.reason for each in report.left_out}


def result_of(report, key):
    return next(r for r in report.questions if (r.stage.slug, r.question.id) == key)


def with_answer(choice, name, **changes):
    """Make an export with one answer, to the first question that has one right option."""
    stage, identifier = ONE_QUESTION
    export = make_export(name, name, stages=0)
    right = asked()[ONE_QUESTION].is_right([choice])
    record = {
        "choice": [choice],
        "right": right,
        "first_choice": [choice],
        "first_right": right,
        "confidence": None,
        "attempts": 1,
        "at": export["exported_at"],
    }
    export["progress"]["answers"] = {stage: {identifier: record | changes}}
    return seal(export)


def wrong_letters():
    question = asked()[ONE_QUESTION]
    return [letter for letter, option in question.shown() if not option.right]


def right_letter():
    return asked()[ONE_QUESTION].right_choice()[0]


def rows(report, names=True):
    return list(csv.DictReader(io.StringIO(report.csv(names))))


# What is counted


def test_every_learner_of_a_class_is_counted(folder):
    make_class(folder, learners=12)
    report = build(folder)
    assert len(report.learners) == 12
    assert report.left_out == ()


def test_the_counts_of_the_report_are_those_of_the_files(folder):
    make_class(folder, learners=7)
    report = build(folder)
    files = [json.loads(path.read_text())["progress"] for path in folder.rglob("*.json")]
    for result in report.questions:
        given_answers = [
            f["answers"][result.stage.slug][result.question.id] for f in files if result.stage.slug in f["answers"]
        ]
        assert result.answered == len(given_answers)
        assert result.right_at_first == sum(answer["first_right"] for answer in given_answers)
        assert result.right_in_the_end == sum(answer["right"] for answer in given_answers)
    for result in report.exercises:
        tried = [f["exercises"][result.exercise] for f in files if result.exercise in f["exercises"]]
        assert result.tried == len(tried)
        assert result.outcomes["right"] == sum(each["outcome"] == "right" for each in tried)
        assert sum(n * learners for n, learners in result.attempts.items()) == sum(each["attempts"] for each in tried)


def test_the_most_chosen_wrong_option_comes_with_its_misconception(folder):
    often, seldom, *_ = wrong_letters()
    for place, letter in enumerate([often, often, seldom, right_letter()]):
        save(folder, f"{place}.json", with_answer(letter, f"learner {place}"))
    wrong = result_of(build(folder), ONE_QUESTION).most_chosen_wrong()
    option = dict(asked()[ONE_QUESTION].shown())[often]
    assert (wrong.letter, wrong.learners) == (often, 2)
    assert (wrong.text, wrong.misconception) == (option.text, option.misconception)


def test_a_stage_is_finished_by_all_answers_and_all_exercises(folder):
    save(folder, "all.json", make_export(1, "Ada", skill=1.0))
    some = make_export(2, "Bea", skill=1.0)
    some["progress"]["exercises"].pop(next(name for name, slug in exercises().items() if slug == FIRST.slug))
    save(folder, "some.json", seal(some))
    save(folder, "none.json", make_export(3, "Cem", stages=0))
    counts = {stage.slug: found for stage, found in build(folder).stages}
    assert counts[FIRST.slug] == {"finished": 1, "begun": 1, "not begun": 1}


@pytest.mark.parametrize("learners", [0, 1])
def test_an_empty_folder_and_a_single_learner_make_a_report_too(folder, learners):
    make_class(folder, learners=learners)
    report = build(folder)
    assert len(rows(report)) == learners
    assert ("one learner" if learners else "0 learners") in report.html()
    assert report.to_talk_about()


def test_the_page_says_once_how_many_were_right_at_first(folder):
    save(folder, "a.json", with_answer(right_letter(), "Ada"))
    save(folder, "b.json", with_answer(wrong_letters()[0], "Bea", confidence="certain"))
    said = re.findall("[^<>]*right at first[^<>]*", build(folder).html().partition("How the questions")[2])
    assert said == ["1 of 2 right at first, 1 in the end. 1 wrong first answer was said to be certain."]


def test_a_misconception_ends_with_one_full_stop(folder):
    make_class(folder)
    report = build(folder)
    orders = [result for result in report.questions if result.question.kind == "put_in_order"]
    assert any(result.most_chosen_wrong() for result in orders)
    assert not re.search(r"\.(</[a-z]+>)?\.(?!\.)", report.html())


def test_an_ordering_has_bars_for_the_right_order_the_four_given_most_often_and_all_others_together():
    question = next(question for (_, _), question in asked().items() if question.kind == "put_in_order")
    orders = [order for order in permutations(question.right_choice()) if not question.is_right(order)][:6]
    often = Counter(dict(zip(orders, (7, 6, 5, 4, 2, 1), strict=True)))
    result = QuestionResult(FIRST, question, often + Counter({question.right_choice(): 3}))
    assert [(label, right, count) for label, _, right, count in result.bars()] == [
        (" ".join(question.right_choice()), True, 3),
        *((" ".join(order), False, often[order]) for order in orders[:4]),
        ("others", False, 3),
    ]
    assert "others" not in [label for label, *_ in QuestionResult(FIRST, question, Counter(orders[:4])).bars()]


def test_what_to_talk_about_begins_with_the_question_that_most_missed(folder):
    for place, letter in enumerate(wrong_letters() * 2):
        save(folder, f"{place}.json", with_answer(letter, f"learner {place}"))
    points = build(folder).to_talk_about()
    assert asked()[ONE_QUESTION].text in points[0]
    assert "6 of 6 answered wrong at first" in points[0]


def with_exercises(name, **outcomes):
    """Make an export of someone who has tried exercises and answered nothing."""
    export = make_export(name, name, stages=0)
    export["progress"]["exercises"] = {
        number.replace("_", ".").removeprefix("n"): {
            "stage": exercises()[number.replace("_", ".").removeprefix("n")],
            "outcome": outcome,
            "attempts": 2,
            "at": export["exported_at"],
        }
        for number, outcome in outcomes.items()
    }
    return seal(export)


def test_a_missed_question_is_told_with_its_counts_and_the_belief_behind_it(folder):
    often, seldom, *_ = wrong_letters()
    letters = [often, often, often, seldom, right_letter(), right_letter()]
    for place, letter in enumerate(letters):
        certain = {"confidence": "certain"} if place < 2 else {}
        save(folder, f"{place}.json", with_answer(letter, f"learner {place}", **certain))
    stage, question = FIRST, asked()[ONE_QUESTION]
    option = dict(question.shown())[often]
    assert build(folder).to_talk_about() == [
        f"{stage.number} {stage.name}, “{question.text}”: 4 of 6 answered wrong at first, 2 of them certain; 2 of 6 "
        f"are right by now. Most often chosen, by 3: {often}, “{option.text}” Belief behind it: "
        f"{option.misconception.rstrip('.')}. {option.reason}",
        f"{stage.name} is finished by 0 of 6: the first stage that is not finished by all.",
    ]


def test_the_two_exercises_that_most_have_not_solved_are_told(folder):
    for place in range(6):
        outcomes = {
            "n1_1": "right" if place < 5 else "not yet",
            "n1_2": "not yet",
            "n1_3": "crashed" if place < 4 else "right",
            "n2_1": "crashed" if place < 3 else "right",
        }
        save(folder, f"{place}.json", with_exercises(f"learner {place}", **outcomes))
    assert build(folder).to_talk_about() == [
        "Exercise 1.2 (Data Collection): 6 of 6 who tried it have not solved it. Do it together, from the first hint "
        "on.",
        "Exercise 1.3 (Data Collection): 4 of 6 who tried it have not solved it, and 4 of them ended with code that "
        "crashes. Do it together, from the first hint on.",
        "Data Collection is finished by 0 of 6: the first stage that is not finished by all.",
    ]


def test_a_class_that_knows_everything_is_told_so(folder):
    for place in range(5):
        save(folder, f"{place}.json", make_export(place, f"learner {place}", skill=1.0))
    assert build(folder).to_talk_about() == [
        "No question was missed at first by a third of those who answered it: the quizzes need no repeating.",
        "All stages are finished by all.",
    ]


def test_nobody_and_a_few_are_no_class(folder):
    assert build(folder).to_talk_about() == ["There is no export to look at yet."]
    save(folder, "a.json", make_export(1, "Ada", stages=0))
    assert build(folder).to_talk_about() == [
        "One learner: read every number here as a single case, not as a share of a class.",
        "Data Collection is finished by 0 of 1: the first stage that is not finished by all.",
    ]
    save(folder, "b.json", make_export(2, "Bea", stages=0))
    assert build(folder).to_talk_about()[0].startswith("2 learners: read every number")


def test_the_page_has_its_parts_in_order_and_forbids_every_script(folder):
    for place in range(5):
        save(folder, f"{place}.json", with_exercises(f"learner {place}", n1_1="right" if place else "crashed"))
    page = build(folder).html()
    assert page.startswith(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Class report: 5 learners</title>'
    )
    assert page.endswith("</section></main></body></html>\n")
    heads = re.findall(r'<section aria-labelledby="part-(\d)"><h2 id="part-\1">([^<]*)</h2>', page)
    assert heads == [
        ("1", "What to talk about in the next lesson"),
        ("2", "Who finished what"),
        ("3", "How the questions were answered"),
        ("4", "How the exercises went"),
        ("5", "Files and learners to look at"),
    ]
    for words in (
        "<h1>Class report</h1><p>5 learners, no file left out. Made 2026-11-24 09:00 UTC. Whether an answer is right "
        "was looked up in the course's own questions, not in the files.</p>",
        "<p>A stage is finished when every question of its quiz is answered and every exercise is right.</p>",
        "<p>The bars count first answers: later ones were given with the explanation in view. Where several options "
        "can be chosen, a learner counts at each. Under 5 answers, read them as single cases.</p>",
        "<p>The outcome is each learner's best one. Checks are counted up to the first right one.</p>",
        "<figcaption>0 of 5 learners finished all six stages</figcaption>",
        'alt="Stacked bar chart of learners by stage. 1 Data Collection: 0 finished, 5 begun, 0 not begun. ',
        "<figcaption>Fewest solved 1.1: 4 of the 5 who tried it</figcaption>",
        'alt="Stacked bar chart of learners by best outcome of each exercise. 1.1: 4 right, 0 not yet, 1 crashed."',
        '<td style="text-align:left">begun: 0 of 0 answers right at first, 1 of 3 exercises, 0 parts</td>',
        '<td style="text-align:left">2.0</td><td style="text-align:left">2</td>',
        "<p>No learner's file needs a look.</p><p>No file was left out.</p>",
    ):
        assert words in page, words
    assert stray_words(page) == []


def test_a_question_is_shown_with_its_bars_and_its_most_chosen_wrong_option(folder):
    often, seldom, *_ = wrong_letters()
    for place, letter in enumerate([often, often, seldom, right_letter()]):
        certain = {"confidence": "certain"} if letter == often else {}
        save(folder, f"{place}.json", with_answer(letter, f"learner {place}", **certain))
    page, question = build(folder).html(), asked()[ONE_QUESTION]
    wrong = dict(question.shown())[often]
    bars = " ".join(
        f"{letter}{' (right)' if option.right else ''}: {[often, often, seldom, right_letter()].count(letter)}."
        for letter, option in question.shown()
    )
    for words in (
        f"<h4>{inline(question.text)}</h4><figure",
        "<figcaption>1 of 4 right at first, 1 in the end. 2 wrong first answers were said to be certain.</figcaption>",
        f"<p>Most chosen wrong option: {often}, by 2. Misconception: <em>{inline(wrong.misconception)}</em>. "
        f"{inline(wrong.reason)}</p>",
        f'alt="Bar chart of first answers to the question {question.id}. {bars}"',
        f'<caption style="text-align:left">First answers to {question.id}</caption>',
        '<td style="text-align:left">right</td>',
        "<p>Nobody has tried an exercise yet.</p>",
        f"<p>Answered by nobody yet: {len(class_report.questions_of(FIRST)) - 1} of "
        f"{len(class_report.questions_of(FIRST))} questions.</p>",
    ):
        assert words in page, words
    assert "read them as single cases" not in page
    assert stray_words(page) == []


def test_what_is_odd_stands_at_the_end_of_the_page_with_and_without_names(folder):
    (folder / "odd.json").write_text("{")
    for name, learner in (("a.json", "Ada"), ("b.json", "Bea")):
        export = make_export(1, learner, stages=0)
        save(folder, name, export)
    named, nameless = build(folder).html(), build(folder).html(names=False)
    several = (
        "<h3>Learners</h3><ul><li>One learner's number, several names: {}, {}. Two people at one "
        "computer, one person with two names, or a copied file. All are counted.</li></ul><h3>Files left out</h3>"
    )
    assert several.format("<bdi>Ada</bdi> (<bdi>a.json</bdi>)", "<bdi>Bea</bdi> (<bdi>b.json</bdi>)") in named
    assert "<ul><li><bdi>odd.json</bdi>: it is not JSON" in named
    assert re.search(several.format(r"<bdi>Learner \d</bdi>", r"<bdi>Learner \d</bdi>"), nameless)
    assert re.search(r"<ul><li>one file: it is not JSON[^<]*\.</li></ul>", nameless)
    (folder / "more.json").write_text("[")
    assert re.search(r"<ul><li>2 files: it is not JSON[^<]*\.</li></ul>", build(folder).html(names=False))
    assert "Names are left out. Whether an answer" in nameless
    assert "one file left out" in named


def test_a_report_is_written_into_a_folder_that_has_to_be_made_and_gets_numbers_beside_foreign_files(folder, tmp_path):
    save(folder, "a.json", make_export(1, "Ada", stages=0))
    out = tmp_path / "new" / "deep"
    assert build(folder).write(out) == (out / "report.html", out / "grades.csv")
    for number in (2, 3):
        for file in out.iterdir():
            if file.suffix in (".html", ".csv"):
                file.write_text("changed by hand")
        assert build(folder).write(out) == (out / f"report-{number}.html", out / f"grades-{number}.csv")


def test_uploads_in_a_zip_file_are_counted_like_files(folder):
    make_class(folder / "loose", learners=3, seed=1)
    with zipfile.ZipFile(folder / "uploads.zip", "w") as archive:
        for place in range(3):
            archive.writestr(
                f"Student {place}_assign/export.json", json.dumps(make_export(f"zip {place}", f"Z{place}"))
            )
    assert len(build(folder).learners) == 6


def test_the_grade_book_has_a_row_a_learner_and_shares_in_percent(folder):
    save(folder, "a.json", make_export(1, "Ada", skill=1.0))
    (row,) = rows(build(folder))
    assert row["Student"] == "Ada"
    assert {row[f"{s.number} {s.name} {what} (%)"] for s in STAGES for what in ("quiz", "exercises")} == {"100.0"}


def test_a_stage_that_a_learner_has_not_begun_is_no_grade_and_not_a_zero(folder):
    export = make_export(1, "Ada", skill=1.0, stages=2)
    export["progress"]["exercises"] = {}
    save(folder, "a.json", seal(export))
    (row,) = rows(build(folder))
    grades = [[row[f"{s.number} {s.name} {what} (%)"] for what in ("quiz", "exercises")] for s in STAGES]
    assert grades == [["100.0", "0.0"]] * 2 + [["-", "-"]] * 4


def test_a_learner_without_a_name_is_on_the_page_and_not_in_the_table_for_a_grade_book(folder):
    save(folder, "a.json", make_export(1, "Ada", stages=0))
    save(folder, "b.json", make_export(2, stages=0))
    report = build(folder)
    assert [row["SIS Login ID"] for row in rows(report)] == ["Ada"]
    assert len(rows(report, names=False)) == 2
    label = report.label(report.unnamed[0])
    assert f"not in grades.csv: <bdi>{label}</bdi> (<bdi>b.json</bdi>)" in report.html()
    assert "not in grades.csv" not in report.html(names=False)


def test_the_table_begins_so_that_spreadsheets_and_grade_books_read_it(folder, tmp_path):
    save(folder, "a.json", make_export(1, 'Ada, "the first"; \tof many', stages=1))
    _, table = build(folder).write(tmp_path / "out")
    text = table.read_bytes().decode()
    assert text.startswith("\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,")
    heads, row = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    assert len(heads) == len(row) == 5 + 2 * len(STAGES)
    assert row[0] == row[3] == 'Ada, "the first"; of many'


def test_a_name_stays_in_its_cell_whatever_a_spreadsheet_takes_for_a_separator(folder):
    save(folder, "a.json", make_export(1, "Ada;=HYPERLINK(1)", stages=0))
    assert '"Ada;=HYPERLINK(1)"' in build(folder).csv()


# What is left out, and named


def of_another_form(change):
    export = make_export(1, "Ada")
    change(export)
    return seal(export)


def damaged_exports():
    whole = json.dumps(make_export(1, "Ada"))
    edited = make_export(1, "Ada")
    edited["progress"]["exercises"]["1.1"]["outcome"] = "crashed"
    edited["progress"]["exercises"]["1.1"]["attempts"] += 1
    newer = make_export(1, "Ada") | {"format_version": 99}
    no_json, of_no_form = "it is not JSON, or only a part of it is there", "its content has not the form of an export"
    return {
        "empty": ("", "it is empty"),
        "of another program": (b"%PDF-1.7\n" + bytes(range(256)), no_json),
        "truncated": (whole[: len(whole) // 2], no_json),
        "not JSON": ("Dear teacher, here it is", no_json),
        "of something else": ('{"hello": "world"}', "it is not an export of this course"),
        "a list": ("[1, 2, 3]", "it is not an export of this course"),
        "a progress file": (
            '{"version": 1, "answers": {}}',
            "it is a progress file, not an export; ask for the file that progress.export() writes",
        ),
        "edited": (json.dumps(edited), "it was changed or damaged after it was exported: its checksum does not fit"),
        "newer": (json.dumps(seal(newer)), "a newer course wrote it (format 99); update the course here"),
        "a field too many": (of_another_form(lambda e: e.update(grade="A+")), of_no_form),
        "a field too few": (
            of_another_form(lambda e: e["progress"].pop("parts")),
            f"{of_no_form} (first at progress.parts)",
        ),
        "a count below one": (
            of_another_form(lambda e: e["progress"]["exercises"]["1.1"].update(attempts=0)),
            f"{of_no_form} (first at progress.exercises.attempts)",
        ),
        "a truth as a number": (
            of_another_form(lambda e: e["progress"].update(answers=1)),
            f"{of_no_form} (first at progress.answers)",
        ),
        "nested deep": ("[" * 200_000 + "]" * 200_000, "it is nested deeper than any export"),
        "a key twice": (
            whole.replace('"format"', '"format": "a", "format"', 1),
            "it says the same thing twice: a key is repeated",
        ),
        "not a number": (whole.replace('"attempts": 1', '"attempts": NaN', 1), no_json),
        "a number of a million digits": ('{"format": ' + "9" * 900_000 + "}", no_json),
        "huge": (
            " " * (LARGEST_FILE + 1),
            f"it has more than {LARGEST_FILE:,} bytes, fifty times what all six stages make",
        ),
        "not text": (b"\xff\xfe\x00\x01", no_json),
    }


@pytest.mark.parametrize("kind", damaged_exports())
def test_a_damaged_export_is_named_and_left_out_and_nothing_else_is_lost(folder, kind):
    content, reason = damaged_exports()[kind]
    content = json.dumps(content) if isinstance(content, dict) else content
    (folder / "odd.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    save(folder, "good.json", make_export(2, "Bea"))
    report = build(folder)
    assert [learner.name for learner in report.learners] == ["Bea"]
    assert reasons(report)["odd.json"] == reason


@pytest.mark.parametrize("seed", range(50))
def test_an_export_with_a_flipped_bit_is_named_and_left_out(folder, seed):
    dice = random.Random(seed)  # noqa: S311
    whole = json.dumps(make_export(1, "Ada")).encode()
    place = dice.randrange(len(whole))
    flipped = whole[:place] + bytes([whole[place] ^ 1 << dice.randrange(8)]) + whole[place + 1 :]
    (folder / "odd.json").write_bytes(flipped)
    save(folder, "good.json", make_export(2, "Bea"))
    report = build(folder)
    assert [learner.name for learner in report.learners] == ["Bea"]
    assert list(reasons(report)) == ["odd.json"]


def test_an_export_that_is_gone_when_its_turn_comes_is_named(folder, monkeypatch):
    for name in ("good.json", "gone.json"):
        save(folder, name, make_export(name, name))
    read = class_exports._file

    def read_late(path, inside):
        if path.name == "gone.json":
            path.unlink()
        return read(path, inside)

    monkeypatch.setattr(class_exports, "_file", read_late)
    report = build(folder)
    assert [learner.name for learner in report.learners] == ["good.json"]
    assert reasons(report) == {"gone.json": "it cannot be read: No such file or directory"}


def test_other_files_links_and_folders_that_cannot_be_opened_are_named(folder, tmp_path):
    (folder / "essay.docx").write_text("words")
    save(tmp_path, "outside.json", make_export(1, "Outside"))
    (folder / "link.json").symlink_to(tmp_path / "outside.json")
    (folder / "way_out").symlink_to(tmp_path)
    pipes = {}
    if os.name == "posix":
        os.mkfifo(folder / "pipe.json")
        pipes = {"pipe.json": "it is not a regular file"}
    report = build(folder)
    assert report.learners == ()
    assert reasons(report) == pipes | {
        "essay.docx": "it is neither a .json nor a .zip file",
        "link.json": "it is a link, and links are not followed",
        "way_out": "it is a link, and links are not followed",
    }


def test_a_zip_bomb_is_not_unpacked(folder):
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.json", b" " * 20_000_000)
        archive.writestr("good.json", json.dumps(make_export(1, "Ada")))
    report = build(folder)
    assert [learner.name for learner in report.learners] == ["Ada"]
    assert "fifty times" in reasons(report)["bomb.zip/bomb.json"]


def test_what_is_odd_in_a_zip_file_keeps_nothing_that_follows_from_being_counted(folder):
    whole = json.dumps(make_export(1, "Ada")).encode()
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.mkdir("a")
        archive.writestr("a/.hidden.json", whole)
        archive.writestr("a/__MACOSX/b.json", whole)
        archive.writestr("b.txt", "Dear teacher")
        archive.writestr("c.json", whole)
        archive.writestr("d.json", json.dumps(make_export(2, "Bea")))
    content = bytearray((folder / "all.zip").read_bytes())
    content[content.index(whole, content.index(b"c.json")) + 5] ^= 1
    (folder / "all.zip").write_bytes(content)
    report = build(folder)
    assert [learner.name for learner in report.learners] == ["Bea"]
    assert reasons(report) == {
        "all.zip/b.txt": "it lies in a zip file and is not a .json file",
        "all.zip/c.json": "it is damaged or locked inside its zip file",
    }


def test_after_too_much_in_a_zip_file_the_rest_is_named(folder, monkeypatch):
    monkeypatch.setattr("mlops_lesson.instructors.handed_in.LARGEST_UNZIPPED", 10)
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for name in ("a", "b", "c"):
            archive.writestr(f"{name}.json", json.dumps(make_export(name, name)))
    report = build(folder)
    assert [learner.name for learner in report.learners] == ["a"]
    assert reasons(report) == {f"all.zip/{name}.json": "its zip file holds more than 10 bytes" for name in ("b", "c")}


@pytest.mark.parametrize("fuller", ["named", "nameless"])
def test_an_export_without_a_name_belongs_to_the_learner_of_the_same_number(folder, fuller):
    exports = {kind: make_export(1, "Ada" if kind == "named" else "", stages=0) for kind in ("named", "nameless")}
    exports[fuller] = make_export(1, exports[fuller]["learner"]["name"], stages=1)
    for kind, export in exports.items():
        export["learner"]["id"] = "0123456789abcdef"
        save(folder, f"{kind}.json", seal(export))
    report = build(folder)
    other = {"named": "nameless", "nameless": "named"}[fuller]
    assert [(learner.name, learner.file) for learner in report.learners] == [("Ada", f"{fuller}.json")]
    assert [(each.file, each.instead) for each in report.left_out] == [(f"{other}.json", f"{fuller}.json")]
    assert report.shared == ()


def test_a_zip_file_writes_nothing_outside_or_inside_the_folder(folder, tmp_path):
    with zipfile.ZipFile(folder / "slip.zip", "w") as archive:
        archive.writestr("../../escaped.json", json.dumps(make_export(1, "Ada")))
    before = sorted(tmp_path.rglob("*"))
    assert len(build(folder).learners) == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("cut", [10, -30])
def test_a_damaged_zip_file_is_named(folder, cut):
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("a.json", json.dumps(make_export(1, "Ada")))
    (folder / "a.zip").write_bytes((folder / "a.zip").read_bytes()[:cut])
    assert reasons(build(folder)) == {"a.zip": "it is not a whole zip file"}


def test_of_two_exports_of_one_learner_the_fuller_one_counts_and_the_other_is_named(folder):
    full, early = make_export(1, "Ada", stages=4), make_export(1, "Ada", stages=2)
    early["learner"] = full["learner"]
    save(folder, "a_early.json", seal(early))
    save(folder, "b_full.json", full)
    report = build(folder)
    assert [learner.file for learner in report.learners] == ["b_full.json"]
    (left,) = report.left_out
    assert (left.file, left.instead) == ("a_early.json", "b_full.json")
    assert left.reason == (
        "the same learner handed in another export, which is counted: it holds more, or as much and is newer"
    )


def test_one_name_with_two_numbers_is_counted_twice_and_pointed_out(folder):
    for seed, name in enumerate(("Kim", "kim", "Lee")):
        save(folder, f"{seed}.json", make_export(seed, name, stages=0))
    report = build(folder)
    assert [learner.name for learner in report.learners] == ["Kim", "kim", "Lee"]
    assert "One name, several learner's numbers: <bdi>Kim</bdi> (<bdi>0.json</bdi>), <bdi>kim</bdi>" in report.html()
    hidden = report.html(names=False)
    assert "One name, several learner's numbers: <bdi>Learner " in hidden
    assert "0.json" not in hidden


def test_learners_without_a_name_are_not_taken_for_one_person(folder):
    for seed in (1, 2):
        save(folder, f"{seed}.json", make_export(seed, stages=0))
    assert build(folder).namesakes == ()


def test_one_number_under_two_names_is_pointed_out(folder):
    first, second = make_export(1, "Ada"), make_export(1, "Bea")
    second["learner"]["id"] = first["learner"]["id"]
    save(folder, "1.json", first)
    save(folder, "2.json", seal(second))
    report = build(folder)
    assert [sorted(learner.name for learner in shared) for shared in report.shared] == [["Ada", "Bea"]]


# What is not believed


def closing_quiz():
    """Return the name and the questions of the quiz that closes the course, as notebook 6 shows it."""
    notebook = json.loads((COURSE / "notebooks" / STAGES[-1].notebook).read_text(encoding="utf-8"))
    (shown,) = ["".join(o["data"]["text/html"]) for c in notebook["cells"] if c["id"] == "final" for o in c["outputs"]]
    (name,) = re.findall('data-mlops-quiz="([^"]+)"', shown)
    return name, re.findall('data-mlops-question="([^"]+)"', shown)


def test_answers_to_the_closing_quiz_are_neither_counted_nor_called_unknown(folder):
    name, identifiers = closing_quiz()
    assert len(identifiers) == len(STAGES)
    export = with_answer(right_letter(), "Ada")
    one = answer_of(export["progress"])
    export["progress"]["answers"][name] = dict.fromkeys(identifiers, one)
    save(folder, "a.json", seal(export))
    (learner,) = build(folder).learners
    assert list(learner.answers) == [ONE_QUESTION]
    assert learner.remarks == ()


def test_the_course_decides_what_is_right_and_says_that_the_file_disagrees(folder):
    save(folder, "a.json", with_answer(wrong_letters()[0], "Ada", right=True, first_right=True))
    report = build(folder)
    assert result_of(report, ONE_QUESTION).right_at_first == 0
    assert "the course decides" in report.learners[0].remarks[0]


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        (
            lambda p: p["answers"].update(no_stage={}) or p["answers"]["no_stage"].update(x=answer_of(p)),
            "an answer is to a question that this course does not ask; not counted",
        ),
        (
            lambda p: answer_of(p).update(choice=["Z"], first_choice=["Z"]),
            "an answer names options that cannot be chosen; not counted",
        ),
        (
            lambda p: answer_of(p).update(first_choice=[right_letter()], attempts=1),
            "an answer was changed without a second attempt; not counted",
        ),
        (lambda p: p["exercises"].update({"9.9": example_exercise(p)}), "an exercise is not the course's; not counted"),
        (
            lambda p: p["parts"].update({FIRST.slug: {"homework": "2026-01-01T00:00:00+00:00"}}),
            "a part is not the course's; not counted",
        ),
        (
            lambda p: answer_of(p).update(at=(NOW + timedelta(days=400)).isoformat()),
            "a time lies in the future; counted without it",
        ),
        (lambda p: answer_of(p).update(at="yesterday"), "a time is not a time; counted without it"),
    ],
    ids=["question", "options", "attempts", "exercise", "part", "future", "no time"],
)
def test_what_cannot_be_is_named_and_not_counted(folder, change, remark):
    export = with_answer(wrong_letters()[0], "Ada")
    change(export["progress"])
    save(folder, "a.json", seal(export))
    (learner,) = build(folder).learners
    assert remark in learner.remarks


def test_what_cannot_be_stands_on_the_page_for_each_learner_with_its_count(folder):
    remarks = {"Ada": "a part is not the course's; not counted", "Bea": "2 parts are not the course's; not counted"}
    for place, name in enumerate(remarks, start=1):
        export = make_export(place, name, stages=0)
        odd = dict.fromkeys(("homework", "exam")[:place], "2026-01-01T00:00:00+00:00")
        export["progress"]["parts"][FIRST.slug] = odd
        save(folder, f"{place}.json", seal(export))
    lines = "".join(f"<li><bdi>{name}</bdi>: {escape(remark)}.</li>" for name, remark in remarks.items())
    assert f"<h3>Learners</h3><ul>{lines}</ul>" in build(folder).html()


@pytest.mark.parametrize("ahead", [-400, 0, 23, 25, 24 * 400])
def test_a_learners_clock_may_be_a_day_ahead_and_is_told_beyond(folder, ahead):
    export = with_answer(right_letter(), "Ada")
    shown = NOW + timedelta(hours=ahead)
    export["exported_at"] = answer_of(export["progress"])["at"] = shown.isoformat()
    save(folder, "a.json", seal(export))
    report = build(folder)
    (learner,) = report.learners
    assert learner.exported_at == (shown.isoformat() if ahead < 24 else "")
    assert learner.remarks == (() if ahead < 24 else ("2 times lie in the future; counted without them",))
    assert result_of(report, ONE_QUESTION).answered == 1


def answer_of(progress_of_export):
    stage, identifier = ONE_QUESTION
    return progress_of_export["answers"][stage][identifier]


def example_exercise(progress_of_export):
    return {"stage": FIRST.slug, "outcome": "right", "attempts": 1, "at": answer_of(progress_of_export)["at"]}


# What is shown of strangers' words

HOSTILE_NAMES = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title><h1>owned", "`<b>`"]


def test_markup_in_names_stays_text(folder):
    for place, name in enumerate(HOSTILE_NAMES):
        save(folder, f"{place}.json", make_export(place, name, stages=0))
    (folder / "<script>.json").write_text("{")
    page = build(folder).html()
    assert "&lt;script&gt;.json" in page
    assert not any(tag in page for tag in ("<script", "<img src=x", "<h1>owned", "<b>"))


@pytest.mark.parametrize("sign", [*"=+-@|%", "\t=", "\uff1d", " ="])
def test_a_formula_in_a_name_stays_text_in_a_spreadsheet(folder, sign):
    save(folder, "a.json", make_export(1, f"{sign}HYPERLINK(1)"))
    (row,) = rows(build(folder))
    assert row["Student"].startswith("'")
    assert row["SIS Login ID"].startswith("'")


def test_signs_that_turn_or_hide_text_are_taken_out_of_a_name(folder):
    save(folder, "a.json", make_export(1, "A\u202eda\u200b\x00\x1b[31m\r\nX"))
    assert build(folder).learners[0].name == "Ada [31m X"


def test_a_name_is_not_longer_than_a_line(folder):
    save(folder, "a.json", make_export(1, "x" * 900))
    assert len(build(folder).learners[0].name) == 80


def test_names_can_be_left_out_everywhere(folder, tmp_path):
    for seed, name in enumerate(("Amal", "Bruno", "Chidi", "Dalia", "Emre")):
        save(folder, f"{name}.json", make_export(seed, name, stages=0))
    report = build(folder)
    report.write(tmp_path / "out", names=False)
    text = "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    assert not any(learner.name in text for learner in report.learners)
    assert [row["Student"] for row in rows(report, names=False)] == [f"Learner {n}" for n in range(1, 6)]


# What is written


def test_a_report_replaces_its_own_files_and_no_other(folder, tmp_path):
    report, out = build(folder), tmp_path / "out"
    assert [path.name for path in report.write(out)] == ["report.html", "grades.csv"]
    assert [path.name for path in report.write(out)] == ["report.html", "grades.csv"]
    (out / "grades.csv").write_text("my remarks")
    assert [path.name for path in report.write(out)] == ["report.html", "grades-2.csv"]
    assert (out / "grades.csv").read_text() == "my remarks"


def test_a_report_inside_the_folder_is_not_read_as_an_export(folder):
    save(folder, "a.json", make_export(1, "Ada", stages=0))
    build(folder).write(folder / "report")
    report = build(folder)
    assert (len(report.learners), report.left_out) == (1, ())


def test_the_command_makes_both_files_and_names_what_it_left_out(folder, tmp_path, capsys):
    for seed in (1, 2):
        save(folder, f"{seed}.json", make_export(seed, stages=1))
    (folder / "odd.json").write_text("{")
    assert main(["report", str(folder), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "Learners counted: 2. Files left out: 1." in said
    assert "odd.json: it is not JSON" in said
    assert {"report.html", "grades.csv"} <= {path.name for path in (tmp_path / "out").iterdir()}


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("Ada", [], "Table for a grade book: "),
        ("", [], "without the learners whose file has no name (1): "),
        ("Ada", ["--no-names"], "which no grade book can import: "),
    ],
)
def test_the_command_says_what_the_table_can_be_used_for(folder, tmp_path, capsys, name, options, said):
    save(folder, "a.json", make_export(1, name, stages=0))
    out = tmp_path / "out"
    assert main(["report", str(folder), "--out", str(out), *options]) == 0
    assert f"{said}{out / 'grades.csv'}" in capsys.readouterr().out


def test_the_command_says_what_to_give_where_there_is_no_folder(tmp_path, capsys):
    assert main(["report", str(tmp_path / "nowhere")]) == 2
    assert "give the folder in which you collected the exports" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["pandas", "pydantic"])
def test_the_command_names_the_courses_own_python_where_a_library_is_missing(folder, tmp_path, missing):
    start = f"import sys; sys.modules[{missing!r}] = None; from mlops_lesson.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", start, "report", folder, "--out", tmp_path / "out"], capture_output=True, text=True
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"this Python has no {missing}" in line
    assert line.endswith(f"{Path('.venv/bin/python')} -m mlops_lesson report")


def test_the_package_as_a_command_lists_what_it_can_do(capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    assert "report" in said
    assert "progress" in said


def test_each_command_says_in_its_help_what_it_does_and_what_to_give(capsys):
    for words in ([], ["report"], ["progress"]):
        with pytest.raises(SystemExit):
            main([*words, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for words in (
        "usage: python -m mlops_lesson [-h] COMMAND ...",
        "Why MLOps manages the ML lifecycle: commands of the course.",
        "commands: COMMAND",
        "report for instructors: merge the exports of a class into one page and a table for a grade book",
        "progress for learners: show your progress, or write the file to hand in",
        "usage: python -m mlops_lesson report [-h] [--out OUT] [--no-names] FOLDER",
        "Merge the exports in FOLDER, its subfolders and its zip files into report.html and grades.csv.",
        "FOLDER where you collected the exports",
        "--out OUT where to write (class_report)",
        "--no-names leave out names and file names",
        "usage: python -m mlops_lesson progress [-h] [--export] [--name NAME] [--folder FOLDER]",
        "Show your progress by stage. With --export, write it as a file to hand in.",
        "--export write the file to hand in",
        "--name NAME your name or pseudonym, to stand in that file",
        "--folder FOLDER where to write it (export, beside your progress file)",
    ):
        assert f" {words} " in f" {said} "


def test_a_shell_shows_progress_as_a_table_and_where_it_is_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "my_work"))
    progress.exercise(2, "2.1", "right")
    assert main(["progress"]) == 0
    head, *rows, kept = capsys.readouterr().out.splitlines()
    assert head == "Stage                       Quiz answered  Right at first try  Exercises right  Parts done"
    assert [row[:28].strip() for row in rows] == [f"{stage.number} {stage.name}" for stage in STAGES]
    assert [row[62:79].strip() for row in rows] == ["0 of 3", "1 of 3", "0 of 3", "0 of 3", "0 of 3", "0 of 3"]
    assert not any(line.endswith(" ") for line in (head, *rows))
    assert kept == f"Kept in {progress.progress_file()}."


def test_a_shell_exports_into_the_folder_and_under_the_name_that_are_given(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "my_work"))
    assert main(["progress", "--export", "--name", "Ada B.", "--folder", str(tmp_path / "out")]) == 0
    assert str(tmp_path / "out") in capsys.readouterr().out
    (export,) = (tmp_path / "out").glob("*.json")
    assert export.name == "mlops_lesson_ada_b.json"
    assert json.loads(export.read_text(encoding="utf-8"))["learner"]["name"] == "Ada B."


def test_the_command_names_the_file_that_counts_instead(folder, tmp_path, capsys):
    for name in ("a.json", "b.json"):
        save(folder, name, make_export(1, "Ada", stages=1))
    assert main(["report", str(folder), "--out", str(tmp_path / "out"), "--no-names"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Learners counted: 1. Files left out: 1."
    assert re.fullmatch(r"  [ab]\.json: .+ \([ab]\.json\)\.", lines[1])
    assert lines[2:] == [
        f"Page: {tmp_path / 'out' / 'report.html'}",
        f"Table without names, which no grade book can import: {tmp_path / 'out' / 'grades.csv'}",
    ]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  Ada \t\n B\u2028C ", "Ada B C"),
        ("a\u202eb\u200bc", "abc"),
        ("n\u200cm", "n\u200cm"),
        ("x\ud800y", "x?y"),
        ("e\u0301", "\u00e9"),
        ("a\x07b\x00", "a b"),
        ("a" * 10, "a" * 10),
        ("a" * 11, "a" * 9 + "…"),
        ("", ""),
    ],
)
def test_text_of_strangers_becomes_one_short_line(text, clean):
    assert export_format.clean_text(text, 10) == clean


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("Ada B.", "mlops_lesson_ada_b"),
        ("  ", "mlops_lesson_progress"),
        ("../..", "mlops_lesson_progress"),
        ("Zoë/李", "mlops_lesson_zoë_李"),
        ("x" * 60, f"mlops_lesson_{'x' * 39}"),
    ],
)
def test_a_file_name_is_made_of_letters_digits_and_underscores(name, stem):
    assert export_format.file_stem(name) == stem


def test_the_checksum_is_that_of_the_content_in_one_way_of_writing():
    export = {"b": [1, "ä"], "a": None, "checksum": "sha256:0"}
    text = '{"a":null,"b":[1,"\\u00e4"]}'
    assert export_format.checksum(export) == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def test_a_cell_that_a_spreadsheet_would_run_is_text():
    assert [export_format.safe_cell(text) for text in ("=1", " \u00a0+1", "\uff1d1", "a=1", "", " ")] == [
        "'=1", "' \u00a0+1", "'\uff1d1", "a=1", "", " ",
    ]  # fmt: skip


def test_a_shell_shows_and_exports_progress(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "my_work"))
    progress.exercise(1, "1.1", "right")
    assert main(["progress"]) == 0
    assert f"1 of {sum(slug == FIRST.slug for slug in exercises().values())}" in capsys.readouterr().out
    assert main(["progress", "--export", "--name", "Ada"]) == 0
    assert "mlops_lesson_ada.json" in capsys.readouterr().out


def test_a_shell_without_utf8_still_gets_its_report(folder, tmp_path):
    save(folder, "a.json", make_export(1, "Zoë 李", stages=0))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-m", "mlops_lesson", "report", folder, "--out", tmp_path / "out"],
        env=environment,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Zoë 李" in (tmp_path / "out" / "grades.csv").read_text(encoding="utf-8-sig")


# Whatever people hand in


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(chance=st.randoms(use_true_random=False), value=JSON, sealed=st.booleans())
def test_an_export_changed_anywhere_is_counted_or_named(tmp_path_factory, counted_cases, chance, value, sealed):
    counted_cases.add(1)
    folder = tmp_path_factory.mktemp("fuzzed")
    export = make_export(1, "Ada", stages=1)
    place, key = random_place(export, chance)
    place[key] = value
    text = json.dumps(seal(export) if sealed else export)
    (folder / "a.json").write_text(text, encoding="utf-8")
    report = build(folder)
    assert len(report.learners) + len(report.left_out) == 1
    assert report.to_talk_about()


def random_place(export, chance: random.Random):
    place = export
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = chance.choice(keys)
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or chance.random() < 0.15:
            return place, key
        place = inner


@pytest.mark.parametrize("name", ["a" * 5000, "\0", "\ud800"])
def test_a_name_that_no_system_takes_is_no_folder(name):
    with pytest.raises(NotADirectoryError, match="give the folder in which you collected the exports"):
        build(name)


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200), ending=st.sampled_from([".json", ".zip"]))
def test_any_bytes_are_named_and_left_out(tmp_path_factory, counted_cases, content, ending):
    counted_cases.add(1)
    folder = tmp_path_factory.mktemp("bytes")
    (folder / f"a{ending}").write_bytes(content)
    report = build(folder)
    assert report.learners == ()
    assert len(report.left_out) == 1
