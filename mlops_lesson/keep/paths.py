"""Where the course keeps its files: the course folder, its data, and the learner's own work.

Everything a learner makes (models, registry, request log, answers, progress) lies in one folder, `my_work/` beside
the notebooks' folder. The environment variable ``MLOPS_LESSON_HOME`` moves it.
"""

import os
from pathlib import Path

HOME_VARIABLE = "MLOPS_LESSON_HOME"
COURSE_VARIABLE = "MLOPS_LESSON_COURSE"


def course_root() -> Path:
    """Find the course folder, the one that holds `notebooks/` and `data/`.

    The environment variable ``MLOPS_LESSON_COURSE`` decides if it is set; otherwise the folder is looked for from the
    working directory upwards, then beside the package (an editable install).

    Raises
    ------
    FileNotFoundError
        If no folder with `data/MANIFEST.sha256` is found.
    """
    chosen = os.environ.get(COURSE_VARIABLE)
    here = Path.cwd()
    candidates = [Path(chosen)] if chosen else [here, *here.parents, Path(__file__).resolve().parents[2]]
    for folder in candidates:
        if (folder / "data" / "MANIFEST.sha256").is_file():
            return folder.resolve()
    raise FileNotFoundError(
        f"The course's data was not found from {candidates[0]}: expected a folder with data/MANIFEST.sha256. "
        f"Start Jupyter inside the course folder, or set {COURSE_VARIABLE} to it."
    )


def data_dir() -> Path:
    """Return the folder `data/` of the course."""
    return course_root() / "data"


def home() -> Path:
    """Return the learner's own folder, which may not exist yet: ``MLOPS_LESSON_HOME``, or `my_work/` in the course.

    A relative setting means a folder in the course, wherever one stands.
    """
    chosen = Path(os.environ.get(HOME_VARIABLE) or "my_work").expanduser()
    return chosen.resolve() if chosen.is_absolute() else (course_root() / chosen).resolve()


def make_private_folder(folder: Path) -> Path:
    """Make a folder that only its owner can look into; one that is there keeps its permissions."""
    if not folder.parent.exists():
        make_private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def make_private_file(path: Path) -> Path:
    """Make an empty file that only its owner can read, and its folder; a file that is there stays as it is."""
    make_private_folder(path.parent)
    if not path.exists():
        path.touch(mode=0o600)
    return path
