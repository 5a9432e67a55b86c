"""The file that a learner hands in: how it is marked, sealed and named, and how text from strangers is made harmless.

`mlops_lesson.teaching.progress.export` writes such files, `mlops_lesson.instructors.handed_in` reads them.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

FORMAT = "mlops_lesson progress export"


FORMAT_VERSION = 1


LONGEST_NAME = 80


_JOINERS = "\u200c\u200d"
"""Invisible, but needed to write some languages; every other invisible sign is taken out of a name."""


def checksum(export: Mapping[str, Any]) -> str:
    """Return the checksum of an export's content, whatever the file's spaces and line ends.

    There is no key in it: it tells that a file was damaged or edited, not who wrote it. Who reads this function can
    seal a file that he made up.

    Parameters
    ----------
    export : mapping
        The export; a checksum that stands in it is left out.

    Returns
    -------
    str
        ``"sha256:"`` and 64 hexadecimal digits.
    """
    content = {key: value for key, value in export.items() if key != "checksum"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode("ascii")).hexdigest()


def clean_text(text: str, longest: int = LONGEST_NAME) -> str:
    """Return text that was typed by a stranger as one line without control signs or signs that turn the direction.

    Parameters
    ----------
    text : str
        Any text. Markup stays as it is and has to be escaped where it is shown.
    longest : int
        More characters than this are cut off.

    Returns
    -------
    str
        In Unicode's composed form; half characters (lone surrogates) are replaced by a question mark.
    """
    kept = []
    for sign in unicodedata.normalize("NFC", text[: 20 * longest]):
        kind = unicodedata.category(sign)
        if kind == "Cs":
            kept.append("?")
        elif kind in ("Cc", "Zl", "Zp"):
            kept.append(" ")
        elif kind != "Cf" or sign in _JOINERS:
            kept.append(sign)
    line = " ".join("".join(kept).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def file_stem(name: str) -> str:
    """Return a file name without ending for a learner's export: letters, digits and underscores only."""
    words = re.sub(r"\W+", "_", clean_text(name, 40)).strip("_").lower()
    return f"mlops_lesson_{words}" if words else "mlops_lesson_progress"


def safe_cell(text: str) -> str:
    """Return text for a cell of a CSV file that no spreadsheet takes for a formula.

    Spreadsheets run cells that begin with ``=``, ``+``, ``-``, ``@``, a tab or a line end, also the wide forms of these
    signs, and some look behind leading spaces. An apostrophe in front makes them text.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The text, with an apostrophe before it if needed.

    References
    ----------
    OWASP, CSV Injection: https://owasp.org/www-community/attacks/CSV_Injection
    """
    first = unicodedata.normalize("NFKC", text.lstrip(" \u00a0"))[:1]
    return f"'{text}" if first and first in "=+-@\t\r\n\0|%" else text
