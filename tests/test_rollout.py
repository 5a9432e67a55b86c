import statistics

import numpy as np
import pytest
from depot_service import FAILED, digits, easily_shocked_model, fill_home, trained_model, validated, wait_until
from sklearn.base import clone

from mlops_lesson.deployment import load_test as load
from mlops_lesson.deployment import registry, request_log, rollout, serving

X, y = digits()
PARCELS = [f"{number}" for number in range(500_001, 500_101)]
IMAGES = dict(zip(PARCELS, X[1000:1100], strict=True))
LABELS = dict(zip(PARCELS, y[1000:1100].tolist(), strict=True))


class TestBucket:
    def test_is_the_same_on_every_machine(self):
        assert rollout.bucket("100001") == pytest.approx(0.59284268)
        assert rollout.bucket(100_001) == rollout.bucket("100001")

    def test_spreads_parcels_evenly(self):
        places = [rollout.bucket(number) for number in range(5000)]
        assert 0 <= min(places) < 0.01
        assert 0.99 < max(places) < 1
        assert statistics.mean(places) == pytest.approx(0.5, abs=0.02)

    def test_a_larger_share_keeps_the_parcels_of_a_smaller_one(self):
        small, large = ({n for n in range(2000) if rollout.in_canary(n, share)} for share in (0.1, 0.3))
        assert small < large
        assert len(large) / 2000 == pytest.approx(0.3, abs=0.03)

    def test_nobody_is_in_no_share_and_everybody_in_all(self):
        assert not any(rollout.in_canary(number, 0) for number in range(200))
        assert all(rollout.in_canary(number, 1) for number in range(200))


class TestRules:
    """What the service does with the challenger, apart from HTTP."""

    def canary(self, **rules):
        return rollout.Rollout("canary", 1.0, **({"max_error_rate": 0.1, "min_requests": 10} | rules))

    def test_too_many_failures_end_a_canary_with_the_count(self):
        canary = self.canary()
        for number in range(10):
            canary.count_challenger(failed=number < 2)
        status = canary.status()
        assert (status.mode, status.share, status.challenger_errors) == ("off", 0.0, 2)
        assert status.stopped_because == "the challenger failed on 2 of 10 parcels, more than 10%"
        assert not canary.takes("1")

    def test_as_many_failures_as_allowed_do_not_end_it(self):
        canary = self.canary()
        for number in range(20):
            canary.count_challenger(failed=number in (11, 19))
        assert canary.status().mode == "canary"

    def test_failures_before_the_minimum_are_waited_out(self):
        canary = self.canary()
        for _ in range(9):
            canary.count_challenger(failed=True)
        assert canary.mode == "canary"
        canary.count_challenger(failed=True)
        assert canary.mode == "off"

    def test_a_parcel_without_id_stays_with_the_champion(self):
        assert not self.canary().takes(None)

    def test_a_rollout_that_is_ended_by_hand_has_no_reason_to_tell(self):
        canary = self.canary()
        canary.stop()
        assert (canary.status().mode, canary.status().stopped_because) == ("off", "")

    def test_the_first_reason_to_stop_is_the_one_that_is_kept(self):
        canary = self.canary()
        canary.stop("first")
        canary.stop("second")
        assert canary.status().stopped_because == "first"


class TestPairedTest:
    @pytest.mark.parametrize(
        ("champion", "challenger", "p"), [(0, 0, 1.0), (5, 5, 1.0), (0, 6, 0.03125), (1, 9, 0.0215)]
    )
    def test_p_value_is_the_exact_mcnemar_test(self, champion, challenger, p):
        assert rollout.mcnemar_p(champion, challenger) == pytest.approx(p, abs=5e-5)
        assert rollout.mcnemar_p(challenger, champion) == pytest.approx(p, abs=5e-5)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_LESSON_HOME", str(folder))
        fill_home(folder)
        yield folder
        serving.stop_all()


@pytest.fixture
def server(home):
    """The service with version 1 as champion and no rollout."""
    registry.promote(1)
    return serving.start()


def ask_all(server, parcels=PARCELS):
    return {parcel: server.predict(IMAGES[parcel], parcel) for parcel in parcels}


