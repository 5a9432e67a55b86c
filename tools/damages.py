"""Ways to damage the course that a reader would suffer from, each a small, seeded change of its files.

`all_damages` makes them. Damaged notebooks are written in normal form, so that no damage is noticed by its spelling.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from notebook_checks import ADDRESS, COUNT_TO_PROVE, MARKDOWN_LINK, Lesson, exempt_cells
from run_notebooks import normal_text

ROOT = Path(__file__).resolve().parent.parent
SEED = 20261124

STATIC = ("tests/test_notebooks_static.py", "tests/test_readme.py")
QUESTIONS = ("tests/test_quiz_questions.py", "tests/test_quiz.py", "tests/test_flashcards.py")
EXERCISES = ("tests/test_exercises.py",)
PAGE = ("tests/browser/test_quiz_page.py",)
IN_LAB = ("tests/browser/test_quiz_lab.py",)

DIGITS = re.compile(r"(?<![\w.#&-])\d(?:[\d,]*\d)?(?:\.\d+)?(?![\w])")
PICTURE_DATA = re.compile(r"(?<=data:image/png;base64,)[A-Za-z0-9+/=]+")
CELL_NUMBER = re.compile(r"(?<=>)\d[\d,.]*(?=</td>)")
ALT = re.compile(r'(?<=<img alt=")[^"]+')
LABELS = re.compile(r'(xlabel|ylabel|label|title|set_xlabel\()(=?)"([^"]+)"')

# Where the labels of a module are drawn: its own tests, then a notebook that shows the figure.
CHARTS = {
    "mlops_lesson/training/charts.py": (("tests/test_charts.py", "tests/test_charts_drawn.py"), "04_model_validation"),
    "mlops_lesson/deployment/prediction.py": (("tests/test_prediction.py",), "05_deployment"),
    "mlops_lesson/deployment/load_test.py": (("tests/test_load_chart.py",), "05_deployment"),
    "mlops_lesson/monitoring/loop.py": ((), "06_monitoring_and_maintenance"),
    "mlops_lesson/collection/explorer.py": (("tests/test_explorers_data.py",), "01_data_collection"),
    "mlops_lesson/preprocessing/explorer.py": (("tests/test_explorers_data.py",), "02_data_preprocessing"),
}
# Where an explorer listens to its controls, and the tests that move them.
LISTENERS = {
    "mlops_lesson/show/explorer.py": ('control.observe(answer, "value")', "tests/test_explorers_data.py"),
    "mlops_lesson/training/explorer.py": (
        'control.observe(draw, "value")',
        "tests/test_explorers_model_training.py",
    ),
    "mlops_lesson/validation/explorer.py": (
        'control.observe(draw, "value")',
        "tests/test_explorers_model_validation.py",
    ),
    "mlops_lesson/deployment/explorer.py": (
        'control.observe(self._show_unsent, "value")',
        "tests/test_explorers_deployment.py",
    ),
}
SCRIPTS = {
    ("quiz.js", 'button.addEventListener("click"'): PAGE,
    ("quiz.js", 'node.addEventListener("click"'): PAGE,
    ("quiz.js", 'document.addEventListener("mlops-lesson:answer"'): PAGE,
    ("cards.js", 'button.addEventListener("click"'): PAGE,
    ("panel.js", 'box.addEventListener("change"'): IN_LAB,
    ("panel.js", 'document.addEventListener("mlops-lesson:answer"'): IN_LAB,
    ("chooser.js", 'document.addEventListener("click"'): IN_LAB,
}
WRONG_STEPS = (("idxmin", "idxmax"), ("min(", "max("), ("argmax", "argmin"), (" < ", " <= "), (">=", ">"), ("==", "!="))
WRONG_STEPS += ((" / ", " * "), ("~", ""), ("sorted(", "list("), ("np.log(p)", "np.log10(p)"), ("- z", "+ z"))


@dataclass(frozen=True)
class Damage:
    """One way to damage the course.

    Parameters
    ----------
    kind : str
        What is damaged, in words.
    where : str
        The place.
    files : dict of str to str
        The damaged files: their paths in the course and their whole new text.
    tests : tuple of tuple of str
        Tests that could notice it, the quickest first; each entry is run only if those before it noticed nothing.
    """

    kind: str
    where: str
    files: dict[str, str]
    tests: tuple[tuple[str, ...], ...]

    @property
    def name(self) -> str:
        """Kind and place in one line."""
        return f"{self.kind}: {self.where}"


Candidate = tuple[str, Callable[[], dict[str, str]], tuple[tuple[str, ...], ...]]
KINDS: dict[str, tuple[int, Callable[[random.Random], Iterator[Candidate]]]] = {}


def kind(name: str, count: int) -> Callable:
    """Register the candidates of a kind of damage, of which so many are drawn."""

    def register(candidates: Callable[[random.Random], Iterator[Candidate]]) -> Callable:
        KINDS[name] = (count, candidates)
        return candidates

    return register


def all_damages() -> list[Damage]:
    """Draw the damages: the same ones as long as the course stays as it is."""
    damages = []
    for name, (count, candidates) in KINDS.items():
        dice = random.Random(f"{SEED} {name}")  # noqa: S311 - no secret
        found = list(candidates(dice))
        dice.shuffle(found)
        drawn = []
        for where, files, tests in found:
            changed = {file: text for file, text in files().items() if text != text_of(file)}
            if changed and where not in [damage.where for damage in drawn]:
                drawn.append(Damage(name, where, changed, tests))
            if len(drawn) == count:
                break
        damages += drawn
    return damages


@cache
def text_of(file: str) -> str:
    """Return the text of a file of the course as it is."""
    return (ROOT / file).read_text(encoding="utf-8")


@cache
def _lessons() -> dict[str, Lesson]:
    return {f"notebooks/{path.name}": Lesson.read(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}


def _edited(file: str, change: Callable[[NotebookNode], object]) -> Callable[[], dict[str, str]]:
    """Return a function that makes the text of a notebook after a change of its content."""

    def edit() -> dict[str, str]:
        notebook = nbformat.reads(text_of(file), as_version=4)
        change(notebook)
        return {file: normal_text(notebook)}

    return edit


def _cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == name)


def _cells(cell_type: str) -> Iterator[tuple[str, NotebookNode, str]]:
    """Yield each cell of a kind with its file and the words for its place; cells that need not agree are left out."""
    for file, lesson in _lessons().items():
        for cell in lesson.notebook.cells:
            if cell.cell_type == cell_type and f"cell {cell.id!r}" not in exempt_cells(lesson):
                yield file, cell, f"{Path(file).stem}, cell {cell.id}"


def _replaced(text: str, found: re.Match, new: str) -> str:
    return text[: found.start()] + new + text[found.end() :]


def _other_number(number: str, dice: random.Random) -> str:
    """Change the last digit of a number but one, or its only one."""
    places = [place for place, letter in enumerate(number) if letter.isdigit()]
    place = places[-2] if len(places) > 1 else places[-1]
    digit = (int(number[place]) + dice.randint(1, 8)) % 10 or 9
    return number[:place] + str(digit if str(digit) != number[place] else 1) + number[place + 1 :]


def _in_source(file: str, cell: str, new: str) -> Callable[[], dict[str, str]]:
    return _edited(file, lambda notebook: _cell(notebook, cell).update(source=new))


def _in_output(file: str, cell: str, place: int, mime: str, new: str) -> Callable[[], dict[str, str]]:
    def change(notebook: NotebookNode) -> None:
        output = _cell(notebook, cell).outputs[place]
        if mime == "stream":
            output.text = new
        else:
            output.data[mime] = new

    return _edited(file, change)


def _texts(mime: str) -> Iterator[tuple[str, NotebookNode, str, int, str]]:
    """Yield the outputs of one kind: file, cell, words for the place, number of the output, text."""
    for file, cell, where in _cells("code"):
        for place, output in enumerate(cell.outputs):
            text = output.text if mime == "stream" and "text" in output else output.get("data", {}).get(mime)
            if text:
                yield file, cell, where, place, text


def _notebook_tests(file: str) -> tuple[tuple[str, ...], ...]:
    return STATIC, (file,)


def _comparison(file: str) -> tuple[tuple[str, ...], ...]:
    """What notices an output that is not what its cell computes: strict nbval alone."""
    return ((file,),)


@kind("a changed number in prose", 10)
def _prose_numbers(dice: random.Random) -> Iterator[Candidate]:
    for file, cell, where in _cells("markdown"):
        own = Path(file).name[:2] if Path(file).name[:2] not in ("01", "02") else "01_and_02"
        tests = (STATIC, (f"tests/test_notebook_{own}.py",), (file,))
        told = ADDRESS.sub(lambda found: " " * len(found[0]), cell.source)
        for found in DIGITS.finditer(told):
            if "." in found[0] or float(found[0].replace(",", "")) >= COUNT_TO_PROVE or "%" in told[found.end() :][:2]:
                new = _other_number(found[0], dice)
                source = _replaced(cell.source, found, new)
                yield f"{where}, {found[0]} to {new}", _in_source(file, cell.id, source), tests


@kind("a changed number in printed text", 8)
def _printed_numbers(dice: random.Random) -> Iterator[Candidate]:
    for file, cell, where, place, text in _texts("stream"):
        for found in DIGITS.finditer(text):
            new = _other_number(found[0], dice)
            changed = _in_output(file, cell.id, place, "stream", _replaced(text, found, new))
            yield f"{where}, {found[0]} to {new}", changed, _comparison(file)


@kind("a changed number in a table", 7)
def _table_numbers(dice: random.Random) -> Iterator[Candidate]:
    for file, cell, where, place, text in _texts("text/html"):
        for found in CELL_NUMBER.finditer(text):
            new = _other_number(found[0], dice)
            changed = _in_output(file, cell.id, place, "text/html", _replaced(text, found, new))
            yield f"{where}, {found[0]} to {new}", changed, _comparison(file)


def _swaps() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield for every wrong option: file of questions, question, the option's text, the right text, the notebook."""
    from mlops_lesson.stages import STAGES
    from mlops_lesson.teaching.quiz import load_questions

    for stage in STAGES:
        for question in load_questions(stage).questions:
            if question.kind == "single":
                (right,) = (option.text for option in question.options if option.right)
                stem = stage.notebook.removesuffix(".ipynb")
                for option in question.options:
                    if not option.right:
                        file = f"mlops_lesson/teaching/questions/{stem}.toml"
                        yield file, question.id, option.text, right, f"notebooks/{stage.notebook}"


