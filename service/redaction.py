"""Secrets are taken out of what is written down for engineers: crash files, logs, messages of drivers.

Two ways together. What this process knows to be secret (its PENSTOCK_ variables) is hidden wherever it stands, whole, percent-coded or
in Base64. What looks like a secret is hidden by its form: the password of a URL, a bearer token, `password=...`, a private key in PEM,
a JSON web token. A secret without either form, in a text of somebody else, is not found: nothing should print one in the first place.
Reference: OWASP Logging Cheat Sheet, data to exclude.
"""

import base64
import json
import os
import re
from collections.abc import Iterator, MutableMapping
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit

HIDDEN = "***"
_VARIABLES = re.compile(r"PENSTOCK_\w*?(TOKENS?|SECRETS?|PASSWORDS?|KEYS?|CODE|URL)")  # the names of what a reviewer must not see
_SHORTEST = 5  # of a value that is hidden wherever it stands; a shorter one would hide half the text
_MOST = 2_000_000  # characters of a text that is looked through; what is beyond is dropped

_WORDS = r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|cookie|credential)s?"
_FORMS = (
    (re.compile(r"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL), f"-----{HIDDEN} private key-----"),
    (re.compile(r"\b(\w[\w+.-]{1,30}://[^\s/:@'\"<>]{0,200}):[^\s'\"<>]{1,500}@(?=[\w.\[-])"), rf"\1:{HIDDEN}@"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*"), HIDDEN),  # a JSON web token
    (re.compile(r"(?i)\b(authorization['\"]?\s*[:=]\s*b?['\"]?(?:\w+\s+)?)[^\s'\",;]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w+/=.~-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(rf"(?i)({_WORDS}['\"]?\s*[:=]\s*b?)(['\"])(?:\\.|(?!\2).)*(?:\2|\Z)", re.DOTALL), rf"\1\2{HIDDEN}\2"),
    (re.compile(rf"(?i)({_WORDS}\s*[:=]\s*)(?!['\"\s*])[^\s&,;'\")\]}}]+"), rf"\1{HIDDEN}"),
    (re.compile(r"\$argon2\w*\$[^\s'\"]+"), HIDDEN),
)


def redacted(text: str) -> str:
    """The text without what is secret in it, as far as the module's two ways find it; never raises, bounded in time."""
    text = text[:_MOST]
    for value in known():
        text = text.replace(value, HIDDEN)
    for form, shown in _FORMS:
        text = form.sub(shown, text)
    return text


def known() -> list[str]:
    """What the environment holds that is secret, longest first, in each coding it may be printed in."""
    return sorted({coded for value in _values() if len(value) >= _SHORTEST for coded in _coded(value)}, key=len, reverse=True)


def redact_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor of structlog: every text of an event is redacted, also inside lists and tables; numbers and times stay.

    Anything else - an error, bytes, a set - becomes the text that would be printed of it, redacted.
    """
    for key, value in event.items():
        event[key] = HIDDEN if isinstance(value, str) and re.fullmatch(rf"(?i)[\w.-]*{_WORDS}", key) else _told(value)
    return event


def _told(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {
            key: HIDDEN if isinstance(key, str) and re.fullmatch(rf"(?i)[\w.-]*{_WORDS}", key) else _told(v) for key, v in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_told(one) for one in value]
    return value if value is None or isinstance(value, (int, float, Decimal, date)) else redacted(str(value))


def _coded(value: str) -> Iterator[str]:
    yield value
    yield quote(value, safe="")
    yield base64.b64encode(value.encode()).decode().rstrip("=")
    yield value.encode("unicode_escape").decode()


def _values() -> Iterator[str]:
    """The secrets of this process: of a URL its password, of a table (JSON) each value, of a key its text but not the path of its file."""
    for name, value in os.environ.items():
        value = value.strip()
        if not value or not _VARIABLES.fullmatch(name):
            continue
        if name.endswith("URL"):
            yield from _passwords(value)
        elif value.startswith(("{", "[")):
            yield from _inside(value)
        elif not os.path.exists(value):
            yield value


def _passwords(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        yield from filter(None, (parts.password,))
    except ValueError:  # what cannot be read as a URL is hidden whole
        yield url


def _inside(text: str) -> Iterator[str]:
    try:
        told = json.loads(text)
    except ValueError:
        yield text
        return
    yield from (value for value in (told.values() if isinstance(told, dict) else told) if isinstance(value, str))
