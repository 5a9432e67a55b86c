"""Exercise 3.2: the epoch to keep."""


def best_epoch(trace: list[tuple[int, float, float]]) -> int:
    """Return the epoch with the lowest validation loss; the records are (epoch, loss, accuracy)."""
    epoch, _loss, _accuracy = min(trace, key=lambda record: record[1])
    return epoch
