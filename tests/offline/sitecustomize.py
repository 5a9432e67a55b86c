"""Keep a Python on this machine: loaded at its start where this folder is on ``PYTHONPATH``.

Every attempt to reach another machine, or to look up its name, is refused and written into the file ``OFFLINE_LOG``.
Python programs started by the guarded one are guarded too.
"""

import os
import socket
import sys

LOCAL_NAMES = ("", "localhost", "::", "::1", "0.0.0.0", socket.gethostname())  # noqa: S104


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    return not isinstance(host, str) or host in LOCAL_NAMES or host.startswith("127.")


def _refuse_to_leave(event: str, arguments: tuple) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if not _is_local(host):
        with open(os.environ["OFFLINE_LOG"], "a", encoding="utf-8") as log:  # noqa: PTH123
            log.write(f"{event} {host}\n")
        raise OSError(f"This run is offline; refused: {event} {host}")


sys.addaudithook(_refuse_to_leave)
