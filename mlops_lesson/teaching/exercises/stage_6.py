"""The exercises of Monitoring & Maintenance."""

import numpy as np
from scipy.stats import binomtest

from mlops_lesson.teaching.exercises.exercise import Exercise


def psi(reference: np.ndarray, current: np.ndarray, bins: np.ndarray) -> float:
    """Return the population stability index; end bins are open, an empty one counts as 0.0001."""
    edges = [-np.inf, *bins[1:-1], np.inf]
    expected = np.maximum(np.histogram(reference, edges)[0] / len(reference), 0.0001)
    seen = np.maximum(np.histogram(current, edges)[0] / len(current), 0.0001)
    return float(np.sum((seen - expected) * np.log(seen / expected)))


def should_alert(accuracies: list[float], gate: float, patience: int) -> bool:
    """Return True if each of the last `patience` accuracies is below the gate, else False."""
    latest = accuracies[-patience:]
    return len(latest) == patience and all(accuracy < gate for accuracy in latest)


def decide(challenger_only_right: int, champion_only_right: int) -> str:
    """Return "promote" if the challenger is ahead and McNemar's p is below 0.05, else "keep"."""
    differing = challenger_only_right + champion_only_right
    if differing == 0 or challenger_only_right <= champion_only_right:
        return "keep"
    return "promote" if binomtest(challenger_only_right, differing).pvalue < 0.05 else "keep"


BINS = np.array([0.0, 4.0, 8.0, 12.0, 16.0])
REFERENCE = np.array([1.0, 2.0, 5.0, 6.0, 7.0, 9.0, 10.0, 13.0])
EVEN = np.array([2.0, 5.0, 9.0, 13.0])


def _index(reference: np.ndarray, current: np.ndarray, bins: np.ndarray, wrong: str) -> float:
    edges = bins if wrong == "closed_bins" else [-np.inf, *bins[1:-1], np.inf]
    counts = (np.histogram(values, edges)[0] for values in (reference, current))
    totals = (1, 1) if wrong == "counts" else (len(reference), len(current))
    expected, seen = (np.maximum(each / total, 0.0001) for each, total in zip(counts, totals, strict=True))
    return float(np.sum((seen - expected * (wrong != "one_sided")) * np.log(seen / expected)))


def _verdict(challenger: int, champion: int, alternative: str = "two-sided") -> str:
    differing = challenger + champion
    found = differing > 0 and binomtest(challenger, differing, alternative=alternative).pvalue < 0.05
    return "promote" if found else "keep"


EXERCISES = {
    "6.1": Exercise(
        psi,
        cases={
            "twice as many values in other bins": (REFERENCE, np.tile(EVEN, 4), BINS),
            "two equal samples": (REFERENCE, REFERENCE, BINS),
            "a bin that is empty in the current sample": (REFERENCE, REFERENCE[[0, 1, 2, 5]], BINS),
            "values above the last bin": (REFERENCE, np.array([*EVEN, 17.0, 18.0, 19.0, 20.0]), BINS),
        },
        mistakes={
            "counts": lambda reference, current, bins: _index(reference, current, bins, "counts"),
            "one_sided": lambda reference, current, bins: _index(reference, current, bins, "one_sided"),
            "sign": lambda reference, current, bins: -psi(reference, current, bins),
            "closed_bins": lambda reference, current, bins: _index(reference, current, bins, "closed_bins"),
        },
    ),
    "6.2": Exercise(
        should_alert,
        cases={
            "0.97, 0.70, 0.96 and a patience of 1": ([0.97, 0.70, 0.96], 0.85, 1),
            "0.97, 0.70, 0.68 and a patience of 2": ([0.97, 0.70, 0.68], 0.85, 2),
            "0.70, 0.97, 0.68 and a patience of 2": ([0.70, 0.97, 0.68], 0.85, 2),
            "0.97, 0.68, 0.96 and a patience of 2": ([0.97, 0.68, 0.96], 0.85, 2),
            "0.97, 0.85, 0.85 at a gate of exactly 0.85 and a patience of 2": ([0.97, 0.85, 0.85], 0.85, 2),
            "one week only, 0.60, and a patience of 2": ([0.60], 0.85, 2),
        },
        mistakes={
            "any_week": lambda accuracies, gate, patience: min(accuracies) < gate,
            "anywhere": lambda accuracies, gate, patience: sum(each < gate for each in accuracies) >= patience,
            "only_last": lambda accuracies, gate, patience: accuracies[-1] < gate,
            "at_the_gate": lambda accuracies, gate, patience: should_alert(accuracies, gate + 1e-9, patience),
            "too_early": lambda accuracies, gate, patience: all(each < gate for each in accuracies[-patience:]),
        },
    ),
    "6.3": Exercise(
        decide,
        cases={
            "30 parcels only the challenger gets right and 6 only the champion": (30, 6),
            "7 against 3": (7, 3),
            "6 against 30": (6, 30),
            "no parcel on which they differ": (0, 0),
            "6 against 0": (6, 0),
            "5 against 0": (5, 0),
        },
        mistakes={
            "ahead": lambda challenger, champion: "promote" if challenger > champion else "keep",
            "who_is_ahead": _verdict,
            "one_sided": lambda challenger, champion: _verdict(challenger, champion, "greater"),
        },
    ),
}
