"""What every notebook of the course promises a reader, checked in its stored file.

Each check takes a `Lesson` and returns sentences, one for every place where the promise is broken; none means it is
kept. `CHECKS` lists them all.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
from nbformat import NotebookNode

from mlops_lesson.stages import STAGES
from mlops_lesson.training.trace import LESSON_TRACE

PARTS = ("Why", "Learn", "Visualize", "Try", "Deep", "Metrics", "Challenge", "Project", "Review")
DEEPEST_HEADING = 3
LONGEST_CELL = 15
LEAST_COMPARED = 0.9
IGNORE_TAG = "nbval-ignore-output"
FORBIDDEN_TAGS = ("nbval-skip", "nbval-raises-exception", "raises-exception", "skip-execution")
GOAL_WORDS = range(900, 1301)
GOAL_CELLS = range(30, 46)

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
MARKDOWN_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
MARKDOWN_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)[^)]*\)")
ADDRESS = re.compile(r"\]\([^)]*\)|https?://\S+|\b10\.\d{4,}/\S+")
NUMBER = re.compile(r"(?<![\w.])(\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][+-]?\d+)?)(?!\d|\.\d)(\s?%|\s?per ?cent\b)?")
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|Users|work|var|opt|usr|mnt)/|\b[A-Z]:\\|site-packages")
WARNING = re.compile(r"\b\w*Warning\b|^WARNING\b", re.MULTILINE)
SILENCER = re.compile(r"filterwarnings|simplefilter|disable_warnings|PYTHONWARNINGS|captureWarnings|-W\s*ignore")
NBVAL_COMMENT = re.compile(r"#\s*(NBVAL_\w+|PYTEST_VALIDATE_\w+)")
PART_MINUTES = re.compile(r"^##[ \t]+(\w+)\s+\*(\d+) minutes\b", re.MULTILINE)
SHORT_WAY = re.compile(r"(\d+) minutes from Why to Try")
COUNT_TO_PROVE = 10
VAGUE_LINK_TEXTS = ("here", "this", "link", "click here", "this link", "read more", "more")


@dataclass(frozen=True)
class Element:
    """One HTML element that a check looks at: its name, its attributes and the text inside."""

    name: str
    attributes: Mapping[str, str]
    text: str
    inside: str


class _Page(HTMLParser):
    """Collect the elements and the readable text of a piece of HTML."""

    VOID = ("img", "br", "hr", "input", "meta", "link", "col", "wbr", "source")
    SILENT = ("script", "style")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.words: list[str] = []
        self._open: list[tuple[str, dict[str, str], list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "img":
            self.words.append(f" {attributes.get('alt', '')} ")
        if tag in self.VOID:
            self.elements.append(Element(tag, attributes, "", self._path()))
        else:
            self._open.append((tag, attributes, []))

    def handle_endtag(self, tag: str) -> None:
        while any(tag == name for name, _, _ in self._open):
            name, attributes, texts = self._open.pop()
            self.elements.append(Element(name, attributes, " ".join("".join(texts).split()), self._path()))
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        if not any(name in self.SILENT for name, _, _ in self._open):
            self.words.append(data)
            for _, _, texts in self._open:
                texts.append(data)

    def _path(self) -> str:
        return " ".join(name for name, _, _ in self._open)


def read_page(html: str) -> tuple[list[Element], str]:
    """Read HTML into its elements, inner ones first, and its text with the alternative texts of its images."""
    page = _Page()
    page.feed(html)
    page.close()
    for name, _, _ in list(page._open):
        page.handle_endtag(name)
    return page.elements, "".join(page.words)


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
    def html(self) -> list[tuple[str, list[Element]]]:
        """The elements of every HTML output and of the HTML in every markdown cell."""
        pieces = list(self.prose_cells)
        for name, output in self.outputs:
            pieces += [(name, text) for kind, text in _data(output).items() if kind == "text/html"]
        return [(name, read_page(text)[0]) for name, text in pieces]

    @cached_property
    def output_texts(self) -> list[tuple[str, str]]:
        """What a reader can read in every output, figures' alternative texts included."""
        texts = []
        for name, output in self.outputs:
            if output.output_type == "stream":
                texts.append((name, output.text))
            for kind, text in _data(output).items():
                if kind == "text/html":
                    texts.append((name, read_page(text)[1]))
                elif kind.startswith("text/"):
                    texts.append((name, text))
        return texts

    @cached_property
    def words(self) -> int:
        """Words of prose."""
        return sum(len(read_page(prose)[1].split()) for _, prose in self.prose_cells)


