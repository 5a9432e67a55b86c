"""Count every learner once, whatever number of files came from how many machines."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mlops_lesson.instructors.handed_in import GivenAnswer, HandedIn, LeftOut, Tried
from mlops_lesson.teaching.progress import OUTCOMES

Found = dict[tuple[str, str], HandedIn]


def count_once(
    handed_in: Iterable[HandedIn | LeftOut], same: Sequence[Sequence[str]] = ()
) -> tuple[list[HandedIn], list[LeftOut]]:
    """Merge what was handed in: of one learner's exports the fullest counts, of equal ones the newest."""
    found: Found = {}
    left_out: list[LeftOut] = []
    for each in handed_in:
        if isinstance(each, LeftOut):
            left_out.append(each)
        else:
            _count(found, each, left_out)
    for key in [key for key in found if not key[1]]:
        named = [other for other in found if other[0] == key[0] and other[1]]
        if len(named) == 1:
            _count(found, replace(found.pop(key), name=found[named[0]].name), left_out)
    counted = list(found.values())
    for group in same:
        counted = _as_one(counted, group)
    # Nobody is asked again who handed in a file that counts, beside this one in a folder of their own.
    folders = {each.file.rpartition("/")[0] for each in counted} - {""}
    answered = [each.file.rpartition("/")[0] in folders and each.asks for each in left_out]
    return counted, [replace(e, remedy="") if no_more else e for e, no_more in zip(left_out, answered, strict=True)]


def _count(found: Found, each: HandedIn, left_out: list[LeftOut]) -> None:
    key = (each.learner, each.name.casefold())
    other = found.get(key, each)
    best, worse = (each, other) if (each.size, each.exported_at) > (other.size, other.exported_at) else (other, each)
    found[key] = best
    if other is not each:
        reason = "the same learner handed in another export, which is counted: it holds more, or as much and is newer"
        left_out.append(LeftOut(worse.file, reason, instead=best.file))


def _as_one(counted: list[HandedIn], group: Sequence[str]) -> list[HandedIn]:
    wanted = {word.casefold() for word in group}
    one = [each for each in counted if {each.name.casefold(), each.file.casefold()} & wanted]
    known = {word for each in one for word in (each.name.casefold(), each.file.casefold())}
    if missing := sorted(wanted - known):
        raise ValueError(f"nobody is called {missing[0]!r}, and no counted file either; the page lists both")
    answers: dict[tuple[str, str], GivenAnswer] = {}
    tried: dict[str, Tried] = {}
    for each in one:
        for key, given in each.answers.items():
            first, last = sorted((answers.get(key, given), given), key=lambda answer: answer.at)
            answers[key] = replace(first, last=last.last, right=last.right, at=last.at)
        for name, given in each.exercises.items():
            other = tried.get(name, Tried(given.outcome, 0))
            best = max(given.outcome, other.outcome, key=OUTCOMES.index)
            tried[name] = Tried(best, given.attempts + other.attempts)
    name = next((each.name for each in one if each.name), "")
    remarks = tuple(remark for each in one for remark in each.remarks)
    joined = replace(one[0], name=name, answers=answers, exercises=tried, remarks=remarks)
    return [joined, *(each for each in counted if each not in one)]
