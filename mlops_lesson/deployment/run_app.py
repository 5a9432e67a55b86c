"""Run a service with uvicorn in a process of its own, which ends when its input does.

`mlops_lesson.deployment.serving` starts it and holds the other end of its input: when the notebook's kernel ends, in
whatever way, the pipe closes, and so does the service.
"""

import argparse
import importlib.util
import json
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

SECONDS_TO_FINISH = 2


def load_app(file: Path) -> Any:
    """Return the `app` that a Python file makes."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    # Pydantic looks the annotations of a class up in the module it was made in.
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module.app


def _listen() -> socket.socket:
    # The event loop sends small answers at once only on a socket that names its protocol; others wait 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


def _end_with_input(servers: list[uvicorn.Server]) -> None:
    # The process that started this one may be a launcher that has ended by now, so only the pipe tells.
    def wait() -> None:
        while os.read(0, 1024):
            continue
        if servers:
            servers[0].should_exit = True
            time.sleep(SECONDS_TO_FINISH + 1)
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def run(make_app: Callable[[], Any] | None = None) -> int:
    """Run a service until its input ends; the port, or why there is none, is printed as one line of JSON."""
    parser = argparse.ArgumentParser(description=run.__doc__)
    parser.add_argument("--file", type=Path, help="the Python file that makes `app`")
    chosen, _ = parser.parse_known_args()
    servers: list[uvicorn.Server] = []
    _end_with_input(servers)
    # Whatever a library prints goes to the log; standard output carries the one line that is waited for.
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        app = make_app() if make_app else load_app(chosen.file)
        listener = _listen()
    except Exception as error:
        traceback.print_exc()
        said = str(error) if make_app else f"{type(error).__name__}: {error}"
        print(json.dumps({"error": said}), file=report, flush=True)
        return 1
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    servers.append(uvicorn.Server(config))
    print(json.dumps({"port": listener.getsockname()[1]}), file=report, flush=True)
    report.close()
    servers[0].run(sockets=[listener])
    # Nothing is open that must be closed: taking the libraries down in order would only cost time.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(run())
