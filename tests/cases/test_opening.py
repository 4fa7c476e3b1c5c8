"""Cases that open by themselves, once, and follow their sources; those that a person opens."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from city.problems import PenstockError
from city.quality import VALID, Cause, missing
from service import decisions, rounds
from service import schema as t
from service.access.roles import Person
from service.cases import deciding, opening
from service.cases.kinds import kinds
from service.cases.levels import CaseSettings
from service.cases.states import STATES
from service.cases.store import Case, listed
from service.leakage import told
from service.settings import LoadedCity
from service.store import readings, runs, writing
from tests.cases.conftest import BOTH, T0

HOUR, DAY, PLAIN = timedelta(hours=1), timedelta(days=1), CaseSettings()
LEAK = {
    "case_id": "leak-1", "leak_id": "1", "night": date(2022, 6, 16), "start_utc": T0 - 3 * HOUR, "seen_utc": T0 - HOUR,
    "zone_id": "old-town", "reported_utc": T0, "pipe": "105", "kind": "burst", "flow_m3_per_h": 42.0,
    "state": "open", "sentence": "A burst of 42 m3/h.",
    "candidates": [{"pipe": "105", "posterior": 0.75}, {"pipe": "107", "posterior": 0.25}],
}  # fmt: skip


def every(engine: Engine) -> list[Case]:
    return listed(engine, PLAIN, states=STATES)


def put(engine: Engine, table: Any, **row: Any) -> None:
    with writing(engine) as connection:
        connection.execute(table.insert().values(**row))


@BOTH
def test_a_reported_leak_opens_one_case_however_often_and_from_wherever_it_is_looked_at(engine: Engine, city: LoadedCity) -> None:
    put(engine, t.leak_case, **LEAK)
    put(engine, t.leak_case, **LEAK | {"case_id": "leak-2", "state": "suspected", "reported_utc": None})
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _i: opening.follow(engine, city, T0 + HOUR), range(3)))
    (case,) = every(engine)
    assert (case.kind, case.source_id, case.priority, case.district, case.found_utc) == ("leak", "leak-1", 1, "old-town", T0)
    assert (case.state, case.last.who, len(case.events)) == ("found", "penstock", 1)
    assert opening.follow(engine, city, T0 + 2 * HOUR) == 0


def test_two_who_open_the_same_source_get_the_same_number(engine: Engine) -> None:
    def open_one(_i: int) -> int:
        with writing(engine) as connection:
            return opening.open_case(connection, "outage", "out-1", "feeder-3", T0, "No power.", "old-town")

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(open_one, range(8)))) == 1
    assert len(every(engine)) == 1


def test_a_crew_that_finds_the_leak_has_its_case_and_the_repair_ends_the_work(engine: Engine, city: LoadedCity, ada: Person) -> None:
    put(engine, t.leak_case, **LEAK)
    opening.follow(engine, city, T0)
    told.dug(engine, "leak-1", "105", "carl", T0 + HOUR, "wet", found=True)
    opening.follow(engine, city, T0 + HOUR)
    (case,) = every(engine)
    assert (case.state, case.owner, case.last.who) == ("assigned", "carl", "carl")
    decisions.tell_repaired(engine, ada, "leak-1", T0 + 4 * HOUR, "clamp")
    opening.follow(engine, city, T0 + 5 * HOUR)
    (case,) = every(engine)
    assert (case.state, case.owner, case.worked_by, case.since_utc) == ("worked", "carl", "ada", T0 + 4 * HOUR)


def test_closing_the_case_leaves_the_leak_and_a_case_opened_again_stays_open(
    engine: Engine, city: LoadedCity, ada: Person, bob: Person
) -> None:
    put(engine, t.leak_case, **LEAK)
    opening.follow(engine, city, T0)
    (case,) = every(engine)
    deciding.assign(engine, ada, case.case_id, T0, "ada")
    deciding.work(engine, ada, case.case_id, T0)
    deciding.check(engine, bob, case.case_id, T0)
    deciding.close(engine, ada, case.case_id, T0)
    assert opening.follow(engine, city, T0 + HOUR) == 0  # the leak is open still: it has its case
    (closed,) = every(engine)
    assert (closed.state, kinds()["leak"].lasts(engine, closed)) == ("closed", True)
    decisions.tell_repaired(engine, ada, "leak-1", T0 + 2 * HOUR, "")
    deciding.reopen(engine, ada, case.case_id, T0 + 3 * HOUR, "wet again")
    opening.follow(engine, city, T0 + 4 * HOUR)
    assert every(engine)[0].state == "worked"  # its repair is news to the case, once
    deciding.reopen(engine, ada, case.case_id, T0 + 5 * HOUR, "wet again")
    assert opening.follow(engine, city, T0 + 6 * HOUR) == 0
    assert every(engine)[0].state == "assigned"


def test_an_outage_is_a_case_until_power_is_back(engine: Engine, city: LoadedCity) -> None:
    row = {"outage_id": "out-1", "feeder": "feeder-3", "branch": "line-7", "likelihood": 0.9, "since_utc": T0, "found_utc": T0}
    detail = {"districts": ["old-town"], "critical": {"load-2": "Hospital"}}
    put(engine, t.grid_outage, **row, customers=120, sentence="120 customers are dark.", detail=detail)
    opening.follow(engine, city, T0)
    (case,) = every(engine)
    assert (case.kind, case.priority, case.district, case.facts["critical"]) == ("outage", 1, "old-town", ["Hospital"])
    with writing(engine) as connection:
        connection.execute(t.grid_outage.update().values(ended_utc=T0 + 2 * HOUR))
    opening.follow(engine, city, T0 + 3 * HOUR)
    (case,) = every(engine)
    assert (case.state, case.worked_by, case.since_utc) == ("worked", "penstock", T0 + 2 * HOUR)


def test_an_alarm_becomes_a_case_by_a_click_and_the_second_click_shows_the_same(engine: Engine, city: LoadedCity, ada: Person) -> None:
    row = {"kind": "stuck", "source": "p-1", "subject": "p-1", "priority": 3, "state": "unacknowledged", "active": True, "since_utc": T0}
    put(engine, t.alarm, alarm_id=7, **row, reason="", follows="", district="old-town", facts={"share": 1.0, "value": 43.9, "unit": "m"})
    assert opening.follow(engine, city, T0) == 0
    number = opening.from_alarm(engine, ada, 7, T0)
    assert opening.from_alarm(engine, ada, 7, T0 + HOUR) == number
    (case,) = every(engine)
    assert (case.source_id, case.last.who, case.sentence) == ("7", "ada", "p-1 did not move for 100 % of the last day, at 43.9 m")
    with pytest.raises(PenstockError, match="alarm 8: unknown"):
        opening.from_alarm(engine, ada, 8, T0)
    far = Person(name="far", role="operator", districts=("port",))
    with pytest.raises(PenstockError, match="bound to port"):
        opening.from_alarm(engine, far, 7, T0)
    with writing(engine) as connection:
        connection.execute(t.alarm.update().values(ended_utc=T0 + 2 * HOUR, active=False, state="normal"))
    opening.follow(engine, city, T0 + 3 * HOUR)
    assert every(engine)[0].state == "worked"


def readings_of(engine: Engine, city: LoadedCity, day: int, *, answered: int, point: str = "hall.power") -> None:
    """A day of quarter-hours of a point, `day` days before `T0`: the first `answered` are good, the rest timed out."""
    key_of = readings.register_points(engine, list(city.points.values()))
    times = pd.date_range(T0 - (day + 1) * DAY, periods=96, freq="15min", unit="us") + pd.Timedelta(minutes=15)
    good = np.arange(96) < answered
    frame = pd.DataFrame({"point_id": point, "time_utc": times, "quantity": "power_kw", "value": np.where(good, 1.0, np.nan)})
    frame = frame.assign(quality=np.where(good, VALID, missing(Cause.TIMEOUT)), received_at_utc=frame["time_utc"])
    readings.store_batch(engine, f"{point}{day:050d}", frame, key_of)


def at_night(engine: Engine, city: LoadedCity, now) -> int:
    runs.start_run(engine, city.settings.city.id, now.date(), "night", now, "c0ffee")
    return opening.follow(engine, city, now)


def test_a_meter_that_is_bad_three_days_running_is_a_case_of_the_night_and_well_after_a_good_day(engine: Engine, city: LoadedCity) -> None:
    for day, answered in ((3, 96), (2, 40), (1, 40), (0, 40), (-1, 96)):
        readings_of(engine, city, day, answered=answered)
    assert at_night(engine, city, T0 - DAY) == 0  # bad for two days
    assert opening.follow(engine, city, T0) == 0  # between nights nobody asks
    assert at_night(engine, city, T0) == 1
    assert at_night(engine, city, T0) == 0
    (case,) = every(engine)
    assert (case.kind, case.subject, case.found_utc) == ("meter", "hall", T0)
    assert case.facts["rate"] == pytest.approx(40 / 96)
    assert (case.facts["cause"], case.facts["days"]) == ("timeout", 3)
    assert at_night(engine, city, T0 + DAY) == 1
    (case,) = every(engine)
    assert (case.state, case.worked_by) == ("worked", "penstock")


def test_a_night_opens_no_more_meters_than_it_may(engine: Engine, city: LoadedCity) -> None:
    for day in range(3):
        readings_of(engine, city, day, answered=10)
        readings_of(engine, city, day, answered=90, point="sun.power")
    city.settings = city.settings.model_copy(update={"cases": CaseSettings(bad_meters_a_night=1)})
    assert at_night(engine, city, T0) == 1
    assert [case.subject for case in every(engine)] == ["hall"]  # the worst
    assert at_night(engine, city, T0) == 1  # the next one with the next look
    assert [case.subject for case in every(engine)] == ["hall", "sun"]


def test_a_case_by_hand_is_one_per_subject_while_it_is_open(engine: Engine, city: LoadedCity, ada: Person) -> None:
    one = opening.by_hand(engine, city, ada, "meter", "hall", 3, T0, "reads half")
    assert opening.by_hand(engine, city, ada, "meter", "hall", 3, T0 + HOUR, "reads half") == one
    assert opening.by_hand(engine, city, ada, "leak", "old-town", 2, T0, "a wet street") != one
    for kind, priority, text in (("fire", 1, "x"), ("leak", 4, "x"), ("leak", 1, " ")):
        with pytest.raises(PenstockError):
            opening.by_hand(engine, city, ada, kind, "hall", priority, T0, text)
    with pytest.raises(PenstockError, match="signed in as viewer"):
        opening.by_hand(engine, city, Person(name="vic", role="viewer"), "meter", "sun", 2, T0, "dark")


def test_the_round_opens_cases(engine: Engine, city: LoadedCity) -> None:
    put(engine, t.leak_case, **LEAK)
    rounds.make(engine, city, T0)
    assert [case.source_id for case in every(engine)] == ["leak-1"]


def test_an_interrupted_opening_leaves_no_half_of_a_case(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(opening, "record", broken)
    with pytest.raises(RuntimeError, match="power cut"), writing(engine) as connection:
        opening.open_case(connection, "leak", "leak-1", "old-town", T0, "A burst.", "old-town")
    with engine.connect() as connection:
        assert connection.execute(t.work_case.select()).all() == []
        assert connection.execute(t.case_event.select()).all() == []


@BOTH
def test_what_is_told_again_is_kept_with_the_open_case_or_is_a_case_of_its_own(engine: Engine, city: LoadedCity, ada: Person) -> None:
    one = opening.by_hand(engine, city, ada, "leak", " old-town ", 2, T0, "a wet street")
    assert opening.by_hand(engine, city, ada, "leak", "old-town", 2, T0, "a second street is wet") == one
    assert [(event.step, event.note) for event in every(engine)[0].events] == [("found", ""), ("note", "a second street is wet")]
    deciding.cancel(engine, ada, one, T0, "it was rain")
    assert opening.by_hand(engine, city, ada, "leak", "old-town", 2, T0, "no rain today") != one  # in the same second
    long = ["x" * 119 + end for end in "ab"]
    assert len({opening.by_hand(engine, city, ada, "meter", subject, 2, T0, "dark") for subject in long}) == 2


def test_a_day_of_a_meter_says_nothing_of_what_people_found_nor_of_a_later_night(engine: Engine, city: LoadedCity, ada: Person) -> None:
    for day, answered in ((5, 96), (2, 40), (1, 40), (0, 40), (-1, 96)):
        readings_of(engine, city, day, answered=answered)
        readings_of(engine, city, day, answered=96, point="sun.power")
    assert at_night(engine, city, T0) == 1
    opening.by_hand(engine, city, ada, "meter", "sun", 2, T0, "reads half of what the substation says")
    assert at_night(engine, city, T0 - 5 * DAY) == 0  # an old night, made again
    assert at_night(engine, city, T0 + DAY) == 1
    assert [(case.subject, case.state) for case in every(engine)] == [("hall", "worked"), ("sun", "found")]


def test_a_case_whose_leak_is_gone_from_the_store_stays_with_people(engine: Engine, city: LoadedCity, ada: Person) -> None:
    put(engine, t.leak_case, **LEAK)
    opening.follow(engine, city, T0)
    with writing(engine) as connection:
        connection.execute(t.leak_case.delete())
    assert opening.follow(engine, city, T0 + HOUR) == 0
    (case,) = every(engine)
    assert (case.state, kinds()["leak"].lasts(engine, case)) == ("found", None)
    assert deciding.cancel(engine, ada, case.case_id, T0 + HOUR, "no such leak").state == "cancelled"
