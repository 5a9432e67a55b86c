import gc
import weakref

import ipywidgets
import pytest

from mlops_lesson.show.explorer import explorer


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


def test_controls_beside_and_inside_boxes_are_all_found_in_their_order():
    controls = [ipywidgets.IntSlider(value, description=name) for value, name in enumerate("abcd")]
    first, second, third, fourth = controls
    boxes = [first, ipywidgets.VBox([ipywidgets.HBox([second]), third]), fourth]
    assert explorer("Letters", boxes, ipywidgets.HTML()).controls == tuple(controls)


@pytest.mark.parametrize("kind", [ipywidgets.HTML, ipywidgets.HTMLMath, ipywidgets.Label, ipywidgets.Output])
def test_words_between_the_controls_are_no_controls_and_need_no_name(kind):
    slider = ipywidgets.IntSlider(description="Epochs")
    assert explorer("Epochs", [kind(), slider], ipywidgets.HTML()).controls == (slider,)


def test_an_explorer_is_told_by_the_values_of_its_controls_and_its_result_in_words():
    controls = [
        ipywidgets.FloatSlider(0.5, description="Gate: "),
        ipywidgets.Checkbox(True, description="Fast"),
        ipywidgets.Checkbox(False, description="Big"),
        ipywidgets.Text("<a>", description="A name"),
        ipywidgets.Button(description="Send"),
    ]
    shown = explorer("Gate & co", controls, ipywidgets.HTML("<b>0</b>"), lambda: "In words.")
    assert shown.text == "Gate: 0.5; Fast: on; Big: off; A name: <a>\nIn words."
    assert repr(shown) == f"Explorer: Gate & co (interactive in JupyterLab, once the cell is run)\n{shown.text}"
    assert shown._repr_mimebundle_()["text/html"] == (
        "<p><strong>Explorer: Gate &amp; co.</strong> Run this cell in JupyterLab to move its controls. They begin "
        "with:</p><ul><li>Gate: 0.5</li><li>Fast: on</li><li>Big: off</li><li>A name: &lt;a&gt;</li></ul><b>0</b>"
    )


def test_what_is_stored_as_plain_text_is_not_cut():
    shown = explorer("A slider", [ipywidgets.IntSlider(description="a")], ipywidgets.HTML(), lambda: "word " * 100)
    assert shown._repr_mimebundle_()["text/plain"] == repr(shown)


def test_an_explorer_whose_result_is_no_page_and_has_no_words_stores_its_controls_alone():
    shown = explorer("Epochs", [ipywidgets.IntSlider(3, description="Epochs")], ipywidgets.IntText(7))
    assert shown.text == "Epochs: 3"
    assert shown._repr_mimebundle_()["text/html"].endswith("<ul><li>Epochs: 3</li></ul>")


def test_the_page_knows_the_explorer_its_result_and_its_title_by_their_classes():
    result = ipywidgets.HTML()
    shown = explorer("Epochs", [ipywidgets.IntSlider(description="Epochs")], result)
    assert "mlops-explorer" in shown._dom_classes
    assert "mlops-explorer-result" in result._dom_classes
    assert shown.children[-1].title == shown.title == "Epochs"
    assert shown.result is result


def test_what_lives_before_an_explorer_does_not_hold_its_answers_up_and_new_rubbish_does_not_stay():
    class Ring:
        def __init__(self):
            self.itself = self

    kept, rubbish = Ring(), weakref.ref(Ring())
    explorer("Epochs", [ipywidgets.IntSlider(description="Epochs")], ipywidgets.HTML())
    assert rubbish() is None
    assert not any(each is kept for each in gc.get_objects())
    later = Ring()
    assert any(each is later for each in gc.get_objects())
