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
        return COMMANDS[given.command](given)
    except ModuleNotFoundError as error:
        said = (
            f"this Python has no {error.name}. Use the course's own, in the folder of the course: {COURSE_PYTHON} -m "
            f"mlops_lesson {given.command}"
        )
    except (OSError, ValueError) as error:
        said = str(error)
    print(f"{parser.prog}: {said}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlops_lesson", description="Why MLOps manages the ML lifecycle: commands of the course."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    words = "for instructors: merge the exports of a class into report.html and grades.csv, for a grade book"
    report = commands.add_parser("report", help=words, description=words)
    report.add_argument("source", type=Path, metavar="FOLDER", help="where the exports lie, in subfolders and zips too")
    report.add_argument("--out", type=Path, default=Path("class_report"), help="where to write (class_report)")
    report.add_argument("--no-names", dest="names", action="store_false", help="leave out names and file names")
    newest = "the newest stage you taught (the newest that half have begun)"
    report.add_argument("--stage", type=int, choices=range(1, 7), help=newest)
    same = "names or files of one person at several machines; may be given again"
    report.add_argument("--same", nargs="+", action="append", default=[], metavar="WHO", help=same)

    words = "for learners: show your progress, or write the file to hand in"
    progress = commands.add_parser("progress", help=words, description=words)
    progress.add_argument("--export", action="store_true", help="write the file to hand in")
    progress.add_argument("--name", default="", help="your name or pseudonym, to stand in that file")
    progress.add_argument("--folder", type=Path, help="where to write it (export, beside your progress file)")

    words = "for learners: write a small project of your own, a file per stage, which does not need the course"
    start = commands.add_parser("start", help=words, description=words)
    start.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that is not there yet")
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


COMMANDS = {"report": _report, "progress": _progress, "start": _start}

if __name__ == "__main__":
    sys.exit(main())
