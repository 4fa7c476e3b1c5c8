"""Announced events in the input of the next plan: calls it must keep, limits, prices and intensities it must count with."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, or_

from city.clock import local_date
from optimisation.inputs import Call, PlanInput
from optimisation.response.calls import covered
from service.openadr.signals import CITY
from service.response import events
from service.response.events import Record
from service.settings import LoadedCity

LOOK_BACK = timedelta(days=2)  # events whose energy may still come back
_WHOLE = 0.5  # of a step that a price must cover to hold in it


def bound(engine: Engine, city: LoadedCity, inputs: PlanInput, known_utc: datetime) -> PlanInput:
    """The input with programmes, calls, import limit, prices, intensity and events left, as they were announced by `known_utc`."""
    if not city.settings.programmes:
        return inputs
    found = _announced(engine, inputs, known_utc)
    of_city = [one for one in found if one.asset_id == CITY]
    return replace(
        inputs,
        programmes=events.programmes(city),
        calls=tuple(call for one in found if one.asset_id != CITY for call in _calls(city, inputs, one)),
        import_limit_kw=_limit(inputs, of_city),
        import_price_per_kwh=_told(inputs, of_city, "import_price_per_kwh", inputs.import_price_per_kwh),
        export_price_per_kwh=_told(inputs, of_city, "export_price_per_kwh", inputs.export_price_per_kwh),
        intensity_kg_per_kwh=_told(inputs, of_city, "kg_per_kwh", inputs.intensity_kg_per_kwh),
        state=_state(engine, city, inputs, known_utc),
    )


def _announced(engine: Engine, inputs: PlanInput, known_utc: datetime) -> list[Record]:
    """Events that act in the horizon or did shortly before, as they were known then; a lower priority number comes later and wins."""
    c, end = events.e.c, inputs.times[-1].to_pydatetime()
    reach = or_(c.end_utc.is_(None), c.end_utc > inputs.start_utc - LOOK_BACK)
    found = events.records(engine, c.announced_utc <= known_utc, c.start_utc < end, reach)
    as_known = [
        replace(one, cancelled_utc=None, state="announced") if one.cancelled_utc is not None and one.cancelled_utc > known_utc else one
        for one in found
    ]
    return sorted((one for one in as_known if one.acting()), key=lambda one: (-_priority(one), one.made_at_utc, one.event_id))


def _priority(one: Record) -> float:
    told = (one.document or {}).get("priority")
    return float(told) if told is not None else float("inf")


def _calls(city: LoadedCity, inputs: PlanInput, one: Record) -> list[Call]:
    """An event of an asset as calls of constant power; a setpoint becomes one per step, of what the forecast is above it."""
    asset = events.participants(city).get(one.asset_id)
    if asset is None:  # not enrolled any more: nobody to call
        return []
    horizon_end = inputs.times[-1].to_pydatetime()
    made: list[Call] = []
    for start, stop, amount in one.acting():
        end = min(stop or horizon_end, horizon_end)
        if one.signal != "setpoint_kw":
            kw = amount * asset.offered_kw if one.signal == "reduce_share" else amount
            made += [Call(asset.id, start, end, kw)] if end > start else []
            continue
        if any(series not in inputs.series for series in asset.series):
            continue  # the missing forecast is told by the plan's own check
        above = np.maximum(inputs.power(*asset.series) - amount, 0.0)
        times = [time.to_pydatetime() for time in inputs.times]
        inside = np.flatnonzero((covered(inputs, start, end) > 0) & (above > 0)).tolist()
        made += [Call(asset.id, max(start, times[i]), min(end, times[i + 1]), float(above[i])) for i in inside]
    return made


def _limit(inputs: PlanInput, found: Sequence[Record]) -> NDArray[np.float64] | None:
    """float[steps]: the lowest of the limits that hold in any part of a step."""
    limits = [one for one in found if one.signal == "import_limit_kw"]
    if not limits:
        return None
    lowest = np.full(inputs.steps, np.inf)
    for one in limits:
        for start, stop, amount in one.acting():
            inside = covered(inputs, start, stop or inputs.times[-1].to_pydatetime()) > 0
            lowest = np.where(inside, np.minimum(lowest, amount), lowest)
    return lowest


def _told(inputs: PlanInput, found: Sequence[Record], signal: str, usual: NDArray[np.float64]) -> NDArray[np.float64]:
    """float[steps]: `usual` where no event says otherwise for at least half of the step."""
    made = np.asarray(usual, dtype=float).copy()
    for one in found:
        for start, stop, amount in one.acting() if one.signal == signal else ():
            made[covered(inputs, start, stop or inputs.times[-1].to_pydatetime()) >= _WHOLE] = amount
    return made


def _state(engine: Engine, city: LoadedCity, inputs: PlanInput, known_utc: datetime) -> dict[str, dict[str, float]]:
    state = {asset: dict(values) for asset, values in inputs.state.items()}
    day = local_date(inputs.start_utc, inputs.zone)
    for asset in events.participants(city).values():
        in_season, today = events.left(engine, city, asset, day, known_utc)
        state[asset.id] = {"events_left": float(in_season), "events_left_today": float(today), **state.get(asset.id, {})}
    return state
