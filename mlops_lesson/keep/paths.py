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

    Returns
    -------
    pathlib.Path
        Absolute path of the course folder.

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
    """Return the learner's own folder, which may not exist yet: ``MLOPS_LESSON_HOME``, or `my_work/` in the course."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen).expanduser().resolve() if chosen else course_root() / "my_work"


def make_private_folder(folder: Path) -> Path:
    """Make a folder, and the missing ones above it, that only its owner can look into.

    A folder that is there already keeps its permissions: whoever made it decided who may look into it.

    Parameters
    ----------
    folder : pathlib.Path
        The folder.

    Returns
    -------
    pathlib.Path
        The same folder.
    """
    for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(exist_ok=True)
    return folder


def make_private_file(path: Path) -> Path:
    """Make an empty file that only its owner can read, unless there is one; its content and permissions stay.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    pathlib.Path
        The same file.
    """
    if not path.exists():
        path.touch(mode=0o600)
    return path
