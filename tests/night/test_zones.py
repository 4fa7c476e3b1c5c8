"""A zone whose data are garbage costs itself: the rest of the city gets what it would have got, and a rerun takes the zone up again."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import select

from city.quality import measured
from service import schema as t
from service.environment import Environment
from service.night import Night
from service.night.working import done
from service.settings import load
from service.store import meter_days, open_store, readings, results, writing
from service.store.ledger import open_ledger
from tests.night.test_nothing_is_lost import slots
from tests.town import HEAD, MIDNIGHT_UTC, NOW, PARTS, Said, Town, night, power, prepared, steps

ZONES = 'zones = [{ id = "old-town", kind = "dma", population = 500 }, { id = "north", kind = "feeder" }]'
MILL = (
    '  { id = "mill", unit = 3, link = "field", site = "here", model = "electricity-meter", commodity = "electricity", role = "load", '
    'forecast = "load", zone = "north" },\n]\n'
)
ASSET = '[[assets]]\nid = "mill"\nkind = "fixed_load"\nseries = ["mill.energy"]\n'
ACCOUNT = (
    '[[accounts]]\nid = "el-mill"\nkind = "grid-electricity"\npoint = "mill.energy"\nsite = "here"\nsector = "services"\nregion = "CN-ZJ"\n'
)
ALL_STEPS = ["validate", "forecast", "plan", "leaks", "ledger", "targets"]


def polled(town: Town, garbage: bool) -> None:
    """Yesterday's readings of the hall and the mill, 5 kWh and 2 kWh more each slot."""
    engine = open_store(town.database)
    city = load(Environment(city=town.file, home=town.folder))
    key_of = readings.register_points(engine, list(city.points.values()))
    times = slots("2022-06-15")
    for name, step in (("hall.energy", 5.0), ("mill.energy", 2.0)):
        at = pd.DatetimeIndex(times).as_unit("us")
        frame = pd.DataFrame({"point_id": name, "time_utc": at, "quantity": "energy_register_kwh"})
        frame = frame.assign(value=[1000.0 + step * i for i in range(len(times))], quality=1, received_at_utc=at)
        readings.store_batch(engine, f"batch-{name}", frame, key_of)
    if garbage:
        spoil(town)


def spoil(town: Town) -> None:
    """The stored days of the mill are no vectors any more: reading them raises."""
    engine = open_store(town.database)
    with writing(engine) as connection:
        key = connection.execute(select(t.point.c.point_key).where(t.point.c.point_id == "mill.energy")).scalar_one()
        connection.execute(t.meter_day.update().where(t.meter_day.c.point_key == key).values(amounts=b"garbage"))


def heal(town: Town, healthy: Town) -> None:
    source, target = open_store(healthy.database), open_store(town.database)
    with source.connect() as read, writing(target) as write:
        m = t.meter_day.c
        for row in read.execute(select(m.point_key, m.day_start_utc, m.version, m.amounts)):
            same = (m.point_key == row.point_key) & (m.day_start_utc == row.day_start_utc) & (m.version == row.version)
            write.execute(t.meter_day.update().where(same).values(amounts=row.amounts))


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, Town, Said]]:
    """A healthy night, and one whose northern zone has garbage for history."""
    folder = tmp_path_factory.mktemp("zones")
    head = HEAD.replace(HEAD[HEAD.index("zones = [") : HEAD.index("\nlinks")], ZONES)
    head = head[: head.rindex("]\n")] + MILL
    parts = PARTS | {"assets": PARTS["assets"] + ASSET, "accounts": PARTS["accounts"] + ACCOUNT}
    well = Town(folder / "well", head=head, parts=parts, days=31).write()
    frame = power(31)
    frame = frame[pd.DatetimeIndex(frame["time"]) < MIDNIGHT_UTC - timedelta(days=1)]
    frame.assign(**{"mill.energy": 0.5 * frame["hall.energy"]}).to_csv(well.folder / "power.csv", index=False)
    assert [well.penstock(*words).code for words in (["init"], ["import"])] == [0, 0]
    shutil.copytree(well.folder, folder / "ill")
    ill = Town(folder / "ill", head=head, parts=parts, days=31)
    polled(well, garbage=False)
    polled(ill, garbage=True)
    assert night(well).code in (0, 2)
    return well, ill, ill.penstock("night", "--now", NOW)


def rows(town: Town, table: Any, *, without: str = "") -> list[tuple[Any, ...]]:
    with open_store(town.database).connect() as connection:
        found = connection.execute(select(table).order_by(*table.primary_key)).all()
    return [tuple(row) for row in found if without not in row or not without]


def test_the_night_goes_on_without_the_zone_and_names_it(towns: tuple[Town, Town, Said]) -> None:
    _, ill, said = towns
    assert said.code == 2, said.all
    assert "without zone north" in said.err
    assert set(steps(ill)) == set(ALL_STEPS)
    assert "failed" not in steps(ill).values()
    out = {(row.step, row.zone) for row in results.rows(open_store(ill.database), t.zone_out)}
    assert {("validate", "north"), ("forecast", "north"), ("plan", "north"), ("ledger", "north"), ("targets", "north")} <= out


