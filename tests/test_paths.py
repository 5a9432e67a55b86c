"""Where the course finds its data and keeps the learner's work."""

from pathlib import Path

import pytest

from mlops_lesson.keep import paths


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv(paths.COURSE_VARIABLE, raising=False)
    monkeypatch.delenv(paths.HOME_VARIABLE, raising=False)


@pytest.fixture
def course(tmp_path):
    (tmp_path / "course" / "data").mkdir(parents=True)
    (tmp_path / "course" / "data" / "MANIFEST.sha256").touch()
    (tmp_path / "course" / "notebooks" / "deep").mkdir(parents=True)
    return (tmp_path / "course").resolve()


@pytest.mark.parametrize("place", [".", "notebooks", "notebooks/deep"])
@pytest.mark.parametrize(("setting", "folder"), [(None, "my_work"), ("elsewhere", "elsewhere"), ("../out", "../out")])
def test_the_learners_work_lies_in_the_course_wherever_one_stands(course, monkeypatch, place, setting, folder):
    monkeypatch.chdir(course / place)
    if setting:
        monkeypatch.setenv("MLOPS_LESSON_HOME", setting)
    assert paths.home() == (course / folder).resolve()
    assert paths.data_dir() == course / "data"


def test_the_course_is_found_beside_the_package_and_a_setting_may_begin_at_the_users_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert paths.course_root() == Path(paths.__file__).resolve().parents[2]
    monkeypatch.setenv("MLOPS_LESSON_HOME", "~/lesson")
    assert paths.home() == (Path.home() / "lesson").resolve()


def test_the_setting_of_the_course_decides_and_one_that_leads_nowhere_is_named(course, tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(course))
    assert paths.course_root() == course
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"not found from {tmp_path}: .* set MLOPS_LESSON_COURSE to it"):
        paths.course_root()
