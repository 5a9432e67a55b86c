"""The exercises, their checks and their solutions."""
