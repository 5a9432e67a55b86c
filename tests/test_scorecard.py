from dataclasses import replace
from html import escape
from types import SimpleNamespace

import numpy as np
import pytest
from live_depot import ServiceWithoutNetwork, clean, fill_home, live_week, validated

from mlops_lesson import pipeline, scorecard
from mlops_lesson.collection import depot
from mlops_lesson.deployment import registry
from mlops_lesson.monitoring.loop import Loop, LoopRun
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
    outcomes = [outcome for outcome in card.results if outcome.test.check is None]
    assert [(outcome.holds, outcome.seen) for outcome in outcomes] == [
        (False, f"missing: {outcome.test.to_do}") for outcome in outcomes
    ]


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
    spoiled = replace(evidence, validated=SimpleNamespace(gate=replace(validated().gate, reasons=reasons)))
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


def small_card() -> ScoreCard:
    """A card of two tests in the first section: one that holds and one that nobody can show."""
    shown, unshown = TESTS[0], next(test for test in TESTS if test.check is None)
    assert shown.section == unshown.section == "Data"
    return ScoreCard((Outcome(shown, True, "a < b"), Outcome(unshown, False, "missing")))


def test_the_page_of_the_card_is_a_table_with_a_body_a_section() -> None:
    card, head = small_card(), '<th scope="col" style="text-align:left">'
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left;font-weight:normal">{result.test.name}</th>'
        f'<td style="text-align:left">{result.points:.1f}</td><td style="text-align:left">{seen}</td>'
        f'<td style="text-align:left">{link}</td></tr>'
        for result, seen, link in zip(
            card.results,
            ("a &lt; b", "missing"),
            ('<a href="02_data_preprocessing.ipynb#Try">notebook 2, Try</a>', "-"),
            strict=True,
        )
    )
    bodies = "".join(
        f'<tbody><tr><th scope="rowgroup" colspan="4" style="text-align:left">{name}: {points} of 7</th></tr>{body}'
        "</tbody>"
        for name, points, body in (("Data", "1.0", rows), *((name, "0.0", "") for name in SECTIONS[1:]))
    )
    caption = f"ML Test Score 0.0 of 7: {card.level}"
    assert card._repr_html_() == (
        f'<div style="overflow-x:auto" tabindex="0" role="group" aria-label="{escape(caption)}"><table>'
        f'<caption style="text-align:left">{escape(caption)}</caption><thead><tr>{head}Test</th>{head}Points</th>'
        f"{head}Evidence</th>{head}Earned in</th></tr></thead>{bodies}</table></div>"
    )


def test_the_card_in_plain_text_and_as_a_file_has_a_line_a_test(tmp_path) -> None:
    card, (one, other) = small_card(), (result.test.name for result in small_card().results)
    first = f"ML Test Score 0.0 of 7: {card.level}\nData 1.0, Model 0.0, Infrastructure 0.0, Monitoring 0.0"
    assert repr(card) == f"{first}\n1.0  Data: {one} (a < b)\n0.0  Data: {other} (missing)"
    page = card.export(tmp_path)
    assert page == tmp_path / "ml_test_score.md"
    assert page.read_text(encoding="utf-8") == (
        f"# ML Test Score\n\n{first}\n\n| section | test | points | evidence |\n|---|---|---|---|\n"
        f"| Data | {one} | 1.0 | a < b |\n| Data | {other} | 0.0 | missing |\n\n"
        "Rubric: Breck, Cai, Nielsen, Salib and Sculley (2017), doi 10.1109/BigData.2017.8258038.\n"
    )


def test_the_tables_of_the_card_name_their_columns() -> None:
    card, (one, other) = small_card(), (result.test for result in small_card().results)
    assert card.table().to_dict("records") == [
        {"section": "Data", "test": one.name, "points": 1.0, "evidence": "a < b", "notebook": "02"},
        {"section": "Data", "test": other.name, "points": 0.0, "evidence": "missing", "notebook": "-"},
    ]
    assert card.missing().to_dict("records") == [{"section": "Data", "test": other.name, "to do": other.to_do}]


def test_what_was_seen_is_told_in_numbers_of_this_run(evidence: Evidence, card: ScoreCard) -> None:
    seen = {result.test.check.__name__: result.seen for result in card.results if result.test.check}
    reports, logs = evidence.run.reports, evidence.run.logs
    served = sum(len(log.X) for log in logs)
    promoted = [report.week for report in reports if report.action == "promote"][-1]
    alerts = sum(report.state == scorecard.ALERT for report in reports)
    stale, fresh = evidence.run.unattended[-1], reports[-1].accuracy
    assert {name: seen[name] for name in (
        "_schema", "_only_pixels", "_inputs_arrive_unchanged", "_settings_searched", "_staleness_known",
        "_learns_by_heart", "_runs_as_a_whole", "_served_in_range", "_no_skew", "_age_known", "_stable_numbers",
        "_quality_watched", "_sources_unchanged")} == {
        "_schema": "255 in one pixel is refused",
        "_only_pixels": "the model gets 64 pixels and nothing else",
        "_inputs_arrive_unchanged": f"{len(logs[0].X)} images in the service's log equal the cameras' files",
        "_settings_searched": "of 3 learning rates, the chosen one is best on validation images",
        "_staleness_known": f"last week: {stale:.2f} without a new model, {fresh:.2f} with it",
        "_learns_by_heart": "the network learns 64 of 64 images by heart",
        "_runs_as_a_whole": "one call went through six stages and 8 live weeks",
        "_served_in_range": f"all of {served} served images lie in 0 to 16",
        "_no_skew": f"{len(logs[0].X)} served scores equal the model's own",
        "_age_known": f"the champion has answered for {8 - promoted} weeks",
        "_stable_numbers": f"{served} scores and all weights are finite",
        "_quality_watched": f"accuracy on clicks every Monday; alerts: {alerts} weeks",
        "_sources_unchanged": "{0} of {0} data files have their checksum".format(len(depot.verify_data())),
    }  # fmt: skip


def test_without_a_bad_week_no_alert_was_needed(evidence: Evidence) -> None:
    calm = with_reports(evidence, state="nothing", high=1.0)
    assert result_of(calm, "Prediction quality") == (True, "accuracy on clicks every Monday; no alert was needed")
