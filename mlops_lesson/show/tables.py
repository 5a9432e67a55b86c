"""Show a data frame so that everyone can read it: with a caption, marked headers and numbers one can compare."""

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from mlops_lesson.show.page import Shown, html_table


def show_table(
    table: pd.DataFrame, caption: str, *, index: bool = False, decimals: int = 3, words: bool = True
) -> Shown:
    """Turn a data frame into an output with a caption and marked headers.

    Parameters
    ----------
    table : pandas.DataFrame
        What to show; a long one is better cut by `head` first.
    caption : str
        What the table holds, or its finding.
    index : bool
        True to show the index as row headers.
    decimals : int
        Decimals of numbers that have any, at most: zeros that end every number of a column are left out. A positive
        number that would be shown as zero is shown as less than the smallest one.
    words : bool
        False to show the names of columns as they are in code, with their underscores.
    """
    columns = [table.iloc[:, place].infer_objects() for place in range(table.shape[1])]
    texts = pd.DataFrame({place: _texts(column, decimals) for place, column in enumerate(columns)}, table.index)
    names = [str(name).replace("_", " ") if words else str(name) for name in table.columns]
    texts = texts.set_axis(names, axis=1)
    head = [str(table.index.name or "")] * index + names
    rows = ([str(cell) for cell in row] for row in texts.itertuples(index=index, name=None))
    aligned = [is_numeric_dtype(column) and not is_bool_dtype(column) for column in columns]
    numbers = [place for place, right in enumerate(aligned, start=int(index)) if right]
    page = html_table(rows, caption, head, row_heads=index, numbers=numbers)
    return Shown(f"{caption}\n{texts.to_string(index=index)}", page)


def _texts(column: pd.Series, decimals: int) -> list[str]:
    numbers = [value for value in column if isinstance(value, float) and pd.notna(value)]
    needed = next(n for n in range(decimals + 1) if all(round(x, n) == round(x, decimals) for x in numbers))
    smallest = 10**-decimals
    return [
        f"<{smallest:.{decimals}f}" if isinstance(value, float) and 0 < value < smallest / 2 else _text(value, needed)
        for value in column
    ]


def _text(value: object, decimals: int) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "-"
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{decimals}f}"
    return value.strftime("%Y-%m-%d %H:%M") if isinstance(value, pd.Timestamp) else str(value)
