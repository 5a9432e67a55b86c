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


def test_each_stage_names_its_notebook():
    assert [stage.notebook for stage in STAGES] == [
        "01_data_collection.ipynb",
        "02_data_preprocessing.ipynb",
        "03_model_training.ipynb",
        "04_model_validation.ipynb",
        "05_deployment.ipynb",
        "06_monitoring_and_maintenance.ipynb",
    ]


@pytest.mark.parametrize("name", [6, "Monitoring & Maintenance", "monitoring_and_maintenance", STAGES[5]])
def test_a_stage_is_found_by_number_name_and_slug(name):
    assert get_stage(name) is STAGES[5]


@pytest.mark.parametrize("name", [0, 7, "Training", True, None])
def test_an_unknown_stage_is_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match="No stage ") as refusal:
        get_stage(name)
    assert str(refusal.value) == (
        f"No stage {name!r}. Give a number or a name: 1 'Data Collection', 2 'Data Preprocessing', 3 'Model Training', "
        "4 'Model Validation', 5 'Deployment', 6 'Monitoring & Maintenance'."
    )


def links(html: str) -> list[str]:
    return re.findall(r'<a href="([^"]+)"', html)


def test_the_strip_links_to_the_other_stages_and_says_you_are_here():
    shown = strip(2)
    assert repr(shown) == (
        "You are here: 2 Data Preprocessing\n1 Data Collection > [2 Data Preprocessing] > 3 Model Training > 4 Model "
        "Validation > 5 Deployment > 6 Monitoring & Maintenance > back to 1"
    )
    page = shown._repr_html_().replace("\u00a0", " ")
    assert links(page) == [stage.notebook for stage in STAGES if stage.number != 2]
    assert page.count("<li") == 6
    assert '<span aria-current="page"><strong>2 Preprocessing</strong> (you are here)</span>' in page


def test_the_lifecycle_is_an_ordered_list_of_links_with_what_each_stage_hands_on():
    page = lifecycle()._repr_html_()
    assert links(page) == [stage.notebook for stage in STAGES]
    assert all(f"{stage.name}, hands on: {stage.output}" in repr(lifecycle()) for stage in STAGES)
    assert all(stage.output in page for stage in STAGES)


def test_the_lifecycle_needs_no_script_and_no_drawing_which_an_untrusted_notebook_would_lose():
    assert not re.search(r"<(script|style|svg|img)", lifecycle()._repr_html_())


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
    assert [page.count(piece) for piece in ("<tr>", 'scope="row"', 'scope="col"', "&lt;b&gt;", "<b>")] == [
        5,
        4,
        3,
        1,
        0,
    ]


def test_the_card_refuses_a_part_that_a_stage_does_not_have():
    with pytest.raises(ValueError, match="has input, operation, output and example; got cost, time as well"):
        stage_card(3, time="long", cost="much", input="one")
