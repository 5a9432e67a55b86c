"""Strict nbval with the course's settings notices what changed, in words and in pictures."""

import base64
import io
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_notebook, new_output
from pictures import differ
from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT = Path(__file__).resolve().parent.parent
FIGURE = 'from IPython.display import HTML\nHTML(\'<img alt="{}" src="data:image/png;base64,{}" width="{}">\')'


def drawn(x_label: str, height: float = 1.0, version: str = "3.11") -> bytes:
    """Draw a figure as the course does, and say which matplotlib did."""
    figure = Figure(figsize=(4, 2.5), layout="constrained")
    axis = figure.subplots()
    axis.plot([0, 1, 2], [0, height, 1])
    axis.set(xlabel=x_label, ylabel="share right")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": f"Matplotlib version{version}"})
    return buffer.getvalue()


def slightly_otherwise(picture: bytes) -> bytes:
    """Return a picture as another computer may draw it: each pixel some grey levels off."""
    image = Image.open(io.BytesIO(picture))
    pixels = np.asarray(image.convert("RGB"), dtype=int)
    noise = np.random.default_rng(0).integers(-6, 7, pixels.shape)
    buffer = io.BytesIO()
    software = PngInfo()
    software.add_text("Software", image.info["Software"])
    Image.fromarray(np.clip(pixels + noise, 0, 255).astype("uint8")).save(buffer, "png", pnginfo=software)
    return buffer.getvalue()


PICTURE = drawn("epoch")
PIXELS, OTHER_PIXELS = (base64.b64encode(pixels).decode() for pixels in (PICTURE, drawn("batch")))
CELLS = {
    "the same text": ("'12 parcels'", "'12 parcels'", True),
    "another number": ("0.91", "0.92", False),
    "another word printed": ("print('chute A')", "print('chute B')", False),
    "output that came to be": ("", "'12 parcels'", False),
    "another width": (FIGURE.format("Loss falls", PIXELS, 640), FIGURE.format("Loss falls", PIXELS, 641), True),
    "another picture": (FIGURE.format("It falls", PIXELS, 640), FIGURE.format("It falls", OTHER_PIXELS, 640), False),
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
    for name in ("conftest.py", "pyproject.toml", "tests/nbval_sanitize.cfg", "tools/pictures.py"):
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


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (slightly_otherwise(PICTURE), False),
        (drawn("batch"), True),
        (drawn("epoch", height=1.1), True),
        (drawn("batch", version="3.9"), False),
        (drawn("epoch", height=2.0, version="3.9"), True),
    ],
    ids=["another computer", "another label", "another curve", "another matplotlib", "another matplotlib's curve"],
)
def test_pictures_are_told_apart_by_what_they_show(other: bytes, told: bool) -> None:
    assert differ(PICTURE, other) == told
