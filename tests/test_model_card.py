"""The model card says what was measured, names the weaknesses, and is kept."""

from dataclasses import replace

import pytest
from course_models import clean, trained

from mlops_lesson import pipeline
from mlops_lesson.evaluation import behaviour, slices
from mlops_lesson.model_card import write_card


@pytest.fixture(scope="module")
def verdict():
    return pipeline.validate(trained(30), clean())


@pytest.fixture(scope="module")
def card(verdict):
    return write_card(trained(30), verdict, clean())


def test_the_card_holds_the_measured_figures(card, verdict):
    text = card.to_markdown()
    assert f"Accuracy {verdict.accuracy:.3f}, 95 % interval {verdict.low:.3f} to {verdict.high:.3f}" in text
    assert all(reason in text for reason in verdict.reasons)


def test_the_card_says_what_the_model_learned_from(card):
    assert f"Version {clean().version[:12]}" in card.to_markdown()
    assert f"Training: {len(clean().part('train')[1])} images" in card.to_markdown()


def test_the_card_names_the_weakest_camera_and_the_worst_change(card):
    X_test, y_test = clean().part("test")
    cameras = clean().table.loc[clean().table["split"] == "test", "camera_id"]
    by_camera = slices(trained(30).model.predict(X_test) == y_test, cameras)["accuracy"]
    changes = behaviour(trained(30).model, X_test, y_test).set_index("test")["accuracy"]
    weaknesses = " ".join(dict(card.sections)["Known weaknesses"])
    assert f"Camera {by_camera.idxmin()} is the weakest, with {by_camera.min():.3f}" in weaknesses
    assert f"Images {changes.idxmin()}: accuracy {changes.min():.3f}" in weaknesses


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
    with pytest.raises(ValueError, match="Give the data it learned from, or train it again"):
        write_card(replace(trained(30), data_version="0" * 64), verdict, clean())
