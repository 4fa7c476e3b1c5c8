"""The night's forecasts brought together: sums equal to their parts, sample paths, and the risk that a rating is passed."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from city.clock import local
from city.quantities import Quantity
from forecasting.coherent import Alone, Together, coherent, sampled
from forecasting.forecast import Forecasts
from forecasting.peaks import daily_peaks
from service.settings import LoadedCity
from service.store import paths as stored
from service.store.vectors import pack_float

PATHS = 200
CROWD = 200
"""Series of an asset beyond which nobody looks at one of them alone: they get no paths. Those of 1,000 take 2 GB while they are drawn."""
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
    """Series that somebody asks paths of: those of assets, those with a rating, and all sums.

    Series that only a `CROWD` names are not among them.
    """
    asked = {name for asset in city.settings.assets if len(asset.series_needed) <= CROWD for name in asset.series_needed}
    return asked | set(city.sums.rating_kw) | set(city.sums.constraints)


@lru_cache(maxsize=2)
def _members(city: LoadedCity) -> tuple[frozenset[str], frozenset[str]]:
    """Series that take part in sums or are wanted, and those of them that get paths."""
    sums = city.sums.constraints
    asked = wanted(city)
    return frozenset(asked | {part for parts in sums.values() for part in parts}), frozenset(sampled(sums, asked))


def alone(city: LoadedCity, made: Forecasts) -> tuple[Alone, ...]:
    """What one share of the night must hand on: quantiles of its series that take part in sums or are `wanted`, and past errors of
    those that get paths.
    """
    members, drawn = _members(city)
    found = []
    for part in made.parts:
        ids = np.array([made.history.ids[r] for r in part.question.rows], dtype=object)
        known, task = part.answer.errors, part.question.task
        late = known.origins[:, None] + np.arange(task.steps) >= task.origins[0]
        times = np.array([task.time(int(o)).replace(tzinfo=None) for o in known.origins], "datetime64[us]")
        for asked, count in ((members & drawn, len(times)), (members - drawn, 0)):
            rows = [j for j, name in enumerate(ids) if name in asked]
            if rows:
                z = known.errors[rows, :count] / np.maximum(known.size[rows, :count], 1e-12)
                z = np.where(late[:count], np.nan, z).astype(np.float32)
                step_s = int(made.history.step.total_seconds())
                found.append(Alone(tuple(ids[rows]), step_s, part.answer.quantiles[rows, 0], times[:count], z))
    return tuple(found)


def together(city: LoadedCity, start_utc: datetime, parts: Sequence[Alone], changed: Collection[str] = ()) -> Result:
    """Reconcile the forecasts of a night, which all start at `start_utc`; `parts` are what `alone` made of its shares, `changed` the
    series that known events changed.
    """
    known = city.sums
    signed = {name for name, series in known.summed.items() if series.kind == "net"} | {
        p.id for p in city.points.values() if city.meter[p.meter].forecast == "net"
    }
    made = coherent(parts, known.constraints, wanted(city), signed, PATHS, city.settings.forecast.seed, changed)
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
