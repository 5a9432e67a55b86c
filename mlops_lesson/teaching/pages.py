"""The HTML of what the room shows, from the templates beside this file."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mlops_lesson.show.page import OURS, inline, script

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_PAGES.globals |= {"ours": OURS, "script": script}
_PAGES.filters["inline"] = inline


def render(name: str, **values: Any) -> str:
    """Fill in the template of this name; what is not marked as safe is escaped."""
    return _PAGES.get_template(f"{name}.html.j2").render(values)
