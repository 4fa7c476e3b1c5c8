"""From the store to a plan's input: forecasts, prices, intensity, and what the plan starts from, on one grid of steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine

from city.clock import grid
from optimisation import whatif
from optimisation.inputs import PlanInput
from optimisation.risk import Risk
from service.plans import ambient, orders, signals
from service.plans.begin import Begin, begin
from service.plans.edits import Edit, first_step, joined
from service.response.binding import bound
from service.settings import LoadedCity
from service.store import courses, paths
from service.store.courses import Courses

QUANTILES = ["p10", "p50", "p90"]
_TOGETHER = 2_000  # series laid on the grid as columns of one table


@dataclass(frozen=True)
class Question:
    """What the optimiser is asked; `notes` say what stands in for what is missing, `begin` is kept with the answer."""

    inputs: PlanInput
    begin: Begin
    night: date
    notes: tuple[str, ...]

    def corrected(self, inputs: PlanInput, notes: tuple[str, ...]) -> Self:
        """The same question as the network corrected it; what it begins from keeps that, so a what-if asks the same."""
        begin = self.begin.model_copy(update={"state": inputs.state, "cuts": inputs.cuts})
        return replace(self, inputs=inputs, begin=begin, notes=(*self.notes, *notes))


def question(
    city: LoadedCity,
    engine: Engine,
    night: date,
    now_utc: datetime,
    plan_id: str,
    caps: Mapping[str, float] | None = None,
    edits: Sequence[Edit] = (),
) -> Question:
    """The plan that starts `lead_minutes` after now, on the grid of steps; `caps` may hold its co2_kg and peak_kw.

    `edits` join those of the plan in force; of one asset the new ones count where they hold.

    Raises `PenstockError` when there is no tariff; missing forecasts and states are told by the plan's own coverage check.
    """
    start = first_step(city, now_utc)
    known = begin(city, engine, start, now_utc)
    laid = joined(known.edits, edits)
    asked = {"carbon_cap_kg": (caps or {}).get("co2_kg"), "peak_cap_kw": (caps or {}).get("peak_kw"), "edits": laid}
    return again(city, engine, night, plan_id, known.model_copy(update=asked))


def again(city: LoadedCity, engine: Engine, night: date, plan_id: str, start: Begin) -> Question:
    """The question that begins there and then: the same one again, for a plan that was made before."""
    settings, zone = city.settings, city.settings.city.time_zone
    step = timedelta(seconds=settings.night.step_s)
    wanted = sorted({name for asset in settings.assets for name in asset.series_needed})
    known = courses.newest(engine, night, wanted, start.known_utc)
    steps = _horizon(known, start.start_utc, step, settings.night.steps)
    times = grid(start.start_utc, steps, step)
    price, told_price = signals.import_price(city, times, start.known_utc)
    paid, told_paid = signals.export_price(city, times, start.known_utc)
    carbon, told_carbon = signals.intensity(city, times, start.known_utc)
    inputs = PlanInput(
        start_utc=start.start_utc,
        zone=zone,
        series=_series(known, times, step) | ambient.temperatures(city, engine, wanted, start, times, step),
        import_price_per_kwh=price,
        export_price_per_kwh=paid,
        intensity_kg_per_kwh=carbon,
        state=start.state,
        cuts=start.cuts,
        carbon_price_per_t=settings.tariff.carbon_price_per_t if settings.tariff else 0.0,
        month_peak_kw=start.month_peak_kw,
        change_price_per_kwh=settings.plan.change_price_per_kwh,
        carbon_cap_kg=settings.plan.carbon_cap_kg if start.carbon_cap_kg is None else start.carbon_cap_kg,
        peak_cap_kw=start.peak_cap_kw,
        weights=settings.weights,
        risk=settings.risk,
        paths={} if settings.risk == Risk() else sample_paths(engine, night, wanted, times, step),
        steps=steps,
        step_s=settings.night.step_s,
        plan_id=plan_id,
        currency=settings.city.currency,
    )
    inputs = bound(engine, city, inputs, start.known_utc)  # before holds, which ask what a device does by itself
    locks, told_locks = orders.locks(city, inputs, start.held)
    inputs = replace(inputs, locks=locks, approved=orders.approved(city, engine, start.approved, inputs))
    inputs = whatif.applied(inputs, settings.assets, [edit.change for edit in start.edits])
    return Question(inputs, start, night, (*told_price, *told_paid, *told_carbon, *told_locks))


def _horizon(forecasts: Sequence[Courses], start: datetime, step: timedelta, most: int) -> int:
    """Steps a plan can look ahead: `most`, or as far as the forecasts reach when it is made again later in the day."""
    reach = min((one.end_utc - start) // step for one in forecasts) if forecasts else most
    return min(most, reach) if reach > 0 else most


def _series(forecasts: Sequence[Courses], times: pd.DatetimeIndex, step: timedelta) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Quantiles on the plan's grid by series id, in the unit per step of the plan."""
    found: dict[str, dict[str, NDArray[np.float64]]] = {}
    for one in forecasts:
        for at in range(0, len(one.ids), _TOGETHER):
            ids, some = one.ids[at : at + _TOGETHER], one.values[at : at + _TOGETHER]
            side_by_side = pd.DataFrame(some.reshape(-1, some.shape[2]).T.astype(float), index=one.times)
            values = _on_grid(side_by_side, one.step_s, times, step)
            if values is not None:
                laid = np.ascontiguousarray(values.T).reshape(len(ids), len(QUANTILES), -1)
                found |= {name: dict(zip(QUANTILES, laid[i], strict=True)) for i, name in enumerate(ids)}
    return dict(sorted(found.items()))


def _on_grid(frame: pd.DataFrame, step_s: int, times: pd.DatetimeIndex, step: timedelta) -> NDArray[np.float64] | None:
    """float64[t, columns] per step of the plan: a finer forecast is summed, a coarser one spread evenly; None when it ends too early."""
    share = step.total_seconds() / step_s
    summed = frame.rolling(round(share)).sum().shift(1 - round(share)) if share > 1 else frame * share
    if times[0] < frame.index[0] or times[-1] >= frame.index[-1] + pd.Timedelta(seconds=step_s):
        return None
    return summed.reindex(times, method="ffill").to_numpy(dtype=float)


def sample_paths(
    engine: Engine, night: date, wanted: Sequence[str], times: pd.DatetimeIndex, step: timedelta
) -> dict[str, NDArray[np.float64]]:
    """{series id: float64[paths, t]} in the unit per step of the plan; a series whose paths end too early has none."""
    stored = paths.paths(engine, night, wanted)
    made = {name: _on_grid(frame, frame.attrs["step_s"], times, step) for name, frame in stored.items()}
    return {name: values.T for name, values in made.items() if values is not None}
