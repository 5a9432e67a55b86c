"""One prediction in three layers: each layer is what the model really computes."""

import numpy as np
import pytest
from course_models import clean, trained

from mlops_lesson.prediction import as_features, text_image, trace_prediction


@pytest.fixture(scope="module")
def image():
    return clean().part("test")[0][0].reshape(8, 8)


@pytest.fixture(scope="module")
def trace(image):
    return trace_prediction(trained(3).model, image)


def test_the_probability_is_the_models_own(trace, image):
    assert trace.probability == trained(3).model.predict_proba(image.reshape(1, -1))[0, 1]


def test_the_hidden_activations_lead_to_that_probability(trace):
    network = trained(3).model["network"]
    logit = trace.hidden[-1] @ network.coefs_[-1][:, 0] + network.intercepts_[-1][0]
    assert 1 / (1 + np.exp(-logit)) == pytest.approx(trace.probability, abs=1e-12)


def test_the_first_layer_holds_the_image_as_recorded_and_as_scaled(trace, image):
    assert (trace.image == image).all()
    assert trace.scaled.min() >= 0
    assert trace.scaled.max() <= 1


def test_the_threshold_decides_the_chute(image):
    model = trained(3).model
    probability = trace_prediction(model, image).probability
    assert trace_prediction(model, image, threshold=probability).chute == "B"
    assert trace_prediction(model, image, threshold=min(1.0, probability + 1e-9)).chute == "A"


def test_the_confidence_is_that_of_the_chosen_chute(trace):
    assert trace.confidence == max(trace.probability, 1 - trace.probability)


def test_table_text_and_figure_name_all_three_layers(trace):
    for shown in (" ".join(trace.to_frame()["layer"]), trace.to_text(), trace.plot().alt):
        assert all(name in shown for name in ("Input Data", "Model Inference", "Output Prediction"))


def test_all_forms_say_the_same_probability(trace):
    probability = f"{trace.probability:.3f}"
    assert probability in trace.to_frame()["values"].iloc[-1]
    assert probability in trace.to_text()
    assert f"{trace.probability:.2f} for chute B" in trace.plot().alt


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((16, 16)), r"shape \(8, 8\); got \(16, 16\)"),
        (np.full((8, 8), 255), "Grey levels lie between 0 and 16; got 255 to 255"),
        (np.full((8, 8), -1), "got -1 to -1"),
        (np.full((8, 8), np.nan), "finite numbers only"),
        ("an image", "a grid of 8 by 8 numbers; got str"),
        ([[1, 2], [3]], "a grid of 8 by 8 numbers; got list"),
    ],
)
def test_what_is_no_image_is_refused_with_what_was_given(image, words):
    with pytest.raises(ValueError, match=words):
        as_features(image)


def test_a_flat_row_and_a_grid_are_the_same_image(image):
    assert (as_features(image) == as_features(image.ravel())).all()


def test_the_text_image_is_bright_where_the_image_is():
    image = np.zeros((8, 8))
    image[2, 3] = 16
    assert text_image(image).splitlines()[2] == " " * 6 + "@@"
