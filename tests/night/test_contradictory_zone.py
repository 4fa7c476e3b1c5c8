"""A zone whose assets contradict themselves stands still and is named; the rest of the city gets the plan it would have had anyway.

Hand-checkable: the old town takes 8 to 12 m3/h, its pump gives at most 5, and 50 m3 are in its tower. So the tower is empty within
17 h, whatever anybody does. The mills' basin must be renewed every 24 h, and nothing flows into it or out of it.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from service import schema as t
from service.environment import Environment
from service.night.reduced import asset_zones, still
from service.settings import load
from service.store import open_store, readings, results
from service.store.results import plan_values
from tests.town import HEAD, MIDNIGHT_UTC, NOW, PARTS, Said, Town, night, power, steps

ZONES = (
    'zones = [{ id = "old-town", kind = "dma", population = 500 }, { id = "north", kind = "feeder" }, { id = "mills", kind = "feeder" }]'
)
METERS = """
  { id = "mill", unit = 3, link = "field", site = "here", model = "electricity-meter", commodity = "electricity", role = "load", forecast = "load", zone = "mills" },
  { id = "stall", unit = 4, link = "field", site = "here", model = "electricity-meter", commodity = "electricity", role = "load", forecast = "load", zone = "old-town" },
  { id = "cell", unit = 5, link = "field", site = "here", model = "battery", commodity = "electricity", role = "storage", zone = "north" },
  { id = "spare", unit = 6, link = "field", site = "here", model = "battery", commodity = "electricity", role = "storage", zone = "mills" },
  { id = "tower", unit = 7, link = "field", site = "here", model = "tank-level", commodity = "water", role = "storage", zone = "old-town" },
  { id = "basin", unit = 8, link = "field", site = "here", model = "tank-level", commodity = "water", role = "storage", zone = "mills" },
  { id = "well", unit = 9, link = "field", site = "here", model = "pump-station", commodity = "electricity", role = "load" },
]
"""  # noqa: E501
LOADS = "".join(f'[[assets]]\nid = "{name}"\nkind = "fixed_load"\nseries = ["{name}.energy"]\n' for name in ("mill", "stall"))
BATTERY = (
    '[[assets]]\nid = "{id}"\nkind = "battery"\nenergy_kwh = {kwh}\npower_kw = 25.0\nleast_share = 0.0\n'
    '[[states]]\nasset = "{id}"\nquantity = "charge_kwh"\nweights = {{ "{id}.charge" = 1.0 }}\n'
    '[[controls]]\nasset = "{id}"\npoint = "{id}.setpoint"\nquantity = "power_kw"\n'
)
BATTERIES = BATTERY.format(id="cell", kwh=100.0) + BATTERY.format(id="spare", kwh=10.0)
TOWER = (
    '[[assets]]\nid = "tower"\nkind = "tank"\nvolume_max_m3 = 100.0\nseries = ["inflow.volume"]\n'
    '[[assets]]\nid = "well"\nkind = "pump_station"\ntank = "tower"\nflow_m3_per_h = 5.0\npower_kw = 3.0\n'
    '[[states]]\nasset = "tower"\nquantity = "volume_m3"\nweights = { "tower.level" = 10.0 }\n'
    '[[states]]\nasset = "well"\nquantity = "running"\nweights = { "well.running" = 1.0 }\n'
)
STALE = (
    '[[assets]]\nid = "basin"\nkind = "tank"\nvolume_max_m3 = 100.0\nmax_residence_h = 24.0\n'
    '[[states]]\nasset = "basin"\nquantity = "volume_m3"\nweights = { "basin.level" = 10.0 }\n'
)


def zoned(folder: Path, more: str) -> Town:
    head = HEAD.replace(HEAD[HEAD.index("zones = [") : HEAD.index("\nlinks")], ZONES)
    head = head.replace('forecast = "pv" }', 'forecast = "pv", zone = "north" }').replace(
        'role = "load", forecast = "load" }', 'role = "load", forecast = "load", zone = "north" }'
    )
    parts = {**PARTS, "assets": PARTS["assets"] + LOADS, "more": BATTERIES + more}
    return Town(folder, head=head[: head.rindex("]\n")] + METERS.lstrip("\n"), parts=parts)


def written(town: Town) -> Town:
    text = town.head.replace("PORT", "1") + "\n".join((town.parts or PARTS).values())
    town.file.write_text(text, encoding="utf-8")
    return town


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A city with 30 days of history and present states, that has not had a night."""
    town = zoned(tmp_path_factory.mktemp("contradictory") / "base", "").write()
    frame = power(town.days)
    frame.assign(**{"mill.energy": 0.5 * frame["hall.energy"], "stall.energy": 0.1 * frame["hall.energy"]}).to_csv(
        town.folder / "power.csv", index=False
    )
    assert [town.penstock(word).code for word in ("init", "import")] == [0, 0]
    city = load(Environment(city=town.file, home=town.folder))
    engine = open_store(town.database)
    key_of = readings.register_points(engine, list(city.points.values()))
    at = pd.DatetimeIndex([MIDNIGHT_UTC]).as_unit("us")
    states = {"cell.charge": 50.0, "spare.charge": 5.0, "tower.level": 5.0, "basin.level": 5.0, "well.running": 0.0}
    for name, value in states.items():
        quantity = str(city.points[name].quantity)
        frame = pd.DataFrame({"point_id": name, "time_utc": at, "quantity": quantity, "value": value, "quality": 1, "received_at_utc": at})
        readings.store_batch(engine, name, frame, key_of)
    return town


