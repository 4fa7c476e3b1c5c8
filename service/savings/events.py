"""Settled events of demand response as rows of savings: their baseline is that of days like theirs, not the plan's."""

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from city.clock import local_date
from service.plans import signals
from service.response import events
from service.response.settling import settlements
from service.settings import LoadedCity


def settled(engine: Engine, city: LoadedCity, first: date, last: date, weighed: bool) -> list[dict[str, Any]]:
    """One row per settled event that began on a civil day from `first` to `last`, in its latest version.

    What came back after the event is taken off; the upper end leaves it out, as it may have been used anyway.
    """
    zone = city.settings.city.time_zone
    newest = {row.event_id: row for row in settlements(engine)}
    began = {one.event_id: one for one in events.records(engine)}
    inside = [row for name, row in newest.items() if name in began and first <= local_date(began[name].start_utc, zone) <= last]
    return [_row(city, row, began[row.event_id].asset_id, weighed) for row in inside]


def _row(city: LoadedCity, row: Any, asset: str, weighed: bool) -> dict[str, Any]:
    detail = row.detail
    times = pd.DatetimeIndex(pd.to_datetime(detail["times_utc"], utc=True)).as_unit("us")
    baseline, asked, metered = (np.array(detail[name], dtype=float) for name in ("baseline_kwh", "asked_kwh", "measured_kwh"))
    told = np.isfinite(metered)
    price, _ = signals.import_price(city, times, row.settled_utc)
    rate = signals.marginal(city, times) if weighed else np.full(len(times), np.nan)
    start: datetime = times[0].to_pydatetime()
    made: dict[str, Any] = {
        "night": local_date(start, city.settings.city.time_zone),
        "plan_id": f"event-{row.event_id}",
        "asset_id": asset,
        "from_utc": start,
        "to_utc": times[-1].to_pydatetime() + pd.Timedelta(seconds=detail["step_s"]).to_pytimedelta(),
        "steps": int(told.sum()),
        "missing": int((~told).sum()),
        "baseline_kwh": float(baseline[told].sum()),
        "planned_kwh": float((baseline - asked)[told].sum()),
        "metered_kwh": float(metered[told].sum()),
        "stored_kwh": 0.0,
    }
    for unit, weight in (("kwh", np.ones(len(times))), ("cost", price), ("kg", rate)):
        saved = float(weight[told] @ (baseline - metered)[told])
        back = row.rebound_kwh * float(weight.mean())
        made |= {f"saved_{unit}": saved - back, f"low_{unit}": min(saved - back, saved), f"high_{unit}": max(saved - back, saved)}
    return made | dict.fromkeys(("baseline_m3", "planned_m3", "metered_m3"), np.nan)
