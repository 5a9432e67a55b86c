"""What every notebook of the course promises a reader, checked in its stored file.

Each check takes a `Lesson` and returns sentences, one for every place where the promise is broken; none means it is
kept. `CHECKS` lists them all.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
from bs4 import BeautifulSoup
from nbformat import NotebookNode

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.chooser import WAYS
from mlops_lesson.training.trace import GIVEN_TRACE

PARTS = tuple(part.capitalize() for part in WAYS)
LONGEST_CELL = 15
# What JupyterLab shows beside its list of files where the page has 1280 pixels.
WIDEST_LINE = 107
LEAST_COMPARED = 0.9
IGNORE_TAG = "nbval-ignore-output"
FORBIDDEN_TAGS = ("nbval-skip", "nbval-raises-exception", "raises-exception", "skip-execution")
WORDS_A_MINUTE, LINES_A_MINUTE, MINUTES_AN_OUTPUT, MINUTES_AN_EXPLORER = 200, 12, 0.25, 2
MOST_MINUTES = 12

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
MARKDOWN_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
MARKDOWN_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)[^)]*\)")
ADDRESS = re.compile(r"\]\([^)]*\)|https?://\S+|\b10\.\d{4,}/\S+")
NUMBER = re.compile(r"(?<![\w.])(\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][+-]?\d+)?)(?!\d|\.\d)(\s?%|\s?per ?cent\b)?")
WARNING = re.compile(r"\b\w*Warning\b|^WARNING\b", re.MULTILINE)
SILENCER = re.compile(r"filterwarnings|simplefilter|disable_warnings|PYTHONWARNINGS|captureWarnings|-W\s*ignore")
FORBIDDEN = {
    "a silenced warning": SILENCER,
    "a comment for nbval": re.compile(r"#\s*(NBVAL_\w+|PYTEST_VALIDATE_\w+)"),
    "the path of a machine": re.compile(
        r"(?<![\w.:/])/(?:home|root|tmp|Users|work|var|opt|usr|mnt)/|\b[A-Z]:\\|site-packages"
    ),
}
PART_MINUTES = re.compile(r"^##[ \t]+(\w+)\s+\*(\d+) minutes?\b", re.MULTILINE)
SHORT_WAY = re.compile(r"(\d+) minutes from Why to Try")
COUNT_TO_PROVE = 10
APPARATUS = re.compile(r"\b(strip|stage_card|chooser|flashcards|quiz|progress_panel)\(")
APPARATUS_OUTPUT = re.compile(r"You are here|Choose your way|Quiz:|Flashcards:|Progress panel|Exercise \d")
WHAT_WE_SAW = re.compile(r"<summary>\s*What we saw")
VAGUE_LINK_TEXTS = ("here", "this", "link", "click here", "this link", "read more", "more")


def read_page(html: str) -> BeautifulSoup:
    """Read HTML, without the parts of it that nobody reads."""
    page = BeautifulSoup(html, "html.parser")
    for silent in page(("script", "style")):
        silent.decompose()
    return page


def words_of(html: str) -> str:
    """Return what a reader can read of HTML, the alternative texts of its images included."""
    page = read_page(html)
    for image in page("img"):
        image.replace_with(f" {image.get('alt', '')} ")
    return page.get_text()


@dataclass(frozen=True)
class Lesson:
    """A notebook file and what the checks want to know of it.

    Parameters
    ----------
    path : pathlib.Path
        The file; links are followed from its folder.
    notebook : nbformat.NotebookNode
        Its content.
    """

    path: Path
    notebook: NotebookNode

    @classmethod
    def read(cls, path: Path) -> "Lesson":
        """Read a notebook file."""
        return cls(path, nbformat.read(path, as_version=4))

    @cached_property
    def own_metadata(self) -> Mapping[str, object]:
        """What the course keeps in the notebook's metadata: minutes and given facts."""
        return self.notebook.metadata.get("mlops_lesson", {})

    @property
    def minutes(self) -> dict[str, float]:
        """The minutes that the metadata gives for each part, by its name in lower case."""
        return dict(self.own_metadata.get("minutes", {}))  # type: ignore[call-overload]

    @property
    def minutes_from_why_to_try(self) -> float:
        """The minutes of the way that everyone takes."""
        return sum(self.minutes.get(part.lower(), 0) for part in PARTS[:4])

    @cached_property
    def code_cells(self) -> list[tuple[str, NotebookNode]]:
        """Code cells, each with the name that messages call it by."""
        return [(f"cell {cell.id!r}", cell) for cell in self.notebook.cells if cell.cell_type == "code"]

    @cached_property
    def prose_cells(self) -> list[tuple[str, str]]:
        """Markdown cells' names and texts, without fenced code."""
        markdown = [cell for cell in self.notebook.cells if cell.cell_type == "markdown"]
        return [(f"cell {cell.id!r}", FENCE.sub("", cell.source)) for cell in markdown]

    @cached_property
    def outputs(self) -> list[tuple[str, NotebookNode]]:
        """All outputs, each with the name of its cell."""
        return [(name, output) for name, cell in self.code_cells for output in cell.outputs]

    @cached_property
    def headings(self) -> list[tuple[int, str]]:
        """Level and text of every heading, in order."""
        return [(len(marks), text) for _, prose in self.prose_cells for marks, text in HEADING.findall(prose)]

    @cached_property
    def html(self) -> list[tuple[str, BeautifulSoup]]:
        """Every HTML output, and the HTML in every markdown cell."""
        outputs = [(name, _data(output)["text/html"]) for name, output in self.outputs if "text/html" in _data(output)]
        return [(name, read_page(text)) for name, text in (*self.prose_cells, *outputs)]

    @cached_property
    def output_texts(self) -> list[tuple[str, str]]:
        """What a reader can read in every output, figures' alternative texts included."""
        texts = []
        for name, output in self.outputs:
            if output.output_type == "stream":
                texts.append((name, output.text))
            for kind, text in _data(output).items():
                if kind == "text/html":
                    texts.append((name, words_of(text)))
                elif kind.startswith("text/"):
                    texts.append((name, text))
        return texts

    @cached_property
    def words(self) -> int:
        """Words of prose."""
        return sum(len(words_of(prose).split()) for _, prose in self.prose_cells)


