"""The site of the course: `make site` writes the notebooks as they are stored and what learners look up as pages.

`make site TEACHER=1` adds what instructors, operators and maintainers need. Nothing is run and nothing is fetched,
neither when the site is built nor when it is read.
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from pages import binder_link, repository  # noqa: E402 - tools/ is not a package

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "Why MLOps manages the ML lifecycle"
version = release = PROJECT["version"]
author = PROJECT["authors"][0]["name"]
project_copyright = author
language = "en"

extensions = ["myst_nb"]
root_doc = "docs/home"
include_patterns = ["notebooks/*.ipynb", "docs/home.md", "docs/glossary.md", "data/README.md"]
if for_teachers := tags.has("teacher"):  # noqa: F821 - Sphinx defines it
    include_patterns += ["*.md", "docs/**.md"]
exclude_patterns = [".*", "build", "my_work", "node_modules"]
nitpicky = True

nb_execution_mode = "off"
nb_code_prompt_show, nb_code_prompt_hide = "Show the {type}", "Hide the {type}"
# The libraries that revive a stored widget would come from another machine, and find no kernel.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
myst_enable_extensions = ["html_image"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_js_files = ["course.js"]
html_sourcelink_suffix = ""
html_use_index = False
html_domain_indices = False

# Links are tried by `make nightly`, which needs a network. Some hosts answer readers only.
linkcheck_timeout = 30
linkcheck_retries = 3
linkcheck_workers = 4
linkcheck_allow_unauthorized = True

MENU = {
    "The six stages": ["notebooks/*"],
    "To look up": ["docs/glossary", "data/README"],
}
if for_teachers:
    MENU["To teach"] = ["docs/teaching/README", "docs/teaching/sunday*", "docs/teaching/*", "docs/class-report"]
    MENU["To run it for others"] = ["docs/hub", "docs/anywhere"]
    MENU["To change it"] = ["README", "CONTRIBUTING", "docs/what-holds", "docs/benchmarks"]
TOCTREE = "\n\n".join(
    "\n".join(
        ["```{toctree}", ":hidden:", f":caption: {caption}", ":glob:", "", *(f"/{page}" for page in pages), "```"]
    )
    for caption, pages in MENU.items()
)
PICTURE_ELSEWHERE = re.compile(r"!\[([^\]]*)\]\(https?:[^)]*\)")
LINK_TO_NOTEBOOK = re.compile(r"(\w+\.ipynb)#([\w-]+)")
LINK_IN_OUTPUT = re.compile(r'(href=\\"\w+)\.ipynb(?=[#\\])')


def make_fit_for_the_site(app: Sphinx, name: str, source: list[str]) -> None:
    """Adapt a page's source: no picture from another machine, links to parts as the site names them, a menu."""
    text = PICTURE_ELSEWHERE.sub(r"\1", source[0])
    # JupyterLab keeps the capitals of a heading in its anchor, the site does not.
    text = LINK_TO_NOTEBOOK.sub(lambda link: f"{link[1]}#{link[2].lower()}", text)
    if name.startswith("notebooks/"):
        text = LINK_IN_OUTPUT.sub(r"\1.html", fold_as_jupyterlab_does(text))
    source[0] = f"{text}\n{TOCTREE}\n" if name == root_doc else text


def fold_as_jupyterlab_does(text: str) -> str:
    """Take out the code of what only shows, fold the answer to a guess, drop the empty place of a widget."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        folded = cell["metadata"].get("jupyter", {})
        signs = {"source_hidden": "remove-input", "outputs_hidden": "hide-output"}
        cell["metadata"].setdefault("tags", []).extend(sign for fold, sign in signs.items() if folded.get(fold))
        if "outputs" in cell:
            cell["outputs"] = [output for output in cell["outputs"] if output.get("data") != {"text/plain": [" "]}]
    return json.dumps(notebook)


def complete_page(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Say at the head of a notebook's page what works on it, and lead to where everything does."""
    # The theme gives the menu's captions the role of a heading without a level.
    menu = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = menu.replace('role="heading"', 'role="heading" aria-level="2"')
    if not name.startswith("notebooks/"):
        return
    file = f"{name}.ipynb"
    note = f"""
<div class="run-it" role="note">
<p>This page shows the notebook with its stored outputs. Quizzes and cards work here; code, exercises, explorers and
the progress panel need a kernel.</p>
<p>{" ".join(f'<a class="button" href="{to}">{name}</a>' for name, to in ways_on(file).items())}</p>
</div>"""
    context["body"] = context["body"].replace("</h1>", f"</h1>{note}", 1)


def ways_on(file: str) -> dict[str, str]:
    """Return where a notebook's page leads, by what the button says; Binder and the whole need its address."""
    download = {"Download this notebook": f"../_sources/{file}"}
    if not repository():
        return download
    whole = {"Download the whole course": f"{repository()}/archive/HEAD.zip"}
    return {"Open in Binder": binder_link(file)} | download | whole


def open_at_home(app: Sphinx, error: Exception | None) -> None:
    """Let the folder open at its first page."""
    if error is None and app.builder.format == "html":
        to_home = f'<!DOCTYPE html><title>{project}</title><meta http-equiv="refresh" content="0; url={root_doc}.html">'
        Path(app.outdir, "index.html").write_text(to_home, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Connect the above."""
    app.connect("source-read", make_fit_for_the_site)
    app.connect("html-page-context", complete_page, priority=900)
    app.connect("build-finished", open_at_home)
