"""The air's temperature over a plan, from the weather forecasts: what heat pumps, chillers and buildings are planned by."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine

from city.clock import floor
from forecasting.weather_archive import on_grid
from service.plans.begin import Begin
from service.settings import LoadedCity
from service.store import weather

VARIABLE = "temperature_degc"
CITY = "weather"  # stands for the whole city in a series id, where others name a place of [[weather]]
PAST = timedelta(days=2)


def temperatures(
    city: LoadedCity, engine: Engine, wanted: Sequence[str], start: Begin, times: pd.DatetimeIndex, step: timedelta
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """{series id: p10, p50, p90, all the same, float64[t]} [degC] of `weather.temperature_degc` and `<place>.temperature_degc`.

    A series of which the newest forecast tells nothing, or not all, is left out, which the coverage check then names.
    """
    found = {}
    for name in wanted:
        place, _, variable = name.rpartition(".")
        if variable == VARIABLE and (course := _course(city, engine, "" if place == CITY else place, start, times, step)) is not None:
            found[name] = dict.fromkeys(("p10", "p50", "p90"), course)
    return found


def _course(
    city: LoadedCity, engine: Engine, place: str, start: Begin, times: pd.DatetimeIndex, step: timedelta
) -> NDArray[np.float64] | None:
    origin = floor(start.known_utc, step)
    told = weather.read(engine, place, origin - PAST, start.known_utc)
    oldest = timedelta(hours=max((feed.max_age_h for feed in city.settings.weather), default=0.0))
    first, columns = origin - PAST, PAST // step
    ahead = (times[-1].to_pydatetime() - origin) // step + 1
    known = on_grid(told, start.known_utc, first, step, columns, ahead, oldest)
    if known is None or VARIABLE not in known.names:
        return None
    at = np.asarray((times - pd.Timestamp(first)) // pd.Timedelta(step), dtype=np.int64)
    course = known.at(np.full(len(at), columns, dtype=np.int64), at)[known.names.index(VARIABLE)].astype(float)
    return course if np.isfinite(course).all() else None
