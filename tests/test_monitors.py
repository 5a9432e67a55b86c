import numpy as np
import pandas as pd
import pytest
from live_depot import clean, live_week, pool, validated
from scipy.stats import ks_2samp

from mlops_lesson.collection import depot
from mlops_lesson.monitoring import monitors
from mlops_lesson.monitoring.monitors import Observed, Reference
from mlops_lesson.monitoring.rehearsal import Dealer, Pool, _labels_and_hours, clean_pool, rehearse
from mlops_lesson.monitoring.weeks import reference_of
from mlops_lesson.validation.behaviour import dim, shift

CHANCE = np.random.default_rng(0)
QUIET = np.random.default_rng(1).normal(size=500)


def observed(X: np.ndarray, right: np.ndarray | None = None, week: int = 1) -> Observed:
    score = validated().model.predict_proba(X)[:, 1]
    return Observed(week, X, score, np.ones(len(X), dtype=bool) if right is None else right)


def first_reference() -> Reference:
    return reference_of(validated().model, clean())


@pytest.mark.parametrize("n", [20, 75, 300])
def test_the_ks_test_agrees_with_scipy(n: int) -> None:
    other = CHANCE.normal(0.2, 1.1, n)
    assert monitors.ks_p_value(QUIET, other) == pytest.approx(ks_2samp(QUIET, other, method="asymp").pvalue, rel=1e-9)


def test_the_lowest_pixel_p_agrees_with_scipy_pixel_by_pixel() -> None:
    X, other = clean().part("test")[0], live_week(5).X
    one_by_one = min(ks_2samp(X[:, i], other[:, i], method="asymp").pvalue for i in range(64))
    assert monitors.lowest_pixel_p(X, other) == pytest.approx(one_by_one, rel=1e-9)


def test_without_drift_the_ks_test_alarms_as_often_as_its_level_says() -> None:
    alarms = [monitors.ks_p_value(CHANCE.normal(size=200), CHANCE.normal(size=75)) < 0.05 for _ in range(1000)]
    assert 0.02 <= np.mean(alarms) <= 0.07


def test_psi_is_zero_for_the_same_sample_and_grows_with_a_shift() -> None:
    small, large = monitors.psi(QUIET, QUIET + 0.2), monitors.psi(QUIET, QUIET + 0.8)
    assert monitors.psi(QUIET, QUIET) == pytest.approx(0, abs=1e-12)
    assert 0 < small < large


def test_the_rule_of_psi_rings_on_small_clean_batches_and_not_on_large_ones() -> None:
    def share(n: int) -> float:
        return float(np.mean([monitors.psi(QUIET, CHANCE.choice(QUIET, n)) >= monitors.PSI_RULE for _ in range(200)]))

    assert share(50) > 0.25
    assert share(400) < 0.02


def test_psi_copes_with_a_reference_of_few_values() -> None:
    assert np.isfinite(monitors.psi(np.repeat([0.0, 1.0], 50), np.array([2.0, 3.0])))


@pytest.mark.parametrize("compare", [monitors.ks_p_value, monitors.psi, monitors.lowest_pixel_p])
def test_an_empty_window_is_named(compare) -> None:
    with pytest.raises(ValueError, match="200 reference and 0 current values"):
        compare(np.zeros((200, 64)) if compare is monitors.lowest_pixel_p else np.zeros(200), np.zeros((0,)))


def test_one_bin_is_no_index() -> None:
    with pytest.raises(ValueError, match="2 bins or more"):
        monitors.psi(QUIET, QUIET, bins=1)


def test_adwin_finds_a_step_soon_after_it_and_nothing_before() -> None:
    steps = np.concatenate([CHANCE.normal(0.2, 0.1, 200), CHANCE.normal(0.8, 0.1, 200)])
    found = monitors.adwin_alarms(CHANCE.normal(0.2, 0.1, 200), steps)
    assert not found[:200].any()
    assert found[200:264].any()


def test_confidence_is_the_probability_of_the_picked_chute() -> None:
    assert monitors.confidence(np.array([0.1, 0.5, 0.75])).tolist() == [0.9, 0.5, 0.75]


def test_dimming_rings_the_brightness_and_not_the_accuracy() -> None:
    week = observed(dim(live_week(1, True).X))
    assert monitors.BRIGHTNESS.alarms(first_reference(), [week]).tolist() == [True]
    assert monitors.ACCURACY.alarms(first_reference(), [week]).tolist() == [False]


def test_a_bump_rings_the_scores_and_not_the_brightness() -> None:
    bumped = observed(shift(np.concatenate([live_week(week, True).X for week in (5, 6)])))
    assert monitors.SCORES.alarms(first_reference(), [bumped]).tolist() == [True]
    assert monitors.BRIGHTNESS.alarms(first_reference(), [bumped]).tolist() == [False]


