"""A service has a process of its own, which is started once, says why it cannot, and never outlives its notebook."""

import json
import os
import socket
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest
from depot_service import digits, fill_home, is_gone, run_script, trained_model, validated, wait_until
from sockets import listening

from mlops_lesson.deployment import registry, serving

X, _ = digits()
OWN = """
import subprocess, sys

from fastapi import FastAPI

subprocess.run([sys.executable, "-c", "print('said by another program')"])
app = FastAPI()


@app.post("/predict")
def predict(parcel: dict) -> dict:
    return {"seen": 64 / len(parcel["pixels"])}
"""


def test_started_twice_is_the_running_one_with_the_champion_of_now(server):
    version = validated(trained_model(4))
    registry.promote(version)
    assert serving.start() is server
    assert server.predict(X[0])["version"] == version
    registry.rollback()
    assert serving.start().predict(X[0])["version"] == 1


def test_listens_on_the_loopback_address_only_and_is_out_of_reach_of_an_interrupted_cell(server):
    process = psutil.Process(server.process.pid)
    place = ("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    assert [place for each in (process, *process.children(recursive=True)) for place in listening(each)] == [place]
    assert os.name != "posix" or os.getpgid(process.pid) != os.getpgid(0)


def test_settings_meant_for_other_programs_and_another_learners_service_change_nothing(server, tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("UVICORN_WORKERS", "4")
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    fill_home(tmp_path)
    registry.promote(validated(trained_model(4)))
    with suppress(ZeroDivisionError), serving.serve() as other:
        assert (server.predict(X[0])["version"], other.predict(X[0])["version"]) == (1, 2)
        assert "depot_requests_total" in other.ask("GET", "/metrics")
        raise ZeroDivisionError
    assert is_gone(other.process.pid)
    other.stop()


def test_killed_is_said_and_started_anew(server):
    server.process.kill()
    wait_until(lambda: not server.running, "the service is killed")
    with pytest.raises(serving.ServingError, match="or was stopped"):
        server.predict(X[0])
    assert serving.start().predict(X[0])["chute"] == "A"


def test_a_file_of_the_learners_is_served_and_served_anew_once_it_was_changed(home):
    home.mkdir()
    file = home / "own.py"
    file.write_text(OWN)
    first = serving.start_app(file)
    assert first.client.post("/predict", json={"pixels": [1, 2]}).json() == {"seen": 32}
    with pytest.raises(serving.ServingError, match=r"\(500\): Internal Server Error"):
        first.predict([])
    file.write_text(OWN.replace("seen", "sent"))
    second = serving.start_app(file)
    assert second.client.post("/predict", json={"pixels": [1]}).json() == {"sent": 64}
    assert is_gone(first.process.pid)
    second.stop()


@pytest.mark.parametrize(("text", "said"), [("app = ", "SyntaxError"), ("exit()", r"last words.*service\.log")])
def test_a_file_that_cannot_be_run_says_why(home, text, said):
    home.mkdir()
    (home / "own.py").write_text(text)
    with pytest.raises(serving.ServingError, match=f"The service cannot begin.*{said}"):
        serving.start_app(home / "own.py")


NOTEBOOK = """
import time
from mlops_lesson.deployment import serving
print(serving.start().process.pid, flush=True)
time.sleep(120)
"""


def test_a_killed_notebook_leaves_no_service(home):
    fill_home(home)
    with run_script(NOTEBOOK, home, stdout=subprocess.PIPE) as notebook:
        service = int(notebook.stdout.readline())
        assert not is_gone(service)
        notebook.kill()
        wait_until(lambda: is_gone(service), "the service notices that its notebook is gone")


def test_a_service_goes_on_until_its_input_ends_whoever_its_parent_is(home):
    # A launcher, as Windows has one in a virtual environment, is gone before the service looks for its parent.
    fill_home(home)
    command = [sys.executable, "-P", "-m", "mlops_lesson.deployment.service"]
    launcher = f"import subprocess; subprocess.Popen({command!r}).pid"
    with subprocess.Popen([sys.executable, "-c", launcher], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        port = json.loads(started.stdout.readline())["port"]
        assert started.wait(30) == 0
        with socket.create_connection(("127.0.0.1", port), timeout=30) as asked:
            asked.sendall(b"GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
            assert b"200 OK" in asked.recv(100)
        started.stdin.close()
        assert started.stdout.read() == b"", "the service has closed its output, so it is gone"