def _data(output: NotebookNode) -> Mapping[str, str]:
    return output.get("data", {})


def size(lesson: Lesson) -> str:
    """Say how long a notebook is, and where it misses the course's goals for a notebook's length."""
    cells = len(lesson.notebook.cells)
    words = f"{lesson.words} words" + ("" if lesson.words in GOAL_WORDS else f" (goal {_span(GOAL_WORDS)})")
    return f"{cells} cells" + ("" if cells in GOAL_CELLS else f" (goal {_span(GOAL_CELLS)})") + f", {words}"


def _span(goal: range) -> str:
    return f"{goal.start}-{goal.stop - 1}"


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


def no_warning_is_silenced(lesson: Lesson) -> Iterator[str]:
    """Warnings are avoided, never filtered."""
    for name, cell in lesson.code_cells:
        for found in SILENCER.findall(cell.source):
            yield f"{name} silences warnings with {found!r}"


def no_path_of_a_machine(lesson: Lesson) -> Iterator[str]:
    """No cell and no output holds the path of somebody's machine."""
    texts = [(f"cell {cell.id!r}", cell.source) for cell in lesson.notebook.cells]
    texts += [(f"an output of {name}", text) for name, text in lesson.output_texts]
    for name, text in texts:
        for found in MACHINE_PATH.finditer(text):
            yield f"{name} holds the path of a machine: {text[found.start() : found.start() + 40]!r}"


def no_code_cell_is_long(lesson: Lesson) -> Iterator[str]:
    """No code cell has more than 15 lines."""
    for name, cell in lesson.code_cells:
        lines = len(cell.source.strip().splitlines())
        if lines > LONGEST_CELL:
            yield f"{name} has {lines} lines, {LONGEST_CELL} are the most"


def headings_are_in_order(lesson: Lesson) -> Iterator[str]:
    """One H1 opens the notebook, the nine parts are its H2, their sections its H3; nothing is deeper or left out."""
    levels = [level for level, _ in lesson.headings]
    first = lesson.notebook.cells[0] if lesson.notebook.cells else None
    if levels.count(1) != 1:
        yield f"there are {levels.count(1)} headings of level 1, there should be one"
    if first is None or first.cell_type != "markdown" or not first.source.lstrip().startswith("# "):
        yield "the notebook does not begin with its heading of level 1"
    parts = tuple(text for level, text in lesson.headings if level == 2)
    if parts != PARTS:
        yield f"the headings of level 2 are {', '.join(parts) or 'none'}; they should be {', '.join(PARTS)}"
    for (above, _), (level, text) in zip(lesson.headings, lesson.headings[1:], strict=False):
        if level > above + 1:
            yield f"the heading {text!r} of level {level} follows one of level {above}"
    for level, text in lesson.headings:
        if level > DEEPEST_HEADING:
            yield f"the heading {text!r} is of level {level}; the sections of a part are of level {DEEPEST_HEADING}"


def every_picture_has_words(lesson: Lesson) -> Iterator[str]:
    """Every picture has alternative text; a plain image output cannot carry any, so there is none."""
    for name, output in lesson.outputs:
        for kind in _data(output):
            if kind.startswith("image/"):
                yield f"{name} shows a bare {kind}, which cannot carry alternative text: use show.figures.show"
    for name, prose in lesson.prose_cells:
        for alt in MARKDOWN_IMAGE.findall(prose):
            if not alt.strip():
                yield f"{name} has an image without alternative text"
    for name, elements in lesson.html:
        titled = {element.inside for element in elements if element.name == "title" and element.text}
        for element in elements:
            if element.name == "img" and not element.attributes.get("alt", "").strip():
                yield f"{name} has an <img> without alternative text"
            if element.name == "svg" and not _svg_has_words(element, titled):
                yield f"{name} has an <svg> without a name: give it aria-label, a <title>, or aria-hidden"


def _svg_has_words(svg: Element, titled: Iterable[str]) -> bool:
    named = svg.attributes.get("aria-label", "").strip() or svg.attributes.get("aria-labelledby", "").strip()
    hidden = svg.attributes.get("aria-hidden") == "true" or svg.attributes.get("role") == "presentation"
    return bool(named or hidden or any(path.endswith("svg") for path in titled))


