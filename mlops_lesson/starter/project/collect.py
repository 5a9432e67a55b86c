"""Stage 1, Data Collection: read the table, and name it by a hash of its bytes."""

import hashlib
import tomllib
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
SETTINGS = tomllib.loads((HERE / "settings.toml").read_text(encoding="utf-8"))
TABLE = HERE / SETTINGS["table"]
INPUTS, TARGET, GROUP = list(SETTINGS["columns"]), SETTINGS["target"], SETTINGS["group"]


def collect(path: Path = TABLE) -> pd.DataFrame:
    """Read the table; a missing or empty file, or a missing column, is named."""
    if not path.is_file():
        raise ValueError(f"{path} is not there: put your table there, or name it in settings.toml.")
    try:
        table = pd.read_csv(path)
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path} is empty: expected a line of column names and a line per row.") from None
    missing = [name for name in (*INPUTS, TARGET, *filter(None, [GROUP])) if name not in table]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}; it has {', '.join(table)}. See settings.toml.")
    if table.empty:
        raise ValueError(f"{path} has column names and no row.")
    return table


def data_hash(path: Path = TABLE) -> str:
    """Return the first 12 digits of the SHA-256 of the file: other data, another name."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


if __name__ == "__main__":
    print(f"{len(collect())} rows, data hash {data_hash()}")
