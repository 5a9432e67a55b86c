"""How the course puts words on the page: small pieces of HTML that stay readable where nothing but HTML is left."""

import re
from functools import cache
from html import escape
from pathlib import Path

STATIC_FOLDER = Path(__file__).resolve().parent / "static"


def inline(text: str) -> str:
    """Turn a line of text into HTML: escaped, with words between backticks as code.

    Parameters
    ----------
    text : str
        Plain text.

    Returns
    -------
    str
        HTML.
    """
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


@cache
def script(*names: str) -> str:
    """Return a script element with the named files of `static/`, to stand last in an output.

    Parameters
    ----------
    *names : str
        Names without ending, such as ``"quiz"``. The shared ``base.js`` always comes first.

    Returns
    -------
    str
        HTML.
    """
    sources = [(STATIC_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in ("base", *names)]
    return "<script>\n" + "".join(sources) + "</script>"
