"""Run All reaches the end of every notebook: in any order, twice in a row, offline, and leaves nothing behind.

It does so whatever a learner did before: ran cells out of order, or lost the kernel in the middle. The folder's name
has a space and letters beyond ASCII, and the second time Python does not know UTF-8 from its locale.
"""

import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from working_copy import WITHOUT_UTF8, WorkingCopy, backwards_first, each_twice

from mlops_lesson.stages import STAGES

ROOT = Path(__file__).resolve().parent.parent
NAMES = [stage.notebook for stage in STAGES]
STOPPED = "05_deployment.ipynb"


@pytest.fixture(scope="module")
def seed() -> int:
    return int(os.environ["MLOPS_LESSON_ORDER_SEED"])


LOST = "a lost kernel"
BACKWARDS = "backwards, then Run All"
TWICE = "each cell twice, without UTF-8"


@dataclass(frozen=True)
class Runs:
    """One working copy after all its runs, and what each of them complained of."""

    copy: WorkingCopy
    complaints: dict[str, list[str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Runs:
    """All six notebooks in one order, cells backwards first, and in another, each cell twice, in one working copy."""
    folder = tmp_path_factory.mktemp("run") / "Mein Kurs, été"
    for name in ("notebooks", "data"):
        shutil.copytree(ROOT / name, folder / name)
    copy = WorkingCopy(folder)
    complaints = {}
    dice = random.Random(seed)  # noqa: S311
    copy.stop_in_the_middle(STOPPED, after="impatient")
    complaints[LOST], copy.complaints = copy.complaints, []
    copy.run(dice.sample(NAMES, len(NAMES)), backwards_first)
    complaints[BACKWARDS], copy.complaints = copy.complaints, []
    copy.run(dice.sample(NAMES, len(NAMES)), each_twice, WITHOUT_UTF8)
    complaints[TWICE], copy.complaints = copy.complaints, []
    return Runs(copy, complaints)


def test_a_notebook_whose_kernel_is_lost_in_the_middle_leaves_the_others_whole(runs: Runs, seed: int) -> None:
    assert runs.complaints[LOST] == []
    assert complaints_of(runs, BACKWARDS, STOPPED) == [], f"with {seed=}, the order was {runs.copy.ran}"


@pytest.mark.parametrize("name", NAMES)
def test_cells_from_the_last_to_the_first_say_what_they_need_and_run_all_reaches_the_end(
    runs: Runs, seed: int, name: str
) -> None:
    assert complaints_of(runs, BACKWARDS, name) == [], f"with {seed=}, the order was {runs.copy.ran}"
    assert name in runs.copy.ran[: len(NAMES)]


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_runs_twice_in_a_row_in_a_locale_without_utf8(runs: Runs, seed: int, name: str) -> None:
    assert complaints_of(runs, TWICE, name) == [], f"with {seed=}, the order was {runs.copy.ran}"
    assert name in runs.copy.ran[len(NAMES) :]


def complaints_of(runs: Runs, kind: str, name: str) -> list[str]:
    return [text for text in runs.complaints[kind] if text.startswith(f"{name}: ")]


def test_a_folder_with_spaces_and_letters_is_no_hindrance(runs: Runs) -> None:
    assert " " in runs.copy.folder.name
    assert not runs.copy.folder.name.isascii()
    assert list(runs.complaints.values()) == [[], [], []]
    assert (runs.copy.folder / "my_work" / "registry.db").is_file()


def test_no_notebook_needs_another_machine(runs: Runs) -> None:
    assert runs.copy.attempts_to_leave == []


def test_the_notebooks_write_only_into_the_learners_folder(runs: Runs) -> None:
    assert runs.copy.changed_files == []


def test_the_notebooks_leave_no_process_behind(runs: Runs) -> None:
    assert runs.copy.processes_left() == []


BAD_HABITS = """\
import socket, subprocess, sys, warnings
from pathlib import Path
for reach in (socket.socket().connect, lambda address: socket.getaddrinfo(*address)):
    try:
        reach(("192.0.2.1", 80))
    except OSError:
        pass
Path("../data/numbers.csv").write_text("changed")
_ = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
warnings.warn("the data is old")"""

TOO_EARLY = "answer = 42", "from pathlib import Path\n\nPath('../my_work/answers').write_text('')\nprint(answer)"


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> WorkingCopy:
    """A course whose notebooks do what a notebook should not."""
    folder = tmp_path_factory.mktemp("careless")
    for name in ("notebooks", "data"):
        (folder / name).mkdir()
    (folder / "data/numbers.csv").write_text("1\n", encoding="utf-8")
    for name, sources in {"careless": [BAD_HABITS], "stops": ["{}['lux']"], "early": TOO_EARLY}.items():
        cells = [new_code_cell(source) for source in sources]
        nbformat.write(new_notebook(cells=cells), folder / f"notebooks/{name}.ipynb")
    copy = WorkingCopy(folder)
    copy.run(["careless.ipynb", "stops.ipynb"])
    (folder / "my_work").mkdir()
    copy.run(["early.ipynb"], backwards_first)
    return copy


def test_a_warning_is_noticed(careless: WorkingCopy) -> None:
    assert any("careless.ipynb: " in text and "UserWarning" in text for text in careless.complaints)


def test_a_notebook_that_stops_is_noticed(careless: WorkingCopy) -> None:
    assert "stops.ipynb: KeyError: 'lux'" in careless.complaints


def test_a_cell_that_is_run_too_early_and_writes_is_noticed(careless: WorkingCopy) -> None:
    told = [text for text in careless.complaints if text.startswith("early.ipynb: ")]
    assert len(told) == 1
    assert told[0].endswith("-extra stopped, but changed answers")


def test_an_attempt_to_leave_the_machine_is_noticed(careless: WorkingCopy) -> None:
    assert careless.attempts_to_leave == ["socket.connect 192.0.2.1", "socket.getaddrinfo 192.0.2.1"]


def test_a_changed_file_is_noticed(careless: WorkingCopy) -> None:
    assert careless.changed_files == ["data/numbers.csv"]


def test_a_process_left_behind_is_noticed(careless: WorkingCopy) -> None:
    left = careless.processes_left(seconds=0.1)
    for process in left:
        process.kill()
    assert len(left) == 1
