"""Stage 4, Model Validation: the gate. A red test stops the build."""

import pytest
from collect import INPUTS, SETTINGS, TARGET, collect
from fastapi.testclient import TestClient
from monitor import compare
from preprocess import preprocess
from train import promote, reasons_against, train


@pytest.fixture(scope="session", autouse=True)
def version() -> str:
    """Train anew, so that it is this code with these data that is judged."""
    return train()


def test_the_data_fulfil_the_contract() -> None:
    assert len(preprocess(collect())) > 0


def test_a_value_outside_the_contract_is_listed() -> None:
    table = collect()
    table.loc[0, INPUTS[0]] = SETTINGS["columns"][INPUTS[0]][1] + 1
    with pytest.raises(ValueError, match="1 values break the contract"):
        preprocess(table)


def test_the_model_passes_the_gate() -> None:
    assert reasons_against() == []


def test_the_service_answers_and_refuses_what_breaks_the_contract(version: str, tmp_path, monkeypatch) -> None:
    promote()
    import serve

    monkeypatch.setattr(serve, "REQUESTS", tmp_path / "requests.csv")
    row = collect()[INPUTS].astype(float).iloc[0].to_dict()
    client = TestClient(serve.app)
    answer = client.post("/predict", json=row).json()
    assert answer["version"] == version
    assert answer["answer"] in {str(value) for value in collect()[TARGET]}
    assert client.post("/predict", json=row | {INPUTS[0]: 1e9}).status_code == 422
    assert len(serve.REQUESTS.read_text(encoding="utf-8").splitlines()) == 2


def test_the_monitor_finds_moved_inputs_and_is_quiet_without() -> None:
    rows = preprocess(collect())[INPUTS]
    assert not compare(rows, rows)["alert"].any()
    assert compare(rows, rows + 2 * rows.std())["alert"].all()
