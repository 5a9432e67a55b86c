"""Exercise 6.3: champion against challenger on the same parcels."""

from scipy.stats import binomtest


def decide(challenger_only_right: int, champion_only_right: int) -> str:
    """Return "promote" if the challenger is ahead and McNemar's exact p-value is below 0.05, else "keep"."""
    differing = challenger_only_right + champion_only_right
    if differing == 0 or challenger_only_right <= champion_only_right:
        return "keep"
    return "promote" if binomtest(challenger_only_right, differing).pvalue < 0.05 else "keep"
