"""What the course does from a shell: ``python -m mlops_lesson``."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

COURSE_PYTHON = ".venv\\Scripts\\python" if os.name == "nt" else ".venv/bin/python"
"""What `make lab` sets up, seen from the folder of the course."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    for stream in (sys.stdout, sys.stderr):
        # A shell with an old encoding shows a name with question marks rather than no report.
        stream.reconfigure(errors="replace")
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 0
    try:
        return given.command(given)
    except (OSError, ValueError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "mlops_lesson":
            raise
        print(
            f"{parser.prog}: this Python has no {error.name}. Use the course's own, in the folder of the course: "
            f"{COURSE_PYTHON} -m mlops_lesson {given.called}",
            file=sys.stderr,
        )
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlops_lesson", description="Why MLOps manages the ML lifecycle: commands of the course."
    )
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    report = commands.add_parser(
        "report",
        help="for instructors: merge the exports of a class into one page and a table for a grade book",
        description="Merge the exports of a class, in a folder, its subfolders and zip files, into report.html and "
        "grades.csv.",
    )
    report.add_argument(
        "source", type=Path, metavar="FOLDER", help="where the exports lie; a zip file or one export, too"
    )
    report.add_argument("--out", type=Path, default=Path("class_report"), help="where to write (class_report)")
    report.add_argument("--no-names", dest="names", action="store_false", help="leave out names and file names")
    report.add_argument(
        "--stage", type=int, choices=range(1, 7), help="the newest stage you taught (the newest that half have begun)"
    )
    report.add_argument(
        "--same", nargs="+", action="append", default=[], metavar="WHO",
        help="names or files of one person at several machines; may be given again",
    )  # fmt: skip
    report.set_defaults(command=_report, called="report")

    progress = commands.add_parser(
        "progress",
        help="for learners: show your progress, or write the file to hand in",
        description="Show your progress by stage. With --export, write it as a file to hand in.",
    )
    progress.add_argument("--export", action="store_true", help="write the file to hand in")
    progress.add_argument("--name", default="", help="your name or pseudonym, to stand in that file")
    progress.add_argument("--folder", type=Path, help="where to write it (export, beside your progress file)")
    progress.set_defaults(command=_progress, called="progress")

    start = commands.add_parser(
        "start",
        help="for learners: write a small project of your own, which does not need the course",
        description="Write a starter project into FOLDER: a file per stage, ready to run, with a place for your data.",
    )
    start.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that is not there yet")
    start.set_defaults(command=_start, called="start")
    return parser


def _report(given: argparse.Namespace) -> int:
    from mlops_lesson.instructors import class_report

    report = class_report.build(given.source, stage=given.stage, same=given.same)
    page, table = report.write(given.out, given.names)
    to_do = [each for each in report.left_out if each.remedy]
    nothing = len(report.left_out) - len(to_do)
    print(f"Learners counted: {len(report.learners)}. Taught up to: {report.stage.number} {report.stage.name}.")
    if to_do:
        print(
            "Left out, ask again or put right:",
            *(f"  {each.file}: {each.reason}. To do: {each.remedy}." for each in to_do),
            sep="\n",
        )
    if nothing:
        print(f"Left out, nothing to do: {nothing}; the page says why.")
    print(f"Page: {page}\nTable for a grade book: {table}")
    unnamed = sum(not learner.name for learner in report.learners)
    if not given.names:
        print("No grade book can import that table, for it names nobody.")
    elif unnamed:
        print(f"Not in that table, for their files have no name: {unnamed}.")
    return 0


def _progress(given: argparse.Namespace) -> int:
    from mlops_lesson.teaching import progress
    from mlops_lesson.teaching.panel import STAGE_HEAD, stage_rows

    if given.export:
        print(f"Hand in this file: {progress.export(given.name, given.folder)}")
        return 0
    now = progress.read()
    rows = [STAGE_HEAD, *stage_rows(now)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(now.notice or f"Saved in {progress.progress_file()}.")
    return 0


def _start(given: argparse.Namespace) -> int:
    from mlops_lesson.starter.start import start

    files = start(given.folder)
    print(f"{len(files)} files are in {given.folder}. Go there, and follow README.md.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
