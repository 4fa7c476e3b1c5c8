"""Plans and measures against a store whose readings are literal numbers."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from city.problems import PenstockError
from service import schema as t
from service.environment import Environment
from service.plans import signals
from service.savings.nights import _signs, nights
from service.settings import LoadedCity, load
from service.store import open_store, results, writing
from tests.town import HEAD, PARTS, Town

START = datetime(2022, 6, 14, 22, tzinfo=UTC)  # midnight in Rome, 15 June
NIGHT = date(2022, 6, 15)
STORE = '  { id = "store", unit = 9, link = "field", site = "here", model = "battery", commodity = "electricity", role = "storage" },\n]\n'
BATTERY = (
    '[[assets]]\nid = "store"\nkind = "battery"\npower_kw = 20.0\nenergy_kwh = 40.0\ncharge_efficiency = 1.0\ndischarge_efficiency = 1.0\n'
)
CONTROL = '[[controls]]\nasset = "store"\npoint = "store.setpoint"\nquantity = "power_kw"\n'
QUARTERS = 96


def _city(folder: Path, carbon: str) -> Town:
    head = HEAD.rstrip().removesuffix("]") + STORE
    parts = PARTS | {"assets": PARTS["assets"] + BATTERY, "controls": PARTS["controls"] + CONTROL, "carbon": carbon}
    return Town(folder, days=3, head=head, parts=parts)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Three days; on the last the battery takes 2 kWh in each quarter from 0:00 to 4:00 and gives 1.5 back from 18:00 to 22:00."""
    made = _city(tmp_path / "town", '[carbon]\nmarginal_file = "marginal.csv"\n').write()
    power = pd.read_csv(made.folder / "power.csv", parse_dates=["time"])
    hour = (power["time"] - pd.Timestamp(START)) / pd.Timedelta(hours=1)
    power["store.energy_in"] = np.where((hour >= 0) & (hour < 4), 2.0, 0.0)
    power["store.energy_out"] = np.where((hour >= 18) & (hour < 22), 1.5, 0.0)
    power.to_csv(made.folder / "power.csv", index=False)
    times = pd.date_range(START, periods=24, freq="h")
    dirty = np.where(np.arange(24) < 6, 0.3, 0.9)
    pd.DataFrame({"time_utc": times, "kg_co2e_per_kwh": dirty}).to_csv(made.folder / "marginal.csv", index=False)
    assert made.penstock("init").code == 0
    assert made.penstock("import").code == 0
    return made


def opened(town: Town) -> tuple[Engine, LoadedCity]:
    return open_store(town.database), load(Environment(city=town.file, home=town.folder))


def plan(engine: Engine, plan_id: str, start: datetime = START, approved: datetime | None = START, **quantities: Any) -> None:
    """A plan of a day with its approval; `quantities` are asset__quantity = (plan, baseline), one value or one per quarter."""
    frames = [
        pd.DataFrame(
            {
                "scenario": scenario,
                "asset_id": name.split("__")[0],
                "quantity": name.split("__")[1],
                "time_utc": pd.date_range(start, periods=QUARTERS, freq="15min"),
                "value": np.broadcast_to(np.asarray(values, float), QUARTERS),
            }
        )
        for name, pair in quantities.items()
        for scenario, values in zip(("plan", "baseline"), pair, strict=True)
    ]
    prices = pd.DataFrame({"balance_id": [], "time_utc": [], "currency_per_unit": []})
    with writing(engine) as connection:
        connection.execute(
            t.plan.insert().values(
                plan_id=plan_id, night=NIGHT, made_at_utc=start, start_utc=start, step_s=900, steps=QUARTERS, status="optimal", detail={}
            )
        )
        results.store_plan(connection, plan_id, pd.concat(frames), prices)
        if approved is not None:
            row = {"plan_id": plan_id, "at_utc": approved, "who": "ada", "reason": "", "commands": 3}
            connection.execute(t.approval.insert().values(**row))


def shifted(charge_kw: float, give_kw: float) -> np.ndarray:
    """Discharge positive: charging from 0:00 to 4:00, giving back from 18:00 to 22:00."""
    hour = np.arange(QUARTERS) / 4
    return np.where(hour < 4, -charge_kw, 0.0) + np.where((hour >= 18) & (hour < 22), give_kw, 0.0)


