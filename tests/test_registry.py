import os
import re
import sqlite3
import subprocess
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
import registry_schema
import skops.io
from depot_service import FAILED, PASSED, digits, fill_home, run_script, trained_model, validated
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import FunctionTransformer

from mlops_lesson.deployment import registry


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home whose registry holds version 1, the champion."""
    fill_home(tmp_path)
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def empty_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "new"))
    return tmp_path / "new"


def champion_version():
    return registry.champion().version


class TestPromotion:
    def test_a_version_without_a_gate_result_is_refused_and_told_what_to_do(self, home):
        version = registry.register(trained_model(), data_hash="d")
        with pytest.raises(registry.GateError, match=r"no gate result.*record_gate"):
            registry.promote(version)
        assert champion_version() == 1

    def test_a_version_that_failed_its_gate_is_refused_with_the_gates_reason(self, home):
        version = registry.register(trained_model(), data_hash="d")
        registry.record_gate(version, passed=False, **FAILED, reasons=["camera 4 is too weak"])
        with pytest.raises(registry.GateError, match=r"did not pass its gate \(0\.85 on 300.*camera 4 is too weak"):
            registry.promote(version)
        assert champion_version() == 1

    def test_a_failed_gate_without_words_gets_the_interval_as_its_reason(self, home):
        version = registry.register(trained_model(), data_hash="d")
        record = registry.record_gate(version, passed=False, **FAILED)
        assert record.reasons == ("the interval's lower end 0.800 is below the gate 0.850",)

    def test_a_refusal_names_no_version_number_so_that_notebooks_may_print_it(self, home):
        for _ in range(12):
            version = registry.register(trained_model(), data_hash="d")
        with pytest.raises(registry.GateError) as refusal:
            registry.promote(version)
        assert str(version) not in str(refusal.value)

    def test_a_version_that_passed_becomes_champion_and_tells_whom_it_replaced(self, home):
        version = validated(trained_model(4))
        assert registry.promote(version) == 1
        assert champion_version() == version

    def test_promoting_the_champion_again_changes_nothing(self, home):
        validated(trained_model())
        registry.promote(1)
        with pytest.raises(registry.RegistryError, match="this one was the first"):
            registry.rollback()
        assert champion_version() == 1

    def test_a_version_whose_file_is_gone_is_refused(self, home):
        version = validated(trained_model())
        tags = registry._catalogue().find(version).tags
        (home / tags["model_file"]).unlink()
        with pytest.raises(registry.RegistryError, match=r"model\.skops cannot be read"):
            registry.promote(version)
        assert champion_version() == 1

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (None, r"cannot be read \(No such file or directory\)"),
            (b"changed", "was changed after it was registered, so it is not loaded"),
        ],
        ids=["gone", "changed"],
    )
    def test_a_model_file_that_is_not_as_it_was_is_named_with_what_to_do(self, home, content, reason):
        path = home / registry._catalogue().find(1).tags["model_file"]
        path.unlink() if content is None else path.write_bytes(content)
        words = (
            rf"^The model file {re.escape(str(path))} {reason}\. Register the model again, or choose another version\.$"
        )
        with pytest.raises(registry.RegistryError, match=words):
            registry.load(1)

    def test_an_unknown_version_is_refused_with_the_known_ones(self, home):
        with pytest.raises(registry.UnknownVersionError, match=r"no version 99.*Registered versions: 1\."):
            registry.promote(99)

    def test_a_challenger_needs_no_gate(self, home):
        version = registry.register(trained_model(), data_hash="d")
        registry.nominate(version)
        assert registry.load("challenger").version == version
        assert champion_version() == 1

    def test_a_promoted_challenger_is_no_longer_challenger(self, home):
        version = validated(trained_model())
        registry.nominate(version)
        registry.promote(version)
        with pytest.raises(registry.UnknownVersionError, match="'challenger'"):
            registry.load("challenger")


class TestRollback:
    def test_goes_back_one_champion_at_a_time_until_the_first(self, home):
        second, third = validated(trained_model(4)), validated(trained_model(5))
        registry.promote(second)
        registry.promote(third)
        assert [registry.rollback(), registry.rollback()] == [second, 1]
        with pytest.raises(registry.RegistryError, match="no earlier champion"):
            registry.rollback()
        assert champion_version() == 1

    def test_after_promoting_an_old_version_goes_back_to_the_newer_and_then_further(self, home):
        second = validated(trained_model(4))
        registry.promote(second)
        registry.promote(1)
        assert [registry.rollback(), registry.rollback()] == [second, 1]

    def test_skips_a_champion_whose_gate_was_withdrawn(self, home):
        second, third = validated(trained_model(4)), validated(trained_model(5))
        registry.promote(second)
        registry.promote(third)
        registry.record_gate(second, passed=False, **FAILED)
        assert registry.rollback() == 1

    def test_history_tells_who_was_promoted_refused_and_rolled_back(self, home):
        second = registry.register(trained_model(), data_hash="d")
        with pytest.raises(registry.GateError):
            registry.promote(second)
        registry.record_gate(second, passed=True, **PASSED)
        registry.promote(second, reason="better on camera 4")
        registry.rollback(reason="too slow")
        told = registry.history()
        assert told["action"].tolist() == ["promoted", "refused", "promoted", "rolled back"]
        assert told["version"].tolist() == [1, second, second, 1]
        assert told["reason"].tolist()[2:] == ["better on camera 4", "too slow"]

    def test_history_survives_a_line_cut_short(self, home):
        with (home / "promotions.jsonl").open("a") as file:
            file.write('{"at": "2026')
        assert registry.history()["action"].tolist() == ["promoted"]

    def test_history_after_a_cut_line_keeps_what_comes_later(self, home):
        with (home / "promotions.jsonl").open("a") as file:
            file.write('{"at": "2026')
        registry.promote(validated(trained_model()))
        assert registry.history()["action"].tolist() == ["promoted", "promoted"]


class TestGate:
    def test_is_read_back_as_it_was_recorded(self, home):
        version = registry.register(trained_model(), data_hash="d")
        assert registry.gate(version) is None
        record = registry.record_gate(version, passed=False, **FAILED, reasons=["one", "two"])
        assert registry.gate(version) == record == registry.load(version).gate

    def test_a_pass_below_the_threshold_is_not_believed(self, home):
        with pytest.raises(registry.GateError, match=r"lower end 0\.840 is below the gate 0\.850"):
            registry.record_gate(1, passed=True, **(PASSED | {"low": 0.84}))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"low": 0.99},
            {"high": 1.2},
            {"threshold": 85},
            {"accuracy": float("nan")},
            {"threshold": float("inf")},
            {"low": "0.9"},
            *({"n": n} for n in (0, -1, 2**53, 2**70, float("nan"), 300.0, "300", None, True)),
        ],
    )
    def test_impossible_numbers_are_refused(self, home, wrong):
        with pytest.raises(registry.GateError, match="cannot be a gate's numbers"):
            registry.record_gate(1, passed=True, **(PASSED | wrong))
        assert registry.versions()["n"].tolist() == [300]

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"passed": "yes"}, "passed is 'yes', but True or False was expected"),
            ({"reasons": "weak"}, "reasons is 'weak', but a list of text was expected"),
            ({"reasons": [1]}, "Reason 1 is 1, but text was expected"),
            ({"reasons": ["x" * 100_001]}, "more than 100,000 characters: shorten them"),
            ({"data_hash": None}, "data_hash is None, but text was expected"),
            ({"data_hash": "\ud800"}, "whole characters"),
        ],
    )
    def test_what_is_no_verdict_and_no_text_is_refused_before_anything_is_written(self, home, wrong, said):
        with pytest.raises(registry.RegistryError, match=said):
            registry.record_gate(1, **({"passed": True} | PASSED | wrong))
        assert registry.gate(1).passed

    def test_the_largest_number_of_images_is_listed(self, home):
        registry.record_gate(1, passed=True, **(PASSED | {"n": np.int64(2**53 - 1)}))
        assert registry.versions()["n"].tolist() == [2**53 - 1]

    def test_an_impossible_number_that_an_older_course_wrote_is_no_gate(self, home):
        version = validated(trained_model())
        with closing(sqlite3.connect(registry.registry_path())) as database, database:
            database.execute(
                "UPDATE model_version_tags SET value = ? WHERE version = ? AND key = 'gate_n'", (str(2**70), version)
            )
        assert registry.versions()["gate"].tolist() == ["passed", "none"]
        with pytest.raises(registry.GateError, match="has no gate result"):
            registry.promote(version)
        registry.record_gate(version, passed=True, **PASSED)
        registry.promote(version)
        assert champion_version() == version

    def test_a_crash_while_it_is_recorded_never_leaves_a_pass(self, home, monkeypatch):
        from mlflow import MlflowClient

        version, written = validated(trained_model()), []
        set_tag = MlflowClient.set_model_version_tag

        def set_three_tags(self, name, number, key, value):
            if len(written) == 3:
                raise KeyboardInterrupt
            written.append(key)
            set_tag(self, name, number, key, value)

        monkeypatch.setattr(MlflowClient, "set_model_version_tag", set_three_tags)
        with pytest.raises(KeyboardInterrupt):
            registry.record_gate(version, passed=False, **FAILED)
        assert registry.gate(version) is None


NO_VERSIONS = ([1], {}, None, 1.0, float("nan"), True)


class TestWhatIsGiven:
    @pytest.mark.parametrize("given", NO_VERSIONS, ids=repr)
    @pytest.mark.parametrize("call", ["promote", "nominate", "gate", "load", "record_gate"])
    def test_what_is_no_version_is_refused_and_the_registry_is_not_called_damaged(self, home, call, given):
        more = {"passed": True, **PASSED} if call == "record_gate" else {}
        with pytest.raises(registry.UnknownVersionError, match=r"is no version: give its number as an int, or an al"):
            getattr(registry, call)(given, **more)
        assert champion_version() == 1

    @pytest.mark.parametrize("wrong", [{"alias": [1]}, {"reason": 3}, {"reason": "\ud800"}], ids=repr)
    def test_an_alias_or_a_reason_that_is_no_text_moves_nothing(self, home, wrong):
        version = validated(trained_model(4))
        with pytest.raises(registry.RegistryError, match=r"but text was expected.*Nothing was written"):
            registry.promote(version, **wrong)
        assert champion_version() == 1

    @pytest.mark.parametrize("tag", ["gate", "gate_n", "model_file", "champions_before"])
    def test_a_tag_that_the_registry_writes_itself_cannot_be_given(self, home, tag):
        with pytest.raises(registry.RegistryError, match="begins like one that the registry writes itself"):
            registry.register(trained_model(), data_hash="d", tags={tag: "passed"})
        assert len(registry.versions()) == 1

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"data_hash": 1}, "data_hash is 1"),
            ({"run_id": 1}, "run_id is 1"),
            ({"tags": [1]}, "a dict was expected"),
            ({"tags": {1: 2}}, "A name in tags is 1"),
            ({"tags": {"a": "\ud800"}}, "The tag 'a' is"),
        ],
    )
    def test_a_version_is_not_registered_with_what_cannot_be_kept(self, home, wrong, said):
        with pytest.raises(registry.RegistryError, match=said):
            registry.register(trained_model(), **({"data_hash": "d"} | wrong))
        assert len(registry.versions()) == 1

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"name": 1}, "name is 1"),
            ({"params": None}, "params is None, but a dict was expected"),
            ({"params": {"a": "\ud800"}}, "The setting 'a' is"),
            ({"params": {"seed": 2}}, "'seed' stands for something else"),
            ({"params": {"a": 1}, "metrics": {"a": 1}}, "'a' stands for something else"),
            ({"metrics": {"a": "high"}}, "numbers of run 'r' cannot be kept"),
            ({"metrics": {"a": 10**400}}, "numbers of run 'r' cannot be kept"),
            ({"epochs": [1]}, "of type list; a DataFrame or a trace is needed"),
            ({"epochs": pd.DataFrame({"epoch": [float("nan")]})}, "an epoch is nan, not a whole number"),
            ({"epochs": pd.DataFrame({"epoch": [2**60]})}, "not a whole number from 0"),
            ({"epochs": pd.DataFrame({"epoch": [1], 7: [1]})}, "The name of a column is 7"),
            ({"epochs": pd.DataFrame([[1, 2]], columns=["epoch", "epoch"])}, "two columns have the same name"),
        ],
    )
    def test_a_run_is_not_logged_with_what_cannot_be_kept(self, home, wrong, said):
        with pytest.raises(registry.RegistryError, match=said):
            registry.log_run(**({"name": "r", "params": {}, "seed": 1, "data_hash": "d"} | wrong))
        assert registry.runs().empty


class TestModelFiles:
    def test_a_loaded_model_predicts_what_the_registered_one_did(self, home):
        X, _ = digits()
        version = registry.register(trained_model(5), data_hash="d", tags={"epochs": 5})
        loaded = registry.load(version)
        np.testing.assert_array_equal(loaded.model.predict_proba(X), trained_model(5).predict_proba(X))
        assert (loaded.version, loaded.data_hash, loaded.tags["epochs"]) == (version, "d", "5")

    def test_a_file_changed_after_registration_is_not_loaded(self, home):
        (path,) = home.glob("artifacts/models/*/model.skops")
        path.write_bytes(skops.io.dumps(trained_model(9)))
        with pytest.raises(registry.RegistryError, match="was changed after it was registered"):
            registry.champion()

    def test_a_model_with_a_function_of_its_own_is_not_registered(self, home):
        model = FunctionTransformer(func=print).fit([[1.0]])
        with pytest.raises(registry.RegistryError, match=r"does not trust: builtins\.print"):
            registry.register(model, data_hash="d")
        assert len(registry.versions()) == 1

    def test_a_model_that_is_not_trained_is_not_registered(self, home):
        with pytest.raises(registry.RegistryError, match="Train it, then register it"):
            registry.register(MLPClassifier(), data_hash="d")

    def test_something_that_is_no_model_is_not_registered(self, home):
        with pytest.raises(registry.RegistryError, match="fitted scikit-learn model was expected, not dict"):
            registry.register({}, data_hash="d")

    def test_a_registry_moved_to_another_folder_still_loads(self, home, tmp_path_factory, monkeypatch):
        elsewhere = tmp_path_factory.mktemp("elsewhere") / "work"
        home.rename(elsewhere)
        monkeypatch.setenv("MLOPS_LESSON_HOME", str(elsewhere))
        assert champion_version() == 1


class TestTables:
    def test_versions_shows_each_version_with_its_gate_and_aliases(self, home):
        registry.nominate(registry.register(trained_model(), data_hash="d2"))
        expected = pd.DataFrame(
            {
                "version": [1, 2],
                "aliases": ["champion", "challenger"],
                "gate": ["passed", "none"],
                "accuracy": [0.93, np.nan],
                "low": [0.90, np.nan],
                "high": [0.95, np.nan],
                "n": pd.array([300, None], dtype="Int64"),
                "threshold": [0.85, np.nan],
                "data_hash": ["train-data", "d2"],
            }
        )
        pd.testing.assert_frame_equal(registry.versions(), expected, check_dtype=False)

    def test_versions_of_a_new_registry_is_an_empty_table(self, empty_home):
        assert registry.versions().empty
        assert registry.champion() is None
        assert registry.runs().empty

    def test_runs_are_found_again_with_settings_data_seed_and_results(self, home):
        epochs = pd.DataFrame({"epoch": [1, 2], "loss": [0.65, 0.45], "observation": ["slow", "better"]})
        registry.log_run("b", params={"hidden": 16}, epochs=epochs, seed=7, data_hash="abc")
        registry.log_run("a", params={"strategy": "majority"}, metrics={"accuracy": 0.5}, seed=7, data_hash="abc")
        found = registry.runs()
        assert found.columns.tolist() == [
            "run", "data_hash", "seed", "hidden", "strategy", "epochs", "accuracy", "loss"
        ]  # fmt: skip
        assert found["run"].tolist() == ["a", "b"]
        assert found["hidden"].isna().tolist() == [True, False]
        assert found.loc[1, ["data_hash", "seed", "hidden", "epochs", "loss"]].tolist() == ["abc", 7, 16, 2, 0.45]

    def test_a_run_logged_again_shows_once_unless_every_run_is_asked_for(self, home):
        for rate in (0.1, 0.2):
            registry.log_run("mlp", params={"rate": rate}, seed=1, data_hash="abc")
        assert registry.runs()["rate"].tolist() == [0.2]
        assert registry.runs("mlp", every=True)["rate"].tolist() == [0.1, 0.2]

    def test_epochs_of_a_run_are_read_back(self, home):
        epochs = pd.DataFrame({"epoch": [1, 2, 3], "accuracy": [0.60, 0.75, 0.85], "loss": [0.65, 0.45, 0.30]})
        registry.log_run("lesson", params={}, epochs=epochs, metrics={"test": 0.8}, seed=1, data_hash="abc")
        pd.testing.assert_frame_equal(registry.run_epochs("lesson"), epochs)

    def test_a_diverged_run_is_recorded_too(self, home):
        epochs = pd.DataFrame({"epoch": [1, 2], "loss": [9.0, np.nan]})
        registry.log_run("wild", params={}, epochs=epochs, seed=1, data_hash="abc")
        assert np.isnan(registry.run_epochs("wild")["loss"].iloc[-1])

    def test_an_unknown_run_is_answered_with_the_known_ones(self, home):
        registry.log_run("known", params={}, seed=1, data_hash="abc")
        with pytest.raises(registry.UnknownVersionError, match=r"No run named 'mlp'.*'known'"):
            registry.run_epochs("mlp")

    def test_epochs_without_numbers_are_refused_by_name(self, home):
        with pytest.raises(registry.RegistryError, match=r"\['loss'\].*'epoch' is needed"):
            registry.log_run("x", params={}, epochs=pd.DataFrame({"loss": [1.0]}), seed=1, data_hash="abc")


def damage_by_noise(path):
    path.write_bytes(b"this is not a database " * 100)


def damage_by_emptying(path):
    path.write_bytes(b"")


def damage_by_cutting(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_by_another_database(path):
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    database.close()


@pytest.mark.parametrize("damage", [damage_by_noise, damage_by_emptying, damage_by_cutting, damage_by_another_database])
class TestDamage:
    def test_is_said_with_the_file_and_the_way_out_and_nothing_is_overwritten(self, home, damage):
        damage(registry.registry_path())
        before = registry.registry_path().read_bytes()
        for call in (
            registry.champion,
            registry.versions,
            lambda: registry.register(trained_model(), data_hash="d"),
        ):
            with pytest.raises(registry.RegistryDamagedError, match=r"registry\.db is damaged: .*recover\(\)"):
                call()
        assert registry.registry_path().read_bytes() == before

    def test_is_repaired_from_the_last_good_copy_and_the_damaged_file_is_kept(self, home, damage):
        registry.promote(validated(trained_model(4)))
        damage(registry.registry_path())
        damaged = registry.registry_path().read_bytes()
        assert registry.recover() == (
            "The damaged file was kept as registry.damaged-1.db. The last good copy, with 2 versions, is back."
        )
        assert (home / "registry.damaged-1.db").read_bytes() == damaged
        assert champion_version() == 2


def test_recovering_keeps_an_unfinished_journal_away_from_the_good_copy(home):
    registry.promote(validated(trained_model(4)))
    journal = home / "registry.db-journal"
    damage_by_emptying(registry.registry_path())
    journal.write_bytes(b"unfinished")
    registry.recover()
    assert not journal.exists()
    assert (home / "registry.damaged-1.db-journal").read_bytes() == b"unfinished"
    assert champion_version() == 2


def test_a_copy_that_cannot_be_written_does_not_undo_the_change(home):
    (home / "registry.backup.db").unlink()
    (home / "registry.backup.db").mkdir()
    version = validated(trained_model(4))
    assert registry.promote(version) == 1
    assert champion_version() == version


def test_recovering_a_healthy_registry_is_refused(home):
    with pytest.raises(registry.RegistryError, match="not damaged"):
        registry.recover()


def test_a_deleted_registry_begins_anew_and_what_is_registered_then_is_kept(home):
    registry.registry_path().unlink()
    version = validated(trained_model())
    registry.promote(version)
    assert registry.registry_path().stat().st_size > 0
    assert champion_version() == version


def test_a_home_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path / "file"))
    with pytest.raises(registry.RegistryError, match="Check that the folder may be written"):
        registry.versions()


@pytest.mark.parametrize(("after", "champion"), [(False, 1), (True, 2)])
def test_a_promotion_interrupted_at_the_alias_leaves_one_valid_champion(home, monkeypatch, after, champion):
    from mlflow import MlflowClient

    validated(trained_model(4))
    set_alias = MlflowClient.set_registered_model_alias

    def set_alias_and_stop(*arguments):
        if after:
            set_alias(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", set_alias_and_stop)
    with pytest.raises(KeyboardInterrupt):
        registry.promote(2)
    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", set_alias)
    assert champion_version() == champion
    registry.promote(2)
    assert registry.rollback() == 1


PROMOTE_AND_DIE = """
import os, signal
from mlflow import MlflowClient
from mlops_lesson.deployment import registry
MlflowClient.set_registered_model_alias = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
registry.promote(2)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_a_notebook_killed_while_promoting_leaves_one_valid_champion_and_no_lock(home):
    validated(trained_model(4))
    with run_script(PROMOTE_AND_DIE, home) as killed:
        assert killed.wait(60) == -9
    assert champion_version() == 1
    assert registry.versions()["aliases"].tolist() == ["champion", ""]
    assert registry.promote(2) == 1
    assert registry.rollback() == 1


