"""Water losses by night: a balance per DMA and day by the night flow, and per month with its interval, the IWA table and the targets."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from city import quality as q
from city.clock import HOUR, civil_day, local_date
from city.frames import Block
from city.places import Point
from city.problems import PenstockError, Problem
from city.quantities import Quantity
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
from service.store import due, meter_days
from service.store.results import replace_rows
from service.water import WaterCity

Row = dict[str, Any]
CITY = ""  # zone_id of the whole city
MIN_HOURS = 168  # of a month that is held against a target
MIN_MEASURED = 0.9  # of a month that is held against its bills
HISTORY_DAYS = 400  # that months are told from: what the pattern misses is learnt over all of them


@dataclass(frozen=True)
class Told:
    """Rows of `water_balance` and `loss_month`, and what stood in the way of some."""

    days: list[Row]
    months: list[Row]
    problems: list[Problem]

    def write(self, connection: Connection) -> None:
        """Store days and months in place of what was told of them before."""
        if self.days:
            replace_rows(connection, t.water_balance, t.water_balance.c.day.in_({row["day"] for row in self.days}), self.days)
        if self.months:
            replace_rows(connection, t.loss_month, t.loss_month.c.month.in_({row["month"] for row in self.months}), self.months)


@dataclass(frozen=True)
class _Given:
    """What every month is told with; `under` has every DMA whose inflow is metered."""

    side: WaterCity
    bills: billed.Bills
    under: Mapping[str, Infrastructure | None]


def told(night: Night, side: WaterCity) -> Told:
    """The balances of tonight. A network or a billing file that cannot be read costs the months, not the days."""
    days = daily(night, side)
    problems = [
        Problem(f"DMA '{name}'", "no population", "the residents whose night use its night flow holds", "Add it to its zone.")
        for name in sorted(set(side.dma_points("volume_register_m3").values()) - set(side.people))
        if side.people
    ]
    try:
        return Told(days, months(night, side), problems)
    except PenstockError as error:
        return Told(days, [], [*problems, *error.problems])


def daily(night: Night, side: WaterCity) -> list[Row]:
    """Rows of `water_balance` for every civil day since the last one there, and again for those whose inflow has a newer version."""
    with night.engine.connect() as connection:
        last = connection.execute(select(func.max(t.water_balance.c.day))).scalar()
    zone = night.city.settings.city.time_zone
    names = side.dma_points("volume_register_m3")
    late = {local_date(row.day_start_utc, zone) for row in due.noted(night.engine) if row.point_id in names}
    spans: list[tuple[datetime | None, datetime]] = [civil_day(day, zone) for day in sorted(late) if last and day <= last]
    spans.append((civil_day(last + timedelta(days=1), zone)[0] if last else None, night.today))
    return [row for start, end in spans for row in _told_days(_by_night_flow(night, side, start, end))]


def _told_days(found: pd.DataFrame | None) -> list[Row]:
    return [
        {
            "zone_id": row.dma,
            "day": row.date,
            "inflow_m3": float(row.inflow_m3),
            "loss_m3": None if np.isnan(row.loss_m3) else float(row.loss_m3),
            "quality": int(row.quality),
            "night_flow_m3_per_h": None if np.isnan(row.night_flow_m3_per_h) else float(row.night_flow_m3_per_h),
        }
        for row in (found.itertuples() if found is not None else ())
    ]


def _inflow(night: Night, side: WaterCity, start: datetime | None, end: datetime) -> Block | None:
    """Volumes into each DMA by the hour from `start` (or the first stored day) until `end`; None where there is nothing."""
    names = side.dma_points("volume_register_m3")
    first = meter_days.first(night.engine)
    if not names or first is None or (start or first) >= end:
        return None
    return _hourly(night, names, start or first, end)


def _hourly(night: Night, names: Mapping[str, str], start: datetime, end: datetime) -> Block:
    """Hourly volumes by what `names` calls the points, whose steps may differ. Several of one name are summed (a DMA with two inlets);
    an hour in which a part of one is missing is missing."""
    by_step: dict[int, list[Point]] = {}
    for name in names:
        by_step.setdefault(night.city.points[name].step_s, []).append(night.city.points[name])
    sums: dict[str, NDArray[np.int64]] = {}
    known: dict[str, NDArray[np.bool_]] = {}
    for points in by_step.values():
        block = meter_days.block(night.engine, points, start, end, estimates=False)
        parts = round(HOUR / block.step)
        shape = len(points), block.steps // parts, parts
        amounts = block.values[:, : shape[1] * parts].reshape(shape).sum(axis=2)
        heard = block.usable()[:, : shape[1] * parts].reshape(shape).sum(axis=2) == parts
        for i, point in enumerate(block.ids):
            name = names[point]
            sums[name], known[name] = sums.get(name, 0) + amounts[i], known.get(name, True) & heard[i]
    quality = np.where(np.stack(list(known.values())), q.VALID, q.missing(q.Cause.GAP)).astype(np.uint16)
    return Block(tuple(sums), start, HOUR, Quantity.VOLUME_M3, np.stack(list(sums.values())), quality)


def _by_night_flow(night: Night, side: WaterCity, start: datetime | None, end: datetime) -> pd.DataFrame | None:
    inflow = _inflow(night, side, start, end)
    own = [name for name in inflow.ids if name in side.people] if inflow is not None else []
    if inflow is None or not own:
        return None
    zone = night.city.settings.city.time_zone
    use = side.water.night_use_l_per_person_h
    return night_losses(inflow.select(own), people=side.people, zone=zone, night_use_l_per_person_h=use)


def months(night: Night, side: WaterCity) -> list[Row]:
    """Rows of `loss_month` for the months of the last `HISTORY_DAYS`, anew: late readings and bills change them."""
    zone = night.city.settings.city.time_zone
    first = meter_days.first(night.engine)
    if first is None:
        return []
    start = max(first, civil_day(night.date - timedelta(days=HISTORY_DAYS), zone)[0])
    inflow = _inflow(night, side, start, night.today)
    if inflow is None:
        return []
    table = _areas(night, side, inflow, start)
    if len(table) and start > first:  # the oldest month is cut by the window, and stands in the store already
        table = table[table["month"] > table["month"].min()]
    bills = billed.read(night.city, side.water.losses.billed)
    given = _Given(side, bills, {area: _under(side, area) for area in inflow.ids})
    return [row for month, rows in table.groupby("month") for row in _rows(given, str(month), rows)]


def _areas(night: Night, side: WaterCity, inflow: Block, start: datetime) -> pd.DataFrame:
    """Monthly losses of every DMA."""
    zone, losses = night.city.settings.city.time_zone, side.water.losses
    read = {p.id: m.node for m in side.city.settings.meters if m.node for p in _volumes(side, m.id)}
    consumption = _hourly(night, {name: name for name in read}, start, night.today) if read else None
    flows = {name: hourly(pd.Series(v, index=inflow.times)) for name, v in zip(inflow.ids, inflow.unit_values(), strict=True)}
    return real_losses(
        side.network,
        flows,
        {name: list(side.dma_of.index[side.dma_of == name]) for name in flows},
        zone=zone,
        consumption=consumption,
        meters=read,
        night=_by_night_flow(night, side, start, night.today),
        errors=Errors(losses.inflow_error, losses.metered_error, losses.night_use_error),
    )


def _volumes(side: WaterCity, meter: str) -> list[Any]:
    """Points of a customer's water meter that count volume."""
    found = side.city.meter[meter]
    if found.commodity != "water" or found.role != "load" or found.zone:
        return []
    return [p for p in side.city.points.values() if p.meter == meter and p.quantity == "volume_register_m3"]


