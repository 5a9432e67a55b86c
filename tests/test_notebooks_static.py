"""What the stored files of the six notebooks promise, and that the subtle checks notice a broken promise."""

from collections.abc import Callable
from pathlib import Path

import nbformat
import notebook_checks as checks
import pytest
import run_notebooks
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_checks import CHECKS, Lesson, exempt_cells
from run_notebooks import NOTEBOOKS, ROOT, normal_text, run_in_place, why_stale
from terms import terms_without_an_explanation

from mlops_lesson.stages import STAGES

NAMES = [stage.notebook for stage in STAGES]


@pytest.fixture(scope="module")
def lessons() -> dict[str, Lesson]:
    return {path.name: Lesson.read(path) for path in NOTEBOOKS.glob("*.ipynb")}


def test_there_is_one_notebook_for_each_stage(lessons: dict[str, Lesson]) -> None:
    assert sorted(lessons) == NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_notebook_keeps_the_promise(lessons: dict[str, Lesson], name: str, check: Callable) -> None:
    assert list(check(lessons[name])) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_notebook_is_stored_in_normal_form(lessons: dict[str, Lesson], name: str) -> None:
    assert (NOTEBOOKS / name).read_text(encoding="utf-8") == normal_text(lessons[name].notebook), "run `make notebooks`"


def test_terms_are_explained_before_they_are_used(lessons: dict[str, Lesson]) -> None:
    assert list(terms_without_an_explanation([lessons[name] for name in NAMES])) == []


def test_the_package_silences_no_warning() -> None:
    modules = (ROOT / "mlops_lesson").rglob("*.py")
    assert [file.name for file in modules if checks.SILENCER.search(file.read_text(encoding="utf-8"))] == []


def complaints(text: str, shows: str, code: str = "print()", **facts: str) -> str:
    """Return what is said about the numbers in a text whose notebook shows an output."""
    cells = [new_markdown_cell(text, id="said"), new_code_cell(code, id="ran", execution_count=1)]
    cells[1].outputs = [new_output("stream", name="stdout", text=shows)]
    notebook = new_notebook(cells=cells, metadata={"mlops_lesson": {"given_facts": facts}})
    return "\n".join(checks.numbers_in_prose_come_from_somewhere(Lesson(Path("notebooks/it.ipynb"), notebook)))


def test_a_number_in_prose_that_comes_from_nowhere_is_noticed() -> None:
    text = "In 12 % of 1,898 runs 0.92 is right. Set `rate=0.074` first. It takes 2.5s. We ask for 95 %."
    found = complaints(text, "0.91 0.13 1,797 25", **{"95 %": "so", "0.7": "the dimmed lamps shine so"})
    for said in ("12 %, which stands in no output", "0.92, which stands in no output", "0.074", "2.5", "1,898"):
        assert f"says {said}" in found
    assert "95 % needs a reason" in found
    assert "0.7 stands in no prose" in found


def test_a_number_that_comes_from_somewhere_is_not_complained_about() -> None:
    text = "The loss falls. 4 cameras, 12 parcels, 1,797 images. 31 % of the start. MLflow 3.17.2, see [the paper]"
    text += "(https://doi.org/10.1145/0.77). Its loss is 0.65 after one epoch.\n\n```python\nrate = 0.123\n```"
    assert complaints(text, "parcels: 12, share 0.31", code="size = 1797") == ""


def test_minutes_count_prose_code_outputs_and_the_explorer_up_to_try() -> None:
    explorer = new_output("display_data", {"text/plain": "Explorer: it"})
    cells = [
        new_markdown_cell("word " * 200),
        new_code_cell("import numpy\n" + "a = 1\n" * 6, outputs=[new_output("stream", name="stdout", text="1")]),
        new_code_cell("strip(1)", metadata={"jupyter": {"source_hidden": True}}),
        new_code_cell("\n".join("abc"), outputs=[explorer]),
        new_markdown_cell("## Deep\n\n" + "word " * 200),
    ]
    assert checks.minutes_to_try(Lesson(Path(), new_notebook(cells=cells))) == pytest.approx(1 + 0.5 + 0.25 + 0.25 + 2)


def test_a_term_used_before_it_is_explained_is_named() -> None:
    def lesson(*texts: str) -> Lesson:
        return Lesson(Path(), new_notebook(cells=[new_markdown_cell(text) for text in texts]))

    one, two = lesson("# A title", "An epoch ends."), lesson("An **epoch** is one pass.")
    assert "epoch" in " ".join(terms_without_an_explanation([one, two]))
    assert "epoch" not in " ".join(terms_without_an_explanation([two, one]))


def test_the_cells_not_compared_are_those_whose_outputs_are_times(lessons: dict[str, Lesson]) -> None:
    assert sum(len(exempt_cells(lesson)) for lesson in lessons.values()) <= 2


SHOW_HOME = "import os\nfrom pathlib import Path\nlist(Path(os.environ['MLOPS_LESSON_HOME']).glob('*'))"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A notebook as an author leaves it: not run yet."""
    path = tmp_path / "lesson.ipynb"
    widget = new_output("display_data", {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "a slider"})
    cells = [
        new_code_cell(SHOW_HOME, id="home"),
        new_code_cell("print('a')\nprint('b', flush=True)", id="print", metadata={"execution": {"at": "noon"}}),
        new_code_cell("", id="widget", outputs=[widget], execution_count=7),
    ]
    nbformat.write(new_notebook(cells=cells, metadata={"widgets": {"state": {}}}), path)
    return path


def test_a_run_begins_with_an_empty_folder_and_two_runs_give_the_same_file(written: Path) -> None:
    run_in_place(written)
    first = written.read_bytes()
    notebook = nbformat.read(written, as_version=4)
    assert notebook.cells[0].outputs[0].data["text/plain"] == "[]"
    assert [(output.text) for output in notebook.cells[1].outputs] == ["a\nb\n"]
    assert b"noon" not in first
    assert "widgets" not in notebook.metadata
    run_in_place(written)
    assert written.read_bytes() == first


def test_a_cell_that_raises_is_named_and_the_file_left_as_it_was(
    written: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nbformat.write(new_notebook(cells=[new_code_cell("{}['lux']", id="fails")]), written)
    before = written.read_bytes()
    monkeypatch.setattr("sys.argv", ["run_notebooks.py", str(written)])
    assert run_notebooks.main() == 1
    assert "lesson.ipynb: stopped, and the file left as it was. KeyError: 'lux'" in capsys.readouterr().out
    assert written.read_bytes() == before


def test_a_notebook_is_stale_when_what_it_is_made_of_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_notebooks, "ROOT", tmp_path)
    of_stage = "mlops_lesson/teaching/exercises/stage_{}.toml".format
    for name in ("environment.yml", "data/MANIFEST.sha256", "mlops_lesson/show/page.py", of_stage(1), of_stage(2)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    notebook = tmp_path / "01_it.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1 + 1")]), notebook)
    assert "its code" in why_stale(notebook)
    run_in_place(notebook)
    assert why_stale(notebook) == []
    (tmp_path / of_stage(2)).write_text("later = 1")
    assert why_stale(notebook) == []
    for name in ("mlops_lesson/show/page.py", of_stage(1), "data/MANIFEST.sha256"):
        (tmp_path / name).write_text("x = 1")
    assert why_stale(notebook) == ["mlops_lesson/show", "mlops_lesson/teaching/exercises", "the data"]
