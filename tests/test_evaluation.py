"""How good a model is, how sure one can be, and what the gate decides."""

import math

import numpy as np
import pandas as pd
import pytest
from course_models import clean, trained
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from mlops_lesson import pipeline
from mlops_lesson.validation import measures as evaluation
from mlops_lesson.validation.behaviour import add_noise, behaviour, dim, shift
from mlops_lesson.validation.gate import GateResult, check_gate
from mlops_lesson.validation.measures import interval, mcnemar


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_the_measured_accuracy_within_0_and_1(counts):
    n_right, n = counts
    low, high = interval(n_right, n)
    assert 0 <= low <= n_right / n + 1e-12
    assert n_right / n - 1e-12 <= high <= 1


def test_the_interval_is_wilsons():
    n_right, n, z = 255, 300, 1.959963984540054
    share = n_right / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert interval(n_right, n) == pytest.approx((centre - half, centre + half))


def test_85_percent_of_300_images_do_not_prove_85_percent():
    assert interval(255, 300)[0] < 0.85 < interval(268, 300)[0]


@pytest.mark.parametrize(("n_right", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_counts_that_do_not_fit_are_refused(n_right, n):
    with pytest.raises(ValueError, match=f"got {n_right} of {n}"):
        interval(n_right, n)


def answers(only_one, only_other, both=5):
    one = [True] * only_one + [False] * only_other + [True] * both
    other = [False] * only_one + [True] * only_other + [True] * both
    return np.array(one), np.array(other)


def test_mcnemars_p_is_that_of_the_coin_tosses_on_disagreements():
    expected = 2 * binom.cdf(1, 22, 0.5)
    assert mcnemar(*answers(21, 1)) == pytest.approx(expected)


def test_images_both_get_right_do_not_change_the_paired_test():
    assert mcnemar(*answers(5, 1, both=0)) == mcnemar(*answers(5, 1, both=500))


def test_models_right_on_the_same_images_do_not_differ():
    assert mcnemar(*answers(0, 0)) == 1.0


def test_answers_to_different_images_cannot_be_paired():
    with pytest.raises(ValueError, match="the same images: got 3 and 2 answers"):
        mcnemar(np.ones(3), np.ones(2))


def test_slices_count_every_group_with_its_own_interval():
    table = evaluation.slices(np.array([True, False, True, True]), pd.Series([1, 1, 2, 2], name="camera_id"))
    assert table.index.name == "camera_id"
    assert table["n"].tolist() == [2, 2]
    assert table["accuracy"].tolist() == [0.5, 1.0]
    assert table["low"].tolist() == [interval(1, 2)[0], interval(2, 2)[0]]


def test_slices_do_not_mind_the_index_of_the_groups():
    by = pd.Series([1, 2], index=[700, 3], name="camera_id")
    assert evaluation.slices(np.array([True, False]), by)["accuracy"].tolist() == [1.0, 0.0]


LABELS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=50)


@given(LABELS)
def test_the_confusion_matrix_is_scikit_learns(pairs):
    y, predicted = (np.array(values) for values in zip(*pairs, strict=True))
    counts = evaluation.confusion(y, predicted)
    assert (counts.to_numpy() == confusion_matrix(y, predicted, labels=[0, 1])).all()


def test_the_confusion_matrix_is_named_in_words():
    counts = evaluation.confusion(np.array([0, 1, 1]), np.array([1, 1, 0]))
    assert counts.loc["belongs to A", "sent to B"] == 1
    assert counts.loc["belongs to B", "sent to A"] == 1


@pytest.mark.parametrize("kind", [bool, float, np.int8])
def test_labels_of_every_kind_are_counted_alike(kind):
    y, predicted = np.array([0, 1, 1, 1]), np.array([1, 1, 0, 1])
    expected = [[0, 1], [1, 2]]
    assert evaluation.confusion(y.astype(kind), predicted).to_numpy().tolist() == expected
    assert evaluation.confusion(y, predicted.astype(kind)).to_numpy().tolist() == expected


def test_labels_and_answers_must_agree_in_number():
    with pytest.raises(ValueError, match="got 2 labels, 1 predictions"):
        evaluation.confusion(np.array([0, 1]), np.array([1]))


def test_precision_and_recall_are_scikit_learns():
    y, predicted = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    assert evaluation.precision_recall(y, predicted) == (precision_score(y, predicted), recall_score(y, predicted))


def test_precision_without_a_parcel_sent_to_b_is_no_number():
    precision, recall = evaluation.precision_recall(np.array([0, 1]), np.array([0, 0]))
    assert math.isnan(precision)
    assert recall == 0


def test_calibration_compares_what_is_said_with_what_happens():
    table = evaluation.calibration(np.array([0, 0, 1, 1]), np.array([0.1, 0.05, 0.9, 1.0]), n_bins=2)
    assert table["n"].tolist() == [2, 2]
    assert table["predicted"].tolist() == pytest.approx([0.075, 0.95])
    assert table["observed"].tolist() == [0.0, 1.0]
    assert table[["from", "to"]].to_numpy().tolist() == [[0.0, 0.5], [0.5, 1.0]]


def test_a_group_of_calibration_begins_where_the_one_before_it_ends():
    table = evaluation.calibration(np.array([0, 1, 1]), np.array([0.05, 0.15, 1.0]), n_bins=10)
    assert table[["from", "to"]].to_numpy().tolist() == [[0, 0.1], [0.1, 0.2], [0.9, 1]]


def test_calibration_loses_no_image():
    X, y = clean().part("test")
    probability = trained(3).model.predict_proba(X)[:, 1]
    assert evaluation.calibration(y, probability)["n"].sum() == len(y)


@pytest.mark.parametrize("probability", [[1.2, 0.1], [math.nan, 0.1], [0.1]])
def test_what_is_no_probability_is_refused(probability):
    with pytest.raises(ValueError, match="a label and a probability between 0 and 1"):
        evaluation.calibration(np.array([0, 1]), np.array(probability))


def one_pixel(row, column):
    image = np.zeros((1, 8, 8))
    image[0, row, column] = 16
    return image.reshape(1, -1)


@pytest.mark.parametrize(("columns", "rows"), [(1, 0), (-1, 0), (0, 1), (0, -1), (2, -3)])
def test_a_shift_moves_every_pixel(columns, rows):
    moved = shift(one_pixel(4, 4), columns, rows)
    assert (moved == one_pixel(4 + rows, 4 + columns)).all()


def test_what_is_shifted_over_the_edge_is_lost():
    assert shift(one_pixel(0, 7), 1).sum() == 0


def test_dimming_stays_on_the_cameras_grey_levels():
    assert dim(np.array([[16.0, 5.0]])).tolist() == [[11.0, 4.0]]


def test_noise_is_the_same_every_time_and_stays_within_the_grey_levels():
    X = clean().part("test")[0]
    noisy = add_noise(X)
    assert (noisy == add_noise(X)).all()
    assert (noisy.min(), noisy.max()) == (0, 16)
    assert not (noisy == X).all()


def test_behavioural_tests_are_measured_against_the_unchanged_images():
    table = behaviour(trained(3).model, *clean().part("test")).set_index("test")
    assert table.loc["unchanged", "change"] == 0
    shifted = shift(clean().part("test")[0], 1)
    expected = trained(3).model.score(shifted, clean().part("test")[1])
    assert table.loc["shifted right by 1 pixel", "accuracy"] == pytest.approx(expected)


class Answers:
    """A model that is right where it is told to be."""

    def __init__(self, right):
        self.right = np.asarray(right)

    def predict(self, X):
        return np.where(self.right, 0, 1)

    def predict_proba(self, X):
        return np.where(self.right[:, None], [[0.9, 0.1]], [[0.1, 0.9]])


def ask_gate(right, baseline_right, cameras=None, **options):
    n = len(right)
    cameras = pd.Series(np.zeros(n, dtype=int) if cameras is None else cameras, name="camera_id")
    return check_gate(
        Answers(right), np.zeros((n, 64)), np.zeros(n, dtype=int), cameras, Answers(baseline_right), **options
    )


def first(n_right, n=200):
    return np.arange(n) < n_right


def test_a_good_model_passes_with_three_reasons():
    verdict = ask_gate(first(190), first(150))
    assert verdict.passed
    assert [reason.split(":")[0] for reason in verdict.reasons] == ["passed"] * 3
    assert verdict.failures == ()


def test_the_reasons_of_a_verdict_hold_the_figures_of_each_rule():
    low, high = interval(190, 200)
    assert ask_gate(first(190), first(150), cameras=np.full(200, 3)).reasons == (
        f"passed: the accuracy's interval begins at {low:.3f}, the gate asks for 0.85",
        "passed: the baseline has 0.750 on the same images, McNemar's test p < 0.001",
        f"passed: the weakest camera, 3, has 0.950 on 200 images, its interval ends at {high:.3f}",
    )


@pytest.mark.parametrize(("only_model", "words"), [(10, "p = 0.002"), (11, "p < 0.001")])
def test_a_p_value_is_told_to_three_digits_or_as_smaller_than_they_show(only_model, words):
    right = first(195)
    baseline_right = right & (np.arange(200) >= only_model)
    assert ask_gate(right, baseline_right).reasons[1].endswith(f"on the same images, McNemar's test {words}")


def test_an_accuracy_above_the_gate_is_not_enough_if_it_is_not_proven():
    verdict = ask_gate(first(175), first(100))
    assert verdict.accuracy > verdict.threshold > verdict.low
    assert not verdict.passed
    assert len(verdict.failures) == 1
    assert verdict.failures[0].startswith(f"the accuracy's interval begins at {verdict.low:.3f}")


def test_a_model_no_better_than_the_baseline_is_refused():
    verdict = ask_gate(first(192), first(191))
    assert not verdict.passed
    assert "the baseline has 0.955" in verdict.failures[0]


def test_a_baseline_that_is_clearly_better_does_not_count_as_beaten():
    verdict = ask_gate(first(180), first(198))
    assert not verdict.passed
    assert "p < 0.001" in verdict.failures[0]


def test_a_camera_proven_bad_refuses_a_model_with_a_good_average():
    cameras = np.where(np.arange(200) < 170, 1, 4)
    verdict = ask_gate(first(185), first(120), cameras)
    assert verdict.low > verdict.threshold
    assert not verdict.passed
    assert verdict.failures == (
        f"the weakest camera, 4, has 0.500 on 30 images, its interval ends at {interval(15, 30)[1]:.3f}",
    )


def test_the_gate_can_be_set_higher():
    assert ask_gate(first(190), first(150), threshold=0.9).passed
    assert not ask_gate(first(190), first(150), threshold=0.95).passed


def test_a_gate_without_images_is_refused():
    with pytest.raises(ValueError, match="needs images to judge by; got none"):
        ask_gate(first(0, 0), first(0, 0))


def test_a_verdict_survives_the_way_through_plain_values():
    verdict = ask_gate(first(175), first(100))
    assert GateResult.from_dict(verdict.to_dict()) == verdict


def test_a_verdict_in_words_names_the_result_and_every_reason():
    verdict = ask_gate(first(175), first(100))
    first_line, *reasons = str(verdict).splitlines()
    figures = f"accuracy 0.875 on 200 images, 95 % interval {verdict.low:.3f} to {verdict.high:.3f}"
    assert first_line == f"Gate REFUSED: {figures}"
    assert reasons == [f"- {reason}" for reason in verdict.reasons]
    assert str(ask_gate(first(190), first(150))).startswith("Gate PASSED: accuracy 0.950 on 200 images")


def test_three_epochs_are_refused_and_thirty_pass():
    assert not pipeline.validate(trained(3), clean()).passed
    assert pipeline.validate(trained(30), clean()).passed


def test_the_verdict_rests_on_the_test_images_only():
    verdict = pipeline.validate(trained(3), clean())
    X_test, y_test = clean().part("test")
    assert verdict.n == len(y_test)
    assert verdict.accuracy == pytest.approx(trained(3).model.score(X_test, y_test))