def _data(output: NotebookNode) -> Mapping[str, str]:
    return output.get("data", {})


def every_code_cell_has_run(lesson: Lesson) -> Iterator[str]:
    """Every code cell has run, once, from top to bottom: nbval compares nothing in a cell without a count."""
    for place, (name, cell) in enumerate(lesson.code_cells, start=1):
        if not cell.source.strip():
            yield f"{name} is empty"
        if cell.execution_count != place:
            yield f"{name} has the execution count {cell.execution_count}, as code cell {place} it should have {place}"


def no_output_is_an_error_or_a_warning(lesson: Lesson) -> Iterator[str]:
    """No output is an error, goes to stderr, or speaks of a warning."""
    for name, output in lesson.outputs:
        if output.output_type == "error":
            yield f"{name} ends in an error: {output.ename}: {output.evalue}"
        if output.output_type == "stream" and output.name == "stderr":
            yield f"{name} writes to stderr: {output.text.strip()[:80]}"
    for name, text in lesson.output_texts:
        for found in WARNING.findall(text):
            yield f"{name} shows the word {found!r} in an output"
        if "Traceback (most recent call last)" in text:
            yield f"{name} shows a traceback"


def nothing_forbidden_stands_in_a_cell(lesson: Lesson) -> Iterator[str]:
    """Warnings are avoided, never filtered; nothing hides a cell from nbval; no path is that of somebody's machine."""
    texts = [(f"cell {cell.id!r}", cell.source) for cell in lesson.notebook.cells]
    texts += [(f"an output of {name}", text) for name, text in lesson.output_texts]
    for what, pattern in FORBIDDEN.items():
        for name, text in texts:
            for found in pattern.finditer(text):
                yield f"{name} holds {what}: {text[found.start() : found.start() + 40]!r}"


