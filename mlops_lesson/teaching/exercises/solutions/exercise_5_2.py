"""Exercise 5.2: a small, steady share of parcels for the new model."""

import hashlib


def canary(parcel_id: int, share: float) -> bool:
    """Return True for about this share of all parcel ids, and always for the same ones."""
    digest = hashlib.sha256(str(parcel_id).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share
