"""On a page 320 pixels wide, which is also a zoom of 400 %, nothing of a lesson is cut off."""

import pytest
from exported import show_notebook
from real_lab import COURSE

NOTEBOOKS = sorted((COURSE / "notebooks").glob("*.ipynb"))
# A wide table or a chart in text may be scrolled sideways; words, figures and controls have to fit.
CUT_OFF = """() => {
  const edge = document.documentElement.clientWidth + 1;
  return [...document.querySelectorAll('.jp-OutputArea-output *, .jp-MarkdownOutput *')]
    .filter(element => element.getBoundingClientRect().right > edge && !element.closest('table, pre'))
    .map(element => element.tagName + ' ' + element.textContent.slice(0, 40));
}"""


@pytest.fixture
def page(chromium):
    context = chromium.new_context(offline=True, viewport={"width": 320, "height": 900})
    yield context.new_page()
    context.close()


def unfold(page):
    page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_is_cut_off_on_a_narrow_page(page, path):
    show_notebook(page, path)
    unfold(page)
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") == 320


def test_a_figure_that_does_not_shrink_would_be_noticed(page):
    show_notebook(page, NOTEBOOKS[0], lambda html: html.replace("<img alt=", '<img style="min-width:700px" alt='))
    assert any(element.startswith("IMG") for element in page.evaluate(CUT_OFF))
