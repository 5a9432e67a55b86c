"""The six stages of the machine-learning lifecycle, and what shows them: strip, card and picture."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from mlops_lesson.show.page import Shown, html_table, render


@dataclass(frozen=True)
class Stage:
    """One stage of the machine-learning lifecycle.

    Parameters
    ----------
    number : int
        Place in the lifecycle, 1 to 6.
    name : str
        Name of the stage, as it is written everywhere in the course.
    input, operation, output, example : str
        What goes in, what is done, what comes out, and one everyday example.
    """

    number: int
    name: str
    input: str
    operation: str
    output: str
    example: str

    @property
    def slug(self) -> str:
        """Name for files and links, such as ``"data_collection"``."""
        return self.name.lower().replace("&", "and").replace(" ", "_")

    @property
    def short(self) -> str:
        """The name in one word, such as ``"Collection"``."""
        return self.name.removeprefix("Data ").removeprefix("Model ").partition(" ")[0]

    @property
    def notebook(self) -> str:
        """File name of the stage's notebook, such as ``"01_data_collection.ipynb"``."""
        return f"{self.number:02d}_{self.slug}.ipynb"


_WORDS = tomllib.loads(Path(__file__).with_name("stages.toml").read_text(encoding="utf-8"))
STAGES: tuple[Stage, ...] = tuple(Stage(number, **words) for number, words in enumerate(_WORDS["stages"], start=1))


def get_stage(stage: "int | str | Stage") -> Stage:
    """Look a stage up by its number, 1 to 6, its name, such as ``"Data Collection"``, or its slug."""
    for known in STAGES:
        if stage in (known, known.number, known.name, known.slug):
            return known
    names = ", ".join(f"{known.number} {known.name!r}" for known in STAGES)
    raise ValueError(f"No stage {stage!r}. Give a number or a name: {names}.")


def strip(stage: "int | str | Stage") -> Shown:
    """Show the six stages as links in one line, with "you are here" at the current one; see `get_stage`."""
    current = get_stage(stage)
    names = [f"{each.number} {each.name}" for each in STAGES]
    here = names[current.number - 1]
    line = " > ".join(f"[{name}]" if name == here else name for name in names)
    return Shown(f"You are here: {here}\n{line} > back to 1", render("strip", stages=STAGES, current=current))


def stage_card(
    stage: "int | str | Stage", *, input: str = "", operation: str = "", output: str = "", example: str = ""
) -> Shown:
    """Show a stage's input, operation, output and example, with the real numbers of this run beside them.

    Parameters
    ----------
    stage : int, str or Stage
        The stage; see `get_stage`.
    input, operation, output, example : str
        What this run has for each.
    """
    current = get_stage(stage)
    here = {"input": input, "operation": operation, "output": output, "example": example}
    rows = [(part, getattr(current, part), measured) for part, measured in here.items()]
    title = f"Stage {current.number}, {current.name}"
    lines = [f"  {part + ':':<11}{words}{'  | in this run: ' * bool(own)}{own}" for part, words, own in rows]
    table = [(part.capitalize(), *words) for part, *words in rows]
    head = ("Part", "In general", "In this run")
    return Shown("\n".join([title, *lines]), html_table(table, title, head, row_heads=True))


def lifecycle() -> Shown:
    """Draw the six stages as the circle that they are: each a link, with what it hands on.

    It is an ordered list laid out on a grid, so where no style is left, an ordered list of links remains.
    """
    title = "The machine-learning lifecycle: what monitoring finds is where the next round begins"
    lines = [f"{each.number} {each.name}, hands on: {each.output}" for each in STAGES]
    return Shown("\n".join([title, *lines, "then 1 again"]), render("lifecycle", stages=STAGES, title=title))