def after_a_night(base: Town, folder: Path, more: str, connection: str = "500.0") -> tuple[Town, Said]:
    shutil.copytree(base.folder, folder)
    town = zoned(folder, more).changed("assets", "connection_kw = 500.0", f"connection_kw = {connection}")
    return town, night(written(town))


def planned(town: Town) -> pd.DataFrame:
    (row,) = results.rows(open_store(town.database), t.plan)
    assert row.status in ("optimal", "relaxed"), row.detail["reasons"]
    return plan_values(open_store(town.database), row)["plan"]


@pytest.fixture(scope="module")
def well(base: Town) -> Town:
    return after_a_night(base, base.folder.parent / "well", "")[0]


@pytest.fixture(scope="module")
def ill(base: Town) -> tuple[Town, Said]:
    return after_a_night(base, base.folder.parent / "ill", TOWER)


def test_the_rest_of_the_city_gets_the_plan_it_would_have_had(well: Town, ill: tuple[Town, Said]) -> None:
    healthy, made = planned(well), planned(ill[0])
    assert set(made.columns) == set(healthy.columns)  # nothing of tower and well
    pd.testing.assert_frame_equal(made, healthy)
    assert steps(ill[0])["forecast"] == "done"
    power_kw, hour = made["cell", "power_kw"].to_numpy(), made.index.tz_convert("Europe/Rome").hour
    by_day = (hour >= 6) & (hour < 22)
    assert power_kw[by_day].sum() > 0  # it does what a battery is for: discharges when power is dear
    assert (power_kw[~by_day] <= 1e-6).all()


def test_the_zone_is_named_with_what_contradicts_and_its_loads_are_still_drawn(ill: tuple[Town, Said]) -> None:
    town, said = ill
    assert said.code == 2
    assert "without zone old-town: left out of plan" in said.err
    (row,) = results.rows(open_store(town.database), t.zone_out)
    assert (row.step, row.zone) == ("plan", "old-town")
    assert "tower: volume at least 0 m3 (empty)" in row.problems[0]
    (plan,) = results.rows(open_store(town.database), t.plan)
    assert any("Nothing is planned for zone old-town" in note and "tower" in note for note in plan.detail["notes"])
    assert (planned(town)["stall", "power_kw"] > 0).all()
    points = {row.point_id for row in results.rows(open_store(town.database), t.command)}
    assert "cell.setpoint" in points


