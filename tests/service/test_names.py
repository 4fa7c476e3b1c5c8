# ruff: noqa: E501 - a fault per line
"""Whatever in city.toml does not suit its use is told by `load`, with its path and the names that would; all of it at once."""

import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.problems import PenstockError
from service.environment import Environment
from service.names import GRID_FACTOR
from service.settings import LoadedCity, load

DEMO = Path(__file__).resolve().parents[2] / "demo"
TEXT = (DEMO / "city.toml").read_text(encoding="utf-8")


def city(folder: Path, *changes: tuple[str, str]) -> LoadedCity:
    """The demo's city with each first text replaced by the second, once."""
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    (folder / "city.toml").write_text(text, encoding="utf-8")
    if not (folder / "valves.csv").exists():
        shutil.copy(DEMO / "valves.csv", folder)
        shutil.copytree(DEMO / "devices", folder / "devices")
    return load(Environment(city=folder / "city.toml", home=folder))


def told(folder: Path, *changes: tuple[str, str]) -> str:
    with pytest.raises(PenstockError) as caught:
        city(folder, *changes)
    return str(caught.value)


FAULTS = {
    "control's register": (('asset = "battery-01"\npoint = "battery-01.setpoint"', 'asset = "battery-01"\npoint = "battery-01.setpont"'), "no point 'battery-01.setpont'", "battery-01.setpoint"),
    "control's register is read only": (('asset = "battery-01"\npoint = "battery-01.setpoint"', 'asset = "battery-01"\npoint = "battery-01.power"'), "cannot be written", "battery-01.setpoint"),
    "control's quantity": (
        ('point = "battery-01.setpoint"\nquantity = "power_kw"', 'point = "battery-01.setpoint"\nquantity = "running"'),
        "'running' is not planned for 'battery-01'",
        "power_kw, charge_kwh",
    ),
    "control's unit": (('asset = "battery-01"\npoint = "battery-01.setpoint"', 'asset = "battery-01"\npoint = "ps-lake.run"'), "power_kw on 'ps-lake.run'", "a quantity in"),
    "limit's register": (('point = "feeder-01.energy", min', 'point = "feeder-01.enrgy", min'), "limits[0].point: no point 'feeder-01.enrgy'", "feeder-01.energy"),
    "account's register": (('kind = "natural-gas", point = "gas-boiler.volume"', 'kind = "natural-gas", point = "gas-boiler.vol"'), "no point 'gas-boiler.vol'", "gas-boiler.volume"),
    "account's quantity": (('kind = "natural-gas", point = "gas-boiler.volume"', 'kind = "natural-gas", point = "feeder-01.energy"'), "'feeder-01.energy' counts energy_kwh", "gas_m3"),
    "state's register": (('"battery-01.charge" = 1.0', '"battery-01.charg" = 1.0'), "no point 'battery-01.charg'", "battery-01.charge"),
    "state's quantity": (('quantity = "charge_kwh"', 'quantity = "volume_m3"'), "'volume_m3' is no state of 'battery-01'", "charge_kwh"),
    "switch's register": (('B01 = "switches.b01"', 'B01 = "switches.b99"'), "grid.switch_points.B01: no point 'switches.b99'", "switches.b01"),
    "switch's register is read only": (('B01 = "switches.b01"', 'B01 = "battery-01.power"'), "grid.switch_points.B01: 'battery-01.power' cannot be written", "battery-01.setpoint"),
    "grid's meter": (("power_factor = 0.95", 'power_factor = 0.95\nmeters = { "01-3" = "feeder-99" }'), "grid.meters.01-3: no meter 'feeder-99'", "feeder-08"),
    "series": (('series = ["pv-01.energy"]', 'series = ["pv-01.enery"]'), "no point 'pv-01.enery'", "pv-01.energy"),
    "series is no register": (('series = ["pv-01.energy"]', 'series = ["pv-01.power"]'), "'pv-01.power' is a power_kw", "pv-01.energy"),
    "series of another commodity": (('series = ["pv-01.energy"]', 'series = ["dma-a.volume"]'), "'dma-a.volume' is a volume_register_m3", "energy_kwh"),
    "series is not forecast": (('series = ["pv-01.energy"]', 'series = ["ps-lake.energy"]'), "'ps-lake.energy' is not forecast", "pv-01.energy"),
    "tank": (('tank = "tanks"', 'tank = "tank"'), "tank (ps-lake): no tank 'tank'", "tanks"),
    "valve panel": (('valve_panel = "valves"', 'valve_panel = "valve"'), "no meter 'valve'", "one of"),
    "valve panel without valves": (('valve_panel = "valves"', 'valve_panel = "tank-1"'), "'tank-1' moves no valve", "valves"),
    "zone of [water.zones]": (('dma-c = ["131"]', 'dma-z = ["131"]'), "no DMA 'dma-z'", "dma-c"),
    "junction in two zones": (('dma-c = ["131"]', 'dma-c = ["131", "60"]'), "junction '60' is also in 'dma-a'", "one DMA"),
    "country": (('city.country = "IT"', 'city.country = "IX"'), "city.country: unknown country 'IX'", "IT"),
    "subdivision": (('city.country = "IT"', 'city.country = "IT"\ncity.subdivision = "ZZ"'), "city.subdivision: 'ZZ' is no part of 'IT'", "BZ"),
    "region": (('city.region = "CN-ZJ"', 'city.region = "CN-XX"'), f"no factor for '{GRID_FACTOR}' in 'CN-XX'", "CN-AH"),
    "unit given twice": (("unit = 2, link", "unit = 1, link"), "unit 1 of link 'field' is also 'feeder-01'", "each unit"),
    "step of the plan": (("night.step_s = 900", "night.step_s = 1000"), "night.step_s: 1000 s does not divide an hour", "300 or more"),
    "steps": (("night.steps = 192", "night.steps = -4"), "night.steps: -4", "1 or more"),
    "steps beyond the forecasts": (("night.steps = 192", "night.steps = 400"), "reach 100.5 h", "agree"),
    "lead": (("night.lead_minutes = 30", "night.lead_minutes = -600"), "night.lead_minutes: -600", "0 or more"),
    "workers": (("night.lead_minutes = 30", "night.workers = 0"), "night.workers: 0", "1 or more"),
    "meter's step": (('zone = "dma-a", forecast = "water", step_s = 3600', 'zone = "dma-a", forecast = "water", step_s = 0'), "step_s (dma-a): 0", "60 or more"),
    "a number that is none": (("charge_efficiency = 0.95", "charge_efficiency = nan"), "charge_efficiency (battery-01): nan", "more than 0"),
    "a kind of asset": (('kind = "battery"', 'kind = "batery"'), "kind 'batery'", "pump_station"),
    "a key": (("charge_efficiency = 0.95", "efficency = 0.95"), "efficency (battery-01): unknown key", "charge_efficiency"),
    "half a hold-back": (("free_setpoint = ", "decimals = 1 #"), "held_back_by and free_setpoint need each other", "agree"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_name_or_number_that_does_not_suit_is_told_with_what_would(name: str, tmp_path: Path) -> None:
    change, observed, allowed = FAULTS[name]
    lines = [line for line in told(tmp_path, change).splitlines() if observed in line]
    assert len(lines) == 1
    assert allowed in lines[0].split("; allowed: ")[1]


def test_faults_of_values_and_of_names_are_told_together(tmp_path: Path) -> None:
    changes = [FAULTS[name] for name in ("control's quantity", "series", "tank", "country", "steps", "meter's step", "a key")]
    text = told(tmp_path, *(change for change, _, _ in changes))
    assert [observed for _, observed, _ in changes if observed not in text] == []
    assert text.count("\n") + 1 == len(changes)


def test_a_path_is_the_one_in_the_file_without_the_tag_of_the_kind(tmp_path: Path) -> None:
    assert re.search(r"^assets\[8\]\.power_kw \(battery-01\): missing", told(tmp_path, ("power_kw = 1000.0\n", "")))


def test_ten_thousand_meters_are_checked_in_seconds(tmp_path: Path) -> None:
    from benchmarks._night_city import DEVICE, city_toml

    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "register.toml").write_text(DEVICE)
    (tmp_path / "city.toml").write_text(city_toml(10_000, 1))
    environment = Environment(city=tmp_path / "city.toml", home=tmp_path)
    assert environment.raw
    started = time.perf_counter()
    assert len(load(environment).points) == 10_000
    assert time.perf_counter() - started < 5


TABLES = ("city", "night", "meters", "assets", "controls", "states", "accounts", "water", "imports", "limits", "zones", "links", "tariff")
KEYS = ("id", "link", "unit", "model", "series", "kind", "tank", "asset", "point", "quantity", "weights", "mapping", "columns", "region")
LEAF = st.one_of(st.integers(-2, 2), st.floats(), st.booleans(), st.sampled_from(["m", "m.energy", "electricity-meter", "tank", ""]))
NESTED = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5), max_leaves=12
)


