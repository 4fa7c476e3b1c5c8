"""A small city with two nights in its store, made from literal numbers through the store's own functions.

One feeder answers, one is dead since yesterday; the plan costs 900 instead of 1000 CNY; one leak of 42 m3/h on pipe 105 with
two valves to close; 3 + 1 commands wait for approval.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from argon2 import PasswordHasher

from carbon import factors
from carbon.ledger.chain import append
from carbon.ledger.post import post
from city import quality as q
from city.clock import civil_day, grid
from city.frames import Block
from city.quality import Cause
from city.quantities import Quantity
from networks.losses.iwa import Consumption, Volume, top_down
from service import schema as t
from service.alarms.refresh import refresh
from service.environment import Environment
from service.migrations import upgrade
from service.plans.commands import command
from service.settings import load
from service.store import ledger, meter_days, open_store, operations, paths, readings, results, runs, writing
from service.store.runs import StepResult

NOW = datetime(2022, 6, 16, 0, 0, tzinfo=UTC)  # 02:00 CEST
NIGHTS = (date(2022, 6, 15), date(2022, 6, 16))
PLAN = "plan-20220616-0"
LEAK, SLOW, CUT = "leak-20220615-1400-dma-a", "leak-20220606-0000-dma-a", "isolate-1"

CITY = """
accounts_file = "accounts.toml"
city = { id = "small", name = "Small city", name_zh = "小城", time_zone = "Europe/Rome", country = "IT", region = "CN-ZJ" }
sectors = [{ id = "services", gdp_10k_cny = { 2021 = 100, 2022 = 110 } }]
sites = [{ id = "town", sector = "services" }]
zones = [{ id = "dma-a", kind = "dma", name = "Old town", population = 500 }]
links = [{ id = "field", url = "tcp://127.0.0.1:15999", read_only = false }]
controls = [{ asset = "battery-01", point = "battery-01.setpoint", quantity = "power_kw" }]
accounts = [{ id = "el-1", kind = "grid-electricity", point = "feeder-01.energy", site = "town", sector = "services", region = "CN-ZJ" }]
targets = [{ id = "water-loss", measure = "water_loss", base_year = 2021, base_value = 0.25, milestones = { 2026 = 0.12 } }]

[[assets]]
id = "battery-01"
kind = "battery"
power_kw = 100.0
energy_kwh = 200.0

[[assets]]
id = "grid"
kind = "grid"
connection_kw = 1000.0
contract_kw = 480.0

[tariff]
bands = [{ name = "flat", price_per_kwh = 0.7, hours = [[0, 24]] }]

[water]
network = "Net3"
valves = "valves.csv"

