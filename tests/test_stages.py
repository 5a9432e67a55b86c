"""The six stages stand word for word as the lesson gives them."""

from html import escape

import pytest

from mlops_lesson.stages import KEY_INSIGHT, OPEN_IN_PRINT, STAGES, get_stage, stage_card, strip

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


def test_the_key_insight_is_the_lessons():
    assert KEY_INSIGHT == (
        "MLOps manages the ML lifecycle to keep models accurate and reliable by organizing data handling, training, "
        "deployment, and continuous monitoring, so that models stay useful in changing real-world conditions."
    )


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


def test_the_strip_marks_one_stage_in_words_and_for_screen_readers():
    shown = strip(3)
    assert "[3 Model Training]" in repr(shown)
    assert shown._repr_html_().count("you are here") == shown._repr_html_().count('aria-current="step"') == 1


def test_the_strip_in_plain_text_names_all_six_in_their_order():
    assert repr(strip(2)) == (
        "You are here: 2 Data Preprocessing\n1 Data Collection > [2 Data Preprocessing] > 3 Model Training > 4 Model "
        "Validation > 5 Deployment > 6 Monitoring & Maintenance > back to 1"
    )


def test_the_page_of_the_strip_is_a_list_of_boxes_with_the_current_one_in_bold():
    rest = "border-radius:4px;padding:4px 8px;margin:2px;display:inline-block;vertical-align:top"
    other, own = "border:1px solid var(--jp-ui-font-color2,#555)", "border:2px solid var(--jp-ui-font-color1,#222)"
    items = [f'<li style="{other};{rest}">{stage.number} {escape(stage.name)}</li>' for stage in STAGES]
    items[5] = (
        f'<li aria-current="step" style="{own};font-weight:bold;{rest}">6 Monitoring &amp; Maintenance'
        "<br>you are here</li>"
    )
    assert strip(6)._repr_html_() == (
        '<ol aria-label="The six stages of the lifecycle; after the last comes the first again" '
        f'style="list-style:none;margin:0;padding:0">{"".join(items)}</ol>{OPEN_IN_PRINT}'
    )


def test_the_card_has_four_lines_and_as_a_page_four_rows():
    card, stage = stage_card(6, output="<b>"), STAGES[5]
    assert repr(card).splitlines() == [
        "Stage 6, Monitoring & Maintenance",
        f"  input:     {stage.input}",
        f"  operation: {stage.operation}",
        f"  output:    {stage.output}  | in this run: <b>",
        f"  example:   {stage.example}",
    ]
    head, side, cell = (
        *('<th scope="col" style="text-align:left">', '<th scope="row" style="text-align:left">'),
        '<td style="text-align:left">',
    )
    rows = "".join(
        f"<tr>{side}{part.capitalize()}</th>{cell}{escape(getattr(stage, part))}</td>"
        f"{cell}{'&lt;b&gt;' if part == 'output' else ''}</td></tr>"
        for part in ("input", "operation", "output", "example")
    )
    assert card._repr_html_() == (
        f"<table><caption>Stage 6, Monitoring &amp; Maintenance</caption><thead><tr>{head}Part</th>"
        f"{head}In general</th>{head}In this run</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def test_the_card_puts_this_runs_figures_beside_the_general_words():
    card = stage_card(3, input="639 images", example="<b>")
    assert "Cleaned dataset with consistent features  | in this run: 639 images" in repr(card)
    assert "&lt;b&gt;" in card._repr_html_()


def test_the_card_refuses_a_part_that_a_stage_does_not_have():
    with pytest.raises(ValueError, match="has input, operation, output and example; got cost, time as well"):
        stage_card(3, time="long", cost="much", input="one")
