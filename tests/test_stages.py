"""The six stages stand word for word as the lesson gives them."""

import pytest

from mlops_lesson.stages import KEY_INSIGHT, STAGES, get_stage, stage_card, strip

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
    with pytest.raises(ValueError, match="3 'Model Training'"):
        get_stage(name)


def test_the_strip_marks_one_stage_in_words_and_for_screen_readers():
    shown = strip(3)
    assert "[3 Model Training]" in repr(shown)
    assert shown._repr_html_().count("you are here") == shown._repr_html_().count('aria-current="step"') == 1


def test_the_card_puts_this_runs_figures_beside_the_general_words():
    card = stage_card(3, input="639 images", example="<b>")
    assert "Cleaned dataset with consistent features  | in this run: 639 images" in repr(card)
    assert "&lt;b&gt;" in card._repr_html_()


def test_the_card_refuses_a_part_that_a_stage_does_not_have():
    with pytest.raises(ValueError, match="got cost as well"):
        stage_card(3, cost="much")
