"""Exercise 5.3: the latency that most requests keep under."""

import math


def percentile(latencies: list[float], q: float) -> float:
    """Return the smallest of the latencies that at least q percent of the requests do not exceed."""
    rank = math.ceil(q / 100 * len(latencies))
    return sorted(latencies)[max(rank, 1) - 1]
