"""A file of the learner or of the course that is missing or damaged is told with the way out, and nothing is lost."""

import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import course_models
import pytest
from depot_service import digits, fill_home, trained_model, validated
from ways_of_damage import bit_flipped, empty, foreign, missing, truncated

from mlops_lesson import artifacts
from mlops_lesson.deployment import registry, request_log
from mlops_lesson.keep import files
from mlops_lesson.monitoring import loop
from mlops_lesson.show import page as display
from mlops_lesson.stages import STAGES
from mlops_lesson.teaching import progress, quiz
from mlops_lesson.teaching.chooser import read_minutes

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


def answer_again(_path: Path) -> bool:
    return bool(progress.keep_answer(1, "again", ["A"], right=True).answers)


def delete(path: Path) -> bool:
    path.unlink()
    return artifacts.load("clean dataset", quiet=True).version == course_models.clean().version


def save_again(_path: Path) -> bool:
    artifacts.save(course_models.clean())
    return artifacts.load("clean dataset", quiet=True).version == course_models.clean().version


def register_again(_path: Path) -> bool:
    version = validated(trained_model())
    registry.promote(version)
    return registry.champion().version == version


def recover(_path: Path) -> bool:
    registry.recover()
    return registry.champion().version == 1


def append(_path: Path) -> bool:
    registry.nominate(1)
    loop.write_audit("run", 1, "gate", "refused", "too few images")
    return registry.history()["action"].iloc[-1] == "nominated" and len(loop.read_audit()) > 0


def change(_path: Path) -> bool:
    registry.nominate(1)
    return registry.load("challenger").version == 1


HARD = (empty, truncated, foreign)
KEPT = {
    "progress": Kept("progress.json", progress.read, HARD, r"kept as progress\.damaged-1\.json", answer_again),
    "registry": Kept("registry.db", registry.champion, HARD, r"registry\.db is damaged: .*recover\(\)", recover),
    "copy of the registry": Kept("registry.backup.db", registry.champion, (), "", change),
    "model": Kept(
        "artifacts/models/*/model.skops",
        registry.champion,
        (missing, bit_flipped, *HARD),
        r"model\.skops .*Register the model again",
        register_again,
    ),
    "history of promotions": Kept("promotions.jsonl", registry.history, (), "", append),
    "audit log": Kept("audit.jsonl", loop.read_audit, (), "", append),
    "artifact": Kept(
        "artifacts_by_stage/*.zip",
        lambda: artifacts.load("clean dataset", quiet=True),
        (missing, bit_flipped, *HARD),
        "clean dataset in .*artifacts_by_stage cannot be read: .*Run the notebook that makes it",
        save_again,
    ),
    "name of the newest artifact": Kept(
        "artifacts_by_stage/*.json",
        lambda: artifacts.load("clean dataset", quiet=True),
        HARD,
        r"clean dataset in .*artifacts_by_stage cannot be read: .*delete clean_dataset\.json",
        delete,
    ),
}


@pytest.fixture(scope="module")
def full_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full") / "my_work"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_LESSON_HOME", str(folder))
        fill_home(folder)
        for number in range(3):
            progress.keep_answer(1, f"question-{number}", ["A"], right=True)
            loop.write_audit("run", number, "gate", "refused", "too few images")
        artifacts.save(course_models.clean())
        assert log_a_request()
    return folder


@pytest.fixture
def home(full_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "my_work"
    shutil.copytree(full_home, folder)
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(folder))
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


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package's own files, in use instead of them."""
    for module, name in ((quiz, "QUESTIONS_FOLDER"), (display, "STATIC_FOLDER")):
        copy = tmp_path / getattr(module, name).name
        shutil.copytree(getattr(module, name), copy)
        monkeypatch.setattr(module, name, copy)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    for cached in (quiz.load_questions, quiz._stage_quiz, display.script):
        cached.cache_clear()


QUESTION_FILES = [f"{stage.number:02d}_{stage.slug}.toml" for stage in STAGES]
SCRIPTS = sorted(path.name for path in display.STATIC_FOLDER.glob("*.js"))


def told(path: Path, use: Callable[[], Any]) -> bool:
    """Use a spoiled file, and see whether that is told as it should be."""
    spoiled = path.read_bytes() if path.exists() else None
    said = ""
    try:
        use()
    except files.CourseFileError as error:
        said = str(error)
    assert (path.read_bytes() if path.exists() else None) == spoiled
    assert not said or (str(path) in said and "git checkout mlops_lesson" in said)
    return bool(said)


@DAMAGES
@pytest.mark.parametrize("name", QUESTION_FILES)
def test_a_damaged_file_of_questions_is_told(package: Path, name: str, damage) -> None:
    path = package / "questions" / name
    spoil(path, damage)
    # A bit that flips in a word makes another word.
    assert told(path, lambda: quiz.quiz(int(name[:2]))) or damage is bit_flipped


@DAMAGES
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_damaged_script_of_the_page_is_told_or_leaves_the_words_readable(package: Path, name: str, damage) -> None:
    words, _, _ = quiz.quiz(1)._repr_html_().partition("<script>")
    display.script.cache_clear()
    path = package / "static" / name
    spoil(path, damage)
    if not told(path, lambda: display.script(path.stem)):
        assert damage in (bit_flipped, truncated)
        assert quiz.quiz(1)._repr_html_().startswith(words)


@DAMAGES
def test_without_the_tables_of_an_empty_registry_mlflow_makes_its_own(
    package: Path, monkeypatch: pytest.MonkeyPatch, damage
) -> None:
    path = package / "static" / "empty_registry.sql"
    spoil(path, damage)
    monkeypatch.setattr(registry, "_EMPTY", path)
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(package / "my_work"))
    assert validated(trained_model()) == 1
    registry.promote(1)
    assert registry.champion().version == 1


def test_a_renamed_column_in_the_tables_of_an_empty_registry_is_found(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = package / "static" / "empty_registry.sql"
    monkeypatch.setattr(registry, "_EMPTY", path)
    whole = registry._first_tables()
    path.write_text(path.read_text(encoding="utf-8").replace("run_uuid", "sun_uuid", 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r"empty_registry\.sql is damaged"):
        registry._first_tables()
    path.write_bytes(registry._sealed(whole).replace("\n", "\r\n").encode())
    assert registry._first_tables() == whole


@DAMAGES
def test_a_damaged_notebook_is_left_out_of_the_chooser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage) -> None:
    root = display.STATIC_FOLDER.parents[1]
    shutil.copytree(root / "notebooks", tmp_path / "notebooks")
    (tmp_path / "data").mkdir()
    shutil.copy(root / "data" / "MANIFEST.sha256", tmp_path / "data")
    monkeypatch.setenv("MLOPS_LESSON_COURSE", str(tmp_path))
    whole = read_minutes()
    spoil(tmp_path / "notebooks" / STAGES[0].notebook, damage)
    others = {key: minutes for key, minutes in whole.items() if key[0] != STAGES[0].slug}
    assert read_minutes() in (others, whole)
    assert others
    assert read_minutes() == others or damage is bit_flipped
