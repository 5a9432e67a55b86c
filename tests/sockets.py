"""On which addresses a process can be reached."""

import psutil


def listening(process: psutil.Process) -> list[tuple[str, int]]:
    """Return the addresses on which a process takes connections, or datagrams from anybody."""
    return [tuple(found.laddr) for found in process.net_connections("inet") if not found.raddr and found.laddr]
