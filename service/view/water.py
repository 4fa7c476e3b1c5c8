"""The water network as a drawing, and what is known of leaks in it."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import pandas as pd
from sqlalchemy import Engine

from networks.network import layout
from service import schema as t
from service import valve_states
from service.leak_history import OPEN, SUSPECTED
from service.leakage.listing import lost_m3
from service.settings import LoadedCity
from service.store import results
from service.water import WaterCity, water_city

_ORDER = {OPEN: 0, SUSPECTED: 1}
_CASE = (
    "case_id", "kind", "state", "zone_id", "pipe", "start_utc", "reported_utc", "flow_m3_per_h", "flow_sd_m3_per_h", "sentence", "worth",
)  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """Lines and places of a network in its own drawing units.

    links: id, kind, x1, y1, x2, y2, start, end, length_m, diameter_m; nodes: id, kind, x, y; valves: valve, link, x, y.
    """

    name: str
    links: pd.DataFrame
    nodes: pd.DataFrame
    valves: pd.DataFrame


@dataclass(frozen=True)
class Leak:
    """A leak case as it stands: what is known of it, what crews found, the isolation planned for it, what it has lost and cost."""

    case_id: str
    kind: str
    state: str
    zone_id: str
    pipe: str
    start_utc: datetime
    reported_utc: datetime | None
    flow_m3_per_h: float
    flow_sd_m3_per_h: float | None
    sentence: str
    worth: str
    likely: dict[str, float]  # pipe -> probability, likeliest first
    lost_m3: float
    cost: float
    dug: tuple[dict[str, Any], ...]  # findings, newest first
    isolation: dict[str, Any] | None = None
    shut: bool = False  # the isolation was approved: motors are written, crews go

    @property
    def is_open(self) -> bool:
        return self.state == OPEN

    @property
    def found(self) -> str | None:
        """The pipe at which a crew found it."""
        return next((str(one["pipe"]) for one in self.dug if one["found"]), None)

    @property
    def task(self) -> str:
        """What is to be done next: repair, approve, dig, watch, none."""
        if self.state == SUSPECTED:
            return "watch"
        if not self.is_open:
            return "none"
        if self.found is not None:
            return "repair"
        proposed = self.isolation is not None and not self.shut and self.isolation["detail"].get("valves")
        return "approve" if self.kind == "burst" and proposed else "dig"


@lru_cache(maxsize=4)
def side(city: LoadedCity) -> WaterCity | None:
    """The city's water side, read once per loaded city; None without [water]. Raises `PenstockError` when a file cannot be read."""
    return water_city(city)


def tanks(city: LoadedCity) -> pd.DataFrame:
    """Tanks by node id: area_m2, min_level_m, max_level_m."""
    found = side(city)
    if found is None:
        return pd.DataFrame(columns=["area_m2", "min_level_m", "max_level_m"])
    return found.network.tanks.set_index("id")[["area_m2", "min_level_m", "max_level_m"]]


def drawing(city: LoadedCity) -> Drawing | None:
    """What the map shows; None for a city without water."""
    found = side(city)
    if found is None:
        return None
    network, table = found.network, found.valves
    lines = layout(network).merge(network.links[["id", "start", "end", "length_m"]], on="id")
    place = network.nodes.set_index("id")[["x", "y"]]
    ends = lines.set_index("id")[["start", "end"]]
    other = [
        ends.loc[link, "end"] if ends.loc[link, "start"] == node else ends.loc[link, "start"]
        for link, node in table[["link", "node"]].to_numpy()
    ]
    near, far = place.loc[table["node"]].to_numpy(), place.loc[other].to_numpy()
    at = near + 0.18 * (far - near)  # a valve stands on its pipe, a little away from its node
    valves = pd.DataFrame({"valve": table["valve"], "link": table["link"], "x": at[:, 0], "y": at[:, 1]})
    return Drawing(network.name, lines, network.nodes, valves)


def leaks(engine: Engine, city: LoadedCity, now_utc: datetime) -> list[Leak]:
    """Leak cases: open ones by size, then suspicions, then what is over, newest first."""
    price = city.settings.water.price_per_m3 if city.settings.water else 0.0
    cut = {row.case_id: dict(row._mapping) for row in results.rows(engine, t.isolation)}
    dug = results.rows(engine, t.leak_finding, order=t.leak_finding.c.at_utc.desc())
    sent = {row.plan_id for row in results.rows(engine, t.command, t.command.c.state == "written")}
    sent |= {row.plan_id for row in results.rows(engine, t.approval, t.approval.c.commands > 0)}
    made = []
    for row in results.rows(engine, t.leak_case, order=t.leak_case.c.start_utc.desc()):
        lost, plan = lost_m3(row, now_utc), cut.get(row.case_id)
        likely = {str(one["pipe"]): float(one["posterior"]) for one in row.candidates} or {row.pipe: 1.0}
        own = {name: getattr(row, name) for name in _CASE}
        findings = tuple(dict(one._mapping) for one in dug if one.case_id == row.case_id)
        shut = plan is not None and plan["isolation_id"] in sent
        made.append(Leak(**own, likely=likely, lost_m3=lost, cost=lost * price, dug=findings, isolation=plan, shut=shut))
    return sorted(made, key=lambda leak: (_ORDER.get(leak.state, 2), -leak.flow_m3_per_h if leak.state in _ORDER else 0))


def faults(engine: Engine) -> list[Any]:
    """Rows of the sensor faults that are open, oldest first."""
    return list(results.rows(engine, t.sensor_fault, t.sensor_fault.c.state == OPEN, order=t.sensor_fault.c.since_utc))


def valves(engine: Engine, city: LoadedCity) -> pd.DataFrame:
    """The valve table as it counts, with who told of a valve and when: valve, link, node, state, turns, exercised, who, at_utc, note."""
    found = side(city)
    words = valve_states.told(engine)
    if found is None:
        return words
    return valve_states.applied(engine, found.valves).merge(words[["valve", "who", "at_utc", "note"]], on="valve", how="left")


def balances(engine: Engine) -> pd.DataFrame:
    """zone_id, day, inflow_m3, loss_m3, share [1]: the water balance of every stored zone and day, by day."""
    columns = ["zone_id", "day", "inflow_m3", "loss_m3"]
    rows = results.rows(engine, t.water_balance, order=t.water_balance.c.day)
    frame = pd.DataFrame([(r.zone_id, r.day, r.inflow_m3, r.loss_m3) for r in rows], columns=columns)
    frame = frame.astype({"inflow_m3": float, "loss_m3": float})
    return frame.assign(share=frame["loss_m3"] / frame["inflow_m3"].where(frame["inflow_m3"] > 0))
