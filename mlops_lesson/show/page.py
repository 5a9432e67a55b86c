"""How the course puts words and tables on the page: small HTML that is readable where nothing but HTML is left."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

STATIC_FOLDER = Path(__file__).resolve().parent / "static"

OURS = 'lang="en" dir="ltr"'
"""Attributes of every output's outermost element: the page around it may be in another language and direction."""


@dataclass(frozen=True, repr=False)
class Shown:
    """Words that Jupyter shows as a page, or as they are."""

    text: str
    html: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def inline(text: str) -> str:
    """Turn a line of text into HTML: escaped, with words between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def render(template: str, **values: Any) -> str:
    """Fill in a template of the package, such as ``"teaching/quiz"``; what is not marked as safe is escaped."""
    return _PAGES.get_template(f"{template}.html.j2").render(values)


def fold(summary: str, body: str) -> str:
    """Make a block that folds out, from HTML; large enough to hit even where no style sheet is left."""
    return f'<details><summary style="padding:4px 0">{summary}</summary>{body}</details>'


@cache
def script(*names: str) -> str:
    """Return a script element with the named files of `static/`, `base.js` first, to stand last in an output."""
    sources = [(STATIC_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in ("base", *names)]
    return "<script>\n" + "".join(sources) + "</script>"


def html_table(
    rows: Iterable[Sequence[str]],
    caption: str,
    head: Sequence[str],
    *,
    row_heads: bool = False,
    numbers: Collection[int] = (),
) -> str:
    """Make a table that everyone can read: with a caption, marked headers, and a place to scroll where it is too wide.

    Parameters
    ----------
    rows : iterable of sequence of str
        The cells' texts, as many in each row as in `head`; escaped here.
    caption : str
        What the table holds, or its finding.
    head : sequence of str
        Words over the columns; an empty one leaves the corner free.
    row_heads : bool
        True if the first cell of each row is its header.
    numbers : collection of int
        Places of the columns that are aligned to the right.
    """
    return render("show/table", rows=rows, caption=caption, head=head, row_heads=row_heads, numbers=numbers)


_PAGES = Environment(
    loader=PackageLoader("mlops_lesson", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_PAGES.globals |= {"ours": Markup(OURS), "script": lambda *names: Markup(script(*names))}  # noqa: S704 - no strangers' text
_PAGES.filters["inline"] = lambda text: Markup(inline(text))  # noqa: S704 - it is escaped there
