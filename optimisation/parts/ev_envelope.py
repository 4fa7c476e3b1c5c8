"""What a fleet of cars may owe: the band between charging at once and charging as late as departures allow.

Cumulative energy lies between an upper curve, every car charging from its arrival on, and a lower one, every car ready just in
time, less what it lends meanwhile. The distance from the upper curve is what is *owed*; its limit is the distance of the curves.

References: Zhang, Hu, Xu, Song, Evaluation of achievable vehicle-to-grid capacity using aggregate PEV model, IEEE Trans. Power Systems 32
(2017), 784-794 (curves of single cars add up to those of the fleet; the sum is exact for equal cars and an outer limit for others).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from typing import Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from optimisation.inputs import PlanInput
from optimisation.response.programme import Weekday

Floats = NDArray[np.float64]


class Session(BaseModel):
    """Cars that come and go at the same local times, and what each of them needs."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    arrive_local: time = Field(description="local time they plug in")
    depart_local: time = Field(description="local time they leave; before arrive_local it is the next morning's")
    weekdays: tuple[Weekday, ...] = Field(default=get_args(Weekday), min_length=1, description="days they arrive on: mon ... sun")
    cars: float = Field(gt=0, description="how many")
    needs_kwh: float = Field(ge=0, description="what each draws between arrival and departure [kWh]")
    car_kw: float = Field(gt=0, description="most each draws [kW]")
    v2g_kw: float = Field(default=0.0, ge=0, description="most each gives back [kW]")
    lends_kwh: float = Field(default=0.0, ge=0, description="most each lends below what it arrived with [kWh]")

    @property
    def hours(self) -> float:
        """From arrival to departure [h]."""
        minutes = (self.depart_local.hour - self.arrive_local.hour) * 60 + self.depart_local.minute - self.arrive_local.minute
        return (minutes % (24 * 60)) / 60.0

    @model_validator(mode="after")
    def _time_enough(self) -> Self:
        if self.needs_kwh > self.car_kw * self.hours:
            raise ValueError(f"needs_kwh {self.needs_kwh:g} cannot be drawn with {self.car_kw:g} kW in the {self.hours:g} h of a session")
        return self


@dataclass(frozen=True)
class Envelope:
    """What a fleet asks for float[steps] [kWh], may draw and give back float[steps] [kW], and may owe float[steps + 1] [kWh].

    `short` is bool[steps]: may energy be missing for good after this step? Where the limit of what is owed comes down.
    """

    asked_kwh: Floats
    charge_kw: Floats
    give_kw: Floats
    owed_kwh: Floats

    @property
    def short(self) -> NDArray[np.bool_]:
        return np.isfinite(self.owed_kwh[1:]) & (
            (self.owed_kwh[1:] <= 0) | (self.owed_kwh[1:] < self.owed_kwh[:-1] + self.asked_kwh - 1e-9)
        )

    def __add__(self, other: "Envelope") -> "Envelope":
        return Envelope(
            self.asked_kwh + other.asked_kwh,
            self.charge_kw + other.charge_kw,
            self.give_kw + other.give_kw,
            self.owed_kwh + other.owed_kwh,
        )


def runs(inside: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and past-last step of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def limited(
    inputs: PlanInput, inside: NDArray[np.bool_], asked_kwh: Floats, charge_kw: Floats, give_kw: Floats, lends_kwh: Floats, start_kwh: float
) -> Envelope:
    """The envelope of cars that are all there in each stretch of `inside`, and all leave at its end.

    `lends_kwh` is float[steps + 1]. They give back only while there is time to be refilled before they leave.
    """
    owed, give, h = np.zeros(inputs.steps + 1), np.zeros(inputs.steps), inputs.step_h
    owed[0] = start_kwh
    for first, last in runs(inside):
        so_far = np.cumsum(asked_kwh[first:last])
        still = h * np.append(np.cumsum(charge_kw[first:last][::-1])[::-1][1:], 0.0)  # can be drawn after each step
        early = so_far + lends_kwh[first + 1 : last + 1] + (start_kwh if first == 0 else 0.0)
        late = still - (so_far[-1] - so_far)
        owed[first + 1 : last + 1] = np.maximum(np.minimum(early, late), 0.0)
        give[first:last] = np.where(early <= late, give_kw[first:last], 0.0)
    return Envelope(asked_kwh, charge_kw, give, owed)


def present(inputs: PlanInput, session: Session) -> NDArray[np.bool_]:
    """bool[steps]: are the cars there? From an arrival on one of their days to the departure after it."""
    inside, days = inputs.between(session.arrive_local, session.depart_local), {get_args(Weekday).index(name) for name in session.weekdays}
    for first, last in runs(inside):
        arrived = inputs.local_times[first] - pd.Timedelta(hours=_hours_since(inputs, session) if first == 0 else 0)
        inside[first:last] = arrived.dayofweek in days
    return inside


def of_session(inputs: PlanInput, session: Session, start_kwh: float) -> Envelope:
    """The envelope of one session; cars that are there at the start have charged since they arrived, but for `start_kwh`."""
    inside = present(inputs, session)
    asked, h, there = np.zeros(inputs.steps), inputs.step_h, inside.astype(float) * session.cars
    for first, last in runs(inside):
        had = session.car_kw * _hours_since(inputs, session) if first == 0 else 0.0
        drawn = np.minimum(had + session.car_kw * h * np.arange(last - first + 1), max(session.needs_kwh, had))
        asked[first:last] = session.cars * np.diff(drawn)
    lends = np.full(inputs.steps + 1, session.cars * session.lends_kwh)
    return limited(inputs, inside, asked, there * session.car_kw, there * session.v2g_kw, lends, start_kwh)


def _hours_since(inputs: PlanInput, session: Session) -> float:
    """How long cars that are there at the start have been there [h]."""
    now = inputs.local_times[0]
    return ((now.hour - session.arrive_local.hour) * 60 + now.minute - session.arrive_local.minute) % (24 * 60) / 60.0
