"""The learner's progress by stage, as rows of a table: the same in the notebooks' panel and in a shell."""

from collections.abc import Iterator

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.exercises.check import exercise_ids
from mlops_lesson.teaching.progress import PARTS, Progress
from mlops_lesson.teaching.quiz import quiz

STAGE_HEAD = ("Stage", "Quiz answered", "Right at first try", "Exercises right", "Parts done")


def stage_rows(now: Progress) -> Iterator[tuple[str, ...]]:
    """Describe progress, one row a stage, under the heads `STAGE_HEAD`.

    Parameters
    ----------
    now : Progress
        What to describe.

    Yields
    ------
    tuple of str
        The stage, then counts such as ``"3 of 9"``.
    """
    for stage in STAGES:
        asked = {item.question.id for item in quiz(stage).items}
        answers = [answer for answer in now.answers_of(stage) if answer.question in asked]
        exercises = exercise_ids(stage)
        right = sum(1 for name in exercises if (result := now.exercise(name)) and result.outcome == "right")
        yield (
            f"{stage.number} {stage.name}",
            f"{len(answers)} of {len(asked)}",
            f"{sum(answer.first_right for answer in answers)} of {len(asked)}",
            f"{right} of {len(exercises)}",
            f"{len(now.parts_of(stage))} of {len(PARTS)}",
        )
