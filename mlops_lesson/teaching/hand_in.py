"""The quiet cell at the end of each notebook, with which a learner hands in."""

from dataclasses import dataclass

from mlops_lesson.show.page import OURS, inline
from mlops_lesson.teaching import progress

HOW = "To hand in, write your name between the quotes, run this cell again, and upload the file that it names."


@dataclass(frozen=True, repr=False)
class HandIn:
    """What was written to be handed in, or how to write it; made by `hand_in`."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f'<p {OURS} role="status">{inline(self.text)}</p>'


def hand_in(name: str = "") -> HandIn:
    """Write the file that you hand in. Make it the last expression of a cell.

    Parameters
    ----------
    name : str
        Your name, your student number or a pseudonym, as your instructor asks. Left empty, nothing is written.

    Returns
    -------
    HandIn
        A sentence that names the file, or says how to get one.

    Raises
    ------
    CannotWriteError
        If the disk is full or the folder may not be written.
    """
    if not name.strip():
        return HandIn(HOW)
    file = progress.export(name).json_file
    return HandIn(
        f"Upload this file where your class hands in: `{file}`. It holds your answers, the outcomes of your exercises, "
        "the parts you marked, their times and the name you gave; not your code."
    )
