"""A real JupyterLab in a real Chromium, driven by the browser tests."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import axe_playwright_python
import httpx
import nbformat
import psutil
from nbformat.sign import NotebookNotary
from playwright.sync_api import Browser, ElementHandle, Locator, Page
from sockets import listening

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark", "high contrast": "JupyterLab Dark High Contrast"}
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    # Every cell in the page, so that checks see all outputs.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
STRAY_KEYS = ["x", "a", "b", "m", "j", "k", "ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", " ", "Enter", "Escape"]
CONTROLS = "input, select, textarea, button, summary, a[href], [role=slider], [role=tab], [contenteditable], [tabindex]"
COURSE = Path(__file__).resolve().parents[2]
HELPERS = (Path(__file__).with_name("real_lab.js")).read_text(encoding="utf-8")
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")


class LabServer:
    """A JupyterLab server of its own on a free port of the loopback address."""

    def __init__(self, scratch: Path):
        self.root, self.home = scratch / "root", scratch / "home"
        self.token = secrets.token_hex(16)
        self.root.mkdir(parents=True)
        for name, value in SETTINGS.items():
            file = scratch / "settings" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(value))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "MLOPS_LESSON_HOME": "home",
        }
        environment = os.environ | {name: str(scratch / folder) for name, folder in folders.items()}
        environment |= {
            "MLOPS_LESSON_COURSE": str(COURSE),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        environment.pop("COVERAGE_PROCESS_START", None)
        self._log = (scratch / "server.log").open("wb")
        self._process = subprocess.Popen(
            [
                sys.executable,
                *("-m", "jupyterlab", "--no-browser", "--allow-root"),
                f"--ServerApp.port={self.url.rsplit(':', 1)[1]}",
                f"--ServerApp.root_dir={self.root}",
                f"--IdentityProvider.token={self.token}",
                "--ServerApp.port_retries=0",
                "--ServerApp.terminals_enabled=False",
                "--LabApp.expose_app_in_browser=True",
                "--LabApp.collaborative=False",
            ],
            cwd=self.root,
            env=environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait_until_it_answers(scratch)

    def _wait_until_it_answers(self, scratch: Path) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/api/status", headers={"Authorization": f"token {self.token}"}).is_success:
                    return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError("JupyterLab did not start:\n" + (scratch / "server.log").read_text(errors="replace")[-3000:])

    def listening(self) -> list[tuple[str, int]]:
        """Return the addresses on which the server and what it has started take connections."""
        server = psutil.Process(self._process.pid)
        return [place for each in (server, *server.children(recursive=True)) for place in listening(each)]

    def stop(self) -> None:
        """End the server and its kernels, which share its process group."""
        for end, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, end)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
                break
        self._log.close()


class Lab:
    """One browser page with JupyterLab in it."""

    def __init__(self, server: LabServer, browser: Browser):
        self.server = server
        self._context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(20_000)
        self.page_errors: list[str] = []
        self.requests_elsewhere: list[str] = []
        self.page.on("pageerror", lambda error: self.page_errors.append(str(error)))
        self.page.on("request", self._note_request)
        self.load()

    def _note_request(self, request) -> None:
        local = (self.server.url, self.server.url.replace("http", "ws"), "data:", "blob:", "about:")
        if not request.url.startswith(local):
            self.requests_elsewhere.append(request.url)

    def load(self) -> None:
        """Load JupyterLab anew, with no document open. What the browser keeps stays."""
        self.page.goto(f"{self.server.url}/lab?token={self.server.token}&reset", wait_until="domcontentloaded")
        self.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.shell", timeout=60_000)
        self.page.evaluate(HELPERS)
        self.page.evaluate("() => realLab.ready()")

    def close(self) -> None:
        """Shut the open notebooks' kernels down and close the page."""
        with contextlib.suppress(Exception):
            self.page.evaluate("() => realLab.shutdownAll()")
        self._context.close()

    def write_notebook(self, name: str, *cells: str, outputs: dict[int, list[dict]] | None = None) -> str:
        """Write a notebook of code cells into the server's folder; stored outputs are not trusted.

        A cell that starts with ``#`` and a space is Markdown.
        """
        notebook = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        )
        for place, source in enumerate(cells):
            if source.startswith("# "):
                notebook.cells.append(nbformat.v4.new_markdown_cell(source))
                continue
            stored = [nbformat.v4.new_output("display_data", data) for data in (outputs or {}).get(place, [])]
            notebook.cells.append(nbformat.v4.new_code_cell(source, outputs=stored))
        nbformat.write(notebook, self.server.root / name)
        return name

    def copy_notebook(self, path: Path, trusted: bool = False) -> str:
        """Copy a notebook into the server's folder; the scripts of a trusted one's stored outputs may run."""
        shutil.copy(path, self.server.root / path.name)
        if trusted:
            notary = NotebookNotary(data_dir=str(self.server.root.parent / "data"))
            notary.sign(nbformat.read(path, as_version=4))
            notary.store.close()
        return path.name

    def open(self, name: str, kernel: bool = True) -> None:
        """Open a notebook and, if asked for, wait until its kernel answers."""
        self.page.evaluate("([name, kernel]) => realLab.open(name, kernel)", [name, kernel])

    def run_all(self, timeout: float = 300) -> None:
        """Run all cells and wait until the last one has finished and the outputs are quiet."""
        self.page.evaluate("() => realLab.runAll()")
        self.page.wait_for_function("() => realLab.finished()", timeout=timeout * 1000)
        self.settle()

    def run_cell(self, place: int) -> None:
        """Run one cell and wait until it has finished."""
        self.page.evaluate("place => realLab.runCell(place)", place)
        self.settle()

    def settle(self) -> None:
        """Wait until no output has changed for a moment."""
        self.page.evaluate("() => realLab.settle()")

    def save(self) -> None:
        """Save the notebook."""
        self.page.evaluate("() => realLab.save()")

    def close_notebook(self, shutdown: bool = True) -> None:
        """Close the notebook and, unless told otherwise, shut its kernel down."""
        self.page.evaluate("shutdown => realLab.closeCurrent(shutdown)", shutdown)

    def shutdown_kernel(self) -> None:
        """Shut the kernel down and leave the notebook open."""
        self.page.evaluate("() => realLab.shutdown()")

    def theme(self, name: str) -> None:
        """Change the theme: light, dark or high contrast."""
        self.page.evaluate("theme => realLab.theme(theme)", THEMES[name])

    def cell(self, place: int) -> Locator:
        """Return a cell of the open notebook."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell").nth(place)

    def output(self, place: int) -> Locator:
        """Return the output area of a cell."""
        return self.cell(place).locator(".jp-OutputArea")

    def errors(self) -> list[str]:
        """Return the errors that cells of the open notebook show."""
        return self.page.evaluate("() => realLab.errors()")

    def sources(self) -> list[list[str]]:
        """Return kind and source of every cell: what stray keys must not change."""
        return self.page.evaluate("() => realLab.sources()")

    def axe_outputs(self, only_contrast: bool = False) -> dict:
        """Audit all outputs and rendered texts: violations, and how many text nodes' contrast was checked."""
        self.page.evaluate(
            "source => { if (window.axe) return; const define = window.define; window.define = undefined;"
            " try { (0, eval)(source); } finally { window.define = define; } }",
            AXE,
        )
        # JupyterLab's body is 0 px high, which makes axe skip contrast and target size: give it its height.
        style = self.page.add_style_tag(content="html, body { height: 100% !important; min-height: 100vh !important }")
        size = self.page.viewport_size
        height = max(size["height"], min(16_000, self.page.evaluate("() => realLab.fullHeight()") + 140))
        self.page.set_viewport_size({"width": size["width"], "height": height})
        self.page.evaluate("height => realLab.drawn(height)", height)
        try:
            return self.page.evaluate("tags => realLab.axe(tags)", [] if only_contrast else WCAG)
        finally:
            style.evaluate("element => element.remove()")
            self.page.set_viewport_size(size)

    def controls(self, one_of_each: bool = False) -> list[ElementHandle]:
        """Return the controls that can take the focus, in outputs and rendered texts; or one of each kind and cell."""
        selector = f".jp-OutputArea-output :is({CONTROLS}), .jp-MarkdownOutput :is(summary, a[href], input, button)"
        found = self.page.evaluate_handle("([s, one]) => realLab.controls(s, one)", [selector, one_of_each])
        return [each.as_element() for each in found.get_properties().values()]

    def press_stray_keys(self, controls: list[ElementHandle], keys: list[str] = STRAY_KEYS) -> list[str]:
        """Press keys on each control; return a line for each key that set off a notebook command or changed a cell."""
        before = self.sources()
        stolen = []
        for control in controls:
            for key in keys:
                if not control.evaluate("e => realLab.focusOn(e)"):
                    continue
                # A link followed would leave the page; what is tested is what else the keys do.
                if key == "Enter" and control.evaluate("e => e.matches('a[href]')"):
                    continue
                self.page.keyboard.press(key)
                commands = self.page.evaluate("() => realLab.takeCommands()")
                if commands:
                    stolen.append(f"{control.evaluate('e => realLab.describe(e)')}: {key!r} ran {', '.join(commands)}")
        if self.sources() != before:
            stolen.append("the cells of the notebook changed")
        return stolen
