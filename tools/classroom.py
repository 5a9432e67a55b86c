"""Rehearse a class: ``python tools/classroom.py [--learners 20] [--notebook NAME]``, or ``make classroom``.

Starts the hub of `deploy/jupyterhub/` on the loopback address, lets simulated learners log in, start their servers and
run a whole notebook each, all at once, and prints what that took, for one learner and for growing classes. Everything
lies in a temporary folder and is stopped at the end, also after Ctrl-C.
"""

import argparse
import asyncio
import json
import math
import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import date
from importlib import metadata
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any

import httpx
import psutil
from jupyter_server.services.kernels.connection.base import deserialize_binary_message
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

COURSE = Path(__file__).resolve().parent.parent
DEPLOY = COURSE / "deploy" / "jupyterhub"
PROXY = COURSE / ".hub" / "node_modules" / ".bin" / "configurable-http-proxy"
LOOPBACK = "127.0.0.1"
MOST_LEARNERS = 200
CLASS_SIZES = (1, 5, 10, 20, 30)
FIRST_NOTEBOOK = "notebooks/01_data_collection.ipynb"
SECONDS_TO_START = 60
SECONDS_TO_STOP = 60
SECONDS_A_LEARNER = 900
MEBIBYTE = 2**20


class Hub:
    """A JupyterHub of one's own, with a published course; a context manager that stops all that was started.

    Parameters
    ----------
    scratch : pathlib.Path
        An empty folder for homes, state and log.
    course : pathlib.Path
        What is published at the start.
    """

    def __init__(self, scratch: Path, course: Path = COURSE) -> None:
        self.scratch = scratch
        self.homes = scratch / "homes"
        self.log = scratch / "hub.log"
        self.password = secrets.token_hex(16)
        self.mark = secrets.token_hex(16)
        self._repository = scratch / "course.git"
        self._first_port = free_block(MOST_LEARNERS + 3)
        self.url = f"http://{LOOPBACK}:{self._first_port}"
        self._options = [
            f"--JupyterHub.bind_url={self.url}",
            f"--JupyterHub.hub_port={self._first_port + 1}",
            f"--ConfigurableHTTPProxy.api_url=http://{LOOPBACK}:{self._first_port + 2}",
        ]
        self.homes.mkdir(parents=True)
        self.publish(course)

    def publish(self, course: Path) -> None:
        """Commit a course folder as it is now, without what git ignores, to the repository that learners get it from.

        Parameters
        ----------
        course : pathlib.Path
            The folder; it need not be a git repository and is not changed.
        """
        git = ["git", f"--git-dir={self._repository}"]
        author = ["-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost"]
        if not self._repository.exists():
            subprocess.run([*git, "init", "--quiet", "--bare", "--initial-branch=class"], check=True)
        here = [*git, f"--work-tree={course}"]
        subprocess.run([*here, "add", "--all", "."], cwd=course, check=True)
        subprocess.run([*here, *author, "commit", "--quiet", "--message", "The course of today"], check=True)

    def __enter__(self) -> "Hub":
        environment = {
            **os.environ,
            "COURSE_REPOSITORY": self._repository.as_uri(),
            "REHEARSAL": self.mark,
            "REHEARSAL_FIRST_PORT": str(self._first_port + 2),
            "REHEARSAL_HOMES": str(self.homes),
            "REHEARSAL_PASSWORD": self.password,
            "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(16),
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", f"--config={DEPLOY / 'rehearsal_config.py'}", *self._options],
                cwd=self.scratch,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for this program alone, which then stops the hub in order.
                start_new_session=True,
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise
        return self

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < until and self._process.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/hub/health").is_success:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"The hub did not start. Its last words:\n{self.last_words()}")

    def last_words(self, lines: int = 15) -> str:
        """Return the end of the log of hub, proxy and learners' servers."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def __exit__(self, kind: type | None, error: BaseException | None, where: TracebackType | None) -> None:
        left = self.stop()
        if left and error is None:
            raise RuntimeError(f"The hub ended and left these running, which were then ended: {', '.join(left)}")

    def stop(self) -> list[str]:
        """Stop the hub, which stops its proxy and all servers; end and name what is still there afterwards."""
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(SECONDS_TO_STOP)
            left = psutil.wait_procs(self.processes(), timeout=5)[1]
            names = [shown(process) for process in left]
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(left, timeout=5)
            return names
        finally:
            signal.signal(signal.SIGINT, before)

    def processes(self, learner: str | None = None) -> list[psutil.Process]:
        """List what runs for the hub: all of it, or one learner's server, kernels and services."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                variables = process.environ()
                if variables.get("REHEARSAL") == self.mark and learner in (None, variables.get("JUPYTERHUB_USER")):
                    found.append(process)
        return found


def shown(process: psutil.Process) -> str:
    """Write a process as its number and command, as far as it can still be read."""
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:80]}"
    except psutil.Error:
        return str(process.pid)


