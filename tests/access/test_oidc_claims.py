"""From an identity provider's claims to a person of the city: each claim that is missing or foreign refuses, in a sentence."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from city.problems import PenstockError
from service import schema as t
from service.access import oidc, sessions
from service.access.accounts import LocalAccount
from service.access.settings import Access, Grant, Oidc
from service.store import results
from tests.access.people import NOW

PROVIDER = Oidc(
    discovery_url="https://id.city.example/.well-known/openid-configuration",
    client_id="penstock",
    redirect_uri="https://console.city.example/oauth2callback",
    second_factor_amr=("mfa",),
    grants=(Grant(group="water-east", role="operator", districts=("east",)), Grant(group="staff", role="viewer")),
)
RULES = Access(second_factor_for=("approve",), oidc=PROVIDER)
OLGA = {
    "iss": "https://id.city.example",
    "sub": "42",
    "aud": "penstock",
    "email": "olga@city.example",
    "email_verified": True,
    "groups": ["staff", "water-east"],
    "iat": int(NOW.timestamp()) - 5,
    "exp": int(NOW.timestamp()) + 300,
    "nonce": "n1",
}


def test_the_first_grant_that_fits_gives_role_and_districts() -> None:
    person = oidc.person_of(OLGA, PROVIDER, NOW, RULES)
    assert (person.name, person.role, person.districts, person.unconfirmed) == ("olga@city.example", "operator", ("east",), ("approve",))
    assert oidc.person_of(OLGA | {"groups": "staff"}, PROVIDER, NOW, RULES).role == "viewer"
    assert oidc.person_of(OLGA | {"amr": ["pwd", "mfa"]}, PROVIDER, NOW, RULES).unconfirmed == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"groups": []}, "no groups of this city"),
        ({"groups": None}, "no groups of this city"),
        ({"groups": [["staff"], 7]}, "no groups of this city"),
        ({"groups": "Staff"}, "no groups of this city"),
        ({"email_verified": False}, "not verified"),
        ({"email_verified": None}, "not verified"),
        ({"email": ""}, "no subject or no email"),
        ({"email": "o" * 81}, "no subject or no email"),
        ({"sub": None}, "no subject or no email"),
        ({"aud": "another"}, "made out to another client"),
        ({"aud": []}, "made out to another client"),
        ({"iat": None}, "a sign-in of long ago"),
        ({"iat": int((NOW - timedelta(hours=13)).timestamp())}, "a sign-in of long ago"),
    ],
)
def test_who_is_refused_and_why(change: dict[str, Any], says: str) -> None:
    with pytest.raises(PenstockError, match=says):
        oidc.person_of(OLGA | change, PROVIDER, NOW, RULES)


def test_a_sign_in_is_one_session_and_after_signing_out_the_same_claims_begin_none(engine: Engine) -> None:
    assert oidc.signed_in(engine, OLGA, RULES, NOW) is not None
    assert oidc.signed_in(engine, OLGA, RULES, NOW) is not None
    assert len(results.rows(engine, t.session)) == 1
    sessions.end(engine, oidc.token_of(OLGA), NOW, "by hand")
    assert oidc.signed_in(engine, OLGA, RULES, NOW) is None
    assert oidc.signed_in(engine, OLGA | {"nonce": "n2"}, RULES, NOW) is not None  # signing in anew at the provider


def test_the_audit_tells_of_a_second_factor_only_when_one_was_shown(engine: Engine) -> None:
    asks_nobody = RULES.model_copy(update={"second_factor_for": ()})
    for nonce, amr in (("n1", ["pwd"]), ("n2", ["pwd", "mfa"]), ("n3", "mfa"), ("n4", 7)):
        assert oidc.signed_in(engine, OLGA | {"nonce": nonce, "amr": amr}, asks_nobody, NOW) is not None
    said = [row.sentence for row in results.rows(engine, t.audit)]
    assert ["with a second factor" in one for one in said] == [False, True, True, False]


@pytest.mark.parametrize(("given", "says"), [({"disabled": True}, "disabled"), ({"hash": "$argon2id$x"}, "has that name"), ({}, None)])
def test_nobody_takes_the_name_of_an_account_that_is_disabled_or_has_a_password(
    engine: Engine, given: dict[str, Any], says: str | None
) -> None:
    station = [LocalAccount.model_validate({"name": "Olga@city.example", "role": "viewer"} | given)]
    if says is None:
        assert oidc.signed_in(engine, OLGA, RULES, NOW, station) is not None
        return
    with pytest.raises(PenstockError, match=says):
        oidc.signed_in(engine, OLGA, RULES, NOW, station)


def test_a_grant_of_a_district_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 character"):
        Grant.model_validate({"group": "x", "role": "operator", "districts": [""]})  # '' would be the whole city


def test_a_refusal_is_audited_once_and_stays_refused(engine: Engine) -> None:
    stranger = OLGA | {"groups": ["tourists"]}
    for _ in range(3):
        with pytest.raises(PenstockError, match="no groups"):
            oidc.signed_in(engine, stranger, RULES, NOW)
    assert [row.action for row in results.rows(engine, t.audit)] == ["sign in refused"]


@pytest.mark.parametrize(("ends", "after_min", "there"), [(True, 4, True), (True, 6, False), (False, 6, True), (False, 31, False)])
def test_the_session_ends_with_the_token_where_the_city_wants_it_and_when_idle(
    engine: Engine, ends: bool, after_min: int, there: bool
) -> None:
    rules = RULES.model_copy(update={"oidc": PROVIDER.model_copy(update={"ends_with_token": ends})})
    assert oidc.signed_in(engine, OLGA, rules, NOW) is not None
    assert (oidc.signed_in(engine, OLGA, rules, NOW + timedelta(minutes=after_min)) is not None) is there


def test_an_address_that_is_not_encrypted_is_refused_unless_it_is_this_machine() -> None:
    for url in ("http://id.city.example/.well-known/openid-configuration", "http://localhost.evil.example/x"):
        with pytest.raises(ValueError, match="not encrypted"):
            Oidc.model_validate(PROVIDER.model_dump() | {"discovery_url": url})
    Oidc.model_validate(PROVIDER.model_dump() | {"discovery_url": "http://localhost:8080/.well-known/openid-configuration"})
