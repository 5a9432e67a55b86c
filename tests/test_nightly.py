"""What takes long: other versions and platforms, a plain and full MLflow, a gigabyte of memory, links into the web."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from depot_service import digits, fill_home, trained_model

ROOT = Path(__file__).resolve().parent.parent
UV = (sys.executable, "-m", "uv", "pip")
CGROUPS = Path("/sys/fs/cgroup/memory")
RUN_NOTEBOOK_5 = (
    "import sys; from pathlib import Path; sys.path.insert(0, 'tools'); from run_notebooks import *; "
    "execute(NOTEBOOKS / '05_deployment.ipynb', fresh_environment(Path(sys.argv[1])))"
)
# Wheels are there for these; docs/anywhere.md names the machines for which some are missing.
PLATFORMS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-apple-darwin")
PLATFORMS += ("x86_64-pc-windows-msvc",)

pytestmark = pytest.mark.nightly


def environment_in(folder: Path, *packages: str, **settings: str) -> Path:
    """Make an environment and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    command = [*UV, "install", "--quiet", "--python", str(python), *packages]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **settings})
    return python


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_locked_library_is_ready_made_for_the_platform(platform: str, python: str, tmp_path: Path) -> None:
    binary = ("--only-binary", ":all:", "--no-binary", "mlops-lesson")
    place = ("--python-platform", platform, "--python-version", python, "--output-file", str(tmp_path / "pins"))
    command = [*UV, "compile", "--quiet", *binary, *place, "--constraint", "requirements.lock", "--extra", "lab"]
    done = subprocess.run([*command, "pyproject.toml"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
def test_the_oldest_and_the_newest_allowed_versions_pass(resolution: str, tmp_path: Path) -> None:
    python = environment_in(tmp_path / "env", "--editable", ".[test]", UV_RESOLUTION=resolution)
    # Other versions may print other digits: outputs are not compared, pages of the browser neither.
    left_out = ("--ignore=tests/browser", "--ignore=tests/test_notebooks.py", "--ignore-glob=*test_setup_*")
    at_night = ("-m", "nightly", "tests/test_doors.py", "tests/test_notebooks_nightly.py")
    for chosen in (("tests", *left_out), at_night):
        command = [str(python), "-m", "pytest", "-n", "2", "--dist", "loadfile", "-q", *chosen]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-20_000:]


PREDICT = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/parcel-chute@champion")
print(json.dumps(model.predict(json.load(sys.stdin)).tolist()))
"""


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with all of MLflow and without the course."""
    pins = [line for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines() if line.startswith("skops==")]
    versions = subprocess.check_output([*UV, "freeze"], text=True).splitlines()
    mlflow = next(line.replace("mlflow-skinny", "mlflow") for line in versions if line.startswith("mlflow-skinny=="))
    sklearn = next(line for line in versions if line.startswith("scikit-learn=="))
    return environment_in(tmp_path_factory.mktemp("stranger") / "env", mlflow, sklearn, *pins)


@contextlib.contextmanager
def running(python: Path, *command: str) -> Iterator[str]:
    """Run one of MLflow's servers and return its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    server = subprocess.Popen(
        [str(python), "-m", "mlflow", *command, "--host", "127.0.0.1", "--port", str(port)],
        env=environment,
        start_new_session=True,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def answer(method: str, address: str, **more: object) -> httpx.Response:
    """Ask until there is an answer."""
    deadline = time.monotonic() + 300
    while True:
        try:
            return httpx.request(method, address, timeout=30, trust_env=False, **more)
        except httpx.TransportError:
            assert time.monotonic() < deadline, f"{address} does not answer"
            time.sleep(0.5)


def test_a_plain_and_full_mlflow_reads_shows_and_serves_what_the_course_registered(
    stranger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_home(tmp_path / "my_work")
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "my_work"))
    from mlops_lesson.keep.store import open_store

    address, images = open_store(), digits()[0][:20]
    expected = trained_model().predict(images).tolist()
    asked = subprocess.run(
        [str(stranger), "-c", PREDICT, address], input=json.dumps(images.tolist()), capture_output=True, text=True
    )
    assert json.loads(asked.stdout or "0") == expected, asked.stderr
    with running(stranger, "ui", "--workers", "1", "--backend-store-uri", address) as ui:
        assert answer("GET", ui).status_code == 200
        told = answer("GET", f"{ui}/api/2.0/mlflow/registered-models/get", params={"name": "parcel-chute"}).json()
        assert told["registered_model"]["aliases"] == [{"alias": "champion", "version": "1"}]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    model = ("--model-uri", "models:/parcel-chute@champion", "--env-manager", "local")
    with running(stranger, "models", "serve", *model) as served:
        got = answer("POST", f"{served}/invocations", json={"inputs": images.tolist()})
    assert got.json()["predictions"] == expected


def limited(command: list[str], megabytes: int) -> int:
    """Run a command in a control group with so much memory and return its status; skip where none can be made."""
    if os.access(CGROUPS, os.W_OK):
        group = CGROUPS / f"mlops_lesson_{os.getpid()}"
        group.mkdir()
        try:
            (group / "memory.limit_in_bytes").write_text(f"{megabytes}M")
            enter = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs")]
            return subprocess.run([*enter, *command], cwd=ROOT).returncode
        finally:
            group.rmdir()
    if shutil.which("systemd-run") is None:
        pytest.skip("no memory limit can be set: run as root on Linux, or where systemd-run works")
    scope = ["systemd-run", "--quiet", "--scope", *([] if os.geteuid() == 0 else ["--user"])]
    limits = [f"--property=MemoryMax={megabytes}M", "--property=MemorySwapMax=0"]
    return subprocess.run([*scope, *limits, *command], cwd=ROOT).returncode


def test_the_largest_notebook_runs_in_one_gigabyte_and_not_in_a_quarter(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN_NOTEBOOK_5, str(tmp_path)]
    assert limited(command, 1024) == 0
    assert limited(command, 256) != 0


def test_links_into_the_web_lead_somewhere(tmp_path: Path) -> None:
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-c", "docs", "-d", str(tmp_path / "trees"), "-b", "linkcheck"]
    done = subprocess.run([*sphinx, ".", str(tmp_path / "links")], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, (tmp_path / "links" / "output.txt").read_text(encoding="utf-8")
