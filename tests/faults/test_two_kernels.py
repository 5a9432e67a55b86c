"""Two kernels that are open at once share one folder, and neither loses what the other keeps."""

import os
import subprocess
import sys
from pathlib import Path

from mlops_lesson import artifacts
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.exercises.exercise import exercise_ids
from mlops_lesson.teaching.questions import load_questions

WORK = """
import sys, time
from mlops_lesson import pipeline
from mlops_lesson.artifacts import save
from mlops_lesson.keep.paths import home
from mlops_lesson.teaching import progress
from mlops_lesson.teaching.exercises.check import exercise_ids
from mlops_lesson.teaching.questions import load_questions

number, clean = int(sys.argv[1]), pipeline.preprocess(pipeline.collect())
questions, exercises = load_questions(number).questions, exercise_ids(number)
progress.keep_part(number, "why")
deadline = time.monotonic() + 300
while len(progress.read().parts) < 2 and time.monotonic() < deadline:
    time.sleep(0.01)
for question in questions:
    right = [*question.right_choice()]
    progress.keep_answer(number, question.id, progress.Answer(right, True, right, True, None, 1, ""))
for exercise in exercises:
    progress.keep_exercise(number, exercise, "right")
save(clean)
for part in progress.PARTS:
    progress.keep_part(number, part)
"""


def test_two_kernels_at_once_lose_no_answer(home: Path) -> None:
    running = [subprocess.Popen([sys.executable, "-c", WORK, number], env=os.environ.copy()) for number in "12"]
    assert [each.wait(300) for each in running] == [0, 0]
    now = progress.read()
    assert now.notice == ""
    for number in (1, 2):
        assert len(now.answers_of(number)) == len(load_questions(number).questions)
        assert now.parts_of(number) == progress.PARTS
        assert {now.exercises[name].outcome for name in exercise_ids(number)} == {"right"}
    assert len(artifacts.load("clean dataset", quiet=True).X) > 500
