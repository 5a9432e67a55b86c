"""A made-up class: exports as learners hand them in, from a seed."""

import json
import random
from datetime import UTC, datetime, timedelta

from mlops_lesson.instructors.handed_in import asked
from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.exercises.check import all_exercises
from mlops_lesson.teaching.export_format import FORMAT, FORMAT_VERSION, checksum
from mlops_lesson.teaching.progress import PARTS, SCHEMA_VERSION

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NAMES = ("Amal", "Bruno", "Chidi", "Dalia", "Emre", "Fatou", "Goran", "Hana", "Ines", "Jonas", "Kofi", "Lena")


def seal(export):
    """Give an export the checksum of what it holds now."""
    return export | {"checksum": checksum(export)}


def save(folder, name, export):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(export, ensure_ascii=False), encoding="utf-8")
    return path


def make_export(seed=0, name="", stages=6, skill=0.6, at=NOW - timedelta(hours=2)):
    """Make the export of one learner who went through the first stages."""
    chance = random.Random(seed)  # noqa: S311
    when = at.isoformat(timespec="milliseconds")
    slugs = [stage.slug for stage in STAGES[:stages]]
    answers = {slug: {} for slug in slugs}
    for (slug, identifier), question in asked().items():
        if slug in slugs:
            answers[slug][identifier] = answer(question, when, chance, skill)
    tried = {
        name: {"stage": of.stage.slug, "outcome": outcome(chance, skill), "attempts": chance.randint(1, 6), "at": when}
        for name, of in all_exercises().items()
        if of.stage.slug in slugs
    }
    return seal(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "course_version": "0.1.0",
            "learner": {"id": f"{chance.getrandbits(64):016x}", "name": name},
            "exported_at": when,
            "progress": {
                "version": SCHEMA_VERSION,
                "answers": answers,
                "exercises": tried,
                "parts": {slug: dict.fromkeys(PARTS, when) for slug in slugs},
                "resets": {},
            },
        }
    )


def outcome(chance, skill):
    return "right" if chance.random() < skill + 0.2 else chance.choice(["not yet", "crashed"])


def answer(question, when, chance, skill):
    right = list(question.right_choice())
    first = right if chance.random() < skill else wrong(question, chance)
    last = right if chance.random() < skill else first
    return {
        "choice": last,
        "right": question.is_right(last),
        "first_choice": first,
        "first_right": question.is_right(first),
        "confidence": chance.choice([None, "a guess", "fairly sure", "certain"]),
        "attempts": 1 if last == first else 2,
        "at": when,
    }


def wrong(question, chance):
    letters = [letter for letter, _ in question.shown()]
    while True:
        chance.shuffle(letters)
        size = {"single": 1, "put_in_order": len(letters)}.get(question.kind, chance.randint(1, len(letters)))
        choice = letters[:size] if question.kind == "put_in_order" else sorted(letters[:size])
        if not question.is_right(choice):
            return choice


def make_class(folder, learners=12, seed=7):
    """Fill a folder with the exports of a class in which some are ahead of others."""
    chance = random.Random(seed)  # noqa: S311
    for number in range(learners):
        name = NAMES[number] if number < len(NAMES) else f"Learner number {number}"
        stages = 6 if chance.random() < 0.4 else chance.randint(1, 5)
        export = make_export(f"{seed}/{number}", name, stages, chance.uniform(0.4, 0.9))
        save(folder, f"{number // 1000:03d}/{number:05d}/export.json", export)