[simulator]
spec = "simulator.json"
port = 15999
"""

METERS = (  # id, model, commodity, role, and what else is said of it
    ("feeder-01", "electricity-meter", "electricity", "load", 'forecast = "load"'),
    ("feeder-02", "electricity-meter", "electricity", "load", 'forecast = "load"'),
    ("dma-a", "water-meter", "water", "load", 'zone = "dma-a", forecast = "water", step_s = 3600'),
    ("p-121", "pressure-sensor", "water", "sensor", 'zone = "dma-a", node = "121"'),
    ("tank-1", "tank-level", "water", "storage", 'node = "1"'),
    ("battery-01", "battery", "electricity", "storage", "step_s = 900"),
)

VALUES = {  # point -> value [unit of its quantity] at NOW
    "feeder-01.power": 123.4,
    "dma-a.flow": 77.0,
    "p-121.pressure": 18.5,
    "tank-1.level": 4.0,
    "battery-01.charge": 150.0,
}


def build(folder: Path, passwords: dict[str, str]) -> Environment:
    """Write city.toml, accounts and the store below `folder`; returns the environment that finds them."""
    line = '{{ id = "{}", unit = {}, link = "field", site = "town", model = "{}", commodity = "{}", role = "{}", {} }},\n'
    listed = [line.format(name, i, *rest) for i, (name, *rest) in enumerate(METERS, start=1)]
    (folder / "city.toml").write_text(f"meters = [\n{''.join(listed)}]\n{CITY}", encoding="utf-8")
    (folder / "valves.csv").write_text("valve,link,node\nv001,105,105\nv002,105,101\n", encoding="utf-8")
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    lines = [f'[[accounts]]\nname = "{name}"\nrole = "{name}"\nhash = "{cheap.hash(word)}"\n' for name, word in passwords.items()]
    (folder / "accounts.toml").write_text("\n".join(lines), encoding="utf-8")
    (folder / "reports" / "2022-06").mkdir(parents=True)
    (folder / "reports" / "2022-06" / "statement.csv").write_text("site,t_co2\ntown,1.0\n", encoding="utf-8")
    environment = Environment(city=folder / "city.toml", home=folder)
    city = load(environment)
    engine = open_store(environment.url, create=True)
    upgrade(engine)
    key_of = readings.register_points(engine, list(city.points.values()))
    _live(engine, key_of, city)
    _vectors(engine, key_of, city)
    _night(engine)
    _plan(engine)
    _water(engine)
    _books(engine, city)
    refresh(engine, city, NOW)
    engine.dispose()
    return environment


def _live(engine, key_of, city) -> None:
    """24 h of quarters up to NOW; feeder-02 answers nothing."""
    times = [NOW - timedelta(minutes=15 * i) for i in range(96, -1, -1)]
    rows = []
    for i, time in enumerate(times):
        for name, value in VALUES.items():
            rows.append((name, time, value - 0.1 * (96 - i), q.VALID))
        rows.append(("feeder-02.power", time, np.nan, q.missing(Cause.TIMEOUT)))
    frame = pd.DataFrame(rows, columns=["point_id", "time_utc", "value", "quality"])
    frame = frame.assign(quantity=[str(city.points[name].quantity) for name in frame["point_id"]], received_at_utc=frame["time_utc"])
    for name in ("time_utc", "received_at_utc"):
        frame[name] = frame[name].astype("datetime64[us, UTC]")
    readings.store_batch(engine, "batch-1", frame, key_of)
    runs.beat(engine, "poll", NOW)


def _vectors(engine, key_of, city) -> None:
    day = civil_day(date(2022, 6, 14), "Europe/Rome")
    quality = np.full((1, 96), q.VALID, dtype=np.uint16)
    energy = Block(("feeder-01.energy",), day[0], timedelta(minutes=15), Quantity.ENERGY_KWH, np.full((1, 96), 25_000), quality)
    stuck = quality.copy()
    stuck[:, 48:] = q.questionable(Cause.FLAT)
    pressure = Block(("p-121.pressure",), day[0], timedelta(minutes=15), Quantity.PRESSURE_M, np.full((1, 96), 18_500), stuck)
    with writing(engine) as connection:
        for block in (energy, pressure):
            meter_days.store(connection, block, [day], key_of, "test")


def _night(engine) -> None:
    for night in NIGHTS:
        run_id = runs.start_run(engine, "small", night, "night", NOW, "c0ffee" * 8)
        with writing(engine) as connection:
            runs.finish_step(connection, "small", night, "validate", 1.25, StepResult(f"validated the night of {night}"))
        runs.end_run(engine, run_id, "done", {})
    times = grid(NOW - timedelta(hours=2), 8, timedelta(minutes=15))
    frame = pd.DataFrame({"series_id": "feeder-01.energy", "time_utc": times, "made_at_utc": NOW, "quantity": "energy_kwh"})
    frame = frame.assign(p10=20.0, p50=30.0, p90=40.0, model="boosted")
    ladder = pd.DataFrame({"series_id": ["feeder-01.energy"], "model": ["boosted"], "reason": ["400 days of history"]})
    with writing(engine) as connection:
        results.store_forecast(connection, NIGHTS[-1], frame, ladder, 900)
        why = {"en": "Peak at 17:00, 9 % above the last four days like it.", "zh": "峰值 17:00，比最近四个同类日高 9 %。", "value": 40.0}
        connection.execute(t.forecast.update().where(t.forecast.c.night == NIGHTS[-1]).values(why=why))
        day = {"day": NIGHTS[-1], "start_utc": NOW, "at_utc": NOW + timedelta(hours=17), "step_s": 900, "quantity": "power_kw"}
        feeder = {"series_id": "feeder-01.energy", "p10": 440.0, "p50": 470.0, "p90": 510.0, "limit": 500.0, "probability": 0.23}
        whole = {"series_id": "whole", "p10": 900.0, "p50": 955.0, "p90": 990.0, "limit": None, "probability": None}
        paths.store_peaks(connection, NIGHTS[-1], [{"night": NIGHTS[-1], **day, **row, "by_step": None} for row in (feeder, whole)])


def _plan(engine) -> None:
    times = grid(NOW + timedelta(hours=1), 4, timedelta(minutes=15))
    values = pd.concat(
        pd.DataFrame({"plan_id": PLAN, "scenario": s, "asset_id": "battery-01", "time_utc": times, "quantity": "power_kw", "value": v})
        for s, v in (("plan", [50.0, 50.0, -20.0, 0.0]), ("baseline", [0.0] * 4))
    )
    prices = pd.DataFrame({"plan_id": PLAN, "balance_id": "power", "time_utc": times, "currency_per_unit": [0.7, 0.8, 0.9, 0.7]})
    with writing(engine) as connection:
        connection.execute(
            t.plan.insert().values(
                plan_id=PLAN, night=NIGHTS[-1], made_at_utc=NOW, start_utc=times[0].to_pydatetime(), step_s=900, steps=4, status="optimal",
                cost=900.0, baseline_cost=1000.0, co2_kg=2000.0, baseline_co2_kg=2500.0,
                detail={"peak_kw": 321.0, "baseline_peak_kw": 400.0, "binding": ["The connection carries its most at 03:15."]},
            )
        )  # fmt: skip
        results.store_plan(connection, PLAN, values, prices)
        connection.execute(
            t.breach.insert().values(plan_id=PLAN, ordinal=0, asset_id="battery-01", sentence="battery-01 ends 12 kWh short.", detail={})
        )
        made = [
            command(PLAN, "battery-01.setpoint", "command_kw", power, NOW + timedelta(hours=1, minutes=15 * i), NOW + timedelta(hours=3))
            for i, power in enumerate((50.0, -20.0, 0.0))
        ]
        connection.execute(t.command.insert(), made)


def _water(engine) -> None:
    case = {
        "case_id": LEAK, "night": NIGHTS[-1], "start_utc": NOW - timedelta(hours=10), "seen_utc": NOW - timedelta(hours=9),
        "zone_id": "dma-a", "pipe": "105", "flow_m3_per_h": 42.0, "state": "open", "leak_id": "1", "kind": "burst",
        "sentence": "Inflow of dma-a is 42 m3/h above its pattern.",
        "candidates": [{"pipe": "105", "posterior": 0.75}, {"pipe": "107", "posterior": 0.25}],
    }  # fmt: skip
    slow = case | {
        "case_id": SLOW, "leak_id": "2", "kind": "slow", "pipe": "107", "flow_m3_per_h": 6.0, "flow_sd_m3_per_h": 1.5,
        "start_utc": NOW - timedelta(days=10), "sized_utc": NOW, "worth": "It costs 115 CNY a day.",
        "candidates": [{"pipe": "107", "posterior": 0.6}, {"pipe": "105", "posterior": 0.4}],
    }  # fmt: skip
    fault = {
        "sensor": "p-197.pressure", "kind": "drift", "since_utc": NOW - timedelta(days=5), "size": -0.12, "state": "open",
        "sentence": "p-197.pressure drifts.", "seen_utc": NOW - timedelta(days=3), "over_utc": None,
    }  # fmt: skip
    cut = {
        "isolation_id": CUT, "case_id": LEAK, "pipe": "105", "customers": 314, "demand_m3_per_h": 6.5, "proved": True,
        "sentence": "Close v001, v002 to isolate pipe 105.",
        "detail": {"valves": ["v001", "v002"], "spare": [], "next_ring": {"v001": ["v002"]}, "critical": {"105": "Hospital"},
                   "nodes_cut": ["105"], "unintended": [], "proof": "EPANET: the burst is dry.", "below_service": []},
    }  # fmt: skip
    with writing(engine) as connection:
        connection.execute(t.leak_case.insert().values(**case))
        connection.execute(t.leak_case.insert().values(**slow))
        connection.execute(t.sensor_fault.insert().values(**fault))
        connection.execute(t.isolation.insert().values(**cut))
        connection.execute(t.command.insert(), [command(CUT, "valves.v001", "opening", 0.0, NOW, NOW + timedelta(days=1))])
        connection.execute(
            t.water_balance.insert().values(zone_id="dma-a", day=date(2022, 6, 14), inflow_m3=1000.0, loss_m3=250.0, quality=q.VALID)
        )
        connection.execute(t.loss_month.insert(), [_losses(zone) for zone in ("", "dma-a")])
        connection.execute(
            t.target_progress.insert().values(
                night=NIGHTS[-1],
                target_id="water-loss",
                required=0.224,
                actual=0.25,
                on_path=False,
                sentence="To 12.0 % in 2026.",
                detail={},
            )
        )
    operations.ask(engine, "replan", "planner", NOW, {})


def _books(engine, city) -> None:
    """One day of 96 x 25 kWh at feeder-01: 2400 kWh."""
    start = civil_day(date(2022, 6, 14), "Europe/Rome")[0]
    times = grid(start, 96, timedelta(minutes=15))
    usage = pd.DataFrame(
        {"point_id": "feeder-01.energy", "period_start_utc": times, "period_end_utc": times + pd.Timedelta(minutes=15), "amount": 25_000}
    ).assign(quantity="energy_kwh", quality=q.VALID, version=0)
    batch = post(usage, city.settings.accounts, city.settings.sites, factors.load(), NOW, zone="Europe/Rome")
    header = append(batch, city.folder / ledger.FOLDER)
    with writing(engine) as connection:
        ledger.add(connection, header, [date(2022, 6, 14)], None)


def _losses(zone: str) -> dict[str, object]:
    """30 000 m3 came in May, 20 000 were billed: 25 % real losses, +- 300 m3, promised 22 % in the city."""
    balance = top_down(Volume.of(30_000, 0.01), Consumption(Volume.of(20_000), unbilled_unmetered=Volume.of(1966.837)))
    tracked = {"target": "25-to-12", "zone": None, "month": "2022-05", "observed": 0.25, "low": 0.2336, "high": 0.2664}
    tracked |= {"required": 0.22, "state": "behind"}
    detail = {
        "balance": [[line.level, line.component, line.volume.ml, line.volume.limit_m3] for line in balance.lines()],
        "by_bills": True,
        "alone": {},
        "targets": [] if zone else [tracked],
        "infrastructure": {"mains_km": 10.0, "connections": 2000.0, "pressure_m": 40.0, "service_pipe_km": 0.0, "limit": 0.1}
        if zone
        else None,
    }
    volumes = {"inflow_m3": 30_000.0, "loss_m3": 7500.0, "loss_sd_m3": 300.0}
    return {"zone_id": zone, "month": "2022-05", "hours": 744, "detail": detail} | volumes
