"""Every table has a caption and marked headers, and shows numbers in a readable form."""

import pandas as pd
import pytest

from mlops_lesson.tables import show_table

TABLE = pd.DataFrame(
    {
        "camera": ["<east>", None],
        "accuracy": [0.91666, float("nan")],
        "seen_at": pd.to_datetime(["2026-03-06 17:48"] * 2),
    },
    index=pd.Index([3, 4], name="id"),
)


def test_headers_of_columns_and_rows_are_marked():
    page = show_table(TABLE, "Two cameras", index=True)._repr_html_()
    assert page.count('scope="col"') == 4
    assert page.count('scope="row"') == 2
    assert "<caption" in page


def test_an_index_is_shown_only_if_asked_for():
    assert "<th" in show_table(TABLE, "Two cameras", index=True)._repr_html_()
    assert 'scope="row"' not in show_table(TABLE, "Two cameras")._repr_html_()


def test_a_corner_without_words_is_no_header():
    page = show_table(TABLE.rename_axis(None), "Two cameras", index=True)._repr_html_()
    assert "<td></td><th" in page


def test_values_are_escaped_rounded_and_gaps_marked():
    shown = show_table(TABLE, "Two cameras", decimals=2)
    assert shown.texts.to_numpy().tolist() == [["<east>", "0.92", "2026-03-06 17:48"], ["-", "-", "2026-03-06 17:48"]]
    assert "&lt;east&gt;" in shown._repr_html_()


def test_the_plain_text_begins_with_the_caption():
    assert repr(show_table(TABLE, "Two cameras")).startswith("Two cameras\n")


def test_a_table_without_caption_is_refused():
    with pytest.raises(ValueError, match="needs a caption"):
        show_table(TABLE, " ")
