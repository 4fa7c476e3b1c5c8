"""What the console, the commands and the exports show of lost water: months, ranking, the IWA table, targets, pressure what-ifs."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from city.clock import civil_day
from city.problems import fault
from networks.losses.ranking import Infrastructure, ranking
from service import lost_water
from service import schema as t
from service.loss_settings import LossArea
from service.night import Night
from service.store import meter_days, results
from service.water import WaterCity

if TYPE_CHECKING:
    from networks.losses.pressure import Saving

Z90, Z95 = 1.6449, 1.96
COLUMNS = ["zone_id", "month", "hours", "inflow_m3", "loss_m3", "loss_sd_m3", "detail"]
PRESSURE_DAYS = 7


def months(engine: Engine) -> pd.DataFrame:
    """Every stored month: `COLUMNS`, share [1] and its 90 % interval low, high [1]; zone_id is empty for the whole city."""
    rows = results.rows(engine, t.loss_month, order=t.loss_month.c.month)
    frame = pd.DataFrame([tuple(row) for row in rows], columns=COLUMNS)
    inflow = frame["inflow_m3"].where(frame["inflow_m3"] > 0)
    low, high = ((frame["loss_m3"] + sign * Z90 * frame["loss_sd_m3"]) / inflow for sign in (-1, 1))
    return frame.assign(share=frame["loss_m3"] / inflow, low=low.clip(0, 1), high=high.clip(0, 1))


def chosen(found: pd.DataFrame, month: str | None) -> pd.DataFrame:
    """The rows of one month, the newest with at least 20 days of hours when none is named. Raises `PenstockError` where there are none."""
    whole = found.loc[found["hours"] >= 480, "month"]
    wanted = month or (whole.max() if len(whole) else found["month"].max() if len(found) else None)
    rows = found[found["month"] == wanted]
    if rows.empty:
        known = f"one of {', '.join(sorted(set(found['month'])))}" if len(found) else "a month that a night has told"
        raise fault("water balance", f"no month {month or ''}".strip(), known, "Name another month, or run `penstock night`.")
    return rows


def ranked(rows: pd.DataFrame, price_per_m3: float) -> pd.DataFrame:
    """The DMAs of one month by recoverable loss: see `networks.losses.ranking.ranking`.

    With night_flow_m3_per_h, the month's minimum night flow, and doubt, why UARL may not hold there.
    """
    own = rows[rows["zone_id"] != ""]
    own = own.drop(columns=["loss_m3", "loss_sd_m3"]).join(_balanced(own))
    told = zip(own["zone_id"], own["detail"], strict=True)
    what = {zone: Infrastructure(**detail["infrastructure"]) for zone, detail in told if detail["infrastructure"]}
    table = ranking(own.rename(columns={"zone_id": "area"}), what, price_per_m3)
    nights = {row.zone_id: row.detail["alone"].get("night_flow_m3_per_h") for row in own.itertuples()}
    return table.assign(
        night_flow_m3_per_h=table["area"].map(nights).astype(float),
        doubt=[what[zone].doubt() if zone in what else "" for zone in table["area"]],
    )


def _balanced(rows: pd.DataFrame) -> pd.DataFrame:
    """Real losses of each row's balance, as its IWA table has them: loss_m3, loss_sd_m3 and the days they are of.

    A bill is of a whole month, an estimate of the hours that were measured.
    """
    told = [next(line for line in detail["balance"] if line[1] == "real") for detail in rows["detail"]]
    whole = pd.PeriodIndex(rows["month"], freq="M").days_in_month
    billed = np.array([detail["by_bills"] for detail in rows["detail"]], dtype=bool)
    days = np.where(billed, whole, rows["hours"] / 24)
    found = [(ml / 1e6, limit_m3 / Z95, day) for (_, _, ml, limit_m3), day in zip(told, days, strict=True)]
    return pd.DataFrame(found, index=rows.index, columns=["loss_m3", "loss_sd_m3", "days"], dtype=float)


def iwa(rows: pd.DataFrame, zone: str = "") -> pd.DataFrame:
    """The IWA table of a zone in one month: level, component, ml, m3, limit_m3 (half of the 95 % interval), percent of system input."""
    found = rows[rows["zone_id"] == zone]
    lines: list[Any] = found["detail"].iloc[0]["balance"] if len(found) else []
    table = pd.DataFrame(lines, columns=["level", "component", "ml", "limit_m3"])
    m3 = table["ml"] / 1e6
    whole = m3.iloc[0] if len(m3) and m3.iloc[0] > 0 else np.nan
    return table.assign(m3=m3, percent=100 * m3 / whole)


def tracked(found: pd.DataFrame) -> pd.DataFrame:
    """Every target in every month: target, zone (empty for the city), month, observed, low, high, required [1], state."""
    rows = [{**one, "zone": one["zone"] or ""} for detail in found["detail"] for one in detail["targets"]]
    return pd.DataFrame(rows, columns=["target", "zone", "month", "observed", "low", "high", "required", "state"])


def exported(rows: pd.DataFrame) -> pd.DataFrame:
    """One month as a table to take away: zone, month, component, ml, limit_m3 for the city and every DMA."""
    parts = [iwa(rows, zone).assign(zone=zone or "city", month=rows["month"].iloc[0]) for zone in rows["zone_id"]]
    return pd.concat(parts)[["zone", "month", "component", "ml", "m3", "limit_m3", "percent"]].reset_index(drop=True)


def pressure_what_if(night: Night, side: WaterCity, zone: str, setting_m: float) -> "Saving":
    """What a valve set to `setting_m` would save in a DMA per year, on its last stored month and its sensors' last week.

    Energy and carbon are those of the city's supply (`lost_water.of_supply`). Raises `PenstockError` for an unknown DMA, or one
    whose losses no night has told.
    """
    from networks.losses.pressure import PressureZone, Prices, what_if  # EPANET: nothing that the console needs at its start

    rows = chosen(months(night.engine), None)
    own = rows[(rows["zone_id"] == zone) & (rows["zone_id"] != "")]
    if own.empty:
        raise fault(f"DMA '{zone}'", "no losses told", f"one of {', '.join(z for z in rows['zone_id'] if z)}", "Name one of them.")
    area, month, lost = side.water.losses.areas.get(zone, LossArea()), own.iloc[0], _balanced(own).iloc[0]
    inside = side.dma_of.index[side.dma_of == zone]
    pressure = _pressure(night, side, list(inside))
    loss_per_day = max(0.0, lost["loss_m3"] / lost["days"])
    today = PressureZone(
        pressure["average_m"].to_numpy(),
        float(pressure["lowest_m"].min()),
        loss_per_day,
        max(0.0, 24 * month["inflow_m3"] / month["hours"] - loss_per_day),
        bursts_per_year=area.bursts_per_year,
    )
    spent = lost_water.of_supply(night)
    prices = Prices(side.water.price_per_m3, side.water.losses.price_per_burst, *spent)
    return what_if(today, setting_m, prices)


def _pressure(night: Night, side: WaterCity, inside: list[str]) -> pd.DataFrame:
    """average_m and lowest_m by hour, from sensors in the DMA where there are any with values, else from the model."""
    from networks.losses.pressure import measured_pressure, modelled_pressure

    own = {point: node for point, node in side.sensors.items() if node in inside}
    if own:
        zone = night.city.settings.city.time_zone
        start = civil_day(night.date - timedelta(days=PRESSURE_DAYS), zone)[0]
        block = meter_days.block(night.engine, [night.city.points[p] for p in own], start, night.today, estimates=False)
        found = measured_pressure(side.network, inside, own, block, zone)
        if np.isfinite(found.to_numpy()).all():
            return found
    return modelled_pressure(side.network, inside)
