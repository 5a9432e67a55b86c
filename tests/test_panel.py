import json
import subprocess
import sys

import pytest

from mlops_lesson.show.page import script
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.panel import progress_panel, summary_html
from mlops_lesson.teaching.progress_table import stage_rows
from mlops_lesson.teaching.quiz import Option, Question, quiz


@pytest.fixture
def panel(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "home"))
    made = progress_panel(1)
    made.sent = []
    monkeypatch.setattr(made, "send", made.sent.append)
    return made


def given(choice, right, question="late-labels", name="data_collection", **changes):
    record = {
        "choice": choice,
        "right": right,
        "first_choice": choice,
        "first_right": right,
        "confidence": None,
        "attempts": 1,
        "at": "2026-11-23T10:00:00.000Z",
    }
    return {"quiz": name, "question": question, "record": record | changes}


def receive(panel, *items):
    panel._handle_custom_msg({"kind": "answers", "items": list(items)}, [])


def test_an_answer_of_the_page_is_chosen_submitted_and_read_back(panel):
    receive(panel, given(["A"], True, confidence="certain"))
    kept = progress.read().answers_of(1)[0]
    assert (kept.question, kept.choice, kept.right, kept.confidence) == ("late-labels", ("A",), True, "certain")


def test_the_page_is_told_that_its_answer_is_kept_and_where(panel):
    receive(panel, given(["A"], True))
    assert panel.sent[0]["kind"] == "kept"
    assert str(progress.progress_file()) in panel.sent[0]["message"]


def test_the_page_is_told_when_its_answer_is_not_kept_on_disk(panel, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(blocked))
    receive(panel, given(["A"], True))
    assert "memory only" in panel.sent[0]["message"]


@pytest.mark.parametrize(("choice", "claimed", "right"), [(["A"], False, True), (["B"], True, False)])
def test_whether_an_answer_is_right_is_decided_in_python_and_not_in_the_page(panel, choice, claimed, right):
    receive(panel, given(choice, claimed))
    kept = progress.read().answers_of(1)[0]
    assert (kept.right, kept.first_right) == (right, right)


def test_answers_given_without_a_kernel_are_collected_together(panel):
    receive(panel, given(["A"], True), given(["D"], True, "version-is-a-hash"), given(["A"], True, "why-monitor", "x"))
    assert len(progress.read().answers) == 3


def test_an_answer_delivered_twice_is_kept_once(panel):
    for _ in range(2):
        receive(panel, given(["B"], False, attempts=2, first_choice=["C"]))
    kept = progress.read().answers_of(1)
    assert [(answer.attempts, answer.first_choice) for answer in kept] == [(2, ("C",))]


@pytest.mark.parametrize(
    "broken", [{}, {"quiz": "data_collection", "question": "late-labels", "record": {}}, given([], True), None, 7]
)
def test_an_unreadable_answer_is_said_and_the_next_one_is_still_kept(panel, broken):
    receive(panel, broken, given(["A"], True))
    assert len(progress.read().answers) == 1


def test_an_instructors_own_question_is_judged_like_the_courses_own(panel):
    question = Question("own", "Which?", [Option("this", "r", right=True), Option("that", "r", misconception="m")])
    quiz([question], name="week-1")
    receive(panel, given(["B"], True, "own", "week-1"))
    assert progress.read().answers_of("week-1")[0].right is False


def test_a_part_ticked_in_the_panel_is_kept_and_can_be_taken_back(panel):
    panel._handle_custom_msg({"kind": "part", "part": "why", "seen": True}, [])
    assert progress.read().parts_of(1) == ("why",)
    assert panel.parts_seen == ["why"]
    panel._handle_custom_msg({"kind": "part", "part": "why", "seen": False}, [])
    assert progress.read().parts_of(1) == ()


def test_answering_the_whole_quiz_marks_the_review(panel):
    receive(panel, *[given(["A"], True, item.question.id) for item in quiz(1).items])
    assert "review" in progress.read().parts_of(1)


