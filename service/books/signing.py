"""The key that signs the roots of the ledger: from the environment, never from a file of the repository or the store."""

import os
import re
from pathlib import Path

from carbon.ledger import signature
from city.problems import PenstockError, Problem, fault
from service.books.posting import Sign
from service.environment import Environment

VARIABLE = "PENSTOCK_LEDGER_KEY"
_KEY = re.compile(r"[0-9a-f]{64}")


def signer(env: Environment) -> tuple[Sign | None, list[Problem]]:
    """What gives public key and signature of a root, and what is wrong with the key. No key is no fault; `status` and `doctor` say it."""
    try:
        key = private_key(env)
        public = signature.public_key(key) if key else ""
    except PenstockError as error:
        return None, list(error.problems)
    return (lambda root: (public, signature.sign(key, root))) if key else None, []


def private_key(env: Environment) -> str | None:
    """The Ed25519 seed [hex] that PENSTOCK_LEDGER_KEY holds or names the file of; None without one.

    Raises `PenstockError` for a file that cannot be read or that others may read, and for what is no seed.
    """
    if env.ledger_key is None:
        return None
    told = env.ledger_key.get_secret_value().strip()
    if _KEY.fullmatch(told):
        return told
    path = Path(told)
    try:
        open_to_others = path.stat().st_mode & 0o077
        told = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise fault(VARIABLE, "neither a key nor a file that can be read", "what `penstock carbon keygen` wrote", "Correct it.") from None
    if open_to_others:
        raise fault(f"{VARIABLE}, {path}", "others may read it", "a file of its owner alone", f"chmod 600 {path}")
    if not _KEY.fullmatch(told):
        raise fault(f"{VARIABLE}, {path}", "no key in it", "64 hexadecimal digits", "Make one: `penstock carbon keygen FILE`.")
    return told


def keygen(path: Path) -> str:
    """Write a new key to a file of its owner alone and return the public key [hex]. Raises `PenstockError` when the file is there."""
    key = signature.new_key()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise fault(f"key {path}", error.strerror or str(error), "a new file in a folder that is there", "Give another name.") from None
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())
    return signature.public_key(key)
