"""Shadow, canary and changes under load: who answers, who listens, and that no request fails."""

import numpy as np
import pandas as pd
import pytest
from depot_service import digits, easily_shocked_model, trained_model, validated

from mlops_lesson.deployment import load_test as load
from mlops_lesson.deployment import registry, request_log, rollout, serving

X, y = digits()
IMAGES = {f"{500_001 + number}": X[1000 + number] for number in range(100)}


def test_a_canary_takes_about_its_share_of_the_parcels_and_the_same_ones_on_every_machine():
    assert rollout.in_canary("100001", 0.593)
    assert not rollout.in_canary(100_001, 0.592)
    none, small, large, every = ({n for n in range(2000) if rollout.in_canary(n, share)} for share in (0, 0.1, 0.3, 1))
    assert none < small < large < every
    assert len(small) / 2000 == pytest.approx(0.1, abs=0.03)
    assert len(every) == 2000


@pytest.mark.parametrize(
    ("asked", "failed", "because"),
    [
        (20, range(3), "the challenger failed on 3 of 20 parcels, more than 10 %"),
        (20, (11, 19), ""),
        (19, range(19), ""),
    ],
    ids=["too many failures", "as many as allowed", "too few asked"],
)
def test_too_many_failures_end_a_canary_with_the_count(asked, failed, because):
    canary = rollout.Rollout(None, "canary", 1.0, max_error_rate=0.1)
    for number in range(asked):
        canary.count(failed=number in failed)
    assert (canary.takes("1"), canary.status.stopped_because) == (not because, because)
    assert not canary.takes(None), "a parcel without an id stays with the champion"


@pytest.fixture
def challenger(server):
    version = validated(trained_model(20))
    registry.nominate(version)
    return version


def ask_all(server, factor=1.0):
    return {parcel: server.predict(image * factor, parcel) for parcel, image in IMAGES.items()}


def versions_in(answers):
    return {answer["version"] for answer in answers.values()}


def test_a_shadow_answers_nobody_logs_every_score_and_is_compared_when_labels_come(server, challenger):
    before = request_log.last_request()
    assert rollout.start_shadow(server).mode == "shadow"
    assert versions_in(ask_all(server)) == {1}
    rows = request_log.read_requests(after=before)
    scores = rows[rows["role"] == "shadow"].set_index("parcel_id")
    assert set(scores["version"]) == {challenger}
    expected = trained_model(20).predict_proba(X[1000:1100])[:, 1]
    np.testing.assert_allclose(scores.loc[[*IMAGES], "score"], expected, atol=1e-9)
    found = rollout.compare(pd.Series(y[1000:1100], index=map(int, IMAGES)), after=before)
    accuracies = [model.score(X[1000:1100], y[1000:1100]) for model in (trained_model(), trained_model(20))]
    assert (found.n, found.champion_accuracy, found.challenger_accuracy) == (100, *accuracies)
    assert 0 < found.p_value <= 1


def test_a_canary_answers_its_share_of_the_parcels_and_always_the_same(server, challenger):
    rollout.start_canary(server, share=0.3)
    expected = {parcel for parcel in IMAGES if rollout.in_canary(parcel, 0.3)}
    for answers in (ask_all(server), ask_all(server)):
        assert {parcel for parcel, answer in answers.items() if answer["version"] == challenger} == expected
        assert {answers[parcel]["alias"] for parcel in expected} == {"challenger"}
    assert rollout.status(server).challenger_requests == 2 * len(expected)


def test_a_canary_that_fails_is_ended_by_the_service_and_no_request_is_lost(server):
    registry.nominate(validated(easily_shocked_model()))
    rollout.start_canary(server, share=1, max_error_rate=0.1)
    assert versions_in(ask_all(server, factor=0.7)) == {1}
    assert rollout.status(server).stopped_because == "the challenger failed on 20 of 20 parcels, more than 10 %"


def test_a_canary_is_refused_to_a_challenger_without_a_passed_gate(server):
    registry.nominate(registry.register(trained_model(4), data_hash="d"))
    with pytest.raises(serving.ServingError, match=r"\(409\): A canary answers real parcels, so its gate must"):
        rollout.start_canary(server)


def test_promotion_rollback_and_rollouts_under_load_fail_no_request(server, challenger):
    with load.traffic(server, X[:40]) as requests:
        for begin in (rollout.start_shadow, rollout.start_canary, rollout.stop, rollout.start_canary):
            begin(server)
            requests.wait_for(20)
        registry.promote(challenger)
        server.reload()
        requests.wait_for(20)
        assert rollout.status(server).stopped_because == "the champion was loaded again"
        assert registry.rollback() == 1
        server.reload()
        requests.wait_for(20)
    assert (requests.failed, requests.versions) == (0, {1, challenger})


def test_load_is_measured_with_a_service_and_without(server):
    bare = load.bare_latency(trained_model(), X[:10], requests=30)
    several, refused = load.measure_latency(server, X[:10], 8, 60), load.measure_latency(server, X[:2] * 99, requests=5)
    seen = [(run.name, len(run.milliseconds), run.failed) for run in (bare, several, refused)]
    assert seen == [("bare prediction", 30, 0), ("8 clients", 60, 0), ("1 client", 0, 5)]


def test_table_and_chart_say_what_each_run_measured():
    runs = [load.LoadRun("alone", np.arange(1.0, 101.0), 2, 4.0), load.LoadRun("8 clients", np.full(9, 5.0), 0, 1.0)]
    assert load.latency_table(runs).iloc[0].tolist() == ["alone", 100, 2, 50.5, 99.01, 25.0]
    shown = load.plot_latencies(runs)
    assert shown.caption == "Half took at most 50 ms (alone), 5 ms (8 clients)"
    assert "alone: p50 50 ms, p99 99 ms." in shown.alt
