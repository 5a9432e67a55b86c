"""Work that is killed: ``python killed_work.py WORK FOLDER`` does it over and over and says each time that it is done.

A number on standard input begins a round in a child of its own, so that the libraries are loaded once for all rounds:
the child ends after so many pieces of work, or never if it is 0. The answer is the child's process id; then one line
comes for every piece of work that it has finished, and one with the status with which it ended.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from itertools import count
from pathlib import Path
from types import ModuleType


def write_progress(_folder: Path) -> Callable[[int], None]:
    from mlops_lesson.teaching import progress

    return lambda number: progress.keep_answer("killed", f"{os.getpid()}-{number}", ["A"], right=True)


def export_progress(folder: Path) -> Callable[[int], None]:
    from mlops_lesson.teaching import progress

    return lambda number: progress.export(f"{os.getpid()} {number}", folder)


def first_row(process: int, number: int) -> int:
    """Say where the dataset begins that a process keeps as its so-many-th."""
    return (process + number) % 500


def keep_artifact(_folder: Path) -> Callable[[int], None]:
    from course_models import clean

    from mlops_lesson import artifacts

    whole = clean()
    artifacts.save(whole)

    def again(number: int) -> None:
        start = first_row(os.getpid(), number)
        artifacts.save(replace(whole, table=whole.table.iloc[start:].reset_index(drop=True), X=whole.X[start:]))

    return again


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


def builder() -> ModuleType:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "data"))
    return import_module("build")


def move_data(folder: Path) -> Callable[[int], None]:
    build = builder()

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


def build_data(folder: Path) -> Callable[[int], None]:
    build = builder()
    build.build(folder)

    def again(_number: int) -> None:
        # Other parcels each time, so that files of two builds are seen to be mixed.
        build.SEED = os.getpid()
        build.build(folder)

    return again


WORKS = {
    "progress": write_progress,
    "export": export_progress,
    "artifact": keep_artifact,
    "promotion": promote,
    "move": move_data,
    "build": build_data,
}


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
