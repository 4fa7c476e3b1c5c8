"""Chance constraints: limits that an error of the forecast passes in a small, stated share of steps only.

The schedule stays as it is and the grid takes every error, so that P(import + error <= limit) >= 1 - share is a limit moved by a
quantile of the error. Assets that stand by may take a part of it: they keep that much power free, and energy for as long as it
takes until a new plan works. What a buffer loses to errors of its own series in that time stays in it. All of this are priced wishes.

References: Charnes and Cooper, Chance-constrained programming, Management Science 6 (1959), 73-79; Bienstock, Chertkov and Harnett,
Chance-constrained optimal power flow, SIAM Review 56 (2014), 461-495. Here the parts that assets take are decided, not shares of
every error (affine recourse), so one quantile of the whole error is all that is asked of its distribution.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from city.problems import fault
from optimisation.asset import TOLERANCE, AssetKind
from optimisation.inputs import PlanInput, Series
from optimisation.results import Breach, Values
from optimisation.risk.areas import Area, areas
from optimisation.risk.buffer import Buffer, steps_until_replan
from optimisation.risk.errors import quantile
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


def reserve_kw(inputs: PlanInput, area: Area) -> Series:
    """float[steps]: the error of an area's import that is kept with the probability asked for, at least 0 [kW]."""
    error = quantile(inputs, area.draws, inputs.risk.kept) / inputs.step_h
    return np.maximum(error, 0.0) * sum(area.part(grid) for grid in area.grids)


def block(model: "Formulation", assets: Sequence[AssetKind]) -> None:
    """Reserve below the limit of each area, held by its grids and by what stands by; and reserve in each buffer."""
    if model.inputs.risk.violation_share is None:
        return
    found = areas(assets)
    able = {a for area in found for balance in area.balances for ids, _ in model.flows.get(balance, []) for a in ids} & model.firms.keys()
    unable = [a for a in model.inputs.risk.reserve_from if a not in able]
    if unable:
        allowed = f"assets with firm power beside a grid: {', '.join(sorted(able)) or 'none'}"
        raise fault("risk.reserve_from", f"'{unable[0]}'", allowed, "Name one of these, or take it out.")
    standing_by = _stand_by(model)
    for number, area in enumerate(found):
        _reserve(model, number, area, [a for a, balance in standing_by.items() if balance in area.balances])
    _buffers(model)


def _stand_by(model: "Formulation") -> dict[str, str]:
    """Power and energy that the named assets keep free: asset -> its balance."""
    inputs, risk = model.inputs, model.inputs.risk
    if not risk.reserve_from:
        return {}
    flow = {a: (balance, rule) for balance, parts in model.flows.items() for ids, rule in parts for a in ids if a in risk.reserve_from}
    firm = {a: model.firms[a] for a in risk.reserve_from}
    n, h = steps_until_replan(inputs), inputs.step_h
    m, ids = model.m, model.ids("STAND_BY", firm)
    model.variable("reserve_kw", ids, m.T)
    model.constraint(
        "reserve_power",
        ids,
        m.T,
        by_row=True,
        rule=lambda m, a, t: m.reserve_kw[a, t] + flow[a][1](m, a, t) <= firm[a].power_kw,
        words=Words("what it gives and its reserve for errors together at most {value}", "kW"),
    )
    energy = {a: f.energy for a, f in firm.items() if f.energy is not None}
    stored = model.ids("STAND_BY_STORED", energy)

    def backed(m: Any, a: str, i: int) -> Any:
        return h * sum(m.reserve_kw[a, t] for t in range(max(i - n, 0), i)) - energy[a](m, a, i) <= 0

    later = model.ids("STAND_BY_LATER", range(1, inputs.steps + 1))
    words = Words(f"stored energy that lasts for {risk.reserve_h:g} h of its reserve for errors")
    model.constraint("reserve_energy", stored, later, by_row=True, rule=backed, words=words)
    return {a: flow[a][0] for a in firm}


