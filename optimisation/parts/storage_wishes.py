"""What a store is wished to hold, and when: windows by the time of day, targets in time, and what a broken wish is told as."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from optimisation.asset import TOLERANCE
from optimisation.inputs import PlanInput
from optimisation.results import Breach
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.parts.storage import Store

DAY_MIN = 24 * 60
RECOVERY_H = 6.0  # in how long a store found outside its window is to be brought back [h]

Kind = Literal["led_back", "led_back_most", "end", "end_most", "target", "window", "window_most", "reserve"]
WORDS: dict[Kind, Words] = {
    "led_back": Words("charge led back into its window, at least {value}", "kWh"),
    "led_back_most": Words("charge led back into its window, at most {value}", "kWh"),
    "end": Words("charge at the end at least {value}", "kWh"),
    "end_most": Words("charge at the end at most {value}", "kWh"),
    "target": Words("charge in time at least {value}", "kWh"),
    "window": Words("charge in its window at least {value}", "kWh"),
    "window_most": Words("charge in its window at most {value}", "kWh"),
    "reserve": Words("reserve for its own load at least {value}", "kWh"),
}
TOLD: dict[Kind, str] = {
    "led_back": "charge outside its window",
    "led_back_most": "charge outside its window",
    "end": "charge at the end",
    "end_most": "charge at the end",
    "target": "charge in time",
    "window": "charge in its window",
    "window_most": "charge in its window",
    "reserve": "reserve",
}


class Window(BaseModel):
    """At every instant from `from_local` to `to_local`, both included, the store should hold so much."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    from_local: time = Field(description="local time it begins")
    to_local: time = Field(description="local time it ends; before from_local it is the next morning's")
    least_share: float | None = Field(default=None, ge=0, le=1, description="least it should hold, part of what it can hold [1]")
    most_share: float | None = Field(default=None, ge=0, le=1, description="most it should hold [1]")
    price_per_kwh_h: float = Field(default=1.0, ge=0, description="price of being outside [currency per kWh and hour]")

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if self.least_share is None and self.most_share is None:
            raise ValueError("a window needs least_share, most_share or both")
        return self


