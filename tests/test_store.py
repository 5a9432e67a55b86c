"""The learner's MLflow store: made once, plain MLflow's own, mended, moved, and at home in any folder."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from mlops_lesson.keep import store


@pytest.fixture(scope="module")
def fresh_store(tmp_path_factory):
    """A folder with a new store and one finished run in it, to be copied."""
    home = tmp_path_factory.mktemp("store") / "work"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_LESSON_HOME", str(home))
        mlflow.set_tracking_uri(store.open_store())
        mlflow.set_experiment(store.MODEL_NAME)
        with mlflow.start_run(run_name="baseline"):
            mlflow.log_text("hello", "note.txt")
        store.open_store()
    return home


@pytest.fixture
def work(fresh_store, tmp_path, monkeypatch):
    """A copy of it as the learner's folder: so it was moved, too."""
    home = tmp_path / "Was ist MLOps? 100 %"
    shutil.copytree(fresh_store, home)
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(home))
    return home


def note_of_the_run(address):
    mlflow.set_tracking_uri(address)
    (run,) = mlflow.search_runs(experiment_names=[store.MODEL_NAME], output_format="list")
    return mlflow.artifacts.load_text(f"{run.info.artifact_uri}/note.txt")


def test_moved_store_follows_its_folder_says_so_once_and_loses_nothing(work, fresh_store, capsys):
    gone = fresh_store.rename(fresh_store.with_name("elsewhere"))
    try:
        address = store.open_store()
        assert note_of_the_run(address) == "hello"
    finally:
        gone.rename(fresh_store)
    assert f"looks for its models in {work} now" in capsys.readouterr().out
    store.open_store()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 99])
def test_damaged_store_comes_back_from_its_copy_and_the_damaged_file_stays(work, damage, capsys):
    store.open_store()
    (work / "mlflow.db").write_bytes(damage)
    assert note_of_the_run(store.open_store()) == "hello"
    assert "its last good copy took its place" in capsys.readouterr().out
    assert (work / "mlflow.damaged-1.db").read_bytes() == damage


def test_first_editions_registry_is_set_aside_with_a_sentence(work, capsys):
    (work / "registry.db").write_bytes(b"of the first edition")
    store.open_store()
    assert "set aside as registry.first-edition.db" in capsys.readouterr().out
    assert (work / "registry.first-edition.db").read_bytes() == b"of the first edition"


def test_store_of_another_mlflow_says_the_way_out(work):
    store.open_store()
    with sqlite3.connect(work / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '0123456789ab'")
    # A process of its own: MLflow looks at the schema when it first meets a store.
    said = subprocess.run(
        [sys.executable, "-c", "from mlops_lesson.keep.store import open_store; open_store()"],
        capture_output=True,
        text=True,
        env=os.environ | {"MLOPS_LESSON_HOME": str(work)},
    ).stderr
    assert "make lab" in said
    assert "db upgrade" in said


def test_new_store_is_quiet_and_a_companys_variables_do_not_reach_it_nor_the_contract(tmp_path):
    code = (
        "import mlops_lesson; from pandera.config import CONFIG; assert CONFIG.validation_enabled; "
        "from mlops_lesson.keep.store import open_store; import mlflow; mlflow.set_tracking_uri(open_store()); "
        "mlflow.set_experiment('parcel-chute'); mlflow.start_run(); mlflow.log_metric('loss', 0.5)"
    )
    company = {
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
        env=os.environ | company | {"MLOPS_LESSON_HOME": str(tmp_path / "work")},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["work"]


@pytest.mark.skipif(os.name != "posix", reason="a link stands for the place of the installed MLflow")
def test_store_is_made_where_mlflow_is_installed_in_a_folder_with_a_percent_sign(tmp_path):
    installed = tmp_path / "100% #1"
    installed.mkdir()
    (installed / "mlflow").symlink_to(Path(mlflow.__file__).parent)
    code = "from mlops_lesson.keep.store import open_store; open_store(); import mlflow; print(mlflow.__file__)"
    environment = os.environ | {"MLOPS_LESSON_HOME": str(tmp_path / "work"), "PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (done.stdout, done.stderr) == (f"{installed / 'mlflow' / '__init__.py'}\n", "")
