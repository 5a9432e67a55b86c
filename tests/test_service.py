import asyncio
import itertools
import json
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from depot_service import digits, easily_shocked_model, fill_home, trained_model, validated
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_lesson.deployment import registry, request_log, serving
from mlops_lesson.deployment.prediction import trace_prediction
from mlops_lesson.deployment.service import create_app

X, y = digits()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("MLOPS_LESSON_HOME", str(folder))
        fill_home(folder)
        yield folder


@pytest.fixture(scope="module")
def server(home):
    with serving.serve() as running:
        yield running


def a_body(**changes):
    return {"pixels": X[0].reshape(8, 8).tolist(), "parcel_id": "100001"} | changes


def with_pixel(value):
    rows = X[0].reshape(8, 8).tolist()
    rows[2][5] = value
    return a_body(pixels=rows)


class TestAnswer:
    def test_names_the_model_version_and_alias_and_the_chute(self, server):
        answer = server.predict(X[0], "100001")
        assert answer | {"probability": 0} == {
            "model": "parcel-chute",
            "version": 1,
            "alias": "champion",
            "probability": 0,
            "chute": "A",
            "trace": None,
        }

    def test_is_the_kernels_own_prediction(self, server):
        served = [server.predict(image.reshape(8, 8))["probability"] for image in X[:30]]
        np.testing.assert_allclose(served, trained_model().predict_proba(X[:30])[:, 1], rtol=0, atol=1e-9)

    def test_picks_the_chute_that_the_model_picks(self, server):
        served = [server.predict(image)["chute"] for image in X[:60]]
        assert served == ["AB"[label] for label in trained_model().predict(X[:60])]

    @pytest.mark.parametrize("number", [0, 7, 300])
    def test_shows_the_same_three_layers_as_the_kernel(self, server, number):
        served, here = server.trace(X[number]), trace_prediction(trained_model(), X[number])
        np.testing.assert_array_equal(served.image, here.image)
        np.testing.assert_allclose(served.scaled, here.scaled, rtol=0, atol=1e-9)
        np.testing.assert_allclose(np.concatenate(served.hidden), np.concatenate(here.hidden), rtol=0, atol=1e-9)
        assert served.probability == pytest.approx(here.probability, abs=1e-9)
        assert served.to_text() == here.to_text()