@pytest.mark.parametrize(("n_right", "rings"), [(60, True), (68, False), (75, False)])
def test_accuracy_rings_when_it_is_proven_to_be_below_the_gate(n_right: int, rings: bool) -> None:
    week = observed(live_week(1).X, np.arange(80) < n_right)
    assert monitors.ACCURACY.alarms(first_reference(), [week]).tolist() == [rings]


def test_without_labels_accuracy_says_nothing_and_the_clicks_monitor_rings() -> None:
    week = observed(live_week(1).X, np.array([], dtype=bool))
    assert np.isnan(monitors.ACCURACY.values(first_reference(), [week])).all()
    assert not monitors.ACCURACY.alarms(first_reference(), [week]).any()
    assert monitors.LABELS.alarms(first_reference(), [week]).all()


def test_adwin_counts_the_detections_of_each_week_apart() -> None:
    weeks = [observed(live_week(week).X, week=week) for week in range(1, 9)]
    counts = monitors.SCORES_ADWIN.values(first_reference(), weeks)
    assert counts[:4].sum() == 0
    assert counts[4:].sum() >= 1


def test_watching_gives_a_row_for_each_week_and_monitor() -> None:
    readings = monitors.watch(first_reference(), [observed(live_week(week).X, week=week) for week in (1, 3)])
    assert len(readings) == 2 * len(monitors.MONITORS)
    assert readings["week"].is_monotonic_increasing
    table = monitors.alarm_table(readings)
    assert table.index.tolist() == [monitor.name for monitor in monitors.MONITORS]
    assert table.loc["brightness, KS"].tolist() == ["-", "ALARM"]


def test_watching_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Give the monitors one week or more to look at; got none\.$"):
        monitors.watch(first_reference(), [])


@pytest.mark.parametrize(("labels", "share", "rings"), [(0, 0, True), (1, 0.25, True), (2, 0.5, False), (4, 1, False)])
def test_the_share_of_labelled_parcels_rings_below_one_half(labels: int, share: float, rings: bool) -> None:
    week = Observed(1, np.zeros((4, 64)), np.full(4, 0.5), np.ones(labels, dtype=bool))
    reference = Reference(np.zeros((4, 64)), np.full(4, 0.5))
    assert monitors.LABELS.values(reference, [week]).tolist() == [share]
    assert monitors.LABELS.alarms(reference, [week]).tolist() == [rings]


@pytest.mark.parametrize("monitor", monitors.MONITORS, ids=lambda monitor: monitor.name)
def test_a_week_without_parcels_is_named_by_every_monitor(monitor: monitors.Monitor) -> None:
    nothing = Observed(1, np.zeros((0, 64)), np.zeros(0), np.zeros(0, dtype=bool))
    with pytest.raises(ValueError, match="4 reference and 0 current values"):
        monitor.alarms(Reference(np.zeros((4, 64)), np.full(4, 0.5)), [nothing])


def test_readings_are_numbered_by_week_in_the_order_of_the_monitors() -> None:
    weeks = [observed(live_week(number).X, week=number) for number in (2, 1)]
    readings = monitors.watch(first_reference(), weeks, [monitors.SCORES, monitors.BRIGHTNESS])
    assert readings.index.tolist() == [0, 1, 2, 3]
    assert readings.columns.tolist() == ["week", "monitor", "looks_at", "value", "threshold", "alarm"]
    assert readings["week"].tolist() == [1, 1, 2, 2]
    assert readings["monitor"].tolist() == ["scores, KS", "brightness, KS"] * 2


def test_the_pool_holds_the_test_images_and_the_control_stream() -> None:
    n_live = sum(len(live_week(week, True).X) for week in range(1, 9))
    assert pool().n_reference == 200
    assert len(pool().X) == len(pool().label) == len(pool().hours) == 200 + n_live
    assert np.isfinite(pool().label[:200]).all()
    assert (pool().hours[np.isfinite(pool().hours)] > 0).all()


def last_clicks(ids: pd.Series, clicks: pd.DataFrame) -> dict[int, tuple[pd.Timestamp, str]]:
    """Go through the clicks one by one: what was clicked last counts."""
    last: dict[int, tuple[pd.Timestamp, str]] = {}
    wanted = set(ids)
    for parcel, at, chute in clicks[["parcel_id", "clicked_at", "chute"]].itertuples(index=False):
        if parcel in wanted and (parcel not in last or at >= last[parcel][0]):
            last[parcel] = (at, chute)
    return last


