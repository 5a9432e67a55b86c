"""The explorer of notebook 1, driven as a learner would: move a control, read the answer."""

from collections.abc import Iterator

import ipywidgets
import pandas as pd
import pytest

from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import collect
from mlops_lesson.collection.explorer import LOSSES, SOURCES, count_usable, explore_sources, find_evidence
from mlops_lesson.show.explorer import Explorer

USABLE, LIT = "and a label", "and a light reading"


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


@pytest.mark.parametrize("source", SOURCES)
def test_a_missing_source_is_told_by_what_it_costs(sources: Explorer, source: str) -> None:
    control(sources, source).value = False
    assert f"- {LOSSES[source]}" in sources.text.splitlines()


def test_the_answers_under_the_explorer_are_those_that_it_gives(sources: Explorer) -> None:
    assert "1,176 usable labelled images." in sources.text
    for source in ("sensors", "database"):
        control(sources, source).value = False
        assert "1,176 usable labelled images." in sources.text
        control(sources, source).value = True
    control(sources, "How to join").index = 1
    assert sources.text.splitlines()[1:3] == [
        "1,132 usable labelled images.",
        "- The inner join dropped 44 labelled images, and no program complained.",
    ]
    control(sources, "sensors").value = False
    assert "1,176 usable labelled images." in sources.text


def test_the_counts_are_those_of_the_collected_table(evidence: pd.DataFrame) -> None:
    table = collect().table
    labelled = table["has_image"] & table["chute"].notna()
    assert count_usable(evidence, set(SOURCES), keep_all=True)[USABLE] == labelled.sum()
    complete = (labelled & table["lux"].notna()).sum()
    assert set(count_usable(evidence, set(SOURCES), keep_all=False).values()) == {complete}


def test_without_a_source_that_a_step_needs_nothing_is_left(evidence: pd.DataFrame) -> None:
    assert count_usable(evidence, set(SOURCES) - {"images"}, keep_all=True)[USABLE] == 0
    assert count_usable(evidence, set(SOURCES) - {"clicks"}, keep_all=True)[USABLE] == 0
    assert count_usable(evidence, {"images", "clicks", "sensors"}, keep_all=True)[LIT] == 0
    for sources in (set(), {"sensors"}):
        assert set(count_usable(evidence, sources, keep_all=False).values()) == {0}


def test_the_figure_says_its_numbers_in_words(sources: Explorer) -> None:
    assert 'alt="Bar chart of parcels. rows in the table: 1,224;' in sources.result.value
