"""Every role and every action, asked on the store: allowed is allowed, refused is refused and audited; duties are kept apart."""

import itertools
import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from city.problems import PenstockError
from service.access.roles import ACTIONS, MAY, NOWHERE, WHOLE_CITY, Action, Control, Person, Role, may, reaches
from service.access.settings import PersonRole
from service.decisions import require
from service.store import operations
from tests.access.people import NOW

DOCS = Path(__file__).resolve().parents[2] / "docs" / "access.md"
CONTROL = frozenset(get_args(Control))
BOOKS = {"certificate", "consent", "publish", "close", "restate"}


@pytest.mark.parametrize("role", get_args(Role))
def test_the_store_allows_what_the_role_has_and_refuses_and_audits_all_else(engine: Engine, role: Role) -> None:
    person = Person(name="p", role=role)
    for action in ACTIONS:
        before = len(operations.audit(engine, 1000))
        if action in MAY[role]:
            require(engine, person, action, "thing", NOW)
            assert len(operations.audit(engine, 1000)) == before
        else:
            with pytest.raises(PenstockError, match=f"p is signed in as {role}; allowed: an account with role"):
                require(engine, person, action, "thing", NOW)
            newest = operations.audit(engine, 1)[0]
            assert (newest.who, newest.action) == ("p", f"{action} refused")


def test_the_actions_are_all_there_are() -> None:
    named = set(itertools.chain.from_iterable(get_args(part) if get_args(part) else (part,) for part in get_args(Action)))
    assert named == set(ACTIONS)
    assert len(ACTIONS) == len(set(ACTIONS))
    assert MAY["alone"] == set(ACTIONS)
    assert set(get_args(PersonRole)) == set(MAY) - {"alone"}


def test_duties_are_kept_apart() -> None:
    assert MAY["admin"] == {"account"}  # who gives accounts out decides nothing else
    assert not {role for role in MAY if "account" in MAY[role]} - {"admin", "alone"}
    assert not MAY["viewer"]
    assert MAY["household"] == {"see-household"}
    assert not MAY["operator"] & BOOKS
    assert CONTROL & MAY["planner"] == set()
    assert CONTROL & MAY["engineer"] == {"valve", "settle"}


def test_the_table_of_the_docs_is_the_code() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|(.*)\|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name: {role.strip(" `") for role in cells.split("|")[-1].split(",") if role.strip()} for name, cells in rows if name in ACTIONS}
    assert told == {action: {role for role in MAY if action in MAY[role] and role != "alone"} for action in ACTIONS}


@given(st.frozensets(st.sampled_from("abcd")), st.frozensets(st.sampled_from("abcd")))
def test_somebody_reaches_exactly_the_own_districts(own: frozenset[str], asked: frozenset[str]) -> None:
    person = Person(name="p", role="operator", districts=tuple(sorted(own)))
    assert reaches(person, asked) == (not own or asked <= own)
    assert reaches(person, NOWHERE)
    assert reaches(person, WHOLE_CITY) == (not own)
    assert may(person, "hold", asked) == reaches(person, asked)
    assert not may(person, "account", asked)


def test_what_is_not_said_to_lie_anywhere_is_the_whole_city(engine: Engine) -> None:
    bound = Person(name="ola", role="operator", districts=("east",))
    with pytest.raises(PenstockError, match="ola is bound to east; allowed: somebody who has the whole city"):
        require(engine, bound, "approve", "plan-1", NOW)
    with pytest.raises(PenstockError, match="somebody who has west"):
        require(engine, bound, "approve", "plan-1", NOW, {"east", "west"})
    require(engine, bound, "approve", "plan-1", NOW, {"east"})


def test_what_needs_a_second_factor_waits_for_it(engine: Engine) -> None:
    person = Person(name="ada", role="operator", unconfirmed=("approve",))
    assert not may(person, "approve")
    with pytest.raises(PenstockError, match="ada has shown no second factor"):
        require(engine, person, "approve", "plan-1", NOW)
    require(engine, person, "hold", "pump", NOW)
