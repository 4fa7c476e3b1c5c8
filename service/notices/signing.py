"""The signature of a webhook: HMAC-SHA256 over its id, its time and its body, so that none of them can be changed or sent again later.

Reference: Standard Webhooks 1.0.0, headers `webhook-id`, `webhook-timestamp`, `webhook-signature`; libraries that check it exist for
most languages. `verified` is what a receiver in Python does.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from city.problems import fault

PREFIX = "whsec_"  # before a key in base64
LEAST = 24  # of a key [bytes]
WINDOW_S = 300  # how far the time of a webhook may be from the receiver's clock [s]


def key(secret: str, channel: str) -> bytes:
    """The bytes of a secret: base64 behind `whsec_`, else the text itself. Raises `PenstockError` where it is none or too short."""
    remedy = f'Set PENSTOCK_NOTIFY_SECRETS to JSON such as {{"{channel}": "whsec_..."}}; `openssl rand -base64 32` makes a key.'
    try:
        made = base64.b64decode(secret.removeprefix(PREFIX), validate=True) if secret.startswith(PREFIX) else secret.encode()
    except (binascii.Error, ValueError):
        raise fault(f"secret of notify {channel}", "no base64 behind whsec_", "a key in base64", remedy) from None
    if len(made) < LEAST:
        raise fault(f"secret of notify {channel}", f"{len(made)} bytes" if made else "missing", f"at least {LEAST} bytes", remedy)
    return made


def headers(notice_id: str, seconds: int, body: bytes, secret: bytes) -> dict[str, str]:
    """The three headers of a webhook sent at `seconds` [s since 1970 UTC]."""
    return {"webhook-id": notice_id, "webhook-timestamp": str(seconds), "webhook-signature": _signature(notice_id, seconds, body, secret)}


def _signature(notice_id: str, seconds: int, body: bytes, secret: bytes) -> str:
    signed = hmac.new(secret, f"{notice_id}.{seconds}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def verified(told: Mapping[str, str], body: bytes, secret: bytes, now_s: float, window_s: float = WINDOW_S) -> bool:
    """Is it from who holds the secret, unchanged, and not older (or newer) than the window? A receiver also drops an id it has seen."""
    try:
        seconds = int(told["webhook-timestamp"])
    except (KeyError, ValueError):
        return False
    if abs(now_s - seconds) > window_s:
        return False
    right = _signature(told.get("webhook-id", ""), seconds, body, secret).encode()
    given = told.get("webhook-signature", "").split()[:8]  # several while a key is exchanged
    return any(hmac.compare_digest(one.encode(), right) for one in given)
