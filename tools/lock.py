"""Pin every dependency of the course: ``python tools/lock.py [--upgrade]``, or ``make lock``.

`pyproject.toml` says which versions are allowed. From it this writes `requirements.lock`, one version of each package
for every supported Python and system, and `environment.yml` for conda and Binder, with the same versions of what a
learner needs there. Neither file holds an address of a package index.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONDA_PYTHON = "3.12"
LOCK_HEADER = "# Written by `make lock` from pyproject.toml: change the versions there.\n"
ENVIRONMENT_HEADER = f"""\
# Written by `make lock` from pyproject.toml and requirements.lock: change the versions there.
# After it the package itself is installed: `pip install --no-deps -e .` (Binder does so in postBuild).
name: mlops-lesson
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python={CONDA_PYTHON}
  - pip
  - pip:
"""


def compile_pins(extra: str, file: Path, *options: str) -> list[str]:
    """Resolve the course's dependencies into one pin per package.

    Parameters
    ----------
    extra : str
        Optional dependency group of `pyproject.toml` to include, ``"binder"`` or ``"test"``.
    file : pathlib.Path
        Where uv writes the pins; those it already holds are kept wherever they still fit.
    *options : str
        Further options of ``uv pip compile``.

    Returns
    -------
    list of str
        Lines such as ``"pandas==3.1.1"``, sorted, with an environment marker where a package is not for everyone.

    Raises
    ------
    subprocess.CalledProcessError
        If no set of versions fits; uv has then said why.
    """
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--extra", extra, "--quiet"]
    command += ["--universal", "--fork-strategy", "fewest", "--output-file", str(file)]
    command += ["--no-annotate", "--no-header", "--no-emit-index-url", *options]
    subprocess.run(command, cwd=ROOT, check=True)
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def lock_text(pins: list[str]) -> str:
    """Write pins as the text of `requirements.lock`."""
    return LOCK_HEADER + "".join(f"{pin}\n" for pin in pins)


def environment_text(pins: list[str]) -> str:
    """Write pins as the text of `environment.yml`."""
    return ENVIRONMENT_HEADER + "".join(f"      - {pin}\n" for pin in pins)


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest allowed versions")
    options = ["--upgrade"] if parser.parse_args().upgrade else []
    lock = ROOT / "requirements.lock"
    lock.write_text(lock_text(compile_pins("test", lock, *options)), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        pins = compile_pins("binder", Path(folder, "binder.txt"), "--constraint", str(lock))
    (ROOT / "environment.yml").write_text(environment_text(pins), encoding="utf-8")


if __name__ == "__main__":
    main()
