"""Keep the tables of an empty MLflow store as SQL: ``python tools/registry_schema.py``.

MLflow makes them by a long row of migrations, which takes seconds; a new registry begins with what they arrive at. To
be run after the pinned version of MLflow has changed its tables; a test says when.
"""

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from mlops_lesson.deployment import registry

CONSTRAINTS = ("CONSTRAINT ", "PRIMARY KEY", "FOREIGN KEY", "UNIQUE", "CHECK")


def schema_of(path: Path) -> str:
    """Write the tables of a store as SQL, with the number of their version and without any entry.

    Parameters
    ----------
    path : pathlib.Path
        A store of MLflow, an SQLite file.

    Returns
    -------
    str
        One script, in one transaction.
    """
    with closing(sqlite3.connect(path)) as database:
        # Tables in the order they were made in, because they refer to each other; indexes in the order of their names.
        made = database.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL "
            "ORDER BY type = 'index', iif(type = 'index', name, 0), rowid"
        ).fetchall()
        (version,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    lines = [_in_order(" ".join(sql.split())) + ";" for (sql,) in made]
    return "\n".join(["BEGIN;", *lines, f"INSERT INTO alembic_version VALUES ('{version}');", "COMMIT;", ""])  # noqa: S608


def _in_order(sql: str) -> str:
    """Put the constraints of a table in the order of their texts: MLflow's migrations write them in a random one."""
    if not sql.startswith("CREATE TABLE"):
        return sql
    head, body = sql.split("(", 1)
    pieces, depth = [""], 0
    for sign in body.rstrip().removesuffix(")"):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and not depth:
            pieces.append("")
        else:
            pieces[-1] += sign
    pieces = [piece.strip() for piece in pieces]
    columns = [piece for piece in pieces if not piece.startswith(CONSTRAINTS)]
    constraints = sorted(piece for piece in pieces if piece.startswith(CONSTRAINTS))
    return f"{head}({', '.join([*columns, *constraints])})"


def made_by_mlflow() -> str:
    """Let the installed MLflow make an empty store and write its tables as SQL, with their checksum."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        registry._connect(path)
        return registry._sealed(schema_of(path))


def main() -> int:
    """Write the file from which new registries begin."""
    registry._EMPTY.write_text(made_by_mlflow(), encoding="utf-8", newline="\n")
    print(f"{registry._EMPTY.name}: {registry._EMPTY.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
