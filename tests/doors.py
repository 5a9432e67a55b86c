"""Run the code of one part of a notebook in a new process with nothing defined, where the large libraries are at hand.

A fork server imports the libraries once; each part gets a fork of it. So a part costs what its own work costs, not the
seconds that a kernel needs to import scikit-learn and MLflow.
"""

import multiprocessing
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat

LIBRARIES = (
    "mlops_lesson",
    "nbformat",
    "IPython",
    "ipywidgets",
    "matplotlib.figure",
    "mlflow",
    "pandas",
    "sklearn.neural_network",
)
LIBRARIES += ("scipy.stats", "skops.io", "fastapi", "httpx", "pandera.pandas")
SECONDS = 180


def parts_of(notebook: Path) -> Iterator[tuple[str, list[str]]]:
    """Return the parts of a notebook that have code, each with its code cells."""
    found: dict[str, list[str]] = {}
    part = ""
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "markdown" and (heading := re.search(r"^## (\w+)", cell.source, re.MULTILINE)):
            part = heading[1]
        elif cell.cell_type == "code" and part:
            found.setdefault(part, []).append(cell.source)
    yield from found.items()


def what_stops(cells: Sequence[str], folder: Path, environment: dict[str, str]) -> str:
    """Run cells in a new process and say what stopped them; nothing if they all ran."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*LIBRARIES])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(list(cells), folder, environment, theirs))
    process.start()
    theirs.close()
    answered = ours.poll(SECONDS)
    try:
        return str(ours.recv()) if answered else f"had not ended after {SECONDS} seconds"
    except EOFError:
        return "the process ended"
    finally:
        process.join(20)
        process.kill()


def _run(cells: list[str], folder: Path, environment: dict[str, str], pipe: object) -> None:
    import atexit

    os.chdir(folder)
    os.environ.update(environment)
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(null, stream)
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    stopped = ""
    for cell in cells:
        done = shell.run_cell(cell)
        if error := done.error_before_exec or done.error_in_exec:
            stopped = f"{type(error).__name__}: {error}\nin the cell\n{cell}"
            break
    # What the libraries and the course leave for the end of an interpreter, such as stopping a service.
    atexit._run_exitfuncs()
    pipe.send(stopped)  # type: ignore[attr-defined]
