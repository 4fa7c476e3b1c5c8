"""Outages over time: found from meters that go dark together, followed until most of their meters answer again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from networks.grid.outage import Dead, find
from networks.grid.topology import feeder_of
from service import schema as t
from service.grid import switches
from service.grid.measured import Measured
from service.grid.side import GridSide
from service.store import readings, results

_TOGETHER = 2  # slots within which meters must have gone dark to be told together
_LEAST_OF_LINK = 3  # meters of a link that are all silent: it is the link
_WEEK = timedelta(days=7)
_LIKELY = 0.5


@dataclass
class Followed:
    """Outages by id: rows of the table, with `buses` as row numbers; those of `changed` are to be stored."""

    rows: dict[str, dict[str, Any]]
    changed: set[str] = field(default_factory=set)

    def dead_at(self, slot: datetime) -> tuple[int, ...]:
        """Rows of the buses that are dead at a time."""
        return tuple(sorted({bus for row in self.rows.values() if _lasts(row, slot) for bus in row["buses"]}))

    def open_at(self, slot: datetime) -> list[dict[str, Any]]:
        return [row for row in self.rows.values() if _lasts(row, slot)]

    def store(self, connection: Connection) -> None:
        """Insert what is new, end what is over; for a transaction of `writing`."""
        o = t.grid_outage
        for outage_id in sorted(self.changed):
            row = {name: value for name, value in self.rows[outage_id].items() if name in o.c}
            if connection.execute(o.update().where(o.c.outage_id == outage_id).values(ended_utc=row["ended_utc"])).rowcount == 0:
                connection.execute(o.insert().values(**row))


def _lasts(row: dict[str, Any], slot: datetime) -> bool:
    return row["since_utc"] <= slot and (row["ended_utc"] is None or slot < row["ended_utc"])


def follow(engine: Engine, side: GridSide, read: Measured, words: pd.DataFrame, slots: Sequence[datetime], found_utc: datetime) -> Followed:
    """Go through the slots in their order: end outages whose meters answer again, find new ones."""
    network, index = side.network, side.network.bus_index
    known = {}
    for row in results.rows(engine, t.grid_outage):
        buses = [index[bus] for bus in row.detail["buses"] if bus in index]
        known[row.outage_id] = {**row._mapping, "buses": buses}
    followed = Followed(known)
    column = {time.to_pydatetime(): i for i, time in enumerate(read.times)}
    dark = (~read.answered | read.zero) & ~read.waited
    at_bus = np.array([side.bus_of[name] for name in read.names], dtype=np.int64)
    for slot in slots:
        k = column[slot]
        for row in followed.open_at(slot):
            inside = [i for i, name in enumerate(read.names) if name in row["detail"]["meters"]]
            back = [i for i in inside if not dark[i, k] and not read.waited[i, k]]
            if inside and len(back) * 2 > len(inside):
                row["ended_utc"] = slot
                followed.changed.add(row["outage_id"])
        says = _says(side, read, dark, k, followed.dead_at(slot), at_bus)
        fell = says & dark[:, k]
        if fell.sum() == 0:
            continue
        opened = switches.open_at(side, words, slot)
        wrong = _false_silent(engine, side, read, k, fell, slot)
        chosen = np.flatnonzero(says)
        for dead in find(
            network, opened, at_bus[chosen], fell[chosen], wrong[chosen], false_answer=side.settings.false_answer, least=_LIKELY
        ):
            meters = [read.names[chosen[i]] for i in dead.silent]
            row = _row(side, dead, meters, opened, slot, found_utc)
            followed.rows[row["outage_id"]] = row
            followed.changed.add(row["outage_id"])
    return followed


def _says(
    side: GridSide, read: Measured, dark: NDArray[np.bool_], k: int, dead: Sequence[int], at_bus: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """bool[names]: does the meter say anything of this moment? Not when it was dark before, hangs where it is known to be dead, is
    waited for, or is silent with everything else of its link: then the link is down."""
    before = ~dark[:, max(0, k - _TOGETHER) : k]
    fresh = before.any(axis=1) if k else np.zeros(len(read.names), dtype=bool)
    says: NDArray[np.bool_] = (~dark[:, k] | fresh) & ~read.waited[:, k] & ~np.isin(at_bus, list(dead))
    links: dict[str, list[int]] = {}
    for i, name in enumerate(read.names):
        link = side.city.meter[side.power[name][0].meter].link
        if link is not None:
            links.setdefault(link, []).append(i)
    for members in links.values():
        if len(members) >= _LEAST_OF_LINK and not read.answered[members, k].any():
            says[members] = False
    return says


def _false_silent(engine: Engine, side: GridSide, read: Measured, k: int, fell: NDArray[np.bool_], slot: datetime) -> NDArray[np.float64]:
    """float64[names]: how likely a meter with power looks like one without. Of one that reads zero: how often it did in the last week
    (Laplace's rule), so that street lights at dawn and the sun at dusk say little, and a feeder that never rests says much."""
    wrong = np.full(len(read.names), side.settings.false_silent)
    zero = np.flatnonzero(fell & read.zero[:, k])
    if not len(zero):
        return wrong
    points = {side.power[read.names[i]][0].id: i for i in zero}
    past = readings.hot(engine, list(points), slot - _WEEK, slot)
    for point, values in past.groupby("point_id", observed=True)["value"]:
        wrong[points[str(point)]] = ((values == 0).sum() + 1) / (len(values) + 2)
    return wrong


def _row(side: GridSide, dead: Dead, meters: list[str], opened: frozenset[str], slot: datetime, found_utc: datetime) -> dict[str, Any]:
    network = side.network
    rows = np.flatnonzero(dead.buses).tolist()
    buses = network.buses["bus"].iloc[rows].tolist()
    hit = network.loads[network.loads["bus"].isin(buses)]
    feeders = feeder_of(network, opened)
    feeder = next((feeders[row] for row in rows if feeders[row]), "")
    critical = {load: side.settings.critical[load] for load in hit["load"] if load in side.settings.critical}
    districts = sorted({place for row in rows if (place := side.district(row))})
    customers = round(float(hit["customers"].sum()))
    since = slot.astimezone(ZoneInfo(side.city.settings.city.time_zone))
    who = f"; among them {', '.join(critical.values())}" if critical else ""
    sentence = (
        f"No power behind {dead.branch}{f' on {feeder}' if feeder else ''} since {since:%H:%M}, {dead.probability:.0%} likely:"
        f" {len(meters)} meters went dark together ({', '.join(meters[:4])}{', ...' if len(meters) > 4 else ''}); at least"
        f" {customers:,} customers{who}."
    )
    return {
        "outage_id": f"outage-{dead.branch}-{slot:%Y%m%d%H%M}"[:64],
        "feeder": feeder,
        "branch": dead.branch,
        "likelihood": dead.probability,
        "since_utc": slot,
        "found_utc": found_utc,
        "ended_utc": None,
        "customers": customers,
        "sentence": sentence,
        "buses": rows,
        "detail": {
            "buses": buses,
            "loads": hit["load"].tolist(),
            "meters": meters,
            "critical": critical,
            "places": dead.places,
            "districts": districts,
        },
    }