def _swapped(text: str, one: str, other: str) -> str:
    return text.replace(one, "\0").replace(other, one).replace("\0", other)


def _swapped_in_quiz(file: str, one: str, other: str) -> Callable[[], dict[str, str]]:
    from mlops_lesson.show.page import inline

    def change(notebook: NotebookNode) -> None:
        for cell in notebook.cells:
            for data in (output.data for output in cell.get("outputs", []) if "data" in output):
                if inline(other) in data.get("text/html", ""):
                    data["text/html"] = _swapped(data["text/html"], f">{inline(one)}<", f">{inline(other)}<")
                    data["text/plain"] = _swapped(data["text/plain"], f". {one}\n", f". {other}\n")

    return _edited(file, change)


@kind("a flipped quiz answer in the file of questions", 6)
def _flipped_questions(_dice: random.Random) -> Iterator[Candidate]:
    for file, question, wrong, right, notebook in _swaps():
        text = _swapped(text_of(file), f'text = "{wrong}"', f'text = "{right}"')
        yield f"{question}: {wrong}", lambda file=file, text=text: {file: text}, (QUESTIONS, (notebook,))


@kind("a flipped quiz answer in the stored page", 5)
def _flipped_pages(_dice: random.Random) -> Iterator[Candidate]:
    for _file, question, wrong, right, notebook in _swaps():
        yield f"{question}: {wrong}", _swapped_in_quiz(notebook, wrong, right), _comparison(notebook)


