"""`make notebooks`: runs a notebook as on a fresh checkout and stores it in normal form."""

import json
from pathlib import Path

import nbformat
import pytest
import run_notebooks
from miniature import miniature_lesson, miniature_notebook
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from run_notebooks import normal_text, normalise, run_in_place

WIDGET_VIEW = {"model_id": "0a1b2c", "version_major": 2, "version_minor": 0}


def notebook_of(*outputs: nbformat.NotebookNode, **metadata: object) -> nbformat.NotebookNode:
    cell = new_code_cell("1 + 1", id="sum", execution_count=41, outputs=list(outputs), metadata=metadata)
    return new_notebook(cells=[new_markdown_cell("# Sum", id="title"), cell])


def test_counts_begin_at_one_and_results_have_the_count_of_their_cell() -> None:
    result = new_output("execute_result", {"text/plain": "2"}, execution_count=41)
    cell = normalise(notebook_of(result)).cells[1]
    assert (cell.execution_count, cell.outputs[0].execution_count) == (1, 1)


def test_a_cell_that_never_ran_is_not_made_to_look_as_if() -> None:
    notebook = notebook_of()
    notebook.cells[1].execution_count = None
    assert normalise(notebook).cells[1].execution_count is None


def test_a_stream_stored_in_pieces_is_joined() -> None:
    pieces = [new_output("stream", name="stdout", text=text) for text in ("a\n", "b\n")]
    (output,) = normalise(notebook_of(*pieces)).cells[1].outputs
    assert output.text == "a\nb\n"


def test_streams_of_two_kinds_are_not_joined() -> None:
    pieces = [new_output("stream", name=name, text="a\n") for name in ("stdout", "stderr")]
    assert len(normalise(notebook_of(*pieces)).cells[1].outputs) == 2


def test_times_and_traces_of_editors_go_and_what_authors_wrote_stays() -> None:
    written = {
        "tags": ["nbval-ignore-output"],
        "mlops_lesson": {"varies": "a port"},
        "jupyter": {"source_hidden": True},
    }
    notebook = notebook_of(**written, execution={"iopub.execute_input": "2026-11-23"}, ExecuteTime={}, trusted=True)
    assert normalise(notebook).cells[1].metadata == written


def test_the_notebook_keeps_what_the_course_says_of_it_and_no_version_of_python() -> None:
    notebook = miniature_notebook()
    own = notebook.metadata.mlops_lesson
    notebook.metadata.update(language_info={"name": "python", "version": "3.11.7"}, kernelspec={"name": "my-venv"})
    normal = normalise(notebook).metadata
    assert normal.mlops_lesson == own
    assert "3.11" not in json.dumps(normal)
    assert normal.kernelspec == {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def test_a_widget_leaves_its_text_and_no_address() -> None:
    data = {
        "application/vnd.jupyter.widget-view+json": WIDGET_VIEW,
        "text/plain": "a slider",
        "text/html": "<p>a slider",
    }
    notebook = notebook_of(new_output("display_data", data))
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    normal = normalise(notebook)
    assert normal.cells[1].outputs[0].data == {"text/plain": "a slider", "text/html": "<p>a slider"}
    assert "widgets" not in normal.metadata


def test_ids_are_kept_and_missing_or_double_ones_are_replaced() -> None:
    notebook = notebook_of()
    notebook.cells += [new_markdown_cell("a", id="sum"), new_markdown_cell("b", id="b")]
    notebook.cells[0].pop("id")
    assert [cell.id for cell in normalise(notebook).cells] == ["cell-01", "sum", "cell-03", "b"]


def test_normal_form_does_not_change_when_normalised_again() -> None:
    once = normal_text(miniature_notebook())
    assert normal_text(nbformat.reads(once, as_version=4)) == once


def test_normalising_leaves_the_given_notebook_as_it_is() -> None:
    notebook = notebook_of()
    normalise(notebook)
    assert notebook.cells[1].execution_count == 41


SHOW_HOME = "import os\nfrom pathlib import Path\nlist(Path(os.environ['MLOPS_LESSON_HOME']).glob('*'))"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A notebook as an author leaves it: not run yet."""
    path = tmp_path / "lesson.ipynb"
    cells = [new_code_cell(SHOW_HOME, id="home"), new_code_cell("print('a')\nprint('b', flush=True)", id="print")]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_a_run_stores_outputs_and_begins_with_an_empty_folder_for_the_work(written: Path) -> None:
    run_in_place(written)
    home, printed = nbformat.read(written, as_version=4).cells
    assert (home.execution_count, home.outputs[0].data["text/plain"]) == (1, "[]")
    assert (printed.execution_count, printed.outputs[0].text) == (2, "a\nb\n")


def test_a_second_run_gives_the_same_file(written: Path) -> None:
    run_in_place(written)
    first = written.read_bytes()
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


def test_a_cell_that_hangs_is_stopped(written: Path) -> None:
    nbformat.write(new_notebook(cells=[new_code_cell("while True:\n    pass", id="hangs")]), written)
    environment = run_notebooks.fresh_environment(written.parent)
    with pytest.raises(run_notebooks.CellTimeoutError):
        run_notebooks.execute(written, environment, timeout=1)


def test_check_runs_nothing_and_says_what_is_wrong(
    written: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = written.read_bytes()
    monkeypatch.setattr("sys.argv", ["run_notebooks.py", "--check", str(written)])
    assert run_notebooks.main() == 1
    said = capsys.readouterr().out
    assert "cell 'home' has the execution count None" in said
    assert "not in normal form" in said
    assert written.read_bytes() == before


def test_check_lists_the_cells_that_are_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lesson = miniature_lesson(tmp_path)
    monkeypatch.setattr("sys.argv", ["run_notebooks.py", "--check", str(lesson.path)])
    run_notebooks.main()
    assert "not compared: cell 'latency', because of the latency of a request" in capsys.readouterr().out
