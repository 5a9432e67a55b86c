"""Run the notebooks and store their outputs in normal form: ``python tools/run_notebooks.py``, or ``make notebooks``.

Without options every stale notebook is run as on a fresh checkout, with an empty folder for the learner's work, and
written back with its outputs. A notebook is stale when something changed since it was run of which its outputs are
made: its own code, the package, the data, the libraries. Notebooks that are named are run in any case. ``--check``
runs nothing: it says what is stale, and what in the files is not as the course wants it.

Normal form means that two runs give the same file: no times, no widget state, no version of Python, execution counts
from 1 upwards. Nothing that an author wrote is changed.
"""

import argparse
import hashlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from notebook_checks import Lesson, exempt_cells, problems

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
TEXTS = (".toml", ".js", ".mplstyle", ".j2", ".py")
OF_A_STAGE = re.compile(r"(?:stage_|0)([1-6])")
UNSEEN_ROOMS = ("mlops_lesson/instructors", "mlops_lesson/starter")
SECONDS_A_CELL = 120
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python", "pygments_lexer": "ipython3"}
VOLATILE_NOTEBOOK_METADATA = ("widgets", "signature", "orig_nbformat", "vscode", "colab", "papermill")
VOLATILE_CELL_METADATA = ("execution", "ExecuteTime", "executionInfo", "papermill", "trusted", "vscode", "colab")
LEARNER = re.compile(r'data-learner="[0-9a-f]+"')
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def execute(path: Path, environment: Mapping[str, str], timeout: int = SECONDS_A_CELL) -> NotebookNode:
    """Run all cells of a notebook in a new kernel and return it with its outputs; the file stays as it is."""
    return execute_cells(nbformat.read(path, as_version=4), path.parent, environment, timeout)


def execute_cells(
    notebook: NotebookNode,
    folder: Path,
    environment: Mapping[str, str],
    timeout: int = SECONDS_A_CELL,
    *,
    allow_errors: bool = False,
) -> NotebookNode:
    """Run all cells of a notebook that has been read, and replace its outputs.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The notebook.
    folder : pathlib.Path
        The kernel's working directory.
    environment : mapping of str to str
        All environment variables of the kernel.
    timeout : int
        Seconds after which a cell counts as hanging.
    allow_errors : bool
        True to go on after a cell that raises.

    Returns
    -------
    nbformat.NotebookNode
        The same notebook.

    Raises
    ------
    nbclient.exceptions.CellExecutionError, nbclient.exceptions.CellTimeoutError, nbclient.exceptions.DeadKernelError
        If a cell raises, hangs, or ends the kernel.
    """
    client = NotebookClient(
        notebook,
        timeout=timeout,
        allow_errors=allow_errors,
        kernel_name=KERNELSPEC["name"],
        resources={"metadata": {"path": str(folder)}},
        coalesce_streams=True,
        record_timing=False,
        store_widget_state=False,
    )
    return client.execute(env=dict(environment), transport_encryption="auto")


def fresh_environment(folder: Path) -> dict[str, str]:
    """Make the environment of a learner who starts now in an empty folder, with no settings of one's own."""
    own = {"MLOPS_LESSON_HOME": str(folder / "my_work"), "IPYTHONDIR": str(folder / "ipython")}
    return {**os.environ, **own, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def inputs_of(path: Path) -> dict[str, str]:
    """Return what the outputs of a notebook are made of, each with a short hash of its content.

    Parameters
    ----------
    path : pathlib.Path
        The notebook.

    Returns
    -------
    dict of str to str
        Hashes of the notebook's own code, of the data, of the pinned libraries, and of each room of the package,
        without the questions and exercises of later stages.
    """
    code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    files = {"the data": [ROOT / "data" / "MANIFEST.sha256"], "the libraries": [ROOT / "environment.yml"]}
    for file in sorted((ROOT / "mlops_lesson").rglob("*")):
        room = file.parent.relative_to(ROOT).as_posix()
        stage = OF_A_STAGE.match(file.name)
        is_later = stage is not None and stage[1] > path.name[1]
        if file.suffix in TEXTS and not room.startswith(UNSEEN_ROOMS) and not is_later:
            files.setdefault(room, []).append(file)
    hashes = {name: _hash(file.read_text(encoding="utf-8") for file in those) for name, those in files.items()}
    return {"its code": _hash(code), **hashes}


def _hash(texts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]


def why_stale(path: Path) -> list[str]:
    """Return what has changed since a notebook was run; nothing if its outputs are current."""
    before = Lesson.read(path).own_metadata.get("made_of", {})
    now = inputs_of(path)
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Copy a notebook without all that differs from run to run, or from one author's editor to another's."""
    notebook = deepcopy(notebook)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for name in VOLATILE_NOTEBOOK_METADATA:
        notebook.metadata.pop(name, None)
    notebook.metadata.update(nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": LANGUAGE}))
    count = 0
    for cell in notebook.cells:
        for name in VOLATILE_CELL_METADATA:
            cell.metadata.pop(name, None)
        if cell.cell_type == "code":
            if cell.execution_count is not None:
                count += 1
                cell.execution_count = count
            cell.outputs = [_normal_output(output, cell.execution_count) for output in cell.outputs]
    return notebook


def _normal_output(output: NotebookNode, count: int | None) -> NotebookNode:
    """Drop the address of a widget that lives no longer, and whose notebook it was; the rest is what a reader sees."""
    if output.output_type == "execute_result":
        output.execution_count = count
    if output.output_type in ("display_data", "execute_result") and len(output.data) > 1:
        output.data.pop(WIDGET_VIEW, None)
    if "text/html" in output.get("data", {}):
        output.data["text/html"] = LEARNER.sub('data-learner=""', output.data["text/html"])
    return output


def normal_text(notebook: NotebookNode) -> str:
    """Write a notebook in normal form as the text of its file."""
    return nbformat.writes(normalise(notebook)).rstrip("\n") + "\n"


def run_in_place(path: Path) -> float:
    """Run a notebook as on a fresh checkout, store its outputs if every cell ran, and return the seconds."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        notebook = execute(path, fresh_environment(Path(folder)))
    seconds = time.perf_counter() - started
    notebook.metadata.setdefault("mlops_lesson", NotebookNode())["made_of"] = inputs_of(path)
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
    parser.add_argument(
        "notebooks", nargs="*", type=Path, help="files; those of notebooks/ that are stale if none is named"
    )
    parser.add_argument("--check", action="store_true", help="run nothing, say what is not as it should be")
    arguments = parser.parse_args()
    paths = [path.resolve() for path in arguments.notebooks] or sorted(NOTEBOOKS.glob("*.ipynb"))
    wrong = 0
    for path in paths:
        took, stale = "", why_stale(path)
        if stale:
            print(f"{path.name} is stale; changed since it was run: {', '.join(stale)}")
        if not arguments.check and (stale or arguments.notebooks):
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
        print(f"{path.name}: {len(lesson.notebook.cells)} cells, {lesson.words} words{took}")
        for name, varies in exempt_cells(lesson).items():
            print(f"  not compared: {name}, because of {varies or 'something that it does not name'}")
        for problem in found:
            print(f"  - {problem}")
        wrong += bool(found)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
