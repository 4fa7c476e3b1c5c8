"""Ed25519 over a root: who held the key vouches for all that is behind it.

Reference: RFC 8032. What is signed is the text `penstock ledger ` and the root, hex, so that no signature means anything else.
"""

from city.problems import fault

_SUBJECT = "signature of the ledger"


def new_key() -> str:
    """A private key, hex. Keep it where the ledger's writers cannot reach."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes_raw().hex()


def public_key(private: str) -> str:
    """The public key of a private one, both hex: what statements print."""
    return _private(private).public_key().public_bytes_raw().hex()


def sign(private: str, root: str) -> str:
    """The signature of a root, hex. Raises `PenstockError` for a private key that is not 32 bytes of hex."""
    return _private(private).sign(_said(root)).hex()


def check(public: str, root: str, signature: str) -> bool:
    """Is it the signature of that root by the holder of the key? All three hex; what cannot be read is not."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), _said(root))
    except (InvalidSignature, ValueError):
        return False
    return True


def _said(root: str) -> bytes:
    return f"penstock ledger {root}".encode()


def _private(private: str):  # type: ignore[no-untyped-def]  # the type is imported with the library, when it is needed
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    except ValueError:
        raise fault(_SUBJECT, "a private key that cannot be read", "32 bytes, hex", "Give the key as it was made.") from None
