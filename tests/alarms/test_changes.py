"""What stands while the world around it changes: the clock, the city file, the release."""

from datetime import timedelta

from sqlalchemy import update

from service import rounds
from service import schema as t
from service.alarms import deeds
from service.alarms.refresh import refresh
from service.alarms.sources import SOURCES
from service.alarms.told import CHINESE, told
from service.environment import Environment
from service.settings import load
from service.store import operations, runs, writing
from tests.alarms.conftest import CITY, OPERATOR, SLOT, Bench


def test_a_round_for_a_time_gone_by_looks_at_the_city_as_the_last_one_did(bench: Bench, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(rounds, "parts", lambda: {"clock": lambda _engine, _city, at_utc: seen.append(at_utc)})
    for at in (bench.now_utc, bench.now_utc - timedelta(hours=2), bench.now_utc + SLOT):
        assert rounds.make(bench.engine, bench.city, at) == []
    assert seen == [bench.now_utc, bench.now_utc, bench.now_utc + SLOT]


def test_the_alarm_of_a_meter_that_left_the_city_is_over_and_keeps_its_words(bench: Bench) -> None:
    bench.slot("m1", slots=3)
    number, words = bench.id_of("m1"), told(bench.shown()[0])
    lines = [line for line in CITY.splitlines() if '"m1"' not in line]
    path = bench.city.folder / "city.toml"
    path.write_text("\n".join(lines))
    without = load(Environment(city=path, home=bench.city.folder))
    for slots in (1, 2):
        for process in ("poll", "work"):
            runs.beat(bench.engine, process, bench.now_utc + slots * SLOT)
        refresh(bench.engine, without, bench.now_utc + slots * SLOT)
    (alarm,) = bench.shown()
    assert (alarm.alarm_id, alarm.state, told(alarm)) == (number, "returned", words)
    assert deeds.acknowledge(bench.engine, OPERATOR, [number], bench.now_utc + 2 * SLOT) == 1
    assert bench.states() == {}


def test_a_hold_on_what_the_city_does_not_have_is_of_the_whole_city(bench: Bench) -> None:
    operations.place_hold(bench.engine, "pump-gone", "wang.li", bench.now_utc, "dug up")
    bench.slot()
    assert [(row.subject, row.district) for row in bench.shown()] == [("pump-gone", "")]


def test_an_alarm_of_a_kind_that_this_release_does_not_know_is_over(bench: Bench) -> None:
    bench.slot("m1", slots=2)
    with writing(bench.engine) as connection:
        connection.execute(update(t.alarm).values(kind="of_old"))
    bench.slot()
    assert bench.states() == {"of_old m1": "returned"}


def test_a_source_that_fails_alone_does_not_end_the_fault_of_another(bench: Bench, monkeypatch) -> None:
    def broken(_seen: object) -> None:
        raise ZeroDivisionError

    for name in ("water", "control"):
        monkeypatch.setattr(SOURCES[name], "found", broken)
    refresh(bench.engine, bench.city, bench.now_utc)
    refresh(bench.engine, bench.city, bench.now_utc, ("control",))
    assert bench.states() == {"source_failed control": "unacknowledged", "source_failed water": "unacknowledged"}


def test_a_process_that_never_beat_is_told_as_such(bench: Bench) -> None:
    with writing(bench.engine) as connection:
        connection.execute(t.heartbeat.delete().where(t.heartbeat.c.process == "poll"))
    bench.now_utc += SLOT
    refresh(bench.engine, bench.city, bench.now_utc)
    alarm = next(row for row in bench.shown() if row.kind == "poll_gone")
    assert told(alarm)[0] == "The reading process is not heard of; last: never"
    assert told(alarm, CHINESE)[0] == "采集进程无心跳，最近一次：从未"


def test_who_names_an_alarm_acknowledges_it_whatever_the_clock_says(bench: Bench) -> None:
    bench.slot("m1", slots=2)
    assert deeds.acknowledge(bench.engine, OPERATOR, [bench.id_of("m1")], bench.now_utc - timedelta(hours=3)) == 1
