"""Tokens of the API: 256 random bits under a name, of which city.toml keeps the SHA-256 only.

As with the tokens of stations (service/edge/tokens.py), a hash that is slow on purpose is for passwords that people choose.
"""

import hashlib
import hmac
import json
import secrets
import threading
import tomllib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import get_args

import structlog
from pydantic import TypeAdapter, ValidationError

from city.problems import PenstockError, Problem, fault
from service.access.districts import districts as districts_of_city
from service.api.problem import Denied
from service.api.settings import ApiToken, Scope
from service.settings import LoadedCity

log = structlog.get_logger()
DAYS = 365
_TOKENS = TypeAdapter(tuple[ApiToken, ...])
_NOBODY = ApiToken(id="nobody", sha256="0" * 64, scopes=("city",), expires=date.max)
SCOPES: tuple[Scope, ...] = get_args(Scope)
USUAL = tuple(scope for scope in SCOPES if scope != "households")


def made(city: LoadedCity, name: str, scopes: Sequence[str], districts: Sequence[str], days: int, now_utc: datetime) -> Iterator[str]:
    """A new token and its entry for city.toml, line by line. Raises `PenstockError` for a name, a scope or a zone that cannot be."""
    if any(token.id == name for token in city.settings.api_tokens):
        raise fault(f"token '{name}'", "is in city.toml already", "a name of its own", "Take out the old entry first, or choose another.")
    if strange := [one for one in districts if one not in districts_of_city(city)]:
        raise fault("--zones", strange[0], ", ".join(districts_of_city(city)[:20]), "Choose among these.")
    if strange := [one for one in scopes if one not in SCOPES]:
        raise fault("--scope", f"'{strange[0]}'", ", ".join(SCOPES), "Choose among these.")
    secret = secrets.token_urlsafe(32)
    entry = {
        "id": name,
        "sha256": hashlib.sha256(secret.encode()).hexdigest(),
        "scopes": list(scopes) or list(USUAL),
        "districts": list(districts),
        "expires": now_utc.date() + timedelta(days=days),
    }
    try:
        token = ApiToken.model_validate(entry)
    except ValidationError as error:
        raise PenstockError(
            Problem(f"token '{name}', {'.'.join(map(str, one['loc']))}", repr(one["input"])[:80], one["msg"], "Correct it.")
            for one in error.errors()
        ) from None
    yield f"{name}.{secret}"
    yield "The line above is the token: it is shown this once. Put these lines into city.toml; the API takes them up by itself:"
    yield "[[api_tokens]]"
    yield f'id = "{token.id}"'
    yield f'sha256 = "{token.sha256}"'
    yield f"scopes = [{', '.join(map(_quoted, token.scopes))}]"
    if token.districts:
        yield f"districts = [{', '.join(_quoted(district) for district in token.districts)}]"
    yield f"expires = {token.expires}"


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False)


class Tokens:
    """The tokens of a city file, read again when the file has changed: a token that is taken out is not good for a second longer."""

    def __init__(self, file: Path, tokens: Sequence[ApiToken]) -> None:
        self._file, self._of = file, {token.id: token for token in tokens}
        self._seen = self._state()
        self._lock = threading.Lock()

    def known(self, authorization: str, now_utc: datetime | None = None) -> ApiToken:
        """Whose token a header `Bearer NAME.SECRET` carries. Raises `Denied`, after the same time for every name."""
        self._refresh()
        scheme, _, credential = authorization.partition(" ")
        name, _, secret = credential.partition(".")
        token = self._of.get(name, _NOBODY)
        good = hmac.compare_digest(hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest(), token.sha256)
        if scheme.lower() != "bearer" or token is _NOBODY or not good:
            raise Denied(401, Problem("token", "unknown or missing", "Authorization: Bearer NAME.SECRET", "Ask the city for a token."))
        if (now_utc or datetime.now(UTC)).date() > token.expires:
            raise Denied(401, Problem("token", f"expired on {token.expires}", "a token that is good today", "Ask the city for another."))
        return token

    def _state(self) -> tuple[int, int]:
        try:
            found = self._file.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_size

    def _refresh(self) -> None:
        """Take up another city file; of one that cannot be read the tokens of before stay, and the log says so."""
        if (now := self._state()) == self._seen:
            return
        with self._lock:
            self._seen = now
            try:
                raw = tomllib.loads(self._file.read_text(encoding="utf-8")).get("api_tokens", [])
                self._of = {token.id: token for token in _TOKENS.validate_python(raw)}
            except (OSError, ValueError) as error:
                log.warning("tokens of the city file cannot be read; those of before hold", cause=str(error).splitlines()[0])
