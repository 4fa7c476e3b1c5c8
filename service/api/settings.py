"""`[api]` and `[[api_tokens]]` of city.toml: who may ask the JSON API for what, and how often."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from city.places import Place
from city.problems import Problem
from service.references import some, tables, text

Scope = Literal["city", "readings", "forecasts", "plans", "statements", "operations", "targets", "households"]
TokenId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class Api(Place):
    """The JSON API (`penstock api`)."""

    calls_per_minute: int = Field(default=600, ge=1, le=1_000_000, description="of one token; more are answered by 429 until the next")
    household_sectors: tuple[str, ...] = Field(
        default=(), description="sectors whose sites are homes: no meter of theirs is told to a token without the scope households"
    )


class ApiToken(Place):
    """Who may ask. The token itself is shown once by `penstock api token`; here stands its hash."""

    id: TokenId = Field(description="who asks; the part of the token before the dot")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(description="SHA-256 of the part after the dot")
    scopes: tuple[Scope, ...] = Field(min_length=1, description="what it may read; households opens homes whose owner consents")
    districts: tuple[str, ...] = Field(default=(), description="zones or sites it is bound to; none: the whole city")
    expires: date = Field(description="last day (UTC) on which it is good")


def mismatched(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Tokens of one name, districts and sectors that do not exist."""
    places = {text(place.get("id")) for name in ("zones", "sites") for _, place in tables(raw, name)}
    sectors = {text(sector.get("id")) for _, sector in tables(raw, "sectors")}
    seen: set[str] = set()
    for i, token in tables(raw, "api_tokens"):
        name, bound = text(token.get("id")), token.get("districts")
        if name in seen:
            yield Problem(f"api_tokens[{i}].id", f"'{name}' a second time", "one entry per token", "Rename or remove one of them.")
        seen.add(name)
        for district in bound if isinstance(bound, list) else ():
            if district not in places:
                allowed = f"one of {some(places, text(district))}"
                yield Problem(f"api_tokens[{i}].districts", f"no zone or site '{district}'", allowed, "Correct the name.")
    own = raw.get("api")
    named = own.get("household_sectors") if isinstance(own, dict) else None
    for sector in named if isinstance(named, list) else ():
        if sector not in sectors:
            yield Problem("api.household_sectors", f"no sector '{sector}'", f"one of {some(sectors, text(sector))}", "Correct the name.")
