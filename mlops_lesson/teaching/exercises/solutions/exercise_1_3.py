"""Exercise 1.3: one short name for the exact content of many files."""

import hashlib


def data_hash(files: dict[str, bytes]) -> str:
    """Return a SHA-256 as 64 hexadecimal digits, the same for the same names and bytes in any order."""
    digest = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()