class TestRequestLog:
    def test_notes_each_answer_with_what_the_monitors_need(self, server):
        before = request_log.last_request()
        answer = server.predict(X[3], 100_077)
        (row,) = request_log.read_requests(after=before, pixels=True).to_dict("records")
        assert (row["parcel_id"], row["role"], row["version"]) == ("100077", "champion", 1)
        assert (row["score"], row["brightness"]) == (answer["probability"], X[3].mean())
        assert row["digest"] == request_log.input_digest(X[3])
        assert [row[column] for column in request_log.PIXEL_COLUMNS] == X[3].tolist()

    def test_is_read_by_parcel(self, server):
        for parcel in (200_001, 200_002, 200_003):
            server.predict(X[0], parcel)
        assert request_log.read_requests(parcel_ids=[200_001, 200_003])["parcel_id"].tolist() == ["200001", "200003"]

    def test_holds_no_refused_request(self, server):
        before = request_log.last_request()
        assert server.send(with_pixel(17)).status == 422
        assert request_log.read_requests(after=before).empty

    def test_that_cannot_be_written_never_fails_a_request(self, tmp_path):
        (tmp_path / "requests.db").mkdir()
        log = request_log.RequestLog(tmp_path / "requests.db")
        row = {"parcel_id": None, "role": "champion", "version": 1, "image": X[0].reshape(8, 8), "score": 0.5}
        assert not log.write(**row)
        (tmp_path / "requests.db").rmdir()
        assert log.write(**row)
        assert log.failures == 1
        log.close()

    def test_keeps_the_newest_rows_only(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
        monkeypatch.setattr(request_log, "ROWS_KEPT", 3)
        for number in range(5):
            log = request_log.RequestLog(request_log.log_path())
            log.write(parcel_id=str(number), role="champion", version=1, image=X[0].reshape(8, 8), score=0.5)
            log.close()
        assert request_log.read_requests()["parcel_id"].tolist() == ["1", "2", "3", "4"]

    def test_that_is_damaged_is_said_with_the_way_out(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
        (tmp_path / "requests.db").write_bytes(b"noise" * 1000)
        with pytest.raises(request_log.RequestLogError, match=r"requests\.db cannot be read.*rename the file"):
            request_log.read_requests()

    @pytest.mark.parametrize("journal", [None, b"", b"rows not moved yet"])
    def test_where_no_journal_can_be_made_is_read_as_it_is_unless_rows_wait_in_one(
        self, tmp_path, monkeypatch, journal
    ):
        monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
        log = request_log.RequestLog(request_log.log_path())
        log.write(parcel_id="7", role="champion", version=1, image=X[0].reshape(8, 8), score=0.5)
        log.close()
        if journal is not None:
            (tmp_path / "requests.db-wal").write_bytes(journal)
        ask = request_log._ask

        def without_journal(address, *rest):
            if "immutable" not in address:
                raise sqlite3.OperationalError("attempt to write a readonly database")
            return ask(address, *rest)

        monkeypatch.setattr(request_log, "_ask", without_journal)
        if journal:
            with pytest.raises(request_log.RequestLogError, match="readonly database"):
                request_log.read_requests()
        else:
            assert request_log.read_requests()["parcel_id"].tolist() == ["7"]

    def test_before_the_first_request_is_an_empty_table(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
        assert request_log.read_requests(pixels=True).shape == (0, 8 + 64)
        assert request_log.last_request() == 0


BAD_REQUESTS = {
    "a pixel above 16": (with_pixel(16.01), "pixels[2][5]: Input should be less than or equal to 16"),
    "a pixel below 0": (with_pixel(-1), "pixels[2][5]: Input should be greater than or equal to 0"),
    "a pixel that is not a number": (with_pixel(float("nan")), "pixels[2][5]: Input should be a finite number"),
    "an infinite pixel": (with_pixel(float("inf")), "pixels[2][5]: Input should be a finite number"),
    "text for a pixel": (with_pixel("3"), "pixels[2][5]: Input should be a valid number"),
    "a switch for a pixel": (with_pixel(True), "pixels[2][5]: Input should be a valid number"),
    "nothing for a pixel": (with_pixel(None), "pixels[2][5]: Input should be a valid number"),
    "an integer beyond any float": (with_pixel(10**400), "pixels[2][5]: Input should be"),
    "seven rows": (a_body(pixels=[[0] * 8] * 7), "pixels: List should have at least 8 items"),
    "nine columns": (a_body(pixels=[[0] * 9] * 8), "pixels[0]: List should have at most 8 items"),
    "64 numbers in a row": (a_body(pixels=[0] * 64), "pixels"),
    "no pixels": ({"parcel_id": "1"}, "pixels: Field required"),
    "a parcel id with a line break": (a_body(parcel_id="1\n2"), "parcel_id: String should match"),
    "a number as parcel id": (a_body(parcel_id=7), "parcel_id: Input should be a valid string"),
    "half a character as parcel id": ('{"pixels": [], "parcel_id": "\\ud800"}', "parcel_id"),
    "a field nobody asked for": (a_body(weight=3), "weight: Extra inputs are not permitted"),
    "half a character as field": ('{"\\ud800": 1}', "body"),
    "half a character as one more field": (json.dumps(a_body(**{"\ud800": 1})), ""),
    "a field in another alphabet": (a_body(ключ=1), ""),
    "a list": ("[]", "body: Input should be a valid dictionary"),
    "no JSON": ("pixels=1", "body: JSON decode error"),
    "no body": ("", "body: Field required"),
    "no text": (b"\xff\xfe\x00", "body"),
    "brackets without end": ("[" * 16_000, "body"),
    "a number of 5,000 digits": ('{"pixels": [[' + "1" * 5000 + "]]}", "body"),
}


class TestContract:
    @pytest.mark.parametrize("name", BAD_REQUESTS)
    def test_a_bad_request_is_refused_by_the_name_of_its_field(self, server, name):
        body, problem = BAD_REQUESTS[name]
        reply = server.send(body)
        assert reply.status == 422
        assert any(said.startswith(problem) for said in reply.problems), reply.problems

    def test_a_picture_in_0_to_255_is_refused_at_its_first_wrong_pixel(self, server):
        reply = server.send(a_body(pixels=X[0].reshape(8, 8) * 255 / 16))
        assert reply.problems[0] == "pixels[0][2]: Input should be less than or equal to 16"

    def test_a_request_with_many_faults_gets_ten_of_them_told(self, server):
        assert len(server.send(a_body(pixels=[[99] * 8] * 8)).problems) == 10

    def test_a_refused_request_raises_its_reasons_in_the_notebook(self, server):
        with pytest.raises(serving.ServingError, match=r"refused this \(422\): pixels\[0\]\[2\]: .* equal to 16"):
            server.predict(X[0] * 16)

    def test_too_large_a_body_is_refused_before_it_is_read(self, server):
        reply = server.send(" " * 20_000 + json.dumps(a_body()))
        assert (reply.status, reply.problems[0][:43]) == (413, "body: The body is larger than 16384 bytes; ")

    def test_too_large_a_body_in_pieces_is_refused_too(self, server):
        pieces = itertools.repeat(b"[" * 1000, 50)
        response = server._client.post("/predict", content=pieces, headers={"Content-Type": "application/json"})
        assert response.status_code == 413

    def test_a_body_in_pieces_is_answered(self, server):
        text = json.dumps(a_body()).encode()
        pieces = iter([text[:100], text[100:]])
        response = server._client.post("/predict", content=pieces, headers={"Content-Type": "application/json"})
        assert response.json()["chute"] == "A"

    def test_a_client_that_hangs_up_in_mid_request_harms_nobody(self, server):
        with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1]))) as line:
            line.sendall(b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n{")
        assert server.predict(X[0])["chute"] == "A"

    def test_a_page_on_another_host_name_gets_no_answer(self, server):
        assert server._client.get("/health", headers={"Host": "evil.example"}).status_code == 400

    def test_other_paths_and_methods_are_refused_in_the_same_form(self, server):
        assert server.request("GET", "/nowhere").problems == ["path: Not Found"]
        assert server.request("GET", "/predict").problems == ["path: Method Not Allowed"]

    def test_openapi_names_the_limits_and_the_refusals(self, server):
        described = server.openapi()
        rows = described["components"]["schemas"]["Parcel"]["properties"]["pixels"]
        assert (rows["minItems"], rows["maxItems"]) == (8, 8)
        assert (rows["items"]["items"]["minimum"], rows["items"]["items"]["maximum"]) == (0, 16)
        assert {"200", "403", "408", "413", "422", "503"} == set(described["paths"]["/predict"]["post"]["responses"])

    def test_the_page_for_people_needs_no_script_and_no_network(self, server):
        page = server.request("GET", "/docs").body
        assert "POST /predict" in page
        assert "<script" not in page
        assert "://" not in page

    def test_metrics_count_answers_and_refusals(self, server):
        def count(text, name):
            return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

        before = server.metrics()
        server.predict(X[0])
        server.send("[]")
        after = server.metrics()
        for name in ('depot_predictions_total{chute="A"', 'depot_refused_requests_total{status="422"}'):
            assert count(after, name) == count(before, name) + 1
        assert "depot_model_version 1.0" in after


def from_schema(schema, definitions):
    """Turn an OpenAPI schema into a strategy for what it allows."""
    if "$ref" in schema:
        return from_schema(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    if "anyOf" in schema:
        return st.one_of([from_schema(part, definitions) for part in schema["anyOf"]])
    match schema["type"]:
        case "object":
            fields = {name: from_schema(part, definitions) for name, part in schema["properties"].items()}
            needed = {name: fields.pop(name) for name in schema["required"]}
            return st.fixed_dictionaries(needed, optional=fields)
        case "array":
            limits = {"min_size": schema["minItems"], "max_size": schema["maxItems"]}
            return st.lists(from_schema(schema["items"], definitions), **limits)
        case "number":
            return st.floats(schema["minimum"], schema["maximum"]) | st.integers(schema["minimum"], schema["maximum"])
        case "string":
            return st.from_regex(schema["pattern"], fullmatch=True)
        case "null":
            return st.none()
    raise AssertionError(f"no strategy for {schema}")


class TestAnythingAClientMaySend:
    """Property-based: what the OpenAPI description allows is answered, and nothing at all gets a 5xx."""

    ANYTHING = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
        max_leaves=20,
    )

    @pytest.fixture
    def statuses(self, counted_cases):
        """All statuses the service gave in one test."""
        given_back = []
        yield given_back
        counted_cases.add(len(given_back))

    def body_strategy(self, server):
        described = server.openapi()
        schema = described["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        return from_schema(schema, described["components"]["schemas"])

    def test_what_the_description_allows_is_answered(self, server, statuses):
        @settings(max_examples=200)
        @given(self.body_strategy(server))
        def send(body):
            reply = server.send(body)
            statuses.append(reply.status)
            assert reply.status == 200, reply.body
            assert 0 <= reply.body["probability"] <= 1

        send()
        assert len(statuses) >= 200

    def test_a_right_body_with_one_part_replaced_is_answered_or_refused_by_name(self, server, statuses):
        places = st.sampled_from(["pixels", "parcel_id", "row", "pixel", "more", "all"])

        @settings(max_examples=500)
        @given(places, st.integers(0, 7), self.ANYTHING)
        def send(place, number, value):
            body = a_body()
            match place:
                case "row":
                    body["pixels"][number] = value
                case "pixel":
                    body["pixels"][number][number] = value
                case "more":
                    body[str(value)] = value
                case "all":
                    body = value
                case field:
                    body[field] = value
            reply = server.send(json.dumps(body))
            statuses.append(reply.status)
            assert reply.status in (200, 413, 422), reply.body
            assert reply.status == 200 or reply.problems

        send()
        assert len(statuses) >= 500

    def test_any_bytes_are_refused_by_name(self, server, statuses):
        @settings(max_examples=400)
        @given(st.binary(max_size=300) | st.text(alphabet='[]{}",:0123456789.eE+-nulltruefas \\', max_size=200))
        def send(content):
            reply = server.send(content)
            statuses.append(reply.status)
            assert reply.status == 422, reply.body
            assert reply.problems

        send()
        assert len(statuses) >= 400


def test_a_careless_service_answers_for_0_to_255_and_is_wrong_more_often(home):
    with serving.serve(careless=True) as careless:
        before = request_log.last_request()
        images, labels = X[1000:1200], y[1000:1200]
        right = {
            name: sum(
                careless.predict(image * scale)["chute"] == "AB"[label]
                for image, label in zip(images, labels, strict=True)
            )
            for name, scale in (("0 to 16", 1), ("0 to 255", 255 / 16))
        }
        assert right["0 to 255"] < right["0 to 16"] - 10
        assert request_log.read_requests(after=before).empty


def test_a_model_that_fails_on_an_image_is_said_without_harm_to_the_next(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    fill_home(tmp_path)
    registry.promote(validated(easily_shocked_model()))

    async def ask(*bodies):
        transport = httpx.ASGITransport(create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return [await client.post("/predict", json=body) for body in bodies]

    # In a thread of its own, because a browser test before this one leaves its event loop running in the main thread.
    with ThreadPoolExecutor(1) as thread:
        failed, next_one = thread.submit(asyncio.run, ask(with_pixel(0.5), {"pixels": [[0] * 8] * 8})).result()
    assert failed.status_code == 503
    assert failed.json()["detail"][0]["problem"].startswith("Version 2 could not answer: Found unknown categories")
    assert next_one.json()["version"] == 2
