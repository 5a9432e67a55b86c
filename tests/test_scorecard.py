from dataclasses import replace

import numpy as np
import pytest
from live_depot import ServiceWithoutNetwork, clean, fill_home, live_week, validated

from mlops_lesson import pipeline, registry, scorecard
from mlops_lesson.loop import Loop, LoopRun
from mlops_lesson.scorecard import SECTIONS, TESTS, Evidence, Outcome, ScoreCard, score_run


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
        yield Evidence(clean(), validated(), running.result())


@pytest.fixture(scope="module")
def card(evidence) -> ScoreCard:
    return score_run(evidence)


def result_of(evidence: Evidence, name: str) -> tuple[bool, str]:
    return next(test for test in TESTS if name in test.name).check(evidence)


def with_reports(evidence: Evidence, **changes) -> Evidence:
    reports = tuple(replace(report, **changes) for report in evidence.run.reports)
    return replace(evidence, run=replace(evidence.run, reports=reports))


def with_log(evidence: Evidence, **changes) -> Evidence:
    first, *others = evidence.run.logs
    return replace(evidence, run=replace(evidence.run, logs=(replace(first, **changes), *others)))


def test_the_card_has_twenty_eight_tests_seven_a_section() -> None:
    assert len(TESTS) == 28
    assert [sum(test.section == name for test in TESTS) for name in SECTIONS] == [7, 7, 7, 7]
    assert len({test.name for test in TESTS}) == 28


def test_at_least_twenty_two_tests_are_executed() -> None:
    assert sum(test.check is not None for test in TESTS) >= 22


def test_every_executed_test_says_where_it_is_earned_and_every_other_what_it_would_take() -> None:
    for test in TESTS:
        assert bool(test.where) == (test.check is not None), test.name
        assert test.points in ((0.5, 1.0) if test.check else (0,)), test.name
        assert len(test.to_do.split()) > 4, test.name


def test_the_course_earns_everything_it_claims(card: ScoreCard) -> None:
    failed = [result.test.name for result in card.results if result.test.check and not result.holds]
    assert failed == []


def test_the_score_is_the_weakest_section(card: ScoreCard) -> None:
    assert card.score == min(card.sections().values())
    assert card.sections() == {"Data": 4.0, "Model": 4.5, "Infrastructure": 6.5, "Monitoring": 6.0}


def test_missing_tests_are_named_with_what_they_would_take(card: ScoreCard) -> None:
    missing = card.missing()
    assert len(missing) == sum(test.check is None for test in TESTS)
    assert missing["to do"].str.len().min() > 20


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("code that makes inputs", lambda e: with_log(e, X=e.run.logs[0].X + 1)),
        ("checked while serving", lambda e: with_log(e, X=e.run.logs[0].X + 17)),
        ("compute the same", lambda e: with_log(e, score=e.run.logs[0].score + 0.001)),
        ("stay finite", lambda e: with_log(e, score=np.full(len(e.run.logs[0].score), np.nan))),
        ("an old model costs", lambda e: replace(e, run=replace(e.run, unattended=(1.0,) * 8))),
        ("not get worse unnoticed", lambda e: with_reports(e, state="nothing")),
        ("model's age", lambda e: with_reports(e, action="go on")),
        ("on trial first", lambda e: replace(e, run=replace(e.run, run="another run"))),
        ("figure in the lab", lambda e: with_reports(e, state="nothing")),
    ],
)
def test_a_test_fails_without_its_evidence(evidence: Evidence, name: str, spoil) -> None:
    tests = [test for test in TESTS if name in test.name and test.check]
    assert [test.check(evidence)[0] for test in tests] == [True]
    assert [test.check(spoil(evidence))[0] for test in tests] == [False]


@pytest.mark.parametrize("rule", [1, 2])
def test_a_gate_rule_that_failed_earns_nothing(evidence: Evidence, rule: int) -> None:
    reasons = tuple("failed: no" if i == rule else text for i, text in enumerate(validated().gate.reasons))
    spoiled = replace(evidence, validated=replace(validated(), gate=replace(validated().gate, reasons=reasons)))
    name = {1: "simpler model", 2: "every slice"}[rule]
    assert not result_of(spoiled, name)[0]


def test_without_a_rollback_going_back_is_not_earned(evidence, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(tmp_path))
    fill_home(tmp_path)
    assert result_of(evidence, "Going back") == (False, "nobody has tried a rollback")


def test_a_training_that_cannot_be_repeated_earns_nothing(evidence, monkeypatch) -> None:
    other = pipeline.train(clean(), replace(validated().settings, seed=1, epochs=1))
    monkeypatch.setattr(pipeline, "train", lambda *_: other)
    assert not result_of(evidence, "Training can be repeated")[0]


def test_a_contract_that_lets_everything_through_earns_nothing(evidence, monkeypatch) -> None:
    monkeypatch.setattr(scorecard, "require_clean", lambda dataset: dataset)
    assert not result_of(evidence, "written down and enforced")[0]


@pytest.mark.parametrize(
    ("points", "word"), [(0, "research"), (0.5, "holes"), (1.5, "first pass"), (6, "exceptionally")]
)
def test_the_level_follows_the_score(points: float, word: str) -> None:
    tests = [replace(test, points=points / 7) for test in TESTS]
    filled = ScoreCard(tuple(Outcome(test, True, "seen") for test in tests))
    assert filled.score == pytest.approx(points)
    assert word in filled.level


def test_the_table_can_be_cut_to_a_section(card: ScoreCard) -> None:
    assert len(card.table()) == 28
    assert set(card.table("Model")["section"]) == {"Model"}
    with pytest.raises(ValueError, match="give one of Data, Model"):
        card.table("Modell")


def test_the_card_is_shown_with_headers_and_links_to_the_cells_that_earn_it(card: ScoreCard) -> None:
    html = card._repr_html_()
    assert html.count('scope="row"') == 28
    assert html.count('scope="rowgroup"') == 4
    assert html.count("<a href=") == sum(test.check is not None for test in TESTS)
    assert '<a href="04_model_validation.ipynb#Try">notebook 4, Try</a>' in html


def test_the_figure_names_all_four_sections_in_words(card: ScoreCard) -> None:
    alt = card.plot().alt
    assert all(name in alt for name in SECTIONS)
    assert "The score is 4.0." in alt


def test_the_card_can_be_exported(card: ScoreCard, tmp_path) -> None:
    page = card.export(tmp_path / "mine").read_text(encoding="utf-8")
    assert page.count("\n|") == 30
    assert "ML Test Score 4.0 of 7" in page
    assert "10.1109/BigData.2017.8258038" in page


def test_an_empty_run_is_no_evidence_of_a_loop(evidence: Evidence) -> None:
    nothing = LoopRun("none", evidence.run.reports[:4], evidence.run.unattended[:4], evidence.run.logs[:4])
    held = {result.test.name for result in score_run(replace(evidence, run=nothing)).results if result.holds}
    assert "A new model meets real traffic on trial first" not in held
    assert "The model's age is known" not in held