REGISTER_MANY = """
import os, pathlib
from depot_service import trained_model, validated, wait_until
from mlops_lesson.deployment import registry
registry._mlflow(), trained_model()
pathlib.Path(f"ready-{os.getpid()}").touch()
wait_until(lambda: len(list(pathlib.Path().glob("ready-*"))) == 2, "the other notebook is ready")
for _ in range(3):
    registry.promote(validated(trained_model()))
"""


def test_two_notebooks_registering_at_once_lose_no_version(empty_home):
    empty_home.mkdir()
    running = [run_script(REGISTER_MANY, empty_home) for _ in range(2)]
    assert [process.wait(180) for process in running] == [0, 0]
    assert registry.versions()["version"].tolist() == list(range(1, 7))
    assert registry.history()["action"].tolist() == ["promoted"] * 6
    assert registry.versions()["aliases"].tolist().count("champion") == 1


def test_while_another_notebook_changes_the_registry_this_one_waits_and_then_says_so(home, monkeypatch):
    version = validated(trained_model(4))
    monkeypatch.setattr(registry, "_LOCK_SECONDS", 0.1)
    with closing(sqlite3.connect(home / "registry.lock", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(registry.RegistryError, match="if another notebook is busy, wait for it"):
            registry.promote(version)
        assert champion_version() == 1
    assert registry.promote(version) == 1


QUIET_USE = """
import socket
reached = []
connect = socket.socket.connect
socket.socket.connect = lambda self, address: reached.append(address)
import sys
import pandas as pd
from depot_service import trained_model, validated, FAILED
from mlops_lesson.deployment import registry
run = registry.log_run("r", params={}, epochs=pd.DataFrame({"epoch": [1], "loss": [1.0]}), seed=1, data_hash="a")
version = registry.register(trained_model(), data_hash="a", run_id=run)
registry.record_gate(version, passed=False, **FAILED)
registry.promote(validated(trained_model()))
registry.promote(validated(trained_model()))
registry.rollback()
registry.champion(), registry.versions(), registry.runs(), registry.history()
sys.exit(f"reached {reached}" if reached else 0)
"""


def test_using_the_registry_prints_nothing_warns_of_nothing_and_reaches_no_network(empty_home):
    empty_home.mkdir()
    with run_script(QUIET_USE, empty_home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as quiet:
        said, _ = quiet.communicate(timeout=60)
    assert (quiet.returncode, said) == (0, "")


class TestEmptyStore:
    def test_a_new_registry_begins_with_the_tables_that_mlflow_makes(self, empty_home):
        kept = registry._EMPTY.read_text(encoding="utf-8")
        assert registry_schema.made_by_mlflow() == kept, "MLflow's tables have changed: run tools/registry_schema.py"
        registry.versions()
        assert registry._sealed(registry_schema.schema_of(registry.registry_path())) == kept

    def test_an_mlflow_that_wants_other_tables_makes_its_own(self, empty_home, tmp_path, monkeypatch):
        old = tmp_path / "old.sql"
        kept = registry._EMPTY.read_text(encoding="utf-8")
        other = re.sub(r"(INTO alembic_version VALUES \(')\w+", r"\g<1>0123456789ab", registry._first_tables())
        old.write_text(registry._sealed(other), encoding="utf-8")
        monkeypatch.setattr(registry, "_EMPTY", old)
        registry.versions()
        assert registry._sealed(registry_schema.schema_of(registry.registry_path())) == kept

    def test_what_is_read_from_the_file_is_what_mlflow_says(self, home):
        version = validated(trained_model(4))
        registry.nominate(version)
        client = registry._connect(registry.registry_path())
        told = {int(entry.version): entry.tags for entry in client.search_model_versions("")}
        known = registry._catalogue()
        assert {number: entry.tags for number, entry in known.entries.items()} == told
        aliases = client.get_registered_model(registry.MODEL_NAME).aliases
        assert (
            known.aliases
            == {alias: int(number) for alias, number in aliases.items()}
            == {"champion": 1, "challenger": 2}
        )

    def test_whoever_only_reads_does_not_load_mlflow(self, home):
        code = (
            "import sys; from mlops_lesson import registry; registry.load('champion'); print('mlflow' in sys.modules)"
        )
        with run_script(code, home, stdout=subprocess.PIPE) as process:
            assert process.communicate()[0] == "False\n"


def test_a_new_registry_keeps_the_files_of_runs_beside_itself_and_says_what_its_model_does(empty_home):
    registry.register(trained_model(), data_hash="d")
    with registry._client() as client:
        place = client.get_experiment_by_name(registry._EXPERIMENT).artifact_location
        described = client.get_registered_model(registry.MODEL_NAME).description
    assert place == (registry.home() / "artifacts").as_uri()
    assert described == "Reads the route digit of a parcel, picks the chute."
