"""Keep a Python on this machine: loaded at its start where this folder is on ``PYTHONPATH``.

Every attempt to reach another machine, or to look up its name, is refused and written into the file ``OFFLINE_LOG``.
So is, without being refused, every file written outside the folders of ``MAY_WRITE``, if that variable is set.
Python programs started by the guarded one are guarded too.
"""

import os
import socket
import sys

LOCAL_NAMES = ("", "localhost", "::", "::1", "0.0.0.0", socket.gethostname())  # noqa: S104
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = ("sqlite3.connect", "os.mkdir", "os.remove", "os.rename")
MAY_WRITE = tuple(folder for folder in os.environ.get("MAY_WRITE", "").split(os.pathsep) if folder)


def _log(line: str) -> None:
    handle = os.open(os.environ["OFFLINE_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, f"{line}\n".encode(errors="replace"))
    os.close(handle)


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    return not isinstance(host, str) or host in LOCAL_NAMES or host.startswith("127.")


def _watch(event: str, arguments: tuple) -> None:
    if event == "open":
        if MAY_WRITE and isinstance(arguments[2], int) and arguments[2] & WRITES:
            _watch_write(event, arguments[0])
    elif event in CHANGES:
        # A number above -1 at the end is an open folder, to which the name is relative.
        if MAY_WRITE and (event == "sqlite3.connect" or arguments[-1] == -1):
            _watch_write(event, arguments[0])
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        _refuse_to_leave(event, address[0] if isinstance(address, tuple) else None)
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        _refuse_to_leave(event, arguments[0])


def _refuse_to_leave(event: str, host: object) -> None:
    if not _is_local(host):
        _log(f"{event} {host}")
        raise OSError(f"This run is offline; refused: {event} {host}")


def _watch_write(event: str, path: object) -> None:
    if isinstance(path, int) or path is None:
        return
    text, _, options = os.fsdecode(path).removeprefix("file:").partition("?")  # type: ignore[arg-type]
    if text == ":memory:" or "mode=ro" in options:
        return
    name = os.path.realpath(text)
    if not name.startswith((*MAY_WRITE, os.environ["OFFLINE_LOG"])) and "__pycache__" not in name:
        _log(f"{event} {name}")


sys.addaudithook(_watch)
