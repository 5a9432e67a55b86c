import ipywidgets
import pytest

from mlops_lesson.controls import explorer


def test_an_explorer_shows_its_controls_then_its_result():
    slider, result = ipywidgets.IntSlider(description="Epochs"), ipywidgets.HTML()
    shown = explorer("Epochs", [slider], result)
    assert shown.children[:2] == (slider, result)


def test_the_plain_text_of_an_explorer_holds_no_address():
    made = [explorer("Epochs", [ipywidgets.IntSlider(description="Epochs")], ipywidgets.HTML()) for _ in range(2)]
    assert repr(made[0]) == repr(made[1]) == made[0]._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize("kind", [ipywidgets.Dropdown, ipywidgets.Select, ipywidgets.SelectMultiple])
def test_controls_that_lose_their_arrow_keys_are_refused(kind):
    control = kind(options=["a", "b"], description="Choose")
    with pytest.raises(ValueError, match="use RadioButtons or ToggleButtons"):
        explorer("Choose", [ipywidgets.HBox([control])], ipywidgets.HTML())


def test_a_control_without_a_name_is_refused():
    with pytest.raises(ValueError, match="IntSlider without description"):
        explorer("Epochs", [ipywidgets.IntSlider()], ipywidgets.HTML())
