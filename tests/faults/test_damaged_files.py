"""A file of the learner or of the course that is missing or damaged is told with the way out, and nothing is lost."""

import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import course_models
import pytest
from depot_service import digits, fill_home, trained_model, validated
from ways_of_damage import bit_flipped, empty, foreign, missing, truncated

from mlops_lesson import artifacts
from mlops_lesson.deployment import registry, request_log
from mlops_lesson.keep.store import mend_store

DAMAGES = pytest.mark.parametrize("damage", [missing, empty, truncated, bit_flipped, foreign], ids=lambda f: f.__name__)


def log_a_request() -> bool:
    log = request_log.RequestLog(request_log.log_path())
    written = log.write(parcel_id="1", role="champion", version=1, image=digits()[0][0].reshape(8, 8), score=0.5)
    log.close()
    return written


@dataclass(frozen=True)
class Kept:
    """A file in the learner's folder: how it is read, and what to do when it is said to be damaged."""

    pattern: str
    read: Callable[[], Any]
    told: tuple[Callable, ...]
    says: str
    remedy: Callable[[Path], Any]


def delete(path: Path) -> bool:
    path.unlink()
    return artifacts.load("clean dataset", quiet=True).data_hash == course_models.clean().data_hash


def save_again(_path: Path) -> bool:
    artifacts.save(course_models.clean())
    return artifacts.load("clean dataset", quiet=True).data_hash == course_models.clean().data_hash


def register_again(_path: Path) -> bool:
    version = validated(trained_model())
    registry.promote(version)
    return registry.champion().version == version


HARD = (empty, truncated, foreign)
KEPT = {
    "model": Kept(
        "mlflow/models/*/artifacts/model.skops",
        registry.champion,
        (missing, bit_flipped, *HARD),
        r"model\.skops .*Register the model again",
        register_again,
    ),
    "artifact": Kept(
        "artifacts_by_stage/*.zip",
        lambda: artifacts.load("clean dataset", quiet=True),
        (missing, bit_flipped, *HARD),
        "clean dataset in .*artifacts_by_stage cannot be read: .*Run the notebook that makes it",
        save_again,
    ),
    "name of the newest artifact": Kept(
        "artifacts_by_stage/*.txt",
        lambda: artifacts.load("clean dataset", quiet=True),
        HARD,
        r"clean dataset in .*artifacts_by_stage cannot be read: .*delete clean_dataset\.txt",
        delete,
    ),
}


@pytest.fixture(scope="module")
def full_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full") / "my_work"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_LESSON_HOME", str(folder))
        fill_home(folder)
        artifacts.save(course_models.clean())
        assert log_a_request()
    return folder


@pytest.fixture
def home(full_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "my_work"
    shutil.copytree(full_home, folder)
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(folder))
    mend_store()
    return folder


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@DAMAGES
@pytest.mark.parametrize("what", KEPT)
def test_a_damaged_file_of_the_learner_is_told_and_the_way_out_works(home: Path, what: str, damage) -> None:
    kept = KEPT[what]
    (path,) = home.glob(kept.pattern)
    spoil(path, damage)
    before = contents(home)
    try:
        said = getattr(kept.read(), "notice", "")
    except (registry.RegistryError, ValueError) as error:
        said = str(error)
    assert set(before.values()) <= set(contents(home).values()), "something that was there is gone"
    if damage in kept.told:
        assert re.search(kept.says, said)
    if damage in kept.told or not kept.told:
        assert kept.remedy(path)


def spoil(path: Path, damage) -> bytes | None:
    bad = damage(path.read_bytes(), random.Random(path.name))  # noqa: S311
    if bad is None:
        path.unlink()
    else:
        path.write_bytes(bad)
    return bad
