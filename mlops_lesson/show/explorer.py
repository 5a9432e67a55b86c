"""Explorers: controls, and an answer in words and as a picture that follows them.

ipywidgets draws sliders without an accessible name, rows of 20 pixels and buttons of low contrast, and JupyterLab takes
letters and arrows away from a focused control; `static/controls.js` sees to that in the page. A widget dies with its
kernel, so each explorer stands below a stored copy of its first answer, which is hidden while the widget lives.
"""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anywidget
import ipywidgets
import traitlets
from IPython.display import display

from mlops_lesson.show.page import STATIC_FOLDER, render


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
        return "\n".join([*words, *map(repr, self.shown)])

    @property
    def html(self) -> str:
        """The answer as HTML."""
        return render("show/answer", answer=self)


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
        Checkboxes, radio buttons or sliders, each with a description, by the name of the argument of `answer` that
        gets its value.
    answer : callable
        Takes the controls' values by those names and returns an `Answer`.
    """

    def __init__(self, title: str, controls: Mapping[str, ipywidgets.Widget], answer: Callable[..., Answer]) -> None:
        self.title, self.controls = title, tuple(controls.values())
        self._named, self._answer_to = dict(controls), answer
        self.result = ipywidgets.HTML()
        self.result.add_class("mlops-explorer-result")
        row = ipywidgets.Box(self.controls, layout={"flex_flow": "row wrap"})
        row.add_class("mlops-explorer-controls")
        self.widget = ipywidgets.VBox([row, self.result, _Page(title=title)])
        self.widget.add_class("mlops-explorer")
        for control in self.controls:
            control.observe(self._follow, "value")
        self._follow()
        # What lives now, above all the libraries, will stay: the garbage collector need not look through it again,
        # which would hold an answer up by a quarter of a second. New rubbish is cleared away first.
        gc.collect(1)
        gc.freeze()

    def _follow(self, _change: Any = None) -> None:
        self.answer = self._answer_to(**{name: control.value for name, control in self._named.items()})
        self.result.value = self.answer.html

    @property
    def text(self) -> str:
        """The controls' values and the answer in words."""
        state = [f"{each.description}: {each.value}" for each in self.controls]
        return f"{'; '.join(state)}\n{self.answer.text}"

    def __repr__(self) -> str:
        return f"Explorer: {self.title} (to move its controls, run the cell in JupyterLab)\n{self.text}"

    def _ipython_display_(self) -> None:
        stored = render("show/explorer", title=self.title, answer=self.answer)
        display({"text/html": stored, "text/plain": repr(self)}, raw=True)
        display({**self.widget._repr_mimebundle_(), "text/plain": " "}, raw=True)
