import pytest

from mlops_lesson.quiz import Flashcard, flashcards


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
