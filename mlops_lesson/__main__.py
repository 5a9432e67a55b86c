"""What the course does from a shell: ``python -m mlops_lesson``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

PROGRAM = "python -m mlops_lesson"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    for stream in (sys.stdout, sys.stderr):
        # A shell with an old encoding shows a name with question marks rather than no report.
        stream.reconfigure(errors="replace")
    given = _parser().parse_args(arguments)
    try:
        given.run(given)
    except ModuleNotFoundError as error:
        said = f"this Python has no {error.name}. Use the one in .venv/, in the folder of the course"
    except (OSError, ValueError, RuntimeError) as error:
        said = str(error)
    else:
        return 0
    print(f"{PROGRAM}: {said}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(PROGRAM, description="Why MLOps manages the ML lifecycle: commands of the course.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    report = commands.add_parser("report", help="for instructors: make one page and one table for a class")
    report.set_defaults(run=_report)
    report.add_argument("source", type=Path, metavar="FOLDER", help="where the exports lie, in subfolders and zips too")
    report.add_argument("--out", type=Path, default=Path("class_report"), help="where to write (class_report)")
    report.add_argument("--no-names", dest="names", action="store_false", help="leave out names and file names")
    newest = "the newest stage you taught (the newest that half have begun)"
    report.add_argument("--stage", type=int, choices=range(1, 7), help=newest)
    same = "names or files of one person at several machines; may be given again"
    report.add_argument("--same", nargs="+", action="append", default=[], metavar="WHO", help=same)

    progress = commands.add_parser("progress", help="for learners: show your progress, or write the file to hand in")
    progress.set_defaults(run=_progress)
    progress.add_argument("--export", action="store_true", help="write the file to hand in")
    progress.add_argument("--name", default="", help="your name or pseudonym, to stand in that file")
    progress.add_argument("--folder", type=Path, help="where to write it (export, beside your progress file)")

    start = commands.add_parser("start", help="for learners: write a small project of your own, a file per stage")
    start.set_defaults(run=_start)
    start.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that is not there yet")
    return parser


def _report(given: argparse.Namespace) -> None:
    from mlops_lesson.instructors import class_report

    report = class_report.build(given.source, stage=given.stage, same=given.same)
    page, table = (report if given.names else report.without_names()).write(given.out)
    to_do = [f"  {each.file}: {each.reason}. To do: {each.remedy}." for each in report.left_out if each.remedy]
    print(f"Learners counted: {len(report.learners)}. Taught up to: {report.stage.number} {report.stage.name}.")
    print(f"Left out, ask again or put right: {len(to_do)}.", *to_do, sep="\n")
    print(f"Left out, nothing to do: {len(report.left_out) - len(to_do)}; the page says why.")
    print(f"Page: {page}\nTable for a grade book: {table}")


def _progress(given: argparse.Namespace) -> None:
    from mlops_lesson.teaching import progress
    from mlops_lesson.teaching.panel import STAGE_HEAD, stage_rows

    if given.export:
        print(f"Hand in this file: {progress.export(given.name, given.folder)}")
        return
    now = progress.read()
    for row in (STAGE_HEAD, *stage_rows(now)):
        print(f"{row[0]:<27}", *(f"{cell:<18}" for cell in row[1:]))
    print(now.notice or f"Saved in {progress.progress_file()}.")


def _start(given: argparse.Namespace) -> None:
    from mlops_lesson.starter.start import start

    files = start(given.folder)
    print(f"{len(files)} files are in {given.folder}. Go there, and follow README.md.")


if __name__ == "__main__":
    sys.exit(main())
