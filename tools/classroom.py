"""Rehearse a class: ``python tools/classroom.py [--learners 20] [--notebook NAME]``, or ``make classroom``.

Starts the hub of `deploy/jupyterhub/` on the loopback address, lets simulated learners log in, start their servers and
run a whole notebook each, all at once, and prints what that took, for one learner and for growing classes, and in one
sentence whether the machine is fit for the largest. Everything lies in a temporary folder and is stopped at the end,
also after Ctrl-C.
"""

import argparse
import asyncio
import json
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
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import date
from http.cookies import SimpleCookie
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import preflight
import psutil
from jupyter_client.session import Session
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
LONGEST_WAIT = 120
LARGEST_MESSAGE = 2**26


class Hub:
    """A JupyterHub of one's own, in an empty folder, with a published course; a context manager that ends it all."""

    def __init__(self, scratch: Path, course: Path = COURSE) -> None:
        self.scratch = scratch
        self.homes = scratch / "homes"
        self.log = scratch / "hub.log"
        self.password = secrets.token_hex(16)
        self.mark = secrets.token_hex(16)
        self._repository = scratch / "course.git"
        self._first_port = free_block(MOST_LEARNERS + 3)
        self.url = f"http://{LOOPBACK}:{self._first_port}"
        self.homes.mkdir(parents=True)
        self._publish(course)

    def _publish(self, course: Path) -> None:
        """Commit a course folder as it is now, without what git ignores, to the repository that learners get it from.

        The folder need not be a git repository and is not changed.
        """
        git = ["git", f"--git-dir={self._repository}", "-c", "user.name=rehearsal", "-c", "user.email=at@localhost"]
        subprocess.run([*git, "init", "--quiet", "--bare", "--initial-branch=class"], check=True)
        for command in (["add", "--all", "."], ["commit", "--quiet", "--message", "The course of today"]):
            subprocess.run([*git, f"--work-tree={course}", *command], cwd=course, check=True)

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
        options = [
            f"--config={DEPLOY / 'rehearsal_config.py'}",
            f"--JupyterHub.bind_url={self.url}",
            f"--JupyterHub.hub_port={self._first_port + 1}",
            f"--ConfigurableHTTPProxy.api_url=http://{LOOPBACK}:{self._first_port + 2}",
        ]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", *options],
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
                if httpx.get(f"{self.url}/hub/health", trust_env=False).is_success:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"The hub did not start. Its last words:\n{self.last_words()}")

    def last_words(self, lines: int = 15) -> str:
        """Return the end of the log of hub, proxy and learners' servers."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> list[str]:
        """Stop the hub, which stops its proxy and all servers; end and name what is still there afterwards."""
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(SECONDS_TO_STOP)
            left = psutil.wait_procs(self.processes(), timeout=5)[1]
            names = [str(process) for process in left]
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(left, timeout=5)
            return names
        finally:
            signal.signal(signal.SIGINT, before)

    def processes(self) -> list[psutil.Process]:
        """List all that runs for the hub: itself, its proxy, learners' servers, kernels and services."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("REHEARSAL") == self.mark:
                    found.append(process)
        return found


def free_block(size: int) -> int:
    """Find a row of free ports of the loopback address and return the first.

    All lie below the ports that Linux gives out by itself, so that nothing takes one by chance.
    """
    for _ in range(100):
        first = 10_000 + secrets.randbelow(20_000)
        with ExitStack() as held, suppress(OSError):
            for port in range(first, first + size):
                held.enter_context(socket.socket()).bind((LOOPBACK, port))
            return first
    raise RuntimeError(f"No {size} free ports in a row were found between 10000 and 30000: end what holds them.")


