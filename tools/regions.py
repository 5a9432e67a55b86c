"""Write the generated parts of a page, each between its pair of markers."""

import re
from pathlib import Path


def with_region(text: str, name: str, content: str, page: str = "README.md") -> str:
    """Return a page with one generated part written anew.

    Parameters
    ----------
    text : str
        The page, with the pair of markers of the part.
    name : str
        The name of the part, as its markers give it.
    content : str
        What belongs between the markers.
    page : str
        What messages call the page.

    Returns
    -------
    str
        The page.

    Raises
    ------
    ValueError
        If the pair of markers is missing.
    """
    begin, end = f"<!-- begin generated: {name} -->", f"<!-- end generated: {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{page} has lost its markers {begin!r} and {end!r}: put them back where {name} belongs.")
    return pattern.sub(lambda _: f"{begin}\n{content.strip()}\n{end}", text)


def write_region(file: Path, name: str, content: str) -> None:
    """Write one generated part of a page in its file."""
    text = with_region(file.read_text(encoding="utf-8"), name, content, file.name)
    file.write_text(text, encoding="utf-8", newline="\n")
