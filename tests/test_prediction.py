"""One prediction in three layers: each layer is what the model really computes."""

from html import escape

import numpy as np
import pytest
from course_models import clean, trained
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from mlops_lesson.deployment.prediction import SHADES, PredictionTrace, as_features, text_image, trace_prediction


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


def test_every_hidden_layer_leads_to_the_next(image):
    X, y = clean().part("train")
    scaler, network = MinMaxScaler(clip=True).fit(X), MLPClassifier((5, 4, 3), random_state=0)
    network.partial_fit(scaler.transform(X), y, classes=[0, 1])
    trace = trace_prediction(Pipeline([("scaler", scaler), ("network", network)]), image)
    assert [len(layer) for layer in trace.hidden] == [5, 4, 3]
    layers = [trace.scaled.ravel(), *trace.hidden]
    for before, after, weights, intercepts in zip(
        layers, trace.hidden, network.coefs_, network.intercepts_, strict=False
    ):
        np.testing.assert_allclose(after, np.maximum(before @ weights + intercepts, 0))


def test_table_text_and_figure_name_all_three_layers(trace):
    for shown in (" ".join(trace.to_frame()["layer"]), trace.to_text(), trace.plot().alt):
        assert all(name in shown for name in ("Input Data", "Model Inference", "Output Prediction"))


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


SMALL = np.zeros((8, 8))
SMALL[0, 1], SMALL[7, 7] = 8, 16


def small_trace(*hidden, probability=0.25):
    return PredictionTrace(SMALL, SMALL / 16, tuple(np.array(layer) for layer in hidden), probability)


def test_the_brightest_and_the_darkest_image_are_images():
    assert as_features(np.full((8, 8), 16)).max() == 16
    assert as_features(np.zeros(64)).shape == (1, 64)


def test_the_text_of_a_prediction_draws_each_active_unit_as_long_as_it_is_strong():
    picture = text_image(SMALL)
    assert picture.splitlines()[0] == f"  {SHADES[round((len(SHADES) - 1) / 2)] * 2}"
    assert small_trace([0.0, 0.5, 1.0]).to_text().splitlines() == [
        "Layer 1, Input Data: 8 x 8 grey levels",
        *picture.splitlines(),
        "",
        "Layer 2, Model Inference: hidden layer, 3 activations",
        "  unit  1   0.500 ##########",
        "  unit  2   1.000 ####################",
        "  1 units stay at 0",
        "",
        "Layer 3, Output Prediction",
        "  probability of chute B 0.250, threshold 0.50: chute A",
    ]


def test_hidden_layers_are_counted_where_there_are_two():
    lines = small_trace([1.0], [0.0, 0.0], probability=0.5).to_text().splitlines()
    assert "Layer 2, Model Inference: hidden layer 1 of 2, 1 activations" in lines
    assert "Layer 2, Model Inference: hidden layer 2 of 2, 2 activations" in lines
    assert lines[-1].endswith("chute B")


def test_the_table_of_a_prediction_has_a_row_a_layer():
    table = small_trace([0.0, 0.5], [2.0, 0.0, 1.0]).to_frame()
    assert table.columns.tolist() == ["layer", "what", "size", "values"]
    assert table.to_numpy().tolist() == [
        ["1 Input Data", "pixels of the camera image, scaled to 0..1", "8 x 8",
         "grey 0 to 16, mean 0.38; scaled mean 0.023"],
        ["2 Model Inference", "activations of the hidden units", "2 + 3", "3 active, strongest 2.000"],
        ["3 Output Prediction", "probability of chute B, and the chute", "1", "0.250, so chute A"],
    ]  # fmt: skip


def test_a_notebook_shows_figure_table_and_text():
    trace = small_trace([0.0, 0.5], [2.0])
    alt = (
        "Three panels. Input Data: an 8 by 8 image with grey levels 0 to 16. Model Inference: 2 of 3 hidden units are "
        "active, unit 2 most with 2.00. Output Prediction: probability 0.75 for chute A and 0.25 for chute B."
    )
    assert repr(trace) == f"Figure: Chute A, with a probability of 0.75\n{alt}\n{trace.to_text()}"
    page = trace._repr_html_()
    assert f'<img alt="{alt}"' in page
    assert "<caption" in page
    assert f"<pre>{escape(trace.to_text())}</pre>" in page
