"""How good a model is, how sure one can be, what the gate decides, what the card says, what the explorer answers."""

import numpy as np
import pandas as pd
import pytest
from course_models import clean, trained, validated
from scipy.stats import binom

from mlops_lesson import pipeline
from mlops_lesson.validation.behaviour import behaviour, dim, shift
from mlops_lesson.validation.explorer import cheapest, costs, explore_costs
from mlops_lesson.validation.gate import check_gate
from mlops_lesson.validation.measures import interval, mcnemar, plot_calibration, plot_seeds, slices
from mlops_lesson.validation.model_card import write_card


def test_the_interval_of_85_percent_of_300_reaches_below_85_percent():
    assert interval(255, 300) == pytest.approx((0.805, 0.886), abs=0.001)
    assert interval(268, 300)[0] >= 0.85 > interval(267, 300)[0]


def answers(only_one, only_other, both=5):
    one = [True] * only_one + [False] * only_other + [True] * both
    other = [False] * only_one + [True] * only_other + [True] * both
    return np.array(one), np.array(other)


def test_mcnemars_p_is_that_of_coin_tosses_on_the_disagreements_alone():
    assert mcnemar(*answers(21, 1)) == pytest.approx(2 * binom.cdf(1, 22, 0.5))
    assert mcnemar(*answers(5, 1, both=0)) == mcnemar(*answers(5, 1, both=500))
    assert mcnemar(*answers(0, 0)) == 1.0


def test_slices_count_every_group_with_its_own_interval_whatever_the_index():
    by = pd.Series([1, 1, 2, 2], index=[700, 3, 9, 1], name="camera_id")
    table = slices(np.array([True, False, True, True]), by)
    assert table.index.name == "camera_id"
    assert table["n"].tolist() == [2, 2]
    assert table["accuracy"].tolist() == [0.5, 1.0]
    assert table["low"].tolist() == [interval(1, 2)[0], interval(2, 2)[0]]


def test_calibration_is_drawn_part_by_part_with_counts_and_intervals():
    y, probability = np.array([0, 0, 1, 1]), np.array([0.1, 0.1, 0.9, 1.0])
    alt = plot_calibration({"test": (y, probability), "validation": (1 - y, probability)}, title="Shown").alt
    low, high = interval(0, 2)
    assert f"test, 2 images at 0.10: 0.00, {low:.2f} to {high:.2f}." in alt
    assert "test, 2 images at 0.95: 1.00" in alt
    assert "validation, 2 images at 0.95: 0.00" in alt


def test_the_figure_of_seeds_says_the_rank():
    shown = plot_seeds({1: 0.93, 28: 0.965, 7: 0.97}, 28)
    assert shown.caption == "Seed 28 is number 2 of 3"
    assert "0.930 to 0.970" in shown.alt


def one_pixel(row, column):
    image = np.zeros((1, 8, 8))
    image[0, row, column] = 16
    return image.reshape(1, -1)


@pytest.mark.parametrize(("columns", "rows"), [(1, 0), (-1, 0), (0, 1), (0, -1), (2, -3)])
def test_a_shift_moves_every_pixel_by_whole_pixels(columns, rows):
    assert (shift(one_pixel(4, 4), columns, rows) == one_pixel(4 + rows, 4 + columns)).all()
    assert shift(one_pixel(0, 7), 1).sum() == 0


def test_dim_lamps_keep_whole_grey_levels_and_every_change_is_measured():
    assert dim(np.array([[16.0, 5.0]])).tolist() == [[11.0, 4.0]]
    X, y = clean().part("test")
    moved = behaviour(trained(3).model, X, y)["moved right by 1 pixel"]
    assert moved == pytest.approx(trained(3).model.score(shift(X), y))


def first(n_right, n=200):
    return np.arange(n) < n_right


def ask_gate(right, baseline_right, cameras=None, **options):
    cameras = pd.Series(np.full(len(right), 3) if cameras is None else cameras, name="camera_id")
    return check_gate(np.zeros(len(right), dtype=int), np.where(right, 0.1, 0.9), baseline_right, cameras, **options)


@pytest.mark.parametrize(
    ("right", "baseline_right", "required", "failed"),
    [
        (190, 150, 0.85, []),
        (190, 150, 0.9, []),
        (190, 150, 0.95, [0]),
        (175, 100, 0.85, [0]),
        (192, 191, 0.85, [1]),
        (180, 198, 0.85, [1]),
    ],
)
def test_a_model_passes_if_its_interval_is_high_enough_and_the_baseline_beaten(right, baseline_right, required, failed):
    verdict = ask_gate(first(right), first(baseline_right), required=required)
    assert [number for number, reason in enumerate(verdict.reasons) if reason.startswith("failed")] == failed
    assert verdict.passed == (not failed)
    assert str(verdict).startswith(f"Gate {'REFUSED' if failed else 'PASSED'}: accuracy {right / 200:.3f} on 200")


