"""Readings are stored once, exactly, and come back as they were; what does not fit stays where it can be seen."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from city.frames import Block
from city.places import Point
from city.quality import VALID, Cause, missing
from city.quantities import Quantity
from service import schema as t
from service.store import meter_days, readings, writing
from service.store.vectors import pack_int, unpack_int
from service.utctime import UtcTime, from_micros, micros

START = datetime(2022, 6, 14, 22, tzinfo=UTC)
POINTS = [
    Point(id="feeder-01.energy", meter="feeder-01", quantity=Quantity.ENERGY_REGISTER_KWH),
    Point(id="p-15.pressure", meter="p-15", quantity=Quantity.PRESSURE_M),
]


def frame(slot: datetime, energy: float, pressure: float | None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "point_id": [p.id for p in POINTS],
            "time_utc": pd.Series([slot] * 2, dtype="datetime64[us, UTC]"),
            "quantity": [str(p.quantity) for p in POINTS],
            "value": [energy, np.nan if pressure is None else pressure],
            "quality": [VALID, missing(Cause.TIMEOUT) if pressure is None else VALID],
            "received_at_utc": pd.Series([slot] * 2, dtype="datetime64[us, UTC]"),
        }
    )


def test_a_batch_delivered_twice_is_stored_once(engine: Engine) -> None:
    key_of = readings.register_points(engine, POINTS)
    assert readings.store_batch(engine, "a", frame(START, 1.5, 42.0), key_of) == 2
    assert readings.store_batch(engine, "a", frame(START, 1.5, 42.0), key_of) == 0
    assert readings.size(engine) == {"reading": 2, "meter_day": 0, "batch": 1, "conflict": 0}


def test_the_first_value_of_a_point_and_time_stays_and_another_goes_to_conflicts(engine: Engine) -> None:
    key_of = readings.register_points(engine, POINTS)
    readings.store_batch(engine, "a", frame(START, 1.5, 42.0), key_of)
    readings.store_batch(engine, "b", frame(START, 1.5, 43.0), key_of)
    found = readings.hot(engine, ["p-15.pressure"], START, START + timedelta(minutes=1))
    assert found["value"].tolist() == [42.0]
    with engine.connect() as connection:
        assert connection.execute(select(t.conflict.c.value)).scalars().all() == [43_000]


def test_a_missing_value_keeps_its_cause_and_the_last_good_value_stays_known(engine: Engine) -> None:
    key_of = readings.register_points(engine, POINTS)
    readings.store_batch(engine, "a", frame(START, 1.5, 42.0), key_of)
    readings.store_batch(engine, "b", frame(START + timedelta(minutes=15), 2.5, None), key_of)
    with engine.connect() as connection:
        row = connection.execute(select(t.latest).where(t.latest.c.point_key == key_of["p-15.pressure"])).one()
    assert (row.value, row.quality, row.good_value, row.good_time_utc) == (None, missing(Cause.TIMEOUT), 42_000, START)


def test_an_older_batch_does_not_take_the_latest_value_back(engine: Engine) -> None:
    key_of = readings.register_points(engine, POINTS)
    readings.store_batch(engine, "b", frame(START + timedelta(minutes=15), 2.5, 41.0), key_of)
    readings.store_batch(engine, "a", frame(START, 1.5, 42.0), key_of)
    with engine.connect() as connection:
        assert connection.execute(select(t.latest.c.value).where(t.latest.c.point_key == key_of["p-15.pressure"])).scalar() == 41_000


def test_points_keep_their_keys_when_more_come(engine: Engine) -> None:
    first = readings.register_points(engine, POINTS[:1])
    assert readings.register_points(engine, POINTS)[POINTS[0].id] == first[POINTS[0].id]


def test_days_come_back_as_they_were_stored_and_what_was_never_stored_is_missing(engine: Engine) -> None:
    key_of = readings.register_points(engine, POINTS)
    values = np.arange(96, dtype=np.int64)[None, :] * 1000
    block = Block(("feeder-01.energy",), START, timedelta(minutes=15), Quantity.ENERGY_KWH, values, np.full((1, 96), VALID, np.uint16))
    day = (START, START + timedelta(days=1))
    with writing(engine) as connection:
        assert meter_days.store(connection, block, [day], key_of, "import") == 1
        assert meter_days.store(connection, block, [day], key_of, "import") == 0  # the same again changes nothing
    back = meter_days.block(engine, POINTS[:1], START - timedelta(days=1), START + timedelta(days=1))
    assert back.steps == 192
    assert not back.usable()[0, :96].any()
    assert (back.values[0, 96:] == values[0]).all()
    assert readings.size(engine)["meter_day"] == 1


def test_a_block_in_units_is_stored_in_its_scale(engine: Engine) -> None:
    key_of = readings.register_points(engine, POINTS)
    metres = np.full((1, 96), 42.125, dtype=np.float32)
    block = Block(("p-15.pressure",), START, timedelta(minutes=15), Quantity.PRESSURE_M, metres, np.full((1, 96), VALID, np.uint16))
    with writing(engine) as connection:
        meter_days.store(connection, block, [(START, START + timedelta(days=1))], key_of, "import")
    back = meter_days.block(engine, POINTS[1:], START, START + timedelta(days=1))
    assert (back.unit_values() == 42.125).all()


@given(st.lists(st.integers(-(2**62), 2**62), max_size=100))
def test_integer_vectors_survive_packing(values: list[int]) -> None:
    assert unpack_int(pack_int(np.array(values, dtype=np.int64))).tolist() == values


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_times_survive_as_microseconds(time: datetime) -> None:
    assert from_micros(micros(time)) == time


def test_a_naive_time_is_refused_at_the_border_of_the_store(engine: Engine) -> None:
    with pytest.raises(Exception, match="no time zone"):
        UtcTime().process_bind_param(datetime(2022, 6, 15), engine.dialect)  # noqa: DTZ001 - that is the point
