"""Build what Binder would build, as far as that goes without Docker, and say how large it is.

``python tools/binder_image.py --python /path/to/python3.12`` needs a package index and about three minutes. The
Python packages that repo2docker freezes for its base are installed first, the pins of `environment.yml` over them,
then `postBuild` runs. Counted is what each step writes, since a file that a later layer replaces or removes still
takes its place in the image.
"""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import lock
import yaml

ROOT = Path(__file__).resolve().parent.parent
MEGABYTE = 1_000_000
# Packages of conda-forge that PyPI has under another name, or not at all.
OTHER_NAMES = {"brotli-python": "brotli", "jupyterhub-base": "jupyterhub", "nbconvert-core": "nbconvert"}
OTHER_NAMES |= {"python-fastjsonschema": "fastjsonschema", "stack_data": "stack-data"}
NO_PYTHON_PACKAGE = {"_python_abi3_support", "bleach-with-css", "ca-certificates", "cached-property", "cpython"}
NO_PYTHON_PACKAGE |= {"jsonschema-with-format-nongpl", "jupyterhub-singleuser", "python", "python-gil", "python_abi"}
NO_PYTHON_PACKAGE |= {"typing-extensions", "typing_utils", "tzdata"}
ALTERNATIVES = {
    "as it is": ["{root}[binder]"],
    "with all of MLflow instead of mlflow-skinny": ["{root}[binder]", "mlflow"],
    "with Dask for the last cells of notebook 6": ["{root}[binder,cluster]"],
    "with what the site and the tests need": ["{root}[test]"],
}


def frozen_base(python: str = lock.CONDA_PYTHON) -> dict[str, str]:
    """Return the Python packages of the base that repo2docker's conda build pack freezes.

    Parameters
    ----------
    python : str
        Minor version of Python, such as ``"3.12"``.

    Returns
    -------
    dict of str to str
        Versions by name on PyPI.
    """
    package = importlib.util.find_spec("repo2docker")
    folder = Path(package.submodule_search_locations[0], "buildpacks", "conda")
    text = (folder / f"environment.py-{python}-linux-64.lock").read_text(encoding="utf-8")
    found = re.findall(r"/([^/\s]+)-([^-/\s]+)-([^-/\s]+)\.(?:conda|tar\.bz2)#", text)
    python_builds = [(name, version) for name, version, build in found if re.match(r"py|h?d8ed|pyhd", build)]
    return {OTHER_NAMES.get(name, name): version for name, version in python_builds if name not in NO_PYTHON_PACKAGE}


class Image:
    """An environment that grows by layers; each tells what was written for it.

    Parameters
    ----------
    folder : pathlib.Path
        A new folder; the environment's home is made in it too.
    python : str
        The interpreter.
    """

    def __init__(self, folder: Path, python: str) -> None:
        self.folder, self.prefix, self.home = folder, folder / "env", folder / "home"
        self.home.mkdir(parents=True)
        subprocess.run([python, "-m", "venv", "--without-pip", str(self.prefix)], check=True)
        self.files = self._files()

    def install(self, *packages: str) -> None:
        """Install packages and compile them, as pip does."""
        command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--link-mode", "copy", "--compile-bytecode"]
        command += ["--python", str(self.prefix / "bin" / "python"), *packages]
        subprocess.run(command, cwd=ROOT, check=True)

    def run(self, *command: str, cwd: Path = ROOT) -> str:
        """Run a command with the environment first on the path; return what it prints."""
        environment = {**os.environ, "HOME": str(self.home), "PATH": f"{self.prefix / 'bin'}:{os.environ['PATH']}"}
        return subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True, text=True).stdout

    def layer(self) -> tuple[float, float]:
        """Begin a new layer; return the megabytes written for the last one, and how many of them are compiled code."""
        before, self.files = self.files, self._files()
        written = {name: state[0] for name, state in self.files.items() if before.get(name) != state}
        compiled = sum(size for name, size in written.items() if name.endswith(".pyc"))
        return sum(written.values()) / MEGABYTE, compiled / MEGABYTE

    def _files(self) -> dict[str, tuple[int, int]]:
        paths = (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in paths}


def print_layers(image: Image, scratch: Path) -> None:
    """Build the image's layers and print a table of them."""
    image.install("--no-deps", *(f"{name}=={version}" for name, version in frozen_base().items()))
    print("| layer | MB | of these compiled |\n|---|---|---|")
    print("| base: the Python packages of repo2docker | {:.0f} | {:.0f} |".format(*image.layer()))
    pins = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"][-1]["pip"]
    (scratch / "pins.txt").write_text("\n".join(pins), encoding="utf-8")
    image.install("--requirement", str(scratch / "pins.txt"))
    print("| libraries: the pins of `environment.yml` | {:.0f} | {:.0f} |".format(*image.layer()))
    image.run("python", "-m", "pip", "check")
    wheels = scratch / "wheels"
    image.run("python", "-m", "pip", "download", "-q", "--no-deps", "-d", str(wheels), "-r", str(scratch / "pins.txt"))
    size = sum(file.stat().st_size for file in wheels.iterdir()) / MEGABYTE
    print(f"| the same layer: what pip keeps of its downloads | {size:.0f} | |")
    course = image.folder / "course"
    image.run("git", "clone", "--quiet", str(ROOT), str(course))
    print("| the course | {:.0f} | {:.0f} |".format(*image.layer()))
    image.run("./postBuild", cwd=course)
    print("| `postBuild` | {:.1f} | {:.1f} |".format(*image.layer()))
    print("\nNo broken requirements found; versions that replace those of the base:", ", ".join(replaced(pins)))


def replaced(pins: list[str]) -> list[str]:
    """Name the packages whose version of the base gives way, as far as Jupyter is concerned."""
    base = frozen_base()
    versions = dict(pin.split(" ;")[0].split("==") for pin in pins)
    jupyter = ("jupyterlab", "notebook", "ipywidgets", "jupyter-server", "ipykernel")
    return [f"{name} {base.get(name) or base[name.replace('-', '_')]} by {versions[name]}" for name in jupyter]


def print_alternatives(scratch: Path, python: str) -> None:
    """Print a table of what other sets of packages weigh, without the base."""
    print("\n| set of packages, in an empty environment | MB | of these compiled |\n|---|---|---|")
    for name, packages in ALTERNATIVES.items():
        image = Image(scratch / name.replace(" ", "_"), python)
        image.install("--constraint", "requirements.lock", *(each.format(root=ROOT) for each in packages))
        print("| {} | {:.0f} | {:.0f} |".format(name, *image.layer()), flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--python", default=f"python{lock.CONDA_PYTHON}", help="interpreter of the version Binder takes"
    )
    python = parser.parse_args().python
    with tempfile.TemporaryDirectory() as folder:
        print_layers(Image(Path(folder, "image"), python), Path(folder))
        print_alternatives(Path(folder), python)


if __name__ == "__main__":
    main()
