"""A quiz in a plain page: what its script does, without JupyterLab around it."""

import json

import pytest
from playwright.sync_api import expect
from sample_questions import ALL, JOINS, ORDER

from mlops_lesson.teaching import progress
from mlops_lesson.teaching.quiz import flashcards, quiz

ADDRESS = "http://127.0.0.1/quiz"


@pytest.fixture
def open_page(new_page):
    def opened(*shown, width=1000, page=None, before=""):
        page = page or new_page(viewport={"width": width, "height": 900})
        body = before + "".join(f"<section>{each._repr_html_()}</section>" for each in shown)
        page.unroute_all()
        html = f"<!doctype html><html lang=en><meta charset=utf-8><title>Quiz</title><body>{body}"
        page.route(ADDRESS, lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto(ADDRESS)
        return page

    return opened


def in_browser(page, name):
    """What the browser has of this learner, under one name."""
    return page.evaluate(
        "key => JSON.parse(localStorage.getItem(key))", f"mlops_lesson/{progress.learner_number()}/{name}"
    )


def status(page):
    return page.get_by_role("status").first


def press_check(page):
    # Who presses twice has given one answer.
    page.get_by_role("button", name="Check answer").first.dblclick()


def choose(page, *names):
    for name in names:
        page.get_by_label(name).first.check()
    press_check(page)


def test_a_single_choice_tells_why_by_colour_sign_and_word_from_nothing_to_right(open_page):
    page = open_page(quiz([JOINS]))
    group = page.get_by_role("group", name="Question 1 of 1: Which join keeps all?")
    expect(group.get_by_role("radio", name="B. A left join")).to_be_visible()
    press_check(page)
    expect(status(page)).to_have_text("Choose an option first.")
    page.get_by_label("A left join").check()
    expect(page.get_by_text("Answered: 0 of 1.")).to_be_visible()
    colours = set()
    for option, sign, word, words in (
        ("An inner join", "\u2717", "Not yet.", ["joins never lose rows.", "Hint: Look <left>"]),
        ("No <join>", "\u2717", "Not yet.", ["Misconception: one table is enough."]),
        ("A left join", "\u2713", "Right.", ["It keeps every parcel."]),
    ):
        choose(page, option)
        expect(status(page)).to_contain_text(f"{sign} {word}")
        for each in words:
            expect(status(page)).to_contain_text(each)
        colours.add(page.locator(".mlops-verdict").evaluate("node => getComputedStyle(node).color"))
        # The right answer is not given away before the second try.
        given_away = expect(status(page).get_by_text("It keeps every parcel."))
        given_away.to_have_count(0) if option == "An inner join" else given_away.not_to_have_count(0)
    assert len(colours) == 2
    status(page).get_by_text("Every option and its reason").click()
    for option in JOINS.options:
        expect(status(page)).to_contain_text(option.reason.replace("`", ""))
    expect(page.get_by_text("Right at the first try: 0. Right by now: 1.")).to_be_visible()
    assert in_browser(page, "answers/own questions")["answers"]["which-join"]["attempts"] == 3
    expect(page.get_by_text("Saved in this browser. Run the cell of the progress panel")).to_be_visible()


def test_choose_all_tells_what_does_not_belong_and_how_many_are_missing(open_page):
    page = open_page(quiz([ALL]))
    choose(page, "A left join", "An inner join")
    expect(status(page)).to_contain_text("1 of your choices does not belong. 1 right option is missing.")
    expect(status(page)).to_contain_text("Misconception: joins never lose rows.")
    page.get_by_label("An inner join").uncheck()
    choose(page, "Counting")
    expect(status(page)).to_contain_text("Right.")


def test_an_order_is_made_by_keyboard_and_a_wrong_one_tells_where_to_look(open_page):
    page = open_page(quiz([ORDER]))
    press_check(page)
    expect(status(page)).to_have_text("Move the items into an order first.")
    page.locator("ol.mlops-order li").last.get_by_role("button", name="Move up").click()
    press_check(page)
    expect(status(page)).to_contain_text("stand in their place. Look at place")
    expect(status(page)).to_contain_text("belief that any order will do.")
    for place, option in enumerate(ORDER.options):
        now = page.locator("ol.mlops-order li > span").all_inner_texts()
        assert [text[:2] for text in now] == ["1.", "2.", "3."]
        for _ in range([text[3:] for text in now].index(option.text) - place):
            button = page.get_by_role("button", name=f"Move up: {option.text}")
            button.focus()
            page.keyboard.press("Enter")
            expect(button).to_be_focused()
            expect(status(page)).to_contain_text(f"{option.text}: now ")
    press_check(page)
    expect(status(page)).to_contain_text("Right.")
    status(page).get_by_text("Every option and its reason").click()
    expect(status(page)).to_contain_text("1. one one has its place.2. two two has its place.")


@pytest.mark.parametrize(
    ("sure", "option", "told"),
    [("certain", "An inner join", "You were certain"), ("a guess", "A left join", "You called it a guess")],
)
def test_confidence_can_be_stated_before_the_first_answer_and_is_answered(open_page, sure, option, told):
    page = open_page(quiz([JOINS]))
    page.get_by_label(sure).check()
    choose(page, option)
    expect(status(page)).to_contain_text(told)
    expect(page.get_by_label(sure)).to_be_hidden()


def test_an_answer_is_there_again_in_every_copy_and_when_the_page_is_opened_again(open_page):
    page = open_page(quiz([JOINS]), quiz([JOINS]))
    choose(page, "An inner join")
    second = page.locator("section").nth(1)
    expect(second.get_by_label("An inner join")).to_be_checked()
    expect(second.get_by_role("status").first).to_contain_text("Not yet.")
    expect(page.locator("section").first.get_by_label("An inner join")).to_be_checked()
    open_page(quiz([JOINS]), page=page)
    expect(page.get_by_label("An inner join")).to_be_checked()
    expect(status(page)).to_contain_text("Your earlier answer. \u2717 Not yet.")


def test_a_browser_that_saves_nothing_says_so_and_the_quiz_works(open_page):
    refuse = "<script>Storage.prototype.setItem = () => { throw new Error('full'); };</script>"
    page = open_page(quiz([JOINS]), before=refuse)
    choose(page, "A left join")
    expect(status(page)).to_contain_text("Right.")
    expect(page.get_by_text("Not saved in this browser")).to_be_visible()


def test_another_learner_in_the_same_browser_sees_none_of_it(open_page, home, monkeypatch):
    page = open_page(quiz([JOINS]), flashcards(1))
    choose(page, "A left join")
    page.locator("[data-known=true]").first.evaluate("button => button.click()")
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(home.with_name("another learner")))
    open_page(quiz([JOINS]), flashcards(1), page=page)
    expect(page.get_by_text("Answered: 0 of 1.")).to_be_visible()
    expect(page.get_by_text("Known: 0 of 6 cards.")).to_be_visible()
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(home))
    open_page(quiz([JOINS]), page=page)
    expect(status(page)).to_contain_text("Your earlier answer.")


