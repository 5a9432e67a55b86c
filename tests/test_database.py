"""Records in SQLite: several processes, damage, a busy file, no locks; full disks and kills are in `faults`."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from mlops_lesson.keep import database, journal
from mlops_lesson.keep.files import CannotWriteError

SCHEMA = "CREATE TABLE IF NOT EXISTS notes (words TEXT NOT NULL)"


def add(path: Path, words: str) -> None:
    with database.open_database(path, SCHEMA) as connection:
        connection.execute("INSERT INTO notes VALUES (?)", (words,))


def words(path: Path) -> list[str]:
    with database.open_database(path, SCHEMA, write=False) as connection:
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


@pytest.mark.parametrize("damage", ["text", "cut", "page"])
def test_a_damaged_file_is_set_aside_and_said(tmp_path, damage, capsys):
    path = tmp_path / "notes.db"
    with database.open_database(path, SCHEMA) as connection:
        connection.executemany("INSERT INTO notes VALUES (?)", [("y" * 500,)] * 200)
    whole = path.read_bytes()
    spoiled = {"text": b"{}" * 600, "cut": whole[:6000], "page": whole[:4096] + b"\xff" * 4096 + whole[8192:]}[damage]
    path.write_bytes(spoiled)
    (tmp_path / "notes.damaged-1.db").write_bytes(b"an earlier one")
    add(path, "anew")
    assert words(path) == ["anew"]
    assert (tmp_path / "notes.damaged-2.db").read_bytes() == spoiled
    assert capsys.readouterr().out.count("notes.damaged-2.db") == 1


def test_another_writer_is_waited_for_and_then_named(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.05)
    path = tmp_path / "notes.db"
    add(path, "first")
    with database.open_database(path, SCHEMA), pytest.raises(CannotWriteError, match="Another notebook is writing"):
        add(path, "second")


def test_one_writer_works_where_there_are_no_locks(tmp_path, monkeypatch, capsys):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    path = tmp_path / "a?b" / "notes.db"
    add(path, "first")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        add(path, "second")
    assert capsys.readouterr().out.count("without locks") == 1


def test_the_journal_says_who_did_what_and_why():
    assert journal.read().empty
    journal.write("Ada", "promote", "passed the gate", version=2, replaced=1)
    journal.write("loop", "retrain", "scores drifted", run="a", week=4)
    lines = journal.read()
    assert list(lines) == ["at", "run", "week", "who", "what", "why", "version", "replaced"]
    assert lines.iloc[0].tolist()[3:] == ["Ada", "promote", "passed the gate", 2, 1]
    assert journal.read("a")["week"].tolist() == [4]
