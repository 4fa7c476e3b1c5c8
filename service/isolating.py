"""The isolation plan of a burst: which valves, who loses water, two proofs at the busiest quarter-hour, and the commands."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from city.frames import Block
from city.problems import fault
from city.quantities import Quantity
from networks import proof
from networks.zones import spread_demand
from optimisation.isolation import plan_isolation, verified
from service import four_eyes, valve_states, valve_work
from service import schema as t
from service.night import Night
from service.store import results
from service.valve_work import NOT_BEGUN, Begun
from service.water import WaterCity


@dataclass(frozen=True)
class LiveDay:
    """The live day as the network model wants it, the burst taken off its district: [t, junctions], [t, tanks], [t, pumps]."""

    demand: pd.DataFrame
    level: pd.DataFrame
    running: pd.DataFrame

    def busiest(self) -> tuple[dict[str, float], dict[str, float], dict[str, int]]:
        """Demand, tank levels and pump states of the quarter-hour with the highest demand whose levels and pumps are known."""
        known = self.level.notna().all(axis=1) & self.running.notna().all(axis=1)
        if not known.any():
            raise fault("isolation", "no moment with all tank levels and pump states", "one in the last day", "Check those meters.")
        at = self.demand[known].sum(axis=1).idxmax()
        running = {str(pump): int(on > 0.5) for pump, on in self.running.loc[at].items()}
        return self.demand.loc[at].to_dict(), self.level.loc[at].to_dict(), running


def live_day(side: WaterCity, live: Mapping[str, Block], leaks: Sequence[tuple[datetime, str, float]]) -> LiveDay:
    """The day of the Blocks flow (by district), level and running; `leaks` are those that run: start, district, m3/h."""
    times = live["flow"].times
    frames = {name: pd.DataFrame(block.unit_values().T, index=times, columns=block.ids) for name, block in live.items()}
    flow = frames["flow"].copy()
    for start, zone, size_m3_per_h in leaks:
        flow.loc[times >= pd.Timestamp(start), zone] -= size_m3_per_h
    demand = spread_demand(side.network, flow.clip(lower=0.0).ffill().bfill().fillna(0.0), side.dma_of)
    return LiveDay(demand, frames["level"], frames["running"])


def isolate(
    night: Night, side: WaterCity, case_id: str, pipe: str, size_m3_per_h: float, day: LiveDay, begun: Begun = NOT_BEGUN
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The isolation plan of a pipe with its two proofs at the busiest quarter-hour, its schedule, and the commands of its motors.

    `begun` says what of an isolation that is under way is done: its closed valves stay closed, its crews go on from where they are.
    """
    demand, level, running = day.busiest()
    table = valve_states.applied(night.engine, side.valves)
    valves = table.assign(state=table["state"].where(~table["valve"].isin(begun.closed), "closed"))
    plan = plan_isolation(
        side.network,
        valves,
        pipe,
        customers_per_node=side.customers,
        critical=side.water.critical,
        stuck=side.water.stuck_valves,
        demand_m3_per_h=demand,
    )
    moment: dict[str, Any] = {"level_m": level, "pump_running": running, "service_m": side.water.service_pressure_m}
    with proof.Trial(side.network, valves, demand, **moment) as trial:
        found = verified(plan, proof.Search(side.network, valves), trial, size_m3_per_h)
        fire = proof.fire_flow(trial, plan.valves_to_close, found.dry, side.water.hydrants)
    below = found.shut.fallen
    isolation_id = _named(night, case_id, plan.valves_to_close)
    work = valve_work.planned(night, side, table, plan, size_m3_per_h, (demand, level, running), begun)
    row: dict[str, Any] = {
        "isolation_id": isolation_id,
        "case_id": case_id,
        "pipe": pipe,
        "customers": round(plan.customers),
        "demand_m3_per_h": plan.demand_m3_per_h,
        "proved": found.proved and plan.isolates,
        "sentence": plan.sentence,
        "detail": {
            "valves": list(plan.valves_to_close),
            "spare": list(plan.valves_to_spare),
            "next_ring": {valve: list(ring) for valve, ring in plan.next_ring.items()},
            "critical": plan.critical,
            "nodes_cut": list(plan.nodes_cut),
            "unintended": list(plan.unintended),
            "proof": f"{found.sentence}{_hydrants(fire)}",
            "alternatives": [asdict(way) for way in plan.alternatives],
            "hydrants": fire.astype(object).where(fire.notna(), None).to_dict("records"),
            "below_service": below[["node", "pressure_before_m", "pressure_m"]].to_dict("records"),
            "schedule": work,
        },
    }
    proposed = valve_work.commands(night, side, isolation_id, plan.valves_to_close, work)
    four_eyes.mark(night.city.settings.four_eyes, proposed, {}, round(plan.customers))
    if not proposed:  # turned by hand alone: as many people decide as if motors did it
        turned = [{"point_id": valve, "quantity": Quantity.OPENING, "not_before_utc": night.now_utc} for valve in plan.valves_to_close]
        row["detail"]["needs_two"] = four_eyes.size(night.city.settings.four_eyes, turned, {}, round(plan.customers))
    return row, proposed


def _named(night: Night, case_id: str, valves: Sequence[str]) -> str:
    """The same valves keep their id, and with it a first approval, until one was released: what comes after that asks anew."""
    found = f"isolate-{hashlib.sha256('|'.join((case_id, *valves)).encode()).hexdigest()[:10]}"
    if not results.rows(night.engine, t.approval, t.approval.c.plan_id == found, t.approval.c.commands > 0):
        return found
    return f"{found}-{night.now_utc:%Y%m%d%H%M%S}"


def _hydrants(fire: pd.DataFrame) -> str:
    """Which hydrants near the burst are lost or too weak while it is isolated, and which is the next that gives the fire flow."""
    if fire.empty:
        return ""
    told = [
        f"{state}: {', '.join(fire.loc[fire['state'] == state, 'hydrant'])}" for state in ("lost", "short") if fire["state"].eq(state).any()
    ]
    for enough in fire[fire["state"] == "enough"].head(1).itertuples():
        told.append(f"{enough.hydrant}, {enough.distance_m:.0f} m away, gives {proof.FIRE_M3_PER_H:.0f} m3/h")
    return f" Hydrants: {'; '.join(told)}."
