"""The six stages stand word for word as the lesson gives them, and strip, card and picture show them to everyone."""

import re

import pytest

from mlops_lesson.stages import STAGES, get_stage, lifecycle, stage_card, strip

TABLE = """
| 1 | Data Collection | Raw data from various sources | Gather data from databases, sensors, or files | Raw dataset with mixed formats | CSV files with user clicks, images from cameras |
| 2 | Data Preprocessing | Raw dataset with mixed formats | Clean, normalize, and format data for training | Cleaned dataset with consistent features | Remove missing values, scale numbers between 0 and 1 |
| 3 | Model Training | Cleaned dataset with consistent features | Train ML model using training data | Trained model with learned parameters | Neural network learns to classify images |
| 4 | Model Validation | Trained model and validation dataset | Evaluate model accuracy and performance | Performance metrics like accuracy and loss | Model achieves 85% accuracy on validation images |
| 5 | Deployment | Validated trained model | Deploy model to production environment | Model available for real-time predictions | Model runs on cloud server responding to user queries |
| 6 | Monitoring & Maintenance | Deployed model and live data | Track model performance and update if needed | Alerts on model drift and updated models | Detect accuracy drop and retrain model automatically |
"""  # noqa: E501


def test_the_stages_are_the_lessons_table_word_for_word():
    expected = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in TABLE.strip().splitlines()]
    assert [(str(s.number), s.name, s.input, s.operation, s.output, s.example) for s in STAGES] == expected


@pytest.mark.parametrize("name", [6, "Monitoring & Maintenance", "monitoring_and_maintenance", STAGES[5]])
def test_a_stage_is_found_by_number_name_and_slug(name):
    assert get_stage(name) is STAGES[5]


@pytest.mark.parametrize("name", [0, "Training"])
def test_an_unknown_stage_is_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match=f"No stage {name!r}.*1 'Data Collection', .*6 'Monitoring & Maintenance'"):
        get_stage(name)


def links(html: str) -> list[str]:
    return re.findall(r'<a href="([^"]+)"', html)


def test_the_strip_links_to_the_other_stages_and_says_you_are_here():
    shown = strip(2)
    assert repr(shown) == (
        "You are here: 2 Data Preprocessing\n1 Data Collection > [2 Data Preprocessing] > 3 Model Training > 4 Model "
        "Validation > 5 Deployment > 6 Monitoring & Maintenance > back to 1"
    )
    page = shown._repr_html_().replace("&nbsp;", " ")
    assert links(page) == [stage.notebook for stage in STAGES if stage.number != 2]
    assert page.count("<li") == 6
    assert '<span aria-current="page"><strong>2 Preprocessing</strong> (you are here)</span>' in page


def test_the_lifecycle_is_an_ordered_list_of_links_with_what_each_stage_hands_on():
    page = lifecycle()._repr_html_()
    assert links(page) == [stage.notebook for stage in STAGES]
    assert all(f"{stage.name}, hands on: {stage.output}" in repr(lifecycle()) for stage in STAGES)
    assert all(stage.output in page for stage in STAGES)
    assert not re.search(r"<(script|style|svg|img)", page), "an untrusted notebook would lose it"


def test_the_card_puts_this_runs_numbers_beside_the_general_words():
    card, stage = stage_card(6, output="<b>"), STAGES[5]
    assert repr(card).splitlines() == [
        "Stage 6, Monitoring & Maintenance",
        f"  input:     {stage.input}",
        f"  operation: {stage.operation}",
        f"  output:    {stage.output}  | in this run: <b>",
        f"  example:   {stage.example}",
    ]
    page = card._repr_html_()
    assert page.count("<tr>") == 5
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
