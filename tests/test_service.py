"""The service over HTTP, as a client meets it: its answers, its contract, its log and its counters."""

import itertools
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from depot_service import digits, easily_shocked_model, fill_home, trained_model, validated
from fastapi import HTTPException
from prometheus_client.parser import text_string_to_metric_families

from mlops_lesson.deployment import registry, request_log, serving
from mlops_lesson.deployment.prediction import trace_prediction
from mlops_lesson.deployment.service import Service

X, y = digits()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_LESSON_HOME", str(folder))
        fill_home(folder)
        yield folder


@pytest.fixture(scope="module")
def client(home):
    with serving.serve() as server:
        yield server.client


def a_body(**changes):
    return {"pixels": X[0].tolist(), "parcel_id": "100001"} | changes


def with_pixel(value):
    return a_body(pixels=[*X[0][:-1].tolist(), value])


def send(client, body, path="/predict"):
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(path, content=content, headers={"Content-Type": "application/json"})


def counters(client):
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_an_answer_names_the_chute_the_probability_and_the_version(client):
    served = [client.post("/predict", json={"pixels": image.tolist()}).json() for image in X[:30]]
    np.testing.assert_allclose(
        [one["probability"] for one in served], trained_model().predict_proba(X[:30])[:, 1], atol=1e-9
    )
    assert [one["chute"] for one in served] == ["AB"[label] for label in trained_model().predict(X[:30])]
    assert {(one["alias"], one["version"]) for one in served} == {("champion", 1)}


def test_the_trace_shows_the_layers_that_the_kernel_computes_and_is_not_logged(client):
    before = request_log.last_request()
    served, here = client.post("/trace", json={"pixels": X[7].tolist()}).json(), trace_prediction(trained_model(), X[7])
    np.testing.assert_allclose(served["scaled"], here.scaled.ravel(), atol=1e-9)
    np.testing.assert_allclose(served["hidden"][0], here.hidden[0], atol=1e-9)
    assert served["probability"] == pytest.approx(here.probability, abs=1e-9)
    assert request_log.last_request() == before


BAD_REQUESTS = {
    "a pixel above 16": (with_pixel(16.01), "pixels[63]: Input should be less than or equal to 16"),
    "a pixel below 0": (with_pixel(-1), "pixels[63]: Input should be greater than or equal to 0"),
    "not a number": (with_pixel(float("nan")), "pixels[63]: Input should be a finite number"),
    "text for a pixel": (with_pixel("3"), "pixels[63]: Input should be a valid number"),
    "an integer beyond any float": (with_pixel(10**400), "pixels[63]: Input should be"),
    "a pixel is missing": (a_body(pixels=[0] * 63), "pixels: List should have at least 64 items"),
    "a pixel too many": (a_body(pixels=[0] * 65), "pixels: List should have at most 64 items"),
    "no pixels": ({"parcel_id": "1"}, "pixels: Field required"),
    "a line break in the parcel's id": (a_body(parcel_id="1\n2"), "parcel_id: String should match"),
    "a number as parcel id": (a_body(parcel_id=7), "parcel_id: Input should be a valid string"),
    "half a character as parcel id": ('{"pixels": [], "parcel_id": "\\ud800"}', "parcel_id"),
    "a list": ("[]", "body: Input should be a valid dictionary"),
    "no JSON": ("pixels=1", "body: JSON decode error"),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_is_refused_by_the_name_of_its_field(client, name):
    body, problem = BAD_REQUESTS[name]
    response = send(client, body)
    assert response.status_code == 422
    assert any(said.startswith(problem) for said in serving.problems(response)), response.text


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", "[" * 16_000, '{"pixels": [' + "1" * 5000 + "]}"])
def test_a_body_that_defeats_the_parser_is_the_clients_fault(client, body):
    assert send(client, body).status_code == 400


def test_too_large_a_body_and_one_of_unknown_length_are_refused_unread(client):
    assert send(client, " " * 20_000).status_code == 413
    assert client.post("/predict", content=itertools.repeat(b"[", 3)).status_code == 411


def test_another_method_is_refused_with_the_one_that_works(client):
    response = client.get("/predict")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/predict", "/reload", "/rollout"])
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example", "Origin": "http://evil.example"}]
    + [{"Host": host} for host in ("evil.example", "127.0.0.1.evil.example", "")],
)
def test_a_page_of_another_site_cannot_use_the_service(client, path, headers):
    assert client.post(path, json=a_body(mode="shadow"), headers=headers).status_code == 403


