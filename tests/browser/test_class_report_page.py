"""The class report in a browser: whatever learners typed runs nothing, everyone can read it, and it fits its page."""

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
    sample_class.make_class(folder, learners=26)
    for number, name in enumerate(HOSTILE):
        sample_class.save(folder, f"{number}.json", sample_class.make_export(number, name, stages=1))
    (folder / "<b>not an export.json").write_text("{")
    return class_report.build(folder).html()


@pytest.fixture
def open_report(new_page):
    def opened(html, colour_scheme="light"):
        page = new_page(color_scheme=colour_scheme, viewport={"width": 1280, "height": 800})
        page.asked_for = []
        page.on("request", lambda request: page.asked_for.append(request.url.split(",")[0]))
        page.route(ADDRESS, lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto(ADDRESS)
        page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")
        return page

    return opened


def test_markup_in_names_is_shown_as_text_runs_nothing_and_asks_the_network_for_nothing(open_report, html):
    page = open_report(html)
    text = page.locator("body").inner_text()
    assert [name for name in (*HOSTILE, "<b>not an export.json") if name not in text] == []
    assert page.locator("script, svg, main b").count() == 0
    assert page.asked_for == [ADDRESS]
    page = open_report(html.replace("<h1>", "<script>window.ran = 1</script><h1>"))
    assert page.evaluate("() => window.ran") is None


@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
def test_the_page_has_no_accessibility_violation(open_report, html, colour_scheme):
    found = Axe().run(open_report(html, colour_scheme), options=RULES).response
    assert [violation["id"] for violation in found["violations"]] == []
    assert any(rule["id"] == "color-contrast" for rule in found["passes"])


def test_thirty_learners_fit_one_screen_and_their_table_fits_a_printed_page(open_report, html):
    page = open_report(html)
    table = page.locator("table.class")
    assert table.locator("tbody tr").count() == 30
    assert table.bounding_box()["height"] <= 800
    a4_within_margins = {"width": 703, "height": 1030}
    page.set_viewport_size(a4_within_margins)
    page.emulate_media(media="print")
    box = table.bounding_box()
    assert box["x"] + box["width"] <= a4_within_margins["width"]
    assert page.evaluate("() => document.documentElement.scrollWidth") <= a4_within_margins["width"]
