"""Exercise 4.3: a gate that knows how little a small test proves."""

from scipy.stats import binomtest


def passes_gate(correct: int, total: int, gate: float) -> bool:
    """Return True if the lower end of the 95 % Wilson interval reaches the gate, else False."""
    interval = binomtest(correct, total).proportion_ci(confidence_level=0.95, method="wilson")
    return bool(interval.low >= gate)
