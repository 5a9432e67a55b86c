"""The file that a learner hands in: how it is marked, sealed and named, and how text from strangers is made harmless.

`mlops_lesson.teaching.progress.export` makes such files, `mlops_lesson.instructors.handed_in` reads them.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_lesson.keep.files import write_atomically

FORMAT = "mlops_lesson progress export"
FORMAT_VERSION = 1
LONGEST_NAME = 80

_JOINERS = "\u200c\u200d"
"""Invisible, but needed to write some languages; every other invisible sign is taken out of a name."""


def write_export(folder: Path, content: Mapping[str, Any]) -> Path:
    """Write an export under its learner's name and number, so that nobody else's is in its place."""
    learner = content["learner"]
    words = re.sub(r"\W+", "_", learner["name"][:40]).strip("_").lower() or "progress"
    path = folder / f"mlops_lesson_{words}_{learner['id'][:8]}.json"
    sealed = json.dumps({**content, "checksum": checksum(content)}, indent=1, ensure_ascii=False)
    write_atomically(path, f"{sealed}\n".encode())
    # In a folder that is open to others, such as a shared one to hand in, the file is to be read by them.
    path.chmod(0o600 | path.parent.stat().st_mode & 0o044)
    return path


def checksum(export: Mapping[str, Any]) -> str:
    """Return the checksum of an export's content, whatever the file's spaces and line ends.

    There is no key in it: it tells that a file was damaged or edited, not who wrote it. Anyone who reads this function
    can seal a file that they made up.
    """
    content = {key: value for key, value in export.items() if key != "checksum"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode("ascii")).hexdigest()


def clean_text(text: str, longest: int = LONGEST_NAME) -> str:
    """Return text that a stranger typed as one line, without control characters or those that turn the direction.

    It is cut off after so many characters. Markup stays as it is and has to be escaped where it is shown.
    """
    signs = unicodedata.normalize("NFC", text)
    line = " ".join("".join(s for s in signs if s.isprintable() or s.isspace() or s in _JOINERS).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def safe_cell(text: str) -> str:
    """Return text for a cell of a CSV file that no spreadsheet takes for a formula: with an apostrophe before it.

    Spreadsheets run cells that begin with ``=``, ``+``, ``-``, ``@``, a tab or a line end, also the wide forms of these
    signs, and some look behind leading spaces: https://owasp.org/www-community/attacks/CSV_Injection
    """
    first = unicodedata.normalize("NFKC", text.lstrip(" \u00a0"))[:1]
    return f"'{text}" if first and first in "=+-@\t\r\n\0|%" else text