def tables_have_captions_and_headers(lesson: Lesson) -> Iterator[str]:
    """Every HTML table has a caption, and every header cell says what it is the header of."""
    for name, elements in lesson.html:
        inner: list[Element] = []
        for element in elements:
            if element.name != "table":
                inner.append(element)
                continue
            if element.attributes.get("role") != "presentation":
                headers = [one for one in inner if one.name == "th"]
                if not any(one.name == "caption" and one.text for one in inner):
                    yield f"{name} has a table without a caption"
                if not headers:
                    yield f"{name} has a table without header cells"
                if any(one.attributes.get("scope") not in ("col", "row", "colgroup", "rowgroup") for one in headers):
                    yield f"{name} has a table with header cells that lack scope"
            inner = []


def links_lead_somewhere(lesson: Lesson) -> Iterator[str]:
    """Links inside the course lead to a file and heading that exist, others are https, and each says where it goes."""
    links = [(name, *link) for name, prose in lesson.prose_cells for link in MARKDOWN_LINK.findall(prose)]
    for name, elements in lesson.html:
        anchors = [one for one in elements if one.name == "a" and "href" in one.attributes]
        links += [(name, one.text or one.attributes.get("aria-label", ""), one.attributes["href"]) for one in anchors]
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
    """Return the values that a number may be told by: 85 % is 0.85, and 98.5 % may be 98.5 in a table of percent.

    Whole numbers that are no percentages have none: they are counts, years and names.
    """
    if not percent:
        return {value} if "." in written else set()
    return {value / 100} if value == value.to_integral_value() else {value / 100, value}


def given_numbers() -> set[Decimal]:
    """Return the decimals and percentages that the lesson gives: those of its stages and of its training trace."""
    numbers = {Decimal(str(value)) for epoch in LESSON_TRACE for value in (epoch.loss, epoch.accuracy)}
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
        for written, value, percent in _numbers(ADDRESS.sub(" ", read_page(prose)[1])):
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
    parts = [part.lower() for part in PARTS]
    minutes = lesson.own_metadata.get("minutes")
    if not isinstance(minutes, Mapping) or set(minutes) != set(parts):
        yield f"metadata.mlops_lesson.minutes should give the minutes of {', '.join(parts)}; it is {minutes!r}"
        return
    for part, value in minutes.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 60:
            yield f"metadata.mlops_lesson.minutes gives {part!r} {value!r} minutes"
    told = {
        part.lower(): int(number) for _, prose in lesson.prose_cells for part, number in PART_MINUTES.findall(prose)
    }
    for part in parts:
        if told.get(part) != minutes[part]:
            yield f"the part {part} is told to take {told.get(part)} minutes, and the metadata says {minutes[part]}"
    for name, prose in lesson.prose_cells:
        for number in SHORT_WAY.findall(prose):
            if int(number) != lesson.minutes_from_why_to_try:
                yield f"{name} says {number} minutes from Why to Try, the parts take {lesson.minutes_from_why_to_try}"


def nearly_all_outputs_are_compared(lesson: Lesson) -> Iterator[str]:
    """At least nine code cells in ten are compared with their stored outputs; each other one says why it cannot be."""
    exempt = exempt_cells(lesson)
    for name, cell in lesson.code_cells:
        for tag in set(cell.metadata.get("tags", [])) & set(FORBIDDEN_TAGS):
            yield f"{name} has the tag {tag!r}, so that it is not run or not compared"
        for comment in NBVAL_COMMENT.findall(cell.source):
            yield f"{name} has the comment {comment}: use the tag {IGNORE_TAG!r}"
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
    no_warning_is_silenced,
    no_path_of_a_machine,
    no_code_cell_is_long,
    headings_are_in_order,
    every_picture_has_words,
    tables_have_captions_and_headers,
    links_lead_somewhere,
    numbers_in_prose_come_from_somewhere,
    minutes_are_given_for_every_part,
    nearly_all_outputs_are_compared,
)


def problems(lesson: Lesson) -> list[str]:
    """Return what is wrong with a notebook, each thing in one sentence; empty if nothing is."""
    return list(dict.fromkeys(problem for check in CHECKS for problem in check(lesson)))