@kind("a flipped quiz answer in both", 5)
def _flipped_everywhere(_dice: random.Random) -> Iterator[Candidate]:
    for file, question, wrong, right, notebook in _swaps():
        text = _swapped(text_of(file), f'text = "{wrong}"', f'text = "{right}"')
        page = _swapped_in_quiz(notebook, wrong, right)
        yield (
            f"{question}: {wrong}",
            lambda file=file, text=text, page=page: {file: text, **page()},
            (QUESTIONS, (notebook,)),
        )


@kind("a reason of the quiz without its negation", 4)
def _turned_reasons(_dice: random.Random) -> Iterator[Candidate]:
    for stem in (Path(file).stem for file in _lessons()):
        file = f"mlops_lesson/teaching/questions/{stem}.toml"
        for found in re.finditer(r'(?<=^reason = ").*?(\bnot | no |cannot ).*(?="$)', text_of(file), re.MULTILINE):
            text = text_of(file)[: found.start(1)] + " " + text_of(file)[found.end(1) :]
            yield (
                f"{stem}: {found[0][:40]}",
                lambda file=file, text=text: {file: text},
                (
                    QUESTIONS,
                    (f"notebooks/{stem}.ipynb",),
                ),
            )


@kind("a flashcard with another answer", 3)
def _other_cards(_dice: random.Random) -> Iterator[Candidate]:
    for stem in (Path(file).stem for file in _lessons()):
        file = f"mlops_lesson/teaching/questions/{stem}.toml"
        backs = re.findall(r'^back = "(.*)"$', text_of(file), re.MULTILINE)
        for one, other in pairwise(backs):
            text = _swapped(text_of(file), f'back = "{one}"', f'back = "{other}"')
            yield (
                f"{stem}: {one[:40]}",
                lambda file=file, text=text: {file: text},
                (
                    QUESTIONS,
                    (f"notebooks/{stem}.ipynb",),
                ),
            )


