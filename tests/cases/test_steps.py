"""Steps that people take: roles, districts, another person for the check, two at once, times; on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from city.problems import PenstockError
from service import schema as t
from service.access.roles import Person
from service.cases import deciding
from service.cases.levels import CaseSettings
from service.cases.states import STATES, STEPS
from service.cases.store import listed, one
from service.store import results
from tests.cases.conftest import BOTH, T0

HOUR, PLAIN = timedelta(hours=1), CaseSettings()
EVA = Person(name="eva", role="engineer")


def audit(engine: Engine) -> list[tuple[str, str, str]]:
    return [(row.action, row.who, row.subject) for row in results.rows(engine, t.audit, order=t.audit.c.audit_id)]


@BOTH
def test_a_case_from_found_to_rated_with_times_owners_and_an_audit_line_for_each_step(
    engine: Engine, opened: Callable[..., int], ada: Person, bob: Person
) -> None:
    case = opened()
    deciding.assign(engine, ada, case, T0 + HOUR, "crew-north")
    deciding.work(engine, ada, case, T0 + 5 * HOUR, "clamp set")
    deciding.note(engine, bob, case, T0 + 6 * HOUR, "asphalt is missing")
    deciding.check(engine, bob, case, T0 + 7 * HOUR, "flow is back to normal")
    deciding.close(engine, ada, case, T0 + 8 * HOUR)
    done = deciding.rate(engine, ada, case, T0 + 9 * HOUR, 4, false_alarm=False)
    told = [((event.at_utc - T0) / HOUR, event.who, event.step, event.state, event.owner) for event in done.events]
    assert told == [
        (0, "penstock", "found", "found", None),
        (1, "ada", "assign", "assigned", "crew-north"),
        (5, "ada", "work", "worked", "crew-north"),
        (6, "bob", "note", "worked", "crew-north"),
        (7, "bob", "check", "checked", "crew-north"),
        (8, "ada", "close", "closed", "crew-north"),
        (9, "ada", "rate", "rated", "crew-north"),
    ]
    assert done.last.facts == {"marks": 4, "false_alarm": False}
    assert audit(engine)[0] == ("case found", "penstock", f"case {case}")
    assert [line[0] for line in audit(engine)[1:]] == [f"case {s}" for s in ("assign", "work", "note", "check", "close", "rate")]


def test_who_did_the_work_does_not_check_it_however_the_name_is_spelled(engine: Engine, opened: Callable[..., int], bob: Person) -> None:
    case = opened()
    deciding.assign(engine, bob, case, T0, "bob")
    deciding.work(engine, bob, case, T0)
    for same in (bob, Person(name="BOB ", role="engineer")):
        with pytest.raises(PenstockError, match="did the work; allowed: a second, different person"):
            deciding.check(engine, same, case, T0)
    assert deciding.check(engine, EVA, case, T0).state == "checked"


def test_roles_and_districts_are_asked_in_the_write_and_refusals_are_audited(
    engine: Engine, opened: Callable[..., int], ada: Person
) -> None:
    case = opened()
    for person, what in (
        (Person(name="vic", role="viewer"), "signed in as viewer"),
        (Person(name="amy", role="admin"), "signed in as admin"),
        (Person(name="far", role="operator", districts=("port",)), "bound to port"),
    ):
        with pytest.raises(PenstockError, match=what):
            deciding.assign(engine, person, case, T0, "ada")
    near = Person(name="near", role="operator", districts=("old-town",))
    deciding.assign(engine, near, case, T0, "near")
    deciding.work(engine, near, case, T0)
    with pytest.raises(PenstockError, match="account with role engineer"):
        deciding.check(engine, ada, case, T0)
    assert [line[:2] for line in audit(engine) if line[0].endswith("refused")] == [
        ("case refused", "vic"), ("case refused", "amy"), ("case refused", "far"), ("case-check refused", "ada"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (lambda e, p, c: deciding.assign(e, p, c, T0, "nobody", owners=["ada"]), "'nobody'; allowed: ada"),
        (lambda e, p, c: deciding.assign(e, p, c, T0, "  "), "owner of case"),
        (lambda e, p, c: deciding.cancel(e, p, c, T0, " "), "nothing said"),
        (lambda e, p, c: deciding.cancel(e, p, c, T0, "twice", same_as=c), "the same one"),
        (lambda e, p, c: deciding.cancel(e, p, c, T0, "twice", same_as=99), "no case has this number"),
        (lambda e, p, c: deciding.rate(e, p, c, T0, 6, false_alarm=False), "6; allowed: 1, 2, 3, 4 or 5"),
        (lambda e, p, c: deciding.work(e, p, c, T0), "it is found; allowed: assigned"),
        (lambda e, p, c: deciding.note(e, p, 99, T0, "hm"), "no case has this number"),
        (lambda e, p, c: deciding.assign(e, p, c, T0 - HOUR, "ada"), "not before 2022-06-15 22:00 UTC"),
    ],
)
def test_what_is_wrong_is_a_sentence_and_changes_nothing(
    engine: Engine, opened: Callable[..., int], ada: Person, step: Callable[..., object], said: str
) -> None:
    case = opened()
    with pytest.raises(PenstockError, match=said):
        step(engine, ada, case)
    assert len(one(engine, PLAIN, case).events) == 1


def test_a_duplicate_is_cancelled_as_the_one_that_stays(engine: Engine, opened: Callable[..., int], ada: Person) -> None:
    first, second = opened("leak-1"), opened("leak-2")
    assert deciding.cancel(engine, ada, second, T0, "the same pipe", same_as=first).last.facts == {"same_as": first}
    assert [case.case_id for case in listed(engine, PLAIN)] == [first]
    assert deciding.reopen(engine, ada, second, T0, "another pipe after all").state == "found"


@BOTH
def test_of_two_who_assign_at_once_the_second_is_told_who_was_faster(
    engine: Engine, opened: Callable[..., int], ada: Person, bob: Person
) -> None:
    case = opened()
    seen = one(engine, PLAIN, case).last.ordinal

    def take(person: Person) -> str:
        try:
            return str(deciding.assign(engine, person, case, T0, person.name, seen=seen).owner)
        except PenstockError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        first, second = sorted(pool.map(take, [ada, bob]), key=len)
    assert first in ("ada", "bob")
    assert f"{first} took the step 'assign'" in second
    assert one(engine, PLAIN, case).owner == first


@BOTH
def test_of_many_who_work_it_at_once_one_did(engine: Engine, opened: Callable[..., int], ada: Person) -> None:
    case = opened()
    deciding.assign(engine, ada, case, T0, "ada")

    def work(i: int) -> bool:
        try:
            deciding.work(engine, Person(name=f"p{i}", role="operator"), case, T0)
        except PenstockError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(6))) == 1
    assert [event.step for event in one(engine, PLAIN, case).events] == ["found", "assign", "work"]


STEP = st.tuples(st.sampled_from(list(STEPS)), st.integers(-400, 400), st.sampled_from(["ada", "bob", "eva"]))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, max_size=12))
def test_whatever_people_try_times_never_go_back_and_a_case_has_one_state(
    engine: Engine, opened: Callable[..., int], tried: list[tuple[str, int, str]]
) -> None:
    case = opened(f"leak-{hash(tuple(tried))}")
    now = T0
    for name, minutes, who in tried:
        now += timedelta(minutes=minutes)
        try:
            deciding.step(engine, Person(name=who, role="alone"), case, name, now, owner="ada" if name == "assign" else None, note="x")
        except PenstockError:
            continue
    found = one(engine, PLAIN, case)
    assert [event.ordinal for event in found.events] == list(range(len(found.events)))
    assert all(before.at_utc <= after.at_utc for before, after in zip(found.events, found.events[1:], strict=False))
    assert found.state in STATES
    assert sum(case in [c.case_id for c in listed(engine, PLAIN, states=[state])] for state in STATES) == 1


def test_a_step_of_a_clock_that_was_ahead_does_not_lock_the_case(engine: Engine, opened: Callable[..., int], ada: Person) -> None:
    case, now = opened(), datetime.now(UTC)
    deciding.assign(engine, ada, case, now + timedelta(days=400), "ada")
    assert deciding.work(engine, ada, case, now).last.at_utc == now + timedelta(days=400)  # times never go back