class Learner:
    """A simulated learner, who talks to the hub as a browser with JupyterLab does."""

    def __init__(self, hub: Hub, name: str) -> None:
        self.hub = hub
        self.name = name
        self.seconds: list[float] = []
        self.failure = ""
        self._base = f"/user/{name}"
        self._socket: WebSocketClientConnection | None = None
        self._http = httpx.AsyncClient(
            base_url=hub.url, follow_redirects=True, timeout=SECONDS_A_LEARNER, trust_env=False
        )

    async def leave(self) -> None:
        """Close all connections."""
        if self._socket:
            self._socket.close()
        await self._http.aclose()

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request as the logged-in learner; raise `httpx.HTTPStatusError` if it is refused."""
        request = self._http.build_request(method, path, **options)
        cookies = SimpleCookie(request.headers.get("cookie", ""))
        request.headers["X-XSRFToken"] = cookies["_xsrf"].value if "_xsrf" in cookies else ""
        return (await self._http.send(request)).raise_for_status()

    async def log_in(self, password: str = "") -> None:
        """Fill the login form in, with the password of the rehearsal unless told another."""
        await self.call("GET", "/hub/login")
        form = {"username": self.name, "password": password or self.hub.password}
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

    async def read(self, path: str) -> Any:
        """Return the content of a file in the learner's home; a notebook as a dictionary."""
        return (await self.call("GET", f"{self._base}/api/contents/{path}")).json()["content"]

    async def open_kernel(self, path: str) -> None:
        """Start the kernel of a notebook and connect to it."""
        body = {"path": path, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        kernel = (await self.call("POST", f"{self._base}/api/sessions", json=body)).json()["kernel"]["id"]
        path = f"{self._base}/api/kernels/{kernel}/channels"
        headers = {"Cookie": self._http.build_request("GET", path).headers["cookie"]}
        request = HTTPRequest(f"{self.hub.url.replace('http', 'ws')}{path}", headers=headers, connect_timeout=120)
        self._socket = await websocket_connect(request, max_message_size=LARGEST_MESSAGE)

    async def execute(self, code: str) -> list[str]:
        """Run a cell, wait for its end, and return the errors it raised, as JupyterLab would show them."""
        message = Session().msg("execute_request", {"code": code, "silent": False, "allow_stdin": False})
        await self._socket.write_message(json.dumps(message | {"channel": "shell"}, default=str))
        errors, awaited = [], {"execute_reply", "idle"}
        while awaited:
            received = await self._socket.read_message()
            if received is None:
                raise RuntimeError(f"the connection to the kernel of {self.name} was closed")
            answer = json.loads(received) if isinstance(received, str) else deserialize_binary_message(received)
            if answer["parent_header"].get("msg_id") != message["msg_id"]:
                continue
            if answer["msg_type"] == "error":
                errors.append(f"{answer['content']['ename']}: {answer['content']['evalue']}")
            awaited -= {answer["msg_type"], answer["content"].get("execution_state", "")}
        return errors

    async def spawn(self) -> None:
        """Log in and start the server."""
        await self.log_in()
        await self.start_server()

    async def run_notebook(self, path: str) -> list[str]:
        """Open a notebook as it is stored in the learner's home and run all its cells; return the errors."""
        notebook = await self.read(path)
        await self.open_kernel(path)
        sources = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
        return [error for source in sources for error in await self.execute(source)]


@dataclass(frozen=True)
class Class:
    """How one class of simulated learners went: what failed, the longest wait for a server, memory, a row of cells."""

    size: int
    failures: list[str]
    longest_wait: float
    gib: float
    row: dict[str, str]


async def hold_class(hub: Hub, size: int, notebook: str) -> Class:
    """Let a class start its servers at once and run a notebook at once; memory is read while all are still open."""
    learners = [Learner(hub, f"learner-{number:02d}") for number in range(1, size + 1)]

    async def run(learner: Learner) -> None:
        if errors := await learner.run_notebook(f"course/{notebook}"):
            raise RuntimeError(f"cells of {notebook} failed: {errors}")

    try:
        await all_at_once(Learner.spawn, learners)
        spawn = [each.seconds[0] for each in learners if not each.failure]
        await all_at_once(run, learners)
        done = [each for each in learners if not each.failure]
        gib = memory_of(hub.processes())
    finally:
        for learner in learners:
            await learner.leave()
    failures = [f"{each.name}: {each.failure}" for each in learners if each.failure]
    row = {
        "learners": str(size),
        "failed": str(len(failures)),
        "spawn, s": middle_and_most(spawn),
        "notebook, s": middle_and_most([each.seconds[1] for each in done]),
        "memory in all, GiB": f"{gib:.1f}",
    }
    return Class(size, failures, max(spawn, default=0), gib, row)


async def all_at_once(act: Callable[[Learner], Awaitable[None]], learners: list[Learner]) -> None:
    """Let all learners who have not failed act at the same time; note how long each took, or how each failed."""

    async def one(learner: Learner) -> None:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(SECONDS_A_LEARNER):
                await act(learner)
        except Exception as error:
            learner.failure = repr(error)
        learner.seconds.append(time.perf_counter() - started)

    await asyncio.gather(*(one(learner) for learner in learners if not learner.failure))


def middle_and_most(seconds: list[float]) -> str:
    """Write times as one cell of the table."""
    return f"{median(seconds):.1f} (up to {max(seconds):.1f})" if seconds else ""


def memory_of(processes: list[psutil.Process]) -> float:
    """Return the GiB that processes use, of what they share each its part (PSS)."""
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / preflight.GIB


def verdict(held: Class, gib: float, cores: int) -> str:
    """Say in one sentence whether a machine is fit for a class, and what would help."""
    needed, advised = preflight.needs(held.size)
    # As for the rule of preflight, each learner may open as much again as in the rehearsal.
    needed = max(needed, 2 * held.gib)
    wait = f"the last server was ready after {held.longest_wait:.0f} s"
    if held.failures:
        return f"Not fit for {held.size} learners: {len(held.failures)} failed, as said above; fewer may do."
    if gib < preflight.SPARED * needed:
        helps = f"{needed:.0f} GiB of memory would help, where {gib:.0f} are, or fewer learners"
        return f"Not fit for {held.size} learners: {helps}."
    if held.longest_wait > LONGEST_WAIT:
        more = f", or {advised} processors in place of {cores}" if cores < advised else ""
        return f"Fit for {held.size} learners, slowly: {wait}; starting them before class would help{more}."
    return (
        f"Fit for {held.size} learners: nobody failed, {wait}, and of {gib:.0f} GiB of memory {needed:.0f} are needed."
    )


def missing_program() -> str:
    """Say which program a rehearsal lacks and what to do about it, or nothing if all are there."""
    for program, packages in (("git", "git"), ("node", "nodejs npm")):
        if not shutil.which(program):
            return f"it needs {program}. On Debian or Ubuntu: apt install {packages}"
    return "" if PROXY.exists() else "the hub's proxy is not installed yet. In the course's folder: make hub"


def main() -> int:
    """Hold classes of growing size, print one table and one sentence."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--learners", type=int, default=20, help="size of the largest class")
    parser.add_argument("--notebook", default=FIRST_NOTEBOOK, help="what each learner runs")
    arguments = parser.parse_args()
    if not 1 <= arguments.learners <= MOST_LEARNERS or not (COURSE / arguments.notebook).is_file():
        parser.error(f"expected 1 to {MOST_LEARNERS} learners and a notebook such as {FIRST_NOTEBOOK}")
    if reason := missing_program():
        sys.exit(f"The rehearsal cannot begin: {reason}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    memory, cores = psutil.virtual_memory().total / preflight.GIB, os.cpu_count() or 1
    print(
        f"{date.today()}, {cores} cores, {memory:.0f} GiB, Python {platform.python_version()}, "
        f"JupyterHub {metadata.version('jupyterhub')}, {arguments.notebook}\n"
    )
    failed = False
    for size in sorted({size for size in CLASS_SIZES if size < arguments.learners} | {arguments.learners}):
        with tempfile.TemporaryDirectory(prefix="classroom_") as scratch, Hub(Path(scratch)) as hub:
            held = asyncio.run(hold_class(hub, size, arguments.notebook))
            failed = failed or bool(held.failures)
            if size == 1:
                print(f"| {' | '.join(held.row)} |\n|{' --- |' * len(held.row)}")
            print(f"| {' | '.join(held.row.values())} |", flush=True)
            if held.failures:
                print("\n".join(["", *held.failures, "The last words of the hub:", hub.last_words()]), file=sys.stderr)
    print(f"\n{verdict(held, memory, cores)}")
    return int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted: everything that was started has been stopped.")
