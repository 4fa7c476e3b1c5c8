"""The course of a point over a day to a year, and the points' table searched where the data are."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from city import quality as q
from city.clock import civil_day
from city.frames import Block
from city.quality import Cause
from city.quantities import Quantity
from service import schema as t
from service.environment import Environment
from service.settings import load
from service.store import cold, meter_days, open_store, readings, writing
from service.view import board, moment, series
from service.view.downsample import MOST

POINT, LAST = "feeder-02.energy", date(2022, 6, 14)
YEAR = 35_040


@pytest.fixture
def year(city: Path):
    """(engine, city, moment): 365 days of quarter-hours of one point, 1 kWh each but a peak of 99 and one lost quarter."""
    loaded = load(Environment(city=city / "city.toml", home=city))
    engine = open_store(loaded.environment.url)
    days = [civil_day(LAST - timedelta(days=back), "Europe/Rome") for back in range(364, -1, -1)]
    values, quality = np.full((1, YEAR), 1000), np.full((1, YEAR), q.VALID, dtype=np.uint16)
    values[0, 20_000], quality[0, 30_000] = 99_000, q.missing(Cause.TIMEOUT)
    block = Block((POINT,), days[0][0], timedelta(minutes=15), Quantity.ENERGY_KWH, values, quality)
    with writing(engine) as connection:
        meter_days.store(connection, block, days, readings.keys(engine), "test")
    return engine, loaded, moment.moment(engine, loaded)


def test_a_year_of_quarters_is_sent_in_at_most_1500_points_with_its_peak_and_its_gap(year) -> None:
    engine, loaded, at = year
    course = series.course(engine, loaded, at, POINT, "year", LAST)
    assert course.rows == {"usage": YEAR}
    assert course.spoiled == {"usage": {"TIMEOUT": 1}}
    assert len(course.usage) <= MOST
    assert course.usage.loc[course.usage["usable"], "value"].max() == 99.0
    assert (~course.usage["usable"]).any()
    assert course.raw is None


def test_the_band_of_a_year_has_a_row_per_civil_day_and_the_download_every_quarter(year) -> None:
    engine, loaded, at = year
    days = series.course(engine, loaded, at, POINT, "year", LAST).days
    assert days is not None
    assert (len(days), days["lost"].sum(), days["high"].max(), days["low"].min()) == (365, 1, 99.0, 1.0)
    whole = series.usage(engine, loaded, at, POINT, "year", LAST)
    assert (len(whole), whole["value"].sum()) == (YEAR, YEAR - 2 + 99)
    assert whole.loc[whole["value"].isna(), ["usable", "cause"]].to_numpy().tolist() == [[False, "TIMEOUT"]]  # not a zero


def test_days_that_nobody_validated_are_a_gap_in_the_course_and_none_before_its_first_and_after_its_last(year) -> None:
    engine, loaded, at = year
    with writing(engine) as connection:
        for first, last in ((date(2021, 6, 1), date(2021, 7, 1)), (date(2022, 1, 1), date(2022, 1, 3))):
            start, end = civil_day(first, "Europe/Rome")[0], civil_day(last, "Europe/Rome")[0]
            days = t.meter_day.c.day_start_utc
            connection.execute(
                t.meter_day.delete().where(days >= start, days < end, t.meter_day.c.point_key == readings.keys(engine)[POINT])
            )
    course = series.course(engine, loaded, at, POINT, "year", LAST)
    whole = series.usage(engine, loaded, at, POINT, "year", LAST)
    assert whole["time_utc"].iloc[0] == pd.Timestamp(civil_day(date(2021, 7, 1), "Europe/Rome")[0])
    assert (whole["time_utc"].diff().dropna() == timedelta(minutes=15)).all()
    assert course.spoiled == {"usage": {"GAP": 192, "TIMEOUT": 1}}
    assert course.days is not None
    assert course.days["lost"].nlargest(3).tolist() == [96, 96, 1]
    assert course.days["mean"].isna().sum() == 2


@pytest.mark.parametrize(("span", "days"), [("day", 1), ("week", 7), ("month", 31)])
def test_a_span_ends_with_its_last_day_and_has_its_quarters(year, span: str, days: int) -> None:
    engine, loaded, at = year
    course = series.course(engine, loaded, at, POINT, span, date(2022, 5, 31))
    assert course.rows["usage"] == 96 * days
    assert course.usage["time_utc"].iloc[-1] == pd.Timestamp("2022-05-31T21:45Z")


def test_readings_of_a_day_in_cold_storage_are_in_its_course_and_read_from_parquet(city: Path) -> None:
    loaded = load(Environment(city=city / "city.toml", home=city))
    engine = open_store(loaded.environment.url)
    at = moment.moment(engine, loaded)
    before = series.as_read(engine, loaded, at, "p-121.pressure", "week")
    moved = cold.archive(engine, loaded.folder, at.now_utc + timedelta(days=1))
    assert sum(count for _, count in moved) > 0
    assert readings.size(engine)["reading"] == 0
    assert len(before) > 90
    pd.testing.assert_frame_equal(series.as_read(engine, loaded, at, "p-121.pressure", "week"), before)


def test_points_are_found_by_every_word_in_any_case_the_abnormal_ones_first(city: Path) -> None:
    loaded = load(Environment(city=city / "city.toml", home=city))
    engine = open_store(loaded.environment.url)
    frame = board.points(engine, loaded, moment.moment(engine, loaded))
    names = lambda *asked, **how: frame["point_id"].iloc[board.search(frame, *asked, **how)].tolist()  # noqa: E731 - one line
    bad = set(frame.loc[~frame["usable"] | frame["late"], "point_id"])
    everything = names("")
    assert sorted(everything) == sorted(frame["point_id"])
    assert set(everything[: len(bad)]) == bad
    assert names("FEEDER-02 power") == ["feeder-02.power"]
    assert names("no such point") == []
    assert [names(sign) for sign in ("%", "_%", "'", '"', "\\", "[", ".*")] == [[]] * 7
    assert names("有功功率 feeder-02", shown={"power_kw": "有功功率"}) == ["feeder-02.power"]
    assert names("有功功率") == []
    assert set(names("", abnormal=True)) == bad
    has = board.counts(frame)
    assert (has.points, has.usable) == (len(frame), len(frame) - len(bad))
    assert has.meters == frame["meter_id"].nunique()
    assert 0 < has.online < has.meters