@kind("a missing hint of a question", 3)
def _missing_question_hints(_dice: random.Random) -> Iterator[Candidate]:
    for stem in (Path(file).stem for file in _lessons()):
        file = f"mlops_lesson/teaching/questions/{stem}.toml"
        for found in re.finditer(r"^hint = .*\n", text_of(file), re.MULTILINE):
            text = _replaced(text_of(file), found, "")
            yield (
                f"{stem}: {found[0][8:48]}",
                lambda file=file, text=text: {file: text},
                (
                    QUESTIONS,
                    (f"notebooks/{stem}.ipynb",),
                ),
            )


@kind("a swapped label in a chart of the package", 8)
def _swapped_labels(_dice: random.Random) -> Iterator[Candidate]:
    for file, (tests, notebook) in CHARTS.items():
        found = list(LABELS.finditer(text_of(file)))
        for one, other in pairwise(found):
            if one[3] != other[3]:
                text = text_of(file)
                text = (
                    text[: one.start(3)] + other[3] + text[one.end(3) : other.start(3)] + one[3] + text[other.end(3) :]
                )
                stages = (*([tests] if tests else []), (f"notebooks/{notebook}.ipynb",))
                yield f"{file}: {one[3]}, {other[3]}", lambda file=file, text=text: {file: text}, stages


@kind("another label in a figure of a notebook, not drawn anew", 3)
def _other_labels(_dice: random.Random) -> Iterator[Candidate]:
    for file, cell, where in _cells("code"):
        for found in re.finditer(r'(?<=label=)f?"([^"]{4,})"', cell.source):
            source = cell.source[: found.start(1)] + "parcels seen" + cell.source[found.end(1) :]
            yield f"{where}: {found[1]}", _in_source(file, cell.id, source), _comparison(file)


