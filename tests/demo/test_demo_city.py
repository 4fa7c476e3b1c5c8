"""The composed city: its data say what the texts beside them promise."""

import tomllib
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter

from carbon.accounts import Account
from carbon.targets.target import Target
from city.places import Meter, Site, Zone
from city.quality import VALID
from demo import profiles, water
from demo.headend import deliver
from demo.make import CITY, Made, make
from meters.links.link import LinkConfig
from meters.maps.registers import load_model
from meters.roads.drop import read_drop
from meters.roads.headend import read_messages
from meters.roads.mapping import Drop, Mapping
from meters.vee.quality import Limits
from networks import valves
from networks.water import Network, zones
from optimisation.assets import ASSETS

ROME = "Europe/Rome"
LIVE = pd.Timestamp("2022-06-15", tz=ROME).tz_convert("UTC")
EXCHANGED = "feeder-08.energy"
OWN_MODELS = CITY.parent / "devices"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("demo-city"))


@pytest.fixture(scope="module")
def city() -> dict:
    return tomllib.loads(CITY.read_text(encoding="utf-8"))


def table(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path).set_index("time_utc")


def history(made: Made, name: str) -> pd.DataFrame:
    return table(made.folder / "history" / f"{name}.parquet")


def test_the_extract_is_small_and_starts_at_german_midnight() -> None:
    assert profiles.EXTRACT.stat().st_size < 2_000_000
    raw = pd.read_parquet(profiles.EXTRACT)
    assert len(raw) == 366 * 96
    assert raw["time_utc"].iloc[0].tz_convert("Europe/Berlin") == pd.Timestamp("2016-01-01", tz="Europe/Berlin")
    assert raw["time_utc"].diff().dropna().eq(pd.Timedelta("15min")).all()
    assert (raw.drop(columns="time_utc").max() == profiles.SCALE).all()


def test_a_sunday_stays_a_sunday_and_the_clock_changes_together() -> None:
    """WB-H is a works that rests on Sundays: after the move its quietest weekday in Rome's calendar is still Sunday."""
    raw = pd.read_parquet(profiles.EXTRACT)
    there = pd.DatetimeIndex(raw["time_utc"]).tz_convert("Europe/Berlin")
    here = pd.DatetimeIndex(raw["time_utc"] + profiles.MOVED).tz_convert(ROME)
    assert (there.dayofweek == here.dayofweek).all()
    assert (there.hour == here.hour).all()
    assert (there.minute == here.minute).all()
    by_day = raw["WB-H"].to_numpy(dtype=float)
    assert pd.Series(by_day).groupby(here.dayofweek.to_numpy()).mean().idxmin() == 6


