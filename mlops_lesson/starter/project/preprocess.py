"""Stage 2, Data Preprocessing: reject rows that break the contract, and split without a leak."""

import pandas as pd
import pandera.pandas as pa
from collect import GROUP, INPUTS, SETTINGS, TARGET, collect
from sklearn.model_selection import GroupShuffleSplit, train_test_split

CONTRACT = pa.DataFrameSchema(
    {name: pa.Column(float, pa.Check.in_range(*ends), coerce=True) for name, ends in SETTINGS["columns"].items()}
    | {TARGET: pa.Column(nullable=False)}
)


def preprocess(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table if every row fulfils the contract; otherwise list the rows that do not."""
    try:
        table = CONTRACT.validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases[["index", "column", "check", "failure_case"]]
        raise ValueError(f"{len(cases)} values break the contract:\n{cases.head(10).to_string(index=False)}") from None
    # A copy on both sides of the split would be judged by its twin.
    return table.drop_duplicates()


def split(table: pd.DataFrame, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put a fifth of the rows aside for the gate; rows of one group stay together."""
    if GROUP:
        train, test = next(GroupShuffleSplit(1, test_size=0.2, random_state=seed).split(table, groups=table[GROUP]))
        return table.iloc[train], table.iloc[test]
    return train_test_split(table, test_size=0.2, random_state=seed, stratify=table[TARGET])


if __name__ == "__main__":
    train, test = split(preprocess(collect()))
    print(f"{len(train)} rows to train with, {len(test)} to judge with, {len(INPUTS)} inputs")
