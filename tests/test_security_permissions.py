"""On POSIX, what a learner makes can be read by that learner alone, whatever the umask of the machine says."""

import os
import stat
from pathlib import Path

import pytest
from depot_service import digits, trained_model, validated

from mlops_lesson import artifacts
from mlops_lesson.deployment import registry, serving
from mlops_lesson.keep.paths import make_private_folder
from mlops_lesson.keep.store import open_store, store_path
from mlops_lesson.teaching import progress
from mlops_lesson.training.network import TrainedModel, TrainingSettings
from mlops_lesson.training.trace import GIVEN_TRACE
from mlops_lesson.validation.model_card import ModelCard

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
FILE, FOLDER = 0o600, 0o700


@pytest.fixture(autouse=True)
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def not_for_the_learner_alone(folder: Path) -> dict[str, str]:
    """Name what in a folder has other permissions than 0600, for a file, or 0700, for a folder."""
    # Below mlflow/, which is private itself, MLflow makes the files.
    paths = [folder, *(path for path in folder.rglob("*") if "mlflow" not in path.relative_to(folder).parts[:-1])]
    assert any(path.is_file() for path in paths)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in paths}
    return {
        str(path.relative_to(folder)): oct(mode)
        for path, mode in modes.items()
        if mode != (FOLDER if path.is_dir() else FILE)
    }


def make_everything() -> None:
    progress.keep_answer(1, "late-labels", ["A"], right=True)
    artifacts.save(TrainedModel(trained_model(), GIVEN_TRACE, TrainingSettings(), "data"))
    ModelCard("Model card", (("Use", ("Reads digits.",)),), "0" * 64).save()
    registry.promote(validated(trained_model()))
    with serving.serve() as server:
        server.predict(digits()[0][0], "100001")


def test_nothing_in_the_learners_folder_is_not_for_the_learner_alone(tmp_path, monkeypatch):
    folder = tmp_path / "new" / "my_work"
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(folder))
    make_everything()
    made = {path.name for path in folder.iterdir()}
    assert made >= {"progress.db", "mlflow", "mlflow.db", "mlflow.copy.db", "requests.db", "service.log", "journal.db"}
    assert not_for_the_learner_alone(folder) == {}


def test_a_restored_registry_is_as_private_as_the_lost_one(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "my_work"))
    open_store()
    store_path().write_bytes(b"noise" * 1000)
    open_store()
    assert not_for_the_learner_alone(tmp_path / "my_work") == {}


def test_a_folder_that_an_export_makes_is_private(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "my_work"))
    progress.keep_part(1, "why")
    progress.export(folder=tmp_path / "for" / "the_teacher")
    assert stat.S_IMODE((tmp_path / "for" / "the_teacher").stat().st_mode) == 0o700


def test_a_folder_that_somebody_opened_on_purpose_stays_open(tmp_path, monkeypatch):
    shared = tmp_path / "handed_in"
    shared.mkdir(mode=0o755)
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "my_work"))
    progress.keep_part(1, "why")
    progress.export(folder=shared)
    assert stat.S_IMODE(make_private_folder(shared).stat().st_mode) == 0o755
    assert {path.name: stat.S_IMODE(path.stat().st_mode) & 0o044 for path in shared.iterdir()} == {
        "mlops_lesson_progress.json": 0o044,
        "mlops_lesson_progress.csv": 0o044,
    }
