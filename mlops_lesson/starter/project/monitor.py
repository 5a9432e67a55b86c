"""Stage 6, Monitoring: do the inputs of the service still look like those of the training? Run it once a day."""

import sys

import pandas as pd
from collect import HERE, INPUTS, collect
from preprocess import preprocess, split
from scipy.stats import ks_2samp

LEVEL, FEWEST = 0.01, 30


def compare(reference: pd.DataFrame, current: pd.DataFrame) -> pd.DataFrame:
    """Compare each input by a KS test; with several tests, each gets its share of the level (Bonferroni)."""
    tests = {name: ks_2samp(reference[name], current[name]) for name in INPUTS}
    found = pd.DataFrame({"statistic": [t.statistic for t in tests.values()], "p": [t.pvalue for t in tests.values()]})
    return found.assign(input=INPUTS, alert=found["p"] < LEVEL / len(INPUTS)).set_index("input")


if __name__ == "__main__":
    log = HERE / "requests.csv"
    rows = pd.read_csv(log) if log.exists() else pd.DataFrame()
    if len(rows) < FEWEST:
        sys.exit(f"{len(rows)} requests so far: too few to compare, {FEWEST} are needed.")
    train, _ = split(preprocess(collect()))
    found = compare(train, rows)
    print(found.round(4).to_string())
    sys.exit("Inputs have moved: find out why before you retrain." if found["alert"].any() else 0)
