"""On paper nobody can open a folded block, so all of them are open in a printout."""

import pytest
from exported import show_notebook
from real_lab import COURSE

NOTEBOOKS = sorted((COURSE / "notebooks").glob("*.ipynb"))
BLOCKS = ".jp-MarkdownOutput details > p"
VISIBLE = f"() => [...document.querySelectorAll('{BLOCKS}')].map(block => block.checkVisibility())"


@pytest.fixture
def page(chromium):
    context = chromium.new_context(offline=True)
    yield context.new_page()
    context.close()


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