@kind("a removed alternative text", 5)
def _removed_alts(_dice: random.Random) -> Iterator[Candidate]:
    for file, cell, where, place, text in _texts("text/html"):
        for found in ALT.finditer(text):
            changed = _in_output(file, cell.id, place, "text/html", _replaced(text, found, ""))
            yield where, changed, _notebook_tests(file)


@kind("a number in an alternative text changed", 5)
def _changed_alts(dice: random.Random) -> Iterator[Candidate]:
    for file, cell, where, place, text in _texts("text/html"):
        for alt in ALT.finditer(text):
            for found in DIGITS.finditer(text, alt.start(), alt.end()):
                new = _other_number(found[0], dice)
                changed = _in_output(file, cell.id, place, "text/html", _replaced(text, found, new))
                yield f"{where}, {found[0]} to {new}", changed, _comparison(file)


@kind("a control that does nothing", 4)
def _deaf_controls(_dice: random.Random) -> Iterator[Candidate]:
    for file, (call, tests) in LISTENERS.items():
        text = text_of(file).replace(call, 'control.observe(lambda _: None, "value")')
        yield file, lambda file=file, text=text: {file: text}, ((tests,),)


@kind("a control that raises", 4)
def _raising_controls(_dice: random.Random) -> Iterator[Candidate]:
    for file, (call, tests) in LISTENERS.items():
        text = text_of(file).replace(call, 'control.observe(lambda _: 1 / 0, "value")')
        yield file, lambda file=file, text=text: {file: text}, ((tests,),)


@kind("a button that sends nothing", 1)
def _deaf_button(_dice: random.Random) -> Iterator[Candidate]:
    file = "mlops_lesson/deployment/explorer.py"
    text = text_of(file).replace("self.send.on_click(self._send)", "self.send.on_click(lambda _: None)")
    yield file, lambda: {file: text}, (("tests/test_explorers_deployment.py",),)


@kind("a script of the page that listens to nothing", 7)
def _deaf_scripts(_dice: random.Random) -> Iterator[Candidate]:
    for (name, call), tests in SCRIPTS.items():
        file = f"mlops_lesson/show/static/{name}"
        text = text_of(file).replace(call, call.replace('("', '("no-'))
        yield f"{name}: {call}", lambda file=file, text=text: {file: text}, (tests,)


@kind("a stale output: that of another cell", 5)
def _stale_outputs(_dice: random.Random) -> Iterator[Candidate]:
    cells = [(file, cell, where) for file, cell, where in _cells("code") if len(cell.outputs) == 1]
    for (file, one, where), (other_file, other, _) in pairwise(cells):
        if file == other_file and one.outputs[0].output_type == other.outputs[0].output_type:

            def change(notebook: NotebookNode, one: str = one.id, other: str = other.id) -> None:
                first, second = _cell(notebook, one), _cell(notebook, other)
                first.outputs, second.outputs = second.outputs, first.outputs

            yield f"{where} and {other.id}", _edited(file, change), _comparison(file)


@kind("a removed output", 6)
def _removed_outputs(_dice: random.Random) -> Iterator[Candidate]:
    for file, cell, where in _cells("code"):
        if cell.outputs:
            yield where, _edited(file, lambda nb, name=cell.id: _cell(nb, name).outputs.pop()), _comparison(file)


@kind("a stripped execution count", 4)
def _stripped_counts(_dice: random.Random) -> Iterator[Candidate]:
    for file, cell, where in _cells("code"):
        changed = _edited(file, lambda nb, name=cell.id: _cell(nb, name).update(execution_count=None))
        yield where, changed, _notebook_tests(file)


@kind("a number in code changed, without a new run", 6)
def _changed_code(dice: random.Random) -> Iterator[Candidate]:
    for file, cell, where in _cells("code"):
        for found in DIGITS.finditer(cell.source):
            new = _other_number(found[0], dice)
            changed = _in_source(file, cell.id, _replaced(cell.source, found, new))
            yield f"{where}, {found[0]} to {new}", changed, _comparison(file)


