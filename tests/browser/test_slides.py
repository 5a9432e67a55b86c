"""The slides are the notebooks' cells, fit on their slides, and need no network."""

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from notebook_checks import read_page
from slides import ROOT, deck, slide_cells

pytestmark = pytest.mark.nightly

NAMES = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
SHOW_WHOLE_SLIDE = """place => {
  const slide = Reveal.getSlides()[place], {h, v} = Reveal.getIndices(slide);
  Reveal.slide(h, v || 0, 999);
  const seen = [...slide.querySelectorAll('*')].filter(e => !e.closest('aside')).map(e => e.getBoundingClientRect());
  const top = slide.getBoundingClientRect().top;
  return [slide.innerText.slice(0, 40), Math.max(...seen.map(box => box.bottom - top)) / Reveal.getScale()];
}"""


def read(name):
    return nbformat.read(ROOT / "notebooks" / name, as_version=4)


def words(text):
    return "".join(text.split())


@pytest.fixture(scope="module", params=NAMES)
def opened(request, chromium, tmp_path_factory):
    file = tmp_path_factory.mktemp("slides") / request.param.replace(".ipynb", ".html")
    file.write_text(deck(read(request.param)), encoding="utf-8")
    page = chromium.new_page(viewport={"width": 1307, "height": 735})
    requests, faults = [], []
    page.on("request", lambda each: requests.append(each.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    yield page, request.param, requests, faults
    page.close()


def test_a_deck_shows_its_cells_fits_on_its_slides_and_asks_nothing_of_the_network(opened):
    page, name, requests, faults = opened
    slides = page.evaluate("Reveal.getTotalSlides()")
    assert slides > 20
    too_tall = [
        (text, height)
        for text, height in (page.evaluate(SHOW_WHOLE_SLIDE, place) for place in range(slides))
        if height > 720
    ]
    assert too_tall == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert faults == []
    assert page.evaluate("[...document.images].filter(i => !i.naturalWidth || !i.alt).length") == 0
    text = words(page.evaluate("document.querySelector('.slides').textContent"))
    for cell in slide_cells(read(name)):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and cell.metadata.slideshow.slide_type != "notes":
                assert words(output.text) in text, cell.id
            if "text/html" in output.get("data", {}):
                for element in read_page(output.data["text/html"])(("summary", "caption", "figcaption")):
                    assert words(element.get_text()) in text, cell.id
        if cell.cell_type == "code" and "slide-output" not in cell.metadata.get("tags", []):
            assert words(cell.source) in text, cell.id


def test_a_slide_with_a_table_and_one_with_a_question_can_be_read_by_everybody(opened):
    page, _, _, _ = opened
    for place in (5, page.evaluate("Reveal.getTotalSlides()") - 2):
        page.evaluate(SHOW_WHOLE_SLIDE, place)
        tags = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
        found = Axe().run(page, options=tags).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_tagged_cell_is_in_the_deck_and_a_quiz_is_one_slide_a_question(name):
    notebook = read(name)
    tagged = {cell.id for cell in notebook.cells if "slide_type" in cell.metadata.get("slideshow", {})}
    shown = [cell.id for cell in slide_cells(notebook)]
    page = deck(notebook)
    assert len(tagged) > 25
    assert all(f'id="cell-id={cell}"' in page for cell in shown)
    quizzes = {cell.split("-")[0] for cell in shown if cell not in tagged}
    assert len(quizzes) == 1
    assert len(tagged - set(shown)) == 1
    assert "<script>\nfunction" not in page


@pytest.mark.parametrize("name", NAMES)
def test_the_hint_of_a_question_is_folded_until_the_class_has_voted(name):
    asked = [cell for cell in slide_cells(read(name)) if "slide-quiz" in cell.metadata.get("tags", [])]
    pages = [cell.outputs[0].data["text/html"] for cell in asked]
    hinted = [page for page in pages if "data-hint" in page]
    assert len(hinted) > 4
    for page in hinted:
        (hint,) = read_page(page)(attrs={"data-hint": True})
        assert hint.find_parent("details")


def test_a_notebook_whose_first_slide_is_no_slide_is_refused():
    notebook = read(NAMES[0])
    notebook.cells = notebook.cells[1:2]
    with pytest.raises(ValueError, match="type 'slide'"):
        deck(notebook)