class TestShadow:
    def test_answers_nobody_and_notes_every_score(self, server):
        challenger = registry.register(trained_model(20), data_hash="d")
        registry.nominate(challenger)
        assert rollout.start_shadow(server).mode == "shadow"
        before = request_log.last_request()
        answers = ask_all(server)
        assert {answer["version"] for answer in answers.values()} == {1}
        scores = request_log.read_requests(after=before, role="shadow").set_index("parcel_id")
        assert set(scores["version"]) == {challenger}
        expected = trained_model(20).predict_proba(X[1000:1100])[:, 1]
        np.testing.assert_allclose(scores.loc[PARCELS, "score"], expected, atol=1e-9)

    def test_that_fails_on_everything_costs_no_answer(self, server):
        registry.nominate(registry.register(easily_shocked_model(), data_hash="d"))
        rollout.start_shadow(server)
        answers = [server.predict(IMAGES[parcel] * 0.7, parcel) for parcel in PARCELS[:30]]
        assert {answer["version"] for answer in answers} == {1}
        assert rollout.status(server).challenger_errors > 0

    def test_is_compared_with_the_champion_on_the_same_parcels_when_labels_come(self, server):
        registry.nominate(registry.register(trained_model(20), data_hash="d"))
        rollout.start_shadow(server)
        before = request_log.last_request()
        ask_all(server)
        found = rollout.compare({int(parcel): label for parcel, label in LABELS.items()}, after=before)
        right = [model.predict(X[1000:1100]) == y[1000:1100] for model in (trained_model(), trained_model(20))]
        assert found.n == 100
        assert (found.champion_accuracy, found.challenger_accuracy) == (right[0].mean(), right[1].mean())
        assert found.only_champion_right == (right[0] & ~right[1]).sum()
        assert found.only_challenger_right == (right[1] & ~right[0]).sum()
        assert found.p_value == rollout.mcnemar_p(found.only_champion_right, found.only_challenger_right)

    def test_without_labels_compares_nothing(self, server):
        found = rollout.compare({})
        assert (found.n, found.p_value) == (0, 1.0)
        assert np.isnan(found.champion_accuracy)

    def test_needs_a_challenger(self, server):
        version = validated(trained_model(4))
        registry.nominate(version)
        registry.promote(version)
        with pytest.raises(serving.ServingError, match=r"\(409\): registry: No version is 'challenger' yet"):
            rollout.start_shadow(server)


class TestCanary:
    @pytest.fixture
    def challenger(self, server):
        version = validated(trained_model(20))
        registry.nominate(version)
        return version

    def test_answers_its_share_of_the_parcels_and_always_the_same(self, server, challenger):
        rollout.start_canary(server, share=0.3)
        first, second = ask_all(server), ask_all(server)
        expected = {parcel for parcel in PARCELS if rollout.in_canary(parcel, 0.3)}
        for answers in (first, second):
            assert {parcel for parcel, answer in answers.items() if answer["version"] == challenger} == expected
        assert {answer["alias"] for parcel, answer in first.items() if parcel in expected} == {"challenger"}
        status = rollout.status(server)
        assert (status.challenger_requests, status.champion_requests) == (2 * len(expected), 200 - 2 * len(expected))

    def test_is_noted_in_the_log_as_canary(self, server, challenger):
        rollout.start_canary(server, share=1)
        before = request_log.last_request()
        ask_all(server, PARCELS[:5])
        assert request_log.read_requests(after=before)["role"].tolist() == ["canary"] * 5

    def test_is_refused_to_a_challenger_without_a_passed_gate(self, server):
        registry.nominate(registry.register(trained_model(4), data_hash="d"))
        words = r"\(409\): challenger: A canary answers real parcels, so its gate must be passed first; until then"
        with pytest.raises(serving.ServingError, match=words):
            rollout.start_canary(server)
        assert rollout.status(server).mode == "off"

    def test_is_refused_to_the_champion_itself(self, server):
        registry.nominate(1)
        with pytest.raises(serving.ServingError, match="champion already"):
            rollout.start_canary(server)

    @pytest.mark.parametrize("rules", [{"share": 0}, {"share": 1.5}, {"max_error_rate": -1}, {"min_requests": 0}])
    def test_rules_that_make_no_sense_are_refused_by_name(self, server, challenger, rules):
        with pytest.raises(serving.ServingError, match=next(iter(rules))):
            rollout.start_canary(server, **rules)

    def test_that_fails_is_ended_by_the_service_and_no_request_is_lost(self, server):
        registry.nominate(validated(easily_shocked_model()))
        rollout.start_canary(server, share=1, max_error_rate=0.1, min_requests=10)
        dimmed = [server.predict(IMAGES[parcel] * 0.7, parcel) for parcel in PARCELS]
        assert {answer["version"] for answer in dimmed} == {1}
        status = rollout.status(server)
        assert (status.mode, status.challenger_errors) == ("off", status.challenger_requests)
        assert status.stopped_because == "the challenger failed on 10 of 10 parcels, more than 10%"

    def test_whose_gate_is_withdrawn_is_ended_by_the_service(self, server, challenger):
        rollout.start_canary(server, share=1)
        registry.record_gate(challenger, passed=False, **FAILED, reasons=["weak on the latest parcels"])
        wait_until(lambda: server.predict(X[0], "1")["version"] == 1, "the canary is ended")
        assert rollout.status(server).stopped_because == ("the challenger's gate says no: weak on the latest parcels")

    def test_ends_when_its_challenger_is_promoted(self, server, challenger):
        rollout.start_canary(server, share=1)
        registry.promote(challenger)
        server.reload()
        assert rollout.status(server).stopped_because == "the challenger was promoted"
        assert server.predict(X[0], "1")["alias"] == "champion"

    def test_is_ended_by_hand(self, server, challenger):
        rollout.start_canary(server, share=1)
        assert rollout.stop(server).mode == "off"
        assert {answer["version"] for answer in ask_all(server, PARCELS[:5]).values()} == {1}

    def test_of_an_earlier_run_is_over_when_the_service_is_started_again(self, server, challenger):
        rollout.start_canary(server, share=1)
        assert rollout.status(serving.start()).mode == "off"


