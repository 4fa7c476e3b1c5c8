"""The connection to the public grid: prices by time, contract capacity, and a charge on the month's highest quarter."""
# ruff: noqa: ARG002, ARG003 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from optimisation.assets.asset import TOLERANCE, AssetKind, Connected, Left, Solved, column
from optimisation.inputs import PlanInput
from optimisation.results import Breach, Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class Grid(Connected):
    """Imports at the import price, exports at the export price; CO2e is counted on imports, exports earn none back."""

    kind: Literal["grid"] = "grid"
    follows: ClassVar[int] = 5
    planned: ClassVar[tuple[str, ...]] = ("power_kw",)
    connection_kw: float = Field(gt=0, description="what the connection can carry, either way [kW]: physical, never exceeded")
    export_limit_kw: float | None = Field(default=None, ge=0, description="most that may be exported [kW]; none: as the connection")
    contract_kw: float | None = Field(default=None, gt=0, description="contract capacity [kW]: a wish, exceeded at a price; none: no wish")
    excess_price_per_kwh: float = Field(default=1.0, ge=0, description="price of energy above the contract capacity [currency/kWh]")
    capacity_charge_per_kw_month: float = Field(default=0.0, ge=0, description="price of the month's highest import [currency/kW/month]")

    @property
    def export_kw(self) -> float:
        return self.connection_kw if self.export_limit_kw is None else self.export_limit_kw

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs = model.m, model.inputs
        model.ids("GRID", (g.id for g in group))
        model.variable(
            "grid_import_kw",
            m.GRID,
            m.T,
            upper=column(group, "connection_kw")[:, None],
            at_most=Words("import through the connection at most {value}", "kW"),
        )
        model.variable(
            "grid_export_kw", m.GRID, m.T, upper=column(group, "export_kw")[:, None], at_most=Words("export at most {value}", "kW")
        )
        buy = inputs.import_price_per_kwh + inputs.carbon_per_kwh
        model.parameter("grid_buy", m.T, buy * inputs.step_h)
        model.parameter("grid_sell", m.T, inputs.export_price_per_kwh * inputs.step_h)
        model.parameter("grid_kg", m.T, inputs.intensity_kg_per_kwh * inputs.step_h)
        model.inject([(g.id, g.balance) for g in group], lambda m, g, t: m.grid_import_kw[g, t] - m.grid_export_kw[g, t])
        model.emissions.append(lambda m: sum(m.grid_kg[t] * m.grid_import_kw[g, t] for g in m.GRID for t in m.T))
        model.costs.append(
            lambda m: sum(m.grid_buy[t] * m.grid_import_kw[g, t] - m.grid_sell[t] * m.grid_export_kw[g, t] for g in m.GRID for t in m.T)
        )
        cls._one_way(model, group, buy)
        cls._contract(model, [g for g in group if g.contract_kw is not None])
        cls._peak(model, [g for g in group if g.capacity_charge_per_kw_month > 0])
        model.holdable("power_kw", [g.id for g in group], lambda m, g, t: m.grid_import_kw[g, t] - m.grid_export_kw[g, t])

    @staticmethod
    def _one_way(model: "Formulation", group: Sequence["Grid"], buy: np.ndarray) -> None:
        """A direction binary only where buying to sell at the same time would pay."""
        steps = np.flatnonzero(buy < model.inputs.export_price_per_kwh).tolist()
        draw, feed = {g.id: g.connection_kw for g in group}, {g.id: g.export_kw for g in group}
        model.one_way("grid", model.m.GRID, steps, ("grid_import_kw", draw), ("grid_export_kw", feed))

    @staticmethod
    def _contract(model: "Formulation", group: Sequence["Grid"]) -> None:
        if not group:
            return
        m = model.m
        model.ids("GRID_CONTRACT", (g.id for g in group))
        model.variable("grid_excess_kw", m.GRID_CONTRACT, m.T)
        model.parameter("grid_contract_kw", m.GRID_CONTRACT, column(group, "contract_kw"))
        model.parameter("grid_excess_price", m.GRID_CONTRACT, column(group, "excess_price_per_kwh") * model.inputs.step_h)
        model.constraint(
            "grid_contract",
            m.GRID_CONTRACT,
            m.T,
            rule=lambda m, g, t: m.grid_import_kw[g, t] - m.grid_excess_kw[g, t] <= m.grid_contract_kw[g],
            words=Words("import within the contract capacity of {value}", "kW"),
        )
        model.costs.append(lambda m: sum(m.grid_excess_price[g] * m.grid_excess_kw[g, t] for g in m.GRID_CONTRACT for t in m.T))

    @staticmethod
    def _peak(model: "Formulation", group: Sequence["Grid"]) -> None:
        """The charge falls on what exceeds the peak already incurred; a month that begins inside the horizon is given the same one."""
        if not group:
            return
        m = model.m
        model.ids("GRID_PEAK", (g.id for g in group))
        model.variable("grid_peak_kw", m.GRID_PEAK, lower=max(model.inputs.month_peak_kw, 0.0))
        model.parameter("grid_peak_price", m.GRID_PEAK, column(group, "capacity_charge_per_kw_month"))
        model.constraint(
            "grid_peak",
            m.GRID_PEAK,
            m.T,
            rule=lambda m, g, t: m.grid_import_kw[g, t] - m.grid_peak_kw[g] <= 0,
            words=Words("import not above the month's charged peak", "kW"),
        )
        model.costs.append(lambda m: sum(m.grid_peak_price[g] * m.grid_peak_kw[g] for g in m.GRID_PEAK))
        model.constant -= sum(g.capacity_charge_per_kw_month for g in group) * max(model.inputs.month_peak_kw, 0.0)

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        net = solved["grid_import_kw"] - solved["grid_export_kw"]
        return {g.id: {"power_kw": net[i]} for i, g in enumerate(group)}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """Takes what is left over, even above its limits."""
        return {"power_kw": left[self.balance]}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        """Cost, carbon and peak of a net import `power_kw` (+ import); a baseline may break its hard limits, which then is said."""
        net = values["power_kw"]
        imported, exported = np.maximum(net, 0) * inputs.step_h, np.maximum(-net, 0) * inputs.step_h
        peak = float(net.max(initial=0.0))
        breaches = []
        for limit, what, price in (
            (self.contract_kw, "contract capacity", self.excess_price_per_kwh),
            (self.connection_kw, "connection rating", 0.0),
        ):
            above = np.maximum(net - (np.inf if limit is None else limit), 0.0)
            if limit is not None and above.max() > TOLERANCE * limit:
                steps = np.flatnonzero(above > TOLERANCE * limit)
                amount = float(above.sum() * inputs.step_h)
                sentence = (
                    f"{self.id} imports up to {above.max():,.0f} kW above the {what} of {limit:,.0f} kW in {len(steps)} steps, "
                    f"first at {inputs.said(int(steps[0]))}: {amount:,.1f} kWh."
                )
                breaches.append(Breach(self.id, what, amount, "kWh", price, sentence))
        cost = Cost(
            energy=float(imported @ inputs.import_price_per_kwh - exported @ inputs.export_price_per_kwh),
            capacity=self.capacity_charge_per_kw_month * max(peak - max(inputs.month_peak_kw, 0.0), 0.0),
            carbon=float(imported @ inputs.carbon_per_kwh),
            breaches=sum(b.cost for b in breaches),
        )
        return Settled({self.balance: net}, cost, float(imported @ inputs.intensity_kg_per_kwh), peak, breaches=tuple(breaches))
