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


def test_markup_is_text_in_the_browser_and_a_page_that_forgot_to_escape_would_run_it(open_page):
    assert nothing_ran(open_page("".join(page_of(what, MARK) for what in SHOWN)))
    assert not nothing_ran(open_page(f"<p>{MARK}</p>"))


def test_markup_stays_text_when_questions_are_answered_and_a_card_is_turned(open_page):
    page = open_page(quiz([QUESTION, ORDER], name=MARK)._repr_html_() + flashcards([CARD], MARK).html)
    question, order = page.locator("fieldset:has(> button)").all()
    for name, told in (("B. b", "Not yet."), ("A. <script>", "Right.")):
        question.get_by_label(name).first.check()
        question.get_by_role("button", name="Check answer").click()
        expect(question.get_by_role("status")).to_contain_text(told)
        expect(question.get_by_role("status")).to_contain_text(MARK)
    order.get_by_role("button", name="Move").last.click()
    order.get_by_role("button", name="Check answer").click()
    expect(order.get_by_role("status")).not_to_be_empty()
    page.locator("[data-mlops-card] summary").click()
    expect(page.locator("[data-mlops-card]").get_by_text(MARK).last).to_be_visible()
    assert nothing_ran(page)