def test_the_panel_shows_what_is_checked_elsewhere_in_the_notebook(panel):
    progress.exercise(1, "1.1", "right")
    assert "<td>1 of 3</td>" in panel.summary


def test_the_page_is_given_the_answers_of_earlier_sessions(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    progress.answer(1, "late-labels", ["B"], right=False)
    kept = progress_panel(1).kept
    given = progress.read().answers_of(1)[0]
    assert kept["answers"] == {
        "data_collection": {
            "late-labels": {
                "choice": ["B"],
                "right": False,
                "first_choice": ["B"],
                "first_right": False,
                "confidence": given.confidence,
                "attempts": 1,
                "at": given.at,
            }
        }
    }
    assert kept["resets"] == {}


def test_a_panel_is_of_its_stage(panel):
    assert (panel.title, panel.parts) == ("Data Collection", list(progress.PARTS))
    assert repr(panel) == (
        "Progress panel of Data Collection: run this cell in JupyterLab to see and keep your progress."
    )


def test_what_the_page_sends_is_kept_as_it_was_given(panel):
    record = {"choice": ["B", "C"], "first_choice": ["D"], "right": True, "first_right": True, "attempts": 3}
    receive(panel, {"quiz": "own", "question": "q", "record": record | {"at": "2026", "confidence": "fairly sure"}})
    receive(panel, {"quiz": "own", "question": "r", "record": record | {"at": "2027", "confidence": "very"}})
    first, second = progress.read().answers
    assert first == progress.Answer("own", "q", ("B", "C"), True, ("D",), True, "fairly sure", 3, "2026")
    assert second == progress.Answer("own", "r", ("B", "C"), True, ("D",), True, None, 3, "2027")


@pytest.mark.parametrize("confidence", ["a guess", "fairly sure", "certain"])
def test_each_confidence_that_the_page_offers_is_kept(panel, confidence):
    receive(panel, given(["A"], True, confidence=confidence))
    assert progress.read().answers_of(1)[0].confidence == confidence


def test_the_page_is_told_which_answer_is_kept_in_which_words(panel):
    receive(panel, given(["A"], True))
    assert panel.sent == [
        {
            "kind": "kept",
            "quiz": "data_collection",
            "question": "late-labels",
            "message": f"Kept in this browser and in {progress.progress_file()}.",
        }
    ]


@pytest.mark.parametrize("change", [{"choice": []}, {"first_choice": []}, {"attempts": 0}])
def test_an_answer_without_a_choice_is_left_in_the_page(panel, change):
    item = given(["A"], True)
    receive(panel, item | {"record": item["record"] | change})
    assert progress.read().answers == ()
    assert panel.notice == "An answer from the page could not be read and was left there (it holds no choice)."


@pytest.mark.parametrize("content", [None, "part", {}, {"kind": "part"}, {"kind": "part", "part": "all"}, {"kind": 1}])
def test_what_the_panel_does_not_know_changes_nothing(panel, content):
    panel._receive(None, content, [])
    assert progress.read() == progress.Progress((), (), (), {})
    assert panel.notice == ""


def test_all_but_one_answer_do_not_mark_the_review(panel):
    receive(panel, *[given(["A"], True, item.question.id) for item in quiz(1).items[1:]])
    assert progress.read().parts_of(1) == ()


def test_the_stored_note_says_how_to_connect_the_panel(panel, monkeypatch):
    shown = []
    monkeypatch.setattr("mlops_lesson.teaching.panel.display", lambda data, raw: shown.append((data, raw)))
    panel._ipython_display_()
    assert [raw for _, raw in shown] == [True, True]
    assert shown[0][0]["text/plain"] == repr(panel)
    assert shown[0][0]["text/html"] == (
        '<div class="mlops-lesson" data-mlops-panel-note><p><strong>Progress panel of Data Collection.</strong> Run '
        "this cell to connect it to your kernel. Until then, answers are kept in this browser.</p>"
        f"{script('note')}</div>"
    )


def test_the_page_is_told_of_a_reset(panel):
    receive(panel, given(["A"], True))
    progress.reset(1)
    assert "data_collection" not in panel.kept["answers"]
    assert panel.kept["resets"]["data_collection"] > 0


def test_progress_is_shown_by_stage_and_by_the_nine_ways(panel):
    progress.part(2, "deep")
    html = summary_html(progress.read())
    assert html.count('<th scope="row">') == 6 + 9
    assert '<th scope="row">Deep</th><td>1 of 6</td>' in html
    assert html.count("<caption>") == 2


def test_the_page_of_progress_is_two_tables_with_marked_heads_and_how_to_hand_in(monkeypatch):
    monkeypatch.setattr(
        "mlops_lesson.teaching.panel.stage_rows", lambda now: [("1 <Stage>", "1 of 2", "0 of 2", "-", "0 of 9")]
    )
    heads = ("Stage", "Quiz answered", "Right at first try", "Exercises right", "Parts done")
    cells = "".join(f'<th scope="col">{head}</th>' for head in heads)
    ways = "".join(f'<tr><th scope="row">{way.capitalize()}</th><td>0 of 6</td></tr>' for way in progress.PARTS)
    assert summary_html(progress.Progress((), (), (), {})) == (
        f"<table><caption>Progress by stage</caption><thead><tr>{cells}</tr></thead><tbody>"
        '<tr><th scope="row">1 &lt;Stage&gt;</th><td>1 of 2</td><td>0 of 2</td><td>-</td><td>0 of 9</td></tr></tbody>'
        "</table><table><caption>Progress by way to learn</caption><thead><tr>"
        '<th scope="col">Way to learn</th><th scope="col">Stages done</th></tr></thead>'
        f"<tbody>{ways}</tbody></table><p>To hand your progress in, or to take it along, run "
        "<code>from mlops_lesson import progress</code> and <code>progress.export(&quot;your name&quot;)</code> in a "
        "new cell.</p>".replace("&quot;", '"')
    )


def test_the_panel_says_when_a_damaged_file_was_set_aside(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    (tmp_path / "progress.json").write_text("{damaged")
    assert "progress.damaged-1.json" in progress_panel(1).notice


def test_what_is_stored_beside_the_widget_is_the_same_on_every_run(panel, monkeypatch):
    def stored():
        shown = []
        monkeypatch.setattr("mlops_lesson.teaching.panel.display", lambda data, raw: shown.append(data))
        progress_panel(1)._ipython_display_()
        return [{kind: data[kind] for kind in data if not kind.endswith("widget-view+json")} for data in shown]

    first = stored()
    progress.answer(1, "late-labels", ["A"], right=True)
    assert stored() == first
    assert [list(data) for data in first] == [["text/html", "text/plain"], ["text/plain"]]


def test_the_stored_text_says_what_to_do_where_there_is_no_kernel(panel):
    assert "run this cell in JupyterLab" in repr(panel)


def test_a_panel_can_be_made_in_a_kernel_that_never_saw_the_page():
    code = "from mlops_lesson.teaching.panel import progress_panel; import json; "
    code += "print(json.dumps(progress_panel(2).parts))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == list(progress.PARTS)


def test_the_panel_says_how_to_hand_progress_in():
    assert "progress.export(" in summary_html(progress.read())


def test_a_stage_counts_answers_to_its_own_questions_right_ones_exercises_and_parts(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "home"))
    first, second, third, *_ = [item.question.id for item in quiz(1).items]
    for question, right in ((first, False), (first, True), (second, True), (third, True), ("of-my-own", True)):
        progress.answer(1, question, ["A" if right else "B"], right=right)
    progress.exercise(1, "1.1", "right")
    progress.exercise(1, "1.2", "not yet")
    now = progress.part(1, "why")
    own, other, *_ = stage_rows(now)
    asked = len(quiz(1).items)
    assert own == ("1 Data Collection", f"3 of {asked}", f"2 of {asked}", "1 of 3", "1 of 9")
    assert other[1:] == (f"0 of {len(quiz(2).items)}",) * 2 + ("0 of 3", "0 of 9")
