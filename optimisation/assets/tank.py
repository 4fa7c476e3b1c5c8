"""A tank, or the usable volume of several as one: filled by its stations, emptied by the demand, kept within a band."""
# ruff: noqa: ARG002, ARG003 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from datetime import time
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from city.problems import Problem
from optimisation.asset import NOISE, TOLERANCE, AssetKind, Left, Solved, column
from optimisation.inputs import PlanInput, Series
from optimisation.parts.station import by_level
from optimisation.results import Breach, Cost, Settled, Values
from optimisation.risk.buffer import Buffer
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


def whole_days(inputs: PlanInput) -> list[tuple[int, ...]]:
    """The steps of each civil day that lies wholly in the horizon (23, 24 or 25 hours)."""
    return [day for day in inputs.civil_days if len(day) * inputs.step_h >= 23]


class Target(BaseModel):
    """A volume wished at a time of each day, e.g. a full tank before the morning peak."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    at_local: time = Field(description="local time of the wish")
    least_m3: float = Field(ge=0, description="volume wished at that time [m3]")


class Tank(AssetKind):
    """Volume in = volume out + change. Empty and full are physics; the wished band and the end are wishes with a price."""

    kind: Literal["tank"] = "tank"
    stage: ClassVar[int] = 1
    state_needed: ClassVar[tuple[str, ...]] = ("volume_m3",)
    planned: ClassVar[tuple[str, ...]] = ("volume_m3",)
    series: tuple[str, ...] = Field(default=(), description="ids of the demand forecasts it supplies; none for a tank that feeds others")
    volume_min_m3: float = Field(default=0.0, ge=0, description="lowest volume that can be drawn [m3]: physical")
    volume_max_m3: float = Field(gt=0, description="volume at overflow [m3]: physical")
    fire_reserve_m3: float = Field(default=0.0, ge=0, description="volume kept for fires at all times [m3]: a hard limit")
    max_residence_h: float | None = Field(
        default=None, gt=0, description="longest mean time water stays in it, over every whole civil day [h]: a hard limit"
    )
    wish_min_m3: float | None = Field(default=None, ge=0, description="lower end of the wished band [m3]; none: volume_min_m3")
    wish_max_m3: float | None = Field(default=None, ge=0, description="upper end of the wished band [m3]; none: volume_max_m3")
    wish_price_per_m3h: float = Field(default=0.05, ge=0, description="price of being outside the band [currency per m3 and hour]")
    end_least_m3: float | None = Field(default=None, ge=0, description="wished volume at the end [m3]; none: as at the start")
    end_price_per_m3: float = Field(default=1.0, ge=0, description="price of volume missing at the end [currency/m3]")
    targets: tuple[Target, ...] = Field(default=(), description="volumes wished at times of the day, priced like the end")
    end_value_per_m3: float = Field(default=0.0, ge=0, description="what volume left at the end is worth [currency/m3]")

    @model_validator(mode="after")
    def _order(self) -> Self:
        low, high = self.band_m3
        if self.fire_reserve_m3 >= high:
            raise ValueError(f"fire_reserve_m3 {self.fire_reserve_m3:g} must lie below the wished band's end, {high:g}")
        if not self.volume_min_m3 <= low < high <= self.volume_max_m3:
            raise ValueError(f"volumes must rise: min {self.volume_min_m3}, wish {low} to {high}, max {self.volume_max_m3}")
        for target in self.targets:
            if target.least_m3 > high:
                raise ValueError(
                    f"target of {target.least_m3:g} m3 at {target.at_local:%H:%M} lies above the wished band, which ends at {high:g} m3"
                )
        return self

    @property
    def band_m3(self) -> tuple[float, float]:
        low = self.volume_min_m3 if self.wish_min_m3 is None else self.wish_min_m3
        return max(low, self.fire_reserve_m3), self.volume_max_m3 if self.wish_max_m3 is None else self.wish_max_m3

    @property
    def series_needed(self) -> tuple[str, ...]:
        return self.series

    @property
    def buffer(self) -> Buffer:
        """What stays in it, or stays free, for errors of its demand forecast."""
        low, high, price = self.volume_min_m3, self.volume_max_m3, self.wish_price_per_m3h
        return Buffer(self.id, "volume_m3", "m3", lambda m, k, i: m.tank_volume_m3[k, i], low, high, self.series, price)

    def demand_m3(self, inputs: PlanInput) -> Series:
        """float[steps] drawn by those it supplies [m3]."""
        return inputs.expected(*self.series) if self.series else np.zeros(inputs.steps)

    def start_m3(self, inputs: PlanInput) -> float:
        """What it holds at the start: as metered, full or empty where a sensor reads a little beyond [m3]."""
        return float(np.clip(inputs.state[self.id]["volume_m3"], self.volume_min_m3, self.volume_max_m3))

    def end_m3(self, inputs: PlanInput) -> float:
        """The wished volume at the end, inside the band [m3]."""
        wish = self.start_m3(inputs) if self.end_least_m3 is None else self.end_least_m3
        return float(np.clip(wish, *self.band_m3))

    def reserve_m3(self, inputs: PlanInput) -> float:
        """What may not be gone below [m3]: the fire reserve, or the start where a fire has just been fought; then refilling is wished."""
        return min(self.fire_reserve_m3, self.start_m3(inputs))

    def wished_m3(self, inputs: PlanInput) -> dict[int, float]:
        """Wished volume at instants 1 to `steps` [m3]: its daily targets, and the end."""
        clock = [time(t.hour, t.minute) for t in inputs.local_times]
        wished = {i: t.least_m3 for t in self.targets for i in range(1, inputs.steps + 1) if clock[i] == t.at_local}
        return wished | {inputs.steps: max(self.end_m3(inputs), wished.get(inputs.steps, 0.0))}

    def check(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
        start, low, high = float(inputs.state[self.id]["volume_m3"]), self.volume_min_m3, self.volume_max_m3
        found = []
        if not low - NOISE * high <= start <= high * (1 + NOISE):
            found += [
                Problem(f"state of {self.id}, volume_m3", f"{start:g} m3", f"{low:g} to {high:g} m3", "Check level sensor and volumes.")
            ]
        clock = {time(t.hour, t.minute) for t in inputs.local_times}
        for target in self.targets if inputs.steps * inputs.step_h >= 25 else ():
            if target.at_local not in clock:
                allowed = f"a time at which a step of {inputs.step_s / 60:g} min begins"
                found.append(Problem(f"asset {self.id}, targets", f"{target.at_local:%H:%M}", allowed, "Move it to such a time."))
        return found

    def notes(self, inputs: PlanInput) -> list[str]:
        (low, high), start = self.band_m3, self.start_m3(inputs)
        told = (
            []
            if low <= start <= high
            else [f"{self.id} starts with {start:,.0f} m3, outside its wished band of {low:,.0f} to {high:,.0f} m3."]
        )
        if start < self.fire_reserve_m3:
            told.append(f"{self.id} starts below its fire reserve of {self.fire_reserve_m3:,.0f} m3: it is filled as the band is wished.")
        return told

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs = model.m, model.inputs
        n, h = inputs.steps, inputs.step_h
        start = np.array([a.start_m3(inputs) for a in group])[:, None]
        low, high = (np.hstack([start, np.repeat(column(group, f"volume_{side}_m3")[:, None], n, 1)]) for side in ("min", "max"))
        model.ids("TANK", (a.id for a in group))
        model.variable(
            "tank_volume_m3",
            m.TANK,
            m.T1,
            lower=low,
            upper=high,
            at_least=Words("volume at least {value} (empty)", "m3"),
            at_most=Words("volume at most {value} (overflow)", "m3"),
        )
        model.buffers += [a.buffer for a in group if a.series]
        demand = {a.id: a.demand_m3(inputs).tolist() for a in group}
        inflows, outflows = model.inflows, model.outflows
        model.constraint(
            "tank_balance",
            m.TANK,
            m.T,
            by_row=True,
            rule=lambda m, k, t: (
                m.tank_volume_m3[k, t]
                - m.tank_volume_m3[k, t + 1]
                + h * sum(flow(m, t) for flow in inflows.get(k, ()))
                - h * sum(flow(m, t) for flow in outflows.get(k, ()))
                == demand[k][t]
            ),
        )
        for asset in group:
            model.duals_of[asset.id] = ("tank_balance", asset.id)
        cls._safe(model, group, demand)
        cls._wishes(model, group)

    @staticmethod
    def _safe(model: "Formulation", group: Sequence["Tank"], demand: dict[str, list[float]]) -> None:
        """Fire reserve and turnover: the cheapest schedule is not the safe one.

        Mean residence time of a day = mean volume / mean outflow, as if mixed and all water passed through the tank.
        """
        m, inputs = model.m, model.inputs
        reserve = {a.id: a.reserve_m3(inputs) for a in group if a.fire_reserve_m3 > 0}
        model.constraint(
            "tank_reserve",
            model.ids("TANK_RESERVE", reserve),
            m.T,
            by_row=True,
            rule=lambda m, k, t: m.tank_volume_m3[k, t + 1] >= reserve[k],
            words=Words("fire reserve of at least {value}", "m3"),
        )
        longest = {(a.id, day[0]): (a.max_residence_h, day) for a in group if a.max_residence_h for day in whole_days(inputs)}

        def turned_over(m: Any, k: str, first: int) -> Any:
            hours, day = longest[k, first]
            drawn = sum(demand[k][t] for t in day) / inputs.step_h + sum(flow(m, t) for flow in model.outflows.get(k, ()) for t in day)
            return sum(m.tank_volume_m3[k, t + 1] for t in day) - hours * drawn <= 0

        words = Words("water that stays in it no longer than max_residence_h in a day")
        model.constraint("tank_turnover", model.ids("TANK_TURNOVER", longest), by_row=True, rule=turned_over, words=words)

    @staticmethod
    def _wishes(model: "Formulation", group: Sequence["Tank"]) -> None:
        m, last = model.m, model.inputs.steps
        low, high = (model.parameter(f"tank_wish_{i}_m3", m.TANK, [a.band_m3[i] for a in group]) for i in (0, 1))
        wished = {(a.id, t): volume for a in group for t, volume in a.wished_m3(model.inputs).items()}
        model.ids("TANK_WISHED", wished)
        model.variable("tank_below_m3", m.TANK, m.T)
        model.variable("tank_above_m3", m.TANK, m.T)
        model.variable("tank_short_m3", m.TANK_WISHED)
        model.constraint(
            "tank_wish_low",
            m.TANK,
            m.T,
            rule=lambda m, k, t: m.tank_volume_m3[k, t + 1] + m.tank_below_m3[k, t] >= low[k],
            words=Words("volume in the wished band, at least {value}", "m3"),
        )
        model.constraint(
            "tank_wish_high",
            m.TANK,
            m.T,
            rule=lambda m, k, t: m.tank_volume_m3[k, t + 1] - m.tank_above_m3[k, t] <= high[k],
            words=Words("volume in the wished band, at most {value}", "m3"),
        )
        model.constraint(
            "tank_wished",
            m.TANK_WISHED,
            by_row=True,
            rule=lambda m, k, t: m.tank_volume_m3[k, t] + m.tank_short_m3[k, t] >= wished[k, t],
            words=Words("wished volume of at least {value} at its time or at the end", "m3"),
        )
        model.parameter("tank_wish_price", m.TANK, column(group, "wish_price_per_m3h") * model.inputs.step_h)
        model.parameter("tank_end_price", m.TANK, column(group, "end_price_per_m3"))
        value = column(group, "end_value_per_m3")
        model.parameter("tank_end_value", m.TANK, value)
        model.constant += float(value @ [a.start_m3(model.inputs) for a in group])
        model.costs.append(
            lambda m: sum(m.tank_wish_price[k] * (m.tank_below_m3[k, t] + m.tank_above_m3[k, t]) for k in m.TANK for t in m.T)
        )
        model.costs.append(lambda m: sum(m.tank_end_price[k] * m.tank_short_m3[k, t] for k, t in m.TANK_WISHED))
        model.costs.append(lambda m: sum(-m.tank_end_value[k] * m.tank_volume_m3[k, last] for k in m.TANK))

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        return {a.id: {"volume_m3": volume} for a, volume in zip(group, solved["tank_volume_m3"], strict=True)}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        return {"volume_m3": by_level(inputs, assets)[0][self.id]}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        volume, h = values["volume_m3"], inputs.step_h
        low, high = self.band_m3
        breaches = []
        for what, outside, price in (
            ("volume below the wished band", np.maximum(low - volume[1:], 0.0), self.wish_price_per_m3h),
            ("volume above the wished band", np.maximum(volume[1:] - high, 0.0), self.wish_price_per_m3h),
            ("volume below its fire reserve", np.maximum(self.fire_reserve_m3 - volume[1:], 0.0), 0.0),
            ("volume below empty", np.maximum(self.volume_min_m3 - volume[1:], 0.0), 0.0),
        ):
            if outside.max() > TOLERANCE * self.volume_max_m3:
                amount, worst = float(outside.sum() * h), int(outside.argmax()) + 1
                sentence = f"{self.id}: {what} by up to {outside.max():,.1f} m3, most at {inputs.said(worst)}."
                breaches.append(Breach(self.id, what, amount, "m3 h", price, sentence))
        for t, wished in self.wished_m3(inputs).items():
            short = wished - float(volume[t])
            if short > TOLERANCE * self.volume_max_m3:
                when = f"ends with {volume[t]:,.1f} m3" if t == inputs.steps else f"holds {volume[t]:,.1f} m3 at {inputs.said(t)}"
                sentence = f"{self.id} {when}, {short:,.1f} m3 below the {wished:,.1f} m3 wished."
                breaches.append(Breach(self.id, "volume at its time", short, "m3", self.end_price_per_m3, sentence))
        cost = Cost(storage=self.end_value_per_m3 * float(volume[0] - volume[-1]), breaches=sum(b.cost for b in breaches))
        return Settled(cost=cost, breaches=tuple(breaches))
