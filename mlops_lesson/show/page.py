"""How the course puts words on the page: small pieces of HTML that stay readable where nothing but HTML is left."""

import re
from functools import cache
from html import escape
from pathlib import Path

from mlops_lesson.keep.files import read_course_text

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


def fold(summary: str, body: str, attributes: str = "") -> str:
    """Make a block that folds out, large enough to hit even where no style sheet is left.

    Parameters
    ----------
    summary, body : str
        HTML of the line to click and of what it hides.
    attributes : str, optional
        Attributes of the block, such as ``'data-letter="A"'``.

    Returns
    -------
    str
        HTML.
    """
    start = f"<details {attributes}>" if attributes else "<details>"
    return f'{start}<summary style="padding:4px 0">{summary}</summary>{body}</details>'


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

    Raises
    ------
    CourseFileError
        If one of the files is missing or spoiled.
    """
    sources = [read_course_text(STATIC_FOLDER / f"{name}.js") for name in ("base", *names)]
    return "<script>\n" + "".join(sources) + "</script>"
