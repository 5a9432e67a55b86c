"""Files are written whole or not at all, and lines that a crash cut short spoil no others."""

import errno
import json
import os
import stat

import pytest

from mlops_lesson.keep import files
from mlops_lesson.keep.files import CannotWriteError


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path, monkeypatch):
    path = tmp_path / "new" / "file.json"
    files.write_atomically(path, b"first, and longer")
    files.write_atomically(path, b"second")

    def fails(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", fails)
    with pytest.raises(CannotWriteError, match=r"file\.json cannot be written \(No space left .* MLOPS_LESSON_HOME"):
        files.write_atomically(path, b"third")
    assert path.read_bytes() == b"second"
    assert [each.name for each in path.parent.iterdir()] == ["file.json"]


@pytest.mark.skipif(os.name != "posix", reason="permissions and links are those of POSIX")
def test_a_link_stays_a_link_and_the_file_keeps_its_permissions(tmp_path):
    (tmp_path / "synchronised").mkdir()
    real = tmp_path / "synchronised" / "card.md"
    real.touch()
    real.chmod(0o640)
    link = tmp_path / "my_work" / "card.md"
    link.parent.mkdir()
    link.symlink_to(real)
    files.write_atomically(link, b"new")
    files.write_atomically(tmp_path / "private", b"")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (real, tmp_path / "private")] == [0o640, 0o600]


def test_where_a_folder_should_be_and_a_file_is_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotWriteError, match="below cannot be written"):
        files.write_atomically(tmp_path / "file" / "below", b"")


def test_damaged_files_are_set_aside_under_the_next_free_number(tmp_path):
    path = tmp_path / "progress.db"
    for number, content in enumerate(("one", "two"), start=1):
        path.write_text(content)
        assert files.set_aside(path) == tmp_path / f"progress.damaged-{number}.db"
        assert (tmp_path / f"progress.damaged-{number}.db").read_text() == content
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