def no_code_cell_is_long_or_wide(lesson: Lesson) -> Iterator[str]:
    """No code cell has more than 15 lines, or one that JupyterLab cuts off on a page of 1280 pixels."""
    for name, cell in lesson.code_cells:
        lines = cell.source.strip().splitlines()
        if len(lines) > LONGEST_CELL:
            yield f"{name} has {len(lines)} lines, {LONGEST_CELL} are the most"
        if (widest := max(map(len, lines))) > WIDEST_LINE:
            yield f"{name} has a line of {widest} characters, {WIDEST_LINE} are the most"


def headings_are_in_order(lesson: Lesson) -> Iterator[str]:
    """One H1 opens the notebook, the nine parts are its H2, their sections its H3; nothing is deeper."""
    if not lesson.notebook.cells or not lesson.notebook.cells[0].source.startswith("# "):
        yield "the notebook does not begin with its heading of level 1"
    parts = tuple(text for level, text in lesson.headings if level == 2)
    if parts != PARTS:
        yield f"the headings of level 2 are {', '.join(parts) or 'none'}; they should be {', '.join(PARTS)}"
    for level, text in lesson.headings[1:]:
        if level not in (2, 3):
            yield f"the heading {text!r} is of level {level}; the sections of a part are of level 3"


def every_picture_has_words(lesson: Lesson) -> Iterator[str]:
    """Every picture has alternative text; a plain image output cannot carry any, so there is none."""
    for name, output in lesson.outputs:
        for kind in _data(output):
            if kind.startswith("image/"):
                yield f"{name} shows a bare {kind}, which cannot carry alternative text: use show.figures.drawing"
    for name, prose in lesson.prose_cells:
        if "" in map(str.strip, MARKDOWN_IMAGE.findall(prose)):
            yield f"{name} has an image without alternative text"
    for name, page in lesson.html:
        for picture in page(("img", "svg")):
            words = picture.get("alt", "").strip() or picture.get("aria-label") or picture.find("title")
            if not words and picture.get("aria-hidden") != "true":
                yield f"{name} has an <{picture.name}> without words"


def tables_have_captions_and_headers(lesson: Lesson) -> Iterator[str]:
    """Every HTML table has a caption, and every header cell says what it is the header of."""
    for name, table in ((name, table) for name, page in lesson.html for table in page("table")):
        if table.caption is None or not table.caption.get_text(strip=True):
            yield f"{name} has a table without a caption"
        if {header.get("scope") for header in table("th")} not in ({"col"}, {"col", "row"}):
            yield f"{name} has a table without header cells, or with some that lack scope"


def links_lead_somewhere(lesson: Lesson) -> Iterator[str]:
    """Links inside the course lead to a file and heading that exist, others are https, and each says where it goes."""
    links = [(name, *link) for name, prose in lesson.prose_cells for link in MARKDOWN_LINK.findall(prose)]
    for name, page in lesson.html:
        anchors = page("a", href=True)
        links += [(name, one.get_text() or one.get("aria-label", ""), str(one["href"])) for one in anchors]
    for name, text, target in links:
        if text.strip(" .").lower() in ("", *VAGUE_LINK_TEXTS):
            yield f"{name} has a link that does not say where it goes: {text!r} to {target}"
        address = urlsplit(target)
        if address.scheme not in ("", "https", "mailto"):
            yield f"{name} links to {target}: links outside the course begin with https"
        elif not address.scheme:
            yield from _follow(lesson, name, unquote(address.path), unquote(address.fragment))


def _follow(lesson: Lesson, name: str, place: str, anchor: str) -> Iterator[str]:
    file = lesson.path.parent / place if place else lesson.path
    if not file.exists():
        yield f"{name} links to {place}, which does not exist"
    elif anchor and file.suffix == ".ipynb":
        other = lesson if file == lesson.path else Lesson.read(file)
        if anchor.lower() not in {text.lower().replace(" ", "-") for _, text in other.headings}:
            yield f"{name} links to the heading {anchor!r} of {file.name}, which it does not have"


def _numbers(text: str) -> Iterator[tuple[str, Decimal, bool]]:
    """Find the numbers of a text: as written, their value, and whether each is a percentage."""
    for number, percent in NUMBER.findall(text):
        yield (number + percent).strip(), Decimal(number.replace(",", "")), bool(percent)


