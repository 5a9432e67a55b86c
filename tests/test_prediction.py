"""One prediction in three layers: each layer is what the model really computes."""

import numpy as np
import pytest
from depot_service import digits, trained_model

from mlops_lesson.deployment.prediction import PredictionTrace, trace_prediction


def test_every_layer_leads_to_the_next_and_the_last_to_the_models_own_probability():
    X, model = digits()[0], trained_model()
    trace, network = trace_prediction(model, X[0].reshape(8, 8)), model["network"]
    np.testing.assert_array_equal(trace.scaled.ravel(), model["scaler"].transform(X[:1])[0])
    values = trace.scaled.ravel() @ network.coefs_[0] + network.intercepts_[0]
    np.testing.assert_allclose(trace.hidden, np.where(values > 0, values, 0))
    logit = trace.hidden @ network.coefs_[1][:, 0] + network.intercepts_[1][0]
    assert 1 / (1 + np.exp(-logit)) == pytest.approx(trace.probability, abs=1e-12)
    assert trace.probability == model.predict_proba(X[:1])[0, 1]


def test_a_notebook_shows_figure_and_table_with_a_row_a_layer():
    image = np.zeros((8, 8))
    image[0, 1], image[7, 7] = 8, 16
    trace = PredictionTrace(image, image / 16, np.array([0.0, 0.5, 2.0, 0.0, 1.0]), 0.25)
    alt = (
        "Three panels. Input Data: an 8 by 8 image with grey levels 0 to 16. Model Inference: 3 of 5 hidden units are "
        "active, unit 2 most with 2.00. Output Prediction: probability 0.75 for chute A and 0.25 for chute B. "
        "A dashed line marks 0.5: from there on, chute B."
    )
    assert repr(trace) == f"Figure: Chute A, with a probability of 0.75\n{alt}"
    page = trace._repr_html_()
    for said in (
        f'<img alt="{alt}"',
        "<caption",
        "grey 0 to 16, mean 0.38; scaled mean 0.023",
        "3 active, strongest 2.000",
        "0.250, so chute A",
    ):
        assert said in page
