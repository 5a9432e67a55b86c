"""The learner's MLflow store: made once, plain MLflow's own, repaired, moved, and at home in any folder."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from depot_service import new_store, prepared

from mlops_lesson.keep import store


def log_a_run():
    mlflow.set_tracking_uri(store.open_store())
    mlflow.set_experiment(store.MODEL_NAME)
    with mlflow.start_run(run_name="baseline"):
        mlflow.log_text("hello", "note.txt")
    store.open_store()


@pytest.fixture
def work(tmp_path, monkeypatch, capsys):
    """A moved folder with a store and one finished run in it."""
    home = tmp_path / "Was ist MLOps? 100 %"
    shutil.copytree(prepared("store-with-a-run", log_a_run, new_store()), home)
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(home))
    return home


def note_of_the_run(address):
    mlflow.set_tracking_uri(address)
    (run,) = mlflow.search_runs(experiment_names=[store.MODEL_NAME], output_format="list")
    assert "Was" in run.info.artifact_uri
    return mlflow.artifacts.load_text(f"{run.info.artifact_uri}/note.txt")


def test_moved_store_follows_its_folder_says_so_once_and_loses_nothing(work, capsys):
    assert note_of_the_run(store.open_store()) == "hello"
    assert f"looks for its models in {work} now" in capsys.readouterr().out
    store.open_store()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("damage", [None, b"", b"no database at all" * 99])
def test_missing_or_damaged_store_comes_back_from_its_copy_and_the_damaged_file_stays(work, damage, capsys):
    store.open_store()
    (work / "mlflow.db").unlink()
    if damage is not None:
        (work / "mlflow.db").write_bytes(damage)
    assert note_of_the_run(store.open_store()) == "hello"
    assert "its last good copy took its place" in capsys.readouterr().out
    assert [file.read_bytes() for file in work.glob("mlflow.damaged-1.db")] == [damage] * bool(damage)


def test_first_editions_registry_is_set_aside_with_a_sentence(work, capsys):
    (work / "registry.db").write_bytes(b"of the first edition")
    store.open_store()
    assert "set aside as registry.first-edition.db" in capsys.readouterr().out
    assert (work / "registry.first-edition.db").read_bytes() == b"of the first edition"


def test_store_of_another_mlflow_says_the_way_out(work, monkeypatch):
    with sqlite3.connect(work / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '0123456789ab'")
    with pytest.raises(store.RegistryError, match=r"(?s)make lab.*db upgrade"):
        store.open_store()


@pytest.mark.skipif(os.name != "posix", reason="a link stands for the place of the installed MLflow")
def test_new_store_is_quiet_wherever_mlflow_is_and_a_companys_variables_do_not_reach_it(tmp_path):
    code = (
        "import mlflow, mlops_lesson; from pandera.config import CONFIG; assert CONFIG.validation_enabled; "
        "from mlops_lesson.keep.store import open_store, store_path; "
        "mlflow.set_tracking_uri(open_store()); "
        "mlflow.set_experiment('parcel-chute'); mlflow.start_run(); mlflow.log_metric('loss', 0.5); "
        "assert '100% #1' in mlflow.__file__; mlflow.end_run(); "
        # As is said to those who want to begin anew; a process can make more than one store.
        "[file.unlink() for file in store_path().parent.glob('mlflow*.db')]; open_store()"
    )
    installed, work = tmp_path / "100% #1", tmp_path / "work"
    installed.mkdir()
    (installed / "mlflow").symlink_to(Path(mlflow.__file__).parent)
    work.mkdir()
    company = {
        "PYTHONPATH": str(installed),
        "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "5",
        "MLFLOW_ENABLE_WORKSPACES": "true",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
        "MLFLOW_EXPERIMENT_NAME": "sales",
        "PANDERA_VALIDATION_ENABLED": "False",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | company | {"MLOPS_LESSON_HOME": str(work)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {path.name for path in tmp_path.iterdir()} == {"100% #1", "work"}
    assert {path.name for path in work.iterdir()} == {"journal.db", "mlflow", "mlflow.db", "mlflow.copy.db"}
