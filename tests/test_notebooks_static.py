"""What the stored files of the six notebooks promise, and that each check notices a broken promise."""

from collections.abc import Callable
from pathlib import Path

import nbformat
import notebook_checks
import pytest
from miniature import miniature_lesson, shown
from nbformat.v4 import new_markdown_cell, new_output
from notebook_checks import CHECKS, Lesson, exempt_cells, problems
from run_notebooks import normal_text

from mlops_lesson.stages import STAGES

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
NAMES = [stage.notebook for stage in STAGES]
Change = Callable[[nbformat.NotebookNode], object]


@pytest.fixture(scope="module")
def lessons() -> dict[str, Lesson]:
    return {path.name: Lesson.read(path) for path in NOTEBOOKS.glob("*.ipynb")}


def test_there_is_one_notebook_for_each_stage() -> None:
    assert sorted(path.name for path in NOTEBOOKS.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_notebook_keeps_the_promise(lessons: dict[str, Lesson], name: str, check: Callable) -> None:
    assert list(check(lessons[name])) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_notebook_is_stored_in_normal_form(lessons: dict[str, Lesson], name: str) -> None:
    stored = (NOTEBOOKS / name).read_text(encoding="utf-8")
    assert stored == normal_text(lessons[name].notebook), "run `make notebooks`"


def test_all_outputs_are_compared_but_the_times_that_a_machine_takes(lessons: dict[str, Lesson]) -> None:
    exempt = {(name, cell) for name, lesson in lessons.items() for cell in exempt_cells(lesson)}
    assert exempt == {
        ("05_deployment.ipynb", "cell 'latency'"),
        ("06_monitoring_and_maintenance.ipynb", "cell 'outgrow'"),
    }


@pytest.mark.parametrize("file", sorted((ROOT / "mlops_lesson").rglob("*.py")), ids=lambda file: file.name)
def test_the_package_silences_no_warning(file: Path) -> None:
    assert notebook_checks.SILENCER.findall(file.read_text(encoding="utf-8")) == []


def test_the_miniature_keeps_every_promise(tmp_path: Path) -> None:
    assert problems(miniature_lesson(tmp_path)) == []


def cell_of(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == name)


def say(text: str) -> Change:
    """Add prose at the end."""
    return lambda notebook: notebook.cells.append(new_markdown_cell(text, id="added"))


def show(output: nbformat.NotebookNode) -> Change:
    """Add an output to the table's cell, in the middle of the notebook."""
    return lambda notebook: cell_of(notebook, "table").outputs.append(output)


def put(name: str, **values: object) -> Change:
    return lambda notebook: cell_of(notebook, name).update(nbformat.from_dict(values))


def describe(**values: object) -> Change:
    return lambda notebook: notebook.metadata.mlops_lesson.update(nbformat.from_dict(values))


def swap_two_parts(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[1], notebook.cells[2] = notebook.cells[2], notebook.cells[1]


def replace_output(old: str, new: str) -> Change:
    def change(notebook: nbformat.NotebookNode) -> None:
        for output in (output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs):
            if "data" in output:
                output.data = {kind: text.replace(old, new) for kind, text in output.data.items()}

    return change


def exempt_one_more(notebook: nbformat.NotebookNode) -> None:
    latency = cell_of(notebook, "latency").metadata
    put("say", metadata=latency)(notebook)


def error_output() -> nbformat.NotebookNode:
    return new_output("error", ename="KeyError", evalue="'lux'", traceback=[])


def stream(text: str, name: str = "stdout") -> nbformat.NotebookNode:
    return new_output("stream", name=name, text=text)


DAMAGES: dict[str, tuple[Change, str]] = {
    "a cell that never ran": (put("say", execution_count=None), "'say' has the execution count None"),
    "a cell run twice": (put("table", execution_count=9), "'table' has the execution count 9"),
    "an empty cell": (put("say", source=""), "'say' is empty"),
    "a stored error": (show(error_output()), "'table' ends in an error: KeyError"),
    "words on stderr": (show(stream("slow\n", "stderr")), "writes to stderr: slow"),
    "a warning": (show(stream("ConvergenceWarning: more epochs\n")), "shows the word 'ConvergenceWarning'"),
    "a warning in HTML": (show(shown(text_html="<p>UserWarning: no</p>")), "shows the word 'UserWarning'"),
    "a traceback": (show(stream("Traceback (most recent call last):\n")), "shows a traceback"),
    "a silenced warning": (put("say", source="warnings.simplefilter('ignore')"), "silences warnings"),
    "a path in an output": (show(stream("/home/ada/course/data\n")), "holds the path of a machine: '/home/ada"),
    "a path in code": (put("say", source="open('C:\\\\data.csv')"), "holds the path of a machine"),
    "a cell of sixteen lines": (put("say", source="a = 1\n" * 16), "'say' has 16 lines"),
    "a second title": (say("# Again"), "there are 2 headings of level 1"),
    "no title first": (lambda notebook: notebook.cells.insert(0, notebook.cells.pop()), "does not begin with"),
    "parts in another order": (swap_two_parts, "the headings of level 2 are Learn, Why, Visualize"),
    "a tenth part": (say("## More"), "Review, More; they should be Why"),
    "a section of a section": (
        say("### A section\n\n#### Below it"),
        "the heading 'Below it' is of level 4; the sections of a part are of level 3",
    ),
    "a level left out": (say("#### Deep down\n\n###### Deeper"), "'Deeper' of level 6 follows one of level 4"),
    "a bare picture": (show(shown(image_png="AAAA")), "shows a bare image/png"),
    "a figure without words": (replace_output("Loss falls to 0.31", ""), "'figure' has an <img> without"),
    "an image without words": (say("![](a.png)"), "'added' has an image without alternative text"),
    "a drawing without a name": (show(shown(text_html="<svg><path/></svg>")), "has an <svg> without a name"),
    "a table without a caption": (replace_output("<caption>Accuracy</caption>", ""), "a table without a caption"),
    "a table without headers": (show(shown(text_html="<table><caption>A</caption></table>")), "without header cells"),
    "headers of nothing": (replace_output(" scope='col'", ""), "header cells that lack scope"),
    "a link to no file": (say("[next](07_more.ipynb)"), "links to 07_more.ipynb, which does not exist"),
    "a link to no heading": (say("[up](#Wherefore)"), "links to the heading 'Wherefore'"),
    "a link in an output": (show(shown(text_html="<a href='x.ipynb'>next</a>")), "links to x.ipynb"),
    "a link in the open": (say("[site](http://example.org)"), "begin with https"),
    "a link that says here": (say("Read it [here](guide.md)."), "does not say where it goes: 'here'"),
    "an invented decimal": (say("The accuracy is 0.92."), "'added' says 0.92, which stands in no output"),
    "an invented percentage": (say("In 12 % of runs."), "says 12 %, which stands in no output"),
    "an invented number in code": (say("Set `rate=0.074` first."), "says 0.074"),
    "an invented number of a unit": (say("It takes 2.5s."), "says 2.5"),
    "a number that went away": (replace_output("0.91", "0.93"), "'numbers' says 0.91"),
    "a fact that nobody tells": (describe(given_facts={"0.05": "the usual level of a test"}), "says 95 %"),
    "a fact without a reason": (describe(given_facts={"95 %": "so"}), "the given fact 95 % needs a reason"),
    "a stale fact": (describe(given_facts={"0.7": "the dimmed lamps shine so"}), "0.7 stands in no prose"),
    "an invented count": (say("There are 1,898 images."), "says 1,898, which stands in no output"),
    "other minutes in prose": (
        put("deep", source="## Deep\n\n*3 minutes*\n\nWords."),
        "the part deep is told to take 3 minutes, and the metadata says 2",
    ),
    "minutes untold": (put("deep", source="## Deep\n\nWords."), "deep is told to take None minutes"),
    "another short way": (say("10 minutes from Why to Try"), "says 10 minutes from Why to Try, the parts take 8"),
    "minutes left out": (describe(minutes={"why": 2}), "should give the minutes of why, learn, visualize"),
    "no time for a part": (
        describe(minutes={**dict.fromkeys(map(str.lower, notebook_checks.PARTS), 2), "try": 0}),
        "gives 'try' 0 minutes",
    ),
    "a tenth not compared": (exempt_one_more, "8 of 10 code cells are compared, 90 % should be"),
    "a silent exemption": (put("latency", metadata={"tags": ["nbval-ignore-output"]}), "does not say what varies"),
    "a cell that is skipped": (put("say", metadata={"tags": ["nbval-skip"]}), "'say' has the tag 'nbval-skip'"),
    "an exemption by comment": (put("say", source="# NBVAL_IGNORE_OUTPUT\n1"), "has the comment NBVAL_IGNORE_OUTPUT"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_promise_is_noticed(tmp_path: Path, damage: str) -> None:
    lesson = miniature_lesson(tmp_path)
    change, complaint = DAMAGES[damage]
    change(lesson.notebook)
    assert complaint in "\n".join(problems(lesson))


HARMLESS: dict[str, Change] = {
    "a small count": say("There are 4 cameras."),
    "a count that a cell shows": say("There are 12 parcels."),
    "a count that code computes with": lambda notebook: (
        put("step-1", source="size = 1797")(notebook),
        say("There are 1,797 images.")(notebook),
    ),
    "a version": say("MLflow 3.17.2 keeps it."),
    "a number of the lesson": say("Its loss is 0.65 after one epoch."),
    "a number in code to copy": say("```python\nrate = 0.123\n```"),
    "a number in an address": say("See [the paper](https://doi.org/10.1145/0.77)."),
    "a percentage of a printed share": say("That is 31 % of the start."),
    "a drawing for the eye only": show(shown(text_html='<svg aria-hidden="true"><path/></svg>')),
    "a drawing with a title": show(shown(text_html="<svg><title>The stages</title></svg>")),
    "a heading that is a comment": say("```python\n# not a heading\n```"),
    "a path in the course": show(stream("data/raw/clicks.csv\n")),
    "a link to an own heading": say("Back to [the reasons](#why)."),
}


@pytest.mark.parametrize("addition", HARMLESS)
def test_a_kept_promise_is_not_complained_about(tmp_path: Path, addition: str) -> None:
    lesson = miniature_lesson(tmp_path)
    HARMLESS[addition](lesson.notebook)
    assert problems(lesson) == []


def test_every_check_has_a_damage_that_only_it_notices(tmp_path: Path) -> None:
    noticed = set()
    for change, complaint in DAMAGES.values():
        lesson = miniature_lesson(tmp_path)
        change(lesson.notebook)
        noticed |= {check for check in CHECKS if complaint in "\n".join(check(lesson))}
    assert noticed == set(CHECKS)


def test_the_cells_not_compared_are_listed_with_what_varies(tmp_path: Path) -> None:
    assert exempt_cells(miniature_lesson(tmp_path)) == {"cell 'latency'": "the latency of a request"}
