"""The model of a group of stores: what they take and give, what they lose, and what they are wished to hold.

stored[t+1] = kept * stored[t] + charge_efficiency * charge * h - discharge / discharge_efficiency * h + gain[t]  [kWh]

An optional part costs nothing where no store of the group uses it: no loss, no parameter; no wish, no row.
"""
# ruff: noqa: ARG001, ARG005 - Pyomo gives every rule its model

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optimisation.inputs import PlanInput
from optimisation.parts.storage_wishes import WORDS, Kind, Wish
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation
    from optimisation.parts.storage import Store

Rule = Callable[..., Any]


def bounds(inputs: PlanInput, group: Sequence["Store"]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """float[stores, steps + 1]: least and most content [kWh].

    A store may always rest: one that starts outside its window, or leaves it by what it loses, is held to go no further.
    """
    start = np.array([[a.start_kwh(inputs)] for a in group])
    rest = np.array([[a.kept(inputs)] for a in group]) ** np.arange(inputs.steps + 1) * start
    sizes = [a.physics.energy_kwh for a in group]
    least, most = (
        np.array([[getattr(a, end) * size] for a, size in zip(group, sizes, strict=True)]) for end in ("least_share", "most_share")
    )
    low, high = np.minimum(least, rest), np.maximum(most, rest)
    low[:, 0] = high[:, 0] = start[:, 0]
    return low, high


def build(model: "Formulation", group: Sequence["Store"], gain_kwh: Rule | None = None) -> None:
    """Add the stores of one kind: `{kind}_charge_kw`, `{kind}_discharge_kw`, `{kind}_stored_kwh`, their wishes, costs and flows.

    `gain_kwh(m, store, step)` is what comes to a store by itself [kWh]. Direction binaries come only where burning energy pays.
    """
    name, inputs, ids = group[0].kind, model.inputs, [a.id for a in group]
    physics, low_high = [a.physics for a in group], bounds(inputs, group)
    stores, m = model.ids(name.upper(), ids), model.m
    most = {side: np.array([getattr(p, f"{side}_kw") for p in physics]) for side in ("charge", "discharge")}
    charge, discharge = (
        model.variable(f"{name}_{side}_kw", stores, m.T, upper=kw[:, None], at_most=Words(f"{side}s with at most {{value}}", "kW"))
        for side, kw in most.items()
    )
    stored = model.variable(
        f"{name}_stored_kwh",
        stores,
        m.T1,
        lower=low_high[0],
        upper=low_high[1],
        at_least=Words("charge at least {value}", "kWh"),
        at_most=Words("charge at most {value}", "kWh"),
    )
    into = model.parameter(f"{name}_in", stores, [p.charge_efficiency * inputs.step_h for p in physics])
    out = model.parameter(f"{name}_out", stores, [inputs.step_h / p.discharge_efficiency for p in physics])
    kept = np.array([a.kept(inputs) for a in group])
    loses = model.parameter(f"{name}_kept", stores, kept) if (kept < 1).any() else None

    def balance(m: Any, a: Any, t: Any) -> Any:
        before = stored[a, t] if loses is None else loses[a] * stored[a, t]
        after = stored[a, t + 1] - before - into[a] * charge[a, t] + out[a] * discharge[a, t]
        return after == (0 if gain_kwh is None else gain_kwh(m, a, t))

    model.constraint(f"{name}_balance", stores, m.T, rule=balance)
    model.inject([(a.id, a.balance) for a in group], lambda m, a, t: discharge[a, t] - charge[a, t])
    model.holdable("power_kw", ids, lambda m, a, t: discharge[a, t] - charge[a, t])
    for kind, wishes in _by_kind(model, group).items():
        outside(model, f"{name}_{kind}", stored, wishes, WORDS[kind])
    wear = np.array([a.wear_price_per_kwh for a in group])
    if wear.any():
        worn = model.parameter(f"{name}_wear", stores, wear * inputs.step_h)
        model.costs.append(lambda m: sum(worn[a] * discharge[a, t] for a in stores for t in m.T))
    _end_value(model, name, group, stored, stores)
    lossy = any(p.charge_efficiency * p.discharge_efficiency < 1 for p in physics)
    one, other = ((f"{name}_{side}_kw", dict(zip(ids, kw.tolist(), strict=True))) for side, kw in most.items())
    model.one_way(name, stores, model.burning if lossy else sorted(model.sign_steps), one, other)


def _by_kind(model: "Formulation", group: Sequence["Store"]) -> dict[Kind, list[tuple[str, Wish]]]:
    found: dict[Kind, list[tuple[str, Wish]]] = {}
    for store in group:
        for wish in store.wishes(model.inputs):
            found.setdefault(wish.kind, []).append((store.id, wish))
    return found


def outside(model: "Formulation", name: str, stored: Any, wishes: Sequence[tuple[str, Wish]], words: Words | None = None) -> None:
    """Price what lies outside the wishes of one side: rows (store, instant, number of the wish), and one slack each."""
    index = [(store, t, k) for k, (store, wish) in enumerate(wishes) for t in wish.instants.tolist()]
    side, rows = wishes[0][1].side, model.ids(name.upper(), index)
    limit = np.concatenate([np.broadcast_to(wish.kwh, wish.instants.shape) for _, wish in wishes])
    price = np.concatenate([np.full(wish.instants.shape, wish.price_each) for _, wish in wishes])
    slack = model.variable(f"{name}_outside_kwh", rows)
    wished, priced = model.parameter(f"{name}_kwh", rows, limit), model.parameter(f"{name}_price", rows, price)

    def rule(m: Any, a: Any, t: Any, k: Any) -> Any:
        return stored[a, t] + slack[a, t, k] >= wished[a, t, k] if side > 0 else stored[a, t] - slack[a, t, k] <= wished[a, t, k]

    model.constraint(name, rows, rule=rule, words=words)
    model.costs.append(lambda m: sum(priced[a, t, k] * slack[a, t, k] for a, t, k in rows))


def _end_value(model: "Formulation", name: str, group: Sequence["Store"], stored: Any, stores: Any) -> None:
    value, last = np.array([a.end_value_per_kwh for a in group]), model.inputs.steps
    if value.any():
        worth = model.parameter(f"{name}_end_value", stores, value)
        model.costs.append(lambda m: sum(-worth[a] * stored[a, last] for a in stores))
        model.constant += float(value @ [a.start_kwh(model.inputs) for a in group])


def floors(inputs: PlanInput, group: Sequence["Store"]) -> NDArray[np.float64]:
    """float[stores, steps + 1]: what must stay in them [kWh]; under the start, which is a reading, as at the next instant or lower."""
    low = bounds(inputs, group)[0]
    low[:, 0] = np.minimum(low[:, 0], low[:, 1])
    return low


def firm(model: "Formulation", group: Sequence["Store"]) -> None:
    """Let the stores carry critical load: what they hold above their floor, less the loss on the way out [kWh]."""
    name, physics, low = group[0].kind, [a.physics for a in group], floors(model.inputs, group)
    stored, stores = getattr(model.m, f"{name}_stored_kwh"), getattr(model.m, name.upper())
    led_back = bool(np.ptp(low, axis=1).any())  # a start below the window: the floor rises with it
    floor = model.parameter(f"{name}_floor_kwh", stores * model.m.T1 if led_back else stores, low if led_back else low[:, -1])
    usable = model.parameter(f"{name}_usable", stores, [p.discharge_efficiency for p in physics])
    model.firm(
        [a.id for a in group],
        [p.discharge_kw for p in physics],
        lambda m, a, t: usable[a] * (stored[a, t] - (floor[a, t] if led_back else floor[a])),
    )
