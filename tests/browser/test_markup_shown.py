"""Markup from a file or a person in a real page: it is read as text, and nothing in it is run, also after answering."""

import pytest
from marked import CARD, MARK, ORDER, QUESTION, SHOWN, page_of
from playwright.sync_api import expect

from mlops_lesson.teaching.quiz import flashcards, quiz

ADDRESS = "http://127.0.0.1/markup"
MAY_COME = "document.querySelectorAll('details').forEach(each => { each.open = true; })"


@pytest.fixture
def open_page(new_page):
    def opened(body):
        page = new_page()
        html = f"<!doctype html><html lang=en><meta charset=utf-8><title>Markup</title><body>{body}"
        page.route(ADDRESS, lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto(ADDRESS)
        return page

    return opened


def nothing_ran(page) -> bool:
    page.evaluate(f"() => {MAY_COME}")
    page.wait_for_load_state("networkidle")
    return page.evaluate("() => window.ran === undefined && !document.querySelector('img[src=x]')")


@pytest.mark.parametrize("what", SHOWN)
def test_markup_is_text_in_the_browser(open_page, what):
    assert nothing_ran(open_page(page_of(what, MARK)))


def test_markup_stays_text_when_a_question_is_answered_wrong_and_right(open_page):
    page = open_page(quiz([QUESTION], name=MARK)._repr_html_())
    status = page.get_by_role("status").first
    for name, told in (("B. b", "Not yet."), ("A. <script>", "Right.")):
        page.get_by_label(name).first.check()
        page.get_by_role("button", name="Check answer").click()
        expect(status).to_contain_text(told)
        expect(status).to_contain_text(MARK)
        assert nothing_ran(page)


def test_markup_stays_text_when_things_are_put_in_order(open_page):
    page = open_page(quiz([ORDER], name=MARK)._repr_html_())
    page.get_by_role("button", name="Move").last.click()
    page.get_by_role("button", name="Check answer").click()
    expect(page.get_by_role("status").first).not_to_be_empty()
    assert nothing_ran(page)


def test_markup_stays_text_when_a_card_is_turned(open_page):
    page = open_page(flashcards([CARD], MARK)._repr_html_())
    page.locator("summary").first.click()
    expect(page.get_by_text(MARK).first).to_be_visible()
    assert nothing_ran(page)


def test_a_page_that_forgot_to_escape_would_run_it(open_page):
    assert not nothing_ran(open_page(f"<p>{MARK}</p>"))
