"""Water losses by night: a balance per DMA and day by the night flow, and per month with its interval, the IWA table and the targets."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, func, select

from city.clock import civil_day
from city.frames import Block
from city.problems import PenstockError, Problem
from networks.losses.areas import hourly
from networks.losses.iwa import ApparentShares, Consumption, Volume, WaterBalance, bottom_up, top_down
from networks.losses.monthly import Errors, real_losses
from networks.losses.night_flow import night_losses
from networks.losses.pressure import modelled_pressure
from networks.losses.ranking import Infrastructure
from networks.losses.targets import track
from service import billed
from service import schema as t
from service.night import Night
from service.store import meter_days, readings
from service.store.results import replace_rows
from service.water import WaterCity

Row = dict[str, Any]
CITY = ""  # zone_id of the whole city
MIN_HOURS = 168  # of a month that is held against a target
HISTORY_DAYS = 400  # that months are told from: what the pattern misses is learnt over all of them


@dataclass(frozen=True)
class Told:
    """Rows of `water_balance` and `loss_month`, and what stood in the way of some."""

    days: list[Row]
    months: list[Row]
    problems: list[Problem]

    def write(self, connection: Connection) -> None:
        """Store new days beside the old ones, and the months in place of what was told of them before."""
        if self.days:
            connection.execute(readings.ignore_duplicates(connection, t.water_balance), self.days)
        if self.months:
            replace_rows(connection, t.loss_month, t.loss_month.c.month.in_({row["month"] for row in self.months}), self.months)


def told(night: Night, side: WaterCity) -> Told:
    """The balances of tonight. A network or a billing file that cannot be read costs the months, not the days."""
    days = daily(night, side)
    try:
        return Told(days, months(night, side), [])
    except PenstockError as error:
        return Told(days, [], list(error.problems))


def daily(night: Night, side: WaterCity) -> list[Row]:
    """Rows of `water_balance` for every civil day since the last one there."""
    with night.engine.connect() as connection:
        last = connection.execute(select(func.max(t.water_balance.c.day))).scalar()
    zone = night.city.settings.city.time_zone
    found = _by_night_flow(night, side, civil_day(last + timedelta(days=1), zone)[0] if last else None)
    return [
        {
            "zone_id": row.dma,
            "day": row.date,
            "inflow_m3": float(row.inflow_m3),
            "loss_m3": None if np.isnan(row.loss_m3) else float(row.loss_m3),
            "quality": int(row.quality),
        }
        for row in (found.itertuples() if found is not None else ())
    ]


def _inflow(night: Night, side: WaterCity, start: datetime | None) -> Block | None:
    """Volumes into each DMA from `start` (or the first stored day) until tonight; None where there is nothing."""
    names = side.dma_points("volume_register_m3")
    first = meter_days.first(night.engine)
    if not names or first is None or (start or first) >= night.today:
        return None
    block = meter_days.block(night.engine, [night.city.points[name] for name in names], start or first, night.today, estimates=False)
    return replace(block, ids=tuple(names[name] for name in block.ids))


def _by_night_flow(night: Night, side: WaterCity, start: datetime | None) -> pd.DataFrame | None:
    inflow = _inflow(night, side, start) if side.people else None
    if inflow is None:
        return None
    zone = night.city.settings.city.time_zone
    return night_losses(inflow, people=side.people, zone=zone, night_use_l_per_person_h=side.water.night_use_l_per_person_h)


def months(night: Night, side: WaterCity) -> list[Row]:
    """Rows of `loss_month` for the months of the last `HISTORY_DAYS`, anew: late readings and bills change them."""
    zone = night.city.settings.city.time_zone
    first = meter_days.first(night.engine)
    if first is None:
        return []
    start = max(first, civil_day(night.date - timedelta(days=HISTORY_DAYS), zone)[0])
    inflow = _inflow(night, side, start)
    if inflow is None:
        return []
    table = _areas(night, side, inflow, start)
    if len(table) and start > first:  # the oldest month is cut by the window, and stands in the store already
        table = table[table["month"] > table["month"].min()]
    bills = billed.read(night.city, side.water.losses.billed)
    return [row for month, rows in table.groupby("month") for row in _rows(side, str(month), rows, bills)]


def _areas(night: Night, side: WaterCity, inflow: Block, start: datetime) -> pd.DataFrame:
    """Monthly losses of every DMA."""
    zone, losses = night.city.settings.city.time_zone, side.water.losses
    read = {p.id: m.node for m in side.city.settings.meters if m.node for p in _volumes(side, m.id)}
    points = [night.city.points[name] for name in read]
    consumption = meter_days.block(night.engine, points, start, night.today, estimates=False) if points else None
    step_h = inflow.step / timedelta(hours=1)
    flows = {name: hourly(pd.Series(v, index=inflow.times)) / step_h for name, v in zip(inflow.ids, inflow.unit_values(), strict=True)}
    return real_losses(
        side.network,
        flows,
        {name: list(side.dma_of.index[side.dma_of == name]) for name in flows},
        zone=zone,
        consumption=consumption,
        meters=read,
        night=_by_night_flow(night, side, start),
        errors=Errors(losses.inflow_error, losses.metered_error, losses.night_use_error),
    )


def _volumes(side: WaterCity, meter: str) -> list[Any]:
    """Points of a customer's water meter that count volume."""
    found = side.city.meter[meter]
    if found.commodity != "water" or found.role != "load" or found.zone:
        return []
    return [p for p in side.city.points.values() if p.meter == meter and p.quantity == "volume_register_m3"]


