"""From the claims of an identity provider (OpenID Connect Core 1.0) to a person of the city, or a sentence why not.

Signature, issuer and nonce of the ID token are checked by Streamlit and Authlib where it is received. The audience is checked here (OpenID
Connect Core 1.0, 3.1.3.7): they let a token through that is made out to nobody.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from city.problems import PenstockError, fault
from service.access import sessions
from service.access.accounts import LocalAccount
from service.access.roles import Person
from service.access.settings import Access, Grant, Oidc
from service.store.operations import spelled_alike

_IDENTITY = ("iss", "sub", "iat", "exp", "nonce", "sid")  # what tells one sign-in at the provider from the next


def person_of(claims: Mapping[str, Any], oidc: Oidc, at_utc: datetime, rules: Access) -> Person:
    """The person of these claims: name by `name_claim`, role and districts by the first grant whose group the claim holds.

    Raises `PenstockError` for claims made out to another client, without a subject or a name, with an e-mail that is not verified, without
    a group of the city, and from a sign-in longer ago than a session may last: the provider's cookie outlives it.
    """
    name = str(claims.get(oidc.name_claim) or "").strip()
    if not claims.get("sub") or not (0 < len(name) <= 80 and name.isprintable()):
        raise _refused("someone", f"no subject or no {oidc.name_claim}", f"a token with sub and {oidc.name_claim}")
    if oidc.client_id not in _texts(claims, "aud"):
        raise _refused(name, "a token that is made out to another client", f"one for {oidc.client_id}")
    if oidc.name_claim == "email" and str(claims.get("email_verified")).lower() != "true":  # some providers write it as a string
        raise _refused(name, "the e-mail address is not verified", "one that the identity provider verified")
    grant = _grant(claims, oidc)
    if grant is None:
        raise _refused(name, f"no {oidc.claim} of this city", ", ".join(grant.group for grant in oidc.grants))
    if (issued := _time(claims, "iat")) is None or at_utc - issued > timedelta(hours=rules.hours(grant.role)):
        raise _refused(name, "a sign-in of long ago", "a fresh one")
    unconfirmed = () if _factor(claims, oidc) else rules.second_factor_for
    return Person(name=name, role=grant.role, districts=grant.districts, unconfirmed=unconfirmed)


def signed_in(
    engine: Engine,
    claims: Mapping[str, Any],
    rules: Access,
    at_utc: datetime,
    station: Iterable[LocalAccount] = (),
    *,
    clicked: bool = True,
) -> Person | None:
    """Who holds these claims while the session runs that began with their sign-in; None when it has ended: signing in anew begins another.

    Raises `PenstockError` as `person_of`, and for the name of an account of the `station` that is disabled or has a password of its own:
    that one may be somebody else's. Audits the first refusal of a sign-in.
    """
    if rules.oidc is None:
        return None
    token = token_of(claims)
    try:
        person = person_of(claims, rules.oidc, at_utc, rules)
        _require_own(person, station)
    except PenstockError as error:
        if sessions.name_of(engine, token) is None:
            sessions.refuse(engine, token, str(claims.get(rules.oidc.name_claim) or "someone")[:80], at_utc, error)
        raise
    if sessions.name_of(engine, token) is None:
        ends = ends_utc(claims, rules.oidc)
        sessions.begin(engine, token, person.name, person.role, rules, at_utc, "oidc", ends, confirmed=_factor(claims, rules.oidc))
    return person if sessions.running(engine, token, person.role, rules, at_utc, clicked=clicked) else None


def ends_utc(claims: Mapping[str, Any], oidc: Oidc) -> datetime | None:
    """When the ID token ends the session; None when it does not."""
    return _time(claims, "exp") if oidc.ends_with_token else None


def token_of(claims: Mapping[str, Any]) -> str:
    """What a session of these claims is known by: signing in anew at the provider gives another one."""
    return json.dumps([str(claims.get(key, "")) for key in _IDENTITY])


def secrets_toml(oidc: Oidc, client_secret: str, cookie_secret: str) -> str:
    """The `[auth]` table that the console's web server reads, as TOML. It holds both secrets: a file of its owner alone."""
    told = {
        "redirect_uri": oidc.redirect_uri,
        "cookie_secret": cookie_secret,
        "client_id": oidc.client_id,
        "client_secret": client_secret,
        "server_metadata_url": oidc.discovery_url,
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in told.items()]
    return "\n".join(["[auth]", *lines, "", "[auth.client_kwargs]", f"scope = {json.dumps(oidc.scope)}", 'prompt = "login"', ""])


def _grant(claims: Mapping[str, Any], oidc: Oidc) -> Grant | None:
    groups = _texts(claims, oidc.claim)
    return next((grant for grant in oidc.grants if grant.group in groups), None)


def _factor(claims: Mapping[str, Any], oidc: Oidc) -> bool:
    """Does the provider say that a second factor was shown?"""
    return bool(_texts(claims, "amr").intersection(oidc.second_factor_amr))


def _require_own(person: Person, station: Iterable[LocalAccount]) -> None:
    for account in station:
        if spelled_alike(account.name) == spelled_alike(person.name) and (account.disabled or account.hash is not None):
            observed = "disabled at this station" if account.disabled else "an account of this station has that name and a password"
            raise _refused(person.name, observed, "a name that nobody else has here")


def _texts(claims: Mapping[str, Any], key: str) -> set[str]:
    """The texts of a claim that holds one or several."""
    told = claims.get(key)
    return {told} if isinstance(told, str) else {one for one in told if isinstance(one, str)} if isinstance(told, list | tuple) else set()


def _time(claims: Mapping[str, Any], key: str) -> datetime | None:
    told = claims.get(key)
    return datetime.fromtimestamp(told, UTC) if isinstance(told, int | float) and not isinstance(told, bool) else None


def _refused(name: str, observed: str, allowed: str) -> PenstockError:
    return fault(f"sign-in of {name}", observed, allowed, "Ask who looks after the accounts.")
