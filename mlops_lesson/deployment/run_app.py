"""Run a service with uvicorn in a process of its own, which ends when its input does.

`mlops_lesson.deployment.serving` starts it and holds the other end of its input: when the notebook's kernel ends, in
whatever way, the pipe closes, and so does the service.
"""

import importlib
import json
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn


def load_app(file: Path) -> Any:
    """Return the `app` that a Python file makes."""
    sys.path.insert(0, str(file.parent))
    # Two changes of the file within one second would look the same to a compiled copy.
    sys.dont_write_bytecode = True
    return importlib.import_module(file.stem).app


def run(make_app: Callable[[], Any]) -> None:
    """Run a service until its input ends; the port, or why there is none, is printed as one line of JSON."""
    # Whatever is printed, also by a program that the file starts, goes to the log; the one line that is waited for does
    # not.
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        app = make_app()
    except Exception as error:
        traceback.print_exc()
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=report, flush=True)
        sys.exit(1)
    # The event loop sends small answers at once only on a socket that names its protocol; others wait 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    # Plain asyncio and h11, whatever else is installed; a notebook's connections stay open while it thinks.
    options = {"loop": "asyncio", "http": "h11", "ws": "none", "timeout_keep_alive": 75, "log_level": "warning"}
    threading.Thread(target=_end_with_input, daemon=True).start()
    print(json.dumps({"port": listener.getsockname()[1]}), file=report, flush=True)
    uvicorn.Server(uvicorn.Config(app, **options)).run(sockets=[listener])


def _end_with_input() -> None:
    # The process that started this one may be a launcher that has ended by now, so only the pipe tells.
    while os.read(0, 1024):
        continue
    os._exit(0)


if __name__ == "__main__":
    run(lambda: load_app(Path(sys.argv[1])))