def free_block(size: int) -> int:
    """Find a row of free ports of the loopback address.

    Parameters
    ----------
    size : int
        How many.

    Returns
    -------
    int
        The first of them. All lie below the ports that Linux gives out by itself, so that nothing takes one by chance.
    """
    for _ in range(100):
        first = 10_000 + secrets.randbelow(20_000)
        with ExitStack() as held, suppress(OSError):
            for port in range(first, first + size):
                held.enter_context(socket.socket()).bind((LOOPBACK, port))
            return first
    raise RuntimeError(f"No {size} free ports in a row were found between 10000 and 30000: end what holds them.")


class Learner:
    """A simulated learner, who talks to the hub as a browser with JupyterLab does.

    Parameters
    ----------
    hub : Hub
        The running hub.
    name : str
        The user name to log in with.
    """

    def __init__(self, hub: Hub, name: str) -> None:
        self.hub = hub
        self.name = name
        self.reconnected = 0
        self._base = f"/user/{name}"
        self._session = uuid.uuid4().hex
        self._kernel = ""
        self._socket: WebSocketClientConnection | None = None
        self._http = httpx.AsyncClient(base_url=hub.url, follow_redirects=True, timeout=SECONDS_A_LEARNER)

    async def __aenter__(self) -> "Learner":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._socket:
            self._socket.close()
        await self._http.aclose()

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request as the logged-in learner; raise `httpx.HTTPStatusError` if it is refused."""
        request = self._http.build_request(method, path, **options)
        cookies = request.headers.get("cookie", "").split("; ")
        token = next((cookie.partition("=")[2] for cookie in cookies if cookie.startswith("_xsrf=")), "")
        request.headers["X-XSRFToken"] = token
        return (await self._http.send(request)).raise_for_status()

    async def log_in(self, password: str = "") -> None:
        """Fill the login form in, with the password of the rehearsal unless told another."""
        await self.call("GET", "/hub/login")
        token = next((cookie.value for cookie in self._http.cookies.jar if cookie.name == "_xsrf"), "")
        form = {"username": self.name, "password": password or self.hub.password, "_xsrf": token}
        await self.call("POST", "/hub/login?next=/hub/home", data=form)

    async def start_server(self) -> None:
        """Start the learner's own server, wait until it is ready, and open its first page."""
        await self.call("POST", f"/hub/api/users/{self.name}/server")
        async with self._http.stream("GET", f"/hub/api/users/{self.name}/server/progress") as events:
            if events.is_success:
                async for line in events.aiter_lines():
                    if line.startswith("data:") and json.loads(line[5:]).get("failed"):
                        raise RuntimeError(f"the server of {self.name} did not start: {line[5:].strip()}")
        await self.call("GET", f"{self._base}/lab")

    async def stop_server(self) -> None:
        """Stop the server and wait until it has ended."""
        await self.call("DELETE", f"/hub/api/users/{self.name}/server")
        while "" in (await self.call("GET", f"/hub/api/users/{self.name}")).json().get("servers", {}):
            await asyncio.sleep(0.2)

    async def read(self, path: str) -> Any:
        """Return the content of a file in the learner's home; a notebook as a dictionary."""
        return (await self.call("GET", f"{self._base}/api/contents/{path}")).json()["content"]

    async def write(self, path: str, content: Any, kind: str = "file") -> None:
        """Save a file, or with ``kind="notebook"`` a notebook, into the learner's home."""
        body = {"type": kind, "format": "json" if kind == "notebook" else "text", "content": content}
        await self.call("PUT", f"{self._base}/api/contents/{path}", json=body)

    async def open_kernel(self, path: str) -> None:
        """Start the kernel of a notebook and connect to it."""
        body = {"path": path, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        self._kernel = (await self.call("POST", f"{self._base}/api/sessions", json=body)).json()["kernel"]["id"]
        await self._connect()

    async def _connect(self) -> None:
        path = f"{self._base}/api/kernels/{self._kernel}/channels?session_id={self._session}"
        headers = {"Cookie": self._http.build_request("GET", path).headers["cookie"]}
        request = HTTPRequest(f"{self.hub.url.replace('http', 'ws')}{path}", headers=headers, connect_timeout=120)
        self._socket = await websocket_connect(request, max_message_size=64 * MEBIBYTE)

    async def execute(self, code: str) -> list[str]:
        """Run a cell and wait for its end.

        Parameters
        ----------
        code : str
            The cell's source.

        Returns
        -------
        list of str
            The errors it raised, as JupyterLab would show them.
        """
        header = {"msg_id": uuid.uuid4().hex, "username": self.name, "session": self._session, "version": "5.3"}
        header |= {"msg_type": "execute_request", "date": ""}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        await self._socket.write_message(json.dumps(message))
        errors, awaited = [], {"execute_reply", "idle"}
        while awaited:
            answer = await self._receive()
            if answer["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            if answer["msg_type"] == "error":
                errors.append(f"{answer['content']['ename']}: {answer['content']['evalue']}")
            awaited -= {answer["msg_type"], answer["content"].get("execution_state", "")}
        return errors

    async def _receive(self) -> dict[str, Any]:
        while (received := await self._socket.read_message()) is None:
            # JupyterLab does the same; the server keeps messages for the session until it is back.
            self.reconnected += 1
            await self._connect()
        return json.loads(received) if isinstance(received, str) else deserialize_binary_message(received)

    async def run_notebook(self, path: str) -> list[str]:
        """Open a notebook as it is stored in the learner's home and run all its cells; return the errors."""
        notebook = await self.read(path)
        await self.open_kernel(path)
        sources = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
        return [error for source in sources for error in await self.execute(source)]


@dataclass
class Class:
    """What one class of simulated learners needed."""

    size: int
    spawn: list[float] = field(default_factory=list)
    notebook: list[float] = field(default_factory=list)
    shared: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    in_all: float = math.nan
    reconnected: int = 0
    failures: list[str] = field(default_factory=list)

    def row(self) -> list[str]:
        """Return the figures as the cells of one row of the table."""
        waits = (self.spawn, self.notebook)
        times = [f"{median(values):.1f} (up to {max(values):.1f})" if values else "" for values in waits]
        usage = [f"{median(values):.0f}" if values else "" for values in (self.processor, self.shared, self.alone)]
        failed = [str(len(self.failures)), str(self.reconnected)]
        return [str(self.size), *failed, *times, *usage, f"{self.in_all / 1024:.1f}"]


HEADINGS = (
    "learners",
    "failed",
    "reconnected",
    "spawn, s",
    "notebook, s",
    "processor a learner, s",
    "memory a learner, MiB (PSS)",
    "of it not shared, MiB (USS)",
    "memory in all, GiB",
)


async def hold_class(hub: Hub, size: int, notebook: str) -> Class:
    """Let a class start its servers at once and run a notebook at once; memory is read while all are still open."""
    held = Class(size)
    learners = [Learner(hub, f"learner-{number:02d}") for number in range(1, size + 1)]

    async def spawn(learner: Learner) -> None:
        await learner.log_in()
        await learner.start_server()

    async def run(learner: Learner) -> None:
        errors = await learner.run_notebook(f"course/{notebook}")
        if errors:
            raise RuntimeError(f"cells of {notebook} failed: {errors}")

    try:
        ready = await all_at_once(spawn, learners, held.spawn, held.failures)
        done = await all_at_once(run, ready, held.notebook, held.failures)
        for learner in done:
            usage = [use(process) for process in hub.processes(learner.name)]
            shared, alone, processor = (sum(values) for values in zip(*usage, strict=True))
            held.shared.append(shared)
            held.alone.append(alone)
            held.processor.append(processor)
        held.in_all = sum(use(process)[0] for process in hub.processes())
        held.reconnected = sum(learner.reconnected for learner in learners)
    finally:
        for learner in learners:
            await learner.__aexit__()
    return held


async def all_at_once(
    act: Callable[[Learner], Awaitable[None]], learners: list[Learner], seconds: list[float], failures: list[str]
) -> list[Learner]:
    """Let learners act at the same time; note how long each took and who failed, and return the others."""

    async def one(learner: Learner) -> Learner | None:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(SECONDS_A_LEARNER):
                await act(learner)
        except Exception as error:
            failures.append(f"{learner.name}: {error!r}")
            return None
        seconds.append(time.perf_counter() - started)
        return learner

    return [learner for learner in await asyncio.gather(*map(one, learners)) if learner]


def use(process: psutil.Process) -> tuple[float, float, float]:
    """Return what a process uses: MiB of its share of memory (PSS), MiB of its own (USS), processor seconds so far."""
    with suppress(psutil.Error):
        memory, times = process.memory_full_info(), process.cpu_times()
        pss = getattr(memory, "pss", memory.rss)
        return pss / MEBIBYTE, memory.uss / MEBIBYTE, sum(times[:4])
    return 0.0, 0.0, 0.0


def missing_program() -> str:
    """Say which program a rehearsal lacks and what to do about it, or nothing if all are there."""
    if not shutil.which("git"):
        return "it needs git, which delivers the course. On Debian or Ubuntu: apt install git"
    if not shutil.which("node"):
        return "the hub's proxy needs Node.js 18 or newer and npm. On Debian or Ubuntu: apt install nodejs npm"
    if not PROXY.exists():
        return "the hub's proxy is not installed yet. In the course's folder: make hub"
    return ""


def main() -> int:
    """Hold classes of growing size and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--learners", type=int, default=20, help="size of the largest class")
    parser.add_argument("--notebook", default=FIRST_NOTEBOOK, help="what each learner runs")
    arguments = parser.parse_args()
    if not 1 <= arguments.learners <= MOST_LEARNERS or not (COURSE / arguments.notebook).is_file():
        parser.error(f"expected 1 to {MOST_LEARNERS} learners and a notebook such as {FIRST_NOTEBOOK}")
    if reason := missing_program():
        sys.exit(f"The rehearsal cannot begin: {reason}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sizes = sorted({size for size in CLASS_SIZES if size < arguments.learners} | {arguments.learners})
    print(
        f"{date.today()}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, Python "
        f"{platform.python_version()}, JupyterHub {metadata.version('jupyterhub')}, {arguments.notebook}\n"
    )
    print(f"| {' | '.join(HEADINGS)} |\n|{' --- |' * len(HEADINGS)}", flush=True)
    failed = 0
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="classroom_") as scratch, Hub(Path(scratch)) as hub:
            held = asyncio.run(hold_class(hub, size, arguments.notebook))
            failed += len(held.failures)
            print(f"| {' | '.join(held.row())} |", flush=True)
            if held.failures:
                print("\n".join(["", *held.failures, "The last words of the hub:", hub.last_words()]), file=sys.stderr)
    print(f"\n{failed} failures.")
    return int(failed > 0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted: everything that was started has been stopped.")