def _rows(given: _Given, month: str, rows: pd.DataFrame) -> Iterator[Row]:
    """One month: every DMA, and the city as their sum."""
    known = rows.dropna(subset=["loss_m3"])
    known = known.assign(measured=known["hours"] / _hours(month, given.side.city.settings.city.time_zone))
    known["whole_m3"] = known["inflow_m3"] / known["measured"]
    for row in known.itertuples():
        alone = {f"{name}_m3": _number(getattr(row, f"{name}_m3")) for name in ("shape", "meters", "night")}
        alone["night_flow_m3_per_h"] = _number(row.night_flow_m3_per_h)
        yield _row(given, str(row.area), row, alone)
    if len(known) and len(known) == len(rows):
        # Errors of the DMAs have common causes (night use per person, the pattern), so their standard deviations add.
        sums = known[["inflow_m3", "whole_m3", "loss_m3", "loss_sd_m3"]].sum()
        least = known[["hours", "measured"]].min()
        yield _row(given, CITY, pd.concat([sums, least, pd.Series({"month": month})]), {})


def _hours(month: str, zone: str) -> float:
    """Hours of a local month: one less or more where the clock changes."""
    first = date.fromisoformat(f"{month}-01")
    after = (first + timedelta(days=31)).replace(day=1)
    return (civil_day(after, zone)[0] - civil_day(first, zone)[0]) / HOUR


