"""Outages over time: found from meters that go dark together, followed until most of their meters answer again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine

from networks.grid.outage import Dead, behind, find
from networks.grid.topology import feeder_of, tree
from service import schema as t
from service.grid import evidence, switches
from service.grid.measured import Measured
from service.grid.side import GridSide
from service.store import results

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
    o = t.grid_outage.c
    for row in results.rows(engine, t.grid_outage, o.ended_utc.is_(None) | (o.ended_utc >= slots[0])):
        buses = [index[bus] for bus in row.detail["buses"] if bus in index]
        known[row.outage_id] = {**row._mapping, "buses": buses}
    followed = Followed(known)
    column = {time.to_pydatetime(): i for i, time in enumerate(read.times)}
    dark, believed, planned = read.dark, evidence.believed(read), evidence.planned(engine, side, read, found_utc)
    at_bus = np.array([side.bus_of[name] for name in read.names], dtype=np.int64)
    for slot in slots:
        k = column[slot]
        for row in followed.open_at(slot):
            inside = [i for i, name in enumerate(read.names) if name in row["detail"]["meters"]]
            back = [i for i in inside if read.live[i, k]]
            if inside and len(back) * 2 > len(inside):
                row["ended_utc"] = slot
                followed.changed.add(row["outage_id"])
        says = evidence.says(side, read, k, followed.dead_at(slot), planned) & (~read.zero[:, k] | believed[:, k])
        fell = says & dark[:, k]
        if fell.sum() == 0:
            continue
        opened = switches.open_at(side, words, slot)
        wrong = evidence.false_silent(engine, side, read, k, fell, followed.dead_at, planned)
        chosen = np.flatnonzero(says)
        for dead in find(
            network, opened, at_bus[chosen], fell[chosen], wrong[chosen], false_answer=side.settings.false_answer, least=_LIKELY
        ):
            meters = [read.names[chosen[i]] for i in dead.silent]
            row = _row(side, dead, meters, opened, slot, found_utc)
            followed.rows[row["outage_id"]] = row
            followed.changed.add(row["outage_id"])
    return followed


def _row(side: GridSide, dead: Dead, meters: list[str], opened: frozenset[str], slot: datetime, found_utc: datetime) -> dict[str, Any]:
    network = side.network
    rows = np.flatnonzero(dead.buses).tolist()
    buses = network.buses["bus"].iloc[rows].tolist()
    hit = network.loads[network.loads["bus"].isin(buses)]
    feeders = feeder_of(network, opened)
    feeder = ", ".join(sorted({feeders[row] for row in rows if feeders[row]}))[:80]
    critical = {load: side.settings.critical[load] for load in hit["load"] if load in side.settings.critical}
    districts = sorted({place for row in rows if (place := side.district(row))})
    customers = round(float(hit["customers"].sum()))
    since = slot.astimezone(ZoneInfo(side.city.settings.city.time_zone))
    sentence = _sentence(dead, feeder, since, meters, customers, list(critical.values()))
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
            "suspects": _suspects(side, dead, opened),
            "districts": districts,
        },
    }


def _sentence(dead: Dead, feeder: str, since: datetime, meters: list[str], customers: int, critical: list[str]) -> str:
    """What an operator reads first."""
    together = f"{len(meters)} meters went dark together" if len(meters) > 1 else "1 meter went dark"
    named = f"{', '.join(meters[:4])}{', ...' if len(meters) > 4 else ''}"
    who = f"; among them {', '.join(critical)}" if critical else ""
    return (
        f"No power behind {dead.branch}{f' on {feeder}' if feeder else ''} since {since:%H:%M}, {dead.probability:.0%} likely:"
        f" {together} ({named}); at least {customers:,} customers{who}."
    )


def _suspects(side: GridSide, dead: Dead, opened: frozenset[str]) -> list[str]:
    """The branches in which the fault may lie: the likeliest, and those as likely that have the very same meters behind them. A place
    with more meters behind it is left to people: to isolate it would switch off who may have power."""
    spanned = tree(side.network, opened)
    far = {int(via): bus for bus, via in enumerate(spanned.via) if via >= 0}
    row = {name: i for i, name in enumerate(side.network.branches["branch"])}
    meters = np.array(list(side.bus_of.values()), dtype=np.int64)
    own = dead.buses[meters]
    alike = [name for name in dead.places if row[name] in far and (behind(spanned, far[row[name]])[meters] == own).all()]
    return sorted({dead.branch, *alike})
