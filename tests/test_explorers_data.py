"""The explorer of notebook 1, driven as a learner would: move a control, read the answer."""

from collections.abc import Iterator

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


def test_the_answers_under_the_explorer_are_those_that_it_gives(sources: Explorer) -> None:
    *switches, join = sources.controls
    usable = []
    for source, switch in zip(SOURCES, switches, strict=True):
        switch.value = False
        assert LOSSES[source] in sources.answer.notes
        usable.append(sources.answer.headline)
        switch.value = True
    assert usable == [f"{n} usable labelled images" for n in ("1,176", "0", "0", "1,176")]
    join.index = 1
    assert sources.text.splitlines()[1:3] == [
        "1,132 usable labelled images.",
        "- The inner join dropped 44 labelled images, and no program complained.",
    ]
    assert 'alt="Bar chart of parcels. rows in the table: 1,132;' in sources.result.value
    switches[-1].value = False
    assert sources.answer.headline == "1,176 usable labelled images"


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
