"""Show a table so that everyone can read it: with a caption and with marked headers."""

from dataclasses import dataclass, field
from html import escape

import pandas as pd


@dataclass(frozen=True, repr=False)
class ShownTable:
    """A table ready to be displayed by Jupyter; made by `show_table`."""

    caption: str
    texts: pd.DataFrame = field(repr=False)
    index: bool

    def __repr__(self) -> str:
        return f"{self.caption}\n{self.texts.to_string(index=self.index)}"

    def _repr_html_(self) -> str:
        heads = [str(self.texts.index.name or "")] if self.index else []
        heads += [str(column) for column in self.texts.columns]
        head = "".join(
            f'<th scope="col" style="text-align:left">{escape(text)}</th>' if text else "<td></td>" for text in heads
        )
        rows = []
        for label, values in zip(self.texts.index, self.texts.itertuples(index=False), strict=True):
            first = f'<th scope="row" style="text-align:left">{escape(str(label))}</th>' if self.index else ""
            cells = "".join(f'<td style="text-align:left">{escape(str(value))}</td>' for value in values)
            rows.append(f"<tr>{first}{cells}</tr>")
        return (
            f'<div style="overflow-x:auto" tabindex="0" role="group" aria-label="{escape(self.caption)}"><table>'
            f'<caption style="text-align:left">{escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        )


def _as_text(value: object, decimals: int) -> str:
    if isinstance(value, float):
        return "-" if pd.isna(value) else f"{value:.{decimals}f}"
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M")
    return "-" if value is None or value is pd.NA or value is pd.NaT else str(value)


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
        Decimals of numbers that have any.

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
    texts = pd.DataFrame(
        {column: [_as_text(value, decimals) for value in table[column]] for column in table.columns}, index=table.index
    )
    return ShownTable(caption, texts, index)