@kind("a picture swapped for another one", 5)
def _swapped_pictures(_dice: random.Random) -> Iterator[Candidate]:
    pictures = [
        (file, cell, where, place, text, found)
        for file, cell, where, place, text in _texts("text/html")
        for found in PICTURE_DATA.finditer(text)
    ]
    for (file, cell, where, place, text, found), (*_, other) in pairwise(pictures):
        changed = _in_output(file, cell.id, place, "text/html", _replaced(text, found, other[0]))
        yield where, changed, _comparison(file)


@kind("a picture turned upside down", 2)
def _turned_pictures(_dice: random.Random) -> Iterator[Candidate]:
    import base64
    import io

    from PIL import Image, ImageOps

    def turned(data: str) -> str:
        buffer = io.BytesIO()
        ImageOps.flip(Image.open(io.BytesIO(base64.b64decode(data)))).save(buffer, "png")
        return base64.b64encode(buffer.getvalue()).decode()

    for file, cell, where, place, text in _texts("text/html"):
        for found in PICTURE_DATA.finditer(text):
            changed = _in_output(file, cell.id, place, "text/html", _replaced(text, found, turned(found[0])))
            yield where, changed, _comparison(file)


@kind("a broken link inside the course", 5)
def _broken_links(_dice: random.Random) -> Iterator[Candidate]:
    for file, cell, where in _cells("markdown"):
        for found in MARKDOWN_LINK.finditer(cell.source):
            if not found[2].startswith("https:"):
                target = found[2].replace(".ipynb", "s.ipynb") if ".ipynb" in found[2] else found[2] + "-more"
                source = cell.source[: found.start(2)] + target + cell.source[found.end(2) :]
                yield f"{where}: {target}", _in_source(file, cell.id, source), _notebook_tests(file)


@kind("a heading that links lead to renamed", 4)
def _renamed_headings(_dice: random.Random) -> Iterator[Candidate]:
    for file, cell, where in _cells("markdown"):
        if cell.source.startswith("## "):
            source = re.sub(r"^## (\w+)", r"## The \1", cell.source)
            yield where, _in_source(file, cell.id, source), _notebook_tests(file)


@kind("a heading out of order", 4)
def _deep_headings(_dice: random.Random) -> Iterator[Candidate]:
    for file, cell, where in _cells("markdown"):
        for found in re.finditer(r"^###(?= )", cell.source, re.MULTILINE):
            changed = _in_source(file, cell.id, _replaced(cell.source, found, "####"))
            yield f"{where}, at {found.start()}", changed, _notebook_tests(file)


@kind("a table without caption or header cells", 4)
def _bare_tables(_dice: random.Random) -> Iterator[Candidate]:
    for file, cell, where, place, text in _texts("text/html"):
        for pattern in (r"<caption.*?</caption>", r' scope="col"'):
            if re.search(pattern, text):
                changed = _in_output(file, cell.id, place, "text/html", re.sub(pattern, "", text))
                yield f"{where}, {pattern}", changed, _notebook_tests(file)


@kind("a silenced warning", 4)
def _silenced_warnings(_dice: random.Random) -> Iterator[Candidate]:
    line = "import warnings\nwarnings.simplefilter('ignore')\n"
    for file, cell, where in _cells("code"):
        if len(cell.source.splitlines()) < 12:
            yield where, _in_source(file, cell.id, line + cell.source), _notebook_tests(file)
    yield (
        "mlops_lesson/pipeline.py",
        lambda: {"mlops_lesson/pipeline.py": text_of("mlops_lesson/pipeline.py") + line},
        (STATIC,),
    )


