"""Notebook 5: the learner's service answers as the package's does, and its words agree with its outputs."""

import json
import re
from pathlib import Path

import httpx
import nbformat
import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal
from course_models import clean, trained
from depot_service import digits, fill_home, trained_model
from pydantic import ValidationError

from mlops_lesson import pipeline
from mlops_lesson.deployment import registry
from mlops_lesson.deployment.run_app import load_app
from mlops_lesson.training.network import TrainingSettings
from mlops_lesson.validation.behaviour import dim, shift

NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "05_deployment.ipynb"
X, _ = digits()


@pytest.fixture(scope="module")
def cells():
    return {cell.id: cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


@pytest.fixture
def own_file(cells, tmp_path, monkeypatch):
    """The file that the learner's two cells write, in a home whose registry has a champion."""
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    fill_home(tmp_path)
    lines = "\n".join([cells["write"].source, cells["contract"].source]).splitlines(keepends=True)
    file = tmp_path / "chute_service.py"
    file.write_text("".join(line for line in lines if not line.startswith("%%")))
    return file


def text_of(cell):
    return "\n".join(output.get("text") or output.data["text/plain"] for output in cell.outputs)


def prose(cell):
    return " ".join(cell.source.split())


async def status_of_nan(app) -> int:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://own") as client:
        content, headers = json.dumps({"pixels": [np.nan] * 64}), {"Content-Type": "application/json"}
        return (await client.post("/predict", content=content, headers=headers)).status_code


def test_the_learners_service_is_the_packages_in_small(own_file):
    load_app(own_file)
    import chute_service as own

    for image in X[:20]:
        answer = own.predict(own.Parcel(pixels=image.tolist()))
        probability = trained_model().predict_proba([image])[0, 1]
        assert answer == {"chute": "AB"[int(probability >= 0.5)], "probability of B": round(probability, 3)}
    for pixels in (X[0][:63], [300, *X[0][1:]], [-1, *X[0][1:]], ["bright", *X[0][1:]], [np.nan, *X[0][1:]]):
        with pytest.raises(ValidationError):
            own.Parcel(pixels=list(pixels))
    # The refusal of NaN repeats it, and a reply in JSON cannot hold it.
    with start_blocking_portal() as portal:
        assert portal.call(status_of_nan, own.app) == 500


def test_the_careless_service_is_sure_and_wrong_for_a_quarter_of_the_parcels(cells):
    answered, sent, right, confidence = map(float, re.findall(r"[\d.]+", text_of(cells["skew"])))
    assert answered == sent == 200
    assert 0.2 < 1 - right < 0.3
    assert confidence > 0.9
    assert "a quarter went wrong" in prose(cells["skew-saw"])


def test_the_trace_has_as_many_units_that_react_as_the_words_say(cells):
    assert "8 of 32 hidden units are active" in text_of(cells["trace"])
    assert "Eight units react" in prose(cells["trace-saw"])


def test_the_promoted_version_and_the_hasty_one_are_what_the_words_say():
    newer = pipeline.train(clean(), TrainingSettings(seed=1))
    assert pipeline.validate(newer, clean()).passed
    assert not pipeline.validate(trained(3), clean()).passed


def test_what_we_saw_in_the_explorer_is_what_there_is_to_see(cells):
    images, labels = (part[8:28] for part in clean().part("test"))
    model = trained(30).model

    def wrong(changed):
        probability = model.predict_proba(changed)[:, 1]
        return np.maximum(probability, 1 - probability)[(probability >= 0.5) != np.asarray(labels)]

    dark, right, left = wrong(dim(images, 0.2)), wrong(shift(images, 1)), wrong(shift(images, -1))
    assert (len(wrong(images)), len(dark), len(right), len(left)) == (1, 7, 4, 7)
    assert (right > 0.995).sum() == 3
    assert dark.max() < 0.9
    assert (
        "one goes wrong untouched, 7 with the darkest lamps, 4 when moved right by one pixel, 7 when moved left"
        in prose(cells["explorer-saw"])
    )


def test_no_request_fails_while_the_alias_moves_back(cells):
    assert "failed: 0; versions that answered: 2\n" in text_of(cells["back"])


def test_the_shadow_looks_better_within_chance_and_the_impatient_promotion_leaves_parcels_without_an_answer(cells):
    champion, challenger = map(float, re.findall(r"(?:champion|challenger) (0\.\d+)", text_of(cells["shadow"])))
    assert champion < challenger
    assert float(text_of(cells["shadow"]).split(": ")[-1]) > 0.05
    assert "503: 3" in text_of(cells["impatient"])
    assert "Three parcels got no chute" in prose(cells["canary-text"])


def test_the_canary_ends_at_the_rate_it_was_set_to_and_its_interval_is_said(cells):
    set_to = float(cells["canary"].source.split("max_error_rate=")[1].split(")")[0])
    assert f"more than {100 * set_to:g} %" in prose(cells["canary-text"])
    text = text_of(cells["canary"])
    assert "status and parcels: {200: 89}\n" in text
    assert "failed on 1 of 20 parcels" in text
    assert float(re.search(r"failures: ([\d.]+) %", text).group(1)) / 100 < set_to
    assert "begins below the allowed 2 %" in prose(cells["canary-saw"])


def test_an_alert_rings_on_the_errors_of_the_service_and_none_on_the_clients(cells):
    assert text_of(cells["counters"]) == "status 422: 200 - status 503: 3\n"
    assert re.findall(r": (\w+)", text_of(cells["alert"])) == ["RINGS", "quiet"]


def test_the_evidence_of_the_project_is_shown_by_the_stored_run(cells):
    rows = text_of(cells["evidence"]).splitlines()[2:]
    assert len(rows) == 4
    assert all(row.endswith("by hand") for row in rows)


def test_a_part_that_is_run_alone_has_a_champion(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    first = pipeline.champion()
    assert first.gate.passed
    assert pipeline.champion().version == first.version == registry.load("champion").version