def _row(given: _Given, zone: str, told: Any, alone: Row) -> Row:
    """A row of `loss_month` from hours, measured [1], inflow_m3, whole_m3, loss_m3 and loss_sd_m3 of a month."""
    month = str(told.month)
    balance, by_bills = _balance(given, zone, told)
    lines = [[line.level, line.component, line.volume.ml, line.volume.limit_m3] for line in balance.lines()]
    came, tracked = float(balance.system_input.m3), []
    for target in given.side.water.losses.targets:
        if (target.zone or CITY) != zone or came <= 0 or told.hours < MIN_HOURS:
            continue
        volume = balance.non_revenue if target.share == "non-revenue" else balance.real
        found = track(target, month, float(volume.m3) / came, volume.sd_ml / 1e6 / came)
        tracked += [asdict(found)] if found else []
    what = given.under.get(zone)
    detail = {"balance": lines, "by_bills": by_bills, "alone": alone, "targets": tracked, "infrastructure": what and asdict(what)}
    volumes = {name: float(getattr(told, name)) for name in ("inflow_m3", "loss_m3", "loss_sd_m3")}
    return {"zone_id": zone, "month": month, "hours": int(told.hours), **volumes, "detail": detail}


def _under(side: WaterCity, zone: str) -> Infrastructure | None:
    """What lies in the ground of a DMA: mains from city.toml, else from the network; pressure from city.toml, else from the model."""
    area = side.water.losses.areas.get(zone)
    inside = side.dma_of.index[side.dma_of == zone]
    if area is None or not area.connections or not (len(inside) or (area.mains_km and area.pressure_m)):
        return None
    pipes = side.network.pipes
    mains = area.mains_km or float(pipes.loc[pipes["start"].isin(inside), "length_m"].sum()) / 1000
    pressure = area.pressure_m or float(modelled_pressure(side.network, inside)["average_m"].mean())
    return Infrastructure(mains, area.connections, max(pressure, 0.0), area.service_pipe_km, side.water.losses.infrastructure_error)


def _balance(given: _Given, zone: str, told: Any) -> tuple[WaterBalance, bool]:
    """The IWA balance: real losses by difference where the month is billed, else billed volume by difference.

    Bills are of a whole month. An inflow with gaps is carried to it, and what was not measured adds to its limits; a month measured
    less than `MIN_MEASURED` is not held against its bills.
    """
    own = given.side.water.losses
    shares = ApparentShares(own.unauthorised_share, own.under_registration_share, own.data_handling_share, own.apparent_error)
    drawn = given.bills.consumption(zone, str(told.month), own.billed_error, own.unbilled_error, () if zone else tuple(given.under))
    if drawn is not None and drawn.billed.ml and told.measured >= MIN_MEASURED:
        limit = own.inflow_error + 1 - min(told.measured, 1.0)
        return top_down(Volume.of(max(0.0, told.whole_m3), limit), drawn, shares), True
    system_input = Volume.of(max(0.0, told.inflow_m3), own.inflow_error)
    real = Volume(round(told.loss_m3 * 1e6), told.loss_sd_m3 * 1e6)
    return bottom_up(system_input, real, drawn or Consumption(Volume(0)), shares), False


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
