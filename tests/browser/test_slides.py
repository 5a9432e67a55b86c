"""The slides go in one direction, can be read from the back row, carry notes, and need no network."""

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from pages import PLANS
from slides import ROOT, deck, run_for_slides, slides_of, slides_of_plan

from mlops_lesson.stages import STAGES

# What is seen of a slide: its height, its smallest letters and those of its vector pictures, of 720 pixels.
LOOK = """place => {
  const slide = Reveal.getSlides()[place], scale = Reveal.getScale();
  Reveal.slide(place, 0, 999);
  const shown = [...slide.querySelectorAll('*')].filter(e => !e.closest('aside') && e.getClientRects().length);
  const folded = e => e.closest('details:not([open])') && !e.closest('summary');
  const worded = shown.filter(e => !folded(e) && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  const letters = worded.map(e => parseFloat(getComputedStyle(e).fontSize));
  for (const image of slide.querySelectorAll('img[src*="svg+xml"]')) {
    const svg = atob(image.src.split(',')[1]), [, width, height] = svg.match(/viewBox="0 0 ([\\d.]+) ([\\d.]+)"/);
    const drawn = Math.min(image.clientWidth / width, image.clientHeight / height);
    letters.push(...[...svg.matchAll(/font(?:-size)?: (?:\\w+ )*([\\d.]+)px/g)].map(found => found[1] * drawn));
  }
  const bottom = Math.max(...shown.map(e => e.getBoundingClientRect().bottom));
  return {
    heading: slide.querySelector('h1, h2, h3')?.innerText,
    height: (bottom - slide.getBoundingClientRect().top) / scale,
    letters: Math.min(...letters),
    notes: slide.querySelectorAll('aside').length,
  };
}"""


def stored(stage):
    return nbformat.read(ROOT / "notebooks" / stage.notebook, as_version=4)


@pytest.fixture
def show(chromium, tmp_path):
    """Open a deck; what it asks of another machine, and what it stumbles over, is a failure."""
    elsewhere, faults, pages = [], [], []

    def shown(slides):
        file = tmp_path / "deck.html"
        file.write_text(deck("A deck", slides), encoding="utf-8")
        page = chromium.new_page(viewport={"width": 1280, "height": 720})
        page.on("request", lambda each: elsewhere.append(each.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(file.as_uri())
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        pages.append(page)
        return page

    yield shown
    for page in pages:
        page.close()
    assert [url for url in elsewhere if not url.startswith(("file:", "data:", "blob:"))] == []
    assert faults == []


def unreadable(page):
    looks = [page.evaluate(LOOK, place) for place in range(page.evaluate("Reveal.getTotalSlides()"))]
    assert all(look["heading"] for look in looks)
    assert all(look["notes"] == 1 for look in looks)
    return [(place, look) for place, look in enumerate(looks) if look["height"] > 720 or look["letters"] < 20]


def test_the_right_arrow_leads_through_a_deck_that_everybody_can_read(show) -> None:
    slides = slides_of(STAGES[3], stored(STAGES[3]))
    page = show(slides)
    assert (
        len(slides) == page.evaluate("Reveal.getHorizontalSlides().length") == page.evaluate("Reveal.getTotalSlides()")
    )
    assert unreadable(page) == []
    assert page.evaluate("[...document.images].filter(i => !i.naturalWidth || !i.alt).length") == 0
    tags = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
    for place in (3, len(slides) - 2):
        page.evaluate(LOOK, place)
        found = Axe().run(page, options=tags).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


@pytest.mark.nightly
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_every_deck_can_be_read_and_its_figures_are_drawn_for_it(show, stage) -> None:
    page = show(slides_of(stage, run_for_slides(ROOT / "notebooks" / stage.notebook)))
    assert unreadable(page) == []
    assert page.evaluate("document.querySelectorAll('img[src*=\"svg+xml\"]').length") > 0


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_a_question_is_a_slide_whose_hint_is_folded_until_the_class_has_voted(stage) -> None:
    asked = [slide for slide in slides_of(stage, stored(stage)) if slide.asked]
    assert len(asked) > 4
    for slide in asked:
        _, shown, notes = slide.cells
        page = BeautifulSoup(shown.outputs[0].data["text/html"], "html.parser")
        assert slide.asked.text.split("`")[0] in page.get_text()
        assert all(hint.find_parent("details") for hint in page(attrs={"data-hint": True}))
        assert "| belief behind it |" in notes.source


@pytest.mark.parametrize("name", PLANS)
def test_the_deck_of_a_plan_holds_its_parts_and_its_votes(name) -> None:
    plan = PLANS[name]
    slides = slides_of_plan(plan, {stage: stored(stage) for stage in STAGES})
    assert [slide.asked.id for slide in slides if slide.asked] == list(plan.asks)
    parts = {part for parts in plan.taught().values() for part in parts}
    assert {slide.part.lower() for slide in slides if not slide.asked} == {"opening", *parts}
