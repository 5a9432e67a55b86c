"""The explorer of notebook 1, driven as a learner would: move a control, read the answer."""

from collections.abc import Iterator

import ipywidgets
import pandas as pd
import pytest

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import RawDataset, collect
from mlops_lesson.collection.explorer import LOSSES, SOURCES, count_usable, explore_sources, find_evidence
from mlops_lesson.show.explorer import Explorer

USABLE, LIT = "and a label", "and a light reading"


@pytest.fixture(scope="module")
def raw() -> RawDataset:
    return collect()


@pytest.fixture(scope="module")
def evidence() -> pd.DataFrame:
    return find_evidence(depot.read_parcels(), depot.read_images(), depot.read_sensors(), depot.read_clicks())


@pytest.fixture
def sources() -> Iterator[Explorer]:
    shown = explore_sources(depot.read_parcels(), depot.read_images(), depot.read_sensors(), depot.read_clicks())
    yield shown
    shown.widget.close()


def control(shown: Explorer, description: str) -> ipywidgets.Widget:
    return next(one for one in shown.controls if one.description == description)


def test_the_explorer_of_sources_is_named_and_its_controls_say_what_they_do(sources: Explorer) -> None:
    assert sources.title == "Sources and usable images"
    assert [one.description for one in sources.controls] == [*SOURCES, "How to join"]
    assert sources.controls[-1].options == ("left join: keep every row", "inner join: keep complete rows")


@pytest.mark.parametrize("source", SOURCES)
def test_a_missing_source_is_told_by_what_it_costs(sources: Explorer, source: str) -> None:
    control(sources, source).value = False
    assert f"- {LOSSES[source]}" in sources.text.splitlines()
    assert LOSSES[source].startswith(f"Without the {source} ")
    assert LOSSES[source].endswith(".")


def test_what_an_inner_join_drops_is_told_in_a_sentence(sources: Explorer) -> None:
    control(sources, "How to join").index = 1
    assert sources.text.splitlines()[1:3] == [
        "1,132 usable labelled images.",
        "- The inner join dropped 44 labelled images, and no program complained.",
    ]


def test_all_sources_give_every_labelled_image(evidence: pd.DataFrame, raw: RawDataset) -> None:
    labelled = raw.table["has_image"] & raw.table["chute"].notna()
    assert count_usable(evidence, set(SOURCES), keep_all=True)[USABLE] == labelled.sum()


def test_an_inner_join_keeps_what_all_sources_know(evidence: pd.DataFrame, raw: RawDataset) -> None:
    complete = raw.table["has_image"] & raw.table["chute"].notna() & raw.table["lux"].notna()
    counts = count_usable(evidence, set(SOURCES), keep_all=False)
    assert set(counts.values()) == {complete.sum()}


def test_with_an_inner_join_a_source_less_can_mean_more_images(evidence: pd.DataFrame) -> None:
    with_sensors = count_usable(evidence, set(SOURCES), keep_all=False)[USABLE]
    without = count_usable(evidence, set(SOURCES) - {"sensors"}, keep_all=False)[USABLE]
    assert without > with_sensors


@pytest.mark.parametrize("source", ["images", "clicks"])
def test_without_images_or_clicks_nothing_is_usable(evidence: pd.DataFrame, source: str) -> None:
    assert count_usable(evidence, set(SOURCES) - {source}, keep_all=True)[USABLE] == 0


def test_a_reading_is_found_through_the_database_only(evidence: pd.DataFrame) -> None:
    assert count_usable(evidence, {"images", "clicks", "sensors"}, keep_all=True)[LIT] == 0


def test_no_source_gives_nothing(evidence: pd.DataFrame) -> None:
    assert set(count_usable(evidence, set(), keep_all=True).values()) == {0}
    assert set(count_usable(evidence, {"sensors"}, keep_all=False).values()) == {0}


def test_the_explorer_of_sources_tells_what_each_choice_costs(sources: Explorer) -> None:
    assert "1,176 usable labelled images." in sources.text
    control(sources, "database").value = False
    assert "no split by time" in sources.text
    control(sources, "database").value = True
    control(sources, "How to join").index = 1
    assert "1,132 usable labelled images." in sources.text
    assert "dropped 44 labelled images" in sources.text
    control(sources, "sensors").value = False
    assert "1,176 usable labelled images." in sources.text


def test_the_explorer_of_sources_shows_a_figure_with_its_numbers_as_words(sources: Explorer) -> None:
    assert 'alt="Bar chart of parcels. rows in the table: 1,224;' in sources.result.value
