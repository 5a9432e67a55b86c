"""Exercise 6.2: an alert that a single bad week does not set off."""


def should_alert(accuracies: list[float], gate: float, patience: int) -> bool:
    """Return True if each of the last `patience` accuracies is below the gate, else False."""
    latest = accuracies[-patience:]
    return len(latest) == patience and all(accuracy < gate for accuracy in latest)
