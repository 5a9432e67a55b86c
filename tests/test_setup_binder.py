"""What Binder makes of the course: repo2docker's own plan, without building it, and `postBuild` played through."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.sign import NotebookNotary
from packaging.version import Version

from mlops_lesson.stages import STAGES

repo2docker = pytest.importorskip("repo2docker", reason="repo2docker does not run on Windows")

import lock  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
PINS = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"][-1]["pip"]
VERSIONS = dict(re.split("==| ;", pin)[:2] for pin in PINS)
SETTINGS = "tools/jupyterlab_settings.json"
# Stands in for the Python of the image: notes what is installed, has a prefix of its own, does the rest for real.
PYTHON = f"""\
#!/bin/sh
case "$*" in
  "-m pip "*) printf '%s\\n' "$*" >> "$CALLS" ;;
  *sys.prefix*) echo "$PREFIX" ;;
  *) exec "{sys.executable}" "$@" ;;
esac
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what Binder looks at; everything else in the folder must not change the plan."""
    folder = tmp_path_factory.mktemp("binder") / "course"
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    (folder / "tools").mkdir()
    for name in ("environment.yml", "postBuild", "pyproject.toml", "requirements.lock", SETTINGS):
        shutil.copy(ROOT / name, folder / name)
    return folder


def test_binder_takes_the_python_of_environment_yml_and_installs_the_libraries_before_the_course(course: Path) -> None:
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(course)]
    planned = subprocess.run(command, cwd=course, capture_output=True, text=True, check=True)
    assert f"Building conda environment for python={lock.CONDA_PYTHON}" in planned.stderr
    steps = ["COPY src/environment.yml", "env update -p ", "COPY src/ ", "RUN ./postBuild"]
    # The files will belong to whoever makes the plan.
    assert sorted(steps, key=re.sub(r"--chown=\S+ ", "", planned.stdout).index) == steps


@pytest.mark.parametrize("name", ["jupyterlab", "notebook", "ipywidgets", "jupyter-server", "ipykernel", "traitlets"])
def test_our_pin_replaces_the_older_version_of_binders_base(name: str) -> None:
    listed = Path(repo2docker.__file__).parent / f"buildpacks/conda/environment.py-{lock.CONDA_PYTHON}-linux-64.lock"
    found = re.search(rf"/{name.replace('-', '[-_]')}-(\d[\w.]*)-", listed.read_text(encoding="utf-8"))
    assert found
    assert Version(VERSIONS[name]) > Version(found[1])


def test_postbuild_installs_the_course_alone_answers_the_news_prompt_and_trusts_the_notebooks(
    course: Path, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(PYTHON, encoding="utf-8")
    python.chmod(0o755)
    (tmp_path / "bin" / "jupyter").symlink_to(Path(sys.executable).with_name("jupyter"))
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "CALLS": str(tmp_path / "calls")}
    environment |= {"PREFIX": str(tmp_path / "prefix"), "JUPYTER_DATA_DIR": str(tmp_path / "data")}
    subprocess.run(["bash", "postBuild"], cwd=course, env=environment, check=True, capture_output=True)
    installed = (tmp_path / "calls").read_text(encoding="utf-8")
    assert installed == "-m pip install --quiet --no-cache-dir --no-deps --editable .\n"
    settings = tmp_path / "prefix/share/jupyter/lab/settings/overrides.json"
    assert '"fetchNews": "false"' in settings.read_text(encoding="utf-8")
    notary = NotebookNotary(data_dir=str(tmp_path / "data"))
    notebooks = [nbformat.read(course / "notebooks" / stage.notebook, as_version=4) for stage in STAGES]
    assert [notary.check_signature(notebook) for notebook in notebooks] == [True] * len(STAGES)
    notary.store.close()
