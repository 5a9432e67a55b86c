"""The service over HTTP, as a client meets it: its answers, its contract, its log and its counters."""

import itertools
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from depot_service import digits, easily_shocked_model, trained_model, validated
from fastapi import HTTPException
from prometheus_client.parser import text_string_to_metric_families

from mlops_lesson.deployment import registry, request_log, serving
from mlops_lesson.deployment.service import Parcel, Service

X, _ = digits()


@pytest.fixture
def client(server):
    return server.client


def a_body(**changes):
    return {"pixels": X[0].tolist(), "parcel_id": "100001"} | changes


def with_pixel(value):
    return a_body(pixels=[*X[0][:-1].tolist(), value])


def send(client, body):
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post("/predict", content=content, headers={"Content-Type": "application/json"})


def counters(client):
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(one.name, *sorted(one.labels.values())): one.value for family in families for one in family.samples}


def test_an_answer_is_the_models_names_its_version_and_is_logged_for_the_monitors(client):
    before = request_log.last_request()
    served = [client.post("/predict", json={"pixels": X[n].tolist(), "parcel_id": str(n)}).json() for n in range(30)]
    assert send(client, with_pixel(17)).status_code == 422
    scores = [one["probability"] for one in served]
    np.testing.assert_allclose(scores, trained_model().predict_proba(X[:30])[:, 1], atol=1e-9)
    assert [one["chute"] for one in served] == ["AB"[label] for label in trained_model().predict(X[:30])]
    assert {(one["alias"], one["version"]) for one in served} == {("champion", 1)}
    rows = request_log.read_requests(after=before)
    assert rows["parcel_id"].tolist() == [str(n) for n in range(30)]
    assert rows["score"].tolist() == scores
    assert set(zip(rows["role"], rows["version"], strict=True)) == {("champion", 1)}
    np.testing.assert_array_equal(rows[request_log.PIXEL_COLUMNS], X[:30])


BAD_REQUESTS = {
    "a pixel above 16": (with_pixel(16.01), "body.pixels.63: Input should be less than or equal to 16"),
    "a pixel below 0": (with_pixel(-1), "body.pixels.63: Input should be greater than or equal to 0"),
    "text for a pixel": (with_pixel("3"), "body.pixels.63: Input should be a valid number"),
    "not a number": (with_pixel(float("nan")), "body.pixels.63: Input should be a finite number"),
    "an integer beyond any float": (with_pixel(10**400), "body.pixels.63: Input should be"),
    "a pixel is missing": (a_body(pixels=[0] * 63), "body.pixels: List should have at least 64 items"),
    "a line break in the parcel's id": (a_body(parcel_id="1\n2"), "body.parcel_id: String should match"),
    "half a character as parcel id": ('{"pixels": [], "parcel_id": "\\ud800"}', "body.parcel_id"),
    "no JSON": ("pixels=1", "body.0: JSON decode error"),
}


@pytest.mark.parametrize(("body", "problem"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_a_bad_request_is_refused_by_the_name_of_its_field(client, body, problem):
    response = send(client, body)
    assert response.status_code == 422
    assert any(said.startswith(problem) for said in serving.problems(response)), response.text


def test_a_body_that_defeats_the_parser_is_too_large_or_never_ends_is_the_clients_fault(client):
    for body in (b"\xff\xfe\x00", "[" * 16_000, '{"pixels": [' + "1" * 5000 + "]}"):
        assert send(client, body).status_code == 400
    assert send(client, " " * 20_000).status_code == 413
    assert client.post("/predict", content=itertools.repeat(b"[", 3)).status_code == 411


@pytest.mark.parametrize("path", ["/predict", "/reload", "/rollout"])
def test_a_page_of_another_site_cannot_use_the_service(client, path):
    hosts = [{"Host": host} for host in ("evil.example", "127.0.0.1.evil.example", "")]
    for headers in [{"Origin": "http://evil.example"}, {"Origin": "null"}, *hosts]:
        assert client.post(path, json=a_body(mode="shadow"), headers=headers).status_code == 403


def test_counters_count_requests_by_status_and_the_time_of_answers(client):
    before = counters(client)
    client.post("/predict", json=a_body())
    send(client, "[]")
    grown = {key: value - before.get(key, 0) for key, value in counters(client).items()}
    assert (grown["depot_requests_total", "200"], grown["depot_requests_total", "422"]) == (2, 1)
    assert grown["depot_prediction_seconds_count",] == 1


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus is not installed")
def test_prometheus_own_check_accepts_the_metrics(client):
    text = client.get("/metrics").text
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("examples", [20, pytest.param(500, marks=pytest.mark.nightly)])
def test_schemathesis_finds_nothing_in_the_description(client, tmp_path, examples):
    registry.nominate(validated(trained_model(4)))
    # Its own list of ways to refuse lacks 413, for a body that is too large.
    refusals = 'negative_data_rejection.expected-statuses = ["4xx"]\n'
    (tmp_path / "schemathesis.toml").write_text(f"[checks]\n{refusals}")
    command = [Path(sys.executable).with_name("schemathesis"), "run", str(client.base_url.join("/openapi.json"))]
    command += ["--max-examples", str(examples), "--generation-deterministic"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert found.returncode == 0, found.stdout
    assert re.search(r"(\d+) generated, \1 passed", found.stdout), found.stdout


def test_a_model_that_fails_on_an_image_is_said_without_harm_to_the_next(server):
    version = validated(easily_shocked_model())
    registry.promote(version)
    server.reload()
    with pytest.raises(
        serving.ServingError, match=rf"\(503\): Version {version} could not answer: Found unknown categ"
    ):
        server.predict(with_pixel(0.5)["pixels"])
    assert server.predict([0] * 64)["version"] == version


class NoProbability:
    def predict_proba(self, images):
        return np.full((len(images), 2), np.nan)


def test_a_score_that_is_no_probability_is_neither_answered_nor_logged(client, monkeypatch):
    service, before = Service(), request_log.last_request()
    service.champion = registry.RegisteredModel(1, NoProbability(), None, {}, "")
    with pytest.raises(HTTPException, match="503: Version 1 could not answer") as refused:
        service.predict(Parcel(pixels=X[0].tolist()))
    assert "probability" in refused.value.detail
    assert request_log.last_request() == before


def log(*parcels):
    requests = request_log.RequestLog()
    for parcel in parcels:
        requests.write(parcel_id=parcel, role="champion", version=1, image=X[0], score=0.5)
    return requests


def test_a_log_that_was_deleted_begins_anew_and_one_that_cannot_be_written_is_counted(home):
    log("1")
    (home / "requests.db").unlink()
    assert log("7").failures == 0
    assert request_log.read_requests()["parcel_id"].tolist() == ["7"]
    (home / "requests.db").unlink()
    (home / "requests.db").mkdir()
    assert log("1").failures == 1


def test_the_log_begins_empty_and_stays_in_bounds(monkeypatch):
    monkeypatch.setattr(request_log, "ROWS_KEPT", 3)
    assert request_log.last_request() == 0
    assert request_log.read_requests().shape == (0, 6 + 64)
    log(*"01234")
    assert request_log.read_requests()["parcel_id"].tolist() == ["2", "3", "4"]