class TestChangesUnderLoad:
    def test_promotion_reload_and_rollback_fail_no_request(self, server):
        second = validated(trained_model(4))
        with load.traffic(server, X[:40]) as requests:
            for _ in range(3):
                requests.wait_for(20)
                registry.promote(second)
                server.reload()
                requests.wait_for(20)
                assert registry.rollback() == 1
                server.reload()
        assert requests.failed == 0
        assert requests.answered >= 120
        assert requests.versions == {1, second}

    def test_starting_and_ending_rollouts_fails_no_request(self, server):
        challenger = validated(trained_model(4))
        registry.nominate(challenger)
        with load.traffic(server, X[:40]) as requests:
            for begin in (rollout.start_shadow, rollout.start_canary, rollout.stop):
                begin(server)
                requests.wait_for(40)
        assert requests.failed == 0
        assert requests.versions == {1, challenger}

    def test_a_version_that_cannot_answer_is_not_taken_and_the_old_one_goes_on(self, server):
        blind = clone(trained_model()[:1]).fit(X)
        version = validated(blind)
        with load.traffic(server, X[:40]) as requests:
            registry.promote(version)
            words = r"cannot answer for an image of 64 grey levels \(.*\)\. Promote a version that can\.$"
            with pytest.raises(serving.ServingError, match=rf"\(409\): registry: Version {version} {words}"):
                server.reload()
            requests.wait_for(20)
        registry.rollback()
        assert (requests.failed, requests.versions) == (0, {1})

    def test_a_registry_damaged_while_serving_stops_no_answer(self, server):
        content = registry.registry_path().read_bytes()
        registry.registry_path().write_bytes(b"noise" * 1000)
        try:
            with pytest.raises(serving.ServingError, match=r"registry\.db is damaged"):
                server.reload()
            assert server.predict(X[0])["version"] == 1
        finally:
            registry.registry_path().write_bytes(content)


class TestLoadRun:
    def test_times_every_request_of_every_client(self, server):
        run = load.measure_latency(server, X[:10], clients=8, requests=60)
        assert (run.name, run.clients, len(run.milliseconds), run.failed) == ("8 clients", 8, 60, 0)
        assert 0 < run.p50 <= run.p99

    def test_times_a_prediction_without_a_service(self):
        run = load.bare_latency(trained_model(), X[:10], requests=30)
        assert (run.name, len(run.milliseconds), run.failed) == ("bare prediction", 30, 0)

    def test_counts_failures_and_gives_no_latency_for_them(self, server):
        registry.promote(validated(easily_shocked_model()))
        server.reload()
        run = load.measure_latency(server, [X[0] * 0.7], requests=10)
        registry.rollback()
        server.reload()
        assert (run.name, run.failed, len(run.milliseconds)) == ("1 client", 10, 0)
        assert np.isnan(run.p99)

    def test_table_puts_runs_side_by_side(self):
        milliseconds = np.arange(1.0, 101.0)
        table = load.latency_table([load.LoadRun("one", 1, milliseconds, 2, 4.0)])
        assert table.to_dict("records") == [
            {"run": "one", "requests": 102, "failed": 2, "p50_ms": 50.5, "p99_ms": 99.01, "per_second": 25.0}
        ]

    @pytest.mark.parametrize(("clients", "requests"), [(0, 10), (8, 7)])
    def test_a_run_without_work_for_a_client_is_refused(self, server, clients, requests):
        with pytest.raises(ValueError, match="Each client sends a request or more"):
            load.measure_latency(server, X[:2], clients=clients, requests=requests)
