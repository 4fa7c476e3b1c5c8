"""Priority 1 is never out of sight: not shelved, not grouped, not behind other districts or other lines, not suppressed."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.problems import PenstockError
from service.alarms import deeds
from service.alarms.flood import grouped
from service.alarms.listing import overview
from service.alarms.refresh import refresh
from service.alarms.settings import Alarms
from service.alarms.sources import KINDS
from service.alarms.states import State
from service.store import operations
from tests.alarms.conftest import EAST, ENGINEER, OPERATOR, Bench
from tests.alarms.test_flood import alarm

ROWS = st.tuples(
    st.sampled_from(["silent", "burst", "link_down"]),
    st.integers(1, 3),
    st.sampled_from(["", "link_down m0"]),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(ROWS, max_size=40), st.booleans())
def test_what_must_be_acted_on_now_is_a_line_by_itself_before_all_others(rows: list[tuple[str, int, str, bool, bool]], flood: bool) -> None:
    made = [replace(alarm(i, kind, priority, group), own=own, active=on) for i, (kind, priority, group, own, on) in enumerate(rows)]
    lines = grouped(made, flood=flood)
    acute = [row.alarm_id for row in made if row.active and row.priority == 1]
    assert sorted(line.alarm_id for line in lines[: len(acute)]) == acute
    assert sorted(number for line in lines for number in line.ids) == list(range(len(made)))
    assert all(line.active or not any(one.active for one in line.members) for line in lines)  # what is over hides nothing that is not


def test_no_kind_of_priority_1_is_suppressed_by_another() -> None:
    assert [kind.name for kind in KINDS.values() if kind.priority == 1 and kind.suppressed_by] == []


def stopped(bench: Bench) -> int:
    operations.place_hold(bench.engine, operations.STOP, "wang.li", bench.now_utc, "smoke")
    refresh(bench.engine, bench.city, bench.now_utc, ("control",))
    return bench.id_of(operations.STOP)


@pytest.mark.parametrize("person", [OPERATOR, ENGINEER])
def test_an_emergency_stop_is_neither_shelved_nor_taken_out_of_service(bench: Bench, person) -> None:
    number = stopped(bench)
    until = bench.now_utc + timedelta(hours=1)
    with pytest.raises(PenstockError, match=r"shelve of emergency_stop .* it is of priority 1"):
        deeds.shelve(bench.engine, Alarms(), person, number, bench.now_utc, until, "I know")
    with pytest.raises(PenstockError, match=r"priority 1|engineer"):
        deeds.out_of_service(bench.engine, person, number, bench.now_utc, "I know")
    assert [row.kind for row in bench.shown()] == ["emergency_stop"]
    assert overview(bench.engine, bench.now_utc).hidden == {}


def test_an_emergency_stop_stands_before_the_alarms_of_the_own_district(bench: Bench) -> None:
    bench.slot("m1", slots=2)
    stopped(bench)
    assert [(row.kind, row.own) for row in bench.shown(EAST)] == [("emergency_stop", False), ("silent", True)]


def test_of_a_line_one_acknowledges_what_lies_in_the_own_districts(bench: Bench) -> None:
    bench.slot("m1", "m2", "m3", "m4", slots=2)  # the whole link: four meters, two of them in the east
    (line,) = bench.shown(EAST)
    assert (line.kind, line.count, line.own) == ("link_down", 5, False)
    assert {one.subject for one in line.members if one.alarm_id in line.waiting} == {"m1", "m2"}
    assert deeds.acknowledge(bench.engine, EAST, line.waiting, bench.now_utc) == 2
    assert bench.shown(EAST)[0].waiting == ()
    assert bench.states()["silent m3"] == State.UNACKNOWLEDGED


def test_a_stop_by_a_clock_that_is_ahead_stops_at_once(bench: Bench) -> None:
    operations.place_hold(bench.engine, operations.STOP, "wang.li", bench.now_utc + timedelta(days=1500), "smoke, told to a replayed city")
    assert [row.subject for row in operations.holds(bench.engine, bench.now_utc)] == [operations.STOP]
    bench.slot()
    assert [row.kind for row in bench.shown()] == ["emergency_stop"]
