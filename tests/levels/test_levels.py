"""Each service level, counted by hand from records made of literal numbers."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from sqlalchemy import Engine, insert, select

from city.causes import Cause
from city.places import Point
from city.quality import VALID, missing
from city.quantities import Quantity
from service import schema as t
from service.levels import calls, counted
from service.levels.counted import Asked
from service.levels.history import freeze, of_city, standings
from service.levels.kinds import LEVELS
from service.levels.listing import percent, told
from service.levels.settings import Levels
from service.levels.share import Share, together
from service.store import open_store, readings, writing
from tests.town import HEAD, Town

DAY = date(2022, 6, 15)
MIDNIGHT = datetime(2022, 6, 14, 22, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)
NEXT = MIDNIGHT + timedelta(days=1)
ASKED = Asked("town", "Europe/Rome", Levels(), DAY, NEXT)
POINTS = [Point(id=f"m{i}.power", meter=f"m{i}", quantity=Quantity.POWER_KW) for i in range(3)]


def frame(time: datetime, received: datetime, *quality: int) -> pd.DataFrame:
    made = pd.DataFrame({"point_id": [p.id for p in POINTS[: len(quality)]], "quality": quality, "value": 1.0, "quantity": "power_kw"})
    for name, at in (("time_utc", time), ("received_at_utc", received)):
        made[name] = pd.Series([at] * len(made)).astype("datetime64[us, UTC]")
    return made


def share(store: Engine, level: str, asked: Asked = ASKED) -> Share:
    with store.connect() as connection:
        return counted.COUNTED[level](connection, asked)


def test_two_of_three_meters_that_answered_are_two_thirds_online_and_what_was_not_asked_counts_for_nothing(store: Engine) -> None:
    key_of = readings.register_points(store, POINTS)
    readings.store_batch(store, "a", frame(NOON, NOON, VALID, VALID, missing(Cause.TIMEOUT)), key_of)
    later = NOON + timedelta(minutes=15)
    readings.store_batch(store, "b", frame(later, later, VALID, missing(Cause.OVERRUN)), key_of)
    assert share(store, "meters_online") == Share(3, 4)


def test_a_reading_stored_after_a_minute_is_late_and_one_sent_again_is_counted_once(store: Engine) -> None:
    key_of = readings.register_points(store, POINTS)
    soon, late = NOON + timedelta(seconds=60), NOON + timedelta(minutes=15, seconds=61)
    for _ in range(2):
        readings.store_batch(store, "soon", frame(NOON, NOON, VALID, VALID, VALID), key_of, soon)
        readings.store_batch(store, "late", frame(NOON + timedelta(minutes=15), NOON + timedelta(minutes=15), VALID), key_of, late)
    assert share(store, "stored_in_time") == Share(3, 4)
    with store.connect() as connection:
        (row,) = connection.execute(select(t.stored_lag))
    assert (row.hour_utc, row.in_time, row.late) == (NOON, 3, 1)


def test_a_reading_that_waited_in_the_spool_over_an_outage_is_late_in_the_hour_it_was_read(store: Engine) -> None:
    key_of = readings.register_points(store, POINTS)
    readings.store_batch(store, "a", frame(NOON, NOON, VALID), key_of, NOON + timedelta(hours=5))
    assert share(store, "stored_in_time") == Share(0, 1)
    assert share(store, "stored_in_time", ASKED._replace(day=DAY + timedelta(days=1))) == Share()


def night(store: Engine, day: date, now: datetime, took: timedelta, status: str = "done") -> None:
    started = datetime(2030, 1, 1, tzinfo=UTC)  # replayed: the machine's clock is another one
    row = {"city": "town", "night": day, "command": "night", "config_hash": "", "pid": 1, "now_utc": now}
    with writing(store) as connection:
        connection.execute(insert(t.run).values(**row, started_utc=started, ended_utc=started + took, status=status))


def test_a_night_is_on_time_by_the_clock_it_was_started_with(store: Engine) -> None:
    start = MIDNIGHT + timedelta(minutes=30)  # 00:30 local; six o'clock is five and a half hours later
    night(store, DAY, start, timedelta(hours=5, minutes=29))
    night(store, DAY + timedelta(days=1), start + timedelta(days=1), timedelta(hours=5, minutes=31))
    night(store, DAY + timedelta(days=2), start + timedelta(days=2), timedelta(minutes=1), status="failed")
    late = NEXT + timedelta(days=5)
    found = [share(store, "nights_on_time", ASKED._replace(day=DAY + timedelta(days=n), now_utc=late)) for n in (-1, 0, 1, 2, 3)]
    assert found == [Share(), Share(1, 1), Share(0, 1), Share(0, 1), Share(0, 1)]  # the last was never run
    brief = Levels(night_hours=6.0)
    assert share(store, "nights_on_time", ASKED._replace(day=DAY + timedelta(days=1), settings=brief, now_utc=late)) == Share(1, 1)


def test_days_before_the_first_night_was_started_are_no_failures_whatever_a_rerun_reaches_back_to(store: Engine) -> None:
    afternoon = MIDNIGHT + timedelta(hours=15)  # of the first day, whose deadline is past
    night(store, DAY, afternoon, timedelta(minutes=5))
    night(store, DAY - timedelta(days=3), afternoon, timedelta(minutes=5))  # --date
    late = NEXT + timedelta(days=5)
    for settings in (Levels(), Levels(night_hours=1.0)):
        days = [ASKED._replace(day=DAY + timedelta(days=n), now_utc=late, settings=settings) for n in (-3, -2, 0, 1)]
        found = [share(store, "nights_on_time", day) for day in days]
        own = Share(1, 1) if settings.night_hours else Share()
        assert found == [Share(), Share(), own, Share(0, 1)]


def test_a_night_that_is_not_due_yet_is_no_failure(store: Engine) -> None:
    night(store, DAY, MIDNIGHT, timedelta(hours=1))
    tomorrow = ASKED._replace(day=DAY + timedelta(days=1), now_utc=NEXT + timedelta(hours=5, minutes=59))
    assert share(store, "nights_on_time", tomorrow) == Share()
    assert share(store, "nights_on_time", tomorrow._replace(now_utc=NEXT + timedelta(hours=6, minutes=1))) == Share(0, 1)


def test_a_call_that_the_caller_got_wrong_is_no_failure_of_the_service(store: Engine) -> None:
    for status, number in ((200, 396), (404, 2), (500, 1), (503, 1)):
        calls.count(store, "/v1/readings/{point}", status, NOON + timedelta(minutes=7), number)
    calls.count(store, "/v1/readings/{point}", 200, NOON)
    assert share(store, "api_success") == Share(399, 401)


def test_days_are_added_by_their_good_and_total_not_by_their_percentages() -> None:
    assert together([Share(1, 1), Share(0, 99), Share()]) == Share(1, 100)
    assert together([]).value is None


def test_a_share_is_never_rounded_up_to_its_target() -> None:
    assert [percent(Share(x, 100)) for x in (100, 99.9999, 99.989, 97.99, 0)] == ["100 %", "99.999 %", "99.989 %", "97.9 %", "0 %"]
    assert percent(Share()) == "no data"


def test_an_empty_store_says_no_data_of_every_level_and_neither_kept_nor_missed(store: Engine) -> None:
    made = standings(store, "town", "Europe/Rome", Levels(), NEXT)
    assert [one.kept for one in made] == [None] * 6
    lines = list(told(made, NEXT, "Europe/Rome", 1))
    assert all(line.count("no data") == 4 for line in lines[1:7])
    assert lines[-1].endswith("no data")


def test_accuracy_is_one_less_the_mean_error_over_the_mean_and_skips_what_was_not_measured(store: Engine) -> None:
    from city.frames import Block
    from service.levels.accuracy import accuracy, by_series
    from service.store import meter_days
    from service.store.vectors import pack_float

    meters = {f"f{i}": SimpleNamespace(forecast="load") for i in range(3)}
    points = {f"{m}.energy": Point(id=f"{m}.energy", meter=m, quantity=Quantity.ENERGY_REGISTER_KWH) for m in meters}
    city = SimpleNamespace(
        meter=meters, points=points, settings=SimpleNamespace(city=SimpleNamespace(time_zone="Europe/Rome", id="town"), levels=Levels())
    )
    key_of = readings.register_points(store, list(points.values()))
    values = np.full((3, 96), 100_000)  # 100 kWh a quarter
    quality = np.full((3, 96), VALID, np.uint16)
    quality[1, :40] = missing(Cause.TIMEOUT)  # 56 of 96 are measured: enough
    quality[2, :60] = missing(Cause.TIMEOUT)  # 36: not enough to judge by
    block = Block(tuple(points), MIDNIGHT, timedelta(minutes=15), Quantity.ENERGY_KWH, values, quality)
    said = {"f0.energy": 90.0, "f1.energy": 130.0, "f2.energy": 100.0}
    with writing(store) as connection:
        meter_days.store(connection, block, [(MIDNIGHT, NEXT)], key_of, "test")
        for name, p50 in said.items():
            row = {"night": DAY, "series_id": name, "made_at_utc": MIDNIGHT, "start_utc": MIDNIGHT, "step_s": 900, "quantity": "energy_kwh"}
            quantiles = pack_float(np.array([[0.0] * 192, [p50] * 192, [500.0] * 192]))
            connection.execute(insert(t.forecast).values(**row, model="boosted", reason="", quantiles=quantiles))
    assert {k: round(v, 4) for k, v in by_series(store, city, DAY).items()} == {"f0.energy": 0.9, "f1.energy": 0.7}
    found = accuracy(store, city, DAY)
    assert (round(found.good, 4), found.total, found.basis) == (1.6, 2, "")
    assert accuracy(store, city, DAY + timedelta(days=1)) == Share()


def test_a_frozen_day_stays_as_it_was_reported_until_somebody_counts_it_again(store: Engine) -> None:
    city = SimpleNamespace(
        meter={}, points={}, settings=SimpleNamespace(city=SimpleNamespace(time_zone="Europe/Rome", id="town"), levels=Levels())
    )
    calls.count(store, "/v1/plans", 200, NOON, 99)
    assert freeze(store, city, NEXT + timedelta(hours=1)) == 1
    calls.count(store, "/v1/plans", 500, NOON)
    assert freeze(store, city, NEXT + timedelta(hours=2)) == 0

    def api() -> Share:
        (one,) = (one for one in of_city(store, city, NEXT + timedelta(hours=3)) if one.level.name == "api_success")
        return one.yesterday

    assert api() == Share(99, 99)
    assert freeze(store, city, NEXT + timedelta(hours=3), again=1) == 1
    assert api() == Share(99, 100)


def test_a_target_that_is_missed_over_thirty_days_is_a_sentence_and_an_exit_code(tmp_path) -> None:
    town = Town(tmp_path / "town", days=0, head=f"levels.night_by = 05:00:00\n{HEAD}").write()
    assert town.penstock("init").code == 0
    calls.count(open_store(town.database), "/v1/plans", 500, NOON)
    said = town.penstock("levels", "--now", "2022-06-15T23:00+02:00", "--days", "1")
    assert (said.code, said.foreseen) == (2, True)
    assert "API success" in said.out
    assert "MISSED" in said.out
    assert said.out.splitlines()[-1] == "2022-06-15  API success 0 %"
    told = json.loads(town.penstock("levels", "--now", "2022-06-15T23:00+02:00", "--json", "--days", "1").out)["levels"]
    assert told["api_success"]["days"] == {"2022-06-15": {"value": 0.0, "good": 0.0, "total": 1.0, "basis": ""}}
    assert told["availability"]["days_30"]["value"] is None
    assert "api success 0 % MISSED, target 99.5 %" in town.penstock("status", "--now", "2022-06-15T23:00+02:00").out


def test_the_table_of_the_docs_says_what_the_code_counts() -> None:
    page = (Path(__file__).parents[2] / "docs" / "levels.md").read_text(encoding="utf-8")
    for level in LEVELS:
        assert (
            f"| {level.title[0]} | `{level.name}` | {level.target(Levels()) * 100:g} % | {level.good} | {level.total} | {level.records} |"
            in page
        )
