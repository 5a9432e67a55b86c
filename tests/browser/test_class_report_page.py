"""The class report in a browser: whatever learners typed runs nothing, and everyone can read the page."""

import pytest
import sample_class
from axe_playwright_python.sync_playwright import Axe

from mlops_lesson.instructors import class_report

ADDRESS = "http://127.0.0.1/report"
HOSTILE = (
    "<script>window.ran = 1</script>",
    "<img src=x onerror=window.ran=1>",
    "</table></main><svg onload=window.ran=1>",
    "Ada",
)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    for number, name in enumerate(HOSTILE):
        sample_class.save(folder, f"{number}.json", sample_class.make_export(number, name, stages=1))
    (folder / "<b>not an export.json").write_text("{")
    return class_report.build(folder, sample_class.NOW).html()


@pytest.fixture
def open_report(new_page):
    def opened(html, colour_scheme="light"):
        page = new_page(color_scheme=colour_scheme)
        page.asked_for = []
        page.on("request", lambda request: page.asked_for.append(request.url.split(",")[0]))
        page.route(ADDRESS, lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto(ADDRESS)
        page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")
        return page

    return opened


def test_markup_in_names_is_shown_as_text_and_runs_nothing(open_report, html):
    page = open_report(html)
    text = page.locator("body").inner_text()
    assert [name for name in (*HOSTILE, "<b>not an export.json") if name not in text] == []
    assert page.evaluate("() => window.ran") is None
    assert page.locator("script, svg, main b").count() == 0


def test_a_script_that_got_into_the_page_would_not_run(open_report, html):
    page = open_report(html.replace("<h1>", "<script>window.ran = 1</script><h1>"))
    assert page.locator("script").count() == 1
    assert page.evaluate("() => window.ran") is None


def test_the_page_asks_the_network_for_nothing(open_report, html):
    asked_for = open_report(html).asked_for
    assert [each for each in asked_for if each != ADDRESS and not each.startswith("data:image/png")] == []


@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
def test_the_page_has_no_accessibility_violation(open_report, html, colour_scheme):
    found = Axe().run(open_report(html, colour_scheme), options=RULES).response
    assert [violation["id"] for violation in found["violations"]] == []
    assert any(rule["id"] == "color-contrast" for rule in found["passes"])


def test_no_word_of_a_table_is_broken_and_no_table_makes_the_page_wider(open_report, tmp_path):
    sample_class.make_class(tmp_path, learners=4)
    page = open_report(class_report.build(tmp_path, sample_class.NOW).html())
    page.set_viewport_size({"width": 1200, "height": 900})
    words = page.evaluate("""() => [...document.querySelectorAll('th, td')].flatMap((cell) =>
      [...cell.textContent.matchAll(/\\w+/g)].map((word) => {
        const range = document.createRange();
        range.setStart(cell.firstChild, word.index);
        range.setEnd(cell.firstChild, word.index + word[0].length);
        return [word[0], new Set([...range.getClientRects()].map((box) => box.top)).size];
      }))""")
    assert len(words) > 100
    assert [word for word, lines in words if lines > 1] == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 1200
