"""Every table has a caption and marked headers, and shows numbers in a readable form."""

import pandas as pd
import pytest

from mlops_lesson.show.tables import show_table

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


def test_the_page_of_a_table_is_its_caption_its_heads_and_its_rows():
    table = pd.DataFrame({"<a>": [1, 2.5], "b": ["x", None]}, index=pd.Index(["r", "<s>"], name="row"))
    head, side, cell = (
        *('<th scope="col" style="text-align:left">', '<th scope="row" style="text-align:left">'),
        '<td style="text-align:left">',
    )
    start = (
        '<div style="overflow-x:auto" tabindex="0" role="group" aria-label="A &amp; B"><table>'
        '<caption style="text-align:left">A &amp; B</caption><thead><tr>'
    )
    heads = f"{head}&lt;a&gt;</th>{head}b</th></tr></thead><tbody>"
    rows = (f"{cell}1.0</td>{cell}x</td></tr>", f"{cell}2.5</td>{cell}-</td></tr>")
    end = "</tbody></table></div>"
    assert show_table(table, "A & B", decimals=1)._repr_html_() == f"{start}{heads}<tr>{rows[0]}<tr>{rows[1]}{end}"
    assert show_table(table, "A & B", decimals=1, index=True)._repr_html_() == (
        f"{start}{head}row</th>{heads}<tr>{side}r</th>{rows[0]}<tr>{side}&lt;s&gt;</th>{rows[1]}{end}"
    )


def test_the_plain_text_has_an_index_only_if_asked_for():
    table = pd.DataFrame({"n": [1]}, index=["first"])
    assert repr(show_table(table, "One")).split() == ["One", "n", "1"]
    assert repr(show_table(table, "One", index=True)).split() == ["One", "n", "first", "1"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.123"),
        (float("nan"), "-"),
        (None, "-"),
        (pd.NA, "-"),
        (pd.NaT, "-"),
        (7, "7"),
        (True, "True"),
        (pd.Timestamp("2026-03-06 17:48:59"), "2026-03-06 17:48"),
    ],
)
def test_a_value_of_any_kind_is_told_in_a_few_letters(value, text):
    table = pd.DataFrame({"value": pd.Series([value], dtype=object)})
    assert show_table(table, "One").texts.loc[0, "value"] == text


def test_a_table_without_caption_is_refused():
    with pytest.raises(
        ValueError, match=r"^A table needs a caption that says what it holds: give `caption` some words\.$"
    ):
        show_table(TABLE, " ")