@pytest.mark.slow
def test_the_same_city_gives_the_same_tables_and_a_second_call_writes_nothing(made: Made, tmp_path: Path) -> None:
    again = make(tmp_path)
    for one, other in zip(made.paths, again.paths, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
    before = [path.stat().st_mtime_ns for path in again.paths]
    make(tmp_path)
    assert [path.stat().st_mtime_ns for path in again.paths] == before


@pytest.mark.slow
def test_history_ends_where_the_live_day_begins(made: Made) -> None:
    live = table(made.live)
    assert live.index[0] == LIVE
    assert live.index[-1] == pd.Timestamp("2022-06-16 02:00", tz=ROME)
    for name in ("energy", "gas", "water_sources", "pressures"):
        assert history(made, name).index[-1] == LIVE - pd.Timedelta("15min"), name
    assert history(made, "energy").index[0] == pd.Timestamp("2021-12-31", tz=ROME)
    assert history(made, "water_districts").index[-1] == LIVE - pd.Timedelta("1h")


@pytest.mark.slow
def test_registers_go_on_from_the_history(made: Made) -> None:
    """Base values are whole kWh, so what stands behind the comma at midnight is the history's sum to the Wh."""
    live, usage = table(made.live), history(made, "energy").drop(columns=EXCHANGED)
    for point in usage.columns:
        base = live[point].iloc[0] - usage[point].sum()
        assert abs(base - round(base)) < 1e-4, point
    assert (live[usage.columns].diff().iloc[1:] >= -1e-9).all(axis=None)


@pytest.mark.slow
def test_the_exchanged_meter_counts_what_flowed_through_both(made: Made, city: dict) -> None:
    """Behind CT 20 and 40 a display of whole Wh is good to 40 Wh."""
    (meter,) = (Meter.model_validate(m) for m in city["meters"] if "history" in m)
    old, new = meter.history
    live, at = table(made.live), pd.Timestamp(new.since)
    energy, power = live[EXCHANGED], live[f"{meter.id}.power"]
    before = energy.index < at
    assert energy[before].iloc[-1] < new.final["energy"]
    assert energy[~before].iloc[0] > new.first["energy"]
    counted = (new.final["energy"] - energy.iloc[0]) * 20 + (energy.iloc[-1] - new.first["energy"]) * 40
    flowed = (power * np.where(before, float(old.ct), float(new.ct))).iloc[:-1].sum() / 4
    assert counted == pytest.approx(flowed, abs=0.2)


@pytest.mark.slow
def test_register_differences_are_the_power_of_the_quarter(made: Made) -> None:
    live = table(made.live)
    for meter in ("feeder-01", "pv-02", "ps-river"):
        kwh = live[f"{meter}.energy"].diff().iloc[1:].to_numpy()
        np.testing.assert_allclose(kwh, live[f"{meter}.power"].iloc[:-1] / 4, atol=1e-3)


def test_street_lights_burn_from_dusk_to_dawn() -> None:
    """Rome, 2022-06-15: sunset 20:47, sunrise 05:34 (local); on the shortest day 16:41 and 07:34."""
    for day, dark_at, light_at in (("2022-06-15", "21:30", "05:00"), ("2022-12-21", "17:15", "07:00")):
        times = pd.DatetimeIndex([pd.Timestamp(f"{day} {clock}", tz=ROME) for clock in (dark_at, light_at, "12:00", "00:00")])
        assert (profiles.sun_elevation_deg(times.tz_convert("UTC")) < profiles.DUSK_DEG).tolist() == [True, True, False, True]


def test_the_battery_ends_each_day_as_it_began() -> None:
    times = pd.date_range(LIVE, periods=96 * 3 + 1, freq="15min")
    power = pd.Series(profiles.battery_kw(times, ROME), index=times)
    charge = profiles.battery_charge_kwh(power, LIVE)
    np.testing.assert_allclose(charge.iloc[::96], profiles.BATTERY_REST_KWH)
    assert charge.between(200, 1900).all()


def test_every_section_of_the_city_file_parses(city: dict) -> None:
    for name, noun in (
        ("zones", Zone), ("sites", Site), ("meters", Meter), ("links", LinkConfig), ("limits", Limits), ("accounts", Account),
        ("targets", Target),
    ):  # fmt: skip
        assert TypeAdapter(tuple[noun, ...]).validate_python(city[name]), name
    kinds = {asset.kind for asset in ASSETS.validate_python(city["assets"])}
    assert {
        "grid",
        "battery",
        "tank",
        "pump_station",
        "ev_fleet",
        "demand_response",
        "street_lights",
        "curtailable",
        "line",
        "chp",
        "thermal_storage",
    } <= kinds
    assert Target.model_validate(city["targets"][0]).required(2026) == Decimal("0.1410") * Decimal("0.9")


def test_names_in_the_city_file_lead_somewhere(city: dict) -> None:
    network = Network.named(city["water"]["network"])
    points = {f"{m['id']}.{r.name}" for m in city["meters"] for r in load_model(m["model"], [OWN_MODELS]).points}
    losses = {f"{zone['id']}.{what}" for zone in city["zones"] for what in ("loss", "loss_energy")}
    named = [limit["point"] for limit in city["limits"]] + [control["point"] for control in city["controls"]]
    named += [name for state in city["states"] for name in state["weights"]]
    named += [name for asset in ASSETS.validate_python(city["assets"]) for name in asset.series_needed]
    assert set(named) <= points
    assert {account["point"] for account in city["accounts"]} <= points | losses
    units = [meter["unit"] for meter in city["meters"] if "unit" in meter]
    assert len(units) == len(set(units))
    network.require("junctions", [m["node"] for m in city["meters"] if m["model"] == "pressure-sensor"], "sensors")
    network.require("junctions", city["water"]["critical"], "critical")
    limited = {limit["point"]: limit for limit in city["limits"]}
    assert all({"minimum", "maximum"} <= set(limited[control["point"]]) for control in city["controls"])


def test_zones_and_valves_are_what_their_recipes_make(city: dict) -> None:
    network = Network.named("Net3")
    shipped, made = valves.read(CITY.with_name("valves.csv"), network), valves.strategic(network, 2, seed=1)
    pd.testing.assert_frame_equal(shipped[valves.PLACE], made[valves.PLACE])
    inches = network.pipes.set_index("id")["diameter_m"][shipped["link"]].to_numpy() / 0.0254
    assert (shipped["turns"] == np.round(3 * inches + 2)).all()
    assert sorted(name for all_of in city["water"]["zones"].values() for name in all_of) == sorted(network.junctions["id"])
    recipe = zones(network, 10, weights=list(water.inflows().mean()), seed=1, every_junction=True)
    assert {j: water.NAMES[k] for j, k in recipe.items()} == {j: zone for zone, all_of in city["water"]["zones"].items() for j in all_of}


@pytest.mark.slow
def test_every_history_file_is_read_by_its_mapping(made: Made, city: dict) -> None:
    points = {f"{m['id']}.{r.name}": m.get("step_s", 900) for m in city["meters"] for r in load_model(m["model"], [OWN_MODELS]).points}
    seen = set()
    for entry in city["imports"]:
        for block in read_drop(made.folder / entry["path"], Mapping.model_validate(entry["mapping"])):
            assert {points[name] for name in block.ids} == {block.step.total_seconds()}
            seen |= set(block.ids)
    assert {name for asset in ASSETS.validate_python(city["assets"]) for name in asset.series_needed} <= seen


@pytest.mark.slow
def test_the_simulator_takes_the_specification(made: Made) -> None:
    from meters.simulated import Devices, read_spec

    spec = read_spec(made.spec)
    assert {one.meter: one.behaviour for one in spec.devices if one.behaviour != "ok"} == {
        "p-189": "dead",
        "p-161": "stuck",
        "feeder-07": "swapped_words",
    }
    unit = next(one.unit for one in spec.devices if one.meter == "tank-1")
    level = table(made.live)["tank-1.level"].iloc[0]
    assert Devices(spec).read(unit, "holding", 0, 1, int(LIVE.timestamp())) == [round(level * 1000)]


@pytest.mark.slow
def test_the_head_end_sends_a_day_of_heat_with_one_estimate(made: Made, city: dict) -> None:
    """8.9 kWh per m3 of the boiler's gas; 13:30 is the mean of its neighbours. The message begins at local midnight."""
    rows = read_messages(made.message.name, made.message.read_bytes(), Drop.model_validate(city["drops"][0]).messages)
    assert (set(rows["point_id"]), set(rows["quantity"])) == ({"heat-boiler.heat"}, {"heat_kwh"})
    assert list(rows["time_utc"]) == list(pd.date_range(LIVE, periods=96, freq="15min"))
    assert list(rows["time_utc"][rows["quality"] != VALID]) == [pd.Timestamp("2022-06-15 13:30", tz=ROME)]
    burnt = table(made.live)["gas-boiler.volume"].diff().shift(-1).loc[rows["time_utc"]].to_numpy()
    value = rows["value"].to_numpy()
    assert value[54] == pytest.approx((value[53] + value[55]) / 2, abs=0.051)
    np.testing.assert_allclose(np.delete(value, 54), np.delete(burnt, 54) * 8.9, atol=0.06)


def test_the_message_is_put_there_once(tmp_path: Path) -> None:
    """A message that was taken is not put there again; while it waits, putting it there again changes nothing."""
    message, folder = tmp_path / "day.xml", tmp_path / "head-end"
    message.write_text("<MeterReadings/>")
    deliver(message, folder)
    deliver(message, folder)
    assert [path.name for path in folder.iterdir()] == ["day.xml"]
    (folder / "done").mkdir()
    (folder / "day.xml").rename(folder / "done" / "0123-day.xml")
    deliver(message, folder)
    assert [path.name for path in folder.iterdir()] == ["done"]


@pytest.mark.slow
def test_one_totaliser_passes_its_last_digit_on_the_live_day(made: Made) -> None:
    volume = table(made.live)["dma-h.volume"]
    assert volume.iloc[0] < 1e6 < volume.iloc[-1]
