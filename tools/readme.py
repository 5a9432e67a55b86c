"""Write the generated parts of README.md: ``python tools/readme.py``, or ``make readme``.

The Binder badge and links come from the repository's address, the one setting ``project.urls.Repository`` in
pyproject.toml; the grid of stages and ways to learn comes from the notebooks.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from mlops_lesson.stages import STAGES
from mlops_lesson.teaching.chooser import grid_markdown

ROOT = Path(__file__).resolve().parent.parent


def repository() -> str:
    """Return the repository's path on its host, such as "OWNER/REPOSITORY", from pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return urlsplit(project["urls"]["Repository"]).path.strip("/")


def binder_link(path: str) -> str:
    """Return the address at which Binder opens a file of the course in JupyterLab.

    Parameters
    ----------
    path : str
        Where the file lies in the course, such as ``"notebooks/01_data_collection.ipynb"``.

    Returns
    -------
    str
        The address.
    """
    return f"https://mybinder.org/v2/gh/{repository()}/HEAD?urlpath={quote(f'lab/tree/{path}', safe='')}"


def binder() -> str:
    """Return the Binder badge, which opens the first notebook, and a link for each notebook."""
    links = {stage: binder_link(f"notebooks/{stage.notebook}") for stage in STAGES}
    badge = f"[![Open in Binder](https://mybinder.org/badge_logo.svg)]({links[STAGES[0]]})"
    each = [f"[{stage.number} {stage.name}]({link})" for stage, link in links.items()]
    return f"{badge}\n\nOr open one stage in Binder: {', '.join(each)}."


def with_generated_parts(text: str) -> str:
    """Return a README with its generated parts written anew.

    Parameters
    ----------
    text : str
        The page, with a pair of markers for each part.

    Returns
    -------
    str
        The page with what belongs between the markers.

    Raises
    ------
    ValueError
        If a pair of markers is missing.
    """
    return with_parts(text, {"binder": binder(), "grid": grid_markdown()}, "README.md")


def with_parts(text: str, parts: Mapping[str, str], page: str) -> str:
    """Return a page with the text between its markers written anew.

    Parameters
    ----------
    text : str
        The page, with a pair of markers for each part.
    parts : mapping of str to str
        What belongs between the markers, by their name.
    page : str
        The page's name, for the error.

    Returns
    -------
    str
        The new page.

    Raises
    ------
    ValueError
        If a pair of markers is missing.
    """
    for name, content in parts.items():
        begin, end = f"<!-- begin generated: {name} -->", f"<!-- end generated: {name} -->"
        if not re.search(f"{re.escape(begin)}.*?{re.escape(end)}", text, re.DOTALL):
            raise ValueError(f"{page} has lost its markers {begin!r} and {end!r}: put them back where {name} belongs.")
        before, rest = text.split(begin, 1)
        text = f"{before}{begin}\n{content.strip()}\n{end}{rest.split(end, 1)[1]}"
    return text


def main() -> int:
    """Write the page, or say whether it is current."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not current")
    page = ROOT / "README.md"
    stored = page.read_text(encoding="utf-8")
    current = with_generated_parts(stored)
    if parser.parse_args().check:
        return int(stored != current)
    page.write_text(current, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
