"""A service has a process of its own, which is started once, says why it cannot, and never outlives its notebook."""

import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack

import psutil
import pytest
from depot_service import digits, fill_home, is_gone, run_script, trained_model, validated, wait_until
from sockets import listening

from mlops_lesson.deployment import registry, serving

X, _ = digits()
OWN = """
from fastapi import FastAPI

app = FastAPI()


@app.post("/predict")
def predict(parcel: dict) -> dict:
    return {"seen": len(parcel["pixels"])}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_LESSON_HOME", str(folder))
        fill_home(folder)
        yield folder
        serving.stop_all()


@pytest.fixture
def server(home):
    """The running service; tests that kill it get a new one."""
    return serving.start()


@pytest.fixture
def second_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    fill_home(tmp_path)
    return tmp_path


def test_started_twice_is_the_running_one_with_the_champion_of_now(server):
    registry.promote(validated(trained_model(4)))
    assert serving.start() is server
    assert server.predict(X[0])["version"] == 2
    registry.rollback()
    assert serving.start().predict(X[0])["version"] == 1


def test_listens_on_the_loopback_address_only(server):
    process = psutil.Process(server.pid)
    port = int(server.url.rsplit(":", 1)[1])
    assert [place for each in (process, *process.children(recursive=True)) for place in listening(each)] == [
        ("127.0.0.1", port)
    ]


def test_settings_meant_for_other_programs_change_nothing(second_home, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(second_home / "nowhere"))
    monkeypatch.setenv("UVICORN_WORKERS", "4")
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    with serving.serve() as server:
        assert server.predict(X[0])["chute"] == "A"
        assert "depot_requests_total" in server.ask("GET", "/metrics")


def test_two_learners_on_one_machine_do_not_meet(server, second_home):
    registry.promote(validated(trained_model(4)))
    with serving.serve() as other:
        assert (server.predict(X[0])["version"], other.predict(X[0])["version"]) == (1, 2)


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")
def test_is_out_of_reach_of_an_interrupted_cell(server):
    assert os.getpgid(server.pid) != os.getpgid(0)


def test_of_a_with_block_is_gone_after_an_error_in_it(home):
    with pytest.raises(ZeroDivisionError), serving.serve() as inside:
        raise ZeroDivisionError
    assert is_gone(inside.pid)
    inside.stop()
    assert repr(inside) == "Server(stopped)"


def test_killed_is_said_and_started_anew(server):
    psutil.Process(server.pid).kill()
    wait_until(lambda: not server.running, "the service is killed")
    with pytest.raises(serving.ServingError, match=r"not running: it was stopped or killed\. Start it again"):
        server.predict(X[0])
    assert serving.start().predict(X[0])["chute"] == "A"


def test_that_hangs_is_stopped_all_the_same(server, monkeypatch):
    monkeypatch.setattr(serving, "STOP_SECONDS", 0.2)
    psutil.Process(server.pid).suspend()
    server.stop()
    assert is_gone(server.pid)


def test_clients_that_never_finish_their_request_keep_nobody_waiting(server):
    place = ("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    with ExitStack() as stack:
        for begun in (b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n{", b"GET /hea") * 20:
            stack.enter_context(socket.create_connection(place, timeout=30)).sendall(begun)
        assert server.predict(X[0])["chute"] == "A"


class TestOwnFile:
    """What a learner has written is run the same way."""

    def test_is_served_and_served_anew_once_it_was_changed(self, home):
        file = home / "own.py"
        file.write_text(OWN)
        first = serving.start_app(file)
        assert first.client.post("/predict", json={"pixels": [1, 2]}).json() == {"seen": 2}
        file.write_text(OWN.replace("seen", "found"))
        second = serving.start_app(file)
        assert second.client.post("/predict", json={"pixels": []}).json() == {"found": 0}
        assert is_gone(first.pid)
        second.stop()

    @pytest.mark.parametrize(
        ("text", "said"),
        [("app = ", "SyntaxError"), ("api = 1", "no attribute 'app'"), ("import nothing", "nothing")],
    )
    def test_that_cannot_be_run_says_why(self, home, text, said):
        (home / "own.py").write_text(text)
        with pytest.raises(serving.ServingError, match=f"The service cannot begin.*{said}"):
            serving.start_app(home / "own.py")


class TestCannotStart:
    def test_without_a_champion_and_says_how_to_get_one(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
        with pytest.raises(serving.ServingError, match="No version is 'champion' yet"):
            serving.start()

    @pytest.mark.skipif(shutil.which("false") is None, reason="no program here that dies at once")
    def test_when_its_process_dies_at_once_and_gives_its_last_words(self, second_home, monkeypatch):
        monkeypatch.setattr(sys, "executable", shutil.which("false"))
        with pytest.raises(serving.ServingError, match=r"ended before it began.*service\.log"):
            serving.start()

    def test_in_time_and_leaves_no_process(self, second_home, monkeypatch):
        monkeypatch.setattr(serving, "START_SECONDS", 0.3)
        with pytest.raises(serving.ServingError, match="did not begin within 0 seconds"):
            serving.start()
        left = [one for one in psutil.Process().children() if not is_gone(one.pid)]
        assert str(second_home) not in [one.cwd() for one in left]


NOTEBOOK = """
import time
from mlops_lesson.deployment import serving
print(serving.start().pid, flush=True)
time.sleep(120)
"""


def test_a_killed_notebook_leaves_no_service(second_home):
    with run_script(NOTEBOOK, second_home, stdout=subprocess.PIPE) as notebook:
        service = int(notebook.stdout.readline())
        assert not is_gone(service)
        notebook.kill()
        wait_until(lambda: is_gone(service), "the service notices that its notebook is gone")


def test_a_service_goes_on_until_its_input_ends_whoever_its_parent_is(second_home):
    # A launcher, as Windows has one in a virtual environment, is gone before the service looks for its parent.
    command = [sys.executable, "-P", "-m", "mlops_lesson.deployment.service", "--parent", "1"]
    environment = {**os.environ, "MLOPS_LESSON_HOME": str(second_home)}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as service:
        assert json.loads(service.stdout.readline())["port"] > 0
        with pytest.raises(subprocess.TimeoutExpired):
            service.wait(2)
        service.stdin.close()
        assert service.wait(30) == 0


def test_talking_to_a_service_needs_no_heavy_library():
    code = "import sys, mlops_lesson.deployment.serving; "
    code += "print({'mlflow', 'sklearn', 'matplotlib', 'pandas', 'fastapi'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
