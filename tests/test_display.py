"""Pieces of HTML that every output is made of."""

import pytest
from marked import MARK, SHOWN, page_of
from pages import stray_words

from mlops_lesson.show.page import STATIC_FOLDER, fold, inline, script


def test_words_between_backticks_are_code_and_all_others_are_words():
    assert inline("use `a < b`, not `c`; 1 < 2 & a ` alone") == (
        "use <code>a &lt; b</code>, not <code>c</code>; 1 &lt; 2 &amp; a ` alone"
    )


def test_a_block_folds_out_below_its_summary():
    rest = '<summary style="padding:4px 0">Hint</summary><p>more</p></details>'
    assert fold("Hint", "<p>more</p>") == f"<details>{rest}"
    assert fold("Hint", "<p>more</p>", 'data-letter="A"') == f'<details data-letter="A">{rest}'


def test_a_script_holds_the_shared_file_first_and_then_those_that_are_named():
    texts = {name: (STATIC_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in ("base", "quiz", "cards")}
    assert script() == f"<script>\n{texts['base']}</script>"
    assert script("quiz", "cards") == f"<script>\n{texts['base']}{texts['quiz']}{texts['cards']}</script>"


@pytest.mark.parametrize("text", ["words", MARK])
@pytest.mark.parametrize("what", SHOWN)
def test_no_words_stand_between_the_parts_of_a_page(what, text):
    assert stray_words(page_of(what, text)) == []


def test_words_between_the_parts_of_a_page_are_found():
    assert stray_words("<section>a<p>b</p><ul><li>c</li>, <li>d</li></ul></section>e") == [
        "section: a",
        "ul: ,",
        "the page: e",
    ]
