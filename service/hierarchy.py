"""The night's forecasts brought together: sums equal to their parts, sample paths, and the risk that a rating is passed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from city.clock import local
from city.quantities import Quantity
from forecasting.coherent import Alone, Together, coherent
from forecasting.forecast import Forecasts
from forecasting.peaks import daily_peaks
from service.settings import LoadedCity
from service.store import paths as stored
from service.store.vectors import pack_float

PATHS = 200
_RATE = {Quantity.ENERGY_KWH: "power_kw", Quantity.HEAT_KWH: "power_kw", Quantity.VOLUME_M3: "flow_m3_per_h"}


@dataclass(frozen=True)
class Result:
    """What goes into the store: quantiles that add up, paths and peaks."""

    together: Together
    start_utc: datetime
    step_s: dict[str, int]
    peaks: list[dict[str, Any]]  # rows of the table, without the night

    def write(self, connection: Connection, night: date) -> None:
        """Store paths and peaks; the quantiles are the forecast step's own to store."""
        stored.store_paths(connection, night, self.start_utc, self.step_s, self.together.paths)
        stored.store_peaks(connection, night, [{"night": night, **row} for row in self.peaks])

    @property
    def sentence(self) -> str:
        """For the run record; empty when nothing adds up to anything."""
        rated = [row for row in self.peaks if row["probability"] is not None]
        risky = sum(row["probability"] >= 0.1 for row in rated)
        return f"; {risky} of {len(rated)} daily peaks pass a rating with 10 % or more" if rated else ""


def wanted(city: LoadedCity) -> set[str]:
    """Series that somebody asks paths of: those of assets, those with a rating, and all sums."""
    asked = {name for asset in city.settings.assets for name in asset.series_needed}
    return asked | set(city.sums.rating_kw) | set(city.sums.constraints)


def alone(city: LoadedCity, made: Forecasts) -> Alone | None:
    """What one share of the night must hand on: quantiles and past errors of its series that take part in sums or are `wanted`."""
    sums = city.sums.constraints
    members = wanted(city) | {part for parts in sums.values() for part in parts}
    ids, quantiles, errors, origins = [], [], [], []
    for part in made.parts:
        rows = [j for j, r in enumerate(part.question.rows) if made.history.ids[r] in members]
        if not rows:
            continue
        known = part.answer.errors
        late = known.origins[:, None] + np.arange(part.question.task.steps) >= part.question.task.origins[0]
        z = np.where(late, np.nan, known.errors[rows] / np.maximum(known.size[rows], 1e-12))
        ids += [made.history.ids[part.question.rows[j]] for j in rows]
        quantiles.append(part.answer.quantiles[rows, 0])
        errors.append(z)
        origins.append(np.array([part.question.task.time(int(o)).replace(tzinfo=None) for o in known.origins], "datetime64[us]"))
    if not ids:
        return None
    every = np.unique(np.concatenate(origins))
    z = np.full((len(ids), len(every), quantiles[0].shape[1]), np.nan, np.float32)
    first = 0
    for some, times in zip(errors, origins, strict=True):
        z[first : first + len(some), np.searchsorted(every, times)] = some
        first += len(some)
    return Alone(tuple(ids), int(made.history.step.total_seconds()), np.concatenate(quantiles), every, z)


def together(city: LoadedCity, start_utc: datetime, parts: Sequence[Alone]) -> Result:
    """Reconcile the forecasts of a night, which all start at `start_utc`; `parts` are what `alone` made of its shares."""
    known = city.sums
    signed = {name for name, series in known.summed.items() if series.kind == "net"} | {
        p.id for p in city.points.values() if city.meter[p.meter].forecast == "net"
    }
    made = coherent(parts, known.constraints, wanted(city), signed, PATHS, city.settings.forecast.seed)
    step_s = {name: part.step_s for part in parts for name in part.ids}
    return Result(made, start_utc, step_s, list(_peaks(city, start_utc, step_s, made)))


def _peaks(city: LoadedCity, start_utc: datetime, step_s: dict[str, int], made: Together) -> Iterator[dict[str, Any]]:
    """Rows of the peaks of every rated series and every sum that has paths, for the civil days that lie whole within the forecast."""
    zone = city.settings.city.time_zone
    for name in sorted({*city.sums.rating_kw, *city.sums.constraints} & made.paths.keys()):
        rate = _RATE.get(city.sums.summed[name].quantity if name in city.sums.summed else city.points[name].stored)
        if rate is None:
            continue
        paths = made.paths[name] * (3600 / step_s[name])
        times = pd.date_range(start_utc, periods=paths.shape[1], freq=timedelta(seconds=step_s[name]))
        dates = local(times, zone)
        whole = [day for day, hours in pd.Series(dates).dt.date.value_counts(sort=False).items() if hours * step_s[name] >= 23 * 3600]
        number = np.array([whole.index(d) if d in whole else -1 for d in dates.date])
        kept = np.flatnonzero(number >= 0)
        for peak in daily_peaks(paths[:, kept], number[kept], city.sums.rating_kw.get(name)):
            yield {
                "series_id": name,
                "day": whole[peak.day],
                "start_utc": times[kept[peak.first]].to_pydatetime(),
                "step_s": step_s[name],
                "quantity": rate,
                "p10": peak.p10,
                "p50": peak.p50,
                "p90": peak.p90,
                "at_utc": times[kept[peak.at]].to_pydatetime(),
                "limit": city.sums.rating_kw.get(name),
                "probability": peak.probability,
                "by_step": None if peak.by_step is None else pack_float(peak.by_step),
            }
