"""The figures of the standard, from journals that can be counted by hand."""

from datetime import timedelta

import pytest

from city.problems import PenstockError
from service import schema as t
from service.alarms import deeds
from service.alarms.figures import figures, lately
from service.store import writing
from tests.alarms.conftest import BEGUN, OPERATOR, Bench

MINUTE = timedelta(minutes=1)


def journaled(bench: Bench, rows: list[tuple[float, int, str, str]]) -> None:
    """Alarms by number, odd ones of priority 1, with (minute, alarm, event, state after it)."""
    alarms = [
        {"alarm_id": number, "kind": "silent", "source": f"m{number}", "subject": f"m{number}", "priority": 1 if number % 2 else 3,
         "state": "normal", "active": False, "since_utc": BEGUN, "reason": "", "follows": "", "district": "", "facts": {},
         "ended_utc": BEGUN}
        for number in sorted({number for _, number, *_ in rows})
    ]  # fmt: skip
    events = [
        {"alarm_id": number, "at_utc": BEGUN + minute * MINUTE, "event": event, "state": state, "who": "", "reason": ""}
        for minute, number, event, state in rows
    ]
    with writing(bench.engine) as connection:
        connection.execute(t.alarm_event.delete())
        connection.execute(t.alarm.delete())
        connection.execute(t.alarm.insert(), alarms)
        connection.execute(t.alarm_event.insert(), events)


def test_rates_shares_and_the_time_to_acknowledge(bench: Bench) -> None:
    came = [(minute, 2, "alarm", "unacknowledged") for minute in (0, 30, 60)] + [(90, 1, "alarm", "unacknowledged")]
    journaled(bench, sorted([*came, (4, 2, "acknowledge", "acknowledged"), (92, 1, "acknowledge", "acknowledged")]))
    made = figures(bench.engine, BEGUN, BEGUN + timedelta(hours=2), positions=2)
    assert (made.annunciated, made.per_operator_hour, made.worst_10_min) == (4, 1.0, 1)  # 4 in 2 h at 2 desks
    assert made.shares == {1: 0.25, 2: 0.0, 3: 0.75}
    assert (made.acknowledged, made.mean_acknowledge_s) == (2, 180.0)  # 4 min and 2 min
    assert [(one.subject, one.times) for one in made.top] == [("m2", 3), ("m1", 1)]


def test_time_in_flood_and_the_worst_ten_minutes(bench: Bench) -> None:
    journaled(bench, [(i, 100 + i, "alarm", "unacknowledged") for i in range(10)])  # one a minute: a flood from 8:09 to 8:15
    made = figures(bench.engine, BEGUN, BEGUN + timedelta(hours=1))
    assert (made.floods, made.flood_share, made.worst_10_min, made.share_over_10) == (1, pytest.approx(0.1), 10, 0.0)


def test_three_in_a_minute_chatter_and_one_that_is_over_within_a_slot_was_fleeting(bench: Bench) -> None:
    chatter = [(second / 60, 2, event, state) for second, event, state in [
        (0, "alarm", "unacknowledged"), (10, "clear", "returned"), (20, "alarm", "unacknowledged"), (30, "clear", "returned"),
        (59, "alarm", "unacknowledged"),
    ]]  # fmt: skip
    slow = [(60 * i, 4, "alarm", "unacknowledged") for i in (1, 2, 3)]
    journaled(bench, chatter + slow)
    made = figures(bench.engine, BEGUN, BEGUN + timedelta(hours=4))
    assert made.chattering == (("silent", "m2", 3),)
    assert made.fleeting == 2


def test_an_alarm_that_stands_for_more_than_a_day_is_stale(bench: Bench) -> None:
    bench.slot("m1", slots=2)
    deeds.acknowledge(bench.engine, OPERATOR, [bench.id_of("m1")], bench.now_utc)
    assert lately(bench.engine, bench.now_utc + timedelta(hours=23), 7).stale == 0
    assert lately(bench.engine, bench.now_utc + timedelta(hours=25), 7).stale == 1


def test_a_span_without_alarms_has_figures_and_one_that_ends_before_it_begins_has_none(bench: Bench) -> None:
    made = figures(bench.engine, BEGUN - timedelta(days=2), BEGUN - timedelta(days=1))
    assert (made.annunciated, made.per_operator_hour, made.mean_acknowledge_s, made.shares) == (0, 0.0, None, {1: 0.0, 2: 0.0, 3: 0.0})
    assert made.told()["start_utc"] == "2026-02-28T08:00:00+00:00"
    with pytest.raises(PenstockError, match="is not after"):
        figures(bench.engine, BEGUN, BEGUN)
