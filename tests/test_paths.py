"""Where the course finds its data and keeps the learner's work."""

from pathlib import Path

import pytest

from mlops_lesson.keep import paths


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv(paths.COURSE_VARIABLE, raising=False)
    monkeypatch.delenv(paths.HOME_VARIABLE, raising=False)


@pytest.mark.parametrize("place", [".", "notebooks/deep"])
@pytest.mark.parametrize(("setting", "folder"), [("", "my_work"), ("../out", "../out"), ("~/lesson", "~/lesson")])
def test_the_learners_work_lies_where_it_is_said_wherever_one_stands(tmp_path, monkeypatch, place, setting, folder):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "MANIFEST.sha256").touch()
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / place)
    monkeypatch.setenv("MLOPS_LESSON_HOME", setting)
    assert paths.home() == (tmp_path / Path(folder).expanduser()).resolve()
    assert paths.data_dir() == (tmp_path / "data").resolve()


def test_the_course_is_found_beside_the_package_unless_a_setting_leads_nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert paths.course_root() == Path(paths.__file__).resolve().parents[2]
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"not found from {tmp_path}: .* set MLOPS_LESSON_COURSE to it"):
        paths.course_root()
