"""The exercises of Monitoring & Maintenance."""

import numpy as np

from mlops_lesson.teaching.exercises.exercise import Case, Exercise


def _samples() -> list[Case]:
    bins = np.array([0.0, 4.0, 8.0, 12.0, 16.0])
    reference = np.array([1.0, 2.0, 5.0, 6.0, 7.0, 9.0, 10.0, 13.0])
    return [
        Case("twice as many values in other bins", (reference, np.tile([2.0, 5.0, 9.0, 13.0], 4), bins)),
        Case("two equal samples", (reference, reference.copy(), bins)),
        Case("a bin that is empty in the current sample", (reference, np.array([1.0, 2.0, 5.0, 9.0]), bins)),
        Case("values above the last bin", (reference, np.array([2.0, 5.0, 9.0, 13.0, 17.0, 18.0, 19.0, 20.0]), bins)),
    ]


def _counts(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    return np.histogram(values, [-np.inf, *bins[1:-1], np.inf])[0]


def _shares(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    return np.maximum(_counts(values, bins) / len(values), 0.0001)


def _closed_shares(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    return np.maximum(np.histogram(values, bins)[0] / len(values), 0.0001)


def _index(expected: np.ndarray, seen: np.ndarray) -> float:
    return float(np.sum((seen - expected) * np.log(seen / expected)))


def _of_counts(reference: np.ndarray, current: np.ndarray, bins: np.ndarray) -> float:
    return _index(*(np.maximum(_counts(values, bins), 0.0001) for values in (reference, current)))


def _one_sided(reference: np.ndarray, current: np.ndarray, bins: np.ndarray) -> float:
    expected, seen = _shares(reference, bins), _shares(current, bins)
    return float(np.sum(seen * np.log(seen / expected)))


def _weeks() -> list[Case]:
    return [
        Case("0.97, 0.70, 0.96 and a patience of 1", ([0.97, 0.70, 0.96], 0.85, 1)),
        Case("0.97, 0.70, 0.68 and a patience of 2", ([0.97, 0.70, 0.68], 0.85, 2)),
        Case("0.70, 0.97, 0.68 and a patience of 2", ([0.70, 0.97, 0.68], 0.85, 2)),
        Case("0.97, 0.85, 0.85 at a gate of exactly 0.85 and a patience of 2", ([0.97, 0.85, 0.85], 0.85, 2)),
        Case("one week only, 0.60, and a patience of 2", ([0.60], 0.85, 2)),
    ]


def _comparisons() -> list[Case]:
    return [
        Case("30 parcels only the challenger gets right and 6 only the champion", (30, 6)),
        Case("7 against 3", (7, 3)),
        Case("6 against 30", (6, 30)),
        Case("no parcel on which they differ", (0, 0)),
        Case("6 against 0", (6, 0)),
        Case("5 against 0", (5, 0)),
    ]


def _verdict(challenger: int, champion: int, alternative: str = "two-sided") -> str:
    from scipy.stats import binomtest

    differing = challenger + champion
    found = differing > 0 and binomtest(challenger, differing, alternative=alternative).pvalue < 0.05
    return "promote" if found else "keep"


EXERCISES = (
    Exercise(
        id="6.1",
        title="Measure a drift",
        minutes=7,
        hints=(
            "`np.histogram(values, bins)[0]` counts the values in each bin; divide by their number for shares.",
            "`np.histogram` drops what lies outside the bins: use the edges `[-np.inf, *bins[1:-1], np.inf]`.",
            "`np.maximum(shares, 0.0001)`, then sum over the bins: `(seen - expected) * np.log(seen / expected)`.",
        ),
        cases=_samples,
        mistakes={
            "counts are compared, so a larger sample looks like a drift; divide each by its number of values.": (
                _of_counts
            ),
            "this multiplies by the current share alone; the index multiplies by the difference of the shares.": (
                _one_sided
            ),
            "the sign is turned round: the index is 0 for equal samples and positive otherwise.": (
                lambda reference, current, bins: -_index(_shares(reference, bins), _shares(current, bins))
            ),
            "values outside the bins are dropped, and the drift may lie just there; open the first and last bin.": (
                lambda reference, current, bins: _index(_closed_shares(reference, bins), _closed_shares(current, bins))
            ),
        },
    ),
    Exercise(
        id="6.2",
        title="Alert, but not at every bad week",
        minutes=5,
        hints=(
            "Only the latest weeks count: `accuracies[-patience:]`.",
            "All of them have to be below the gate: `all(...)`.",
            "With fewer weeks than the patience there is nothing to alert about yet.",
        ),
        cases=_weeks,
        mistakes={
            "any bad week of the whole past sets this off; look at the last ones only.": (
                lambda accuracies, gate, patience: min(accuracies) < gate
            ),
            "bad weeks are counted wherever they stand; they have to be the last ones, without a good one between.": (
                lambda accuracies, gate, patience: sum(a < gate for a in accuracies) >= patience
            ),
            "only the last week is looked at; with a patience of 2 one bad week is not enough.": (
                lambda accuracies, gate, patience: accuracies[-1] < gate
            ),
            "an accuracy that just reaches the gate sets this off; below means `<`.": (
                lambda accuracies, gate, patience: (
                    len(accuracies) >= patience and all(a <= gate for a in accuracies[-patience:])
                )
            ),
            "there are fewer weeks than the patience asks for; wait for enough of them.": (
                lambda accuracies, gate, patience: all(a < gate for a in accuracies[-patience:])
            ),
        },
    ),
    Exercise(
        id="6.3",
        title="Champion or challenger",
        minutes=6,
        hints=(
            "Parcels that both get right, or both wrong, say nothing: only the differing ones count.",
            "If both were equally good, each differing parcel would be a coin toss: `scipy.stats.binomtest(k, n)`.",
            "Promote if the challenger is ahead and the p-value is below 0.05; mind the case without any difference.",
        ),
        cases=_comparisons,
        mistakes={
            "being ahead by a few parcels is enough here; that happens by luck. Ask for a p-value below 0.05.": (
                lambda challenger, champion: "promote" if challenger > champion else "keep"
            ),
            "any significant difference is enough here, even when the challenger is worse; check who is ahead.": (
                _verdict
            ),
            "this one-sided p-value is half the two-sided one: ahead with that below 0.05 means below 0.025 here.": (
                lambda challenger, champion: _verdict(challenger, champion, "greater")
            ),
        },
    ),
)
