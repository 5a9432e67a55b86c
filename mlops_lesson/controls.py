"""Make ipywidgets explorers usable by everyone: names, targets, contrast, and keys that stay in the control.

ipywidgets draws sliders without an accessible name, rows of 20 pixels and coloured buttons of low contrast, and
JupyterLab takes letters and arrows away from a focused control. `explorer` puts the controls together and mends this in
the page.
"""

from collections.abc import Sequence

import anywidget
import ipywidgets
import traitlets

from mlops_lesson.display import STATIC_FOLDER


class KeyAndNameGuard(anywidget.AnyWidget):
    """The invisible part of an explorer that mends its controls in the page."""

    _esm = STATIC_FOLDER / "controls.js"

    title = traitlets.Unicode().tag(sync=True)


class Explorer(ipywidgets.VBox):
    """Controls and what they change; made by `explorer`.

    Parameters
    ----------
    title : str
        What can be explored.
    children : sequence of ipywidgets.Widget
        Controls and outputs, from top to bottom.
    """

    def __init__(self, title: str, children: Sequence[ipywidgets.Widget]):
        super().__init__([*children, KeyAndNameGuard(title=title)])
        self.add_class("mlops-explorer")
        self.title = title

    def __repr__(self) -> str:
        return f"Explorer: {self.title} (interactive in JupyterLab, once the cell is run)"


def explorer(title: str, controls: Sequence[ipywidgets.Widget], result: ipywidgets.Widget) -> Explorer:
    """Put controls and their result together so that everyone can use them. Make it the last expression of a cell.

    Parameters
    ----------
    title : str
        What can be explored, a few words; it names the group of controls.
    controls : sequence of ipywidgets.Widget
        Sliders, checkboxes, toggle buttons, buttons, radio buttons, text and number fields, or boxes of them; each
        with a description. Not `Dropdown`, `Select` and their kind, whose keys leave the cell.
    result : ipywidgets.Widget
        Where the result appears, such as an `ipywidgets.Output` or `ipywidgets.HTML`. Changes are announced.

    Returns
    -------
    Explorer
        A widget whose plain text is the same on every run.

    Raises
    ------
    ValueError
        If a control has no description, or is of a kind that cannot be used by keyboard in JupyterLab.
    """
    for control in _all_controls(controls):
        if isinstance(control, (ipywidgets.Dropdown, ipywidgets.Select, ipywidgets.SelectMultiple)):
            raise ValueError(
                f"A {type(control).__name__} loses its arrow keys to JupyterLab: use RadioButtons or ToggleButtons."
            )
        if not getattr(control, "description", "").strip():
            raise ValueError(f"A {type(control).__name__} without description has no name: give it a description.")
    result.add_class("mlops-explorer-result")
    return Explorer(title, [*controls, result])


def _all_controls(widgets: Sequence[ipywidgets.Widget]) -> list[ipywidgets.Widget]:
    found = []
    for widget in widgets:
        if isinstance(widget, ipywidgets.Box):
            found += _all_controls(widget.children)
        elif not isinstance(widget, (ipywidgets.HTML, ipywidgets.HTMLMath, ipywidgets.Label, ipywidgets.Output)):
            found.append(widget)
    return found
