"""Every figure carries words: alternative text and a caption."""

import base64
import io

import matplotlib
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mlops_lesson.show.figures import show


def test_a_figure_is_html_with_alternative_text_and_caption():
    page = show(Figure(), 'Loss "falls" to 0.3', "Loss < 0.5")._repr_html_()
    assert 'alt="Loss &quot;falls&quot; to 0.3"' in page
    assert "<figcaption>Loss &lt; 0.5</figcaption>" in page
    assert 'src="data:image/png;base64,' in page


def test_the_page_of_a_figure_is_its_picture_as_wide_as_it_was_made_and_its_caption():
    shown = show(Figure(figsize=(3.0, 2.0)), "It falls.", "Loss")
    picture = base64.b64encode(shown.png).decode()
    assert shown.png.startswith(b"\x89PNG")
    assert shown._repr_html_() == (
        f'<figure style="margin:0.5em 0;max-width:100%"><img alt="It falls." src="data:image/png;base64,{picture}" '
        f'width="{shown.width}" style="max-width:100%;height:auto;background:#ffffff;border-radius:4px">'
        "<figcaption>Loss</figcaption></figure>"
    )


def test_a_picture_is_cut_to_what_is_drawn_and_white_behind():
    figure = Figure(figsize=(5.0, 4.0))
    figure.text(0.5, 0.5, "in the middle")
    shown = show(figure, "Words in the middle.", "Words")
    with Image.open(io.BytesIO(shown.png)) as picture:
        assert picture.width < 200
        assert picture.height < 100
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_a_figure_is_drawn_to_the_same_bytes_each_time():
    one, other = (show(Figure(), "It falls.", "Loss").png for _ in range(2))
    assert one == other


def test_a_figure_is_a_png_picture_whatever_matplotlib_is_set_to():
    with matplotlib.rc_context({"savefig.format": "svg"}):
        assert show(Figure(), "It falls.", "Loss").png.startswith(b"\x89PNG")


def test_the_plain_text_of_a_figure_says_the_same():
    assert repr(show(Figure(), "It falls.", "Loss")) == "Figure: Loss\nIt falls."


def test_a_picture_is_shown_in_the_inches_it_was_drawn_in():
    figure = Figure(figsize=(4.0, 3.0))
    figure.add_axes((0, 0, 1, 1))
    shown = show(figure, "A frame.", "Frame")
    with Image.open(io.BytesIO(shown.png)) as picture:
        assert shown.width == round(picture.width * 96 / 110)
        assert round(picture.info["dpi"][0]) == 110


@pytest.mark.parametrize(("alt", "caption"), [("", "Loss"), ("It falls.", "  ")])
def test_a_figure_without_words_is_refused(alt, caption):
    with pytest.raises(
        ValueError, match=r"^A figure needs alternative text and a caption: give both `alt` and `caption` "
    ):
        show(Figure(), alt, caption)
