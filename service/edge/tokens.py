"""Tokens of stations: 256 random bits, of which the central keeps the SHA-256 only.

A hash that is slow on purpose is for passwords that people choose; nobody guesses 256 bits.
"""

import hashlib
import secrets
from collections.abc import Iterator


def made() -> Iterator[str]:
    """A new token, what to do with it, and its hash."""
    token = secrets.token_urlsafe(32)
    yield f"PENSTOCK_EDGE_TOKEN={token}"
    yield f'token_sha256 = ["{hashlib.sha256(token.encode()).hexdigest()}"]'
    yield "The first line is for the environment of the station and is shown this once; the second for its [[stations]] entry here."
