"""Cursors: where a page ended, as the key of its last row. So a row that comes in between neither repeats nor hides another."""

import base64
import binascii
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from service.api.parameters import Parameter, whole
from service.api.problem import refused
from service.utctime import micros

MOST_ROWS = 5_000
_NUMBERS = range(-1, micros(datetime(9000, 1, 1, tzinfo=UTC)))
LIMIT = whole("limit", "rows of a page", 1, MOST_ROWS, 1_000)
_REMEDY = "Give `next` of the page before, unchanged and with the same other parameters."


def written(operation: str, asked: dict[str, Any], key: list[Any]) -> str:
    """The cursor behind `key`, good for this operation asked this way."""
    return base64.urlsafe_b64encode(json.dumps([_digest(operation, asked), *key]).encode()).decode().rstrip("=")


def read(operation: str, asked: dict[str, Any], kinds: tuple[type, ...]) -> list[Any] | None:
    """The key that the cursor of the request holds, or None without one. Raises `Denied` for one of another question."""
    given = asked.get("cursor")
    if given is None:
        return None
    try:
        question, *key = json.loads(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise refused("parameter 'cursor'", "cannot be read", "`next` of a page", _REMEDY) from None
    fits = len(key) == len(kinds) and all(type(one) is kind and _could_be(one) for one, kind in zip(key, kinds, strict=False))
    if question != _digest(operation, asked) or not fits:
        raise refused("parameter 'cursor'", "is of another question", "`next` of a page", _REMEDY)
    return list(key)


def _could_be(one: object) -> bool:
    """May a key of ours hold it? A cursor is not signed: anybody can make one. No number is beyond the microseconds of a calendar."""
    return one.isprintable() if isinstance(one, str) else one in _NUMBERS


def _text(subject: str, value: str) -> str:
    if not (0 < len(value) <= 600 and value.isascii()):
        raise refused(subject, "cannot be read", "`next` of a page", _REMEDY)
    return value


CURSOR = Parameter("cursor", _text, {"type": "string", "maxLength": 600}, "`next` of the page before")


def _digest(operation: str, asked: dict[str, Any]) -> str:
    told = repr(sorted((name, repr(value)) for name, value in asked.items() if name not in ("cursor", "limit")))
    return hashlib.sha256(f"{operation} {told}".encode()).hexdigest()[:16]
