"""The score card is computed from evidence, by the rubric's own rules."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from live_depot import ServiceWithoutNetwork, clean, fill_home, live_week, validated

from mlops_lesson import scorecard
from mlops_lesson.deployment import registry
from mlops_lesson.monitoring.loop import Loop
from mlops_lesson.scorecard import TESTS, Evidence, ScoreCard, fill_card, look, score_run


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_LESSON_HOME", str(home))
        fill_home(home)
        running = Loop(ServiceWithoutNetwork(), clean())
        for week in range(1, 9):
            running.step(live_week(week))
        registry.rollback()
        registry.promote(2)
        yield Evidence(clean(), validated(), running)


@pytest.fixture(scope="module")
def card(evidence) -> ScoreCard:
    return score_run(evidence)


def named(words: str) -> dict:
    (test,) = (test for test in TESTS if words in test["name"])
    return test


def with_run(e: Evidence, **changes) -> Evidence:
    run = copy.copy(e.run)
    vars(run).update(changes)
    return replace(e, run=run)


def with_reports(e: Evidence, **changes) -> Evidence:
    return with_run(e, reports=[replace(report, **changes) for report in e.run.reports])


def with_log(e: Evidence, **changes) -> Evidence:
    first, *others = e.run.logs
    return with_run(e, logs=[replace(first, **changes), *others])


def test_the_card_has_seven_tests_a_section_and_says_the_next_step_of_what_is_not_automated() -> None:
    tests = pd.DataFrame(TESTS).drop_duplicates("name")
    assert tests["section"].value_counts().to_dict() == dict.fromkeys(
        ["Data", "Model", "Infrastructure", "Monitoring"], 7
    )
    assert (tests["to_do"].notna() == (tests["points"] < 1)).all()
    assert (tests["check"].notna() == (tests["points"] > 0)).all()


def test_the_score_is_that_of_the_weakest_section(card: ScoreCard) -> None:
    assert card.sections.to_dict() == {"Data": 2.5, "Model": 2.5, "Infrastructure": 4.0, "Monitoring": 4.0}
    assert card.summary.startswith("ML Test Score 2.5 of 7, reasonably tested")
    # What an earlier notebook found wanting earns nothing.
    points = card.rows.set_index("test")["points"]
    assert points["Quality is enough on every slice that matters"] == 0
    assert points["Settings were searched for"] == 0
    assert points["Every input earns its place"] == 0


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("code that makes inputs", lambda e: with_log(e, X=e.run.logs[0].X + 1)),
        ("checked while serving", lambda e: with_log(e, X=e.run.logs[0].X + 17)),
        ("compute the same", lambda e: with_log(e, score=e.run.logs[0].score + 0.001)),
        ("stay finite", lambda e: with_log(e, score=np.full(len(e.run.logs[0].score), np.nan))),
        ("an old model costs", lambda e: with_reports(e, unattended=1.0)),
        ("quality does not get worse", lambda e: with_reports(e, values={})),
        ("model's age", lambda e: with_reports(e, action="go on")),
        ("answers a few requests first", lambda e: with_run(e, run="another run")),
        ("move together", lambda e: with_reports(e, state="nothing")),
    ],
)
def test_a_test_fails_without_its_evidence(evidence: Evidence, name: str, spoil) -> None:
    assert look(named(name), evidence)[0]
    assert not look(named(name), spoil(evidence))[0]


def test_without_a_rollback_going_back_is_not_earned(evidence: Evidence, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    assert look(named("Going back"), evidence) == (False, "nobody has tried a rollback")


def test_a_contract_that_lets_everything_through_earns_nothing(evidence: Evidence, monkeypatch) -> None:
    monkeypatch.setattr(scorecard, "require_clean", lambda dataset: dataset)
    assert not look(TESTS[0], evidence)[0]


@pytest.mark.parametrize(("points", "word"), [(0, "research"), (0.5, "holes"), (1.5, "first pass"), (6, "exceptional")])
def test_the_level_follows_the_score(card: ScoreCard, points: float, word: str) -> None:
    assert word in fill_card(card.rows.assign(points=points / 7)).summary


def test_ten_rows_to_act_on_come_first_and_all_rows_fold_out(card: ScoreCard) -> None:
    first, every = card._repr_html_().split("<details>")
    assert first.count("<tr>") == 11
    assert every.count("<tr>") == 29
    assert "Monitoring<" not in first, "it is not among the weakest sections"
    assert all(test["name"] in repr(card) for test in TESTS)


def test_the_figure_and_the_page_say_the_score(card: ScoreCard, tmp_path) -> None:
    assert "Data: 2.5; Model: 2.5; Infrastructure: 4.0; Monitoring: 4.0" in card.plot().alt
    page = card.export(tmp_path / "mine").read_text(encoding="utf-8")
    assert page.count("\n|") == 30
    assert "ML Test Score 2.5 of 7" in page
