"""What people and networks lay on a plan: holds it must keep, states it must not take, a price on changing what was approved."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from city.clock import as_utc
from optimisation.inputs import Cut, Lock, PlanInput
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


def hold(model: "Formulation") -> None:
    """Every manual hold as a hard constraint over the steps that begin before it ends."""
    for number, lock in enumerate(model.inputs.locks):
        expression, relation = model.holds[(lock.asset, lock.quantity)]
        ends = as_utc(lock.until_utc).astimezone(ZoneInfo(model.inputs.zone))
        steps = [t for t in range(model.inputs.until(lock.until_utc)) if lock.course is None or lock.course[t] == lock.course[t]]

        def rule(m: Any, a: str, t: int, expression: Any = expression, relation: str = relation, lock: Lock = lock) -> Any:
            if lock.course is not None:
                return expression(m, a, t) == float(lock.course[t])
            return expression(m, a, t) <= lock.value if relation == "<=" else expression(m, a, t) == lock.value

        model.constraint(
            f"manual_hold_{number}",
            model.ids(f"HOLD_{number}", [lock.asset]),
            model.ids(f"HOLD_{number}_STEPS", steps),
            rule=rule,
            words=Words(f"{lock.cause} of {lock.quantity} at {lock.value:g} until {ends:%Y-%m-%d %H:%M}"),
            by_row=True,
        )


def cut(model: "Formulation") -> None:
    """At each step of a cut at least one of its machines does something else (a canonical cut, Balas and Jeroslow 1972)."""
    for number, one in enumerate(model.inputs.cuts):
        running = {asset: model.holds[(asset, "running")][0] for asset in one.running}

        def rule(m: Any, t: int, one: Cut = one, running: Mapping[str, Any] = running) -> Any:
            other = [1 - running[asset](m, asset, t) if on else running[asset](m, asset, t) for asset, on in one.running.items()]
            return sum(other) >= 1

        steps = model.ids(f"CUT_{number}_STEPS", one.steps)
        model.constraint(f"cut_{number}", steps, rule=rule, words=Words(one.cause), by_row=True)


def price_changes(model: "Formulation") -> None:
    """Each unit away from what was approved costs `change_price_per_kwh`: a new plan keeps what people and devices expect."""
    inputs, m = model.inputs, model.m
    approved = {(i, t): value for i, one in enumerate(inputs.approved) for t, value in enumerate(one.values.tolist()) if value == value}
    if not approved or inputs.change_price_per_kwh <= 0:
        return
    model.ids("APPROVED", approved)
    for side in ("more", "less"):
        model.variable(f"changed_{side}", m.APPROVED)

    def rule(m: Any, i: int, t: int) -> Any:
        one = inputs.approved[i]
        expression, _ = model.holds[(one.asset, one.quantity)]
        return expression(m, one.asset, t) - m.changed_more[i, t] + m.changed_less[i, t] == approved[i, t]

    model.constraint("changed", m.APPROVED, rule=rule, by_row=True)
    price = [inputs.change_price_per_kwh * inputs.approved[i].kw * inputs.step_h for i, _ in approved]
    model.parameter("change_price", m.APPROVED, price)
    model.costs.append(lambda m: sum(m.change_price[k] * (m.changed_more[k] + m.changed_less[k]) for k in m.APPROVED))


def cost_of_changes(inputs: PlanInput, values: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> float:
    """What the same price makes of a finished plan [currency]."""
    away = [np.nansum(np.abs(values[one.asset][one.quantity] - one.values)) * one.kw for one in inputs.approved]
    return inputs.change_price_per_kwh * inputs.step_h * float(sum(away))
