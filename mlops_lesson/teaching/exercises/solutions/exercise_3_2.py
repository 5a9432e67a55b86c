"""Exercise 3.2: the epoch to keep."""


def best_epoch(trace: list[tuple[int, float, float]]) -> int:
    """Return the number of the epoch with the lowest validation loss; a record is (epoch, loss, accuracy)."""
    epoch, _loss, _accuracy = min(trace, key=lambda record: record[1])
    return epoch
