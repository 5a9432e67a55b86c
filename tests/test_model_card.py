"""The model card says what was measured, names the weaknesses, and is kept."""

from dataclasses import replace

import pytest
from course_models import clean, trained

from mlops_lesson import pipeline
from mlops_lesson.validation.behaviour import behaviour
from mlops_lesson.validation.measures import slices
from mlops_lesson.validation.model_card import ModelCard, write_card


@pytest.fixture(scope="module")
def verdict():
    return pipeline.validate(trained(30), clean())


@pytest.fixture
def card(verdict):
    return write_card(trained(30), verdict, clean())


def test_the_card_holds_the_measured_figures(card, verdict):
    text = card.to_markdown()
    assert f"Accuracy {verdict.accuracy:.3f}, 95 % interval {verdict.low:.3f} to {verdict.high:.3f}" in text
    assert all(reason in text for reason in verdict.reasons)


def test_the_card_says_what_the_model_learned_from(card):
    assert f"Version {clean().version[:12]}" in card.to_markdown()
    assert f"Training: {len(clean().part('train')[1])} images" in card.to_markdown()


def test_every_line_of_the_card_is_what_was_measured_or_set(card, verdict):
    table = clean().table

    def part(name):
        seen_at = table.loc[table["split"] == name, "seen_at"]
        return f"{len(seen_at)} images, {seen_at.min().date()} to {seen_at.max().date()}"

    X_test, y_test = clean().part("test")
    right = trained(30).model.predict(X_test) == y_test
    rows = slices(right, table.loc[table["split"] == "test", "camera_id"]).reset_index().to_dict("records")
    sections, settings = dict(card.sections), trained(30).settings
    assert list(sections) == [
        *("Use", "Data", "Training", "Measured on the test images", "Known weaknesses", "Gate of 0.85: passed"),
    ]
    assert sections["Use"] == (
        "Reads the handwritten route digit of a parcel and picks chute A (digits 0 to 4) or B (5 to 9).",
        "For the depot's four cameras as they hang now. Not for other cameras, letters or printed digits.",
    )
    assert sections["Data"] == (
        f"Version {clean().version[:12]}, split by time. Labels are staff clicks, a few of them wrong.",
        f"Training: {part('train')}.",
        f"Validation, to choose settings: {part('validation')}.",
        f"Test, for the gate and this card only: {part('test')}.",
    )
    assert sections["Training"] == (
        f"Network of 32 hidden units, 30 epochs, learning rate 0.271, batches of {settings.batch_size}, "
        f"momentum {settings.momentum}, seed {settings.seed}.",
    )
    assert sections["Measured on the test images"] == (
        f"Accuracy {verdict.accuracy:.3f}, 95 % interval {verdict.low:.3f} to {verdict.high:.3f}; "
        f"log loss {verdict.loss:.3f}.",
        *(
            f"Camera {row['camera_id']}: {row['accuracy']:.3f} on {row['n']} images, "
            f"{row['low']:.3f} to {row['high']:.3f}."
            for row in rows
        ),
    )
    assert sections["Gate of 0.85: passed"] == verdict.reasons
    assert card.name == f"Model card: parcel chute, 30 epochs, seed {settings.seed}"


def test_the_card_as_markdown_has_a_heading_a_section_and_a_line_a_sentence():
    card = ModelCard("A card", (("One", ("first.", "second.")), ("Two", ("third.",))), "0" * 64)
    assert card.to_markdown() == repr(card) == "# A card\n\n## One\n\n- first.\n- second.\n\n## Two\n\n- third."


def test_the_card_as_a_page_is_one_table_and_nothing_in_it_is_taken_for_code():
    card = ModelCard("A <card>", (("One", ("first.", "a < b.")), ("<Two>", ("third.",))), "0" * 64)
    heading = '<tr><th scope="row" style="text-align:left;vertical-align:top">'
    cell = '</th><td style="text-align:left">'
    assert card._repr_html_() == (
        '<table><caption style="text-align:left">A &lt;card&gt;</caption><tbody>'
        f"{heading}One{cell}first.<br>a &lt; b.</td></tr>{heading}&lt;Two&gt;{cell}third.</td></tr></tbody></table>"
    )


def test_the_card_names_the_weakest_camera_and_the_worst_change(card):
    X_test, y_test = clean().part("test")
    cameras = clean().table.loc[clean().table["split"] == "test", "camera_id"]
    by_camera = slices(trained(30).model.predict(X_test) == y_test, cameras)["accuracy"]
    changes = behaviour(trained(30).model, X_test, y_test).set_index("test")["accuracy"]
    assert dict(card.sections)["Known weaknesses"] == (
        f"Camera {by_camera.idxmin()} is the weakest, with {by_camera.min():.3f}.",
        f"Images {changes.idxmin()}: accuracy {changes.min():.3f}. A person still reads the same digits.",
    )


def test_a_refused_models_card_says_so():
    card = write_card(trained(3), pipeline.validate(trained(3), clean()), clean())
    assert "## Gate of 0.85: refused" in card.to_markdown()


def test_the_card_is_shown_as_a_table_with_headers(card):
    page = card._repr_html_()
    assert "<caption" in page
    assert page.count('scope="row"') == len(card.sections)


def test_cards_of_different_models_are_kept_side_by_side(tmp_path, monkeypatch, card):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    other = write_card(trained(3), pipeline.validate(trained(3), clean()), clean())
    assert card.save() == f"Kept: {card.name}, as a Markdown file in model_cards/"
    other.save()
    kept = {path.read_text(encoding="utf-8") for path in (tmp_path / "model_cards").iterdir()}
    assert kept == {card.to_markdown() + "\n", other.to_markdown() + "\n"}


def test_a_card_is_not_written_on_other_data(verdict):
    with pytest.raises(ValueError, match="Give the data it learned from") as refusal:
        write_card(replace(trained(30), data_hash="0123456789abcdef" * 4), verdict, clean())
    assert str(refusal.value) == (
        f"The model learned from data version 0123456789ab, the data given are {clean().version[:12]}. "
        "Give the data it learned from, or train it again."
    )
