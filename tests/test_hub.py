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
from pathlib import Path
from types import SimpleNamespace

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
from mlops_lesson.keep.paths import home
home().mkdir()
about = {"package": mlops_lesson.__file__, "work": str(home()), "cores": len(os.sched_getaffinity(0))}
_ = Path.home().joinpath("about.json").write_text(json.dumps(about))"""
TOO_MUCH = f"too_much = bytearray({SETTINGS['learner']['memory_limit_gb'] + 1} * 2**30)"


def write_course(folder: Path) -> None:
    """Write a small course: the real package and a short notebook."""
    shutil.copytree(COURSE / "mlops_lesson", folder / "mlops_lesson", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("notebooks", "data"):
        (folder / name).mkdir()
    (folder / "data" / "MANIFEST.sha256").write_text("")
    notebook = new_notebook(cells=[new_code_cell(ABOUT_ME, id="about-me")])
    nbformat.write(notebook, folder / "notebooks" / "01_data_collection.ipynb")


async def refused(work) -> int:
    """Return the status with which a request was refused."""
    with pytest.raises(httpx.HTTPStatusError) as raised:
        await work
    return raised.value.response.status_code


async def spend_a_lesson(hub: Hub) -> SimpleNamespace:
    seen = SimpleNamespace(about={}, listening=set(), culler=[])
    learners = [Learner(hub, "ada"), Learner(hub, "grace")]
    first, stranger = learners[0], Learner(hub, "mallory")
    await asyncio.gather(*(learner.spawn() for learner in learners))
    seen.errors = await asyncio.gather(*(learner.run_notebook(NOTEBOOK) for learner in learners))
    for learner in learners:
        seen.about[learner.name] = json.loads(await learner.read("about.json"))
    seen.too_much = [*await first.execute(TOO_MUCH), *await first.execute("1 + 1")]
    plugin = "@jupyterlab/apputils-extension:notification"
    seen.lab_settings = (await first.call("GET", f"/user/ada/lab/api/settings/{plugin}")).json()
    seen.neighbour = await refused(first.call("GET", "/user/grace/api/contents/about.json"))
    seen.wrong_password = await refused(stranger.log_in("not the password"))
    for process in hub.processes():
        seen.listening |= {at.laddr.ip for at in process.net_connections("inet") if at.status == psutil.CONN_LISTEN}
        if any("jupyterhub-idle-culler" in word for word in process.cmdline()):
            seen.culler = process.cmdline()
    for learner in (*learners, stranger):
        await learner.leave()
    return seen


def needs_the_programs() -> None:
    if reason := classroom.missing_program():
        pytest.skip(f"the class hub is not tested: {reason}")


@pytest.fixture(scope="module")
def seen() -> Iterator[SimpleNamespace]:
    needs_the_programs()
    # Not pytest's folder: the paths of the kernels' sockets have to be short.
    with tempfile.TemporaryDirectory(prefix="hub_") as folder:
        course = Path(folder, "published")
        write_course(course)
        with Hub(Path(folder, "hub"), course) as hub:
            try:
                # In a thread of its own, because a browser test before this one leaves its event loop running in this.
                with ThreadPoolExecutor(1) as thread:
                    seen = thread.submit(lambda: asyncio.run(spend_a_lesson(hub))).result()
            except Exception as error:
                error.add_note(hub.last_words(40))
                raise
            seen.homes, seen.url = hub.homes, hub.url
            seen.running = hub.processes()
            seen.left = hub.stop()
        yield seen


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process runs; one that has ended may wait for the system to take note."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_each_learner_runs_the_delivered_course_and_works_in_a_folder_beside_it(seen: SimpleNamespace) -> None:
    assert seen.errors == [[], []]
    cores = max(1, round(SETTINGS["learner"]["cpu_limit"]))
    for name, about in seen.about.items():
        home = seen.homes / name
        package = home / "course" / "mlops_lesson" / "__init__.py"
        assert about == {"package": str(package), "work": str(home / "my_work"), "cores": cores}


def test_a_cell_that_wants_more_memory_than_the_limit_is_refused_and_the_kernel_lives(seen: SimpleNamespace) -> None:
    assert [error.partition(":")[0] for error in seen.too_much] == ["MemoryError"]


def test_others_are_kept_out(seen: SimpleNamespace) -> None:
    assert (seen.neighbour, seen.wrong_password) == (403, 403)
    assert seen.listening == {"127.0.0.1"}


def test_idle_servers_are_stopped_after_the_time_of_the_settings(seen: SimpleNamespace) -> None:
    assert f"--timeout={SETTINGS['idle']['stop_after_seconds']}" in seen.culler


def test_jupyterlab_asks_no_question_about_news(seen: SimpleNamespace) -> None:
    assert seen.lab_settings["schema"]["properties"]["fetchNews"]["default"] == "false"


def test_stopping_the_hub_stops_all_that_it_started(seen: SimpleNamespace) -> None:
    assert len(seen.running) >= 4, "hub, proxy, culler and a server"
    assert seen.left == []
    assert [process for process in seen.running if is_alive(process)] == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(seen.url)


def test_ctrl_c_stops_all_that_a_rehearsal_started() -> None:
    needs_the_programs()
    command = [sys.executable, classroom.__file__, "--learners=1"]
    # Programs started now listen to Ctrl-C, also when the test run was started in the background and must not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        rehearsal = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with rehearsal:
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