class Target(BaseModel):
    """By a local time of every day, or by one instant, the store should hold so much; nothing while that instant is not in sight."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    by_local: time | None = Field(default=None, description="local time of every day")
    by_utc: AwareDatetime | None = Field(default=None, description="one instant, with its offset from UTC")
    least_share: float = Field(ge=0, le=1, description="least it should hold then, part of what it can hold [1]")
    price_per_kwh: float = Field(default=1.0, ge=0, description="price of what is missing [currency/kWh]")

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if (self.by_local is None) == (self.by_utc is None):
            raise ValueError("a target needs either by_local or by_utc")
        return self


@dataclass(frozen=True)
class Wish:
    """At `instants` at least `kwh` (or at most, where the kind says so); `price` is per kWh outside, per hour where `hours` are given."""

    kind: Kind
    instants: NDArray[np.int64]
    kwh: float | NDArray[np.float64]
    price: float
    hours: float | None = None

    @property
    def side(self) -> int:
        """1: at least, -1: at most."""
        return -1 if self.kind.endswith("_most") else 1

    @property
    def price_each(self) -> float:
        """Currency per kWh outside at one instant."""
        return self.price * (1.0 if self.hours is None else self.hours)

    def breach(self, asset: str, inputs: PlanInput, stored_kwh: NDArray[np.float64], tolerance_kwh: float) -> Breach | None:
        """The sentence, amount and price of a broken wish; None when it was kept within `tolerance_kwh`."""
        outside = np.maximum(self.side * (self.kwh - stored_kwh[self.instants]), 0.0)
        if outside.max() <= tolerance_kwh:
            return None
        worst = int(outside.argmax())
        where, wished = int(self.instants[worst]), float(np.broadcast_to(self.kwh, outside.shape)[worst])
        side = "below" if self.side > 0 else "above"
        verb = "ends with" if where == inputs.steps else "holds"
        sentence = f"{asset} {verb} {stored_kwh[where]:,.1f} kWh, {outside[worst]:,.1f} kWh {side} the {wished:,.1f} kWh wished"
        sentence += "." if self.kind.startswith("end") else f" at {inputs.said(where)} ({TOLD[self.kind]})."
        amount = float(outside.sum()) * (1.0 if self.hours is None else self.hours)
        return Breach(asset, TOLD[self.kind], amount, "kWh" if self.hours is None else "kWh h", self.price, sentence)


def led_back(inputs: PlanInput, store: "Store") -> Iterator[Wish]:
    """From a start outside the window evenly back to it over `RECOVERY_H`, or as fast as full power can."""
    start, physics, price, h = store.start_kwh(inputs), store.physics, store.outside_price_per_kwh_h, inputs.step_h
    least, most = physics.energy_kwh * store.least_share, physics.energy_kwh * store.most_share
    if least - TOLERANCE * physics.energy_kwh <= start <= most + TOLERANCE * physics.energy_kwh:
        return
    after = np.arange(1, inputs.steps + 1)
    back = np.minimum(after * h / RECOVERY_H, 1.0)
    if start < least:
        kept = np.power(store.kept(inputs), after - 1.0)
        reach = start * kept * store.kept(inputs) + np.cumsum(kept) * h * physics.charge_kw * physics.charge_efficiency
        yield Wish("led_back", after, np.minimum(start + back * (least - start), reach), price, h)
    else:
        fall = after * h * physics.discharge_kw / physics.discharge_efficiency
        yield Wish("led_back_most", after, start - np.minimum(back * (start - most), fall), price, h)


def _minutes(inputs: PlanInput) -> NDArray[np.int64]:
    """int[steps + 1]: minute of the local day of every instant."""
    return np.array([t.hour * 60 + t.minute for t in inputs.local_times])


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def target_instants(inputs: PlanInput, target: Target) -> NDArray[np.int64]:
    """The last instant not after each time of the target; never the start, which is a reading.

    An hour that the clock repeats holds a target twice; one that it skips is met by the instant before.
    """
    if target.by_utc is not None:
        at = int(inputs.times.searchsorted(target.by_utc, side="right")) - 1
        return np.array([at] if at > 0 and target.by_utc <= inputs.times[-1] else [], dtype=np.int64)
    now, by = _minutes(inputs), _minute(target.by_local or time())
    after = np.append(now[1:], now[-1] + inputs.step_s // 60)
    after = np.where(after < now - DAY_MIN // 2, after + DAY_MIN, after)
    met = (now <= by) & (by < after) | (by + DAY_MIN < after)
    return np.flatnonzero(met & (np.arange(len(now)) > 0))


def window_instants(inputs: PlanInput, window: Window) -> NDArray[np.int64]:
    """The instants within the window, ends included; never the start, which is a reading."""
    now = _minutes(inputs)
    inside = _inside(now, window)
    return np.flatnonzero(inside & (np.arange(len(now)) > 0))


def _inside(minute: NDArray[np.int64], window: Window) -> NDArray[np.bool_]:
    first, last = _minute(window.from_local), _minute(window.to_local)
    return (minute >= first) & (minute <= last) if first < last else (minute >= first) | (minute <= last)


def contradiction(windows: Sequence[Window]) -> str | None:
    """A sentence when two windows ask for more and for less at the same time of day."""
    day = np.arange(DAY_MIN)
    low, high = np.zeros(DAY_MIN), np.ones(DAY_MIN)
    for window in windows:
        inside = _inside(day, window)
        low[inside] = np.maximum(low[inside], window.least_share or 0.0)
        high[inside] = np.minimum(high[inside], 1.0 if window.most_share is None else window.most_share)
    if not (low > high).any():
        return None
    at = int((low > high).argmax())
    return f"windows contradict each other at {at // 60:02d}:{at % 60:02d}: at least {low[at]:.0%} and at most {high[at]:.0%}"