@settings(max_examples=80, deadline=None)
@given(raw=st.dictionaries(st.sampled_from(TABLES), NESTED, max_size=6))
def test_no_shape_of_the_file_is_anything_but_a_list_of_faults(raw: dict[str, Any]) -> None:
    environment = Environment(city=DEMO / "city.toml")
    environment.__dict__["raw"] = raw
    with pytest.raises(PenstockError) as caught:
        load(environment)
    assert all(problem.subject and problem.observed and problem.allowed for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("old", "new", "observed"),
    [
        ('"161" = "Fire station"', '"9161" = "Fire station"', "water.critical.9161: no junction '9161' in the network"),
        ('dma-c = ["131"]', 'dma-c = ["1310"]', "water.zones.dma-c: no junction '1310'"),
        ('role = "storage", site = "waterworks", node = "1"', 'role = "storage", site = "waterworks", node = "131"', "node (tank-1): no tank '131'"),
        ('network = "Net3"', 'network = "city.inp"', "city.inp: no such file"),
        ('valves = "valves.csv"', 'valves = "valve.csv"', "valve.csv: no such file"),
        ('network = "Net3"', 'network = "Net33"', "network 'Net33': not in wntr's library"),
    ],
)  # fmt: skip
def test_what_the_network_does_not_have_is_told_by_the_doctor(
    old: str, new: str, observed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from city.clock import parse_utc
    from service.doctor import examine

    loaded = city(tmp_path, (old, new))
    examine(loaded.environment, parse_utc("2022-06-16T00:30+02:00"))
    assert any(line.startswith("FAULT water: ") and observed in line for line in capsys.readouterr().out.splitlines())
