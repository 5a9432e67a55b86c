"""The class hub, started for real on the loopback address with two simulated learners and a short notebook."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import classroom
import httpx
import nbformat
import psutil
import pytest
from class_settings import COURSE, SETTINGS
from classroom import Hub, Learner
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.nightly

if sys.platform != "linux":
    pytest.skip("the class hub runs on Linux", allow_module_level=True)

NOTEBOOK = "course/notebooks/01_data_collection.ipynb"
ABOUT_ME = """\
import json, os
from pathlib import Path
import mlops_lesson
from mlops_lesson.keep.paths import course_root, home
about = {"package": mlops_lesson.__file__, "course": str(course_root()), "work": str(home())}
home().mkdir()
about["cores"] = len(os.sched_getaffinity(0))
_ = Path.home().joinpath("about.json").write_text(json.dumps(about))"""
TOO_MUCH = f"too_much = bytearray({SETTINGS['learner']['memory_limit_gb'] + 1} * 2**30)"
LEARNERS_ANSWER = "answer = 'mine'"


def write_course(folder: Path, term: str) -> None:
    """Write a small course: the real package and one short notebook that tells its term."""
    for name in ("notebooks", "data"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    if not (folder / "mlops_lesson").exists():
        shutil.copytree(COURSE / "mlops_lesson", folder / "mlops_lesson", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "data" / "MANIFEST.sha256").write_text("")
    (folder / "README.md").write_text(f"The course in {term}\n")
    cells = [new_code_cell(source, id=f"cell-{place}") for place, source in enumerate(("answer = ...", ABOUT_ME))]
    for name in ("01_data_collection", "02_data_preprocessing"):
        notebook = new_notebook(cells=[*cells, new_code_cell(f"term = {term!r}", id="term")])
        nbformat.write(notebook, folder / "notebooks" / f"{name}.ipynb")


@dataclass
class Seen:
    """What was seen while the hub ran and after it had stopped."""

    errors: dict[str, list[str]] = field(default_factory=dict)
    about: dict[str, dict[str, Any]] = field(default_factory=dict)
    after_too_much: list[str] = field(default_factory=list)
    too_much: list[str] = field(default_factory=list)
    lab_settings: dict[str, Any] = field(default_factory=dict)
    neighbour: int = 0
    wrong_password: int = 0
    listening: set[str] = field(default_factory=set)
    culler: list[str] = field(default_factory=list)
    after_update: dict[str, Any] = field(default_factory=dict)
    homes: Path = Path()
    left: list[str] = field(default_factory=list)
    running: list[psutil.Process] = field(default_factory=list)
    url: str = ""
    log: str = ""


async def spend_a_term(hub: Hub, course: Path, seen: Seen) -> None:
    learners = [Learner(hub, "ada"), Learner(hub, "grace")]
    first = learners[0]
    await asyncio.gather(*(learner.log_in() for learner in learners))
    await asyncio.gather(*(learner.start_server() for learner in learners))
    found = await asyncio.gather(*(learner.run_notebook(NOTEBOOK) for learner in learners))
    for learner, errors in zip(learners, found, strict=True):
        seen.errors[learner.name] = errors
        seen.about[learner.name] = json.loads(await learner.read("about.json"))
    seen.too_much = await first.execute(TOO_MUCH)
    seen.after_too_much = await first.execute("1 + 1")
    plugin = "@jupyterlab/apputils-extension:notification"
    seen.lab_settings = (await first.call("GET", f"/user/ada/lab/api/settings/{plugin}")).json()
    try:
        await first.call("GET", "/user/grace/api/contents/about.json")
    except httpx.HTTPStatusError as refused:
        seen.neighbour = refused.response.status_code
    stranger = Learner(hub, "mallory")
    try:
        await stranger.log_in("not the password")
    except httpx.HTTPStatusError as refused:
        seen.wrong_password = refused.response.status_code
    for process in hub.processes():
        seen.listening |= {at.laddr.ip for at in process.net_connections("inet") if at.status == psutil.CONN_LISTEN}
        if any("jupyterhub-idle-culler" in word for word in process.cmdline()):
            seen.culler = process.cmdline()

    notebook = await first.read(NOTEBOOK)
    notebook["cells"][0]["source"] = LEARNERS_ANSWER
    await first.write(NOTEBOOK, notebook, "notebook")
    await first.write("my_work/models.txt", "a month of work")
    await first.stop_server()
    write_course(course, "spring")
    hub.publish(course)
    await first.start_server()
    for name in ("notebooks/01_data_collection.ipynb", "notebooks/02_data_preprocessing.ipynb", "README.md"):
        seen.after_update[name] = await first.read(f"course/{name}")
    seen.after_update["my_work"] = await first.read("my_work/models.txt")
    for learner in (*learners, stranger):
        await learner.__aexit__()


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    if reason := classroom.missing_program():
        pytest.skip(f"the class hub is not tested: {reason}")
    seen = Seen()
    # Not pytest's folder: the paths of the kernels' sockets have to be short.
    with tempfile.TemporaryDirectory(prefix="hub_") as folder:
        course = Path(folder, "published")
        write_course(course, "autumn")
        hub = Hub(Path(folder, "hub"), course)
        seen.homes, seen.url = hub.homes, hub.url
        with hub:
            try:
                # In a thread of its own, because a browser test before this one leaves its event loop running in this.
                with ThreadPoolExecutor(1) as thread:
                    thread.submit(lambda: asyncio.run(spend_a_term(hub, course, seen))).result()
            except Exception as error:
                error.add_note(hub.last_words(40))
                raise
            seen.running = hub.processes()
            seen.left = hub.stop()
            seen.log = hub.log.read_text(encoding="utf-8", errors="replace")
        yield seen


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process runs; one that has ended may wait for the system to take note."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_each_learner_runs_the_notebook_without_an_error(seen: Seen) -> None:
    assert seen.errors == {"ada": [], "grace": []}


def test_the_package_that_a_notebook_imports_comes_with_the_course_in_the_learners_home(seen: Seen) -> None:
    packages = {name: Path(about["package"]) for name, about in seen.about.items()}
    assert packages == {name: seen.homes / name / "course/mlops_lesson/__init__.py" for name in ("ada", "grace")}


def test_each_learner_has_a_folder_for_the_work_outside_the_course(seen: Seen) -> None:
    work = {name: Path(about["work"]) for name, about in seen.about.items()}
    assert work == {name: seen.homes / name / "my_work" for name in ("ada", "grace")}


def test_a_cell_that_wants_more_memory_than_the_limit_is_refused_and_the_kernel_lives(seen: Seen) -> None:
    assert [error.partition(":")[0] for error in seen.too_much] == ["MemoryError"]
    assert seen.after_too_much == []


def test_a_learner_gets_the_cores_of_the_limit_and_no_more(seen: Seen) -> None:
    assert {about["cores"] for about in seen.about.values()} == {max(1, round(SETTINGS["learner"]["cpu_limit"]))}


def test_a_learner_cannot_open_anothers_server(seen: Seen) -> None:
    assert seen.neighbour == 403


def test_a_wrong_password_is_refused(seen: Seen) -> None:
    assert seen.wrong_password == 403


def test_idle_servers_are_stopped_after_the_time_of_the_settings(seen: Seen) -> None:
    idle = SETTINGS["idle"]
    assert f"--timeout={idle['stop_after_seconds']}" in seen.culler
    assert f"--cull-every={idle['check_every_seconds']}" in seen.culler


def test_jupyterlab_asks_no_question_about_news(seen: Seen) -> None:
    assert seen.lab_settings["schema"]["properties"]["fetchNews"]["default"] == "false"


def test_nothing_listens_beyond_the_loopback_address(seen: Seen) -> None:
    assert seen.listening == {"127.0.0.1"}


def test_a_notebook_that_a_learner_changed_stays_theirs_as_a_whole(seen: Seen) -> None:
    cells = seen.after_update["notebooks/01_data_collection.ipynb"]["cells"]
    assert [cells[0]["source"], cells[-1]["source"]] == [LEARNERS_ANSWER, "term = 'autumn'"]


def test_what_a_learner_did_not_touch_is_updated_when_the_server_starts_again(seen: Seen) -> None:
    assert seen.after_update["notebooks/02_data_preprocessing.ipynb"]["cells"][-1]["source"] == "term = 'spring'"
    assert seen.after_update["README.md"] == "The course in spring\n"


def test_an_update_leaves_the_learners_own_folder_alone(seen: Seen) -> None:
    assert seen.after_update["my_work"] == "a month of work"


def test_stopping_the_hub_stops_all_that_it_started(seen: Seen) -> None:
    assert len(seen.running) >= 4, "hub, proxy, culler and a server"
    assert seen.left == []
    assert [process for process in seen.running if is_alive(process)] == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(seen.url)


@pytest.fixture
def heed_ctrl_c() -> Iterator[None]:
    """Programs started now listen to Ctrl-C, also when the test run was started in the background and must not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heed_ctrl_c")
def test_ctrl_c_stops_all_that_a_rehearsal_started() -> None:
    if reason := classroom.missing_program():
        pytest.skip(f"the class hub is not tested: {reason}")
    command = [sys.executable, classroom.__file__, "--learners=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as rehearsal:
        started: list[psutil.Process] = []
        while rehearsal.poll() is None and not any("node" in process.name() for process in started):
            with suppress(subprocess.TimeoutExpired):
                rehearsal.wait(0.1)
            started = psutil.Process(rehearsal.pid).children(recursive=True)
        rehearsal.send_signal(signal.SIGINT)
        _, words = rehearsal.communicate(timeout=120)
    assert len(started) >= 2, "the hub and its proxy"
    assert [process for process in started if is_alive(process)] == []
    assert "everything that was started has been stopped" in words