def test_a_battery_night_by_hand(town):
    """Charged 32 kWh at night, gave 24 back: 8 kWh more. A kWh costs 0.3 at night and 0.8 by day, and weighs 0.3 and 0.9 kg."""
    engine, city = opened(town)
    plan(engine, "plan-20220615-0", store__power_kw=(shifted(8, 8), 0), store__charge_kwh=(10, 10))
    made = nights(engine, city, NIGHT, NIGHT)
    row = made.frame.set_index("asset_id").loc["store"]
    assert row[["baseline_kwh", "planned_kwh", "metered_kwh", "saved_kwh"]].tolist() == pytest.approx([0, 0, 8, -8], abs=1e-4)
    assert row["saved_cost"] == pytest.approx(24 * 0.8 - 32 * 0.3, abs=1e-4)
    assert row["saved_kg"] == pytest.approx(24 * 0.9 - 32 * 0.3, abs=1e-4)
    assert (row["low_kg"], row["high_kg"]) == (row["saved_kg"], row["saved_kg"])  # nothing forecast: the baseline is known
    assert made.avoided.kg == pytest.approx(12.0, abs=1e-4)
    assert made.avoided.signal == "marginal.csv"
    assert made.sentence.startswith("1 nights: -8 kWh saved (-8 to -8), +10 CNY")


def test_what_stays_in_the_battery_is_credited(town):
    engine, city = opened(town)
    plan(engine, "plan-20220615-0", store__power_kw=(shifted(8, 6), 0), store__charge_kwh=(18, 10))
    row = nights(engine, city, NIGHT, NIGHT).frame.iloc[0]
    assert row["stored_kwh"] == 8
    assert row["saved_kwh"] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(("role", "plain"), [("storage", 1.0), ("generation", -1.0), ("load", 1.0)])
def test_the_name_of_an_energy_register_says_which_way_it_counts(role, plain):
    names = ("energy", "energy_in", "energy_import", "energy_out", "energy_export")
    points = {f"m.{name}": SimpleNamespace(id=f"m.{name}", meter="m", stored="energy_kwh") for name in names}
    city = SimpleNamespace(points=points, meter={"m": SimpleNamespace(role=role)})
    assert list(_signs(city, "m").values()) == [plain, 1.0, 1.0, -1.0, -1.0]


def test_a_battery_that_did_nothing_has_saved_nothing(town):
    """The plan ends 8 kWh above its baseline, and the meter never moved: what was only planned is no saving."""
    engine, city = opened(town)
    day = START - timedelta(days=1)  # the battery stands still on that day
    plan(engine, "plan-20220614-0", start=day, approved=day, store__power_kw=(shifted(8, 6), 0), store__charge_kwh=(18, 10))
    row = nights(engine, city, NIGHT, NIGHT).frame.iloc[0]
    assert row[["metered_kwh", "stored_kwh", "saved_kwh", "saved_cost"]].tolist() == pytest.approx([0, 0, 0, 0], abs=1e-4)


def test_what_a_plan_stored_before_it_was_in_force_is_not_credited(town):
    """Approved at noon: the fleet's charging of the morning, 6 kWh, was nobody's; the 2 kWh owed from 18:00 on are taken off."""
    engine, city = opened(town)
    hour = np.arange(QUARTERS) / 4
    owed = np.where(hour >= 18, 6.0, 4.0)
    noon = START + timedelta(hours=12)
    plan(engine, "plan-20220615-0", approved=noon, sun__power_kw=(0, 0), sun__owed_kwh=(owed, 10))
    row = nights(engine, city, NIGHT, NIGHT).frame.set_index("asset_id").loc["sun"]
    assert row["stored_kwh"] == pytest.approx(-2)


def test_a_later_replan_ends_every_plan_before_it(town):
    """Tomorrow's plan is approved in the evening, then today is planned anew: no step counts twice."""
    engine, city = opened(town)
    flat = {"store__power_kw": (0, 0)}
    plan(engine, "plan-20220615-0", **flat)
    plan(engine, "plan-20220615-1", start=START + timedelta(hours=20), approved=START + timedelta(hours=2), **flat)
    plan(engine, "plan-20220615-2", start=START + timedelta(hours=6), approved=START + timedelta(hours=6), **flat)
    frame = nights(engine, city, NIGHT, NIGHT).frame.set_index("plan_id")
    assert frame["steps"].to_dict() == {"plan-20220615-0": 24, "plan-20220615-2": 72}


