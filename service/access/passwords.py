"""Passwords as argon2id hashes (RFC 9106). A wrong name costs as much time as a wrong password."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from city.problems import fault

SHORTEST = 12  # characters; NIST SP 800-63B-4, 3.1.1.2 asks for 15 without and 8 with a second factor
_HASHER = PasswordHasher()


@cache
def _decoy() -> str:
    return _HASHER.hash("nobody signs in with this")


def hashed(password: str) -> str:
    """The argon2id hash of a new password. Raises `PenstockError` for one that is too short."""
    if len(password) < SHORTEST:
        raise fault("password", f"{len(password)} characters", f"at least {SHORTEST}", "Choose a longer one, e.g. four words.")
    return _HASHER.hash(password)


def fits(password: str, known: str | None) -> bool:
    """Is it the password of this hash? Takes as long, and says no, without a hash."""
    try:
        return _HASHER.verify(known or _decoy(), password) and known is not None
    except (VerificationError, InvalidHashError):
        return False
