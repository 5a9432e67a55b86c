"""Show a data frame so that everyone can read it: with a caption, marked headers and numbers one can compare."""

from dataclasses import dataclass, field

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from mlops_lesson.show.page import html_table


@dataclass(frozen=True, repr=False)
class ShownTable:
    """A table ready to be displayed by Jupyter; made by `show_table`."""

    caption: str
    texts: pd.DataFrame = field(repr=False)
    index: bool
    numbers: frozenset[int] = frozenset()

    def __repr__(self) -> str:
        return f"{self.caption}\n{self.texts.to_string(index=self.index)}"

    def _repr_html_(self) -> str:
        head = [str(self.texts.index.name or "")] * self.index + [str(column) for column in self.texts.columns]
        rows = ([str(cell) for cell in row] for row in self.texts.itertuples(index=self.index, name=None))
        numbers = [place + self.index for place in self.numbers]
        return html_table(rows, self.caption, head, row_heads=self.index, numbers=numbers)


def _texts(values: pd.Series, decimals: int) -> list[str]:
    """Round a column's numbers to the same decimals, and leave out those that are 0 in all of them."""
    texts = [_text(value, decimals) for value in values]
    numbers = [text for value, text in zip(values, texts, strict=True) if isinstance(value, float) and "." in text]
    spare = min((len(text) - len(text.rstrip("0")) for text in numbers), default=0)
    if not spare:
        return texts
    return [
        text[:-spare].rstrip(".") if isinstance(value, float) and "." in text else text
        for value, text in zip(values, texts, strict=True)
    ]


def _text(value: object, decimals: int) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "-"
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{decimals}f}"
    return value.strftime("%Y-%m-%d %H:%M") if isinstance(value, pd.Timestamp) else str(value)


def show_table(table: pd.DataFrame, caption: str, *, index: bool = False, decimals: int = 3) -> ShownTable:
    """Turn a data frame into an output with a caption and marked headers.

    Parameters
    ----------
    table : pandas.DataFrame
        What to show; a long one is better cut by `head` first.
    caption : str
        What the table holds, or its finding; not empty.
    index : bool
        True to show the index as row headers.
    decimals : int
        Decimals of numbers that have any, at most: zeros that end every number of a column are left out.

    Returns
    -------
    ShownTable
        Make it the last expression of a cell.

    Raises
    ------
    ValueError
        If the caption is empty.
    """
    if not caption.strip():
        raise ValueError("A table needs a caption that says what it holds: give `caption` some words.")
    columns = [table.iloc[:, place] for place in range(table.shape[1])]
    texts = pd.DataFrame(dict(enumerate(_texts(column, decimals) for column in columns)), index=table.index)
    numbers = [
        place
        for place, column in enumerate(columns)
        if is_numeric_dtype(column.infer_objects()) and not is_bool_dtype(column.infer_objects())
    ]
    return ShownTable(caption, texts.set_axis(table.columns, axis=1), index, frozenset(numbers))
