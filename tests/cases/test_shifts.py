"""Shifts by the wall clock, what changed since, notes and the hand-over by two names."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import Engine

from city.problems import PenstockError
from service import schema as t
from service.access.roles import Person
from service.alarms import deeds
from service.settings import LoadedCity
from service.shifts import changes, listing, log
from service.shifts.settings import ShiftSettings
from service.store import operations, results, runs, writing
from tests.cases.conftest import BOTH, T0

HOUR, ROME = timedelta(hours=1), "Europe/Rome"
CAT = Person(name="cat", role="operator")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ROME)).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "begin", "end", "hours"),
    [
        ("2022-06-15T06:00", "2022-06-15T06:00", "2022-06-15T14:00", 8),
        ("2022-06-15T05:59", "2022-06-14T22:00", "2022-06-15T06:00", 8),
        ("2022-03-27T04:00", "2022-03-26T22:00", "2022-03-27T06:00", 7),  # the clock goes forward at 02:00
        ("2022-10-30T04:00", "2022-10-29T22:00", "2022-10-30T06:00", 9),  # and back at 03:00
    ],
)
def test_shifts_begin_by_the_clock_on_the_wall(at: str, begin: str, end: str, hours: int) -> None:
    bounds = ShiftSettings().bounds(local(at), ROME)
    assert bounds == (local(begin), local(end))
    assert bounds[1] - bounds[0] == hours * HOUR


def test_a_start_within_the_hour_that_is_left_out_comes_an_hour_later() -> None:
    shifts = ShiftSettings.model_validate({"starts": ["02:30", "12:00"]})
    assert shifts.bounds(datetime(2022, 3, 27, 2, 0, tzinfo=UTC), ROME)[0] == datetime(2022, 3, 27, 1, 30, tzinfo=UTC)  # 03:30 CEST


STARTS = st.lists(st.times(), min_size=1, max_size=5, unique=True).map(sorted)


ZONES = st.sampled_from([ROME, "Asia/Shanghai", "America/St_Johns"])


@given(STARTS, st.integers(0, 365 * 1440), ZONES)
def test_every_instant_lies_in_exactly_one_shift_and_shifts_follow_each_other(starts: list, minute: int, zone: str) -> None:
    shifts, at = ShiftSettings(starts=tuple(starts)), datetime(2022, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    begin, end = shifts.bounds(at, zone)
    assert begin <= at < end
    assert shifts.bounds(begin, zone) == (begin, end)
    assert shifts.bounds(end, zone)[0] == end
    assert shifts.bounds(begin - timedelta(microseconds=1), zone)[1] == begin


@pytest.mark.parametrize("starts", [[], ["14:00", "06:00"], ["06:00", "06:00"], ["06:00+02:00"], ["25:00"]])
def test_starts_that_mean_nothing_are_refused(starts: list[str]) -> None:
    with pytest.raises(ValidationError):
        ShiftSettings.model_validate({"starts": starts})


def test_what_changed_is_told_once_in_its_span_with_the_page_it_is_worked_on(engine: Engine, city: LoadedCity) -> None:
    operations.place_hold(engine, "battery", "ada", T0 + HOUR, "noise")
    operations.release_hold(engine, "battery", "ada", T0 + 2 * HOUR)
    with writing(engine) as connection:
        plan = {"plan_id": "plan-1", "night": T0.date(), "made_at_utc": T0 + HOUR, "start_utc": T0, "step_s": 900, "steps": 4}
        connection.execute(t.plan.insert().values(**plan, status="optimal", detail={}))
        operations.record(connection, T0 + HOUR, "poll", "write mismatch", "pump.run", "read back 0 instead of 1")
        operations.record(connection, T0 + HOUR, "poll", "write written", "pump.run", "written 1")  # went well: no news
        alarm = {"kind": "silent", "source": "m", "subject": "m", "priority": 2, "state": "normal", "active": False, "since_utc": T0}
        alarm |= {"annunciated_utc": T0 + HOUR, "ended_utc": T0 + 3 * HOUR, "reason": "", "follows": "", "district": ""}
        connection.execute(t.alarm.insert().values(alarm_id=1, **alarm, facts={"cause": "timeout", "points": 1, "of": 1}))
    run = runs.start_run(engine, "town", T0.date(), "night", T0 + HOUR, "c0ffee")
    runs.end_run(engine, run, "problems", {})
    found = changes.between(engine, city, T0, T0 + 2 * HOUR)
    assert sorted((one.group, one.key, one.subject, one.page) for one in found if one.group != "nights") == [
        ("commands", "did_write_mismatch", "pump.run", "tonight"),
        ("decisions", "did_hold", "battery", "now"),
        ("decisions", "did_release", "battery", "now"),
        ("meters", "meter_lost", "m", "meters"),
        ("plans", "plan_made", "plan-1", "tonight"),
    ]
    assert [(one.key, one.facts["status"], one.page) for one in found if one.group == "nights"] == [("night_ended", "problems", "runs")]
    assert [one.at_utc for one in found] == sorted((one.at_utc for one in found), reverse=True)
    assert [one.key for one in changes.between(engine, city, T0 + 2 * HOUR, T0 + 4 * HOUR)] == ["meter_back"]


def test_since_is_the_last_shift_and_for_who_signed_that_signature(engine: Engine, city: LoadedCity, ada: Person) -> None:
    """`T0` is local midnight; shifts began at 22:00 and, before it, at 14:00."""
    assert changes.since_utc(engine, city, T0, "ada") == local("2022-06-15T14:00")
    number = log.hand_over(engine, city, ada, T0, "quiet")
    log.sign(engine, CAT, T0 + HOUR, number)
    at = T0 + 5 * HOUR
    assert changes.since_utc(engine, city, at, "ada") == T0
    assert changes.since_utc(engine, city, at, "cat") == T0 + HOUR
    assert changes.since_utc(engine, city, at, "bob") == local("2022-06-15T14:00")
    assert changes.since_utc(engine, city, T0 + 30 * 24 * HOUR, "cat") == T0 + 23 * 24 * HOUR  # a week at most


@BOTH
def test_a_shift_is_handed_over_by_two_names_once(engine: Engine, city: LoadedCity, ada: Person, bob: Person) -> None:
    operations.place_hold(engine, "battery", "ada", T0 - HOUR, "noise")
    number = log.hand_over(engine, city, ada, T0, " quiet ")
    with pytest.raises(PenstockError, match="waits to be signed"):
        log.hand_over(engine, city, ada, T0, "quiet, really")
    for who, said in ((ada, "ada wrote it"), (Person(name="ADA", role="operator"), "wrote it"), (bob, "account with role operator")):
        with pytest.raises(PenstockError, match=said):
            log.sign(engine, who, T0 + HOUR, number)
    assert log.sign(engine, CAT, T0 + HOUR, number) == "ada"
    with pytest.raises(PenstockError, match="signed by cat already"):
        log.sign(engine, Person(name="dan", role="operator"), T0 + HOUR, number)
    (done,) = log.hand_overs(engine)
    assert (done.outgoing, done.incoming, done.text, done.changes) == ("ada", "cat", "quiet", {"decisions": 1})
    assert [row.action for row in results.rows(engine, t.audit) if "over" in row.action] == ["hand over", "take over"]


def test_notes_are_never_changed_a_correction_names_the_one_it_stands_for(engine: Engine, ada: Person, bob: Person) -> None:
    first = log.note(engine, ada, T0, "Pump 2 is out", "ps-lake")
    second = log.note(engine, CAT, T0 + HOUR, "Pump 3 is out", corrects=first)
    with pytest.raises(PenstockError, match=f"corrected by note {second} already"):
        log.note(engine, ada, T0 + HOUR, "Pump 4", corrects=first)
    for person, text, corrects in ((ada, " ", None), (ada, "x" * 4001, None), (ada, "x", 99), (bob, "x", None)):
        with pytest.raises(PenstockError):
            log.note(engine, person, T0, text, corrects=corrects)
    newest, oldest = log.notes(engine, T0 - HOUR, T0 + HOUR)
    assert (oldest.text, oldest.about, oldest.corrected_by, newest.corrects) == ("Pump 2 is out", "ps-lake", second, first)


def test_the_table_takes_no_cell_for_a_formula(engine: Engine, city: LoadedCity) -> None:
    operations.place_hold(engine, "=HYPERLINK(1)", "@who", T0 - HOUR, 'says "no", twice')
    header, row = listing.table(changes.since_last(engine, city, T0)).splitlines()
    assert header == "at_utc,group,what,subject,who,sentence"
    assert row.startswith("2022-06-15T21:00:00+00:00,decisions,did_hold,'=HYPERLINK(1),'@who,")
    assert row.endswith('''"'@who placed a hold on =HYPERLINK(1): says ""no"", twice"''')


def test_of_two_who_hand_over_at_once_each_waits_for_a_signature(engine: Engine, city: LoadedCity, ada: Person) -> None:
    first = log.hand_over(engine, city, ada, T0, "water: quiet")
    log.hand_over(engine, city, CAT, T0, "grid: quiet")
    with pytest.raises(PenstockError, match=f"summary {first} of ada waits"):
        log.hand_over(engine, city, ada, T0 + HOUR, "water: quiet, really")


def test_a_leak_that_was_never_reported_is_no_news_when_it_is_over(engine: Engine, city: LoadedCity) -> None:
    leak = {"leak_id": "1", "night": T0.date(), "start_utc": T0, "seen_utc": T0, "zone_id": "old-town", "pipe": "105", "kind": "slow"}
    leak |= {"flow_m3_per_h": 4.0, "state": "over", "ended_at_utc": T0, "sentence": "A slow leak.", "candidates": []}
    with writing(engine) as connection:
        connection.execute(t.leak_case.insert().values(case_id="leak-1", **leak, reported_utc=None))
        connection.execute(t.leak_case.insert().values(case_id="leak-2", **leak, reported_utc=T0 - 30 * HOUR))
    assert [(one.key, one.subject) for one in changes.between(engine, city, T0 - HOUR, T0)] == [("leak_over", "leak-2")]


def test_who_put_an_alarm_aside_or_asked_for_a_new_plan_is_told_to_the_next_shift(engine: Engine, city: LoadedCity, ada: Person) -> None:
    row = {"kind": "stuck", "source": "p-1", "subject": "p-1", "priority": 3, "state": "unacknowledged", "active": True, "since_utc": T0}
    with writing(engine) as connection:
        connection.execute(t.alarm.insert().values(alarm_id=7, **row, reason="", follows="", district="", facts={}))
    deeds.shelve(engine, city.settings.alarms, ada, 7, T0, T0 + HOUR, "being exchanged")
    operations.ask(engine, "replan", "ada", T0, {}, "ada edited plan-1")
    found = [(one.key, one.subject, one.who) for one in changes.between(engine, city, T0 - HOUR, T0) if one.group == "decisions"]
    assert sorted(found) == [("did_alarm_shelve", "stuck p-1 (#7)", "ada"), ("did_request_replan", "1", "ada")]
