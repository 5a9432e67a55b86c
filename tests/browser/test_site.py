"""The site: built once without a network, then read as a visitor reads it, with no other machine to ask."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from guarded import offline_environment
from playwright.sync_api import Page, expect
from real_lab import AXE, COURSE, WCAG

from mlops_lesson.stages import STAGES

pytestmark = pytest.mark.nightly

ADDRESS = "http://127.0.0.1/site/"
NOTEBOOKS = [f"notebooks/{Path(stage.notebook).stem}.html" for stage in STAGES]
FOR_LEARNERS = {*NOTEBOOKS, "docs/home.html", "docs/glossary.html", "data/README.html"}
FETCHED = ("img", "script", "link", "iframe", "source")


def build(folder: Path, *setting: str) -> Path:
    """Build the site as `make site` does; a warning is a failure, and so is a wish for the network."""
    log = folder / "left_this_machine"
    would_do = subprocess.run(
        ["make", "-n", "--no-print-directory", "site", *setting], cwd=COURSE, capture_output=True, text=True, check=True
    ).stdout.replace("\\\n", " ")
    _, *options = would_do[would_do.index("-m sphinx") :].split()
    command = [sys.executable, "-m", *(option.replace("build/", f"{folder}/") for option in options)]
    done = subprocess.run(command, cwd=COURSE, env=offline_environment(log), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not log.exists(), log.read_text(encoding="utf-8")
    return Path(command[-1])


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("site"))


def read_pages(site: Path) -> dict[Path, BeautifulSoup]:
    return {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in site.rglob("*.html")}


def addresses(page: BeautifulSoup, *kinds: str) -> list[str]:
    return [tag.get("href") or tag.get("src", "") for tag in page(kinds) if tag.get("href") or tag.get("src")]


def broken_links(site: Path) -> list[str]:
    """Return every link within the site whose page, file or anchor is not there."""
    pages, broken = read_pages(site), []
    anchors = {path: {"", "top", *(tag["id"] for tag in page(id=True))} for path, page in pages.items()}
    for path, page in pages.items():
        for address in addresses(page, "a", *FETCHED):
            parts = urlsplit(address)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            inside = not parts.scheme and not parts.netloc
            if inside and (
                not target.is_file() or unquote(parts.fragment) not in anchors.get(target, {unquote(parts.fragment)})
            ):
                broken.append(f"{path.relative_to(site)}: {address}")
    return broken


def test_learners_get_the_notebooks_and_what_they_look_up_and_no_answers(site: Path) -> None:
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert pages - {"index.html", "search.html"} == FOR_LEARNERS
    sources = {path.name for path in (site / "_sources").rglob("*.md")}
    assert sources <= {"home.md", "glossary.md", "README.md"}


def test_teachers_get_every_page_and_no_broken_link(tmp_path: Path) -> None:
    everything = build(tmp_path, "TEACHER=1")
    documents = [
        path.relative_to(COURSE).with_suffix(".html") for path in (*COURSE.glob("*.md"), *COURSE.glob("docs/**/*.md"))
    ]
    assert [page for page in documents if not (everything / page).with_suffix(".html").is_file()] == []
    assert broken_links(everything) == []


def test_no_link_or_anchor_within_the_site_is_broken(site: Path) -> None:
    assert broken_links(site) == []


def test_nothing_that_a_page_shows_lies_on_another_machine(site: Path) -> None:
    fetched = {address for page in read_pages(site).values() for address in addresses(page, *FETCHED)}
    assert any("course.css" in address for address in fetched)
    assert [address for address in fetched if re.match(r"(https?:)?//", address)] == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^\"')]*", styles) == []


def test_a_notebooks_page_offers_the_notebook(site: Path) -> None:
    pages = read_pages(site)
    for name, stage in zip(NOTEBOOKS, STAGES, strict=True):
        button = pages[site / name].find("a", string="Download this notebook")
        offered = (site / name).parent / button["href"]
        assert json.loads(offered.read_bytes()) == json.loads((COURSE / "notebooks" / stage.notebook).read_bytes())


@pytest.fixture
def visit(site: Path, chromium):
    """Open a page of the site; whatever it asks of another machine is noted and refused."""
    contexts, elsewhere = [], []

    def answer(route) -> None:
        address = urlsplit(route.request.url)
        file = site / unquote(address.path).removeprefix("/site/")
        if not route.request.url.startswith(ADDRESS):
            elsewhere.append(route.request.url)
            return route.abort()
        return route.fulfill(path=file) if file.is_file() else route.fulfill(status=404)

    def visited(name: str, theme: str = "light") -> Page:
        contexts.append(
            chromium.new_context(color_scheme=theme, reduced_motion="reduce", viewport={"width": 1280, "height": 900})
        )
        page = contexts[-1].new_page()
        page.route("**/*", answer)
        page.goto(ADDRESS + name)
        return page

    yield visited
    for context in contexts:
        context.close()
    assert elsewhere == []


def test_the_search_finds_a_word_of_a_notebook_and_leads_to_it(visit) -> None:
    page = visit("docs/home.html")
    page.get_by_role("textbox", name="Search").fill("kilolux")
    page.get_by_role("textbox", name="Search").press("Enter")
    page.locator("#search-results").get_by_role("link", name="Data Collection").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Data Collection")


def test_a_way_to_learn_is_followed_from_one_notebook_to_the_next(visit) -> None:
    page = visit(NOTEBOOKS[0])
    page.locator("[data-mlops-chooser] summary").nth(1).click()
    page.get_by_role("link", name="Learn in 2 Data Preprocessing").click()
    expect(page.get_by_role("heading", name="Learn", exact=False, level=2)).to_be_in_viewport()


def test_what_needs_a_kernel_says_so_and_shows_what_is_stored(visit) -> None:
    page = visit(NOTEBOOKS[0])
    expect(page.get_by_role("note").filter(has_text="need a kernel")).to_be_visible()
    expect(page.get_by_text("To move its controls, select this cell").first).to_be_visible()
    expect(page.get_by_text("Run this cell to connect it to your kernel").first).to_be_visible()


def violations(page: Page) -> tuple[list[str], int]:
    """Audit a page: what is wrong, and how many pieces of text had their contrast checked."""
    page.evaluate(AXE)
    found = page.evaluate("rules => axe.run(document, { runOnly: rules })", WCAG)
    checked = sum(len(rule["nodes"]) for rule in found["passes"] if rule["id"] == "color-contrast")
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]], checked


# What is on a notebook's page was audited in JupyterLab; of the site's own look one page of each kind is enough.
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["docs/home.html", "search.html?q=drift", NOTEBOOKS[0]])
def test_a_page_has_no_barrier(visit, name: str, theme: str) -> None:
    page = visit(name, theme=theme)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(int(part) for part in re.findall(r"\d+", background)[:3]) < 60) == (theme == "dark")
    wrong, checked = violations(page)
    assert wrong == []
    assert checked > 20
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_buttons_code_and_quiz_are_reached_by_keyboard_with_a_visible_focus(visit) -> None:
    page = visit(NOTEBOOKS[0])
    wanted = {"Download this notebook", "Text, scrolls sideways", "Check answer"}
    for _ in range(250):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            "() => { const e = document.activeElement; return [e.ariaLabel || e.textContent.trim(),"
            " getComputedStyle(e).outlineStyle]; }"
        )
        if name in wanted:
            assert outline == "solid", name
            wanted.discard(name)
        if not wanted:
            break
    assert wanted == set()
