"""Nothing that the course reads is run, what it shows is text, and what a learner makes is the learner's alone."""

import io
import os
import pickle
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from depot_service import digits, fill_home, trained_model, validated
from marked import MARK, traced
from sample_class import answered

from mlops_lesson import artifacts
from mlops_lesson.deployment import registry
from mlops_lesson.deployment.service import Parcel, Service
from mlops_lesson.keep.paths import make_private_folder
from mlops_lesson.teaching import progress
from mlops_lesson.training.charts import ascii_chart
from mlops_lesson.training.network import TrainedModel, TrainingSettings
from mlops_lesson.training.trace import GIVEN_TRACE


class Payload:
    """Makes the file `ran` where it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("ran"),)


@pytest.fixture
def nothing_ran(tmp_path, monkeypatch):
    """Stand in an empty folder in which the payload would leave its file."""
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(Path(__file__).resolve().parent.parent))
    monkeypatch.chdir(tmp_path)
    yield
    assert not [*tmp_path.rglob("ran"), *tmp_path.parent.glob("ran")]


def object_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Payload()], dtype=object), allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.usefixtures("nothing_ran")
@pytest.mark.parametrize("members", [{"X.npy": object_array()}, {"../../ran": b"x", "/ran": b"x"}])
def test_an_archive_with_objects_or_with_paths_that_lead_elsewhere_is_refused(home, members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in {"table.csv": b"id\n", "report.csv": b"rule\n", **members}.items():
            archive.writestr(name, content)
    folder = home / artifacts.FOLDER
    folder.mkdir(parents=True)
    (folder / "clean_dataset.zip").write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match=r"Your clean dataset .* cannot be read"):
        artifacts.load("clean dataset")


@pytest.mark.usefixtures("nothing_ran")
def test_a_model_file_that_was_exchanged_before_the_gate_judged_it_runs_nothing(home):
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    fill_home(home)
    version = registry.register(trained_model(4), data_hash="data")
    touch = FunctionTransformer(func=Path.touch, kw_args={"self": "ran"})
    for content in (pickle.dumps(Payload()), skops.io.dumps(touch)):
        for file in home.rglob("model.skops"):
            file.write_bytes(content)
        with pytest.raises(registry.RegistryError, match="nothing in it was run"):
            registry.load(version)


def test_a_chart_of_text_is_text():
    assert MARK in ascii_chart(traced(MARK))


@pytest.fixture
def open_umask():
    if os.name != "posix":
        pytest.skip("permissions are those of POSIX")
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_what_a_learner_makes_is_the_learners_alone_whatever_the_umask(home):
    progress.keep_answer(1, "late-labels", answered("A"))
    artifacts.save(TrainedModel(trained_model(), GIVEN_TRACE, TrainingSettings(), "data"))
    registry.promote(validated(trained_model()))
    Service().predict(Parcel(pixels=digits()[0][0].tolist()))
    paths = [home, *home.rglob("*")]
    assert {"progress.db", "mlflow.db", "requests.db", "journal.db"} <= {path.name for path in paths}
    # MLflow's files have the umask's permissions, in a folder that nobody else can enter.
    own = [path for path in paths if home / "mlflow" not in path.parents]
    modes = {str(path.relative_to(home)): stat.S_IMODE(path.stat().st_mode) for path in own}
    expected = {str(path.relative_to(home)): 0o700 if path.is_dir() else 0o600 for path in own}
    assert {name: oct(mode) for name, mode in modes.items() if mode != expected[name]} == {}


@pytest.mark.usefixtures("open_umask")
def test_an_export_into_an_open_folder_can_be_read_and_a_folder_it_makes_is_private(tmp_path):
    shared = tmp_path / "handed_in"
    shared.mkdir(mode=0o755)
    progress.keep_part(1, "why")
    progress.export(folder=shared)
    progress.export(folder=tmp_path / "for" / "the_teacher")
    assert stat.S_IMODE(make_private_folder(shared).stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) & 0o044 for path in shared.iterdir()} == {0o044}
    assert stat.S_IMODE((tmp_path / "for" / "the_teacher").stat().st_mode) == 0o700
