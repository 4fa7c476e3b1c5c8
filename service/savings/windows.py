"""The steps in which an approved plan was in force, and what a meter says of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from city.clock import as_utc, ceil, civil_day, local_date
from city.places import Point
from service import schema as t
from service.plans import signals
from service.settings import LoadedCity
from service.store import meter_days, results

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """One plan over the steps in which it was in force, with the price and the marginal intensity of each.

    `before` is its row of the step before them; None where they begin with the plan itself.
    """

    row: Any
    values: pd.DataFrame
    before: pd.Series | None
    price: Values
    rate: Values | None

    @property
    def start(self) -> datetime:
        return as_utc(self.values.index[0].to_pydatetime())

    @property
    def end(self) -> datetime:
        return self.start + len(self.values) * self.step

    @property
    def step(self) -> timedelta:
        return timedelta(seconds=self.row.step_s)

    def of(self, scenario: str, asset: str, quantity: str) -> Values | None:
        column = (scenario, asset, quantity)
        return self.values[column].to_numpy(float) if column in self.values else None

    def ahead(self, asset: str, quantity: str) -> Values:
        """float64[t]: how much more the plan stores than its baseline, gained in each step.

        Levels are those at the end of a step, and both scenarios begin at the same one.
        """
        plan, baseline = (self.of(scenario, asset, quantity) for scenario in ("plan", "baseline"))
        if plan is None or baseline is None:
            return np.zeros(len(self.values))
        former = 0.0 if self.before is None else self.before[("plan", asset, quantity)] - self.before[("baseline", asset, quantity)]
        return np.diff(plan - baseline, prepend=former)


def windows(engine: Engine, city: LoadedCity, first: date, last: date, weighed: bool) -> Iterator[Window]:
    """Every approved plan of these nights that was in force, each until a later approved one begins or its approved hours end."""
    p, a = t.plan.c, t.approval.c
    statement = select(t.plan, a.at_utc).join(t.approval, a.plan_id == p.plan_id).where(a.commands > 0).order_by(a.at_utc)
    with engine.connect() as connection:
        found = connection.execute(statement.where(p.night.between(first - timedelta(days=1), last + timedelta(days=1)))).all()
    hours, stored = timedelta(hours=city.settings.night.approved_hours), meter_days.last(engine)
    if stored is None:
        return
    readable = civil_day(local_date(stored, city.settings.city.time_zone), city.settings.city.time_zone)[1]
    begins = [max(row.start_utc, ceil(row.at_utc, timedelta(seconds=row.step_s))) for row in found]
    for i, (row, begin) in enumerate(zip(found, begins, strict=True)):
        end = min([row.start_utc + hours, readable, *begins[i + 1 :]])
        if begin >= end or not first <= row.night <= last:
            continue
        whole = results.plan_values(engine, row)
        values, former = whole[(whole.index >= begin) & (whole.index < end)], whole[whole.index < begin]
        if len(values):
            price, _ = signals.import_price(city, values.index, row.made_at_utc)
            rate = signals.marginal(city, values.index) if weighed else None
            yield Window(row, values, former.iloc[-1] if len(former) else None, price, rate)


def on_steps(engine: Engine, city: LoadedCity, point: Point, window: Window) -> Values:
    """A point's measured usage on the plan's steps: finer readings are summed, coarser ones spread evenly."""
    zone = city.settings.city.time_zone
    start, end = civil_day(local_date(window.start, zone), zone)[0], civil_day(local_date(window.end - window.step, zone), zone)[1]
    block = meter_days.block(engine, [point], start, end, estimates=False)
    values, share = block.unit_values()[0], window.step / block.step
    fine = np.repeat(values * min(share, 1.0), max(round(1 / share), 1))
    summed = fine.reshape(-1, max(round(share), 1)).sum(axis=1)
    first = int((window.start - start) / window.step)
    return summed[first : first + len(window.values)]
