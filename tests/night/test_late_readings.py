"""A day that knows more than when it was validated gets a further version; what was known then stays readable."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from city import quality as q
from city.places import Point
from city.quality import Cause, Flag
from service import schema as t
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import meter_days, open_store, readings, results
from tests.night.test_nothing_is_lost import slots
from tests.town import MIDNIGHT_UTC, Town, night, prepared

FIRST, SECOND = "2022-06-15T00:30+02:00", "2022-06-16T00:30+02:00"  # two nights
DAY = MIDNIGHT_UTC - timedelta(days=2), MIDNIGHT_UTC - timedelta(days=1)  # the one that both see
NEXT = DAY[1], MIDNIGHT_UTC


def city_of(town: Town) -> LoadedCity:
    return load(Environment(city=town.file, home=town.folder))


def hall(town: Town) -> Point:
    return city_of(town).points["hall.energy"]


def heard(town: Town, kwh: dict[datetime, float], name: str) -> None:
    """Store readings of the hall's register [kWh] that arrive now, as one batch."""
    engine, times = open_store(town.database), pd.DatetimeIndex(list(kwh)).as_unit("us")
    frame = pd.DataFrame(
        {
            "point_id": "hall.energy",
            "time_utc": times,
            "quantity": "energy_register_kwh",
            "value": list(kwh.values()),
            "quality": q.VALID,
            "received_at_utc": times,
        }
    )
    readings.store_batch(engine, name, frame, readings.register_points(engine, list(city_of(town).points.values())))


def course(day: str, start: float, usage: list[float]) -> dict[datetime, float]:
    return dict(zip(slots(day), start + np.concatenate([[0.0], np.cumsum(usage)]), strict=True))


def test_readings_that_come_after_their_day_was_validated_make_a_new_version_and_the_old_one_stays(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=0))
    whole = course("2022-06-14", 1000.0, [5.0 + (i % 3) for i in range(96)])
    on_time = {at: kwh for i, (at, kwh) in enumerate(whole.items()) if not 40 <= i < 60}
    heard(town, on_time, "on time")
    night(town, FIRST)
    heard(town, {at: kwh for at, kwh in whole.items() if at not in on_time}, "a day late")
    night(town, SECOND)
    engine, point = open_store(town.database), hall(town)
    rows = meter_days.versions(engine, [point], *DAY)
    assert [(row.version, row.reason) for row in rows] == [(1, "validated as read"), (2, "estimated"), (3, "late readings")]
    newest = meter_days.block(engine, [point], *DAY)
    assert newest.values[0].tolist() == [1000 * (5 + i % 3) for i in range(96)]
    assert q.measured(newest.quality).all()
    then = meter_days.block(engine, [point], *DAY, known_at=rows[1].known_at_utc)
    assert int(q.measured(then.quality).sum()) == 75
    assert then.values.sum() == newest.values.sum()  # the register told the sum before it told the course
    assert "2022-06-14 restated" in said_of_second(town)


def said_of_second(town: Town) -> str:
    (row,) = results.rows(
        open_store(town.database), t.step, t.step.c.step == "ledger", t.step.c.night == datetime.fromisoformat(SECOND).date()
    )
    return str(row.sentence)


def test_a_gap_over_midnight_is_estimated_again_when_the_register_is_back_and_sums_to_it(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=0))
    usage = [4.0] * 96
    first, second = course("2022-06-14", 1000.0, usage), course("2022-06-15", 1384.0, [7.0] * 96)
    heard(town, {at: kwh for i, (at, kwh) in enumerate(first.items()) if i <= 80}, "first")
    night(town, FIRST)
    engine, point = open_store(town.database), hall(town)
    assert meter_days.block(engine, [point], *DAY).usable().sum() == 80  # no day alike, no register: nothing to go by
    heard(town, {at: kwh for i, (at, kwh) in enumerate(second.items()) if i >= 20}, "second")
    night(town, SECOND)
    both = meter_days.block(engine, [point], DAY[0], NEXT[1])
    assert both.usable().all()
    assert int(both.values[0, 80:116].sum()) == 1000 * (1384 + 20 * 7 - (1000 + 80 * 4))
    assert set(both.quality[0, 80:116] & int(Flag.DERIVED)) == {int(Flag.DERIVED)}
    assert meter_days.versions(engine, [point], *DAY)[-1].reason == "estimated again: the register came back"
    assert [row.version for row in meter_days.versions(engine, [point], *NEXT)] == [1, 2]


def test_a_third_night_that_hears_nothing_new_makes_no_version(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=0))
    heard(town, {at: kwh for i, (at, kwh) in enumerate(course("2022-06-14", 0.0, [1.0] * 96).items()) if i % 7}, "once")
    night(town, FIRST)
    before = meter_days.versions(open_store(town.database), [hall(town)], *DAY)
    heard(town, course("2022-06-15", 96.0, [1.0] * 96), "twice")
    night(town, SECOND)
    assert meter_days.versions(open_store(town.database), [hall(town)], *DAY) == before


def test_a_misread_register_costs_two_intervals_and_their_sum_is_kept(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=0))
    shown = course("2022-06-14", 1000.0, [5.0] * 96)
    wrong = list(shown)[30]
    heard(town, shown | {wrong: 9_000_000.0}, "one digit too many")
    night(town, FIRST)
    engine, point = open_store(town.database), hall(town)
    read = meter_days.block(engine, [point], *DAY, as_read=True)
    assert {int(i) for i in np.flatnonzero(~read.usable()[0])} == {29, 30}
    assert {q.cause_of(int(one)) for one in read.quality[0, 29:31]} == {Cause.SPIKE}
    made = meter_days.block(engine, [point], *DAY)
    assert made.values[0].tolist() == [5000] * 96
