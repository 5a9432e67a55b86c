"""One prediction in three layers: each layer is what the model really computes."""

import numpy as np
import pytest
from course_models import clean
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from mlops_lesson.deployment.prediction import PredictionTrace, trace_prediction


def test_every_layer_leads_to_the_next_and_the_last_to_the_models_own_probability():
    X, y = clean().part("train")
    scaler, network = MinMaxScaler(clip=True).fit(X), MLPClassifier((5, 4, 3), random_state=0)
    network.partial_fit(scaler.transform(X), y, classes=[0, 1])
    model = Pipeline([("scaler", scaler), ("network", network)])
    trace = trace_prediction(model, X[0].reshape(8, 8))
    assert [len(layer) for layer in trace.hidden] == [5, 4, 3]
    layers = [trace.scaled.ravel(), *trace.hidden]
    for before, after, weights, intercepts in zip(
        layers, trace.hidden, network.coefs_, network.intercepts_, strict=False
    ):
        np.testing.assert_allclose(after, np.maximum(before @ weights + intercepts, 0))
    logit = trace.hidden[-1] @ network.coefs_[-1][:, 0] + network.intercepts_[-1][0]
    assert 1 / (1 + np.exp(-logit)) == pytest.approx(trace.probability, abs=1e-12)
    assert trace.probability == model.predict_proba(X[:1])[0, 1]


def test_a_notebook_shows_figure_and_table_with_a_row_a_layer():
    image = np.zeros((8, 8))
    image[0, 1], image[7, 7] = 8, 16
    trace = PredictionTrace(image, image / 16, (np.array([0.0, 0.5]), np.array([2.0, 0.0, 1.0])), 0.25)
    assert trace.to_frame().to_numpy().tolist() == [
        ["1 Input Data", "pixels of the camera image, scaled to 0..1", "8 x 8",
         "grey 0 to 16, mean 0.38; scaled mean 0.023"],
        ["2 Model Inference", "activations of the hidden units", "2 + 3", "3 active, strongest 2.000"],
        ["3 Output Prediction", "probability of chute B, and the chute", "1", "0.250, so chute A"],
    ]  # fmt: skip
    alt = (
        "Three panels. Input Data: an 8 by 8 image with grey levels 0 to 16. Model Inference: 3 of 5 hidden units are "
        "active, unit 2 most with 2.00. Output Prediction: probability 0.75 for chute A and 0.25 for chute B."
    )
    assert repr(trace) == f"Figure: Chute A, with a probability of 0.75\n{alt}"
    page = trace._repr_html_()
    assert f'<img alt="{alt}"' in page
    assert "<caption" in page
