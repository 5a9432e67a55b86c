"""Files are written whole or not at all, and lines that a crash cut short spoil no others."""

import errno
import json
import os
import stat

import pytest

from mlops_lesson.keep import files
from mlops_lesson.keep.files import CannotWriteError


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "new" / "file.json"
    files.write_atomically(path, b"first, and longer")
    files.write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert [each.name for each in path.parent.iterdir()] == ["file.json"]


def test_a_file_written_beside_another_is_gone_unless_it_was_given_a_name(tmp_path):
    with files.written_beside(tmp_path / "file.json", b"content") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.read_bytes() == b"content"
        assert temporary.name.startswith(".mlops_lesson-file-")
        assert temporary.suffix == ".part"
        if os.name == "posix":
            assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_on_the_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(files.os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    with files.written_beside(tmp_path / "file", b"12345"):
        assert synced == [5]
    files.append_line(tmp_path / "lines", {"a": 1})
    assert synced == [5, len('{"a": 1}\n')]


@pytest.mark.parametrize("strerror", ["No space left on device", None])
def test_a_refusal_of_the_system_names_the_file_and_what_to_do(tmp_path, strerror):
    error = OSError(28, strerror) if strerror else OSError("of some kind")
    with pytest.raises(CannotWriteError) as refusal, files.said_if_unwritable(tmp_path / "file"):
        raise error
    assert refusal.value.__cause__ is error
    assert str(refusal.value) == (
        f"{tmp_path / 'file'} cannot be written ({strerror or 'of some kind'}). What was there before is unchanged. "
        "Make room on the disk or allow writing there, or set MLOPS_LESSON_HOME to another folder, then run the cell "
        "again."
    )


def test_where_a_folder_should_be_and_a_file_is_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    for write in (lambda path: files.write_atomically(path, b""), lambda path: files.append_line(path, {})):
        with pytest.raises(CannotWriteError, match=r"below cannot be written"):
            write(tmp_path / "file" / "below")


def test_damaged_files_are_set_aside_under_the_next_free_number(tmp_path):
    path = tmp_path / "progress.json"
    for number, content in enumerate(("one", "two", "three"), start=1):
        path.write_text(content)
        aside = files.set_aside(path)
        assert aside == tmp_path / f"progress.damaged-{number}.json"
        assert aside.read_text() == content
        assert not path.exists()


def test_lines_come_back_in_their_order(tmp_path):
    path = tmp_path / "new" / "lines.jsonl"
    assert files.read_lines(path) == []
    records = [{"a": 1}, {"b": "zwei\n"}, {}]
    for record in records:
        files.append_line(path, record)
    assert files.read_lines(path) == records
    assert path.read_bytes() == b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.mark.parametrize("cut", ['{"b": 2}', '{"b": ', "{"])
def test_a_line_that_was_cut_short_takes_no_later_line_with_it(tmp_path, cut):
    path = tmp_path / "lines.jsonl"
    path.write_text('{"a": 1}\n' + cut)
    files.append_line(path, {"c": 3})
    assert path.read_text() == '{"a": 1}\n' + cut + '\n{"c": 3}\n'
    assert files.read_lines(path)[0] == {"a": 1}
    assert files.read_lines(path)[-1] == {"c": 3}


def test_a_file_of_one_cut_sign_takes_no_later_line_with_it(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text("{")
    files.append_line(path, {"a": 1})
    assert files.read_lines(path) == [{"a": 1}]


def test_a_line_of_brackets_within_brackets_is_left_out(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"[" * 100_000 + b'\n{"a": 1}\n')
    assert files.read_lines(path) == [{"a": 1}]


def test_what_is_no_record_is_left_out(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'[1]\n"a"\n{"a": 1}\nnull\n\xff\n{"b": 2}\n')
    assert files.read_lines(path) == [{"a": 1}, {"b": 2}]


def test_a_line_that_the_disk_does_not_take_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    lines = tmp_path / "lines"
    files.append_line(lines, {"a": 1})

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(CannotWriteError):
        files.append_line(lines, {"b": 2})
    assert lines.read_bytes() == b'{"a": 1}\n'
