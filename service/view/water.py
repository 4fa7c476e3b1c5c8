"""The water network as a drawing, and what is known of leaks in it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import pandas as pd
from sqlalchemy import Engine

from networks.network import layout
from service import schema as t
from service.settings import LoadedCity
from service.store import results
from service.water import WaterCity, water_city

CLOSED_STATES = ("closed", "repaired", "dismissed")


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
    """A leak case with the isolation planned for it, as the night stored them."""

    case_id: str
    night: date
    start_utc: datetime
    seen_utc: datetime
    zone_id: str
    pipe: str
    flow_m3_per_h: float
    state: str
    sentence: str
    candidates: tuple[dict[str, Any], ...]
    isolation: dict[str, Any] | None = field(default=None)

    @property
    def is_open(self) -> bool:
        return self.state not in CLOSED_STATES


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


def leaks(engine: Engine) -> list[Leak]:
    """Leak cases, newest first, open ones before closed ones."""
    cut = {row.case_id: dict(row._mapping) for row in results.rows(engine, t.isolation)}
    rows = results.rows(engine, t.leak_case, order=t.leak_case.c.start_utc.desc())
    made = [
        Leak(
            r.case_id,
            r.night,
            r.start_utc,
            r.seen_utc,
            r.zone_id,
            r.pipe,
            r.flow_m3_per_h,
            r.state,
            r.sentence,
            tuple(r.candidates),
            cut.get(r.case_id),
        )
        for r in rows
    ]
    return sorted(made, key=lambda leak: not leak.is_open)


def balances(engine: Engine) -> pd.DataFrame:
    """zone_id, day, inflow_m3, loss_m3, share [1]: the water balance of every stored zone and day, by day."""
    columns = ["zone_id", "day", "inflow_m3", "loss_m3"]
    rows = results.rows(engine, t.water_balance, order=t.water_balance.c.day)
    frame = pd.DataFrame([(r.zone_id, r.day, r.inflow_m3, r.loss_m3) for r in rows], columns=columns)
    frame = frame.astype({"inflow_m3": float, "loss_m3": float})
    return frame.assign(share=frame["loss_m3"] / frame["inflow_m3"].where(frame["inflow_m3"] > 0))
