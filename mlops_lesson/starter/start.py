"""Write the starter project into a new folder."""

import shutil
from pathlib import Path

PROJECT = Path(__file__).resolve().parent / "project"
HIDDEN = {"workflow.yml": ".github/workflows/check.yml", "gitignore": ".gitignore"}
"""Files that lie under a plain name in the package, and where they belong in the project."""


def start(folder: Path) -> list[str]:
    """Write the starter project.

    Parameters
    ----------
    folder : pathlib.Path
        A folder that is not there yet.

    Returns
    -------
    list of str
        The files written, by their names in the folder.

    Raises
    ------
    FileExistsError
        If there is a file or folder of that name; it stays as it is.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} is there already and stays as it is. Name a folder that is new.")
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, place in HIDDEN.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(folder / place)
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
