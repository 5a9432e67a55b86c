"""The terms of the course: bold and explained where most readers meet them first, and repeated in the glossary."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from notebook_checks import Lesson

from mlops_lesson.stages import STAGES, Stage

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
BOLD = re.compile(r"\*\*([^*]+)\*\*")
LEAD_IN = re.compile(r"[.:?]$|^You |^Exercise|^\d+ minutes")
MOST_WORDS_OF_A_TERM = 3
POINTS_BACK = re.compile(r"(That|This|Its|Each|These|It|In between|Neither|Weights|Here|There|The wait)\b")
LEADS_AWAY = re.compile(r"[?:]$|^`|^(We|You|Now|So|Then|Compare|Ours|The first|The depot)\b")
# The terms of the trade that mean nothing in plain English, and that the core path has to explain.
TERMS = (
    *("MLOps", "feature", "label", "join", "lineage", "baseline", "logistic regression", "p-value", "cross-validation"),
    *("epoch", "learning rate", "momentum", "over-fitting", "gate", "slice", "calibrated", "registry", "alias"),
    *("champion", "challenger", "shadow", "canary", "rollback", "latency", "drift", "reference", "KS", "PSI"),
    *("Bonferroni", "ADWIN"),
)
HANDOUT = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Glossary</title><style>
@page {{ size: A4; margin: 8mm; }}
body {{ margin: 0; font: 7.2pt/1.17 Arial, "Liberation Sans", sans-serif; columns: 3; column-gap: 5mm; }}
h1 {{ font-size: 10pt; margin: 0 0 1mm; }} p {{ margin: 0 0 0.7mm; break-inside: avoid; }}
</style></head><body><h1>Why MLOps manages the ML lifecycle: the words</h1>{}</body></html>
"""


def bold_terms(prose: str) -> list[str]:
    """Return the terms that prose sets bold, without lead-ins such as "**You need**" and whole phrases."""
    found = (" ".join(term.split()) for term in BOLD.findall(prose))
    return [term for term in found if not LEAD_IN.search(term) and len(term.split()) <= MOST_WORDS_OF_A_TERM]


def reading_order(lessons: Sequence[Lesson]) -> Iterator[tuple[Lesson, str]]:
    """Go through the prose of the course as most read it: each notebook to the end of Try, then what goes further."""
    further: list[tuple[Lesson, str]] = []
    for lesson in lessons:
        is_core = True
        for _, prose in lesson.prose_cells:
            is_core = is_core and not re.search(r"^## Deep\b", prose, re.MULTILINE)
            if is_core:
                yield lesson, prose
            else:
                further.append((lesson, prose))
    yield from further


def terms_without_an_explanation(lessons: Sequence[Lesson]) -> Iterator[str]:
    """Find terms of the trade that no cell sets bold, or that prose uses before the cell that does."""
    pages = [
        (lesson, re.sub(r"[*_`]", "", prose), {*map(str.lower, bold_terms(prose))})
        for lesson, prose in reading_order(lessons)
    ]
    for term in TERMS:
        used = next((place for place, (_, prose, _) in enumerate(pages) if _uses(prose, term)), None)
        explained = next((place for place, (_, _, bold) in enumerate(pages) if _among(term, bold)), None)
        if explained is None:
            yield f"no cell explains the term {term!r} in bold"
        elif used is not None and used < explained:
            yield f"{pages[used][0].path.name} uses {term!r} before {pages[explained][0].path.name} explains it"


def _uses(prose: str, term: str) -> bool:
    told = "\n".join(line for line in prose.splitlines() if not line.startswith(("#", "- ")))
    return bool(re.search(rf"\b{re.escape(term)}s?\b", told, re.IGNORECASE if term.islower() else 0))


def _among(term: str, bold: set[str]) -> bool:
    return any(re.fullmatch(rf"{re.escape(term.lower())}(s|'s test|'s rule| test)?", one) for one in bold)


def explained() -> dict[str, tuple[str, Stage]]:
    """Return each term of the course with the words that explain it, and the stage, from where it is first bold."""
    found: dict[str, tuple[str, Stage]] = {}
    for lesson, prose in reading_order([Lesson.read(NOTEBOOKS / stage.notebook) for stage in STAGES]):
        stage = next(stage for stage in STAGES if stage.notebook == lesson.path.name)
        for paragraph in re.split(r"\n\s*\n|\n(?=- )", prose):
            for term in bold_terms(paragraph):
                name = term[0].upper() + term[1:] if term[:2].isalpha() else term
                found.setdefault(name, (about(term, paragraph), stage))
    return {name: found[name] for name in sorted(found, key=str.casefold)}


def glossary() -> str:
    """Write all terms as a list."""
    return "\n".join(
        f"- **{name}**: {text} ([notebook {stage.number}](../notebooks/{stage.notebook}))"
        for name, (text, stage) in explained().items()
    )


def about(term: str, paragraph: str) -> str:
    """Return the sentence of a paragraph that sets a term bold, and the next one if it goes on about the term."""
    sentences = re.split(r"(?:(?<=[.?!])|(?<=[.?!]\"))\s+(?=[A-Z*`\[])", " ".join(paragraph.removeprefix("- ").split()))
    place = next(place for place, sentence in enumerate(sentences) if term in bold_terms(sentence))
    # A sentence that points back needs the one before it.
    chosen = sentences[max(0, place - bool(POINTS_BACK.match(sentences[place]))) : place + 1]
    after = sentences[place + 1 : place + 2]
    chosen += [sentence for sentence in after if not bold_terms(sentence) and not LEADS_AWAY.search(sentence)]
    text = re.sub(r":$", ".", " ".join(chosen))
    return re.sub(r"\]\((?=\w+\.ipynb)", "](../notebooks/", BOLD.sub(r"\1", text))


def handout() -> str:
    """Write all terms as a page that prints on one sheet; those that one sentence explains stand together."""
    together: dict[str, list[str]] = {}
    for name, (text, _) in explained().items():
        together.setdefault(re.sub(r"\[([^\]]+)\]\([^)]*\)|`", r"\1", text), []).append(name)
    terms = (f"<p><b>{', '.join(names)}</b>: {escape(text)}</p>" for text, names in together.items())
    return HANDOUT.format("".join(terms))