def test_a_parcel_of_the_pool_has_the_label_of_its_last_click_and_the_hours_until_then() -> None:
    made = clean_pool(clean())
    weeks = [live_week(week, True) for week in range(1, depot.LIVE_WEEKS + 1)]
    test = clean().table[clean().table["split"] == "test"]
    assert np.array_equal(made.X, np.concatenate([clean().part("test")[0], *(week.X for week in weeks)]))
    assert made.n_reference == len(test)
    seen = pd.concat([test, *(week.parcels for week in weeks)]).set_index("id")["seen_at"]
    n_test = made.n_reference
    last = last_clicks(seen.index[:n_test], depot.read_clicks())
    last |= last_clicks(seen.index[n_test:], depot.read_live_clicks())
    assert np.isfinite(made.label).sum() == len(last) < len(seen)
    for place, (parcel, at) in enumerate(seen.items()):
        if parcel in last:
            assert made.hours[place] == (last[parcel][0] - at).total_seconds() / 3600
            assert made.label[place] == {"A": 0, "B": 1}[last[parcel][1].strip().upper()]
        else:
            assert np.isnan(made.hours[place])
            assert np.isnan(made.label[place])


def test_the_hours_left_of_a_week_are_those_from_each_parcel_to_its_end() -> None:
    made = clean_pool(clean())
    assert len(made.hours_left) == depot.LIVE_WEEKS
    for number, left in enumerate(made.hours_left, start=1):
        week = live_week(number, True)
        assert left.tolist() == [(week.end - at).total_seconds() / 3600 for at in week.parcels["seen_at"]]


def test_of_two_clicks_at_one_time_the_one_that_was_written_later_counts() -> None:
    at = pd.Timestamp("2026-01-05 08:00")
    clicks = pd.DataFrame(
        {
            "parcel_id": [7, 8, 7, 7],
            "clicked_at": [at + pd.Timedelta(hours=6), at, at, at + pd.Timedelta(hours=6)],
            "chute": ["A", " a ", "A", "b"],
        }
    )
    ids, seen_at = pd.Series([9, 7, 8]), pd.Series([at - pd.Timedelta(hours=1)] * 3)
    label, hours = _labels_and_hours(ids, seen_at, clicks)
    np.testing.assert_array_equal(label, [np.nan, 1, 0])
    np.testing.assert_array_equal(hours, [np.nan, 7, 1])


def test_a_score_of_exactly_one_half_says_chute_b() -> None:
    class Undecided:
        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            return np.full((len(X), 2), 0.5)

    few = Pool(np.zeros((3, 64)), np.array([0.0, 1.0, 1.0]), np.array([1.0, 1.0, 99.0]), 1, ())
    order, left = np.array([0, 1, 2]), [np.array([2.0, 2.0])]
    _, (week,) = Dealer(Undecided(), few).deal(order, left, ["healthy"])
    assert week.right.tolist() == [True]


@pytest.fixture(scope="module")
def table():
    return rehearse(validated().model, pool(), repeats=30, seed=3).table()


@pytest.mark.parametrize("name", ["brightness, KS", "64 pixels, Bonferroni", "scores, KS", "confidence, KS"])
def test_tests_at_one_percent_ring_in_about_one_quiet_week_in_a_hundred(table, name: str) -> None:
    assert table.loc[name, "false alarms"] <= 0.03


@pytest.mark.parametrize("name", ["scores, ADWIN", "confidence, ADWIN", "clicks arrive", "accuracy on clicks"])
def test_the_careful_monitors_are_silent_while_nothing_happens(table, name: str) -> None:
    assert table.loc[name, "false alarms"] <= 0.01


def test_sixty_four_uncorrected_tests_ring_in_about_every_second_quiet_week(table) -> None:
    assert 0.4 <= table.loc["64 pixels, each at 0.05", "false alarms"] <= 0.7


def test_accuracy_scores_and_pixels_find_the_bump_in_its_first_week(table) -> None:
    for name in ("accuracy on clicks", "scores, KS", "64 pixels, Bonferroni"):
        assert table.loc[name, "bump found"] >= 0.85, name
        assert table.loc[name, "weeks to alarm"] == 1, name


def test_confidence_by_adwin_never_notices_that_the_model_is_broken(table) -> None:
    assert table.loc["confidence, ADWIN", "bump found"] == 0
    assert np.isnan(table.loc["confidence, ADWIN", "weeks to alarm"])


def test_the_same_seed_gives_the_same_rehearsal() -> None:
    one, other = (rehearse(validated().model, pool(), 2, seed=5, monitors=[monitors.SCORES]) for _ in range(2))
    assert one.table().equals(other.table())


def test_a_monitor_that_always_says_fine_finds_nothing() -> None:
    fine = monitors.Monitor("fine", "input", "nothing", lambda _, weeks: np.zeros(len(weeks)), 1, True)
    found = rehearse(validated().model, pool(), 3, monitors=[fine]).table().loc["fine"]
    assert found["false alarms"] == found["bump found"] == 0