def test_two_zones_that_contradict_themselves_are_both_left_out(base: Town, well: Town, tmp_path: Path) -> None:
    town, _ = after_a_night(base, tmp_path / "town", TOWER + STALE)
    assert {row.zone for row in results.rows(open_store(town.database), t.zone_out)} == {"old-town", "mills"}
    made = planned(town)
    assert ("spare", "power_kw") not in made  # it stands still, and what the mill takes is counted
    np.testing.assert_allclose(made["mill", "power_kw"], planned(well)["mill", "power_kw"])
    assert {row.point_id for row in results.rows(open_store(town.database), t.command)} == {"cell.setpoint", "sun.setpoint"}


def test_a_connection_too_small_for_its_loads_is_no_zones_fault(base: Town, tmp_path: Path) -> None:
    town, said = after_a_night(base, tmp_path / "town", "", connection="5.0")
    assert said.code == 2
    (row,) = results.rows(open_store(town.database), t.plan)
    assert row.status == "impossible"
    assert results.rows(open_store(town.database), t.zone_out) == []


@pytest.mark.parametrize("flow", [5.0, 20.0])
def test_a_plan_of_the_day_goes_on_without_the_zone_until_it_is_mended(ill: tuple[Town, Said], tmp_path: Path, flow: float) -> None:
    shutil.copytree(ill[0].folder, tmp_path / "town")
    town = written(replace(ill[0], folder=tmp_path / "town").changed("more", "flow_m3_per_h = 5.0", f"flow_m3_per_h = {flow}"))
    assert town.penstock("plan", "now", "--now", NOW).code == 0
    row = {row.plan_id: row for row in results.rows(open_store(town.database), t.plan)}["plan-20220616-1"]
    assert row.status in ("optimal", "relaxed")
    values = plan_values(open_store(town.database), row)["plan"]
    assert (values["cell", "power_kw"] > 1.0).any()
    assert ("well" in values) == (flow == 20.0)
    note = "Nothing is planned for zone old-town, as in the night's plan."
    assert (note in row.detail["notes"]) == (flow == 5.0)


def test_once_the_zone_is_mended_a_rerun_plans_for_it_again(ill: tuple[Town, Said], tmp_path: Path) -> None:
    shutil.copytree(ill[0].folder, tmp_path / "town")
    town = written(replace(ill[0], folder=tmp_path / "town").changed("more", "flow_m3_per_h = 5.0", "flow_m3_per_h = 20.0"))
    assert night(town).code in (0, 2)
    assert results.rows(open_store(town.database), t.zone_out) == []
    rows = {row.plan_id: row for row in results.rows(open_store(town.database), t.plan)}
    values = plan_values(open_store(town.database), rows["plan-20220616-1"])["plan"]
    assert values["well", "running"].sum() > 0


def test_a_state_that_cannot_be_is_its_zones_fault_too(base: Town, tmp_path: Path) -> None:
    """5 m of water on 60 m2 are 300 m3, in a tower of 100 m3."""
    shutil.copytree(base.folder, tmp_path / "town")
    town = written(zoned(tmp_path / "town", TOWER.replace("= 10.0 }", "= 60.0 }")))
    said = night(town)
    assert "without zone old-town" in said.err
    assert {row.zone for row in results.rows(open_store(town.database), t.zone_out)} == {"old-town"}
    assert (planned(town)["stall", "power_kw"] > 0).all()


def test_a_tank_and_its_pumps_belong_together_whatever_meters_they_have(ill: tuple[Town, Said]) -> None:
    city = load(Environment(city=ill[0].file, home=ill[0].folder))
    zones = asset_zones(city)
    assert zones["well"] == zones["tower"] == {"old-town"}  # the meter of the well has no zone
    assert zones["grid"] == frozenset()
    less = still(city, ["old-town"]).settings
    assert {asset.id: asset.kind for asset in less.assets if asset.id in ("stall", "tower", "well")} == {"stall": "fixed_load"}
