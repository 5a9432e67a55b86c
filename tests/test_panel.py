"""The progress panel: what the page sends is judged and saved, and the page hears what was saved."""

import json

import pytest
from sample_class import answered

from mlops_lesson.teaching import progress
from mlops_lesson.teaching.exercises.exercise import exercise_ids
from mlops_lesson.teaching.panel import ProgressPanel, progress_panel, stage_rows, summary_html
from mlops_lesson.teaching.questions import Option, Question
from mlops_lesson.teaching.quiz import known_question, quiz


@pytest.fixture
def panel(monkeypatch):
    made = progress_panel(1)
    made.sent = []
    monkeypatch.setattr(made, "send", made.sent.append)
    return made


def given(*choice, question="late-labels", name="data_collection", right=True, **more):
    return {"kind": "answer", "quiz": name, "question": question, "choice": list(choice), "right": right, **more}


def saved_in_page(*choice, question="late-labels", name="data_collection", round=0, **changes):
    record = {"choice": list(choice), "right": True, "first_choice": list(choice), "first_right": True,
              "confidence": None, "attempts": 1, "at": "2026"}  # fmt: skip
    return {"quiz": name, "question": question, "round": round, "record": record | changes}


def receive(panel, content):
    panel._handle_custom_msg(content, [])


def collect(panel, *items):
    receive(panel, {"kind": "answers", "items": list(items)})


@pytest.mark.parametrize(("choice", "claimed", "right"), [("A", False, True), ("B", True, False)])
def test_whether_an_answer_is_right_is_decided_by_the_question(panel, choice, claimed, right):
    receive(panel, given(choice, right=claimed, confidence="certain"))
    collect(panel, saved_in_page(choice, right=claimed, first_right=claimed, question="version-is-a-hash"))
    answers, question = progress.read().answers_of(1), known_question("data_collection", "version-is-a-hash")
    saved, collected = answers["late-labels"], answers["version-is-a-hash"]
    assert (saved.choice, saved.right, saved.confidence) == ([choice], right, "certain")
    assert collected.right is collected.first_right is question.is_right([choice])


def test_the_page_hears_that_an_answer_is_saved_only_after_it_was(panel, tmp_path, monkeypatch):
    panel.send = lambda message: panel.sent.append((message, progress.read().answers_of(1)["late-labels"]))
    receive(panel, given("A"))
    message = f"Saved in this browser and in {progress.progress_file()}."
    sent = {"kind": "saved", "quiz": "data_collection", "question": "late-labels", "message": message}
    assert [(said, saved.choice) for said, saved in panel.sent] == [(sent, ["A"])]
    (tmp_path / "file").touch()
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "file"))
    receive(panel, given("A"))
    assert "memory only" in panel.sent[1][0]["message"]


def test_an_answer_in_a_second_browser_is_a_further_attempt_and_goes_back_to_the_page(panel):
    receive(panel, given("B"))
    other = progress_panel(1)
    receive(other, given("A"))
    saved = other.kept["answers"]["data_collection"]["late-labels"]
    assert (saved["choice"], saved["first_choice"], saved["attempts"]) == (["A"], ["B"], 2)
    assert panel.kept == other.kept


def test_what_was_reset_stays_forgotten_whatever_the_page_still_has(panel):
    receive(panel, given("B"))
    progress.reset(1)
    collect(panel, saved_in_page("B", round=0), saved_in_page("A", question="version-is-a-hash", round=1))
    assert [*progress.read().answers_of(1)] == ["version-is-a-hash"]


def test_a_new_panel_knows_answers_and_resets_from_its_first_message_on(monkeypatch):
    progress.keep_answer(1, "late-labels", answered("B"))
    progress.reset(2)
    opened = []
    monkeypatch.setattr(ProgressPanel, "open", lambda self: opened.append((self.learner, self.kept)))
    progress_panel(1)
    ((learner, kept),) = opened
    assert learner == progress.read().learner
    assert kept["resets"] == {"data_preprocessing": 1}
    assert kept["answers"]["data_collection"]["late-labels"]["choice"] == ["B"]
    assert json.loads(json.dumps(kept)) == kept


def test_an_answer_that_no_longer_fits_its_question_counts_as_not_given(panel):
    progress.keep_answer(1, "late-labels", answered("J"))
    assert next(stage_rows(progress.read()))[1:3] == ("0 of 6", "0 of 6")
    collect(panel, saved_in_page("A", "B", question="version-is-a-hash"))
    assert "version-is-a-hash" not in progress.read().answers_of(1)
    receive(panel, given("J"))
    assert "The question has changed" in panel.sent[-1]["message"]
    receive(panel, given("B"))
    saved = progress.read().answers_of(1)["late-labels"]
    assert (saved.first_choice, saved.first_right, saved.attempts) == (["B"], False, 1)


def test_an_own_quiz_is_judged_where_it_was_made_and_believed_elsewhere(panel):
    own = Question("own", "Own?", [Option("yes", "r", right=True), Option("no", "r", misconception="m")])
    quiz([own], name="week-1")
    receive(panel, given("B", question="own", name="week-1", right=True))
    receive(panel, given("B", question="own", name="of another kernel", right=True))
    judged = [progress.read().answers_of(name)["own"].right for name in ("week-1", "of another kernel")]
    assert judged == [False, True]


def test_a_quiz_answered_whole_marks_the_last_part_and_parts_can_be_ticked(panel):
    for question in quiz(1).questions:
        receive(panel, given(*question.right_choice(), question=question.id))
    assert progress.read().parts_of(1) == ("review",)
    receive(panel, {"kind": "part", "part": "why", "seen": True})
    receive(panel, {"kind": "part", "part": "review", "seen": False})
    assert panel.parts_seen == ["why"]


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"kind": "answer"},
        given("A", confidence=1),
        {"kind": "answers", "items": [{"quiz": 1}]},
        {"kind": "part", "part": "why"},
    ],
)
def test_what_the_page_sends_and_nobody_understands_is_said(panel, content):
    receive(panel, content)
    assert "could not be read" in panel.notice
    assert progress.read().answers == {}


def test_progress_is_shown_by_stage_and_by_way():
    for question, right in (("late-labels", True), ("version-is-a-hash", False)):
        progress.keep_answer(1, question, answered("A" if right else "B", right=right))
    progress.keep_exercise(1, "1.1", "right")
    progress.keep_exercise(1, "1.2", "not yet")
    now = progress.keep_part(1, "why")
    assert next(stage_rows(now)) == ("1 Data Collection", "2 of 6", "1 of 6", f"1 of {len(exercise_ids(1))}", "1 of 9")
    html = summary_html(now)
    assert '<th scope="row" style="text-align:left">Why</th><td style="text-align:left">1 of 6</td>' in html
    assert "To hand your progress in" in html
