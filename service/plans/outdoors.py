"""The temperatures a plan looks ahead with: what weather services had told by then, on the plan's grid."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine

from forecasting.weather_archive import on_grid
from service.settings import LoadedCity
from service.store import weather

TEMPERATURE = "temperature_degc"
CITY = "weather"  # the whole city's place in an id; any other is the place of a [[weather]] feed


def temperatures(
    engine: Engine, city: LoadedCity, wanted: Sequence[str], times: pd.DatetimeIndex, known_utc: datetime
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """{`weather.temperature_degc` or `<place>.temperature_degc`: quantiles float64[t]} [degC]; services tell one value, so they are equal.

    `times` are the plan's steps. What no service had told at `known_utc` is not-a-number; a city without a feed gets nothing. Either is
    told by the plan's own coverage check.
    """
    feeds = city.settings.weather
    made: dict[str, dict[str, NDArray[np.float64]]] = {}
    for name in wanted:
        place, _, variable = name.rpartition(".")
        if variable != TEMPERATURE or not feeds or place not in {CITY, *(feed.place for feed in feeds)}:
            continue
        oldest = timedelta(hours=max(feed.max_age_h for feed in feeds))
        step, first = (times[1] - times[0]).to_pytimedelta(), times[0].to_pydatetime()
        before = int(np.ceil((first - known_utc) / step))  # columns of the grid between what is known and the plan
        start = first - (before + 1) * step
        told = weather.read(engine, "" if place == CITY else place, start - timedelta(days=2), known_utc)
        laid = on_grid(told, known_utc, start, step, 1, before + len(times) + 1, oldest)
        if laid is not None and TEMPERATURE in laid.names:
            columns = before + 1 + np.arange(len(times))
            degc = laid.at(np.ones(len(times), np.int64), columns)[laid.names.index(TEMPERATURE)].astype(float)
            made[name] = dict.fromkeys(("p10", "p50", "p90"), degc)
    return made
