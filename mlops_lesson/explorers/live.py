"""What explorers share: an answer in words and as a picture, computed anew whenever a control is moved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

import ipywidgets

from mlops_lesson.controls import Explorer, explorer
from mlops_lesson.figures import ShownFigure


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