def _readings(written: str, value: Decimal, percent: bool) -> set[Decimal]:
    """Return the values that a number may stand for: 85 % is 0.85, and 98.5 % may be 98.5 in a table of percent.

    Whole numbers that are no percentages have none: they are counts, years and names.
    """
    if not percent:
        return {value} if "." in written else set()
    return {value / 100} if value == value.to_integral_value() else {value / 100, value}


def given_numbers() -> set[Decimal]:
    """Return the decimals and percentages that the lesson gives: those of its stages and of its training trace."""
    numbers = {Decimal(str(value)) for epoch in GIVEN_TRACE for value in (epoch.loss, epoch.accuracy)}
    for stage in STAGES:
        for found in _numbers(f"{stage.input}; {stage.operation}; {stage.output}; {stage.example}"):
            numbers |= _readings(*found)
    return numbers


def numbers_in_prose_come_from_somewhere(lesson: Lesson) -> Iterator[str]:
    """Every number in prose stands in an output of the notebook or is a given fact; small counts need no proof.

    Given are the numbers of the stages and of the lesson's trace, and those in the notebook's metadata under
    ``mlops_lesson.given_facts``, each with the reason why no cell computes it. Whole numbers from 10 on may also stand
    in the notebook's code, which computes with them, and are given as the minutes of its parts.
    """
    known = given_numbers()
    counts = {*lesson.minutes.values(), lesson.minutes_from_why_to_try}
    counts |= {value for _, cell in lesson.code_cells for _, value, _ in _numbers(cell.source)}
    for _, text in lesson.output_texts:
        for found in _numbers(text):
            known |= _readings(*found)
            counts.add(found[1])
    facts: Mapping[str, str] = lesson.own_metadata.get("given_facts", {})  # type: ignore[assignment]
    unused = set(facts)
    for name, prose in lesson.prose_cells:
        for written, value, percent in _numbers(ADDRESS.sub(" ", words_of(prose))):
            readings = _readings(written, value, percent)
            if not readings and value >= COUNT_TO_PROVE and value not in counts:
                readings = {value}
            fact = next((fact for fact in facts if _same_number(fact, value, percent)), None)
            unused.discard(fact or "")
            if readings and fact is None and not readings & known:
                yield f"{name} says {written}, which stands in no output of this notebook and is no given fact"
    for fact in sorted(unused):
        yield f"the given fact {fact} stands in no prose"
    for fact, reason in facts.items():
        if len(str(reason).split()) < 3:
            yield f"the given fact {fact} needs a reason, why no cell computes it, in some words"


def _same_number(fact: str, value: Decimal, percent: bool) -> bool:
    return any((other, is_percent) == (value, percent) for _, other, is_percent in _numbers(fact))


def minutes_are_given_for_every_part(lesson: Lesson) -> Iterator[str]:
    """The metadata and the prose say for each of the nine parts how many minutes it takes, and agree."""
    prose = "\n".join(prose for _, prose in lesson.prose_cells)
    told = {part.lower(): int(number) for part, number in PART_MINUTES.findall(prose)}
    if set(told) != {part.lower() for part in PARTS} or told != lesson.minutes:
        yield f"the prose gives the minutes {told}, and metadata.mlops_lesson.minutes gives {lesson.minutes}"
    for number in SHORT_WAY.findall(prose):
        if int(number) != lesson.minutes_from_why_to_try:
            yield f"{number} minutes are given from Why to Try, the parts take {lesson.minutes_from_why_to_try}"


