"""What every output is made of: words, tables, figures and explorers that everyone can read and use."""

import base64
import io
import re

import ipywidgets
import matplotlib
import matplotlib.pyplot
import pandas as pd
import pytest
from PIL import Image

from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.show.figures import drawing
from mlops_lesson.show.page import inline
from mlops_lesson.show.tables import show_table


def a_figure(title="Loss < 0.5", alt='Loss "falls" to 0.3'):
    with drawing(title, 3.0, 2.0) as d:
        d.axis.plot([1, 0.3])
        d.alt = alt
    return d.shown


def test_words_between_backticks_are_code_and_all_others_are_escaped():
    assert inline("use `a < b`; 1 < 2 & a ` alone") == "use <code>a &lt; b</code>; 1 &lt; 2 &amp; a ` alone"


class TestTable:
    TABLE = pd.DataFrame(
        {
            "place": ["<east>", None],
            "accuracy": [0.91666, float("nan")],
            "light, lx": [66.6, 12.5],
            "seen": pd.to_datetime(["2026-03-06 17:48"] * 2),
            "passed": [True, False],
        },
        index=pd.Index([3, 4], name="camera"),
    )

    def test_values_are_rounded_to_what_the_column_needs_and_gaps_are_marked(self):
        _, _, *rows = repr(show_table(self.TABLE, "Two cameras", decimals=2)).splitlines()
        assert [" ".join(row.split()) for row in rows] == [
            "<east> 0.92 66.6 2026-03-06 17:48 yes",
            "- - 12.5 2026-03-06 17:48 no",
        ]

    def test_a_small_number_is_not_shown_as_zero(self):
        assert repr(show_table(pd.DataFrame({"p": [1.0, 4e-7]}), "Two tests")).split()[-2:] == ["1", "<0.001"]

    def test_headers_are_marked_numbers_stand_on_the_right_and_texts_are_escaped(self):
        page = show_table(self.TABLE, "Two & more", index=True)._repr_html_()
        assert page.count('scope="col"') == 6
        assert page.count('scope="row"') == 2
        assert '<td style="text-align:right">66.6</td>' in page
        assert '<td style="text-align:left">&lt;east&gt;</td>' in page
        assert 'lang="en" dir="ltr"' in page
        assert ">Two &amp; more</caption>" in page

    def test_an_index_is_shown_only_if_asked_for_and_the_plain_text_begins_with_the_caption(self):
        table = pd.DataFrame({"n": [1]}, index=["first"])
        assert repr(show_table(table, "One")).split() == ["One", "n", "1"]
        shown = show_table(table, "One", index=True)
        assert repr(shown).split() == ["One", "n", "first", "1"]
        # A corner without words is no header.
        assert "<td" in shown.html.split("<tbody>")[0]


class TestFigure:
    def test_a_figure_is_a_picture_with_alternative_text_below_its_caption(self):
        shown = a_figure()
        found = re.search(r'<img alt="(.+?)" src="data:image/png;base64,(.+?)" width="(\d+)"', shown.html)
        assert found[1] == "Loss &#34;falls&#34; to 0.3"
        assert shown.html.index("Loss &lt; 0.5</figcaption>") < found.start()
        assert repr(shown) == 'Figure: Loss < 0.5\nLoss "falls" to 0.3'
        with Image.open(io.BytesIO(base64.b64decode(found[2]))) as image:
            assert int(found[3]) == round(image.width * 96 / 110)

    def test_a_figure_looks_the_same_whatever_matplotlib_is_set_to(self):
        plain = a_figure().html
        with matplotlib.rc_context({"text.usetex": True, "savefig.format": "svg"}):
            matplotlib.pyplot.style.use("dark_background")
            assert a_figure().html == plain

    def test_a_figure_without_words_is_refused(self):
        with pytest.raises(ValueError, match="alternative text"):
            a_figure(alt="")


class TestExplorer:
    @staticmethod
    def doubling(**more):
        slider = ipywidgets.IntSlider(2, description="A number")
        return slider, Explorer(
            "Doubling <it>", {"n": slider} | more, lambda n, **_: Answer(f"twice {n} is {2 * n}", ("<given>",))
        )

    def test_the_answer_follows_its_controls(self):
        slider, shown = self.doubling(fast=ipywidgets.Checkbox(True, description="Fast"))
        assert shown.text == "A number: 2; Fast: True\ntwice 2 is 4.\n- <given>"
        slider.value = 5
        assert shown.text == "A number: 5; Fast: True\ntwice 5 is 10.\n- <given>"
        assert "<p><strong>twice 5 is 10.</strong></p><ul><li>&lt;given&gt;</li></ul>" in shown.result.value

    def test_what_is_stored_holds_the_answer_and_says_how_to_make_it_live(self, monkeypatch):
        displayed = []
        monkeypatch.setattr("mlops_lesson.show.explorer.display", lambda bundle, raw: displayed.append(bundle))
        _, shown = self.doubling()
        shown._ipython_display_()
        stored, live = displayed
        assert stored["text/plain"] == repr(shown)
        assert "press Shift+Enter" in stored["text/html"]
        assert shown.answer.html in stored["text/html"]
        assert "application/vnd.jupyter.widget-view+json" in live