def test_a_camera_that_is_clearly_too_weak_refuses_a_model_with_a_good_average_and_reasons_tell_numbers():
    verdict = ask_gate(first(185), first(120), np.where(np.arange(200) < 170, 1, 4))
    assert verdict.reasons == [
        f"passed: the accuracy's interval begins at {interval(185, 200)[0]:.3f}, the gate asks for 0.85",
        "passed: only this model is right on 65 images, only the baseline on 0, McNemar's p < 0.001",
        f"failed: the weakest camera, 4, has 0.500 on 30 images, its interval ends at {interval(15, 30)[1]:.3f}",
    ]
    assert verdict.failures == [verdict.reasons[2].removeprefix("failed: ")]


def test_three_epochs_are_refused_and_thirty_pass():
    assert (pipeline.validate(trained(3), clean()).passed, validated().gate.passed) == (False, True)


@pytest.fixture(scope="module")
def card():
    return write_card(trained(30), validated().gate, clean())


def test_the_card_holds_what_was_measured_and_names_risk_oversight_and_duties(card):
    verdict, text = validated().gate, card.markdown
    assert 'scope="row" style="text-align:left">Known weaknesses</th>' in card._repr_html_()
    assert f"Accuracy {verdict.accuracy:.3f}, 95 % interval {verdict.low:.3f} to {verdict.high:.3f}" in text
    assert text.partition("## Gate of 0.85: passed")[2].split("\n- ")[1:] == [
        *(f"{reason}." for reason in verdict.reasons[:-1]),
        f"{verdict.reasons[-1]}.\n",
    ]
    assert f"Training: {len(clean().part('train')[1])} images" in text
    X_test, y_test = clean().part("test")
    cameras = clean().table.loc[clean().table["split"] == "test", "camera_id"]
    by_camera = slices(trained(30).model.predict(X_test) == y_test, cameras)["accuracy"]
    changes = behaviour(trained(30).model, X_test, y_test)
    assert f"Camera {by_camera.idxmin()} is the weakest, with {by_camera.min():.3f}." in text
    assert f"Images moved left by 1 pixel: accuracy {min(changes.values()):.3f}." in text
    for word in ("Oversight", "Personal data", "EU AI Act", "Article 4"):
        assert word in text.partition("## Risk and oversight")[2]


def test_cards_of_different_models_are_saved_side_by_side(home, card):
    other = write_card(trained(3), pipeline.validate(trained(3), clean()), clean())
    assert card.save() == other.save() == "Saved: the model card, as a Markdown file in model_cards/"
    saved = {path.read_text(encoding="utf-8") for path in (home / "model_cards").iterdir()}
    assert saved == {card.markdown, other.markdown}


@pytest.mark.parametrize(("prices", "threshold", "minutes"), [((50, 1), 0.4, 1), ((1, 50), 0.71, 1), ((5, 5), 0.4, 5)])
def test_the_cheapest_threshold_is_that_of_the_prices(prices, threshold, minutes):
    y, probability = np.array([0, 0, 0, 1, 1, 1]), np.array([0.1, 0.3, 0.7, 0.4, 0.8, 0.9])
    by_threshold = costs(y, probability, *prices)
    assert (cheapest(by_threshold), by_threshold.min()) == (threshold, minutes)


def test_moving_a_price_moves_the_threshold_and_says_what_it_does_to_both_mistakes():
    explorer = explore_costs({"3 epochs": trained(3).model}, *clean().part("validation"))
    in_a, in_b, _ = explorer.controls
    X, y = clean().part("validation")
    probability, thresholds = trained(3).model.predict_proba(X)[:, 1], []
    prices_tried = ((30, 1), (5, 5), (1, 30))
    for prices in prices_tried:
        in_a.value, in_b.value = prices
        minutes = costs(y, probability, *prices)
        thresholds.append(cheapest(minutes))
        sent = probability >= thresholds[-1]
        assert f"threshold of {thresholds[-1]:.2f}: {minutes.min()} minutes" in explorer.text
        assert f"{(y[~sent] == 1).sum()} of the {(~sent).sum()} parcels in A and" in explorer.text
        assert f"recall {sent[y == 1].mean():.3f}" in explorer.text
    assert thresholds[0] < thresholds[1] < thresholds[2]
    far = [abs(threshold - b / (a + b)) for threshold, (a, b) in zip(thresholds, prices_tried, strict=True)]
    assert min(far[:2]) > 0.15
    assert far[2] < 0.05