def _rows(side: WaterCity, month: str, rows: pd.DataFrame, bills: billed.Bills) -> Iterator[Row]:
    """One month: every DMA, and the city as their sum."""
    known = rows.dropna(subset=["loss_m3"])
    for row in known.itertuples():
        alone = {f"{name}_m3": _number(getattr(row, f"{name}_m3")) for name in ("shape", "meters", "night")}
        alone["night_flow_m3_per_h"] = _number(row.night_flow_m3_per_h)
        volumes = float(row.inflow_m3), float(row.loss_m3), float(row.loss_sd_m3)
        yield _row(side, str(row.area), month, int(row.hours), volumes, alone, bills)
    if len(known) and len(known) == len(rows):
        # Errors of the DMAs have common causes (night use per person, the pattern), so their standard deviations add.
        sums = float(known["inflow_m3"].sum()), float(known["loss_m3"].sum()), float(known["loss_sd_m3"].sum())
        yield _row(side, CITY, month, int(known["hours"].min()), sums, {}, bills)


def _row(side: WaterCity, zone: str, month: str, hours: int, volumes: tuple[float, float, float], alone: Row, bills: billed.Bills) -> Row:
    inflow, loss, sd = volumes
    balance, by_bills = _balance(side, zone, month, inflow, loss, sd, bills)
    lines = [[line.level, line.component, line.volume.ml, line.volume.limit_m3] for line in balance.lines()]
    tracked = []
    for target in side.water.losses.targets:
        if (target.zone or CITY) != zone or inflow <= 0 or hours < MIN_HOURS:
            continue
        volume = balance.non_revenue if target.share == "non-revenue" else balance.real
        found = track(target, month, float(volume.m3) / inflow, volume.sd_ml / 1e6 / inflow)
        tracked += [asdict(found)] if found else []
    what = _under(side, zone) if zone != CITY else None
    detail = {"balance": lines, "by_bills": by_bills, "alone": alone, "targets": tracked, "infrastructure": what and asdict(what)}
    return {
        "zone_id": zone,
        "month": month,
        "hours": hours,
        "inflow_m3": inflow,
        "loss_m3": loss,
        "loss_sd_m3": sd,
        "detail": detail,
    }


def _under(side: WaterCity, zone: str) -> Infrastructure | None:
    """What lies in the ground of a DMA: mains from city.toml, else from the network; pressure from city.toml, else from the model."""
    area = side.water.losses.areas.get(zone)
    if area is None or not area.connections:
        return None
    inside = side.dma_of.index[side.dma_of == zone]
    pipes = side.network.pipes
    mains = area.mains_km or float(pipes.loc[pipes["start"].isin(inside), "length_m"].sum()) / 1000
    pressure = area.pressure_m or float(modelled_pressure(side.network, inside)["average_m"].mean())
    return Infrastructure(mains, area.connections, max(pressure, 0.0), area.service_pipe_km, side.water.losses.infrastructure_error)


def _balance(
    side: WaterCity, zone: str, month: str, inflow: float, loss: float, sd: float, bills: billed.Bills
) -> tuple[WaterBalance, bool]:
    """The IWA balance: real losses by difference where the month is billed, else billed volume by difference."""
    own = side.water.losses
    shares = ApparentShares(own.unauthorised_share, own.under_registration_share, own.data_handling_share, own.apparent_error)
    system_input = Volume.of(max(0.0, inflow), own.inflow_error)
    drawn = bills.consumption(zone, month, own.billed_error, own.unbilled_error)
    if drawn is not None and drawn.billed_metered.ml:
        return top_down(system_input, drawn, shares), True
    return bottom_up(system_input, Volume(round(loss * 1e6), sd * 1e6), drawn or Consumption(Volume(0)), shares), False


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
