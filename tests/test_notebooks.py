"""Run All gives the stored outputs, offline; it writes only into its learner's folder and ends what it starts."""

import io
import os
import subprocess
from pathlib import Path

import nbformat
import numpy as np
import pytest
from guarded import Guarded
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_notebook, new_output
from pictures import differ
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mlops_lesson.stages import STAGES

ROOT = Path(__file__).resolve().parent.parent
STRICT = (
    *("-m", "pytest", "-q", "--color=no", "--noconftest", "--rootdir", str(ROOT)),
    *("-p", "no:cacheprovider", "-p", "nbval", "-p", "nbval_pictures"),
    *("--nbval", "--nbval-current-env", "--nbval-cell-timeout=120"),
    f"--nbval-sanitize-with={ROOT / 'tests' / 'nbval_sanitize.cfg'}",
)


def compare(notebook: Path, folder: Path) -> tuple[Guarded, subprocess.CompletedProcess[str]]:
    """Let strict nbval run a notebook and compare its outputs with those that are stored."""
    guarded = Guarded(folder)
    paths = [str(ROOT / "tests"), str(ROOT / "tools"), guarded.environment["PYTHONPATH"]]
    guarded.environment["PYTHONPATH"] = os.pathsep.join(paths)
    return guarded, guarded.python(*STRICT, str(notebook))


@pytest.mark.parametrize("name", [stage.notebook for stage in STAGES])
def test_run_all_gives_the_stored_outputs_offline_and_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    guarded, done = compare(ROOT / "notebooks" / name, tmp_path)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    assert guarded.complaints == []
    assert guarded.processes_left() == []


BAD_HABITS = """\
import socket, subprocess, sys
from pathlib import Path
for reach in (socket.socket().connect, lambda address: socket.getaddrinfo(*address)):
    try:
        reach(("192.0.2.1", 80))
    except OSError:
        pass
_ = Path("../data/numbers.csv").write_text("changed")
_ = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)"""


def test_a_careless_notebook_is_found_out(tmp_path: Path) -> None:
    for name in ("notebooks", "data", "learner"):
        (tmp_path / name).mkdir()
    notebook = tmp_path / "notebooks" / "careless.ipynb"
    stored = [new_output("execute_result", {"text/plain": "0.91"}, execution_count=2)]
    cells = [new_code_cell(BAD_HABITS, execution_count=1), new_code_cell("0.92", execution_count=2, outputs=stored)]
    nbformat.write(new_notebook(cells=cells), notebook)
    guarded, done = compare(notebook, tmp_path / "learner")
    left = guarded.processes_left(seconds=0.1)
    for process in left:
        process.kill()
    assert len(left) == 1
    assert "1 failed, 1 passed" in done.stdout
    changed = f"open {tmp_path}/data/numbers.csv"
    assert guarded.complaints == ["socket.connect 192.0.2.1", "socket.getaddrinfo 192.0.2.1", changed]


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


@pytest.mark.parametrize(
    ("other", "reported"),
    [
        (slightly_otherwise(drawn("epoch")), False),
        (drawn("batch"), True),
        (drawn("epoch", height=1.1), True),
        (drawn("batch", version="3.9"), False),
        (drawn("epoch", height=2.0, version="3.9"), True),
    ],
    ids=["another computer", "another label", "another curve", "another matplotlib", "another matplotlib's curve"],
)
def test_pictures_are_compared_by_what_they_show(other: bytes, reported: bool) -> None:
    assert differ(drawn("epoch"), other) == reported
