"""Conditions become alarms: delays, suppression by design, the end of shelving; twice is once, and several at a time are one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from service.alarms import deeds, sources, store
from service.alarms.listing import overview
from service.alarms.refresh import plain, refresh, refreshed
from service.store import operations, runs
from tests.alarms.conftest import OPERATOR, SLOT, Bench


def test_a_silent_meter_is_annunciated_after_its_on_delay_and_is_over_after_its_off_delay(bench: Bench) -> None:
    bench.slot("m1")  # 15 min without a value; the kind waits for 30
    assert bench.shown() == []
    bench.slot("m1")
    (alarm,) = bench.shown()
    assert (alarm.kind, alarm.subject, alarm.state, alarm.priority, alarm.district) == ("silent", "m1", "unacknowledged", 3, "east")
    assert alarm.since_utc == bench.now_utc - 2 * SLOT  # its last good value
    bench.slot()
    assert bench.states() == {"silent m1": "unacknowledged"}  # back for less than the off-delay of 15 min
    bench.slot()
    assert bench.states() == {"silent m1": "returned"}
    assert bench.journal("m1") == [("alarm", "unacknowledged"), ("clear", "returned")]


def test_a_condition_that_is_over_within_its_on_delay_leaves_nothing(bench: Bench) -> None:
    bench.slot("m1")
    bench.slot()
    bench.slot()
    assert bench.states() == {}
    assert bench.journal("m1") == []


def test_the_same_conditions_move_nothing_twice(bench: Bench) -> None:
    bench.slot("m1", slots=2)
    before = bench.states()
    assert [refresh(bench.engine, bench.city, bench.now_utc) for _ in range(3)] == [0, 0, 0]
    assert refresh(bench.engine, bench.city, bench.now_utc - timedelta(days=1)) == 0  # time never runs backwards
    assert bench.states() == before


def test_an_evaluation_with_a_clock_that_was_ahead_is_not_live_and_holds_nothing_up(bench: Bench) -> None:
    ahead = datetime.now(UTC) + timedelta(days=1)
    refresh(bench.engine, bench.city, ahead)
    assert not overview(bench.engine, datetime.now(UTC)).live
    refresh(bench.engine, bench.city, datetime.now(UTC))
    assert overview(bench.engine, datetime.now(UTC)).live


def test_poll_work_and_night_at_once_annunciate_once(bench: Bench) -> None:
    bench.slot("m1", "m3")
    bench.now_utc += SLOT
    runs.beat(bench.engine, "work", bench.now_utc)
    with ThreadPoolExecutor(6) as pool:
        changes = list(pool.map(lambda _: refresh(bench.engine, bench.city, bench.now_utc), range(12)))
    assert sum(changes) == 2
    assert bench.journal("m1") == bench.journal("m3") == [("alarm", "unacknowledged")]


def test_when_nothing_is_read_the_meters_are_suppressed_by_design_and_not_annunciated(bench: Bench) -> None:
    bench.slot("m2", slots=2)
    bench.slot(poll=False, slots=4)  # an hour without poll: every value is old
    assert bench.states() == {
        "poll_gone poll": "unacknowledged",
        **{f"silent {meter}": "suppressed" for meter in ("m1", "m2", "m3", "m4")},
        "link_down field": "suppressed",
    }
    bench.slot("m2")
    assert bench.journal("m1") == [
        ("suppress", "suppressed"),
        ("alarm", "suppressed"),
        ("clear", "suppressed"),
        ("unsuppress", "normal"),
    ]
    bench.slot("m2", slots=2)
    assert bench.states() == {"poll_gone poll": "returned", "silent m2": "unacknowledged"}


def test_shelving_ends_by_itself_and_annunciates_again(bench: Bench) -> None:
    bench.slot("m1", slots=2)
    alarm = bench.id_of("m1")
    deeds.shelve(
        bench.engine,
        bench.city.settings.alarms,
        OPERATOR,
        alarm,
        bench.now_utc,
        bench.now_utc + timedelta(minutes=40),
        "meter is exchanged",
    )
    bench.slot("m1", slots=2)
    assert bench.states() == {"silent m1": "shelved"}
    bench.slot("m1")
    assert bench.states() == {"silent m1": "unacknowledged"}
    assert bench.journal("m1")[-1] == ("unshelve", "unacknowledged")
    assert bench.shown()[0].shelved_until_utc is None


def test_a_dead_link_is_one_line_and_its_meters_are_below(bench: Bench) -> None:
    bench.slot("m1", "m2", "m3", "m4", slots=2)
    (line,) = bench.shown()
    assert (line.kind, line.subject, line.priority, line.count) == ("link_down", "field", 2, 5)
    assert sorted(one.subject for one in line.members) == ["m1", "m2", "m3", "m4"]


def test_a_source_that_fails_is_an_alarm_and_its_alarms_stay(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.slot("m1", slots=2)

    def broken(_seen: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(sources.field, "found", broken)
        bench.slot(slots=3)
        assert bench.states() == {"silent m1": "unacknowledged", "source_failed field": "unacknowledged"}
    bench.slot(slots=2)
    assert bench.states() == {"silent m1": "returned", "source_failed field": "returned"}


def test_a_hold_is_annunciated_by_a_refresh_of_its_source_alone_and_the_list_does_not_look_fresher_for_it(bench: Bench) -> None:
    bench.slot("m1", slots=2)
    with bench.engine.connect() as connection:
        evaluated = store.evaluated(connection)[0]
    later = bench.now_utc + timedelta(minutes=5)
    operations.place_hold(bench.engine, operations.STOP, "wang.li", later, "smoke")
    refresh(bench.engine, bench.city, later, ("control",))
    assert bench.states() == {"silent m1": "unacknowledged", "emergency_stop *": "unacknowledged"}
    with bench.engine.connect() as connection:
        assert store.evaluated(connection)[0] == evaluated


def test_a_fault_of_the_alarms_costs_neither_a_reading_nor_a_decision(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "write", lambda *_: 1 / 0)
    bench_now = bench.now_utc + SLOT
    refreshed(bench.engine, bench.city, bench_now)
    with bench.engine.connect() as connection:
        assert store.evaluated(connection)[0] == bench.now_utc  # and the list says so


def test_facts_are_kept_as_every_database_keeps_them() -> None:
    import numpy as np

    assert plain({"a": np.float64("nan"), "b": np.int64(3), "c": None, "d": 1.5}) == {"a": None, "b": 3, "c": None, "d": 1.5}
