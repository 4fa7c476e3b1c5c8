"""What is expected of the city's key figures: the forecast band of the last and of the next day, and what the plan does to stores."""

from collections.abc import Iterable
from datetime import timedelta

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from city.clock import QUARTER, floor, grid
from city.problems import PenstockError
from optimisation.assets import Battery, Tank
from service.plans import signals
from service.settings import LoadedCity
from service.view.moment import Moment
from service.view.plan import Tonight, fans

QUANTILES = ["p10", "p50", "p90"]
SPAN = timedelta(hours=24)
_FANS = {"load": "load", "pv": "pv", "wind": "wind", "water": "inflow"}


def ahead(engine: Engine, city: LoadedCity, moment: Moment, plan: Tonight | None) -> dict[str, pd.DataFrame]:
    """{key of a figure: p10, p50, p90 [unit of the figure]} on 193 quarter hours, from 24 h before to 24 h after now.

    Of load, photovoltaic, wind and inflow the forecasts of the two newest nights; the newer counts where both speak. Of batteries and
    tanks what the plan does, of the grid's intensity what the plan counts with: both without a band. What is not known is NaN.
    """
    start = floor(moment.now_utc, QUARTER) - SPAN
    times = grid(start, 2 * (SPAN // QUARTER) + 1, QUARTER)
    made: dict[str, pd.DataFrame] = {}
    if moment.night is not None:
        for night in (moment.night - timedelta(days=1), moment.night):
            for fan, frame in fans(engine, city, night).items():
                if fan in _FANS:
                    own = frame.reindex(times, method="ffill", limit=4)[QUANTILES]
                    own[times > frame.index[-1] + (frame.index[-1] - frame.index[-2])] = np.nan
                    made[_FANS[fan]] = own.combine_first(made[_FANS[fan]]) if _FANS[fan] in made else own
    if plan is not None:
        for key, kind, quantity in (("charge", Battery, "charge_kwh"), ("tanks", Tank, "volume_m3")):
            ids = [asset.id for asset in city.settings.assets if isinstance(asset, kind)]
            stored = _planned(plan, ids, quantity, times)
            if stored is not None:
                made[key] = stored
    intensity = _intensity(city, times, moment)
    return made if intensity is None else made | {"intensity": intensity}


def _planned(plan: Tonight, assets: Iterable[str], quantity: str, times: pd.DatetimeIndex) -> pd.DataFrame | None:
    """What the plan keeps in some assets together; None where it says nothing of one of them."""
    columns = [("plan", asset, quantity) for asset in assets]
    if not columns or any(column not in plan.values for column in columns):
        return None
    total = plan.values[columns].sum(axis=1, min_count=len(columns))
    total.index = total.index + QUARTER  # a stored amount is that of the end of its step
    known = total.reindex(times)
    return pd.DataFrame({"p10": np.nan, "p50": known, "p90": np.nan}, index=times)


def _intensity(city: LoadedCity, times: pd.DatetimeIndex, moment: Moment) -> pd.DataFrame | None:
    """kg CO2/kWh by the quarter hour; None where it is one number, which is no course, or not known."""
    try:
        values = np.asarray(signals.intensity(city, times, moment.now_utc)[0], dtype=float)
    except PenstockError:
        return None
    if np.ptp(values) == 0:
        return None
    return pd.DataFrame({"p10": np.nan, "p50": values, "p90": np.nan}, index=times)
