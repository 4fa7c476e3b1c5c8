"""A connection to the public grid: prices by time, contract capacity, losses, and a charge on each month's highest step."""
# ruff: noqa: ARG002, ARG003 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from city.problems import Problem
from optimisation.asset import AssetKind, Connected, Left, Solved, column, of_kind
from optimisation.inputs import PlanInput, Series
from optimisation.parts.limits import exceeded
from optimisation.results import Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class Grid(Connected):
    """Imports at the import price, exports at the export price; CO2e is counted on imports, exports earn none back.

    Power is counted, paid and limited at its meter; losses lie behind the meter. Each calendar month of the horizon has its own peak:
    the running one starts at what it has reached, one that begins inside the horizon at `usual_peak_kw`.
    """

    kind: Literal["grid"] = "grid"
    follows: ClassVar[int] = 5
    planned: ClassVar[tuple[str, ...]] = ("power_kw",)
    state_taken: ClassVar[tuple[str, ...]] = ("month_peak_kw",)
    opposites: ClassVar[tuple[tuple[str, str], ...]] = (("grid_import_kw", "grid_export_kw"),)
    connection_kw: float = Field(gt=0, description="what the connection can carry, either way [kW]: physical, never exceeded")
    export_limit_kw: float | None = Field(default=None, ge=0, description="most that may be exported [kW]; none: as the connection")
    loss_share: float = Field(default=0.0, ge=0, lt=1, description="part of what passes that is lost behind the meter [1]")
    surcharge_per_kwh: float = Field(default=0.0, ge=0, description="network charge on each kWh imported here [currency/kWh]")
    contract_kw: float | None = Field(default=None, gt=0, description="contract capacity [kW]: a wish, exceeded at a price; none: no wish")
    excess_price_per_kwh: float = Field(default=1.0, ge=0, description="price of energy above the contract capacity [currency/kWh]")
    capacity_charge_per_kw_month: float = Field(default=0.0, ge=0, description="price of the month's highest import [currency/kW/month]")
    usual_peak_kw: float = Field(
        default=0.0, ge=0, description="what a month reaches anyway: one that begins inside the horizon is charged above it [kW]"
    )

    @property
    def export_kw(self) -> float:
        return self.connection_kw if self.export_limit_kw is None else self.export_limit_kw

    def peak_so_far_kw(self, inputs: PlanInput, month: int) -> float:
        """The peak a month of the horizon is charged above [kW]: the running month (0) has one already."""
        if month:
            return self.usual_peak_kw
        return max(float(inputs.state.get(self.id, {}).get("month_peak_kw", inputs.month_peak_kw)), 0.0)

    def buy_per_kwh(self, inputs: PlanInput) -> Series:
        """float[steps]: what a kWh imported here costs, carbon priced [currency/kWh]."""
        return inputs.import_price_per_kwh + inputs.carbon_per_kwh + self.surcharge_per_kwh

    def check(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
        """With several charged connections the city's one metered peak cannot say what each has reached."""
        charged = [g for g in of_kind(assets, Grid) if g.capacity_charge_per_kw_month > 0]
        if self not in charged or len(charged) == 1 or np.isfinite(inputs.state.get(self.id, {}).get("month_peak_kw", np.nan)):
            return []
        allowed = "its own highest import of the month [kW], as several connections bear a capacity charge"
        return [Problem(f"asset {self.id}, state 'month_peak_kw'", "unknown", allowed, "Add it to [[states]] from its meter.")]

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs = model.m, model.inputs
        model.ids("GRID", (g.id for g in group))
        carries = Words("import through the connection at most {value}", "kW")
        model.variable("grid_import_kw", m.GRID, m.T, upper=column(group, "connection_kw")[:, None], at_most=carries)
        sells = Words("export at most {value}", "kW")
        model.variable("grid_export_kw", m.GRID, m.T, upper=column(group, "export_kw")[:, None], at_most=sells)
        buy = np.array([g.buy_per_kwh(inputs) for g in group])
        model.parameter("grid_buy", m.GRID * m.T, buy * inputs.step_h)
        model.parameter("grid_sell", m.T, inputs.export_price_per_kwh * inputs.step_h)
        model.parameter("grid_kg", m.T, inputs.intensity_kg_per_kwh * inputs.step_h)
        model.parameter("grid_arrives", m.GRID, 1 - column(group, "loss_share"))
        model.parameter("grid_takes", m.GRID, 1 / (1 - column(group, "loss_share")))
        model.inject(
            [(g.id, g.balance) for g in group],
            lambda m, g, t: m.grid_arrives[g] * m.grid_import_kw[g, t] - m.grid_takes[g] * m.grid_export_kw[g, t],
        )
        model.emissions.append(lambda m: sum(m.grid_kg[t] * m.grid_import_kw[g, t] for g in m.GRID for t in m.T))
        model.costs.append(
            lambda m: sum(m.grid_buy[g, t] * m.grid_import_kw[g, t] - m.grid_sell[t] * m.grid_export_kw[g, t] for g in m.GRID for t in m.T)
        )
        cls._one_way(model, group, buy)
        cls._called(model)
        cls._contract(model, [g for g in group if g.contract_kw is not None])
        cls._peak(model, [g for g in group if g.capacity_charge_per_kw_month > 0])
        model.holdable("power_kw", [g.id for g in group], lambda m, g, t: m.grid_import_kw[g, t] - m.grid_export_kw[g, t])

    @staticmethod
    def _one_way(model: "Formulation", group: Sequence["Grid"], buy: np.ndarray) -> None:
        """A direction binary only where buying to sell at the same time would pay; connections of one balance share it."""
        pays = (buy < model.inputs.export_price_per_kwh).any(axis=0)
        steps = sorted({*np.flatnonzero(pays).tolist(), *model.sign_steps})
        draw, feed = {g.id: g.connection_kw for g in group}, {g.id: g.export_kw for g in group}
        model.one_way("grid", model.m.GRID, steps, ("grid_import_kw", draw), ("grid_export_kw", feed))
        first = {g.balance: g.id for g in reversed(group)}
        beside = {g.id: first[g.balance] for g in group if first[g.balance] != g.id}
        if steps and beside:
            model.constraint(
                "grid_same_way",
                model.ids("GRID_BESIDE", beside),
                model.m.grid_sign_steps,
                rule=lambda m, g, t: m.grid_sign[g, t] == m.grid_sign[beside[g], t],
                by_row=True,
            )

    @staticmethod
    def _called(model: "Formulation") -> None:
        """What the network operator allows all connections together, at the steps for which it said so."""
        limit = model.inputs.import_limit_kw
        if limit is None or not np.isfinite(limit).any():
            return
        steps = model.ids("GRID_CALLED", np.flatnonzero(np.isfinite(limit)).tolist())
        model.parameter("grid_called_kw", steps, np.asarray(limit)[np.isfinite(limit)])
        model.constraint(
            "grid_called",
            model.ids("GRID_ALL", ["city"]),
            steps,
            rule=lambda m, _, t: sum(m.grid_import_kw[g, t] for g in m.GRID) <= m.grid_called_kw[t],
            words=Words("imports at most {value} by order of the network operator", "kW"),
        )

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
        """The charge falls on what exceeds the peak a month starts with."""
        if not group:
            return
        m, inputs = model.m, model.inputs
        model.ids("GRID_PEAK", (g.id for g in group))
        so_far = np.array([[g.peak_so_far_kw(inputs, month) for month in range(len(inputs.civil_months))] for g in group])
        model.variable("grid_peak_kw", m.GRID_PEAK, model.ids("GRID_MONTH", range(so_far.shape[1])), lower=so_far)
        model.parameter("grid_peak_price", m.GRID_PEAK, column(group, "capacity_charge_per_kw_month"))
        for month, steps in enumerate(inputs.civil_months):
            model.constraint(
                f"grid_peak_{month}",
                m.GRID_PEAK,
                model.ids(f"GRID_MONTH_{month}", steps),
                rule=lambda m, g, t, month=month: m.grid_import_kw[g, t] - m.grid_peak_kw[g, month] <= 0,
                words=Words("import not above the month's charged peak", "kW"),
            )
        model.costs.append(lambda m: sum(m.grid_peak_price[g] * m.grid_peak_kw[g, month] for g in m.GRID_PEAK for month in m.GRID_MONTH))
        model.constant -= float(column(group, "capacity_charge_per_kw_month") @ so_far.sum(axis=1))

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        net = solved["grid_import_kw"] - solved["grid_export_kw"]
        return {g.id: {"power_kw": net[i]} for i, g in enumerate(group)}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """Takes what is left over, even above its limits; connections of one balance share it by their rating."""
        grids = [g for g in of_kind(assets, Grid) if g.balance == self.balance]
        later = grids[grids.index(self) :]
        share = left[self.balance] * self.connection_kw / sum(g.connection_kw for g in later)
        return {"power_kw": np.where(share > 0, share / (1 - self.loss_share), share * (1 - self.loss_share))}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        """Cost, carbon and peaks of a net import `power_kw` (+ import); a baseline may break its hard limits, which then is said."""
        net = values["power_kw"]
        imported, exported = np.maximum(net, 0) * inputs.step_h, np.maximum(-net, 0) * inputs.step_h
        contract = np.inf if self.contract_kw is None else self.contract_kw
        breaches = exceeded(inputs, self.id, "contract capacity", "imports", net, contract, self.excess_price_per_kwh)
        breaches += exceeded(inputs, self.id, "connection rating", "imports", net, self.connection_kw)
        breaches += exceeded(inputs, self.id, "export limit", "exports", -net, self.export_kw)
        if inputs.import_limit_kw is not None:
            breaches += exceeded(inputs, self.id, "network operator's limit", "imports", net, inputs.import_limit_kw)
        above = [net[list(steps)].max() - self.peak_so_far_kw(inputs, month) for month, steps in enumerate(inputs.civil_months)]
        cost = Cost(
            energy=float(imported @ (inputs.import_price_per_kwh + self.surcharge_per_kwh) - exported @ inputs.export_price_per_kwh),
            capacity=self.capacity_charge_per_kw_month * sum(max(float(kw), 0.0) for kw in above),
            carbon=float(imported @ inputs.carbon_per_kwh),
            breaches=sum(b.cost for b in breaches),
        )
        into = np.where(net > 0, net * (1 - self.loss_share), net / (1 - self.loss_share))
        peak = float(net.max(initial=0.0))
        return Settled({self.balance: into}, cost, float(imported @ inputs.intensity_kg_per_kwh), peak, breaches=breaches)
