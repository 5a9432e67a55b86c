"""Explorers: controls, and an answer in words and as a picture that follows them.

ipywidgets draws sliders without an accessible name, rows of 20 pixels and buttons of low contrast, and JupyterLab takes
letters and arrows away from a focused control; `static/controls.js` sees to that in the page. A widget dies with its
kernel, so each explorer stands below a stored copy of its first answer, which is hidden while the widget lives.
"""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import anywidget
import ipywidgets
import traitlets
from IPython.display import display

from mlops_lesson.show.figures import ShownFigure
from mlops_lesson.show.page import OURS, STATIC_FOLDER, script


@dataclass(frozen=True)
class Answer:
    """What an explorer shows for one position of its controls.

    Parameters
    ----------
    headline : str
        The finding, one sentence without its full stop.
    notes : tuple of str
        What follows from it, one sentence each.
    shown : tuple
        Figures and tables below, each with `_repr_html_`.
    """

    headline: str
    notes: tuple[str, ...] = ()
    shown: tuple[Any, ...] = ()

    @property
    def text(self) -> str:
        """The answer in words, what figures and tables say included."""
        words = [f"{self.headline}.", *(f"- {note}" for note in self.notes)]
        return "\n".join(words + [each.alt if isinstance(each, ShownFigure) else repr(each) for each in self.shown])

    @property
    def html(self) -> str:
        """The answer as HTML."""
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        shown = "".join(each._repr_html_() for each in self.shown)
        return f"<p><strong>{escape(self.headline)}.</strong></p>{f'<ul>{notes}</ul>' if notes else ''}{shown}"


class _Page(anywidget.AnyWidget):
    """The invisible part of an explorer that names and guards its controls in the page."""

    _esm = STATIC_FOLDER / "controls.js"

    title = traitlets.Unicode().tag(sync=True)


class Explorer:
    """Controls and the answer that follows them. Make it the last expression of a cell.

    Parameters
    ----------
    title : str
        What can be explored, a few words; it names the group of controls.
    controls : mapping of str to ipywidgets.Widget
        Checkboxes, radio buttons, sliders or buttons, each with a description, by the name of the argument of `answer`
        that gets its value. A button's value is whether it has just been pressed; at first, it is.
    answer : callable
        Takes the controls' values by those names and returns an `Answer`.

    Raises
    ------
    ValueError
        If a control has no description, or is of a kind that cannot be used by keyboard in JupyterLab.
    """

    def __init__(self, title: str, controls: Mapping[str, ipywidgets.Widget], answer: Callable[..., Answer]) -> None:
        for control in controls.values():
            if isinstance(control, ipywidgets.Dropdown | ipywidgets.Select | ipywidgets.SelectMultiple):
                kind = type(control).__name__
                raise ValueError(f"A {kind} loses its arrow keys to JupyterLab: use RadioButtons or ToggleButtons.")
            if not control.description.strip():
                raise ValueError(f"A {type(control).__name__} without description has no name: give it a description.")
        self.title, self.controls = title, tuple(controls.values())
        self._named, self._answer_to = dict(controls), answer
        self.result = ipywidgets.HTML()
        self.result.add_class("mlops-explorer-result")
        row = ipywidgets.Box(list(controls.values()), layout={"flex_flow": "row wrap"})
        row.add_class("mlops-explorer-controls")
        self.widget = ipywidgets.VBox([row, self.result, _Page(title=title)])
        self.widget.add_class("mlops-explorer")
        for control in controls.values():
            if isinstance(control, ipywidgets.Button):
                control.on_click(self._follow)
            else:
                control.observe(self._follow, "value")
        self.answer = self._answer(pressed=True)
        self.result.value = self.answer.html
        # What lives now, above all the libraries, will stay: the garbage collector need not look through it again,
        # which would hold an answer up by a quarter of a second. New rubbish is cleared away first.
        gc.collect(1)
        gc.freeze()

    def _answer(self, pressed: ipywidgets.Button | bool) -> Answer:
        values = {
            name: pressed is True or control is pressed if isinstance(control, ipywidgets.Button) else control.value
            for name, control in self._named.items()
        }
        return self._answer_to(**values)

    def _follow(self, source: Any) -> None:
        self.answer = self._answer(source if isinstance(source, ipywidgets.Button) else False)
        self.result.value = self.answer.html

    @property
    def text(self) -> str:
        """The controls' values and the answer in words."""
        values = {control.description: getattr(control, "value", None) for control in self.controls}
        words = {True: "on", False: "off"}
        state = "; ".join(
            f"{name.rstrip(': ')}: {words[value] if isinstance(value, bool) else value}"
            for name, value in values.items()
            if value is not None
        )
        return f"{state}\n{self.answer.text}"

    def __repr__(self) -> str:
        return f"Explorer: {self.title} (to move its controls, run the cell in JupyterLab)\n{self.text}"

    def _ipython_display_(self) -> None:
        stored = (
            f'<div {OURS} class="mlops-lesson" data-mlops-stored><p>Explorer: {escape(self.title)}. To move its '
            "controls, select this cell and press Shift+Enter; it may need the cells above.</p>"
            f"{self.answer.html}{script('note')}</div>"
        )
        display({"text/html": stored, "text/plain": repr(self)}, raw=True)
        bundle = self.widget._repr_mimebundle_()
        bundle = bundle[0] if isinstance(bundle, tuple) else bundle
        display({**bundle, "text/plain": " "}, raw=True)