def test_after_a_reset_elsewhere_the_quiz_is_empty_whatever_the_browser_has(open_page):
    page = open_page(quiz([JOINS]))
    choose(page, "A left join")
    progress.reset("own questions")
    open_page(quiz([JOINS]), page=page)
    expect(page.get_by_text("Answered: 0 of 1.")).to_be_visible()
    choose(page, "An inner join")
    open_page(quiz([JOINS]), page=page)
    expect(status(page)).to_contain_text("Your earlier answer.")


def test_an_answer_that_is_damaged_or_does_not_fit_an_edited_question_counts_as_not_given(open_page):
    key = f"mlops_lesson/{progress.learner_number()}/answers/own questions"
    page = None
    for question, choice in [(ORDER, ["A", "B"]), (ORDER, ["J"]), (JOINS, None), (JOINS, "A"), (JOINS, ["A", "B"])]:
        record = {"choice": choice, "right": True, "first_choice": choice, "first_right": True, "attempts": 3}
        state = json.dumps({"round": 0, "answers": {question.id: record}})
        page = open_page(quiz([question]), page=page, before=f"<script>localStorage[{key!r}] = {state!r};</script>")
        expect(page.get_by_text("Answered: 0 of 1.")).to_be_visible()
        expect(status(page)).to_be_empty()
    choose(page, "A left join")
    assert in_browser(page, "answers/own questions")["answers"]["which-join"]["attempts"] == 1
    open_page(quiz([JOINS]), page=page, before=f"<script>localStorage[{key!r}] = '{{damaged';</script>")
    choose(page, "A left join")
    expect(status(page)).to_contain_text("Right.")


def test_every_quiz_fits_a_narrow_screen_and_double_zoom(open_page):
    page = open_page(*map(quiz, range(1, 7)), *map(flashcards, range(1, 7)), width=320)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320
    page.set_viewport_size({"width": 640, "height": 900})
    page.evaluate("() => { document.documentElement.style.fontSize = '200%'; document.body.style.zoom = 2; }")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 640


def test_every_control_shows_its_focus(open_page):
    page = open_page(quiz([JOINS, ALL, ORDER]), flashcards(1))
    seen = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        tag, outline = page.evaluate(
            "() => [document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]"
        )
        if tag == "BODY":
            break
        assert outline == "solid", tag
        seen.add(tag)
    assert seen == {"INPUT", "BUTTON", "SUMMARY"}


def test_known_flashcards_are_counted_and_remembered_in_every_open_notebook(open_page):
    page = open_page(flashcards(1), flashcards(2))
    for section in (page.locator("section").nth(0), page.locator("section").nth(1)):
        section.locator("summary").first.click()
        button = section.get_by_role("button", name="I knew it").first
        plain = button.evaluate("node => getComputedStyle(node).backgroundColor")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(button).to_have_text("\u2713 I knew it")
        assert button.evaluate("node => getComputedStyle(node).backgroundColor") != plain
    open_page(flashcards(1), flashcards(2), page=page)
    expect(page.get_by_text("Known: 1 of 6 cards.")).to_have_count(2)
