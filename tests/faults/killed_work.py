"""Work that is killed: ``python killed_work.py WORK FOLDER`` does it over and over and says each time that it is done.

A line on standard input begins a round in a child of its own, so that the libraries are loaded once for all rounds. The
answer is the child's process id; then one line comes for every piece of work that it has finished.
"""

import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path


def write_progress(_folder: Path) -> Callable[[int], None]:
    from mlops_lesson import progress

    return lambda number: progress.answer("killed", f"{os.getpid()}-{number}", ["A"], right=True)


def move_data(folder: Path) -> Callable[[int], None]:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "data"))
    import build

    # What is written is drawn once: it reaches the folder only by being moved there.
    def again(number: int) -> None:
        new = folder.parent / f"new-{os.getpid()}-{number}"
        new.mkdir()
        for part in ("raw", "live"):
            (new / part).mkdir()
            for name in "abcd":
                (new / part / f"{name}.txt").write_text(f"{os.getpid()} {number}\n" * 500, encoding="utf-8")
        build.write_manifest(new)
        build.move_into_place(new, folder)

    return again


WORKS = {"progress": write_progress, "data": move_data}


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    work = WORKS[name](folder)
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            for number in count(1):
                work(number)
                os.write(1, f"done {number}\n".encode())
        print("child", child, flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    main()
