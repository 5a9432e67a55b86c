"""The file that a learner hands in: how it is marked, sealed and named, and how text from strangers is made harmless.

`mlops_lesson.teaching.progress.export` makes such files, `mlops_lesson.instructors.handed_in` reads them.
"""

import contextlib
import csv
import hashlib
import io
import itertools
import json
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_lesson.keep.files import said_if_unwritable, write_atomically

FORMAT = "mlops_lesson progress export"


FORMAT_VERSION = 1


LONGEST_NAME = 80


TABLE_HEAD = ("kind", "stage", "id", "outcome", "first_outcome", "attempts", "choice", "confidence", "at")


_JOINERS = "\u200c\u200d"
"""Invisible, but needed to write some languages; every other invisible sign is taken out of a name."""


@dataclass(frozen=True)
class Export:
    """The file to hand in, and the same as a table for a spreadsheet; made by `progress.export`."""

    json_file: Path
    csv_file: Path

    def __repr__(self) -> str:
        return f"Hand in this file: {self.json_file}\nThe same as a table, for yourself: {self.csv_file}"


def write_export(file: Path, content: Mapping[str, Any]) -> Export:
    """Write an export and its table; a file of this name with other content stays, and the new one gets a number."""
    sealed = {**content, "checksum": checksum(content)}
    json_file = _write_new(file, json.dumps(sealed, indent=1, ensure_ascii=False) + "\n")
    return Export(json_file, _write_new(json_file.with_suffix(".csv"), _table(content["progress"])))


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


def _write_new(file: Path, text: str) -> Path:
    with said_if_unwritable(file):
        for number in itertools.count(1):
            path = file if number == 1 else file.with_name(f"{file.stem}-{number}{file.suffix}")
            if not path.exists():
                break
            if path.is_file() and _without_time(path.read_bytes()) == _without_time(text.encode()):
                return path
    write_atomically(path, text.encode())
    if os.name == "posix":
        # In a folder that is open to others, such as a shared one to hand in, the file is to be read by them.
        path.chmod(0o600 | path.parent.stat().st_mode & 0o044)
    return path


def _without_time(content: bytes) -> Any:
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        return json.loads(content) | {"exported_at": "", "checksum": ""}
    return content


def _table(progress: Mapping[str, Any]) -> str:
    word = {True: "right", False: "wrong"}
    rows = [
        ("answer", stage, name, word[of["right"]], word[of["first_right"]], of["attempts"], " ".join(of["choice"]),
         of["confidence"] or "", of["at"])
        for stage, answers in progress["answers"].items()
        for name, of in answers.items()
    ]  # fmt: skip
    rows += [
        ("exercise", of["stage"], name, of["outcome"], "", of["attempts"], "", "", of["at"])
        for name, of in progress["exercises"].items()
    ]
    rows += [
        ("part", stage, part, "seen", "", "", "", "", at)
        for stage, parts in progress["parts"].items()
        for part, at in parts.items()
    ]
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(TABLE_HEAD)
    writer.writerows([safe_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return stream.getvalue()
