import pytest

from mlops_lesson.show.page import fold, script
from mlops_lesson.teaching.quiz import Flashcard, flashcards


def test_both_sides_of_every_card_are_readable_without_a_script():
    shown = flashcards(1)
    static = shown._repr_html_().split("<script>")[0]
    assert static.count("<details") == len(shown.cards)
    assert "What is the label delay?" in static
    assert "from the photograph to the first click" in static


def test_the_plain_text_twin_has_both_sides():
    assert repr(flashcards([Flashcard("p99", "What is a p99?", "99 of 100 are faster.")], "Latency")).splitlines() == [
        "Flashcards: Latency (1 cards)",
        "1. What is a p99?",
        "   99 of 100 are faster.",
    ]


@pytest.mark.parametrize(("front", "back", "field"), [("", "b", "front"), ("f", " ", "back")])
def test_a_card_with_an_empty_side_is_refused(front, back, field):
    with pytest.raises(ValueError, match=f"flashcard 'p99', field '{field}'"):
        Flashcard("p99", front, back)


def test_own_flashcards_need_at_least_one():
    with pytest.raises(ValueError, match="at least one Flashcard"):
        flashcards([])


def test_the_page_of_the_cards_folds_each_answer_away():
    shown = flashcards([Flashcard("p99", "What is `p99`?", "a < b"), Flashcard("p50", "And p50?", "Half.")], "A & B")
    assert shown._repr_html_() == (
        '<div class="mlops-lesson" data-mlops-cards><p><strong>Flashcards: A &amp; B.</strong> Say the answer aloud, '
        "then open the card.</p>"
        + fold("What is <code>p99</code>?", "<p>a &lt; b</p>", 'data-mlops-card="p99"')
        + fold("And p50?", "<p>Half.</p>", 'data-mlops-card="p50"')
        + f"{script('cards')}</div>"
    )


def test_own_cards_have_a_title_and_those_of_a_stage_its_name():
    assert flashcards([Flashcard("a", "b", "c")]).title == "Own cards"
    assert flashcards(6).title == "Monitoring & Maintenance"
