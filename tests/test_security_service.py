"""The service of a learner serves that learner: other pages, greedy and slow clients get nothing and harm nobody."""

import asyncio
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import psutil
import pytest
from depot_service import digits, fill_home, trained_model, validated
from sockets import listening

from mlops_lesson.deployment import registry, rollout, serving
from mlops_lesson.deployment.service import MAX_HEADER_BYTES, BodyLimit, score

X, _ = digits()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("MLOPS_LESSON_HOME", str(folder))
        fill_home(folder)
        with serving.serve() as running:
            yield running


def line_to(server: serving.Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=30)


def first_line(line: socket.socket, sent: bytes) -> bytes:
    line.sendall(sent)
    return line.recv(200).split(b"\r\n")[0]


def refused(server: serving.Server, status: int) -> float:
    start = f'depot_refused_requests_total{{status="{status}"}} '
    return sum(float(line.removeprefix(start)) for line in server.metrics().splitlines() if line.startswith(start))


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1", "https://localhost:1", "null", ""])
@pytest.mark.parametrize(("method", "path"), [("POST", "/predict"), ("POST", "/reload"), ("POST", "/rollout")])
def test_a_page_of_another_site_cannot_drive_the_service(server, origin, method, path):
    body = json.dumps({"pixels": X[0].reshape(8, 8).tolist()}) if path == "/predict" else '{"mode": "shadow"}'
    answer = server._client.request(method, path, content=body, headers={"Origin": origin})
    assert (answer.status_code, answer.json()["detail"][0]["field"]) == (403, "origin")
    assert server.ask("GET", "/rollout")["mode"] == "off"


def test_the_services_own_pages_may_ask_it(server):
    assert server._client.get("/docs", headers={"Origin": server.url}).status_code == 200


def test_a_name_that_was_pointed_at_this_machine_opens_nothing(server):
    for host in ("evil.example", "127.0.0.1.evil.example", "[::1]", ""):
        answer = server._client.post("/reload", headers={"Host": host, "Origin": f"http://{host}"})
        assert answer.status_code == 400, host


def test_headers_beyond_the_limit_are_refused(server):
    with line_to(server) as line:
        begin = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Much: "
        assert first_line(line, begin + b"x" * (MAX_HEADER_BYTES + 1)) == b"HTTP/1.1 400 Bad Request"
    assert server.health()["status"] == "ok"


def test_clients_that_never_finish_their_request_keep_nobody_waiting(server):
    with ExitStack() as stack:
        for begun in (b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n{", b"GET /hea") * 50:
            stack.enter_context(line_to(server)).sendall(begun)
        assert server.predict(X[0])["chute"] == "A"


def answer_without_a_body(headers: list[tuple[bytes, bytes]]) -> tuple[int, str]:
    """Send headers and no body, and return the status and the problem that come back."""

    async def never() -> dict:
        await asyncio.Event().wait()

    async def ask() -> list[dict]:
        sent = []

        async def send(message: dict) -> None:
            sent.append(message)

        await BodyLimit(None, seconds=0.01)({"type": "http", "headers": headers}, never, send)
        return sent

    # In a thread of its own, because a browser test before this one leaves its event loop running in the main thread.
    with ThreadPoolExecutor(1) as thread:
        start, body = thread.submit(asyncio.run, ask()).result()
    return start["status"], json.loads(body["body"])["detail"][0]["problem"]


def test_a_body_that_does_not_come_is_given_up():
    assert answer_without_a_body([]) == (408, "The body did not come within 0.01 seconds.")


@pytest.mark.parametrize(("length", "status"), [(b"16384", 408), (b"16385", 413), (b"9" * 30, 413), (b"long", 408)])
def test_a_body_that_is_said_to_be_too_long_is_not_waited_for(length, status):
    assert answer_without_a_body([(b"content-length", length)])[0] == status


@pytest.mark.parametrize("probability", [-0.01, 1.01, 2.0, float("nan")])
def test_a_score_that_is_no_probability_is_refused(probability):
    class Model:
        def predict_proba(self, features):
            return np.array([[1 - probability, probability]])

    with pytest.raises(ValueError, match=rf"^the model gave {probability}, which is not a probability$"):
        score(Model(), np.zeros((1, 64)))


def reachable_at(server: serving.Server) -> list[tuple[str, int]]:
    process = psutil.Process(server.pid)
    return [place for each in (process, *process.children(recursive=True)) for place in listening(each)]


def test_the_service_listens_on_the_loopback_address_alone_also_during_a_rollout(server):
    own_port = [("127.0.0.1", int(server.url.rsplit(":", 1)[1]))]
    assert reachable_at(server) == own_port
    registry.nominate(validated(trained_model(4)))
    for begin in (rollout.start_shadow, rollout.start_canary, rollout.stop):
        begin(server)
        server.predict(X[0], "1")
        assert reachable_at(server) == own_port


def test_a_socket_open_to_other_machines_would_be_seen():
    with socket.socket() as careless:
        careless.bind(("", 0))
        careless.listen()
        assert ("0.0.0.0", careless.getsockname()[1]) in listening(psutil.Process())  # noqa: S104
