"""Make ipywidgets explorers usable by everyone: names, targets, contrast, and keys that stay in the control.

ipywidgets draws sliders without an accessible name, rows of 20 pixels and coloured buttons of low contrast, and
JupyterLab takes letters and arrows away from a focused control. `explorer` puts the controls together and mends this in
the page.
"""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import anywidget
import ipywidgets
import traitlets

from mlops_lesson.show.figures import ShownFigure
from mlops_lesson.show.page import STATIC_FOLDER


class KeyAndNameGuard(anywidget.AnyWidget):
    """The invisible part of an explorer that mends its controls in the page."""

    _esm = STATIC_FOLDER / "controls.js"

    title = traitlets.Unicode().tag(sync=True)


class Explorer(ipywidgets.VBox):
    """Controls and what they change; made by `explorer`.

    What is stored in the notebook beside the widget is its state as words and as HTML, so that there is something to
    read where no kernel runs.

    Parameters
    ----------
    title : str
        What can be explored.
    controls : sequence of ipywidgets.Widget
        Controls, from top to bottom.
    result : ipywidgets.Widget
        What they change.
    in_words : callable, optional
        Returns the result as plain text.
    """

    def __init__(
        self,
        title: str,
        controls: Sequence[ipywidgets.Widget],
        result: ipywidgets.Widget,
        in_words: Callable[[], str] | None = None,
    ):
        super().__init__([*controls, result, KeyAndNameGuard(title=title)])
        self.add_class("mlops-explorer")
        self.title = title
        self.controls = tuple(_all_controls(controls))
        self.result = result
        self._in_words = in_words

    @property
    def text(self) -> str:
        """The controls' values and, if it can be said in words, the result."""
        state = "; ".join(f"{name}: {value}" for name, value in self._state())
        return "\n".join([state, *([self._in_words()] if self._in_words else [])])

    def _state(self) -> Iterator[tuple[str, str]]:
        for control in self.controls:
            if isinstance(getattr(control, "value", None), (bool, int, float, str)):
                value = {True: "on", False: "off"}[control.value] if isinstance(control.value, bool) else control.value
                yield control.description.rstrip(": "), str(value)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(**kwargs)
        state = "".join(f"<li>{escape(name)}: {escape(value)}</li>" for name, value in self._state())
        shown = self.result.value if isinstance(self.result, ipywidgets.HTML) else ""
        page = (
            f"<p><strong>Explorer: {escape(self.title)}.</strong> Run this cell in JupyterLab to move its controls. "
            f"They begin with:</p><ul>{state}</ul>{shown}"
        )
        return {**bundle, "text/plain": repr(self), "text/html": page}

    def __repr__(self) -> str:
        return f"Explorer: {self.title} (interactive in JupyterLab, once the cell is run)\n{self.text}"


def explorer(
    title: str,
    controls: Sequence[ipywidgets.Widget],
    result: ipywidgets.Widget,
    in_words: Callable[[], str] | None = None,
) -> Explorer:
    """Put controls and their result together so that everyone can use them. Make it the last expression of a cell.

    Parameters
    ----------
    title : str
        What can be explored, a few words; it names the group of controls.
    controls : sequence of ipywidgets.Widget
        Sliders, checkboxes, toggle buttons, buttons, radio buttons, text and number fields, or boxes of them; each
        with a description. Not `Dropdown`, `Select` and their kind, whose keys leave the cell.
    result : ipywidgets.Widget
        Where the result appears; an `ipywidgets.HTML` is stored in the notebook as it is first shown. Changes are
        announced.
    in_words : callable, optional
        Returns the result as plain text, for the stored notebook and for a printout.

    Returns
    -------
    Explorer
        A widget whose stored text is the same on every run.

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
    # What lives now, above all the libraries, will stay: the garbage collector need not look through it again, which
    # would hold an answer up by a quarter of a second. New rubbish is cleared away first, so that it does not stay too.
    gc.collect(1)
    gc.freeze()
    return Explorer(title, controls, result, in_words)


def _all_controls(widgets: Sequence[ipywidgets.Widget]) -> list[ipywidgets.Widget]:
    found = []
    for widget in widgets:
        if isinstance(widget, ipywidgets.Box):
            found += _all_controls(widget.children)
        elif not isinstance(widget, (ipywidgets.HTML, ipywidgets.HTMLMath, ipywidgets.Label, ipywidgets.Output)):
            found.append(widget)
    return found


@dataclass(frozen=True)
class Answer:
    """What an explorer shows for one position of its controls.

    Parameters
    ----------
    headline : str
        The finding, one sentence.
    notes : tuple of str
        What follows from it, one sentence each.
    figure : ShownFigure, optional
        The picture; left out where there is nothing to draw.
    """

    headline: str
    notes: tuple[str, ...] = ()
    figure: ShownFigure | None = None

    @property
    def text(self) -> str:
        """The answer in words, what the figure shows included."""
        words = [f"{self.headline}.", *(f"- {note}" for note in self.notes)]
        return "\n".join(words + ([self.figure.alt] if self.figure else []))

    @property
    def html(self) -> str:
        """The answer as HTML."""
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        figure = self.figure._repr_html_() if self.figure else ""
        return f"<p><strong>{escape(self.headline)}</strong></p>{f'<ul>{notes}</ul>' if notes else ''}{figure}"


def live_explorer(title: str, controls: Mapping[str, ipywidgets.Widget], answer_to: Callable[..., Answer]) -> Explorer:
    """Join controls and an answer that follows them.

    Parameters
    ----------
    title : str
        What can be explored, a few words.
    controls : mapping of str to ipywidgets.Widget
        By the name of the argument that each stands for; each with a description.
    answer_to : callable
        Takes the controls' values by those names and returns an `Answer`.

    Returns
    -------
    Explorer
        Its `text` is the answer in words; the notebook's file keeps the answer to its first position.
    """
    result = ipywidgets.HTML()
    shown: list[Answer] = []

    def answer(_change: object = None) -> None:
        shown[:] = [answer_to(**{name: control.value for name, control in controls.items()})]
        result.value = shown[0].html

    for control in controls.values():
        control.observe(answer, "value")
    answer()
    return explorer(title, list(controls.values()), result, lambda: shown[0].text)
