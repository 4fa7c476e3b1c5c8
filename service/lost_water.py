"""Lost water as usage for the ledger: its volume, and the electricity that was spent on it.

Both are information and no new consumption. The pumps' electricity is posted once, from the pumps' own meters; the part of it that went
into lost water is told again beside the sum (an entry of kind `outside`), never in it. Its kWh are the day's: pumps' electricity over
supplied volume, times the volume lost, in integers, so that an auditor recomputes them from entries of the same batch.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from carbon import factors
from carbon.accounts import GRID
from city.clock import civil_day, local_date
from city.frames import USAGE, checked
from city.problems import PenstockError
from city.quality import Cause, missing, usable
from city.quantities import Quantity
from service import schema as t
from service.night import Night
from service.settings import LoadedCity
from service.store import meter_days, results

WH_PER_KWH, ML_PER_M3 = 1000, 1_000_000
Ratio = Fraction | None


def usage(
    engine: Engine, city: LoadedCity, days: Sequence[tuple[datetime, datetime]], metered: Sequence[pd.DataFrame]
) -> Iterator[pd.DataFrame]:
    """USAGE rows of the pseudo-points `<zone>.loss` [m3] and `<zone>.loss_energy` [kWh] that accounts name, per balanced day.

    `metered` are the days' USAGE rows of the metered accounts.
    """
    zone = city.settings.city.time_zone
    wanted = {account.point for account in city.settings.accounts}
    bounds = {local_date(start, zone): (start, end) for start, end in days}
    spent = _wh_per_ml(city, bounds, metered)
    rows: list[tuple[object, ...]] = []
    for row in results.rows(engine, t.water_balance, t.water_balance.c.day.in_(bounds), order=t.water_balance.c.zone_id):
        ml = int(Quantity.VOLUME_M3.to_int(row.loss_m3 or 0.0))
        if f"{row.zone_id}.loss" in wanted:
            rows.append((f"{row.zone_id}.loss", *bounds[row.day], str(Quantity.VOLUME_M3), ml, row.quality, 1))
        if f"{row.zone_id}.loss_energy" in wanted:
            ratio = spent[row.day]
            wh = 0 if ratio is None else round(ml * ratio)
            quality = row.quality if ratio is not None else missing(Cause.GAP)
            rows.append((f"{row.zone_id}.loss_energy", *bounds[row.day], str(Quantity.ENERGY_KWH), wh, quality, 1))
    if rows:
        yield checked(USAGE, pd.DataFrame(rows, columns=list(USAGE.columns)), "water losses")


def of_supply(night: Night) -> tuple[float, float]:
    """Electricity of the city's supply over the last 30 days [kWh/m3], and the grid's carbon [kg/kWh]; NaN for what is not told."""
    settings = night.city.settings
    losses = settings.water.losses if settings.water else None
    kwh = losses.kwh_per_m3 if losses else None
    if losses and losses.energy:
        sources = [account.point for account in settings.accounts if account.kind == "water-supply"]
        energy, volume = (_stored(night, points) for points in (losses.energy, sources))
        kwh = energy / volume if volume else None
    try:
        known, later = factors.load(night.city.factor_folders), settings.carbon.provisional
        factor = factors.choose(known, activity=GRID, region=settings.city.region, on=night.date, provisional=later).factor
    except PenstockError:
        return np.nan if kwh is None else kwh, np.nan
    return np.nan if kwh is None else kwh, float(factor.base_value)


def _stored(night: Night, points: Sequence[str]) -> float:
    """Sum of some points over the last 30 days, in the unit of their quantity."""
    known = [night.city.points[name] for name in points if name in night.city.points]
    start = civil_day(night.date - timedelta(days=30), night.city.settings.city.time_zone)[0]
    found = 0.0
    for point in known:  # their steps may differ
        block = meter_days.block(night.engine, [point], start, night.today)
        found += float(np.nansum(block.unit_values()))
    return found


def _wh_per_ml(city: LoadedCity, bounds: Mapping[date, tuple[datetime, datetime]], metered: Sequence[pd.DataFrame]) -> dict[date, Ratio]:
    """Electricity per supplied millilitre on each day; None where a pump or a source was not measured."""
    settings = city.settings
    losses = settings.water.losses if settings.water else None
    if losses is None or not losses.energy or not metered:
        told = losses.kwh_per_m3 if losses else None
        return dict.fromkeys(bounds, None if told is None else Fraction(str(told)) * WH_PER_KWH / ML_PER_M3)
    sources = [account.point for account in settings.accounts if account.kind == "water-supply"]
    posted = pd.concat([frame[frame["point_id"].isin([*losses.energy, *sources])] for frame in metered])
    found: dict[date, Ratio] = {}
    for day, (start, end) in bounds.items():
        rows = posted[(posted["period_start_utc"] >= start) & (posted["period_end_utc"] <= end)]
        energy, volume = _sum(rows, losses.energy), _sum(rows, sources)
        found[day] = Fraction(energy, volume) if energy is not None and volume else None
    return found


def _sum(rows: pd.DataFrame, points: Sequence[str]) -> int | None:
    """Stored integers of some points together; None where one of them is absent or not usable."""
    own = rows[rows["point_id"].isin(points)]
    whole = bool(points) and set(own["point_id"]) == set(points) and bool(usable(own["quality"].to_numpy()).all())
    return int(own["amount"].sum()) if whole else None
