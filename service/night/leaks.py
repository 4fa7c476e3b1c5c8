"""The water of the last day: losses by the night flow, bursts in pressures and inflows, the valves around each, and the proof."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from sqlalchemy import Connection, delete, select

from city.clock import QUARTER, civil_day, floor, grid, local_date
from city.frames import Block
from city.problems import PenstockError, Problem
from networks import leaks, locate, proof
from networks.balance import night_losses
from networks.baseline import Baseline, on_grid
from optimisation.isolation import IsolationPlan, plan_isolation
from service import schema as t
from service.night import Night, Output
from service.night.validate import as_block
from service.planning import command
from service.store import readings
from service.store.results import replace_rows
from service.store.runs import StepResult
from service.water import WaterCity, water_city

HISTORY_DAYS = 70  # of inflow for the hour-of-week medians, and of pressure for the regression
CANDIDATES = 12  # pipes kept of the posterior


def compute(night: Night) -> Output:
    """Balance of every unbalanced day; bursts of the live day with an isolation plan each, proved twice."""
    side = water_city(night.city)
    if side is None:
        return Output(StepResult("no [water] in city.toml"))
    balance = _balance(night, side)
    problems: list[Problem] = []
    try:
        cases = _cases(night, side)
    except PenstockError as error:
        cases, problems = [], list(error.problems)

    def write(connection: Connection) -> None:
        if balance:
            connection.execute(readings.ignore_duplicates(connection, t.water_balance), balance)
        ids = [case["case_id"] for case, _, _ in cases]
        connection.execute(delete(t.command).where(t.command.c.plan_id.in_([plan["isolation_id"] for _, plan, _ in cases])))
        connection.execute(delete(t.isolation).where(t.isolation.c.case_id.in_(ids)))
        replace_rows(connection, t.leak_case, t.leak_case.c.case_id.in_(ids), [case for case, _, _ in cases])
        for _, plan, commands in cases:
            connection.execute(t.isolation.insert(), [plan])
            if commands:
                connection.execute(t.command.insert(), commands)

    problems += [Problem(f"leak {case['case_id']}", case["sentence"], "no leak", plan["sentence"]) for case, plan, _ in cases]
    last = [row for row in balance if row["loss_m3"] is not None and row["day"] == night.date - timedelta(days=1)]
    lost, came = (sum(row[name] for row in last) for name in ("loss_m3", "inflow_m3"))
    told = f"{len(cases)} burst{'s' * (len(cases) != 1)} found" + (
        f"; real losses {100 * lost / came:.0f} % of inflow on the last day" if came else ""
    )
    return Output(
        StepResult(told, {"cases": [case["case_id"] for case, _, _ in cases], "loss_m3": lost, "inflow_m3": came}, problems), write
    )


def _balance(night: Night, side: WaterCity) -> list[dict[str, Any]]:
    points = [night.city.points[name] for name in side.dma_points("volume_register_m3")]
    if not points or not side.people:
        return []
    zone = night.city.settings.city.time_zone
    with night.engine.connect() as connection:
        last = connection.execute(select(t.water_balance.c.day).order_by(t.water_balance.c.day.desc()).limit(1)).scalar()
    first = readings.first_day(night.engine)
    if first is None:
        return []
    start = civil_day(last + timedelta(days=1), zone)[0] if last else first
    if start >= night.today:
        return []
    inflow = _renamed(readings.days(night.engine, points, start, night.today), side.dma_points("volume_register_m3"))
    table = night_losses(inflow, people=side.people, zone=zone, night_use_l_per_person_h=side.water.night_use_l_per_person_h)
    return [
        {
            "zone_id": row.dma,
            "day": row.date,
            "inflow_m3": float(row.inflow_m3),
            "loss_m3": None if np.isnan(row.loss_m3) else float(row.loss_m3),
            "quality": int(row.quality),
        }
        for row in table.itertuples()
    ]


def _renamed(block: Block, names: Mapping[str, str]) -> Block:
    return replace(block, ids=tuple(names[name] for name in block.ids))


Case = tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]


def _cases(night: Night, side: WaterCity) -> list[Case]:
    """Bursts between the day before's midnight and now, by hot readings against a baseline of the weeks before."""
    zone = night.city.settings.city.time_zone
    day = local_date(night.today - timedelta(hours=1), zone)
    live_start, end = civil_day(day, zone)[0], floor(night.now_utc, QUARTER) + QUARTER
    first = readings.first_day(night.engine)
    if first is None or first >= live_start or not side.sensors:
        return []
    old = max(first, civil_day(day - timedelta(days=HISTORY_DAYS), zone)[0])
    volume = _history(night, side.dma_points("volume_register_m3"), old, live_start)
    pressure, level, running = (_history(night, names, old, live_start) for names in (side.sensors, side.tanks, side.pumps))
    baseline = Baseline.fit(pressure, volume, level=level, running=running, zone=zone)
    live = {
        name: _live(night, names, live_start, end)
        for name, names in (
            ("pressure", side.sensors),
            ("flow", side.dma_points("flow_m3_per_h")),
            ("level", side.tanks),
            ("running", side.pumps),
        )
    }
    events = leaks.detect(live["pressure"], live["flow"], baseline, level=live["level"], running=live["running"])
    return [_case(night, side, event, live) for event in leaks.active(events, night.now_utc)]


def _history(night: Night, names: Mapping[str, str], start: datetime, end: datetime) -> Block:
    return _renamed(readings.days(night.engine, [night.city.points[name] for name in names], start, end), names)


