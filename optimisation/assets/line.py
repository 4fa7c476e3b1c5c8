"""A line or transformer between two balances: its rating either way, what is lost on the way, and what its use costs."""
# ruff: noqa: ARG002, ARG003 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from optimisation.asset import AssetKind, Left, Solved, column, of_kind
from optimisation.inputs import PlanInput, Series
from optimisation.parts.limits import exceeded
from optimisation.results import Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class Line(AssetKind):
    """Carries power from one balance to another; `power_kw` is what is sent, + from `from_balance`, - from `to_balance`.

    Losses are a share of what is sent, so the flow of a lossless line is one signed variable and that of any other line two.
    """

    kind: Literal["line"] = "line"
    follows: ClassVar[int] = 4
    ports: ClassVar[tuple[str, ...]] = ("from_balance", "to_balance")
    planned: ClassVar[tuple[str, ...]] = ("power_kw",)
    opposites: ClassVar[tuple[tuple[str, str], ...]] = (("line_forward_kw", "line_backward_kw"),)
    from_balance: str = Field(default="electricity", min_length=1, description="the balance it takes from when its power is positive")
    to_balance: str = Field(min_length=1, description="the balance it gives to when its power is positive")
    rating_kw: float = Field(gt=0, description="most it can be sent [kW]: physical, never exceeded")
    reverse_kw: float | None = Field(default=None, ge=0, description="most it can be sent the other way [kW]; none: as forward")
    loss_share: float = Field(default=0.0, ge=0, lt=1, description="part of what is sent that is lost [1]")
    price_per_kwh: float = Field(default=0.0, ge=0, description="price of what is sent, either way [currency/kWh]")

    @model_validator(mode="after")
    def _two_ends(self) -> Self:
        if self.from_balance == self.to_balance:
            raise ValueError(f"from_balance and to_balance are both '{self.to_balance}': a line joins two")
        return self

    @property
    def back_kw(self) -> float:
        return self.rating_kw if self.reverse_kw is None else self.reverse_kw

    @property
    def costs_nothing(self) -> bool:
        """Then it needs no second variable: one way or the other makes no difference to what is lost or paid."""
        return self.loss_share == 0 and self.price_per_kwh == 0

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m = model.m
        free = np.array([line.costs_nothing for line in group])[:, None]
        forward, back = column(group, "rating_kw")[:, None], column(group, "back_kw")[:, None]
        model.ids("LINE", (line.id for line in group))
        most = Words("carries at most {value}", "kW")
        least = Words("carries no less than {value}", "kW")
        model.variable("line_forward_kw", m.LINE, m.T, lower=np.where(free, -back, 0.0), upper=forward, at_least=least, at_most=most)
        model.variable("line_backward_kw", m.LINE, m.T, upper=np.where(free, 0.0, back), at_most=most)
        model.parameter("line_arrives", m.LINE, 1 - column(group, "loss_share"))
        from_ports, to_ports = ([(line.id, getattr(line, port)) for line in group] for port in cls.ports)
        model.inject(from_ports, lambda m, k, t: m.line_arrives[k] * m.line_backward_kw[k, t] - m.line_forward_kw[k, t])
        model.inject(to_ports, lambda m, k, t: m.line_arrives[k] * m.line_forward_kw[k, t] - m.line_backward_kw[k, t])
        cls._tolls(model, [line for line in group if line.price_per_kwh > 0])
        cls._one_way(model, [line for line in group if not line.costs_nothing])
        model.holdable("power_kw", [line.id for line in group], lambda m, k, t: m.line_forward_kw[k, t] - m.line_backward_kw[k, t])

    @staticmethod
    def _tolls(model: "Formulation", group: Sequence["Line"]) -> None:
        if not group:
            return
        price = column(group, "price_per_kwh") * model.inputs.step_h
        model.parameter("line_price", model.ids("LINE_TOLLED", (line.id for line in group)), price)
        model.costs.append(
            lambda m: sum(m.line_price[k] * (m.line_forward_kw[k, t] + m.line_backward_kw[k, t]) for k in m.LINE_TOLLED for t in m.T)
        )

    @staticmethod
    def _one_way(model: "Formulation", group: Sequence["Line"]) -> None:
        if group:
            draw, feed = {line.id: line.rating_kw for line in group}, {line.id: line.back_kw for line in group}
            lossy = model.ids("LINE_LOSSY", draw)
            model.one_way("line", lossy, model.burning, ("line_forward_kw", draw), ("line_backward_kw", feed))

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        net = solved["line_forward_kw"] - solved["line_backward_kw"]
        return {line.id: {"power_kw": net[i]} for i, line in enumerate(group)}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """Brings what the end away from the grid lacks, or takes what it has too much, even above its rating.

        Lines that reach the same balance share by rating; one between two balances that are equally far from a grid stays open.
        """
        lines = of_kind(assets, Line)
        later = lines[lines.index(self) :]
        return {"power_kw": self._sent(later, _distances(assets, lines), left, ())}

    def _sent(self, later: Sequence["Line"], distance: dict[str, float], left: Left, path: tuple[str, ...]) -> Series:
        """What it is sent when it serves its far end, and through it the lines behind that have not been accounted for yet."""
        near, far = self._ends(distance)
        if near is None or self.id in path:
            return np.zeros_like(left[self.to_balance])
        lacks = left[far].copy()
        for line in later:
            if line._ends(distance)[0] == far:
                sent = line._sent(later, distance, left, (*path, self.id))
                lacks -= line.flows(sent)[far]
        beside = sum(line.rating_kw for line in later if line._ends(distance)[1] == far)
        share = lacks * self.rating_kw / beside
        sent = np.where(share > 0, share / (1 - self.loss_share), share)
        return sent if far == self.to_balance else -sent

    def _ends(self, distance: dict[str, float]) -> tuple[str | None, str]:
        """The balance it is fed from and the one it serves; no feeding end when both are equally far from a grid."""
        one, other = (distance.get(balance, np.inf) for balance in self.balances)
        if one == other and np.isfinite(one):
            return None, self.to_balance
        return (self.from_balance, self.to_balance) if one <= other else (self.to_balance, self.from_balance)

    def flows(self, sent: Series) -> dict[str, Series]:
        """Power into each of its two balances [kW]."""
        forward, back = np.maximum(sent, 0.0), np.maximum(-sent, 0.0)
        arrives = 1 - self.loss_share
        return {self.from_balance: arrives * back - forward, self.to_balance: arrives * forward - back}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        sent = values["power_kw"]
        breaches = (
            *exceeded(inputs, self.id, "rating", "carries", sent, self.rating_kw),
            *exceeded(inputs, self.id, "rating", "carries back", -sent, self.back_kw),
        )
        toll = self.price_per_kwh * float(np.abs(sent).sum()) * inputs.step_h
        return Settled(self.flows(sent), Cost(energy=toll), breaches=breaches)


def _distances(assets: Sequence[AssetKind], lines: Sequence[Line]) -> dict[str, float]:
    """How many lines lie between each balance and one that something outside the city feeds; what none reaches is left out."""
    distance = {balance: 0.0 for asset in assets if asset.follows > Line.follows for balance in asset.balances}
    while True:
        found = {}
        for line in lines:
            for here, there in (line.balances, line.balances[::-1]):
                if here in distance and there not in distance:
                    found[there] = distance[here] + 1
        if not found:
            return distance
        distance |= found