def test_counters_count_requests_by_status_and_answers_by_chute(client):
    before = counters(client)
    client.post("/predict", json=a_body())
    send(client, "[]")
    after = counters(client)
    for key in [
        ("depot_requests_total", "200"),
        ("depot_requests_total", "422"),
        ("depot_predictions_total", "champion", "1", "A"),
    ]:
        key = next(found for found in after if set(found) == set(key))
        grown = 2 if key == ("depot_requests_total", "200") else 1
        assert after[key] == before.get(key, 0) + grown, key
    assert after[("depot_model_version",)] == 1
    assert after[("depot_prediction_seconds_count",)] == before[("depot_prediction_seconds_count",)] + 1


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus is not installed")
def test_prometheus_own_check_accepts_the_metrics(client):
    text = client.get("/metrics").text
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("examples", [20, pytest.param(500, marks=pytest.mark.nightly)])
def test_schemathesis_finds_nothing_in_the_description(client, tmp_path, examples):
    registry.nominate(validated(trained_model(4)))
    command = [Path(sys.executable).with_name("schemathesis"), "run", str(client.base_url.join("/openapi.json"))]
    command += ["--max-examples", str(examples), "--generation-deterministic"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    client.post("/rollout", json={"mode": "off"})
    assert found.returncode == 0, found.stdout
    assert re.search(r"(\d+) generated, \1 passed", found.stdout), found.stdout


def test_a_model_that_fails_on_an_image_is_said_without_harm_to_the_next(client):
    version = validated(easily_shocked_model())
    registry.promote(version)
    client.post("/reload")
    failed, next_one = client.post("/predict", json=with_pixel(0.5)), client.post("/predict", json={"pixels": [0] * 64})
    registry.rollback()
    client.post("/reload")
    assert failed.status_code == 503
    assert failed.json()["detail"].startswith(f"Version {version} could not answer: Found unknown categories")
    assert next_one.json()["version"] == version


class NoProbability:
    def predict_proba(self, images):
        return np.full((len(images), 2), np.nan)


def test_a_score_that_is_no_probability_is_neither_answered_nor_logged(client):
    service, before = Service("champion"), request_log.last_request()
    service.now = replace(service.now, champion=replace(service.now.champion, model=NoProbability()))
    with pytest.raises(HTTPException, match="503: Version 1 could not answer") as refused:
        service.predict(X[0].tolist(), None)
    assert "probability" in refused.value.detail
    assert request_log.last_request() == before


ROW = {"role": "champion", "version": 1, "image": X[0], "score": 0.5}


class TestRequestLog:
    def test_holds_each_answer_with_what_the_monitors_need_and_no_refused_request(self, client):
        before = request_log.last_request()
        answer = client.post("/predict", json={"pixels": X[3].tolist(), "parcel_id": "100077"}).json()
        assert send(client, with_pixel(17)).status_code == 422
        (row,) = request_log.read_requests(after=before, pixels=True).to_dict("records")
        assert (row["parcel_id"], row["role"], row["version"]) == ("100077", "champion", 1)
        assert row["score"] == answer["probability"]
        assert [row[column] for column in request_log.PIXEL_COLUMNS] == X[3].tolist()

    def test_that_was_deleted_begins_anew_with_the_next_answer(self, client, home):
        client.post("/predict", json=a_body())
        (home / "requests.db").unlink()
        client.post("/predict", json=a_body(parcel_id="7"))
        assert request_log.read_requests()["parcel_id"].tolist() == ["7"]

    def test_that_cannot_be_written_never_fails_a_request_and_is_counted(self, tmp_path):
        (tmp_path / "requests.db").mkdir()
        log = request_log.RequestLog(tmp_path / "requests.db")
        assert not log.write(parcel_id=None, **ROW)
        (tmp_path / "requests.db").rmdir()
        assert log.write(parcel_id=None, **ROW)
        assert log.failures == 1
        log.close()

    def test_stays_in_bounds(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
        monkeypatch.setattr(request_log, "ROWS_KEPT", 3)
        for number in range(5):
            log = request_log.RequestLog(request_log.log_path())
            log.write(parcel_id=str(number), **ROW)
            log.close()
        assert request_log.read_requests()["parcel_id"].tolist() == ["1", "2", "3", "4"]

    def test_before_the_first_request_is_an_empty_table(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
        assert request_log.read_requests(pixels=True).shape == (0, 6 + 64)
        assert request_log.last_request() == 0
