"""A made-up class: exports as learners hand them in, from a seed."""

import json
import random
from datetime import UTC, datetime

from mlops_lesson.instructors.handed_in import asked
from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.exercises.exercise import all_exercises
from mlops_lesson.teaching.export_format import FORMAT, FORMAT_VERSION, checksum
from mlops_lesson.teaching.progress import Answer

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC).isoformat(timespec="milliseconds")


def seal(export):
    """Give an export the checksum of what it holds now."""
    return export | {"checksum": checksum(export)}


def save(folder, name, export):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(export), encoding="utf-8")
    return path


def make_export(seed=0, name="", stages=6, skill=0.6):
    """Make the export of one learner who went through the first stages."""
    chance = random.Random(seed)  # noqa: S311
    progress = {"version": 1, "answers": {}, "exercises": {}, "parts": {}, "resets": {}}
    done = {stage.slug for stage in STAGES[:stages]}
    for (slug, identifier), question in asked().items():
        if slug in done:
            right = list(question.right_choice())
            first = right if chance.random() < skill else wrong(question, chance)
            last = right if chance.random() < skill else first
            progress["answers"].setdefault(slug, {})[identifier] = given(question, first, last)
    for exercise, of in all_exercises().items():
        if of.stage.slug in done:
            outcome = "right" if chance.random() < skill + 0.2 else chance.choice(["not yet", "crashed"])
            progress["exercises"][exercise] = tried(of, outcome, chance.randint(1, 6))
    learner = {"id": f"{chance.getrandbits(64):016x}", "name": name}
    head = {"format": FORMAT, "format_version": FORMAT_VERSION, "course_version": "0.1.0", "exported_at": NOW}
    return seal({**head, "learner": learner, "progress": progress})


def answered(*choice, right=True, confidence=None, attempts=1):
    """Make a saved answer, that of these letters."""
    return Answer([*choice], right, [*choice], right, confidence, attempts, NOW)


def given(question, first, last, confidence=None):
    rights = {"right": question.is_right(last), "first_right": question.is_right(first)}
    return {"choice": last, "first_choice": first, **rights, "confidence": confidence, "attempts": 1, "at": NOW}


def tried(exercise, outcome, attempts=2):
    return {"stage": exercise.stage.slug, "outcome": outcome, "attempts": attempts, "at": NOW}


def wrong(question, chance):
    letters = [letter for letter, _ in question.shown()]
    while True:
        choice = chance.sample(letters, len(letters) if question.kind == "put_in_order" else 1)
        if not question.is_right(choice):
            return choice


def make_class(folder, learners):
    """Fill a folder with the exports of a class in which some are ahead of others."""
    for number in range(learners):
        chance = random.Random(number)  # noqa: S311
        export = make_export(number, f"Learner number {number}", chance.randint(1, 6), chance.uniform(0.4, 0.9))
        save(folder, f"{number}/export.json", export)
