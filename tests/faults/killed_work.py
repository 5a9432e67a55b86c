"""Work that is killed: ``python killed_work.py WORK FOLDER`` does it over and over and says each time that it is done.

A number on standard input begins a round in a child of its own, so that the libraries are loaded once for all rounds:
the child ends after so many pieces of work, or never if it is 0. The answer is the child's process id; then one line
comes for every piece of work that it has finished, and one with the status with which it ended.
"""

import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path


def write_progress(_folder: Path) -> Callable[[int], None]:
    from mlops_lesson.teaching import progress

    return lambda number: progress.keep_answer("killed", f"{os.getpid()}-{number}", ["A"], right=True)


def promote(folder: Path) -> Callable[[int], None]:
    from depot_service import fill_home, trained_model, validated

    from mlops_lesson.deployment import registry

    fill_home(folder)
    for _ in range(2):
        registry.promote(validated(trained_model()))
    return lambda number: registry.promote(next_version(registry.champion().version), reason=f"{os.getpid()}-{number}")


def next_version(version: int) -> int:
    """Say which of the three versions follows one."""
    return version % 3 + 1


WORKS = {"progress": write_progress, "promotion": promote}


def say(words: str) -> None:
    # In one write: what two processes print in pieces gets mixed.
    os.write(1, f"{words}\n".encode())


def main() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    name, folder = sys.argv[1], Path(sys.argv[2])
    work = WORKS[name](folder)
    say("ready now")
    for line in sys.stdin:
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.read(told, 1)
                for number in count(1):
                    work(number)
                    say(f"done {number}")
                    if number == int(line):
                        os._exit(0)
            finally:
                os._exit(1)
        say(f"child {child}")
        os.write(tell, b"!")
        _, status = os.waitpid(child, 0)
        say(f"ended {status}")
        os.close(told)
        os.close(tell)


if __name__ == "__main__":
    main()
