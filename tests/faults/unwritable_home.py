"""Use the course where nothing can be written: ``unshare --mount python unwritable_home.py FOLDER``.

The folder becomes a small file system of its own, for this process alone. What was seen is printed as JSON: for a full
and a read-only one, and each thing that is written, what the course said, which files it changed all the same, and
whether the next write worked once there was room again.
"""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import course_models
from depot_service import digits, fill_home, trained_model, validated
from sample_class import answered

from mlops_lesson import artifacts
from mlops_lesson.deployment import registry, request_log, serving
from mlops_lesson.keep import journal
from mlops_lesson.keep.store import open_store
from mlops_lesson.teaching import progress

MEGABYTES = 10
# Locks, the log of the service, what SQLite puts beside a database, and copies: these come and go.
NOT_COMPARED = (".lock", ".log", ".db-shm", ".db-wal", ".copy.db")


def mount(folder: Path, *options: str) -> None:
    subprocess.run(["mount", *options, str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Fill the folder's file system to the last byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    mount(folder, "-o", "remount,bind,ro")
    try:
        yield
    finally:
        mount(folder, "-o", "remount,bind,rw")


def log_a_request() -> bool:
    log = request_log.RequestLog()
    log.write(parcel_id="1", role="champion", version=1, image=digits()[0][0], score=0.5)
    return not log.failures


def promote_the_other() -> bool:
    other = 3 - registry.load("champion").version
    registry.promote(other)
    return registry.load("champion").version == other


def answer() -> str | bool:
    now = progress.keep_answer(1, f"question-{os.urandom(3).hex()}", answered("A"))
    return now.notice or len(now.answers_of(1)) > 1


def keep_smaller() -> bool:
    whole = course_models.clean()
    start = len(whole.X) - len(artifacts.load("clean dataset", quiet=True).X) + 1
    smaller = type(whole)(whole.table.iloc[start:].reset_index(drop=True), whole.X[start:], whole.report)
    artifacts.save(smaller)
    return artifacts.load("clean dataset", quiet=True).data_hash == smaller.data_hash


def make_a_store() -> bool:
    usual = os.environ["MLOPS_LESSON_HOME"]
    os.environ["MLOPS_LESSON_HOME"] = f"{usual}/another"
    try:
        return bool(open_store())
    finally:
        os.environ["MLOPS_LESSON_HOME"] = usual


def serve() -> bool:
    with serving.serve() as server:
        return server.predict(digits()[0][0], "1")["chute"] in "AB"


WRITES: dict[str, Callable[[], Any]] = {
    "an answer": answer,
    "an export": lambda: progress.export("Ada").exists(),
    "an artifact": keep_smaller,
    "a first store": make_a_store,
    "a new model": lambda: validated(trained_model(4)) > 2,
    "a promotion": promote_the_other,
    "a line of the journal": lambda: journal.write("gate", "refused", "few " * 2000) is None,
    "a request": log_a_request,
    "the service": serve,
}
READS: dict[str, Callable[[], Any]] = {
    "answers": lambda: len(progress.read().answers_of(1)),
    "champion": lambda: registry.load("champion").version > 0,
    "requests": lambda: len(request_log.read_requests()) > 0,
    "artifact": lambda: bool(artifacts.load("clean dataset", quiet=True).data_hash),
    "journal": lambda: len(journal.read()) > 0,
}


def attempt(write: Callable[[], Any]) -> str:
    try:
        done = write()
    except Exception as error:
        return f"{type(error).__module__}.{type(error).__name__}: {error}"
    return done if isinstance(done, str) else "done" if done else "not done"


def contents(folder: Path) -> dict[str, bytes]:
    kept = (path for path in folder.rglob("*") if path.is_file() and path.name != "filler")
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept if not path.name.endswith(NOT_COMPARED)}


def main() -> None:
    folder = Path(sys.argv[1])
    mount(folder, "-t", "tmpfs", "-o", f"size={MEGABYTES}M,mode=0700", "tmpfs")
    os.environ["MLOPS_LESSON_HOME"] = str(folder)
    fill_home(folder)
    artifacts.save(course_models.clean())
    registry.promote(validated(trained_model(4)))
    progress.keep_answer(1, "first", answered("A"))
    for made in ("a line of the journal", "a request"):
        WRITES[made]()
    (folder / "another").mkdir()
    shutil.copy(folder / "journal.db", folder / "another")
    seen: dict[str, Any] = {}
    for kind, refuse in (("full", full), ("read-only", read_only)):
        for name, write in WRITES.items():
            there = contents(folder)
            with refuse(folder), contextlib.redirect_stderr(io.StringIO()):
                said, now = attempt(write), contents(folder)
            changed = sorted(path for path in there.keys() | now.keys() if there.get(path) != now.get(path))
            afterwards = "" if name == "the service" else attempt(write)
            seen[f"{kind}: {name}"] = {"said": said, "changed": changed, "afterwards": afterwards}
        with refuse(folder):
            seen[kind] = {name: attempt(read) for name, read in READS.items()}
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
