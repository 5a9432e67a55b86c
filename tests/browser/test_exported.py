"""A notebook as a page without a kernel: on 320 pixels nothing is cut off, and on paper everything is unfolded."""

import pytest
from exported import show_notebook
from real_lab import COURSE

NOTEBOOKS = sorted((COURSE / "notebooks").glob("*.ipynb"))
# A wide table, the lifecycle or a chart in text may be scrolled sideways; words, figures and controls have to fit. 320
# pixels are also a zoom of 400 %.
CUT_OFF = """() => {
  const edge = document.documentElement.clientWidth + 1;
  return [...document.querySelectorAll('.jp-OutputArea-output *, .jp-MarkdownOutput *')]
    .filter(element => element.getBoundingClientRect().right > edge && !element.closest('table, pre, figure ol'))
    .map(element => element.tagName + ' ' + element.textContent.slice(0, 40));
}"""
BLOCKS = ".jp-MarkdownOutput details > p"
VISIBLE = f"() => [...document.querySelectorAll('{BLOCKS}')].map(block => block.checkVisibility())"
UNFOLD = "() => document.querySelectorAll('details').forEach(each => { each.open = true; })"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_folds_are_open_on_paper_and_nothing_is_cut_off_on_a_narrow_page(new_page, path):
    page = new_page(offline=True, viewport={"width": 320, "height": 900})
    show_notebook(page, path)
    assert set(page.evaluate(VISIBLE)) == {False}
    page.emulate_media(media="print")
    assert all(page.evaluate(VISIBLE))
    page.emulate_media(media="screen")
    page.evaluate(UNFOLD)
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") == 320


def test_a_figure_that_does_not_shrink_would_be_noticed(new_page):
    page = new_page(offline=True, viewport={"width": 320, "height": 900})
    show_notebook(page, NOTEBOOKS[0], lambda html: html.replace("<img alt=", '<img style="min-width:700px" alt='))
    assert any(element.startswith("IMG") for element in page.evaluate(CUT_OFF))