def test_the_rest_of_the_city_gets_the_same_forecasts_bit_for_bit(towns: tuple[Town, Town, Said]) -> None:
    well, ill, _ = towns
    forecasts = [{row[1]: row for row in rows(town, t.forecast)} for town in (well, ill)]
    assert set(forecasts[0]) - set(forecasts[1]) == {"mill.energy"}
    assert forecasts[0]["inflow.volume"] == forecasts[1]["inflow.volume"]
    assert forecasts[0]["sun.energy"] == forecasts[1]["sun.energy"]
    assert [r for r in rows(well, t.meter_day) if r[0] not in keys(well)] == [r for r in rows(ill, t.meter_day) if r[0] not in keys(ill)]


def keys(town: Town) -> set[int]:
    """The points of the northern zone."""
    return {row.point_key for row in results.rows(open_store(town.database), t.point, t.point.c.meter_id == "mill")}


def test_the_plan_is_made_of_what_the_others_have(towns: tuple[Town, Town, Said]) -> None:
    well, ill, _ = towns
    planned = [{row[2] for row in rows(town, t.plan_value)} for town in (well, ill)]
    assert planned[0] - planned[1] == {"mill"}
    assert [row.status for row in results.rows(open_store(ill.database), t.plan)] == ["optimal"]


def test_a_rerun_takes_the_zone_up_again_and_ends_with_the_ledger_of_a_healthy_night(
    towns: tuple[Town, Town, Said], tmp_path: Path
) -> None:
    well, ill, _ = towns
    shutil.copytree(ill.folder, tmp_path / "town")
    town = Town(tmp_path / "town", head=ill.head, parts=ill.parts)
    before = {row.step: row.ended_utc for row in results.rows(open_store(town.database), t.step)}
    heal(town, well)
    assert night(town).code in (0, 2)
    after = {row.step: row.ended_utc for row in results.rows(open_store(town.database), t.step)}
    assert [name for name in ALL_STEPS if after[name] == before[name]] == ["leaks"]
    assert results.rows(open_store(town.database), t.zone_out) == []
    assert results.rows(open_store(town.database), t.ledger_due) == []
    assert book(town) == book(well)
    assert {row[1] for row in rows(town, t.forecast)} == {row[1] for row in rows(well, t.forecast)}
    assert [(row[2], row[3], row[4]) for row in rows(town, t.plan_value) if row[0].endswith("-1") and row[2] == "mill"]


def book(town: Town) -> list[tuple[Any, ...]]:
    """What the ledger says of each account and day."""
    found = open_ledger(open_store(town.database), town.folder).book(
        by=("account_id",), zone="Europe/Rome", period="D", start=MIDNIGHT_UTC - timedelta(days=31), end=MIDNIGHT_UTC
    )
    return [tuple(row) for row in found.itertuples(index=False)]


def test_the_other_accounts_are_posted_while_a_zone_is_left_out(towns: tuple[Town, Town, Said]) -> None:
    well, ill, _ = towns
    assert {row for row in book(well) if "el-hall" in row} == {row for row in book(ill) if "el-hall" in row}
    assert [row for row in book(ill) if "el-mill" in row] == []
    due = results.rows(open_store(ill.database), t.ledger_due)
    assert {row.point_key for row in due} == keys(ill)
    assert "left out" in due[0].reason


def test_late_readings_that_came_while_their_zone_was_left_out_are_in_its_day_once_it_is_taken_up(tmp_path: Path) -> None:
    bare = Town(tmp_path, days=0).without("tariff", "assets", "controls", "accounts", "targets", "imports")
    head = HEAD.replace(HEAD[HEAD.index("zones = [") : HEAD.index("\nlinks")], ZONES)
    town = prepared(replace(bare, head=head[: head.rindex("]\n")] + MILL))
    polled(town, garbage=False)
    engine = open_store(town.database)
    (key,) = results.rows(engine, select(t.point.c.point_key).where(t.point.c.point_id == "mill.energy").subquery())[0]
    r, m, yesterday = t.reading.c, t.meter_day.c, MIDNIGHT_UTC - timedelta(days=1)
    late = (r.point_key == key) & r.time_utc.in_(slots("2022-06-15")[40:50])
    with writing(engine) as connection:
        came = [row._asdict() for row in connection.execute(select(t.reading).where(late))]
        connection.execute(t.reading.delete().where(late))
    assert validated(town) == "problems"  # ten quarters of the mill are missing
    row = {"city": "town", "night": date(2022, 6, 16), "step": "validate", "zone": "north", "problems": [], "since_utc": yesterday}
    with writing(engine) as connection:  # they come when the zone cannot be used: its day is counted as heard, and not revised
        connection.execute(t.reading.insert(), came)
        connection.execute(t.heard_day.update().values(readings=t.heard_day.c.readings + len(came)))
        connection.execute(t.zone_out.insert().values(**row))
    own = (m.point_key == key) & (m.day_start_utc == yesterday)
    before = len(results.rows(engine, t.meter_day, own))
    for _ in range(2):  # once, however often it is looked at
        validated(town)
        assert len(results.rows(engine, t.meter_day, own)) == before + 1
        newest = meter_days.block(
            engine, [load(Environment(city=town.file, home=town.folder)).points["mill.energy"]], yesterday, MIDNIGHT_UTC
        )
        assert measured(newest.quality).all()


def validated(town: Town) -> str:
    engine, city = open_store(town.database), load(Environment(city=town.file, home=town.folder))
    key_of = readings.register_points(engine, list(city.points.values()))
    return done("validate", Night(city, engine, date(2022, 6, 16), MIDNIGHT_UTC + timedelta(minutes=30), key_of)).status
