import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from depot_service import digits, fill_home, is_gone, run_script, trained_model, validated, wait_until

from mlops_lesson.deployment import registry, serving

X, _ = digits()


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


def processes_in(folder):
    found = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    ours = [int(line.split()[0]) for line in found.splitlines() if "mlops_lesson.deployment.service" in line]
    return [pid for pid in ours if not is_gone(pid) and Path(f"/proc/{pid}/cwd").resolve() == folder.resolve()]


class TestOneService:
    def test_started_twice_is_the_running_one(self, server):
        assert serving.start() is server
        assert server.running

    def test_started_again_answers_with_the_champion_of_now(self, server):
        registry.promote(validated(trained_model(4)))
        assert serving.start().predict(X[0])["version"] == 2
        registry.rollback()
        assert serving.start().predict(X[0])["version"] == 1

    def test_listens_on_the_loopback_address_only(self, server):
        port = int(server.url.rsplit(":", 1)[1])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=5).close()
        assert server.url == f"http://127.0.0.1:{port}"

    def test_shows_neither_port_nor_process_id(self, server):
        assert repr(server) == "Server(alias='champion', running)"

    def test_is_reached_directly_whatever_proxy_the_environment_names(self, home, monkeypatch):
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        client = serving.Server(serving.start()._process, int(serving.start().url.rsplit(":", 1)[1]), "champion")
        assert client.health()["status"] == "ok"
        client._client.close()

    def test_two_learners_on_one_machine_do_not_meet(self, server, second_home):
        registry.promote(validated(trained_model(4)))
        with serving.serve() as other:
            assert other.url != server.url
            assert (server.predict(X[0])["version"], other.predict(X[0])["version"]) == (1, 2)
        assert server.predict(X[0])["version"] == 1

    @pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")
    def test_is_out_of_reach_of_an_interrupted_cell(self, server):
        assert os.getpgid(server.pid) != os.getpgid(0)

    def test_of_a_with_block_is_gone_after_an_error_in_it(self, home):
        def fail_inside(servers):
            with serving.serve() as inside:
                servers.append(inside)
                raise ZeroDivisionError(inside.health()["status"])

        with pytest.raises(ZeroDivisionError, match="ok"):
            fail_inside(servers := [])
        assert is_gone(servers[0].pid)
        servers[0].stop()
        assert repr(servers[0]) == "Server(alias='champion', stopped)"

    def test_killed_is_said_and_started_anew(self, server):
        psutil.Process(server.pid).kill()
        wait_until(lambda: not server.running, "the service is killed")
        with pytest.raises(serving.ServingError, match=r"not running: it was stopped or killed\. Start it again"):
            server.predict(X[0])
        again = serving.start()
        assert again is not server
        assert again.predict(X[0])["chute"] == "A"

    def test_that_hangs_is_stopped_all_the_same(self, server, monkeypatch):
        monkeypatch.setattr(serving, "STOP_SECONDS", 0.2)
        psutil.Process(server.pid).suspend()
        server.stop()
        assert is_gone(server.pid)


class TestCannotStart:
    def test_without_a_version_for_its_alias_and_says_how_to_get_one(self, second_home):
        with pytest.raises(serving.ServingError, match=r"No version is 'challenger' yet.*gate, then promote it"):
            serving.start("challenger")

    def test_on_a_port_that_is_taken_and_says_so(self, second_home):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(serving.ServingError, match=f"Port {port} is taken.*Leave `port` out"):
                serving.start(port=port)

    def test_on_a_damaged_registry_and_names_the_file_and_the_way_out(self, second_home):
        registry.registry_path().write_bytes(b"noise" * 1000)
        with pytest.raises(serving.ServingError, match=r"registry\.db is damaged.*recover\(\)"):
            serving.start()
        assert registry.registry_path().read_bytes() == b"noise" * 1000

    @pytest.mark.skipif(shutil.which("false") is None, reason="no program here that dies at once")
    def test_when_its_process_dies_at_once_and_gives_its_last_words(self, second_home, monkeypatch):
        monkeypatch.setattr(sys, "executable", shutil.which("false"))
        with pytest.raises(serving.ServingError, match=r"ended before it began.*service\.log"):
            serving.start()

    def test_within_the_given_time_and_leaves_no_process(self, second_home):
        with pytest.raises(serving.ServingError, match="did not begin within 0 seconds"):
            serving.start(timeout=0.3)
        assert processes_in(second_home) == []


NOTEBOOK = """
import os, time
from mlops_lesson.deployment import serving
server = serving.start()
print(server.pid, flush=True)
child = os.fork()
if child:
    print(child, flush=True)
time.sleep(120)
"""


@pytest.mark.skipif(os.name != "posix", reason="fork and SIGKILL are POSIX")
def test_a_killed_notebook_leaves_no_service_even_if_a_child_of_it_holds_the_pipe(second_home):
    with run_script(NOTEBOOK, second_home, stdout=subprocess.PIPE) as notebook:
        service, child = int(notebook.stdout.readline()), int(notebook.stdout.readline())
        try:
            assert not is_gone(service)
            notebook.kill()
            wait_until(lambda: is_gone(service), "the service notices that its notebook is gone")
            assert not is_gone(child)
        finally:
            psutil.Process(child).kill()


def test_talking_to_a_service_needs_no_heavy_library():
    code = "import sys, mlops_lesson.deployment.serving; "
    code += "print({'mlflow', 'sklearn', 'matplotlib', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_service_started_by_hand_goes_on_until_its_input_ends(second_home):
    command = [sys.executable, "-P", "-m", "mlops_lesson.deployment.service"]
    environment = {**os.environ, "MLOPS_LESSON_HOME": str(second_home)}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as service:
        assert json.loads(service.stdout.readline())["port"] > 0
        with pytest.raises(subprocess.TimeoutExpired):
            service.wait(2)
        service.stdin.close()
        assert service.wait(30) == 0