def _reserve(model: "Formulation", number: int, area: Area, standing_by: Sequence[str]) -> None:
    m, inputs, risk = model.m, model.inputs, model.inputs.risk
    ids, grids = model.ids(f"RESERVE_{number}", [area.id]), [g.id for g in area.grids]
    short = model.variable(f"reserve_short_{number}_kw", ids, m.T)
    free = (area.limit_kw(inputs) - reserve_kw(inputs, area)).tolist()
    model.constraint(
        f"reserve_{number}",
        ids,
        m.T,
        by_row=True,
        rule=lambda m, a, t: (
            sum(m.grid_import_kw[g, t] - m.grid_export_kw[g, t] for g in grids) - sum(m.reserve_kw[b, t] for b in standing_by) - short[a, t]
            <= free[t]
        ),
        words=Words("import at most {value}, the limit less the reserve for errors of the forecast", "kW"),
    )
    price = risk.reserve_price_per_kwh * inputs.step_h
    model.costs.append(lambda m: sum(price * short[a, t] for a in ids for t in m.T))


def _buffers(model: "Formulation") -> None:
    m, kept = model.m, "{value} kept, as a reserve for errors of the forecast"
    for number, buffer in enumerate(model.buffers):
        low, high = (side.tolist() for side in buffer.band(model.inputs))
        ids, price = model.ids(f"BUFFER_{number}", [buffer.asset]), buffer.price_per_unit_h * model.inputs.step_h
        under, over = (model.variable(f"buffer_{side}_{number}", ids, m.T) for side in ("under", "over"))

        def least(m: Any, a: str, t: int, stored: Any = buffer.stored, under: Any = under, low: list[float] = low) -> Any:
            return stored(m, a, t + 1) + under[a, t] >= low[t]

        def most(m: Any, a: str, t: int, stored: Any = buffer.stored, over: Any = over, high: list[float] = high) -> Any:
            return stored(m, a, t + 1) - over[a, t] <= high[t]

        for rule, says in ((least, "at least"), (most, "at most")):
            words = Words(f"{says} {kept}", buffer.unit)
            model.constraint(f"buffer_{says[3:]}_{number}", ids, m.T, by_row=True, rule=rule, words=words)
        model.costs.append(
            lambda m, ids=ids, price=price, under=under, over=over: sum(price * (under[a, t] + over[a, t]) for a in ids for t in m.T)
        )


def broken(inputs: PlanInput, assets: Sequence[AssetKind], values: Mapping[str, Values], buffers: Sequence[Buffer]) -> list[Breach]:
    """Reserve that a plan does not keep, as priced wishes."""
    if inputs.risk.violation_share is None:
        return []
    found = []
    for area in areas(assets):
        net = np.sum([values[g.id]["power_kw"] for g in area.grids], axis=0)
        kept = sum(values[a.id]["reserve_kw"] for a in assets if "reserve_kw" in values[a.id] and area.balances & set(a.balances))
        limit = area.limit_kw(inputs)
        short = np.maximum(net + reserve_kw(inputs, area) - kept - limit, 0.0)
        steps = np.flatnonzero(short > TOLERANCE * limit)
        if len(steps):
            share, amount = inputs.risk.violation_share, float(short.sum() * inputs.step_h)
            sentence = (
                f"{area.id} lacks up to {short.max():,.0f} kW of the reserve that lets an error pass its limit in {100 * share:g} % of"
                f" steps only, in {len(steps)} steps, first at {inputs.said(int(steps[0]))}: {amount:,.1f} kWh."
            )
            found.append(Breach(area.id, "reserve", amount, "kWh", inputs.risk.reserve_price_per_kwh, sentence))
    return found + [breach for buffer in buffers for breach in _lacks(inputs, buffer, values[buffer.asset])]


def _lacks(inputs: PlanInput, buffer: Buffer, values: Values) -> list[Breach]:
    """What a plan lacks of a buffer's reserve, as one priced wish."""
    (low, high), stored = buffer.band(inputs), values[buffer.quantity][1:]
    lacks = np.maximum(low - stored, 0.0) + np.maximum(stored - high, 0.0)
    steps = np.flatnonzero(lacks > TOLERANCE * buffer.high)
    if not len(steps):
        return []
    sentence = (
        f"{buffer.asset} lacks up to {lacks.max():,.0f} {buffer.unit} of its reserve for errors of the forecast, "
        f"in {len(steps)} steps, first at {inputs.said(int(steps[0]))}."
    )
    amount = float(lacks.sum() * inputs.step_h)
    return [Breach(buffer.asset, "reserve", amount, f"{buffer.unit}h", buffer.price_per_unit_h, sentence)]
