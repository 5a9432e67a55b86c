"""Run a notebook where a learner's whole home is read-only: ``unshare --mount python read_only_learner.py FOLDER``.

The folder becomes a small file system of its own, for this process alone, with the home and the learner's work in it,
and then nothing in it can be written. The notebook with its outputs is printed as JSON.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import nbformat
from run_notebooks import NOTEBOOKS, execute_cells
from unwritable_home import mount, read_only

NOTEBOOK = NOTEBOOKS / "01_data_collection.ipynb"
OWN = ("MPLCONFIGDIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")


def main() -> None:
    folder = Path(sys.argv[1])
    mount(folder, "-t", "tmpfs", "-o", "size=8M,mode=0700", "tmpfs")
    environment = {name: value for name, value in os.environ.items() if name not in OWN}
    environment |= {"HOME": str(folder), "MLOPS_LESSON_HOME": str(folder / "my_work")}
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with read_only(folder):
        # A cell that stops is a finding, not the end.
        execute_cells(notebook, NOTEBOOKS, environment, 600, allow_errors=True)
    print(nbformat.writes(notebook))


if __name__ == "__main__":
    main()