@kind("a cell exempted from the comparison", 5)
def _exempted_cells(dice: random.Random) -> Iterator[Candidate]:
    ways = (
        {"tags": ["nbval-skip"]},
        {"tags": ["raises-exception"]},
        {"tags": ["nbval-ignore-output"]},
        {"tags": ["nbval-ignore-output"], "mlops_lesson": {"varies": "the order of the rows"}},
    )
    for file, cell, where in _cells("code"):
        way = dice.choice(ways)
        changed = _edited(
            file, lambda nb, name=cell.id, way=way: _cell(nb, name).metadata.update(nbformat.from_dict(way))
        )
        yield f"{where}, {way}", changed, _notebook_tests(file)


@kind("other minutes in the metadata", 4)
def _other_minutes(_dice: random.Random) -> Iterator[Candidate]:
    for file, lesson in _lessons().items():
        for part, minutes in lesson.minutes.items():

            def change(notebook: NotebookNode, part: str = part, minutes: float = minutes) -> None:
                notebook.metadata.mlops_lesson.minutes[part] = minutes + 1

            yield f"{Path(file).stem}, {part}", _edited(file, change), _notebook_tests(file)


@kind("other minutes in prose", 3)
def _other_minutes_told(_dice: random.Random) -> Iterator[Candidate]:
    for file, cell, where in _cells("markdown"):
        if found := re.search(r"(?<=\*)\d+(?= minutes)", cell.source):
            source = _replaced(cell.source, found, str(int(found[0]) + 1))
            yield where, _in_source(file, cell.id, source), _notebook_tests(file)


@kind("a given fact that is not given any more", 3)
def _lost_facts(_dice: random.Random) -> Iterator[Candidate]:
    for file, lesson in _lessons().items():
        for fact in lesson.own_metadata.get("given_facts", {}):
            changed = _edited(file, lambda notebook, fact=fact: notebook.metadata.mlops_lesson.given_facts.pop(fact))
            yield f"{Path(file).stem}, {fact}", changed, _notebook_tests(file)


@kind("a wrong solution", 7)
def _wrong_solutions(_dice: random.Random) -> Iterator[Candidate]:
    for path in sorted((ROOT / "mlops_lesson/teaching/exercises/solutions").glob("*.py")):
        file = f"mlops_lesson/teaching/exercises/solutions/{path.name}"
        head, quotes, body = text_of(file).rpartition('"""')
        for right, wrong in WRONG_STEPS:
            text = head + quotes + body.replace(right, wrong, 1)
            yield f"{path.stem}: {right.strip()}", lambda file=file, text=text: {file: text}, (EXERCISES,)


def _changed_exercise(number: str, change: str) -> dict[str, str]:
    file = "mlops_lesson/teaching/exercises/bank.py"
    line = f'from dataclasses import replace\nEXERCISES["{number}"] = replace(EXERCISES["{number}"], {change})\n'
    return {file: text_of(file) + line}


def _exercises(change: str) -> Iterator[Candidate]:
    from mlops_lesson.stages import get_stage
    from mlops_lesson.teaching.exercises.bank import EXERCISES as BANK

    for number in BANK:
        notebook = f"notebooks/{get_stage(int(number[0])).notebook}"
        yield number, lambda number=number: _changed_exercise(number, change), (EXERCISES, (notebook,))


@kind("a check that takes every answer for right", 5)
def _blind_checks(_dice: random.Random) -> Iterator[Candidate]:
    yield from _exercises("accepts=lambda value: True, same=lambda given, expected: True, promises=()")


@kind("a check that takes every kind of value", 3)
def _kindless_checks(_dice: random.Random) -> Iterator[Candidate]:
    yield from _exercises("accepts=lambda value: True")


@kind("an exercise with a hint less", 3)
def _missing_hints(_dice: random.Random) -> Iterator[Candidate]:
    from mlops_lesson.teaching.exercises.bank import EXERCISES as BANK

    for number, _, tests in _exercises("hints="):
        hints = BANK[number].hints[:-1]
        yield number, lambda number=number, hints=hints: _changed_exercise(number, f"hints={hints!r}"), tests
