"""Where the course finds its data and keeps the learner's work."""

import os
import stat
from pathlib import Path

import pytest

from mlops_lesson.keep import paths


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv(paths.COURSE_VARIABLE, raising=False)
    monkeypatch.delenv(paths.HOME_VARIABLE, raising=False)


def make_course(folder):
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "MANIFEST.sha256").touch()
    return folder.resolve()


def test_the_learners_work_lies_in_the_course_unless_a_setting_moves_it(tmp_path, monkeypatch):
    monkeypatch.chdir(make_course(tmp_path / "course"))
    assert paths.home() == (tmp_path / "course" / "my_work").resolve()
    monkeypatch.setenv("MLOPS_LESSON_HOME", "elsewhere")
    assert paths.home() == (tmp_path / "course" / "elsewhere").resolve()


def test_a_setting_may_begin_at_the_users_own_folder(monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", "~/lesson")
    assert paths.home() == (Path.home() / "lesson").resolve()


def test_the_course_is_found_from_any_folder_in_it(tmp_path, monkeypatch):
    course = make_course(tmp_path / "course")
    (course / "notebooks" / "deep").mkdir(parents=True)
    monkeypatch.chdir(course / "notebooks" / "deep")
    assert paths.course_root() == course
    assert paths.data_dir() == course / "data"


def test_the_course_is_found_beside_the_package_from_anywhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert paths.course_root() == Path(paths.__file__).resolve().parent.parent


def test_the_setting_of_the_course_decides_wherever_one_is(tmp_path, monkeypatch):
    course = make_course(tmp_path / "other")
    monkeypatch.chdir(make_course(tmp_path / "here"))
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(course))
    assert paths.course_root() == course


def test_a_setting_that_leads_to_no_course_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(tmp_path))
    with pytest.raises(FileNotFoundError) as refusal:
        paths.course_root()
    assert str(refusal.value) == (
        f"The course's data was not found from {tmp_path}: expected a folder with data/MANIFEST.sha256. "
        "Start Jupyter inside the course folder, or set MLOPS_LESSON_COURSE to it."
    )


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_missing_folders_are_made_private_and_those_that_are_there_stay_as_they_are(tmp_path):
    before = os.umask(0)
    try:
        (tmp_path / "there").mkdir(mode=0o755)
        made = paths.make_private_folder(tmp_path / "there" / "new" / "deep")
        assert paths.make_private_file(made / "file") == made / "file"
    finally:
        os.umask(before)
    parts = (made.parent.parent, made.parent, made, made / "file")
    assert made == tmp_path / "there" / "new" / "deep"
    assert [stat.S_IMODE(each.stat().st_mode) for each in parts] == [0o755, 0o700, 0o700, 0o600]


def test_a_folder_that_another_program_makes_meanwhile_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "new").mkdir()
    monkeypatch.setattr(Path, "exists", lambda path: tmp_path not in path.parents)
    assert paths.make_private_folder(tmp_path / "new") == tmp_path / "new"


def test_a_folder_and_a_file_that_are_there_are_kept(tmp_path):
    (tmp_path / "file").write_text("kept")
    assert paths.make_private_folder(tmp_path) == tmp_path
    assert paths.make_private_file(tmp_path / "file").read_text() == "kept"
