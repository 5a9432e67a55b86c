"""One JupyterLab and one Chromium for all browser tests of a worker; a fresh page for each test."""

import os
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright
from real_lab import CHROMIUM_FLAGS, Lab, LabServer

# A busy machine answers late, and that is no fault of what is tested.
expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def chromium():
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        message = "No Chromium found: install it, or set CHROMIUM to its path."
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium):
    """Make pages, each with a memory of its own; they are closed after the test."""
    contexts = []

    def made(**options):
        contexts.append(chromium.new_context(**options))
        return contexts[-1].new_page()

    yield made
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory, chromium):
    server = LabServer(tmp_path_factory.mktemp("jupyterlab"))
    yield server
    server.stop()


@pytest.fixture
def lab(lab_server, chromium):
    page = Lab(lab_server, chromium)
    yield page
    page.close()
