"""The notebooks that are not rewritten yet, for which the second edition's new checks wait. To be empty."""

FIRST_EDITION: set[str] = set()