def _live(night: Night, names: Mapping[str, str], start: datetime, end: datetime) -> Block:
    points = [night.city.points[name] for name in names]
    frame = readings.hot(night.engine, list(names), start, end)
    return _renamed(as_block(frame, points, start, end, QUARTER, night.city.validation_limits), names)


def _case(night: Night, side: WaterCity, event: leaks.LeakEvent, live: Mapping[str, Block]) -> Case:
    times = grid(event.start_utc, int((min(event.end_utc, night.now_utc) - event.start_utc) / QUARTER), QUARTER)
    flow = pd.DataFrame(on_grid(live["flow"], live["flow"].ids, times), index=times, columns=live["flow"].ids)
    flow[event.dma] = (flow[event.dma] - event.size_m3_per_h).clip(lower=0.0)
    demand = locate.spread_demand(side.network, flow.ffill().bfill().fillna(0.0), side.dma_of)
    level, running = (pd.DataFrame(on_grid(live[n], live[n].ids, times), index=times, columns=live[n].ids) for n in ("level", "running"))
    sensors = {name: name for name in side.sensors.values()}
    matrix = locate.sensitivities(side.network, sensors, event.size_m3_per_h, demand, level_m=level, running=running)
    posterior = locate.locate(event, side.network, matrix, dma_of=side.dma_of)
    pipe = str(posterior["pipe"].iloc[0])
    case_id = f"leak-{event.detected_utc:%Y%m%d-%H%M}-{event.dma}"
    plan = plan_isolation(
        side.network, side.valves, pipe, customers_per_node=side.customers, critical=side.water.critical, stuck=side.water.stuck_valves
    )
    isolation, commands = _isolation(night, side, case_id, plan, demand.iloc[-1], level.iloc[-1], running.iloc[-1])
    case = {
        "case_id": case_id,
        "night": night.date,
        "start_utc": event.start_utc,
        "seen_utc": event.detected_utc,
        "zone_id": event.dma,
        "pipe": pipe,
        "flow_m3_per_h": event.size_m3_per_h,
        "state": "open",
        "sentence": _said(event, posterior, night.city.settings.city.time_zone),
        "candidates": posterior.head(CANDIDATES).to_dict("records"),
    }
    return case, isolation, commands


def _said(event: leaks.LeakEvent, posterior: pd.DataFrame, zone: str) -> str:
    """The case in words, with local times; its place is an area as long as no pipe stands out."""
    since, seen = (f"{time.astimezone(ZoneInfo(zone)):%H:%M on %Y-%m-%d}" for time in (event.start_utc, event.detected_utc))
    first = posterior.iloc[0]
    near = ", ".join(posterior["pipe"].iloc[1:4])
    return (
        f"{event.dma} takes {event.size_m3_per_h:.0f} m3/h more than usual since {since}, noticed at {seen}."
        f" Most likely pipe {first['pipe']} ({100 * first['posterior']:.0f} %), then {near}."
    )


def _isolation(
    night: Night, side: WaterCity, case_id: str, plan: IsolationPlan, demand: pd.Series, level: pd.Series, running: pd.Series
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    dry = proof.prove_dry(side.network, side.valves, plan.valves_to_close, plan.pipe)
    pressure = proof.service_pressure(
        side.network,
        side.valves,
        plan.valves_to_close,
        dry,
        demand.to_dict(),
        level_m=level.dropna().to_dict(),
        pump_running={pump: int(on) for pump, on in running.dropna().items()},
        service_m=side.water.service_pressure_m,
    )
    below = pressure[pressure["state"] == "below_service"]
    newly = below[below["pressure_before_m"] >= side.water.service_pressure_m]
    told = dry.sentence + (
        f" EPANET: {len(newly)} more nodes fall below {side.water.service_pressure_m:.0f} m ({', '.join(newly['node'].head(6))})."
        if len(newly)
        else f" EPANET: nobody else falls below {side.water.service_pressure_m:.0f} m."
    )
    isolation_id = f"isolate-{hashlib.sha256('|'.join((case_id, *plan.valves_to_close)).encode()).hexdigest()[:10]}"
    row = {
        "isolation_id": isolation_id,
        "case_id": case_id,
        "pipe": plan.pipe,
        "customers": round(plan.customers),
        "demand_m3_per_h": plan.demand_m3_per_h,
        "proved": dry.dry and plan.isolates,
        "sentence": plan.sentence,
        "detail": {
            "valves": list(plan.valves_to_close),
            "spare": list(plan.valves_to_spare),
            "next_ring": {valve: list(ring) for valve, ring in plan.next_ring.items()},
            "critical": plan.critical,
            "nodes_cut": list(plan.nodes_cut),
            "unintended": list(plan.unintended),
            "proof": told,
            "below_service": newly[["node", "pressure_before_m", "pressure_m"]].to_dict("records"),
        },
    }
    return row, _valve_commands(night, side, isolation_id, plan.valves_to_close)


def _valve_commands(night: Night, side: WaterCity, isolation_id: str, valves: Sequence[str]) -> list[dict[str, Any]]:
    """Close each valve, within the next day; a valve without a point on the panel is turned by hand."""
    panel = side.water.valve_panel
    points = {valve: f"{panel}.{valve}" for valve in valves}
    until = night.now_utc + timedelta(days=1)
    return [command(isolation_id, point, "opening", 0.0, night.now_utc, until) for point in points.values() if point in night.city.points]
