"""Run the notebooks and store their outputs in normal form: ``python tools/run_notebooks.py``, or ``make notebooks``.

Without options every notebook is run as on a fresh checkout, with an empty folder for the learner's work, and written
back with its outputs. ``--check`` runs nothing: it says what in the files is not as the course wants it.

Normal form means that two runs give the same file: no times, no widget state, no version of Python, execution counts
from 1 upwards, one text where a stream was stored in pieces. Nothing that an author wrote is changed.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from notebook_checks import Lesson, exempt_cells, problems, size

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
SECONDS_A_CELL = 120
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python", "pygments_lexer": "ipython3"}
VOLATILE_NOTEBOOK_METADATA = ("widgets", "signature", "orig_nbformat", "vscode", "colab", "papermill")
VOLATILE_CELL_METADATA = ("execution", "ExecuteTime", "executionInfo", "papermill", "trusted", "vscode", "colab")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def execute(path: Path, environment: Mapping[str, str], timeout: int = SECONDS_A_CELL) -> NotebookNode:
    """Run all cells of a notebook in a new kernel; the file stays as it is.

    Parameters
    ----------
    path : pathlib.Path
        The notebook; its folder is the kernel's working directory.
    environment : mapping of str to str
        All environment variables of the kernel.
    timeout : int
        Seconds after which a cell counts as hanging.

    Returns
    -------
    nbformat.NotebookNode
        The notebook with its new outputs.

    Raises
    ------
    nbclient.exceptions.CellExecutionError, nbclient.exceptions.CellTimeoutError, nbclient.exceptions.DeadKernelError
        If a cell raises, hangs, or ends the kernel.
    """
    return execute_cells(nbformat.read(path, as_version=4), path.parent, environment, timeout)


def execute_cells(
    notebook: NotebookNode,
    folder: Path,
    environment: Mapping[str, str],
    timeout: int = SECONDS_A_CELL,
    **hooks: Callable[..., object],
) -> NotebookNode:
    """Run all cells of a notebook that has been read; see `execute`.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The notebook; its outputs are replaced.
    folder : pathlib.Path
        The kernel's working directory.
    environment, timeout
        See `execute`.
    **hooks : callable
        `on_cell_execute`, `on_cell_executed` and the like; see `nbclient.NotebookClient`.

    Returns
    -------
    nbformat.NotebookNode
        The same notebook.
    """
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name=KERNELSPEC["name"],
        resources={"metadata": {"path": str(folder)}},
        coalesce_streams=True,
        record_timing=False,
        store_widget_state=False,
        **hooks,
    )
    return client.execute(env=dict(environment), transport_encryption="auto")


def fresh_environment(folder: Path) -> dict[str, str]:
    """Make the environment of a learner who starts now: an empty course home and no settings of one's own.

    Parameters
    ----------
    folder : pathlib.Path
        A new, empty folder.

    Returns
    -------
    dict of str to str
        Environment variables for `execute`.
    """
    own = {"MLOPS_LESSON_HOME": str(folder / "my_work"), "IPYTHONDIR": str(folder / "ipython")}
    return {**os.environ, **own}


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Bring a notebook into normal form.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        A notebook, with or without outputs; it is not changed.

    Returns
    -------
    nbformat.NotebookNode
        A copy in which all that differs from run to run, or from one author's editor to another's, is gone.
    """
    notebook = deepcopy(notebook)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for name in VOLATILE_NOTEBOOK_METADATA:
        notebook.metadata.pop(name, None)
    notebook.metadata.update(nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": LANGUAGE}))
    _name_cells(notebook)
    count = 0
    for cell in notebook.cells:
        for name in VOLATILE_CELL_METADATA:
            cell.metadata.pop(name, None)
        if cell.cell_type == "code":
            if cell.execution_count is not None:
                count += 1
                cell.execution_count = count
            cell.outputs = [_normal_output(output, cell.execution_count) for output in _merge_streams(cell.outputs)]
    return notebook


def _name_cells(notebook: NotebookNode) -> None:
    """Give a cell that has no id, or another cell's, the id ``cell-`` and its place."""
    taken: set[str] = set()
    for place, cell in enumerate(notebook.cells, start=1):
        name = cell.get("id") or f"cell-{place:02d}"
        while name in taken:
            name = f"cell-{place:02d}" if f"cell-{place:02d}" not in taken else f"{name}-again"
        cell.id = name
        taken.add(name)


def _merge_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    merged: list[NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == "stream" == last.output_type and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def _normal_output(output: NotebookNode, count: int | None) -> NotebookNode:
    """Drop the address of a widget that lives no longer; what else its output holds is what a reader sees."""
    if output.output_type == "execute_result":
        output.execution_count = count
    if output.output_type in ("display_data", "execute_result") and len(output.data) > 1:
        output.data.pop(WIDGET_VIEW, None)
    return output


def normal_text(notebook: NotebookNode) -> str:
    """Write a notebook in normal form as the text of its file."""
    return nbformat.writes(normalise(notebook)).rstrip("\n") + "\n"


def run_in_place(path: Path) -> float:
    """Run a notebook as on a fresh checkout and store its outputs in its file.

    Parameters
    ----------
    path : pathlib.Path
        The notebook; it is written only if every cell ran.

    Returns
    -------
    float
        Seconds from the start of the kernel to its end.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        notebook = execute(path, fresh_environment(Path(folder)))
    seconds = time.perf_counter() - started
    path.write_text(normal_text(notebook), encoding="utf-8", newline="\n")
    return seconds


def failed_cell(error: CellExecutionError | CellTimeoutError | DeadKernelError) -> str:
    """Say in one line what stopped a notebook."""
    if isinstance(error, CellExecutionError):
        return f"{error.ename}: {error.evalue}"
    return str(error).strip().splitlines()[0]


def main() -> int:
    """Run or check the notebooks named, or all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="files; all of notebooks/ if none is named")
    parser.add_argument("--check", action="store_true", help="run nothing, say what is not as it should be")
    arguments = parser.parse_args()
    paths = [path.resolve() for path in arguments.notebooks] or sorted(NOTEBOOKS.glob("*.ipynb"))
    if not paths:
        print(f"No notebook found in {NOTEBOOKS.name}/: name the files to run.")
        return 1
    wrong = 0
    for path in paths:
        took = ""
        if not arguments.check:
            try:
                took = f", {run_in_place(path):.1f} s"
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                print(f"{path.name}: stopped, and the file left as it was. {failed_cell(error)}")
                print(str(error))
                wrong += 1
                continue
        lesson = Lesson.read(path)
        found = problems(lesson)
        if path.read_text(encoding="utf-8") != normal_text(lesson.notebook):
            found.append("not in normal form: `make notebooks` writes it so")
        print(f"{path.name}: {size(lesson)}{took}")
        for name, varies in exempt_cells(lesson).items():
            print(f"  not compared: {name}, because of {varies or 'something untold'}")
        for problem in found:
            print(f"  - {problem}")
        wrong += bool(found)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
