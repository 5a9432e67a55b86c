"""Strict nbval with the course's settings notices what changed, except in the pixels of a picture."""

import base64
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parent.parent
FIGURE = 'from IPython.display import HTML\nHTML(\'<img alt="{}" src="data:image/png;base64,{}" width="{}">\')'
PIXELS, OTHER_PIXELS = (base64.b64encode(pixels).decode() for pixels in (b"one", b"another picture"))
CELLS = {
    "the same text": ("'12 parcels'", "'12 parcels'", True),
    "another number": ("0.91", "0.92", False),
    "another word printed": ("print('chute A')", "print('chute B')", False),
    "output that came to be": ("", "'12 parcels'", False),
    "other pixels": (FIGURE.format("Loss falls", PIXELS, 640), FIGURE.format("Loss falls", OTHER_PIXELS, 641), True),
    "other alternative text": (FIGURE.format("Loss falls", PIXELS, 640), FIGURE.format("It rises", PIXELS, 640), False),
    "an error": ("1", "1 / 0", False),
}


def outputs_of(source: str) -> list[nbformat.NotebookNode]:
    """What the sources above leave behind when they run."""
    if source.startswith("print"):
        return [new_output("stream", name="stdout", text=source.split("'")[1] + "\n")]
    if source.startswith("from"):
        html = source.split("'")[1]
        plain = "<IPython.core.display.HTML object>"
        return [new_output("execute_result", {"text/html": html, "text/plain": plain}, execution_count=1)]
    return [new_output("execute_result", {"text/plain": source}, execution_count=1)] if source else []


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    """Run nbval once over a notebook in which each cell is another than the one whose outputs are stored."""
    folder = tmp_path_factory.mktemp("compared")
    for name in ("conftest.py", "pyproject.toml", "tests/nbval_sanitize.cfg"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    cells = [
        new_code_cell(now, execution_count=count, outputs=outputs_of(stored))
        for count, (stored, now, _) in enumerate(CELLS.values(), start=1)
    ]
    (folder / "notebooks").mkdir()
    nbformat.write(new_notebook(cells=cells), folder / "notebooks/changed.ipynb")
    command = [sys.executable, "-m", "pytest", "-rA", "--color=no", "notebooks"]
    done = subprocess.run(command, cwd=folder, env=os.environ.copy(), capture_output=True, text=True)
    passed = {line.split("::")[1] for line in done.stdout.splitlines() if line.startswith("PASSED ")}
    failed = {line.split("::")[1].split(" - ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED ")}
    assert len(passed | failed) == len(CELLS), done.stdout
    return {name: f"Cell {place}" in passed for place, name in enumerate(CELLS)}


@pytest.mark.parametrize("change", CELLS)
def test_nbval_notices_what_a_reader_would(verdicts: dict[str, bool], change: str) -> None:
    assert verdicts[change] == CELLS[change][2]


def test_every_run_of_the_tests_compares_the_notebooks_strictly() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    assert "notebooks" in settings["testpaths"]
    assert "--nbval" in settings["addopts"]
    assert "--nbval-lax" not in settings["addopts"]
