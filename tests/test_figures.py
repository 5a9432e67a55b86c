"""Every figure carries words: alternative text and a caption."""

import pytest
from matplotlib.figure import Figure

from mlops_lesson.figures import show


def test_a_figure_is_html_with_alternative_text_and_caption():
    page = show(Figure(), 'Loss "falls" to 0.3', "Loss < 0.5")._repr_html_()
    assert 'alt="Loss &quot;falls&quot; to 0.3"' in page
    assert "<figcaption>Loss &lt; 0.5</figcaption>" in page
    assert 'src="data:image/png;base64,' in page


def test_the_plain_text_of_a_figure_says_the_same():
    assert repr(show(Figure(), "It falls.", "Loss")) == "Figure: Loss\nIt falls."


@pytest.mark.parametrize(("alt", "caption"), [("", "Loss"), ("It falls.", "  ")])
def test_a_figure_without_words_is_refused(alt, caption):
    with pytest.raises(ValueError, match="alternative text and a caption"):
        show(Figure(), alt, caption)
