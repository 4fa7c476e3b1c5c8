"""What the Grid page reads: the diagram, the newest state, courses, losses, tomorrow's risks, outages and proposals.

Everything comes from the store and the network's tables; no power flow runs here.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine, func, select

from networks.grid.layout import layout
from networks.grid.topology import energised, feeder_of
from service import schema as t
from service.grid import order, switches
from service.grid.settings import GridSettings
from service.grid.side import GridSide, grid_side
from service.settings import LoadedCity
from service.store import results

_OLD = 2  # steps: a state older than that is not the present one


@dataclass(frozen=True)
class Diagram:
    """The feeder diagram. buses: bus, x, y, distance_km, nominal_kv, kind (source, bus, load), feeder, customers, critical, district;
    branches: branch, kind, from_bus, to_bus, feeder, length_km, rating_kva; switches: switch, branch, bus, closed (normal), kind,
    feeder, motor."""

    buses: pd.DataFrame
    branches: pd.DataFrame
    switches: pd.DataFrame
    limits: GridSettings


@dataclass(frozen=True)
class State:
    """The grid at a time. buses: bus, voltage_pu, energised, feeder; branches: branch, loading, power_kw, feeder; feeders: feeder,
    head_kw, computed_kw, loss_kw, residual_kw. `origin` counts loads by where their power comes from."""

    time_utc: datetime
    buses: pd.DataFrame
    branches: pd.DataFrame
    feeders: pd.DataFrame
    open_switches: frozenset[str]
    loss_kw: float
    load_kw: float
    origin: dict[str, int]
    abnormal: tuple[dict[str, Any], ...]
    sentence: str


@dataclass(frozen=True)
class Outage:
    """An outage as it stands; `places` are the branches where the fault may be, with their probabilities."""

    outage_id: str
    feeder: str
    branch: str
    likelihood: float
    since_utc: datetime
    found_utc: datetime
    ended_utc: datetime | None
    customers: int
    sentence: str
    buses: tuple[str, ...]
    loads: tuple[str, ...]
    meters: tuple[str, ...]
    critical: dict[str, str]
    places: dict[str, float]
    districts: tuple[str, ...]


@dataclass(frozen=True)
class Proposed:
    """A restoration as it stands: `detail` is its record; `done` says per step who did it ('poll' for a motor), '' where it is not done;
    `told` {switch: (state, who, at_utc)} what was told last; `approved_by` the names so far; `released`: it may be carried out."""

    proposal_id: str
    outage_id: str
    made_at_utc: datetime
    state: str
    customers: int
    sentence: str
    detail: dict[str, Any]
    told: dict[str, tuple[str, str, datetime]]
    approved_by: tuple[str, ...]
    released: bool
    done: tuple[str, ...]


@lru_cache(maxsize=4)
def diagram(city: LoadedCity) -> Diagram | None:
    """The diagram in the normal state, made once per loaded city; None without [grid]."""
    if (side := grid_side(city)) is None:
        return None
    network, grid = side.network, side.settings
    feeder = feeder_of(network, network.normally_open)
    own = network.loads.groupby("bus")["customers"].sum()
    buses = layout(network).merge(network.buses[["bus", "nominal_kv", "district"]], on="bus")
    names = network.loads[network.loads["load"].isin(list(grid.critical))]
    critical = names.assign(who=names["load"].map(grid.critical)).groupby("bus")["who"].agg(", ".join)
    kind = np.where(buses["bus"].isin(network.sources["bus"]), "source", np.where(buses["bus"].isin(own.index), "load", "bus"))
    buses = buses.assign(
        kind=kind, feeder=feeder, customers=buses["bus"].map(own).fillna(0.0), critical=buses["bus"].map(critical).fillna("")
    )
    branches = network.branches[["branch", "kind", "from_bus", "to_bus", "rating_kva"]]
    length = network.lines.set_index("line")["length_km"]
    branches = branches.assign(length_km=branches["branch"].map(length), feeder=_of_branches(network.ends, feeder))
    motor = network.switches["switch"].isin(list(grid.switch_points))
    return Diagram(buses, branches, network.switches.assign(motor=motor), grid)


def _of_branches(ends: NDArray[np.int64], feeder: list[str]) -> list[str]:
    return [feeder[to] or feeder[from_] for from_, to in ends.tolist()]


def state(engine: Engine, city: LoadedCity, at_utc: datetime | None = None) -> State | None:
    """The newest state, or the newest until a time; None before there is one and without [grid]."""
    side = grid_side(city)
    row = _newest(engine, side, at_utc) if side else None
    if side is None or row is None:
        return None
    network, opened = side.network, frozenset(row.detail["open"])
    feeder, volts = feeder_of(network, opened), _vector(row.voltage_pu)
    live = energised(network, opened) & np.isfinite(volts)
    buses = pd.DataFrame({"bus": network.buses["bus"], "voltage_pu": volts, "energised": live, "feeder": feeder})
    carried = {"loading": _vector(row.loading), "power_kw": _vector(row.power_kw), "feeder": _of_branches(network.ends, feeder)}
    branches = pd.DataFrame({"branch": network.branches["branch"], **carried})
    feeders = pd.DataFrame([{"feeder": name, **values} for name, values in row.detail["feeders"].items()])
    origin = row.detail["origin"]
    sentence = (
        f"{row.load_kw:,.0f} kW, losses {row.loss_kw:,.1f} kW; of {sum(origin.values())} loads {origin['measured']} are measured,"
        f" {origin['allocated']} have their share of their feeder's head, {origin['assumed']} are assumed, {origin['dead']} are dead"
    )
    return State(row.time_utc, buses, branches, feeders, opened, row.loss_kw, row.load_kw, origin, tuple(row.detail["abnormal"]), sentence)


def _newest(engine: Engine, side: GridSide, at_utc: datetime | None) -> Any | None:
    s = t.grid_state.c
    own = (s.network == side.digest) if at_utc is None else (s.network == side.digest) & (s.time_utc <= at_utc)
    with engine.connect() as connection:
        return connection.execute(select(t.grid_state).where(own).order_by(s.time_utc.desc()).limit(1)).first()


def _vector(stored: bytes) -> NDArray[np.float64]:
    return np.frombuffer(stored, dtype="<f4").astype(np.float64)


def course(engine: Engine, city: LoadedCity, subject: str, start: datetime, end: datetime) -> pd.DataFrame:
    """time_utc, value over [start, end): the loading of a branch, the voltage of a bus, or the losses [kW] of the grid for ''."""
    side, s = grid_side(city), t.grid_state.c
    empty = pd.DataFrame({"time_utc": pd.to_datetime([], utc=True), "value": np.array([], dtype=float)})
    if side is None:
        return empty
    branches = side.network.branches["branch"].tolist()
    column, at = s.loss_kw, -1
    if subject in branches:
        column, at = s.loading, branches.index(subject)
    elif subject in side.network.bus_index:
        column, at = s.voltage_pu, side.network.bus_index[subject]
    within = (s.network == side.digest) & (s.time_utc >= start) & (s.time_utc < end)
    with engine.connect() as connection:
        rows = connection.execute(select(s.time_utc, column).where(within).order_by(s.time_utc)).tuples().all()
    if not rows:
        return empty
    values = [value if at < 0 else float(_vector(value)[at]) for _, value in rows]
    return pd.DataFrame({"time_utc": pd.to_datetime([time for time, _ in rows], utc=True), "value": values})


def losses(engine: Engine, start: date | None = None, end: date | None = None) -> pd.DataFrame:
    """day, feeder, quarters, loss_kwh, input_kwh, billed_kwh, share [1] of the days in [start, end); '' is what lies before the feeders."""
    d = t.grid_loss_day.c
    where = [*([d.day >= start] if start else []), *([d.day < end] if end else [])]
    rows = results.rows(engine, t.grid_loss_day, *where, order=d.day)
    frame = pd.DataFrame([tuple(row) for row in rows], columns=[column.name for column in t.grid_loss_day.columns])
    frame = frame.astype({"loss_kwh": float, "input_kwh": float, "billed_kwh": float})
    return frame.assign(share=frame["loss_kwh"] / frame["input_kwh"].abs().where(frame["input_kwh"] != 0))


def risks(engine: Engine) -> pd.DataFrame:
    """subject, kind, time_utc, p50, worst, limit, sentence: what may be out of its limits tomorrow, by the newest night."""
    r = t.grid_risk.c
    with engine.connect() as connection:
        newest = select(func.max(t.run.c.night)).where(t.run.c.command == "night").scalar_subquery()
        rows = connection.execute(select(t.grid_risk).where(r.night == newest)).all()
    frame = pd.DataFrame([tuple(row) for row in rows], columns=[column.name for column in t.grid_risk.columns])
    return frame.drop(columns="night")


def outages(engine: Engine, *, open_only: bool = False) -> list[Outage]:
    """Outages, those that last first, then the newest."""
    o = t.grid_outage.c
    rows = results.rows(engine, t.grid_outage, *([o.ended_utc.is_(None)] if open_only else []), order=o.since_utc.desc())
    made = []
    for row in rows:
        own = {column.name: getattr(row, column.name) for column in t.grid_outage.columns if column.name != "detail"}
        lists: dict[str, Any] = {name: tuple(row.detail[name]) for name in ("buses", "loads", "meters", "districts")}
        made.append(Outage(**own, **lists, critical=row.detail["critical"], places=row.detail["places"]))
    return sorted(made, key=lambda outage: outage.ended_utc is not None)


def abnormal(engine: Engine, city: LoadedCity, at_utc: datetime) -> list[dict[str, Any]]:
    """What is out of its limits in the present state: kind, subject, value, limit, feeder, districts; none when the state is old."""
    found, side = state(engine, city, at_utc), grid_side(city)
    if found is None or side is None or at_utc - found.time_utc > _OLD * timedelta(seconds=city.settings.night.step_s):
        return []
    branch = found.branches.set_index("branch")["feeder"]
    bus = found.buses.set_index("bus")["feeder"]
    place = dict(zip(side.network.buses["bus"], side.network.buses["district"], strict=True))
    ends = side.network.branches.set_index("branch")[["from_bus", "to_bus"]]
    told = []
    for one in found.abnormal:
        name = one["subject"]
        near = ends.loc[name].tolist() if one["kind"] == "overload" else [name]
        feeder = branch[name] if one["kind"] == "overload" else bus[name]
        told.append({**one, "feeder": feeder, "districts": sorted({place[at] for at in near if place[at]})})
    return told


def proposals(engine: Engine, outage_id: str | None = None) -> list[Proposed]:
    """Restorations, newest first, with what was approved and done of each."""
    g = t.grid_proposal.c
    words = switches.told(engine)
    sent = results.rows(engine, t.command, t.command.c.plan_id.startswith("restore-"))
    given = results.rows(engine, t.approval, t.approval.c.plan_id.startswith("restore-"), order=t.approval.c.at_utc)
    made = []
    for row in results.rows(engine, t.grid_proposal, *([g.outage_id == outage_id] if outage_id else []), order=g.made_at_utc.desc()):
        own = [one for one in given if one.plan_id == row.proposal_id]
        since = words[words["at_utc"] >= row.made_at_utc]
        said = {word.switch: (word.state, word.who, word.at_utc) for word in since.itertuples()}
        named = {step["switch"] for step in row.detail.get("steps", ())}
        told = {switch: word for switch, word in said.items() if switch in named}
        done = order.steps_done(row, [one for one in sent if one.plan_id == row.proposal_id], words)
        released = any(one.commands for one in own)
        made.append(Proposed(**row._mapping, told=told, approved_by=tuple(one.who for one in own), released=released, done=done))
    return made
