"""What a benchmark yields, and the page on which all of it stands: docs/benchmarks.md."""

import os
import platform
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
COLUMNS = ("what", "figure", "measured", "beside it", "ratio")


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Parameters
    ----------
    what : str
        What was measured.
    value : float
        The figure.
    unit : str
        Such as ``"ms"``.
    times : int
        How often it was measured; the figure is the median. 1 for what does not vary, such as a size.
    beside : str
        What it is compared with, measured in the same run.
    ratio : float, optional
        The figure divided by that of what it is compared with.
    """

    what: str
    value: float
    unit: str
    times: int = 1
    beside: str = ""
    ratio: float | None = None

    def cells(self) -> tuple[str, ...]:
        """Return what stands in the columns."""
        measured = "once" if self.times == 1 else f"median of {self.times}"
        ratio = "" if self.ratio is None else f"{rounded(self.ratio)} x"
        return self.what, f"{rounded(self.value)} {self.unit}".strip(), measured, self.beside, ratio


def rounded(value: float) -> str:
    """Write a figure with three digits that count, or as a whole number."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def beside(rows: Sequence[Row], reference: str) -> list[Row]:
    """Compare rows with one of them, which stays as it is."""
    base = next(row for row in rows if row.what == reference)
    return [
        row if row is base else Row(row.what, row.value, row.unit, row.times, reference, row.value / base.value)
        for row in rows
    ]


def median(times: int, measure: Callable[[], float]) -> float:
    """Measure several times and return the median."""
    return statistics.median(measure() for _ in range(times))


def markdown(rows: Sequence[Row]) -> str:
    """Write rows as a Markdown table."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def machine() -> str:
    """Say what was measured on, in words that name no machine."""
    return (
        f"Measured on {date.today().isoformat()}, {os.cpu_count()} processors, {platform.system()}, "
        f"Python {platform.python_version()}."
    )


def _part(name: str) -> re.Pattern[str]:
    return re.compile(f"(<!-- begin measured: {name} -->\n).*?(<!-- end measured: {name} -->)", re.DOTALL)


def write(name: str, rows: Sequence[Row], page: Path = PAGE) -> None:
    """Put the table of one benchmark into the page; the others stay as they are.

    Parameters
    ----------
    name : str
        The benchmark.
    rows : sequence of Row
        Its figures.
    page : pathlib.Path
        A page with a pair of markers for the benchmark.

    Raises
    ------
    ValueError
        If the page has no markers for it.
    """
    text = page.read_text(encoding="utf-8")
    if not _part(name).search(text):
        raise ValueError(
            f"{page.name} has no markers for {name}: put '<!-- begin measured: {name} -->' and its end in."
        )
    content = f"{machine()}\n\n{markdown(rows)}\n"
    text = _part(name).sub(lambda found: f"{found[1]}{content}{found[2]}", text)
    page.write_text(text, encoding="utf-8", newline="\n")


@dataclass(frozen=True)
class Aim:
    """What a figure of the page should be at most.

    Parameters
    ----------
    what : str
        What is aimed at.
    limit : float
        The most it should be.
    unit : str
        The unit of both.
    benchmark : str
        In whose table the figures are.
    ending : str
        How the names of its rows end; the largest of their figures counts.
    """

    what: str
    limit: float
    unit: str
    benchmark: str
    ending: str


AIMS = (
    Aim("import of the package, less the interpreter", 50, "ms", "import", "less the interpreter"),
    Aim("the whole course, two notebooks at a time", 30, "s", "notebooks", "two notebooks at a time"),
    Aim("memory of any kernel", 350, "MB", "notebooks", "peak of the kernel"),
    Aim("click to feedback in the quiz", 100, "ms", "quiz", "the course's quiz: click to feedback"),
    Aim("slowest answer of any explorer, median of its walks", 300, "ms", "explorers", ", slowest answer"),
    Aim("checkout", 10, "MB", "size", "checkout"),
)


def aims(page: Path = PAGE) -> str:
    """Write the aims as a Markdown table, with the figures that stand in the page's other tables.

    Parameters
    ----------
    page : pathlib.Path
        The page.

    Returns
    -------
    str
        One line an aim; "not measured" where the page has no figure yet.
    """
    lines = ["| aim | at most | measured | met |", "| --- | --- | --- | --- |"]
    for aim in AIMS:
        cells = (line.split(" | ")[:2] for line in _lines(aim.benchmark, page))
        figures = [figure for what, figure in cells if what.endswith(aim.ending) and figure.endswith(f" {aim.unit}")]
        largest = max(figures, key=_value, default="")
        met = ("yes" if _value(largest) <= aim.limit else "no") if largest else ""
        lines.append(f"| {aim.what} | {aim.limit:g} {aim.unit} | {largest or 'not measured'} | {met} |")
    return "\n".join(lines)


def write_aims(page: Path = PAGE) -> None:
    """Put the table of the aims into the page."""
    text = page.read_text(encoding="utf-8")
    text = _part("aims").sub(lambda found: f"{found[1]}{aims(page)}\n{found[2]}", text)
    page.write_text(text, encoding="utf-8", newline="\n")


def _value(figure: str) -> float:
    return float(figure.split()[0].replace(",", ""))


def _lines(name: str, page: Path) -> list[str]:
    found = _part(name).search(page.read_text(encoding="utf-8"))
    lines = [line for line in found[0].splitlines() if line.startswith("| ")] if found else []
    return [line.removeprefix("| ") for line in lines[2:]]


def written(name: str, page: Path = PAGE) -> list[str]:
    """Return what the page says was measured by a benchmark: the first column of its table."""
    return [line.split(" | ")[0] for line in _lines(name, page)]
