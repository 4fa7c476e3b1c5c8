"""Availability from spans, and the spans from processes that really run, are stopped and are killed."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select

from service import schema as t
from service.levels import uptime
from service.levels.counted import Asked, up
from service.levels.outages import _clipped, _seconds, availability
from service.levels.settings import Levels
from service.levels.share import Share
from service.store import open_store, runs, writing
from tests.town import Town

START = datetime(2030, 3, 1, tzinfo=UTC)
END = START + timedelta(days=1)
HOUR = timedelta(hours=1)


def spans(store: Engine, *rows: tuple[str, float, float, str]) -> None:
    with writing(store) as connection:
        for process, since, until, ended in rows:
            at = {"since_utc": START + since * HOUR, "until_utc": START + until * HOUR}
            connection.execute(insert(t.up_span).values(process=process, **at, ended=ended))


def share(store: Engine, now: datetime = END) -> Share:
    with store.connect() as connection:
        return availability(connection, ("poll", "work"), START, END, now)


def test_a_crash_of_either_process_is_an_outage_and_a_planned_stop_does_not_count(store: Engine) -> None:
    spans(store, ("poll", -5, 6, ""), ("poll", 7, 24, ""), ("work", -5, 6.5, ""), ("work", 7.5, 12, "planned"), ("work", 14, 24, ""))
    assert share(store) == Share(20.5 * 3600, 22 * 3600)  # down from 6 to 7:30, stopped from 12 to 14


def test_time_before_the_service_first_ran_does_not_count_and_a_silent_process_is_down(store: Engine) -> None:
    assert share(store) == Share()
    spans(store, ("poll", 20, 22, ""))
    assert share(store) == Share(2 * 3600, 4 * 3600)
    assert share(store, START + 22 * HOUR + timedelta(minutes=2)) == Share(7320, 7320)  # it need not have spoken again yet


def test_a_process_that_was_never_started_is_down_from_the_end_of_the_first_night(store: Engine) -> None:
    def expected(hour: float) -> Share:
        with store.connect() as connection:
            return availability(connection, ("poll", "work"), START, END, END, START + hour * HOUR)

    assert expected(4) == Share(0, 20 * 3600)  # a night ran, and neither process ever
    spans(store, ("poll", 2, 24, ""))
    assert share(store) == Share(22 * 3600, 22 * 3600)  # no night yet: `work` is not missed
    assert expected(4) == Share(2 * 3600, 22 * 3600)  # from 2 to 4 nobody waited for `work`
    spans(store, ("work", 10, 24, ""))
    assert expected(4) == Share((2 + 14) * 3600, 22 * 3600)  # down from 4 until it was started at 10
    assert expected(24) == share(store)


def test_the_first_night_by_the_clock_sets_what_is_expected_and_a_replayed_one_does_not(store: Engine) -> None:
    def ran(now: datetime, started: datetime) -> None:
        row = {
            "city": "town",
            "night": now.date(),
            "command": "night",
            "now_utc": now,
            "started_utc": started,
            "config_hash": "",
            "pid": 1,
            "detail": {},
        }
        with writing(store) as connection:
            connection.execute(insert(t.run).values(**row, ended_utc=started + HOUR, status="problems"))

    with store.connect() as connection:
        asked = Asked("town", "UTC", Levels(), START.date(), END)
        assert up(connection, asked) == Share()
    ran(START - 100 * HOUR, START + 1 * HOUR)
    ran(START + 3 * HOUR, START + 3 * HOUR)
    spans(store, ("poll", 0, 24, ""))
    with store.connect() as connection:
        assert up(connection, asked) == Share(4 * 3600, 24 * 3600)  # `work` is missed from 4 on
        of_poll = asked._replace(settings=Levels(availability_of=("poll",)))
        assert up(connection, of_poll) == Share(24 * 3600, 24 * 3600)


def test_an_outage_over_midnight_is_counted_on_both_days(store: Engine) -> None:
    spans(store, ("poll", -3, -1, ""), ("poll", 2, 24, ""))
    assert share(store) == Share(22 * 3600, 24 * 3600)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=12))
def test_overlapping_outages_are_counted_once(pairs: list[tuple[int, int]]) -> None:
    def at(second: int) -> datetime:
        return START + timedelta(seconds=second)

    covered = {s for a, b in pairs for s in range(max(a, 10), min(b, 90))}
    assert _seconds(_clipped([(at(a), at(b)) for a, b in pairs], at(10), at(90))) == len(covered)


def test_heartbeats_make_one_span_a_restart_another_and_a_replay_none(store: Engine) -> None:
    now = datetime.now(UTC)
    for second in (0, 60, 239, 500):
        with writing(store) as connection:
            uptime.extend(connection, "poll", now + timedelta(seconds=second), mine=second > 0)
    with writing(store) as connection:
        uptime.extend(connection, "poll", now + timedelta(seconds=501), mine=False)  # started again
        uptime.extend(connection, "poll", now + timedelta(seconds=100), mine=True)  # the clock was set back
    with store.connect() as connection:
        found = [((r.since_utc - now).seconds, (r.until_utc - now).seconds) for r in connection.execute(select(t.up_span))]
    assert found == [(0, 239), (500, 500), (501, 501)]
    runs.beat(store, "work", datetime(2022, 6, 15, tzinfo=UTC))
    runs.beat(store, "night", now)
    with store.connect() as connection:
        assert {r.process for r in connection.execute(select(t.up_span))} == {"poll"}


def test_a_process_that_never_spoke_does_not_end_the_span_of_the_one_that_crashed(store: Engine) -> None:
    spans(store, ("poll", 1, 2, ""))
    uptime.stopped(store, "poll")
    with store.connect() as connection:
        (row,) = connection.execute(select(t.up_span))
    assert (row.until_utc, row.ended) == (START + 2 * HOUR, "")


@pytest.mark.slow
def test_sigterm_ends_work_as_planned_and_a_kill_does_not(tmp_path) -> None:
    town = Town(tmp_path / "town", days=0).write()
    assert town.penstock("init").code == 0
    store = open_store(town.database)
    environment = {**os.environ, "PENSTOCK_CITY": str(town.file), "PENSTOCK_HOME": str(town.folder)}
    ended = []
    for number in (signal.SIGTERM, signal.SIGKILL):
        before = len(ended)
        process = subprocess.Popen([sys.executable, "-m", "service.cli", "work"], env=environment, stderr=subprocess.DEVNULL)
        for _ in range(600):
            time.sleep(0.1)
            with store.connect() as connection:
                rows = connection.execute(select(t.up_span).order_by(t.up_span.c.since_utc)).all()
            if len(rows) > before:
                break
        process.send_signal(number)
        process.wait(60)
        with store.connect() as connection:
            ended = connection.execute(select(t.up_span.c.ended).order_by(t.up_span.c.since_utc)).scalars().all()
    assert ended == ["planned", ""]
