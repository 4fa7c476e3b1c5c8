"""Readings are stored once, exactly, and come back as they were; what does not fit stays where it can be seen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from city.frames import Block
from city.places import Point
from city.problems import PenstockError
from city.quality import VALID, Cause, missing, questionable
from city.quantities import Quantity
from service import migrations
from service import schema as t
from service.store import meter_days, open_store, readings, results, rollup, writing
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


def test_days_of_meters_with_other_steps_or_quantities_are_refused_and_not_mixed(engine: Engine) -> None:
    hourly = POINTS[0].model_copy(update={"id": "feeder-02.energy", "meter": "feeder-02", "step_s": 3600})
    for other in (hourly, POINTS[1]):
        with pytest.raises(PenstockError, match=f"days of {other.id}"):
            meter_days.block(engine, [POINTS[0], other], START, START + timedelta(days=1))


def test_a_batch_delivered_twice_is_stored_once(engine: Engine) -> None:
    key_of = readings.register_points(engine, POINTS)
    assert readings.store_batch(engine, "a", frame(START, 1.5, 42.0), key_of) == 2
    assert readings.store_batch(engine, "a", frame(START, 1.5, 42.0), key_of) == 0
    assert readings.size(engine) == {"reading": 2, "meter_day": 0, "batch": 1, "conflict": 0}


def test_readings_are_counted_by_slot_and_quality_and_what_comes_twice_counts_once(engine: Engine) -> None:
    key_of = readings.register_points(engine, POINTS)
    for name, slot, pressure in (("a", START, 42.0), ("again", START, 43.0), ("b", START + timedelta(minutes=15), None)):
        readings.store_batch(engine, name, frame(slot, 1.5, pressure), key_of)
    with engine.connect() as connection:
        counted = connection.execute(select(t.slot_quality).order_by(t.slot_quality.c.time_utc, t.slot_quality.c.quality)).all()
    late = START + timedelta(minutes=15)
    assert {tuple(row) for row in counted} == {(START, VALID, 2), (late, VALID, 1), (late, missing(Cause.TIMEOUT), 1)}


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


def test_a_value_that_is_doubted_is_the_newest_but_not_the_newest_good_one(engine: Engine) -> None:
    key_of = readings.register_points(engine, POINTS)
    readings.store_batch(engine, "a", frame(START, 1.5, 42.0), key_of)
    doubted = frame(START + timedelta(minutes=15), 2.5, 900.0)
    readings.store_batch(engine, "b", doubted.assign(quality=[VALID, questionable(Cause.WRONG_METER)]), key_of)
    with engine.connect() as connection:
        row = connection.execute(select(t.latest).where(t.latest.c.point_key == key_of["p-15.pressure"])).one()
    assert (row.value, row.good_value, row.good_time_utc) == (900_000, 42_000, START)


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


def test_a_reading_says_when_it_was_received_and_which_batch_brought_it(engine: Engine) -> None:
    key_of = readings.register_points(engine, POINTS)
    late = frame(START, 1.5, 42.0)
    late["received_at_utc"] += pd.to_timedelta([2_000_001, 90_000_000], unit="us")  # rounded up to 3 s: nothing is known too early
    assert readings.store_batches(engine, [("a", frame(START - timedelta(minutes=15), 1.0, 41.0)), ("b", late)], key_of) == 4
    found = readings.hot(engine, [p.id for p in POINTS], START, START + timedelta(minutes=1))
    assert (found["received_at_utc"] - START).dt.total_seconds().tolist() == [3, 90]
    with engine.connect() as connection:
        joined = select(t.batch.c.batch_id, t.reading.c.time_utc).join(t.reading, t.reading.c.batch_no == t.batch.c.batch_no)
        assert set(connection.execute(joined).tuples()) == {("a", START - timedelta(minutes=15)), ("b", START)}


def test_batches_stored_together_leave_the_same_tables_as_one_after_the_other(engine: Engine, tmp_path: Path) -> None:
    other = open_store(f"sqlite:///{tmp_path / 'other.db'}", create=True)
    migrations.upgrade(other)
    again = frame(START, 1.6, 42.0)  # of the first, one value differs
    batches = [("a", frame(START, 1.5, 42.0)), ("b", frame(START + timedelta(minutes=15), 2.5, None)), ("c", again), ("a", again)]
    key_of = readings.register_points(engine, POINTS)
    assert readings.store_batches(engine, batches, key_of) == 4
    assert sum(readings.store_batch(other, name, one, readings.register_points(other, POINTS)) for name, one in batches) == 4
    for table in (t.reading, t.batch, t.conflict, t.latest):
        assert sorted(map(repr, results.rows(engine, table))) == sorted(map(repr, results.rows(other, table)))


def test_one_batch_that_says_two_things_about_one_time_keeps_the_first(engine: Engine) -> None:
    key_of = readings.register_points(engine, POINTS)
    both = pd.concat([frame(START, 1.5, 42.0), frame(START, 1.5, 43.0)], ignore_index=True)
    assert readings.store_batch(engine, "a", both, key_of) == 2
    with engine.connect() as connection:
        assert connection.execute(select(t.latest.c.value).order_by(t.latest.c.point_key)).scalars().all() == [1_500, 42_000]
        assert connection.execute(select(t.conflict.c.value)).scalars().all() == [43_000]


def test_a_quality_of_more_than_16_bits_is_refused_and_not_cut_off(engine: Engine) -> None:
    key_of = readings.register_points(engine, POINTS)
    with pytest.raises(OverflowError, match="65536: 16 bits"):
        readings.store_batch(engine, "a", frame(START, 1.5, 42.0).assign(quality=65_536), key_of)
    assert readings.size(engine)["batch"] == 0


@pytest.fixture(scope="module")
def emptied(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """One store for many examples: each empties it first."""
    made = open_store(f"sqlite:///{tmp_path_factory.mktemp('law') / 'penstock.db'}", create=True)
    migrations.upgrade(made)
    return made


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.sampled_from([None, 1, 2, 3])), min_size=1, max_size=80))
def test_the_first_value_of_each_point_and_time_stays_whatever_the_order(emptied: Engine, said: list[tuple[int, int, int | None]]) -> None:
    engine = emptied
    with writing(engine) as connection:
        for table in (t.reading, t.batch, t.conflict, t.latest):
            connection.execute(table.delete())
    points = [Point(id=f"m-{i}.level", meter=f"m-{i}", quantity=Quantity.LEVEL_M) for i in range(4)]
    key_of = readings.register_points(engine, points)
    times = pd.Series([START + timedelta(minutes=15 * slot) for _, slot, _ in said], dtype="datetime64[us, UTC]")
    whole = pd.DataFrame(
        {
            "point_id": [points[i].id for i, _, _ in said],
            "time_utc": times,
            "quantity": "level_m",
            "value": [np.nan if value is None else value / 1000 for _, _, value in said],
            "quality": [missing(Cause.TIMEOUT) if value is None else VALID for _, _, value in said],
            "received_at_utc": times,
        }
    )
    half = len(said) // 2
    readings.store_batches(engine, [("a", whole.iloc[:half]), ("b", whole.iloc[half:])], key_of)
    kept: dict[tuple[int, int], int | None] = {}
    refused = set()
    for point, slot, value in said:
        if kept.setdefault((point, slot), value) != value and value is not None:
            refused.add((point, slot, value))
    with engine.connect() as connection:
        stored = {
            (row.point_key - 1, (row.time_utc - START) // timedelta(minutes=15)): row.value for row in connection.execute(select(t.reading))
        }
        other = {
            (row.point_key - 1, (row.time_utc - START) // timedelta(minutes=15), row.value)
            for row in connection.execute(select(t.conflict))
        }
        newest = {row.point_key - 1: row for row in connection.execute(select(t.latest))}
    assert stored == kept
    assert other == refused
    for point, row in newest.items():
        slot = max(at for one, at in kept if one == point)
        assert (row.time_utc - START) // timedelta(minutes=15) == slot
        assert row.value == kept[point, slot]
        good = [at for (one, at), value in kept.items() if one == point and value is not None]
        assert row.good_value == (kept[point, max(good)] if good else None)


def test_a_point_long_silent_is_read_without_reading_the_others(engine: Engine) -> None:
    points = [Point(id=f"m-{i}.level", meter=f"m-{i}", quantity=Quantity.LEVEL_M) for i in range(3)]
    key_of = readings.register_points(engine, points)
    for slot in range(5):
        at = pd.Series([START + timedelta(minutes=15 * slot)] * (3 if slot in (0, 4) else 2), dtype="datetime64[us, UTC]")
        rows = {"point_id": [p.id for p in points][: len(at)], "time_utc": at, "quantity": "level_m", "value": 1.0 + slot, "quality": VALID}
        readings.store_batch(engine, f"s{slot}", pd.DataFrame(rows).assign(received_at_utc=at), key_of)
    found = readings.hot(engine, ["m-2.level"], START, START + timedelta(hours=1))
    assert found["value"].tolist() == [1.0]
    assert readings.hot(engine, ["m-2.level"], START, START + timedelta(hours=2))["value"].tolist() == [1.0, 5.0]


def test_a_city_s_day_is_the_sum_of_the_newest_versions_of_its_meters(engine: Engine) -> None:
    points = [Point(id=f"m-{i}.energy", meter=f"m-{i}", quantity=Quantity.ENERGY_REGISTER_KWH) for i in range(3)] + POINTS[1:]
    key_of = readings.register_points(engine, points)
    day = (START, START + timedelta(days=1))
    quality = np.full((3, 96), VALID, np.uint16)
    quality[2, 5] = missing(Cause.TIMEOUT)  # what cannot be used does not count
    values = np.arange(1, 4, dtype=np.int64)[:, None] * np.full((1, 96), 1000)
    block = Block(tuple(p.id for p in points[:3]), START, timedelta(minutes=15), Quantity.ENERGY_KWH, values, quality)
    metres = Block(("p-15.pressure",), START, timedelta(minutes=15), Quantity.PRESSURE_M, values[:1], quality[:1])
    with writing(engine) as connection:
        meter_days.store(connection, block, [day], key_of, "night")
        meter_days.store(connection, metres, [day], key_of, "night")  # a pressure adds up to nothing
        better = replace(block, values=values * 2).select(["m-1.energy"])
        meter_days.revise(connection, better, [day], key_of, "ada", day[1], "read by hand")
    found = rollup.day_totals(engine, START, {"m-0.energy": "north", "m-1.energy": "north", "m-2.energy": "south"})
    told = found[["group", "quantity", "total", "points"]].to_dict("records")
    north, south = 96 * 1 + 96 * 4, 95 * 3  # kWh
    assert told == [
        {"group": "north", "quantity": "energy_kwh", "total": north, "points": 2},
        {"group": "south", "quantity": "energy_kwh", "total": south, "points": 1},
    ]
    assert rollup.day_totals(engine, START)["total"].tolist() == [north + south]
    assert rollup.day_totals(engine, day[1]).empty


def test_the_newest_of_all_points_comes_as_columns(engine: Engine) -> None:
    key_of = readings.register_points(engine, POINTS)
    readings.store_batches(engine, [("a", frame(START, 1.5, 42.0)), ("b", frame(START + timedelta(minutes=15), 2.5, None))], key_of)
    row = rollup.latest(engine).set_index("point_key").loc[key_of["p-15.pressure"]]
    assert row["value"] is pd.NA
    assert (row["good_value"], row["good_time_utc"], row["time_utc"]) == (42_000, START, START + timedelta(minutes=15))
