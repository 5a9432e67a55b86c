"""Files are written whole or not at all."""

import errno
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
    real, link = tmp_path / "synchronised.md", tmp_path / "card.md"
    real.touch()
    real.chmod(0o640)
    link.symlink_to(real)
    files.write_atomically(link, b"new")
    files.write_atomically(tmp_path / "private", b"")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (real, tmp_path / "private")] == [0o640, 0o600]
