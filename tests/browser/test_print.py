"""On paper nobody can open a folded block, so all of them are open in a printout."""

import nbformat
import pytest
from nbconvert import HTMLExporter
from real_lab import COURSE

NOTEBOOKS = sorted((COURSE / "notebooks").glob("*.ipynb"))
ADDRESS = "http://127.0.0.1/printout"
BLOCKS = ".jp-MarkdownOutput details > p"
VISIBLE = f"() => [...document.querySelectorAll('{BLOCKS}')].map(block => block.checkVisibility())"


@pytest.fixture
def page(chromium):
    context = chromium.new_context(offline=True)
    yield context.new_page()
    context.close()


def show_notebook(page, path, change=lambda html: html):
    html, _ = HTMLExporter(mathjax_url="", require_js_url="", mermaid_js_url="").from_notebook_node(
        nbformat.read(path, as_version=4)
    )
    page.route(ADDRESS, lambda route: route.fulfill(body=change(html), content_type="text/html"))
    page.goto(ADDRESS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_deep_blocks_are_folded_on_the_screen_and_open_on_paper(page, path):
    show_notebook(page, path)
    assert set(page.evaluate(VISIBLE)) == {False}
    page.emulate_media(media="print")
    visible = page.evaluate(VISIBLE)
    assert len(visible) >= 3
    assert all(visible)


def test_without_the_rule_for_paper_they_would_stay_folded(page):
    show_notebook(page, NOTEBOOKS[0], lambda html: html.replace("details::details-content", "details::nothing"))
    page.emulate_media(media="print")
    assert set(page.evaluate(VISIBLE)) == {False}