def minutes_to_try(lesson: Lesson) -> float:
    """Count the minutes from the top to the end of Try: of prose, code, outputs to look at, and the explorer."""
    minutes = 0.0
    for cell in lesson.notebook.cells:
        if re.search(r"^## Deep\b", cell.source, re.MULTILINE):
            break
        if cell.cell_type == "markdown":
            minutes += len(re.sub(r"\]\([^)]*\)", "]", cell.source).split()) / WORDS_A_MINUTE
            continue
        first_words = [output.get("text") or _data(output).get("text/plain", "") for output in cell.outputs]
        if any(text.startswith("Explorer") for text in first_words):
            minutes += MINUTES_AN_EXPLORER
        elif not any(APPARATUS_OUTPUT.match(text) for text in first_words):
            minutes += len(cell.outputs) * MINUTES_AN_OUTPUT
        if not _is_collapsed(cell):
            lines = [line for line in cell.source.splitlines() if line.strip()]
            minutes += sum(not re.match(r"\s*(import|from|#)", line) for line in lines) / LINES_A_MINUTE
    return minutes


def _is_collapsed(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def twelve_minutes_are_twelve_minutes(lesson: Lesson) -> Iterator[str]:
    """The way that everyone takes, from the top to the end of Try, takes at most twelve minutes."""
    minutes = minutes_to_try(lesson)
    if minutes > MOST_MINUTES:
        yield f"the way from the top to the end of Try takes {minutes:.1f} minutes, {MOST_MINUTES} are the most"


def apparatus_is_collapsed(lesson: Lesson) -> Iterator[str]:
    """The code that only shows strip, chooser, cards, quiz, panel or stage card is collapsed."""
    for name, cell in lesson.code_cells:
        if APPARATUS.search(cell.source) and not _is_collapsed(cell):
            yield f"{name} shows apparatus: collapse its code by jupyter.source_hidden in its metadata"


def every_explorer_is_followed_by_what_we_saw(lesson: Lesson) -> Iterator[str]:
    """After an explorer a fold answers what it asked."""
    for cell, after in pairwise((*lesson.notebook.cells, None)):
        shows = cell.cell_type == "code" and any(
            _data(output).get("text/plain", "").startswith("Explorer") for output in cell.outputs
        )
        if shows and (after is None or not WHAT_WE_SAW.search(after.source)):
            yield f"cell {cell.id!r} is an explorer: a fold with the summary 'What we saw' comes after it"


def nearly_all_outputs_are_compared(lesson: Lesson) -> Iterator[str]:
    """At least nine code cells in ten are compared with their stored outputs; each other one says why it cannot be."""
    exempt = exempt_cells(lesson)
    for name, cell in lesson.code_cells:
        for tag in set(cell.metadata.get("tags", [])) & set(FORBIDDEN_TAGS):
            yield f"{name} has the tag {tag!r}, so that it is not run or not compared"
    for name, reason in exempt.items():
        if len(reason.split()) < 2:
            yield f"{name} is not compared and does not say what varies, in metadata.mlops_lesson.varies"
    compared = len(lesson.code_cells) - len(exempt)
    if compared < LEAST_COMPARED * len(lesson.code_cells):
        yield f"{compared} of {len(lesson.code_cells)} code cells are compared, 90 % should be: all but {list(exempt)}"


def exempt_cells(lesson: Lesson) -> dict[str, str]:
    """Return the cells whose outputs are not compared, each with what varies in it."""
    tagged = [(name, cell) for name, cell in lesson.code_cells if IGNORE_TAG in cell.metadata.get("tags", [])]
    return {name: str(cell.metadata.get("mlops_lesson", {}).get("varies", "")) for name, cell in tagged}


CHECKS: tuple[Callable[[Lesson], Iterator[str]], ...] = (
    every_code_cell_has_run,
    no_output_is_an_error_or_a_warning,
    nothing_forbidden_stands_in_a_cell,
    no_code_cell_is_long_or_wide,
    headings_are_in_order,
    every_picture_has_words,
    tables_have_captions_and_headers,
    links_lead_somewhere,
    numbers_in_prose_come_from_somewhere,
    minutes_are_given_for_every_part,
    twelve_minutes_are_twelve_minutes,
    apparatus_is_collapsed,
    every_explorer_is_followed_by_what_we_saw,
    nearly_all_outputs_are_compared,
)


def problems(lesson: Lesson) -> list[str]:
    """Return what is wrong with a notebook, each thing in one sentence; empty if nothing is."""
    return list(dict.fromkeys(problem for check in CHECKS for problem in check(lesson)))
