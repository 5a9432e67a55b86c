"""Install parts of the course into the environment whose Python runs this: ``.venv/bin/python tools/install.py lab``.

The parts are the extras of pyproject.toml, at the versions of requirements.lock. Nothing is done if they are there
already, for this folder and these versions: a folder that was moved or copied is set up anew.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
SETTINGS = ROOT / "tools" / "jupyterlab_settings.json"
ENVIRONMENT = Path(sys.prefix)
# Somebody's usual settings of pip and uv stay if they say where packages come from; others would send them elsewhere,
# ask for more than the lock holds, or break a build. Some may stand in a file, which these overrule; the last because
# pip believes the certificates that the system believes, an institution's own among them, and uv has a list of its own.
UNWANTED = re.compile(
    r"PYTHON(SAFEPATH|OPTIMIZE)$|"
    r"(PIP|UV)_(?!.*(INDEX|LINK|CERT|TLS|PROXY|HOST|CACHE|KEYRING|TIMEOUT|RETRIES|CONFIG|OFFLINE))"
)
OVERRULED = {"PIP_USER": "0", "PIP_REQUIRE_HASHES": "0", "UV_REQUIRE_HASHES": "0", "UV_SYSTEM_CERTS": "1"}
# What uv calls what pip is told: the name, and what stands between several values.
NAMES_OF_UV = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "proxy": ("ALL_PROXY", " "),
    "cert": ("SSL_CERT_FILE", " "),
}


def fingerprint(part: str) -> str:
    """Return what an environment is made of: the folder, the Python, and the files that name versions."""
    files = (ROOT / "pyproject.toml", LOCK, SETTINGS)
    content = b"\0".join(path.read_bytes() for path in files)
    return f"{ROOT}\n{sys.version.split()[0]} {part} {hashlib.sha256(content).hexdigest()}\n"


def surroundings(environment: "dict[str, str]", pip_config: str) -> "dict[str, str]":
    """Return the variables for uv: without what is unwanted, and with pip's index where uv is told none."""
    kept = {name: value for name, value in environment.items() if not UNWANTED.match(name)}
    lines = re.findall(r"^(global|install|:env:)\.([\w-]+)='(.*)'$", pip_config, re.MULTILINE)
    # For pip, a variable overrules a file.
    told = {option: value for _, option, value in sorted(lines, key=lambda line: line[0] == ":env:")}
    for option, (name, between) in NAMES_OF_UV.items():
        if option in told and not {name, "UV_INDEX_URL" if option == "index-url" else name} & {*kept}:
            # Several values in a file stand on a line each.
            kept[name] = between.join(told[option].replace("\\n", " ").split())
    if "UV_INDEX" in kept:
        # pip takes the best of what all its indexes have; uv by itself takes the first index that knows a package.
        kept.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return {**kept, **OVERRULED}


def for_pip() -> "dict[str, str]":
    """Return the variables for pip, which by itself knows no proxy of the kind SOCKS."""
    usual = surroundings(dict(os.environ), "")
    return {name: value for name, value in usual.items() if name.lower() != "all_proxy" or value[:5] != "socks"}


def install(part: str) -> None:
    """Install a part with uv, which pip brings."""
    moved = any(mark.read_text(encoding="utf-8").split("\n")[0] != str(ROOT) for mark in ENVIRONMENT.glob(".ready-*"))
    usual = surroundings(dict(os.environ), "")
    python = [sys.executable, "-m"]
    if moved:
        print("The folder of the course has another place now: its environment is set up anew.", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], env=usual, check=True)
    if subprocess.run([*python, "pip", "--version"], env=usual, capture_output=True).returncode:
        subprocess.run([*python, "ensurepip"], env=usual, check=True, stdout=subprocess.DEVNULL)
    quiet = ["--quiet", "--disable-pip-version-check", "--constraint", str(LOCK)]
    subprocess.run([*python, "pip", "install", *quiet, "uv"], env=for_pip(), check=True)
    config = subprocess.run([*python, "pip", "config", "list"], env=usual, capture_output=True, text=True).stdout
    command = [*python, "uv", "pip", "install", "--python", sys.executable, "--compile-bytecode"]
    command += ["--constraint", str(LOCK), *["--reinstall"] * moved, *["--quiet"] * (not sys.stderr.isatty())]
    command += ["--no-index"] * bool(re.search(r"no-index='(1|true|yes|on)'", config, re.IGNORECASE))
    # Named from where it lies: uv would read a `#` in the folder's path as the start of a comment.
    subprocess.run([*command, "--editable", f".[{part}]"], cwd=ROOT, env=surroundings(usual, config), check=True)
    for mark in ENVIRONMENT.glob(".ready-*") if moved else ():
        mark.unlink()


def main() -> int:
    """Install the part named, unless it is there."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the environment may be an old one
        print(f"{ENVIRONMENT.name} has Python {sys.version.split()[0]}, the course needs 3.11 or newer.")
        print("`make clean` removes it (my_work/ stays); then again, with PYTHON=/path/to/python if need be.")
        return 1
    part = sys.argv[1]
    mark = ENVIRONMENT / f".ready-{part}"
    if mark.exists() and mark.read_text(encoding="utf-8") == fingerprint(part):
        return 0
    if part == "lab":
        print("Setting the course up: about 200 MB to fetch, 900 MB on disk, a minute or a few, once.", flush=True)
    try:
        install(part)
    except subprocess.CalledProcessError as error:
        print(f"The set-up stopped; what it says stands above ({Path(error.cmd[2]).name}). Run the same command again")
        print("once that is fixed; what has been fetched is kept. `make preflight` looks for the usual causes.")
        return 1
    settings = ENVIRONMENT / "share" / "jupyter" / "lab" / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    shutil.copy(SETTINGS, settings / "overrides.json")
    # The fonts are listed now; otherwise the first figure waits, with a message.
    subprocess.run([sys.executable, "-c", "import matplotlib.font_manager"], check=True, capture_output=True)
    mark.write_text(fingerprint(part), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
