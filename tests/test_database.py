"""Records in SQLite: several processes, a kill, damage, a full disk, a read-only folder, no locks."""

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_lesson.keep import database, journal
from mlops_lesson.keep.files import CannotWriteError

SCHEMA = "CREATE TABLE IF NOT EXISTS notes (words TEXT NOT NULL)"


def add(path: Path, words: str, **options) -> None:
    with database.open_database(path, SCHEMA, **options) as connection:
        connection.execute("INSERT INTO notes VALUES (?)", (words,))


def words(path: Path, **options) -> list[str]:
    with database.open_database(path, SCHEMA, write=False, **options) as connection:
        return [word for (word,) in connection.execute("SELECT words FROM notes ORDER BY rowid")]


def test_neither_reading_nor_a_block_that_fails_leaves_anything_behind(tmp_path):
    path = tmp_path / "a?b#c%20d" / "notes.db"
    assert words(path) == []
    assert not path.parent.exists()
    add(path, "first")
    with contextlib.suppress(ZeroDivisionError), database.open_database(path, SCHEMA) as connection:
        connection.execute("INSERT INTO notes VALUES ('second')")
        raise ZeroDivisionError
    assert words(path) == ["first"]
    assert {file.name for file in path.parent.iterdir()} == {"notes.db"}


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")
def test_only_the_owner_can_read_and_a_link_stays_a_link(tmp_path):
    real = tmp_path / "elsewhere.db"
    real.touch(mode=0o640)
    real.chmod(0o640)
    link = tmp_path / "my_work" / "notes.db"
    link.parent.mkdir()
    link.symlink_to(real)
    add(link, "first")
    add(tmp_path / "new" / "folder" / "notes.db", "first")
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert {stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "new", tmp_path / "new" / "folder")} == {0o700}
    assert stat.S_IMODE((tmp_path / "new" / "folder" / "notes.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["text", "cut", "page"])
def test_a_damaged_file_is_set_aside_and_said(tmp_path, damage):
    path = tmp_path / "notes.db"
    with database.open_database(path, SCHEMA) as connection:
        connection.executemany("INSERT INTO notes VALUES (?)", [("y" * 500,)] * 200)
    whole = path.read_bytes()
    spoiled = {"text": b"{}" * 600, "cut": whole[:6000], "page": whole[:4096] + b"\xff" * 4096 + whole[8192:]}[damage]
    path.write_bytes(spoiled)
    (tmp_path / "notes.damaged-1.db").write_bytes(b"an earlier one")
    said = []
    add(path, "anew", say=said.append)
    assert words(path) == ["anew"]
    assert (tmp_path / "notes.damaged-2.db").read_bytes() == spoiled
    assert len(said) == 1
    assert "notes.damaged-2.db" in said[0]


def test_three_processes_lose_nothing(tmp_path):
    path = tmp_path / "notes.db"
    code = """
import sys; from pathlib import Path; from mlops_lesson.keep.database import open_database
for number in range(30):
    with open_database(Path(sys.argv[1]), sys.argv[2]) as connection:
        connection.execute("INSERT INTO notes VALUES (?)", (f"{sys.argv[3]}-{number}",))
"""
    writers = [subprocess.Popen([sys.executable, "-c", code, path, SCHEMA, name]) for name in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert sorted(words(path)) == sorted(f"{name}-{number}" for name in "abc" for number in range(30))


def test_a_writer_that_is_killed_leaves_the_last_whole_state(tmp_path):
    path = tmp_path / "notes.db"
    add(path, "whole")
    code = """
import sys, time; from pathlib import Path; from mlops_lesson.keep.database import open_database
with open_database(Path(sys.argv[1]), sys.argv[2]) as connection:
    connection.execute("PRAGMA cache_size = 1")
    connection.executemany("INSERT INTO notes VALUES (?)", [("x" * 4000,)] * 500)
    print("ready", flush=True); time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code, path, SCHEMA], stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        writer.kill()
    assert path.stat().st_size > 1_000_000
    assert words(path) == ["whole"]


def test_a_full_disk_is_said_and_changes_nothing(tmp_path):
    path = tmp_path / "notes.db"
    add(path, "first")

    def fill() -> None:
        with database.open_database(path, SCHEMA) as connection:
            connection.execute("PRAGMA max_page_count = 3")
            connection.executemany("INSERT INTO notes VALUES (?)", [("x" * 4000,)] * 9)

    with pytest.raises(CannotWriteError, match=r"notes\.db cannot be used .*full.*Make room"):
        fill()
    assert words(path) == ["first"]


def test_another_writer_is_waited_for_and_then_named(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.05)
    path = tmp_path / "notes.db"
    add(path, "first")
    with database.open_database(path, SCHEMA), pytest.raises(CannotWriteError, match="Another notebook is writing"):
        add(path, "second")


def test_one_writer_works_where_there_are_no_locks(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    said = []
    add(tmp_path / "a?b" / "notes.db", "first", say=said.append)
    with sqlite3.connect(tmp_path / "a?b" / "notes.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        add(tmp_path / "a?b" / "notes.db", "second", say=said.append)
    other.close()
    assert "without locks" in said[0]


def test_the_journal_says_who_did_what_and_why(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    assert journal.read().empty
    journal.write("Ada", "promote", "passed the gate", version=2, replaced=1)
    with contextlib.suppress(ZeroDivisionError), journal.alone() as within:
        journal.write("loop", "promote", "never happened", within=within)
        raise ZeroDivisionError
    journal.write("loop", "retrain", "scores drifted", run="a", week=4)
    lines = journal.read()
    assert list(lines) == ["at", "run", "week", "who", "what", "why", "version", "replaced"]
    assert lines[["who", "what", "why", "version", "replaced"]].values.tolist()[0] == [
        "Ada", "promote", "passed the gate", 2, 1,
    ]  # fmt: skip
    assert journal.read("a")["week"].tolist() == [4]