def test_a_baseline_that_rests_on_a_forecast_has_a_range(town):
    """The roof gave what it gave: 2 kW curtailed of a forecast 20 kW. Plan says 48 kWh more drawn; the meter tells the weather as well."""
    engine, city = opened(town)
    plan(engine, "plan-20220615-0", sun__power_kw=(18, 20))
    row = nights(engine, city, NIGHT, NIGHT).frame.set_index("asset_id").loc["sun"]
    gave = pd.read_csv(town.folder / "power.csv", parse_dates=["time"]).set_index("time")["sun.energy"][pd.Timestamp(START) :].sum()
    assert row["metered_kwh"] == pytest.approx(-gave, abs=1e-3)
    assert row["planned_kwh"] - row["baseline_kwh"] == pytest.approx(48)
    ends = sorted([-48, gave - 20 * 24])
    assert [row["low_kwh"], row["high_kwh"]] == pytest.approx(ends, abs=1e-3)


def test_a_plan_that_follows_ends_the_one_before_and_unapproved_ones_do_not_count(town):
    engine, city = opened(town)
    flat = {"store__power_kw": (0, 0), "sun__power_kw": (0, 0)}
    plan(engine, "plan-20220615-0", **flat)
    plan(engine, "plan-20220615-1", start=START + timedelta(hours=6), approved=START + timedelta(hours=6, minutes=10), **flat)
    plan(engine, "plan-20220615-2", start=START + timedelta(hours=1), approved=None, **flat)
    frame = nights(engine, city, NIGHT, NIGHT).frame
    battery = frame[frame["asset_id"] == "store"].set_index("plan_id")
    assert battery["steps"].to_dict() == {"plan-20220615-0": 25, "plan-20220615-1": 71}  # 6:10 is rounded up; the day ends at 24:00
    assert battery["metered_kwh"].sum() == pytest.approx(8, abs=1e-4)


def test_steps_without_a_reading_count_nowhere_and_are_told(tmp_path, town):
    power = pd.read_csv(town.folder / "power.csv", parse_dates=["time"])
    power.loc[power["time"].between(pd.Timestamp(START), pd.Timestamp(START) + pd.Timedelta("59min")), "store.energy_in"] = np.nan
    other = replace(town, folder=tmp_path / "gaps")
    other.write()
    power.to_csv(other.folder / "power.csv", index=False)
    (other.folder / "marginal.csv").write_text((town.folder / "marginal.csv").read_text())
    for word in ("init", "import"):
        assert other.penstock(word).code == 0
    engine, city = opened(other)
    plan(engine, "plan-20220615-0", store__power_kw=(shifted(8, 8), 0))
    made = nights(engine, city, NIGHT, NIGHT)
    row = made.frame.iloc[0]
    assert (row["steps"], row["missing"]) == (92, 4)
    assert row["metered_kwh"] == pytest.approx(0, abs=1e-4)  # 24 in, 24 out
    assert "4.2% of the steps have no reading" in made.sentence


def test_without_a_marginal_signal_nothing_is_avoided_and_money_still_counts(tmp_path, town):
    town.file.write_text(town.file.read_text().replace('marginal_file = "marginal.csv"', ""))
    engine, city = opened(town)
    plan(engine, "plan-20220615-0", store__power_kw=(shifted(8, 8), 0))
    made = nights(engine, city, NIGHT, NIGHT)
    assert made.avoided is None
    assert made.frame["saved_kg"].isna().all()
    assert made.frame["saved_cost"].iloc[0] == pytest.approx(24 * 0.8 - 32 * 0.3, abs=1e-4)
    assert "average factors are for inventories only" in made.sentence
    with pytest.raises(PenstockError, match="no \\[carbon\\] marginal_file"):
        signals.marginal(city, pd.date_range(START, periods=2, freq="h"))


def test_a_signal_with_holes_leaves_those_plans_out_and_says_so(town):
    table = pd.read_csv(town.folder / "marginal.csv")
    table.drop(index=20).to_csv(town.folder / "marginal.csv", index=False)
    engine, city = opened(town)
    plan(engine, "plan-20220615-0", store__power_kw=(shifted(8, 8), 0))
    made = nights(engine, city, NIGHT, NIGHT)
    assert made.avoided is None
    assert "marginal.csv lacks steps of 1 of 1 rows: their kg CO2e are left out" in made.sentence


def test_money_without_a_price_is_left_out_and_told(town, monkeypatch):
    monkeypatch.setattr(signals, "import_price", lambda _, times, __: (np.full(len(times), np.nan), []))
    engine, city = opened(town)
    plan(engine, "plan-20220615-0", store__power_kw=(shifted(8, 8), 0))
    assert "The tariff has no price for steps of 1 of 1 rows: their money is left out." in nights(engine, city, NIGHT, NIGHT).sentence


def test_nights_without_a_plan_say_so(town):
    engine, city = opened(town)
    assert nights(engine, city, NIGHT, NIGHT).sentence == "No approved plan of these nights has readings yet."
    assert nights(engine, city, NIGHT, NIGHT).nights.empty
